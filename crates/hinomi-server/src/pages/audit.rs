//! `/api/v1/audit`: who did what here. `/api/v1/openapi.json`: what can be asked.
//!
//! Steps of accounts are in the registry, what people did about incidents, suppressions and hunts in the decision ledger: one list, by
//! time. A cursor says for each how far it was shown.

use hinomi_access::{Actor, Moment, Registry, Step};
use hinomi_model::Timestamp;
use serde_json::{Value, json};

use super::CONTRACT;
use super::answer::Answer;
use super::asked::Asked;
use super::problem::{Code, Problem};
use super::read::{Deed, DeedKind, Deeds, DeedsAsked};
use super::service::Pages;
use super::show;

/// Most items of a page, and how many without being asked.
const MOST: usize = 500;
const USUAL: usize = 50;

/// Which part of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Wanted {
    /// Steps of accounts are wanted, those below a number.
    steps: bool,
    below_step: Option<u64>,
    /// Acts are wanted, of one kind or of all, those below a position.
    deeds: bool,
    kind: Option<DeedKind>,
    below_deed: Option<u64>,
    limit: usize,
}

impl Wanted {
    fn of(query: &str) -> Result<Self, Problem> {
        let wrong = |what: &str| Problem::because(Code::BadRequest, what.to_owned());
        let mut wanted =
            Self { steps: true, below_step: None, deeds: true, kind: None, below_deed: None, limit: USUAL };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "after" => {
                    let (step, deed) = value.split_once('.').ok_or_else(|| wrong(AFTER))?;
                    wanted.below_step = bound(step).map_err(|()| wrong(AFTER))?;
                    wanted.below_deed = bound(deed).map_err(|()| wrong(AFTER))?;
                }
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    wanted.limit = limit.ok_or(wrong("limit: 1 to 500"))?;
                }
                "kind" => {
                    let kinds = [DeedKind::Incident, DeedKind::Suppression, DeedKind::Hunt];
                    wanted.kind = kinds.into_iter().find(|kind| kind.name() == value);
                    wanted.steps = value == "account";
                    wanted.deeds = wanted.kind.is_some();
                    if !wanted.steps && !wanted.deeds {
                        return Err(wrong("kind: account, incident, suppression or hunt"));
                    }
                }
                _ => return Err(wrong("there is after, limit and kind, and nothing else")),
            }
        }
        Ok(wanted)
    }
}

/// What is wrong with a cursor.
const AFTER: &str = "after: what next was";

/// A part of a cursor: digits, or nothing where nothing was shown yet.
fn bound(text: &str) -> Result<Option<u64>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).map(Some).ok_or(())
}

pub(super) fn list(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let wanted = Wanted::of(&asked.request.query)?;
    let principal = asked.principal()?;
    let names = pages.gate().names(principal, asked.now);
    let deeds = if wanted.deeds {
        let asked =
            DeedsAsked { names: &names, below: wanted.below_deed, kind: wanted.kind, limit: wanted.limit };
        pages.model().deeds(&asked)?
    } else {
        Deeds::default()
    };
    let page = {
        let gate = pages.gate();
        let registry = gate.registry();
        let below = |step: &&Step| wanted.below_step.is_none_or(|below| step.number < below);
        let steps = registry.steps().rev().filter(|_| wanted.steps).filter(below);
        merged(registry, steps.take(wanted.limit + 1).collect(), deeds, wanted)
    };
    pages.gate().shown(principal, &names, asked.now)?;
    Ok(Answer::ok(page))
}

