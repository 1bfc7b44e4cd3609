//! `hinomi access`.

use hinomi_ledger::SystemEntropy;
use serde_json::json;

use super::print;
use crate::access::{AccessError, Answer, Question, ask, offline};
use crate::args::{AccessAt, AccessVerb};
use crate::exit::{Exit, Failure};
use crate::kept::KeptError;
use crate::render::harmless;

pub(super) fn failure(error: AccessError) -> Failure {
    match &error {
        AccessError::Kept(KeptError::Damaged { .. }) => Failure::new(Exit::Failed, error)
            .hint("put DIR/access back from a backup; what the decision ledger has beyond it is taken over"),
        AccessError::Place(_) => Failure::new(Exit::Usage, error),
        AccessError::Busy { .. } => {
            Failure::new(Exit::Unreadable, error).hint("a server that begins or stops; try again in a moment")
        }
        _ => Failure::new(Exit::Unreadable, error),
    }
}

pub(super) fn run(verb: AccessVerb) -> Result<Exit, Failure> {
    let (question, at, as_json) = match verb {
        AccessVerb::List { at, json } => (Question::List, at, json),
        AccessVerb::First { at } => (Question::First, at, false),
        AccessVerb::Invite { name, display, roles, at } => {
            let display = display.unwrap_or_else(|| name.clone());
            (Question::Invite { name, display, roles }, at, false)
        }
        AccessVerb::Link { name, at } => (Question::Link { name }, at, false),
        AccessVerb::Revoke { name, at } => (Question::Revoke { name }, at, false),
        AccessVerb::Token { name, token, scopes, days, at } => {
            (Question::Token { name, token, scopes, days }, at, false)
        }
        AccessVerb::BreakGlass { at } => (Question::Seal, at, false),
    };
    say(asked(&at, &question)?, as_json)
}

/// Asks the server, or the folder where none is at work.
fn asked(at: &AccessAt, question: &Question) -> Result<Answer, Failure> {
    if !at.data.is_dir() {
        let none = Failure::new(Exit::Unreadable, format!("{}: there is no such folder", at.data.display()));
        return Err(none.hint("--data names the data directory of hinomi serve"));
    }
    match ask(&at.data, question) {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => offline(&at.data, at.origin.as_deref(), question, &SystemEntropy).map_err(failure),
        Err(error) => Err(Failure::new(Exit::Unreadable, format!("the server does not answer: {error}"))),
    }
}

fn say(answer: Answer, as_json: bool) -> Result<Exit, Failure> {
    let text = match answer {
        Answer::Accounts { accounts } if as_json => format!("{}\n", json!(accounts)),
        Answer::Accounts { accounts } if accounts.is_empty() => "there are no accounts\n".to_owned(),
        Answer::Accounts { accounts } => accounts
            .iter()
            .map(|account| {
                let (name, display) = (&account.name, harmless(&account.display));
                let (state, last) = (&account.state, account.last_sign_in.as_deref().unwrap_or("never"));
                let (roles, factors) = (account.roles.join(","), account.factors.join(","));
                format!("{name:<20} {state:<9} {roles}  factors: {factors}  last: {last}  {display}\n")
            })
            .collect(),
        Answer::Link { address, expires } => format!("{address}\n  counts once, until {expires}\n"),
        Answer::Token { secret, expires } => format!("{secret}\n  until {expires}\n"),
        Answer::Done => "done\n".to_owned(),
        Answer::Refused { why } => return Err(Failure::new(Exit::Usage, why)),
    };
    print(text.as_bytes())
}
