//! `/api/v1/factors`: one's own factors.

use hinomi_access::{Account, Attestation};
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::asked::Asked;
use super::enrolment::creation_options;
use super::problem::{Code, Problem};
use super::service::Pages;
use super::show;

pub(super) fn list(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let (principal, _) = asked.session()?;
    let gate = pages.gate();
    let account = principal.account().and_then(|id| gate.registry().account(id));
    let factors = account.and_then(Account::factors).ok_or(Problem::new(Code::NotFound))?;
    let items: Vec<_> = factors.iter().map(show::factor).collect();
    Ok(Answer::ok(json!({ "items": items })))
}

pub(super) fn options(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let (principal, _) = asked.session()?;
    let offer = pages.gate().add_offer(principal, asked.now, pages.entropy())?;
    Ok(Answer::ok(creation_options(pages, &offer)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPasskey {
    attestation: Attestation,
    #[serde(default)]
    label: String,
}

pub(super) fn add(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let (principal, _) = asked.session()?;
    let NewPasskey { attestation, label } = asked.body()?;
    let factor = pages.gate().add_passkey(principal, (&attestation, &label), asked.now)?;
    Ok(Answer::made(show::factor(&factor)))
}

pub(super) fn remove(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let both = asked.session()?;
    let factor = asked.part("factor")?;
    let renewed = pages.gate().remove_factor(both, factor, (asked.now, pages.entropy()))?;
    Ok(Answer::nothing().cookies([pages.cookies().session(&renewed)]))
}