/// The newest of both, and where it goes on.
fn merged(registry: &Registry, steps: Vec<&Step>, deeds: Deeds, wanted: Wanted) -> Value {
    let (mut below_step, mut below_deed) = (wanted.below_step, wanted.below_deed);
    let mut items: Vec<Value> = Vec::new();
    let mut steps = steps.into_iter().peekable();
    let mut acts = deeds.items.into_iter().peekable();
    while items.len() < wanted.limit {
        let step_at = steps.peek().map(|step| at(step.at));
        let deed_at = acts.peek().map(|deed| deed.at);
        let step_first = match (step_at, deed_at) {
            (None, None) => break,
            (Some(step), Some(deed)) => step >= deed,
            (step, _) => step.is_some(),
        };
        if step_first {
            let Some(step) = steps.next() else { break };
            below_step = Some(step.number);
            items.push(told(registry, step));
        } else {
            let Some(deed) = acts.next() else { break };
            below_deed = Some(deed.position);
            items.push(done(registry, deed));
        }
    }
    // All that was found was listed: the search goes on where it was left.
    if acts.peek().is_none() && deeds.below.is_some() {
        below_deed = deeds.below;
    }
    let more = steps.peek().is_some() || acts.peek().is_some() || deeds.below.is_some();
    let part = |below: Option<u64>| below.map(|below| below.to_string()).unwrap_or_default();
    let next = more.then(|| format!("{}.{}", part(below_step), part(below_deed)));
    show::page(items, next)
}

fn at(moment: Moment) -> Timestamp {
    Timestamp::from(moment)
}

/// A step of an account.
fn told(registry: &Registry, step: &Step) -> Value {
    let name = |id| registry.account(id).map(|account| account.name.to_string());
    let mut entry = show::step(step, step.fact.account().and_then(name));
    let actor = match &step.actor {
        Actor::Account(id) => name(*id),
        Actor::Token(id) => registry.tokens().find(|token| token.id == *id).map(|token| token.name.clone()),
        _ => None,
    };
    if let Value::Object(entry) = &mut entry {
        entry.insert("kind".to_owned(), json!("account"));
        entry.insert("actor_name".to_owned(), json!(actor));
        entry.insert("incident".to_owned(), Value::Null);
        names_in(registry, entry.get_mut("details"));
    }
    entry
}

/// Ids of accounts in details, as names. They are no deeper than a factor in a step.
fn names_in(registry: &Registry, details: Option<&mut Value>) {
    let Some(Value::Object(details)) = details else { return };
    for value in details.values_mut() {
        if value.is_object() {
            names_in(registry, Some(value));
            continue;
        }
        let id = value.as_str().and_then(|text| text.parse().ok());
        if let Some(account) = id.and_then(|id| registry.account(id)) {
            *value = json!(account.name.as_str());
        }
    }
}

/// What somebody did about an incident, a suppression or a hunt.
fn done(registry: &Registry, deed: Deed) -> Value {
    let (id, said) = deed.actor.unwrap_or_else(|| ("server".to_owned(), String::new()));
    // An account may have another name by now.
    let known = id.parse().ok().and_then(|id| registry.account(id)).map(|account| account.name.to_string());
    let name = known.or_else(|| Some(said).filter(|said| !said.is_empty()));
    let actor = if id.is_empty() { name.clone().unwrap_or_default() } else { id };
    json!({
        "number": deed.number,
        "at": show::time(deed.at.into()),
        "kind": deed.kind.name(),
        "action": deed.action,
        "actor": actor,
        "actor_name": name,
        "account": null,
        "name": deed.on,
        "incident": deed.incident,
        "details": deed.details,
    })
}

pub(super) fn contract(_: &Pages, _: &Asked<'_>) -> Result<Answer, Problem> {
    let contract: Value = serde_json::from_str(CONTRACT).map_err(|_| Problem::new(Code::NotAvailable))?;
    Ok(Answer::ok(contract))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_says_for_each_part_how_far_it_was_shown() {
        let wanted = Wanted::of("after=12.655360&limit=7").unwrap();
        assert_eq!((wanted.below_step, wanted.below_deed, wanted.limit), (Some(12), Some(655_360), 7));
        assert_eq!(Wanted::of("after=.5").unwrap().below_step, None);
        for wrong in [
            "after=12",
            "after=-1.2",
            "after=1.2.3",
            "after=1.99999999999999999999999",
            "limit=0",
            "limit=501",
            "kind=x",
            "a=b",
        ] {
            assert!(Wanted::of(wrong).is_err(), "{wrong}");
        }
        let hunts = Wanted::of("kind=hunt").unwrap();
        assert_eq!((hunts.steps, hunts.deeds, hunts.kind), (false, true, Some(DeedKind::Hunt)));
        let accounts = Wanted::of("kind=account").unwrap();
        assert_eq!((accounts.steps, accounts.deeds), (true, false));
    }
}
