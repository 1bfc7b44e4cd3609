//! A request that was matched to a route: its parts, read and checked.

use std::str::FromStr;

use hinomi_access::{Attempt, Moment, Origin, Permission, Principal, Secret};
use serde::de::DeserializeOwned;

use super::problem::{Code, Problem};
use crate::http::Request;

/// Most items of a page, and how many without being asked.
const MOST: usize = 500;
const USUAL: usize = 50;

/// A request, whoever asks, and when.
pub(super) struct Asked<'r> {
    pub(super) request: &'r Request,
    /// Parts of the path, by their names in the route.
    pub(super) parts: Vec<(&'static str, &'r str)>,
    pub(super) now: Moment,
    pub(super) from: Origin,
    /// Who is signed in.
    pub(super) principal: Option<Principal>,
    /// The id of the session, if it is one.
    pub(super) session: Option<Secret>,
    /// The cookie of a known device.
    pub(super) device: Option<String>,
}

/// A part of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) after: Option<u64>,
    pub(super) limit: usize,
}

impl Asked<'_> {
    /// Who is signed in.
    pub(super) fn principal(&self) -> Result<&Principal, Problem> {
        self.principal.as_ref().ok_or(Problem::new(Code::NotSignedIn))
    }

    /// Who is signed in, and the id of the session: programs have none.
    pub(super) fn session(&self) -> Result<(&Principal, &Secret), Problem> {
        match (&self.principal, &self.session) {
            (Some(principal), Some(session)) => Ok((principal, session)),
            (Some(_), None) => Err(Problem::new(Code::Forbidden)),
            _ => Err(Problem::new(Code::NotSignedIn)),
        }
    }

    /// Whether whoever asks may.
    pub(super) fn needs(&self, permission: Permission) -> Result<(), Problem> {
        Ok(self.principal()?.needs(permission)?)
    }

    pub(super) fn attempt(&self) -> Attempt<'_> {
        Attempt { from: &self.from, device: self.device.as_deref() }
    }

    /// A part of the path. What is no id is not found.
    pub(super) fn part<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        let text = self.parts.iter().find(|(part, _)| *part == name).map(|(_, text)| *text);
        text.and_then(|text| text.parse().ok()).ok_or(Problem::new(Code::NotFound))
    }

    /// Whether the body says that it is JSON.
    pub(super) fn is_json(&self) -> Result<(), Problem> {
        let kind = self.request.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") {
            Ok(())
        } else {
            Err(Problem::new(Code::MediaType))
        }
    }

    /// The body, as JSON of a form.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.is_json()?;
        serde_json::from_slice(&self.request.body)
            .map_err(|error| Problem::because(Code::BadRequest, error.to_string()))
    }

    /// The version that a change is made to.
    pub(super) fn version(&self) -> Result<u64, Problem> {
        let header = self.request.header("if-match").ok_or(Problem::new(Code::IfMatchNeeded))?;
        let text = header.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let digits = |text: &&str| (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.filter(digits)
            .and_then(|text| text.parse().ok())
            .ok_or(Problem::because(Code::BadRequest, "If-Match: an ETag that was read"))
    }

    /// Which part of a list.
    pub(super) fn cut(&self) -> Result<Cut, Problem> {
        let mut cut = Cut { after: None, limit: USUAL };
        let wrong = |what: &str| Problem::because(Code::BadRequest, what.to_owned());
        let number = |text: &str| {
            let digits = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u64>().ok().filter(|_| digits)
        };
        for pair in self.request.query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "after" => cut.after = Some(number(value).ok_or(wrong("after: what next was"))?),
                "limit" => {
                    let limit = number(value).and_then(|limit| usize::try_from(limit).ok());
                    let limit = limit.filter(|limit| (1..=MOST).contains(limit));
                    cut.limit = limit.ok_or(wrong("limit: 1 to 500"))?;
                }
                _ => return Err(wrong("there is after and limit, and nothing else")),
            }
        }
        Ok(cut)
    }
}

impl Cut {
    /// The part, and where it goes on. `items` are in the order of the list, `number` is what a cursor holds; `newest_first`
    /// lists go down.
    pub(super) fn of<T>(
        self,
        items: impl Iterator<Item = T>,
        number: impl Fn(&T) -> u64,
        newest_first: bool,
    ) -> (Vec<T>, Option<String>) {
        let beyond = |item: &T| match self.after {
            Some(after) if newest_first => number(item) < after,
            Some(after) => number(item) > after,
            None => true,
        };
        let mut part: Vec<T> = items.filter(beyond).take(self.limit + 1).collect();
        let more = part.len() > self.limit;
        part.truncate(self.limit);
        let next = part.last().filter(|_| more).map(|last| number(last).to_string());
        (part, next)
    }
}
