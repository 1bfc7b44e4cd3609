//! `/api/v1/accounts`: looking after accounts.

use hinomi_access::{AccountChange, AccountId, MadeLink, Name, Role, Roles};
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::asked::Asked;
use super::problem::{Code, Problem};
use super::service::Pages;
use super::show;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: String,
    display: String,
    roles: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    display: Option<String>,
    roles: Option<Vec<String>>,
}

fn bad(what: &str) -> Problem {
    Problem::because(Code::BadRequest, what.to_owned())
}

fn roles(words: &[String]) -> Result<Roles, Problem> {
    let known: Option<Vec<Role>> = words.iter().map(|word| Role::named(word)).collect();
    let none = bad("roles: one or more of those that there are");
    let known = known.filter(|known| !known.is_empty()).ok_or(none)?;
    let roles: Roles = known.iter().copied().collect();
    if roles.len() == known.len() { Ok(roles) } else { Err(bad("roles: each once")) }
}

pub(super) fn list(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let cut = asked.cut()?;
    let gate = pages.gate();
    let (part, next) = cut.of(gate.registry().accounts(), |account| account.id.number(), false);
    let items = part.into_iter().map(|account| show::account(gate.registry(), account)).collect();
    Ok(Answer::ok(show::page(items, next)))
}

pub(super) fn read(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let id = asked.part("account")?;
    let gate = pages.gate();
    let account = gate.registry().account(id).ok_or(Problem::new(Code::NotFound))?;
    Ok(Answer::ok(show::account(gate.registry(), account)).version(account.version))
}

fn made(pages: &Pages, link: &MadeLink) -> Result<Answer, Problem> {
    let gate = pages.gate();
    let account = link.account.and_then(|id| gate.registry().account(id));
    let account = account.ok_or(Problem::new(Code::NotFound))?;
    let body = json!({
        "account": show::account(gate.registry(), account),
        "link": link.address(pages.origin()),
        "expires": show::time(link.expires),
    });
    Ok(Answer::made(body).version(account.version))
}

pub(super) fn invite(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let wanted: NewAccount = asked.body()?;
    let name: Name = wanted.name.parse().map_err(|_| bad("name: small letters, digits, . _ -"))?;
    let roles = roles(&wanted.roles)?;
    let wanted = (&name, wanted.display.as_str(), &roles);
    let link = pages.gate().invite(asked.principal()?, wanted, asked.now, pages.entropy())?;
    made(pages, &link)
}

/// The account of the path, in the version that was read.
fn target(asked: &Asked<'_>) -> Result<(AccountId, Option<u64>), Problem> {
    let account = asked.part("account")?;
    Ok((account, Some(asked.version()?)))
}

pub(super) fn change(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let target = target(asked)?;
    let wanted: Change = asked.body()?;
    if wanted.display.is_none() && wanted.roles.is_none() {
        return Err(bad("display or roles"));
    }
    let change =
        AccountChange { roles: wanted.roles.as_deref().map(roles).transpose()?, display: wanted.display };
    let mut gate = pages.gate();
    let account = gate.change(asked.principal()?, target, &change, asked.now)?.clone();
    Ok(Answer::ok(show::account(gate.registry(), &account)).version(account.version))
}

pub(super) fn disable(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let target = target(asked)?;
    let mut gate = pages.gate();
    let account = gate.disable(asked.principal()?, target, asked.now)?.clone();
    Ok(Answer::ok(show::account(gate.registry(), &account)).version(account.version))
}

pub(super) fn link(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let target = target(asked)?;
    let link = pages.gate().link(asked.principal()?, target, asked.now, pages.entropy())?;
    made(pages, &link)
}
