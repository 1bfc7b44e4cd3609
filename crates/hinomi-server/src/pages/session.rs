//! `/api/v1/session`: signing in, proving anew, signing out.

use hinomi_access::{Assertion, FRESH, FactorKind, IDLE, Principal, Refusal, Session, Via};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::asked::Asked;
use super::problem::{Code, Problem};
use super::provider::Provider;
use super::service::Pages;
use super::show;

/// Milliseconds that an authenticator may take.
pub(super) const PATIENCE: u64 = 300_000;

/// Who is signed in, as the contract shows it.
fn shown(pages: &Pages, principal: Option<&Principal>) -> Value {
    let gate = pages.gate();
    let registry = gate.registry();
    let session: Option<&Session> = principal.and_then(|principal| match principal.via() {
        Via::Session(session) => Some(session),
        _ => None,
    });
    let account = principal.and_then(Principal::account).and_then(|id| registry.account(id));
    let expires = session.map(|session| session.began.plus(hinomi_access::ABSOLUTE));
    let until = account.and_then(|account| account.until);
    let expires = expires.map(|expires| until.map_or(expires, |until| until.min(expires)));
    let text = |moment: Option<_>| moment.map_or(Value::Null, show::time);
    json!({
        "signed_in": principal.is_some(),
        "site": gate.site().name,
        "first_start": !registry.has_administrator(),
        "sign_in": ways(pages),
        "provider": pages.provider().map(Provider::name),
        "account": account.map(|account| account.id.to_string()),
        "name": account.map(|account| account.name.as_str()),
        "display": account.map(|account| account.display.as_str()),
        "roles": principal.map_or(Vec::new(), |principal| show::roles(principal.roles())),
        "permissions": principal.map_or(Vec::new(), |principal| show::permissions(principal.permissions())),
        "break_glass": until.is_some(),
        "fresh_until": text(session.map(|session| session.proven.plus(FRESH))),
        "idle_until": text(session.map(|session| session.used.plus(IDLE))),
        "expires": text(expires),
    })
}

/// Ways to sign in. What is enrolled here works whether or not the provider does.
fn ways(pages: &Pages) -> Vec<&'static str> {
    let local = [FactorKind::Passkey, FactorKind::PasswordTotp].map(FactorKind::name);
    local.into_iter().chain(pages.provider().map(|_| "oidc")).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "the table of routes wants one form")]
pub(super) fn read(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    Ok(Answer::ok(shown(pages, asked.principal.as_ref())))
}

/// The session that was just opened, with its cookies.
pub(super) fn begun(
    pages: &Pages,
    asked: &Asked<'_>,
    opened: Result<hinomi_access::Opened, Refusal>,
) -> Result<Answer, Problem> {
    let opened = opened?;
    // Whatever session the browser had before is over.
    if let (Some(principal), Some(before)) = (&asked.principal, &asked.session) {
        pages.gate().sign_out(principal, before, asked.now)?;
    }
    let principal = pages.gate().by_session(&opened.session, asked.now);
    let body = shown(pages, principal.as_ref());
    Ok(Answer::ok(body).cookies(pages.cookies().opened(&opened)))
}

pub(super) fn request_options(pages: &Pages, challenge: &str, allow: &[String]) -> Value {
    let allow: Vec<Value> = allow.iter().map(|id| json!({ "type": "public-key", "id": id })).collect();
    json!({
        "challenge": challenge,
        "rpId": pages.gate().site().relying_party,
        "timeout": PATIENCE,
        "userVerification": "required",
        "allowCredentials": allow,
    })
}

pub(super) fn options(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let challenge = pages.gate().sign_in_challenge(asked.now, pages.entropy())?;
    Ok(Answer::ok(request_options(pages, &challenge, &[])))
}

pub(super) fn passkey(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let assertion: Assertion = asked.body()?;
    let opened = pages.gate().sign_in_passkey(&assertion, &asked.attempt(), asked.now, pages.entropy());
    begun(pages, asked, opened)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordProof {
    name: String,
    password: String,
    code: String,
}

pub(super) fn password(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let proof: PasswordProof = asked.body()?;
    let place = pages.places().take(asked.device.is_some()).ok_or(Problem::wait(1))?;
    let task = pages.gate().password_begin(&proof.name, &asked.attempt(), asked.now)?;
    let check = task.check(&proof.password, &proof.code, asked.now);
    drop(place);
    let opened = pages.gate().password_end(check, asked.now, pages.entropy());
    begun(pages, asked, opened)
}

pub(super) fn step_up_options(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let (principal, _) = asked.session()?;
    let (challenge, allow) = {
        let gate = pages.gate();
        let account = principal.account().ok_or(Problem::new(Code::Forbidden))?;
        (gate.step_up_challenge(principal, asked.now, pages.entropy())?, gate.credentials(account))
    };
    Ok(Answer::ok(request_options(pages, &challenge, &allow)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepUp {
    assertion: Option<Assertion>,
    password: Option<String>,
    code: Option<String>,
}

pub(super) fn step_up(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let both = asked.session()?;
    let chance = (asked.now, pages.entropy());
    let renewed = match asked.body()? {
        StepUp { assertion: Some(assertion), password: None, code: None } => {
            pages.gate().step_up_passkey(both, &assertion, &asked.attempt(), chance)?
        }
        StepUp { assertion: None, password: Some(password), code: Some(code) } => {
            let place = pages.places().take(true).ok_or(Problem::wait(1))?;
            let task = pages.gate().step_up_password_begin(both.0, &asked.attempt(), asked.now)?;
            let check = task.check(&password, &code, asked.now);
            drop(place);
            pages.gate().step_up_password_end(both, check, chance)?
        }
        _ => return Err(Problem::because(Code::BadRequest, "assertion, or password and code")),
    };
    let principal = pages.gate().by_session(&renewed, asked.now);
    Ok(Answer::ok(shown(pages, principal.as_ref())).cookies([pages.cookies().session(&renewed)]))
}

pub(super) fn sign_out(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let (principal, session) = asked.session()?;
    pages.gate().sign_out(principal, session, asked.now)?;
    Ok(Answer::nothing().cookies([pages.cookies().over()]))
}
