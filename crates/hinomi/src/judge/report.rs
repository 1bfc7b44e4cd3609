//! What is read of `hinomi assure --json`: the part that pages show. It is what [`crate::assure`] writes, but taken apart from it: the
//! result that is kept may come from the program before, which said less or more.

use std::collections::BTreeMap;

use hinomi_assure::claim::Question;
use hinomi_assure::{Bilingual, Outcome};
use serde::Deserialize;

/// Outcomes with how often.
pub type Tally = BTreeMap<Outcome, u64>;

/// The report.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// Zone in which days begin.
    pub zone: String,
    /// First and last day.
    pub days: Option<(String, String)>,
    /// Events read.
    pub events: u64,
    /// Facts in them.
    pub observations: u64,
    /// Lists that were read.
    pub lists: Vec<List>,
    /// Sign-ins by access.
    pub sessions: BTreeMap<String, Sessions>,
    /// Claims.
    pub claims: Vec<Claim>,
    /// Suppliers.
    pub suppliers: Vec<Supplier>,
    /// Backup copies.
    pub copies: Vec<Copy>,
    /// Exceptions.
    pub exceptions: Vec<Exception>,
    /// Declared one way, seen the other.
    pub disagreements: Vec<Disagreement>,
    /// Settings.
    pub configuration: Configuration,
    /// Categories of frameworks.
    pub coverage: Vec<Coverage>,
    /// Who reaches what is protected.
    pub reach: Option<Reach>,
    /// What could not be read.
    pub diagnostics: Vec<String>,
    /// Ledgers, and how far they were read.
    pub ledgers: Vec<Ledger>,
    /// Logs by host, with their days.
    pub logs: Vec<Log>,
}

/// A list.
#[derive(Debug, Deserialize)]
pub struct List {
    /// What it is of, if it is one.
    pub kind: Option<String>,
    /// Rows that are used.
    pub rows: u64,
    /// Records that could not be used.
    pub refused: u64,
}

/// Sign-ins by what is known of a second factor.
#[derive(Clone, Copy, Debug, Deserialize, serde::Serialize)]
pub struct Sessions {
    /// There was one.
    pub proven: u64,
    /// There was none.
    pub disproven: u64,
    /// Nobody knows.
    pub unknown: u64,
}

/// A claim.
#[derive(Debug, Deserialize)]
pub struct Claim {
    /// Its name.
    pub id: String,
    /// What the entities are.
    pub about: String,
    /// What is claimed.
    pub title: Bilingual,
    /// Why it matters.
    pub why: Bilingual,
    /// What to do.
    pub remedy: Bilingual,
    /// Framework → controls.
    pub controls: BTreeMap<String, Vec<String>>,
    /// Questions that it helps to answer.
    pub questions: Vec<Question>,
    /// What needs attention most; nothing when it applies to nothing.
    pub outcome: Option<Outcome>,
    /// Entities by outcome.
    pub entities: Tally,
    /// Logs that it needs and that were not there.
    pub unseen: Vec<Bilingual>,
    /// Lists that it needs and that were not given.
    pub unlisted: Vec<String>,
    /// Per entity, what needs attention first.
    pub verdicts: Vec<Verdict>,
}

/// What a claim comes to for an entity.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    /// Which; empty when events name none.
    pub entity: String,
    /// What needs attention most.
    pub outcome: Outcome,
    /// Exceptions that cover it or did.
    pub exceptions: Vec<String>,
    /// Days; one without day for claims about the whole span.
    pub days: Vec<Day>,
    /// Why.
    pub grounds: Vec<Ground>,
}

/// A day.
#[derive(Debug, Deserialize)]
pub struct Day {
    /// Which.
    pub day: Option<String>,
    /// What needs attention most.
    pub outcome: Outcome,
}

/// Why.
#[derive(Debug, Deserialize)]
pub struct Ground {
    /// When.
    pub time: Option<String>,
    /// Reasons.
    pub reasons: Vec<Reason>,
    /// Events that show it.
    pub evidence: Vec<Evidence>,
}

/// A reason.
#[derive(Debug, Deserialize)]
pub struct Reason {
    /// Attribute that decided.
    pub attribute: String,
    /// Its value.
    pub value: Option<String>,
    /// As a sentence.
    pub text: Bilingual,
}

