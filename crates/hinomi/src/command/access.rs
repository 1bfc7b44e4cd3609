//! `hinomi access`.

use hinomi_ledger::SystemEntropy;
use serde_json::json;

use super::print;
use crate::access::{AccessError, Answer, Listed, Question, ask, offline};
use crate::args::{AccessAt, AccessVerb, Lang};
use crate::exit::{Exit, Failure};
use crate::kept::KeptError;
use crate::render::harmless;

pub(super) fn failure(error: AccessError) -> Failure {
    let english = error.to_string();
    match &error {
        AccessError::Kept(KeptError::Damaged { path, .. }) => {
            let text = format!("{}：壊れています", path.display());
            Failure::new(Exit::Failed, error)
                .hint(
                    "put DIR/access back from a backup; what the decision ledger has beyond it is taken over",
                )
                .japanese(
                    text,
                    "DIR/access をバックアップから戻してください。それ以降の変更は判断の台帳から引き継がれます",
                )
        }
        AccessError::Place(_) => Failure::new(Exit::Usage, error),
        AccessError::Busy { path } => {
            let text = format!("{}：別のプロセスがアカウントを管理しています", path.display());
            Failure::new(Exit::Unreadable, error)
                .hint("a server that begins or stops; try again in a moment")
                .japanese(text, "サーバーの起動中か停止中です。少し待ってからやり直してください")
        }
        _ => Failure::new(Exit::Unreadable, error)
            .japanese(format!("アカウント情報を読み取れません：{english}"), ""),
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
        AccessVerb::Expect { name, issuer, subject, at } => {
            (Question::Expect { name, issuer, subject }, at, false)
        }
        AccessVerb::Revoke { name, at } => (Question::Revoke { name }, at, false),
        AccessVerb::Token { name, token, scopes, days, at } => {
            (Question::Token { name, token, scopes, days }, at, false)
        }
        AccessVerb::BreakGlass { at } => (Question::Seal, at, false),
    };
    let lang = at.lang.unwrap_or_else(super::investigate::language);
    let answer = asked(&at, &question)?;
    say(answer, lang, as_json)
}

/// Asks the server, or the folder where none is at work.
fn asked(at: &AccessAt, question: &Question) -> Result<Answer, Failure> {
    if !at.data.is_dir() {
        let none = Failure::new(Exit::Unreadable, format!("{}: there is no such folder", at.data.display()));
        let none = none.hint("--data names the data directory of hinomi serve");
        let text = format!("{}：そのようなフォルダーはありません", at.data.display());
        return Err(none.japanese(text, "--data には hinomi serve のデータディレクトリーを指定してください"));
    }
    match ask(&at.data, question) {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => offline(&at.data, at.origin.as_deref(), question, &SystemEntropy).map_err(failure),
        Err(error) => Err(Failure::new(Exit::Unreadable, format!("the server does not answer: {error}"))
            .japanese(format!("サーバーから応答がありません：{error}"), "")),
    }
}

fn say(answer: Answer, lang: Lang, as_json: bool) -> Result<Exit, Failure> {
    let ja = lang == Lang::Ja;
    let text = match answer {
        Answer::Accounts { accounts } if as_json => format!("{}\n", json!(accounts)),
        Answer::Accounts { accounts } if accounts.is_empty() => {
            if ja { "アカウントはありません\n" } else { "there are no accounts\n" }.to_owned()
        }
        Answer::Accounts { accounts } => accounts.iter().map(|account| row(account, ja)).collect(),
        Answer::Link { address, expires } if ja => format!("{address}\n  一度だけ有効、{expires} まで\n"),
        Answer::Link { address, expires } => format!("{address}\n  counts once, until {expires}\n"),
        Answer::Token { secret, expires } if ja => format!("{secret}\n  {expires} まで有効\n"),
        Answer::Token { secret, expires } => format!("{secret}\n  until {expires}\n"),
        Answer::Done => if ja { "完了しました\n" } else { "done\n" }.to_owned(),
        Answer::Refused { why, why_ja } => {
            return Err(Failure::new(Exit::Usage, why).japanese(why_ja, ""));
        }
    };
    print(text.as_bytes())
}

/// An account, in a line. States, roles and kinds of factors are the same words in both languages: they are typed, too.
fn row(account: &Listed, ja: bool) -> String {
    let (name, display) = (&account.name, harmless(&account.display));
    let (roles, factors) = (account.roles.join(","), account.factors.join(","));
    let state = match (account.state.as_str(), ja) {
        ("must_enrol", true) => "must_enrol（認証情報が失われています。hinomi access link で再登録）",
        ("must_enrol", false) => "must_enrol (its secrets are lost: hinomi access link)",
        (state, _) => state,
    };
    let never = if ja { "なし" } else { "never" };
    let last = account.last_sign_in.as_deref().unwrap_or(never);
    let identities: Vec<String> = account.identities.iter().map(|[_, subject]| harmless(subject)).collect();
    let identity =
        if identities.is_empty() { String::new() } else { format!("  sub: {}", identities.join(",")) };
    if ja {
        format!(
            "{name:<20} {state:<9} {roles}  認証手段：{factors}{identity}  最終サインイン：{last}  {display}\n"
        )
    } else {
        format!("{name:<20} {state:<9} {roles}  factors: {factors}{identity}  last: {last}  {display}\n")
    }
}
