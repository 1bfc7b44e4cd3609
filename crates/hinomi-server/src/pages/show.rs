//! Things as the contract shows them.

use hinomi_access::{
    Account, Actor, Factor, FactorKind, Moment, Permission, Registry, Role, Scope, Standing, Step, Token,
    Unmask,
};
use hinomi_model::Timestamp;
use serde_json::{Map, Value, json};

pub(super) fn time(moment: Moment) -> Value {
    // To the second, as it is kept.
    let text = Timestamp::from(moment).to_string();
    match text.split_once('.') {
        Some((whole, _)) => json!(format!("{whole}Z")),
        None => json!(text),
    }
}

fn maybe(moment: Option<Moment>) -> Value {
    moment.map_or(Value::Null, time)
}

pub(super) fn roles<'a>(roles: impl IntoIterator<Item = &'a Role>) -> Vec<&'static str> {
    roles.into_iter().map(|role| role.name()).collect()
}

pub(super) fn permissions<'a>(all: impl IntoIterator<Item = &'a Permission>) -> Vec<&'static str> {
    all.into_iter().map(|permission| permission.name()).collect()
}

pub(super) fn account(registry: &Registry, account: &Account) -> Value {
    let state = match &account.standing {
        _ if registry.must_enrol(account) => "must_enrol",
        Standing::Invited => "invited",
        Standing::Active { .. } => "active",
        Standing::Disabled => "disabled",
    };
    let kinds = account.factors().into_iter().flat_map(hinomi_access::Factors::iter).map(|f| f.kind().name());
    json!({
        "id": account.id.to_string(),
        "name": account.name.as_str(),
        "display": account.display,
        "state": state,
        "roles": roles(&account.roles),
        "factors": kinds.collect::<Vec<_>>(),
        "break_glass_until": maybe(account.until),
        "created": time(account.created),
        "last_sign_in": maybe(account.last_sign_in),
        "version": account.version,
    })
}

pub(super) fn factor(factor: &Factor) -> Value {
    json!({
        "id": factor.id().to_string(),
        "kind": factor.kind().name(),
        "label": factor.label(),
        "created": time(factor.created()),
        "last_used": maybe(factor.last_used()),
        "backed_up": factor.backed_up(),
    })
}

pub(super) fn kinds(kinds: &[FactorKind]) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.name()).collect()
}

pub(super) fn token(token: &Token) -> Value {
    json!({
        "id": token.id.to_string(),
        "name": token.name,
        "account": token.account.to_string(),
        "scopes": permissions(&token.scopes),
        "created": time(token.created),
        "expires": time(token.expires),
        "first_used": maybe(token.first_used),
    })
}

pub(super) fn unmask(request: &Unmask, now: Moment) -> Value {
    let scope = match &request.scope {
        Scope::Account { pseudonym } => json!({ "kind": "account", "pseudonym": pseudonym }),
        Scope::Incident { incident } => json!({ "kind": "incident", "incident": incident }),
    };
    let decision = request.decision.as_ref();
    json!({
        "id": request.id.to_string(),
        "scope": scope,
        "state": request.state(now).name(),
        "asked_by": request.asked_by.to_string(),
        "asked": time(request.asked),
        "reason": request.reason,
        "decided_by": decision.map(|decision| decision.by.to_string()),
        "decided": maybe(decision.map(|decision| decision.at)),
        "decision_reason": decision.map(|decision| decision.reason.clone()),
        "expires": time(request.expires()),
        "uses": request.uses,
        "version": request.version,
    })
}

/// A step. Digests of links and tokens are for the ledger, not for a page.
pub(super) fn step(step: &Step, name: Option<String>) -> Value {
    let mut details = match serde_json::to_value(&step.fact) {
        Ok(Value::Object(details)) => details,
        _ => Map::new(),
    };
    let action = details.remove("action").unwrap_or_default();
    for thing in ["link", "token"] {
        if let Some(Value::Object(inner)) = details.get_mut(thing) {
            inner.remove("digest");
        }
    }
    if details.get("link").is_some_and(Value::is_string) {
        details.remove("link");
    }
    let actor = match &step.actor {
        Actor::Account(id) => id.to_string(),
        Actor::Token(id) => id.to_string(),
        Actor::CommandLine(_) => "command_line".to_owned(),
        Actor::Nobody => "nobody".to_owned(),
        Actor::Server => "server".to_owned(),
    };
    json!({
        "number": step.number,
        "at": time(step.at),
        "action": action,
        "actor": actor,
        "account": step.fact.account().map(|id| id.to_string()),
        "name": name,
        "details": details,
    })
}

/// A page of a list.
pub(super) fn page(items: Vec<Value>, next: Option<String>) -> Value {
    json!({ "items": items, "next": next })
}
