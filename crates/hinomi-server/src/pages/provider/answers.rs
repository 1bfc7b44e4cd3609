//! `/api/v1/session/provider`: to the provider, back, and the factor that is asked here when it did not say that it verified
//! two.

use hinomi_access::{Assertion, ProviderCame, ProviderFault, ProviderWish, Refusal, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Provider;
use crate::pages::answer::Answer;
use crate::pages::asked::Asked;
use crate::pages::problem::{Code, Problem};
use crate::pages::service::Pages;
use crate::pages::session;
use crate::pages::show;

/// Where people come back to; the page takes it from there.
pub(super) const BACK: &str = "/oidc";
/// Longest code, state and so on, in bytes.
const LONGEST: usize = 4_096;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    SignIn,
    Anew,
    Enrol,
    Link,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    wish: Wanted,
    link: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Back {
    state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Second {
    assertion: Option<Assertion>,
    code: Option<String>,
}

fn provider(pages: &Pages) -> Result<&Provider, Problem> {
    pages.provider().ok_or(Problem::because(Code::NotFound, "no identity provider is configured"))
}

fn fault(fault: ProviderFault) -> Problem {
    Refusal::Provider(fault).into()
}

pub(in crate::pages) fn begin(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let provider = provider(pages)?;
    let Begin { wish, link } = asked.body()?;
    let link = link.as_deref().map(Secret::brought);
    let wish = match (&wish, &link) {
        (Wanted::SignIn, None) => ProviderWish::SignIn { anew: false },
        (Wanted::Anew, None) => ProviderWish::SignIn { anew: true },
        (Wanted::Enrol, Some(link)) => ProviderWish::Enrol(link),
        (Wanted::Link, None) => ProviderWish::Add(asked.session()?.0),
        _ => return Err(Problem::because(Code::BadRequest, "a link goes with enrol, and with nothing else")),
    };
    let trip = pages.gate().provider_trip(wish, &provider.setup().issuer, asked.now, pages.entropy())?;
    let place = provider.place().ok_or(Problem::wait(2))?;
    let address = provider.way(&trip, asked.now).map_err(fault)?;
    drop(place);
    let cookie = pages.cookies().provider(&trip.cookie);
    Ok(Answer::ok(json!({ "address": address })).cookies([cookie]))
}

pub(in crate::pages) fn finish(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let provider = provider(pages)?;
    let back: Back = asked.body()?;
    let texts = [Some(&back.state), back.code.as_ref(), back.iss.as_ref(), back.error.as_ref()];
    if texts.iter().flatten().any(|text| text.len() > LONGEST) {
        return Err(Problem::because(Code::BadRequest, "that is too long"));
    }
    let cookie = pages.cookies().read_provider(asked.request);
    let cookie = cookie.ok_or(Problem::new(Code::SignInFailed))?;
    // Taken before the ticket is used up, so that whoever has to wait can try again.
    let place = provider.place().ok_or(Problem::wait(2))?;
    let with = (cookie, back.state.as_str(), provider.setup().issuer.as_str());
    let returned = pages.gate().provider_return(with, &asked.attempt(), asked.now)?;
    let chance = (asked.now, pages.entropy());
    let said = match (&back.code, &back.error) {
        (Some(code), None) => provider.who((code, back.iss.as_deref()), &returned, chance),
        _ => Err(ProviderFault::Denied),
    };
    drop(place);
    let came = pages.gate().provider_came(&returned, said, asked.principal.as_ref(), chance)?;
    let over = pages.cookies().provider_over();
    match came {
        ProviderCame::Opened(opened) => {
            let answer = session::begun(pages, asked, Ok(opened))?;
            Ok(answer.wrapped(|session| outcome("signed_in", session, Value::Null)).with_cookie(over))
        }
        ProviderCame::Second(ticket) => {
            let cookie = pages.cookies().provider(&ticket);
            Ok(Answer::ok(outcome("second_factor", Value::Null, Value::Null)).cookies([cookie]))
        }
        ProviderCame::Added(factor) => {
            Ok(Answer::ok(outcome("linked", Value::Null, show::factor(&factor))).cookies([over]))
        }
    }
}

fn outcome(outcome: &str, session: Value, factor: Value) -> Value {
    json!({ "outcome": outcome, "session": session, "factor": factor })
}

fn ticket<'a>(pages: &Pages, asked: &'a Asked<'_>) -> Result<&'a str, Problem> {
    let ticket = pages.cookies().read_provider(asked.request);
    ticket.ok_or(Problem::because(Code::BadRequest, "the cookie of the way back is not there"))
}

pub(in crate::pages) fn second_options(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let ticket = ticket(pages, asked)?;
    let options = pages.gate().provider_second_options(ticket, asked.now, pages.entropy())?;
    let passkey = (!options.allow.is_empty())
        .then(|| session::request_options(pages, &options.challenge, &options.allow));
    Ok(Answer::ok(json!({ "passkey": passkey, "code": options.code })))
}

pub(in crate::pages) fn second(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let ticket = ticket(pages, asked)?;
    let (attempt, chance) = (asked.attempt(), (asked.now, pages.entropy()));
    let opened = match asked.body()? {
        Second { assertion: Some(assertion), code: None } => {
            pages.gate().provider_second_passkey(ticket, &assertion, &attempt, chance)
        }
        Second { assertion: None, code: Some(code) } => {
            pages.gate().provider_second_code(ticket, &code, &attempt, chance)
        }
        _ => return Err(Problem::because(Code::BadRequest, "assertion, or code")),
    };
    Ok(session::begun(pages, asked, opened)?.with_cookie(pages.cookies().provider_over()))
}
