//! What one check found, in both languages.

use serde_json::{Value, json};

use crate::args::Lang;
use crate::render::harmless;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Ok,
    Warn,
    Fail,
    /// It cannot be found out here.
    Unknown,
}

impl State {
    /// Its name in data.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// A text in both languages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Both {
    pub(crate) en: String,
    pub(crate) ja: String,
}

pub(in crate::command) fn both(en: &str, ja: &str) -> Both {
    Both { en: en.to_owned(), ja: ja.to_owned() }
}

/// What one check found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) state: State,
    pub(crate) found: Both,
    /// What to do.
    pub(crate) hint: Option<Both>,
}

impl Check {
    pub(in crate::command) fn ok(name: &'static str, found: Both) -> Self {
        Self { name, state: State::Ok, found, hint: None }
    }

    pub(in crate::command) fn unknown(name: &'static str, found: Both) -> Self {
        Self { name, state: State::Unknown, found, hint: None }
    }

    pub(in crate::command) fn warn(name: &'static str, found: Both, hint: Both) -> Self {
        Self { name, state: State::Warn, found, hint: Some(hint) }
    }

    pub(in crate::command) fn fail(name: &'static str, found: Both, hint: Both) -> Self {
        Self { name, state: State::Fail, found, hint: Some(hint) }
    }
}

fn word(state: State, lang: Lang) -> &'static str {
    match (state, lang) {
        (State::Ok, Lang::En) => "ok     ",
        (State::Warn, Lang::En) => "warn   ",
        (State::Fail, Lang::En) => "FAIL   ",
        (State::Unknown, Lang::En) => "unknown",
        (State::Ok, Lang::Ja) => "正常",
        (State::Warn, Lang::Ja) => "注意",
        (State::Fail, Lang::Ja) => "異常",
        (State::Unknown, Lang::Ja) => "不明",
    }
}

/// A line for each, and what to do below it.
pub(in crate::command) fn table(checks: &[Check], lang: Lang) -> String {
    let mut out = String::new();
    for check in checks {
        let text = |both: &Both| harmless(if lang == Lang::Ja { &both.ja } else { &both.en }).clone();
        out.push_str(&format!("{}  {:<14} {}\n", word(check.state, lang), check.name, text(&check.found)));
        if let Some(hint) = &check.hint {
            out.push_str(&format!("         → {}\n", text(hint)));
        }
    }
    out
}

pub(in crate::command) fn as_json(checks: &[Check]) -> String {
    let one = |check: &Check| {
        let state = check.state.name();
        let hint = |of: fn(&Both) -> &String| check.hint.as_ref().map(of);
        json!({"check": check.name, "state": state, "text": check.found.en, "text_ja": check.found.ja,
            "hint": hint(|h| &h.en), "hint_ja": hint(|h| &h.ja)})
    };
    let all: Vec<Value> = checks.iter().map(one).collect();
    format!("{:#}\n", json!({"schema_version": "1.0", "checks": all}))
}
