//! `/api/v1/tokens`: tokens for programs.

use std::collections::BTreeSet;

use hinomi_access::Permission;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::asked::Asked;
use super::problem::{Code, Problem};
use super::service::Pages;
use super::show;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    name: String,
    scopes: Vec<String>,
    days: i64,
}

pub(super) fn list(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let cut = asked.cut()?;
    let gate = pages.gate();
    let (part, next) = cut.of(gate.tokens(asked.principal()?), |token| token.id.number(), false);
    Ok(Answer::ok(show::page(part.into_iter().map(show::token).collect(), next)))
}

pub(super) fn make(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let (principal, _) = asked.session()?;
    let wanted: NewToken = asked.body()?;
    let bad = || Problem::because(Code::BadRequest, "scopes: each once, of those that tokens can have");
    let scopes: Option<BTreeSet<Permission>> =
        wanted.scopes.iter().map(|name| Permission::named(name)).collect();
    let scopes = scopes.filter(|scopes| scopes.len() == wanted.scopes.len()).ok_or_else(bad)?;
    let account = principal.account().ok_or(Problem::new(Code::Forbidden))?;
    let form = (wanted.name.as_str(), &scopes, wanted.days);
    let made = pages.gate().make_token((principal, account), form, asked.now, pages.entropy())?;
    Ok(Answer::made(json!({ "token": show::token(&made.token), "secret": made.text.reveal() })))
}

pub(super) fn revoke(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let token = asked.part("token")?;
    pages.gate().revoke_token(asked.principal()?, token, asked.now)?;
    Ok(Answer::nothing())
}
