//! The seam to HTTP: questions as the server asks them.

use hinomi_access::{Names, Permission};
use hinomi_server::pages::{Code, Deeds, DeedsAsked, Marks, Problem, Question, ReadModel, Told};

use super::{Asked, Person, Reading, Refused, Shown};
use crate::casework::Actor;

/// Seconds after which what is being worked out may be there.
const AGAIN: i64 = 3;

impl Shown for Names {
    fn account(&self, name: &str, incident: Option<&str>) -> String {
        Names::account(self, name, incident)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let code = match &refused {
            Refused::NotFound => return Self::new(Code::NotFound),
            Refused::NotAvailable(_) => Code::NotAvailable,
            Refused::Senseless(_) => Code::BadRequest,
            Refused::Conflict(_) => Code::Conflict,
            Refused::NotYet(_) => Code::NotYet,
            Refused::VersionNeeded => return Self::new(Code::IfMatchNeeded),
            Refused::Changed => return Self::new(Code::ChangedMeanwhile),
            Refused::Busy { seconds } => return Self::wait(*seconds),
            Refused::Failed(_) => Code::Unavailable,
        };
        let problem = Self::because(code, refused.to_string());
        if code == Code::NotYet { problem.after(AGAIN) } else { problem }
    }
}

/// Who asks, as it is written down.
fn person(question: &Question<'_>) -> Person {
    let principal = question.principal;
    let actor = Actor {
        account: principal.account().map(|id| id.to_string()).unwrap_or_default(),
        name: principal.name().map(ToString::to_string).unwrap_or_default(),
    };
    Person { actor, raw: principal.may(Permission::Search) }
}

impl ReadModel for Reading {
    fn read(&self, question: &Question<'_>) -> Result<Told, Problem> {
        let by = question.principal.name().map_or_else(|| "a token".to_owned(), ToString::to_string);
        let asked = Asked {
            operation: question.operation,
            by: &by,
            names: question.names,
            parts: question.parts,
            query: question.query,
            body: question.body,
            version: question.version,
            japanese: question.japanese,
        };
        if let Some(told) = self.act(&asked, &person(question)) {
            return Ok(told?);
        }
        // Before the answer: an older version makes a change read again, a newer one would hide what came between.
        let version = if question.operation == "readIncident" { Some(self.version(&asked)?) } else { None };
        let told = Told::ok(self.answer(&asked)?);
        let told = match question.operation {
            "saveHunt" => Told { status: 201, ..told },
            "removeHunt" => Told { status: 204, body: None, ..told },
            _ => told,
        };
        Ok(Told { version, sought: sought(&asked), ..told })
    }

    fn deeds(&self, asked: &DeedsAsked<'_>) -> Result<Deeds, Problem> {
        Ok(self.deeds.list(self.evidence().data(), asked)?)
    }

    fn marks(&self) -> Marks {
        self.changes()
    }
}

/// What somebody looks for in what was received as it was received, where names may stand. Further pages of a search, and what came to it since, are the same search.
fn sought(asked: &Asked<'_>) -> Option<String> {
    let value = |name: &str| asked.value(name).ok().flatten();
    match asked.operation {
        "search" if ["after", "snapshot", "renews"].iter().all(|name| value(name).is_none()) => {
            let bound = |name: &str| value(name).map(|time| format!(" {name}:{time}")).unwrap_or_default();
            Some(format!("{}{}{}", value("q").unwrap_or_default(), bound("from"), bound("until")))
        }
        "query" => Some(String::from_utf8_lossy(asked.body).into_owned()),
        "readRecord" => value("reference"),
        _ => None,
    }
}