/// A cited event.
#[derive(Debug, Deserialize)]
pub struct Evidence {
    /// Reference.
    pub reference: Option<String>,
    /// Where it stands.
    pub place: String,
    /// Its time.
    pub time: Option<String>,
}

/// A supplier.
#[derive(Debug, Deserialize)]
pub struct Supplier {
    /// Its name.
    pub name: String,
    /// Whether a list has it.
    pub registered: bool,
    /// Who answers for it in the house.
    pub owner: Option<String>,
    /// Contract.
    pub contract: Option<String>,
    /// Its last moment.
    pub until: Option<String>,
    /// Registered accounts.
    pub accounts: Vec<String>,
    /// Their sign-ins.
    pub sessions: Sessions,
    /// Claims about them.
    pub claims: Vec<(String, Outcome)>,
    /// Days on which something was observed of them.
    pub days: BTreeMap<String, Outcome>,
}

/// A backup copy.
#[derive(Debug, Deserialize)]
pub struct Copy {
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// When something was last restored, as a list says: a day or a moment.
    pub last_restore: Option<String>,
}

/// An exception.
#[derive(Debug, Deserialize)]
pub struct Exception {
    /// Its name.
    pub id: String,
    /// The claim.
    pub claim: String,
    /// The entity, or `*`.
    pub entity: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// What is done instead.
    pub compensation: String,
    /// Its last moment.
    pub until: Option<String>,
    /// Whether it has ended.
    pub ended: bool,
    /// Contradictions that it covers.
    pub covers: u64,
    /// Contradictions after its end.
    pub after_end: u64,
    /// What it lacks to cover anything.
    pub lacks: Vec<String>,
}

/// Declared one way, seen the other.
#[derive(Debug, Deserialize)]
pub struct Disagreement {
    /// The evidence.
    pub shows: Shows,
    /// Who answers for what declares.
    pub owner: Option<String>,
    /// As a sentence that names nobody.
    pub text: Bilingual,
}

/// What evidence shows.
#[derive(Debug, Deserialize)]
pub struct Shows {
    /// What kind of thing the entity is.
    pub about: String,
    /// The entity.
    pub entity: String,
    /// Events.
    pub evidence: Vec<Evidence>,
}

/// Settings.
#[derive(Debug, Deserialize)]
pub struct Configuration {
    /// Documents that were recognised.
    pub documents: Vec<serde::de::IgnoredAny>,
}

/// A category of a framework.
#[derive(Debug, Deserialize)]
pub struct Coverage {
    /// The framework.
    pub framework: String,
    /// The category.
    pub category: String,
    /// What it is about.
    pub title: Bilingual,
    /// Claims that evidence answers.
    pub evidence: Tally,
    /// Claims that configuration answers.
    pub configuration: Tally,
}

/// Who reaches what.
#[derive(Debug, Deserialize)]
pub struct Reach {
    /// The answer.
    pub answer: ReachAnswer,
}

/// The answer.
#[derive(Debug, Deserialize)]
pub struct ReachAnswer {
    /// Protected things.
    pub targets: u64,
    /// Blast radius of each source.
    pub radius: Vec<ReachOf>,
}

/// Blast radius.
#[derive(Debug, Deserialize)]
pub struct ReachOf {
    /// Of what.
    pub source: Node,
    /// Protected things reached over ways that were seen in use.
    pub targets_in_fact: u64,
    /// Over every way.
    pub targets_possible: u64,
}

/// A node.
#[derive(Debug, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
}

/// A ledger.
#[derive(Debug, Deserialize)]
pub struct Ledger {
    /// Its name.
    pub origin: String,
    /// Leaves that were read.
    pub leaves: u64,
}

/// A log of a host.
#[derive(Debug, Deserialize)]
pub struct Log {
    /// The host; empty when events state none.
    pub host: String,
    /// Channel, or kind.
    pub channel: String,
    /// Kind.
    pub kind: String,
    /// Spans of days with an event.
    pub days: Vec<(String, String)>,
}

impl Log {
    /// Whether it has an event on this day; on any, without.
    pub fn has(&self, day: Option<&str>) -> bool {
        self.days
            .iter()
            .any(|(first, last)| day.is_none_or(|day| first.as_str() <= day && day <= last.as_str()))
    }
}
