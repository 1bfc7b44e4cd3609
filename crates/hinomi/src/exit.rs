//! Exit codes, stable from the start.

use std::borrow::Cow;
use std::process::ExitCode;

use crate::args::Lang;
use crate::japanese;

/// Why the program ends. When several apply the first of 5, 2, 4, 1, 3 wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: nothing to report.
    Clean,
    /// 1: an incident at or above `--fail-on`.
    Found,
    /// 2: the arguments make no sense.
    Usage,
    /// 3: input unreadable, a rule unusable, or a verification without anchor.
    Unreadable,
    /// 4: a verification or test failed.
    Failed,
    /// 5: a fault of the program.
    Internal,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Unreadable => 3,
            Self::Failed => 4,
            Self::Internal => 5,
        }
    }

    /// What a number means; an unknown one is a fault of the program.
    pub fn of_code(code: i32) -> Self {
        let all = [Self::Clean, Self::Found, Self::Usage, Self::Unreadable, Self::Failed];
        all.into_iter().find(|exit| i32::from(exit.code()) == code).unwrap_or(Self::Internal)
    }

    fn rank(self) -> usize {
        [Self::Clean, Self::Unreadable, Self::Found, Self::Failed, Self::Usage, Self::Internal]
            .iter()
            .position(|e| *e == self)
            .unwrap_or(0)
    }

    /// The one of two that wins.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error as the user sees it: what failed and what to do about it.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub exit: Exit,
    /// What failed, with its source.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Both in Japanese, where they are written in it; otherwise catalogues know them.
    pub(crate) in_japanese: Option<(String, Option<String>)>,
}

impl Failure {
    /// A failure without hint.
    pub fn new(exit: Exit, message: impl std::fmt::Display) -> Self {
        Self { exit, message: message.to_string(), hint: None, in_japanese: None }
    }

    /// The same in Japanese; without a hint when that is empty.
    #[must_use]
    pub fn japanese(mut self, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        self.in_japanese = Some((message.into(), (!hint.is_empty()).then_some(hint)));
        self
    }

    /// Message and hint in a language.
    pub fn told(&self, lang: Lang) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
        let (message, hint) = (self.message.as_str(), self.hint.as_deref());
        match (lang, &self.in_japanese) {
            (Lang::En, _) => (message.into(), hint.map(Cow::from)),
            (Lang::Ja, Some((message, hint))) => (message.into(), hint.as_deref().map(Cow::from)),
            (Lang::Ja, None) => (japanese::failure(message), hint.map(japanese::failure)),
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence() {
        let order = [Exit::Clean, Exit::Unreadable, Exit::Found, Exit::Failed, Exit::Usage, Exit::Internal];
        for pair in order.windows(2) {
            assert_eq!(pair[0].and(pair[1]), pair[1]);
            assert_eq!(pair[1].and(pair[0]), pair[1]);
        }
    }
}
