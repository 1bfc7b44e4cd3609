//! The seam to HTTP: questions as the server asks them.

use hinomi_access::Names;
use hinomi_server::pages::{Code, Problem, Question, ReadModel, Told};

use super::{Asked, Reading, Refused, Shown};

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
            Refused::Failed(_) => Code::Unavailable,
        };
        let problem = Self::because(code, refused.to_string());
        if code == Code::NotYet { problem.after(AGAIN) } else { problem }
    }
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
        };
        let told = Told::ok(self.answer(&asked)?);
        // Nobody changes incidents yet: what people changed has had no version but the first.
        let version = (question.operation == "readIncident").then_some(0);
        Ok(Told { version, ..told })
    }
}
