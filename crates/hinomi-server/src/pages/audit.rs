//! `/api/v1/audit`: who did what here. `/api/v1/openapi.json`: what can be asked.

use serde_json::Value;

use super::CONTRACT;
use super::answer::Answer;
use super::asked::Asked;
use super::problem::{Code, Problem};
use super::service::Pages;
use super::show;

pub(super) fn list(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let cut = asked.cut()?;
    let gate = pages.gate();
    let registry = gate.registry();
    let (part, next) = cut.of(registry.steps().rev(), |step| step.number, true);
    let name = |id| registry.account(id).map(|account| account.name.to_string());
    let items = part.into_iter().map(|step| show::step(step, step.fact.account().and_then(name)));
    Ok(Answer::ok(show::page(items.collect(), next)))
}

pub(super) fn contract(_: &Pages, _: &Asked<'_>) -> Result<Answer, Problem> {
    let contract: Value = serde_json::from_str(CONTRACT).map_err(|_| Problem::new(Code::NotAvailable))?;
    Ok(Answer::ok(contract))
}
