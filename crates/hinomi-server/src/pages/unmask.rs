//! `/api/v1/unmask`: asking to see names, and deciding.

use hinomi_access::{Scope, UnmaskId};
use serde::Deserialize;

use super::answer::Answer;
use super::asked::Asked;
use super::problem::{Code, Problem};
use super::service::Pages;
use super::show;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUnmask {
    scope: Scope,
    reason: String,
    hours: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    decision: String,
    reason: String,
}

pub(super) fn list(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let cut = asked.cut()?;
    let gate = pages.gate();
    let requests = gate.requests(asked.principal()?).rev();
    let (part, next) = cut.of(requests, |request| request.id.number(), true);
    let items = part.into_iter().map(|request| show::unmask(request, asked.now)).collect();
    Ok(Answer::ok(show::page(items, next)))
}

pub(super) fn ask(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let NewUnmask { scope, reason, hours } = asked.body()?;
    let request = pages.gate().ask(asked.principal()?, (&scope, &reason, hours), asked.now)?;
    Ok(Answer::made(show::unmask(&request, asked.now)).version(request.version))
}

pub(super) fn decide(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let id: UnmaskId = asked.part("unmask")?;
    let version = asked.version()?;
    let Decision { decision, reason } = asked.body()?;
    let approved = match decision.as_str() {
        "approve" => true,
        "refuse" => false,
        _ => return Err(Problem::because(Code::BadRequest, "decision: approve or refuse")),
    };
    let mut gate = pages.gate();
    let request = gate.decide(asked.principal()?, (id, version), (approved, &reason), asked.now)?;
    Ok(Answer::ok(show::unmask(request, asked.now)).version(request.version))
}
