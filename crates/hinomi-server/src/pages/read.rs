//! What is read: the endpoints that show evidence. They are in the table of routes as rows made with `reads`; what they
//! answer is made elsewhere.

use hinomi_access::{Names, Principal};
use hinomi_model::Timestamp;
use serde_json::{Map, Value};

use super::problem::{Code, Problem};

/// A question about evidence. Whoever asks may ask it: that was checked.
#[derive(Debug)]
pub struct Question<'q> {
    /// `operationId` of the contract.
    pub operation: &'static str,
    /// Who asks.
    pub principal: &'q Principal,
    /// The one way for names of accounts into the answer.
    pub names: &'q Names,
    /// Parts of the path, by their names in the contract. Nothing is decoded.
    pub parts: &'q [(&'static str, &'q str)],
    /// What follows the question mark, as it came.
    pub query: &'q str,
    /// The body, within the bounds; empty for most. That it is JSON was not checked.
    pub body: &'q [u8],
    /// The version that a change is made to: the number in `If-Match`, if there is one.
    pub version: Option<u64>,
    /// Whether texts are wanted in Japanese.
    pub japanese: bool,
}

/// An answer about evidence.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    /// 200, 201 or 204.
    pub status: u16,
    /// In the form of the contract; none with 204.
    pub body: Option<Value>,
    /// For `ETag`, where the thing has a version.
    pub version: Option<u64>,
    /// A file in place of the body.
    pub file: Option<File>,
    /// What of the evidence was looked for, where that is written down before the answer leaves.
    pub sought: Option<String>,
}

/// A file that is handed out: it is saved, and never shown as a page of this server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// What it is called: small letters, digits, dashes and dots.
    pub name: String,
    /// What it holds: a page by itself.
    pub html: Vec<u8>,
}

impl Told {
    /// 200 with a body.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body), version: None, file: None, sought: None }
    }

    /// 200 with a file.
    pub fn file(file: File) -> Self {
        Self { status: 200, body: None, version: None, file: Some(file), sought: None }
    }
}

/// Parts of the pages that change by themselves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Topic {
    /// The first page: with any other.
    Today,
    /// Incidents and what people do about them.
    Incidents,
    /// Sources.
    Sources,
    /// Alerts.
    Alerts,
    /// The ledger.
    Ledger,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Today, Self::Incidents, Self::Sources, Self::Alerts, Self::Ledger];

    /// As in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Incidents => "incidents",
            Self::Sources => "sources",
            Self::Alerts => "alerts",
            Self::Ledger => "ledger",
        }
    }

    /// It changes all the time while records arrive.
    pub(super) const fn is_restless(self) -> bool {
        matches!(self, Self::Sources | Self::Ledger)
    }
}

/// A number for each part: another number, other content.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Marks(std::collections::BTreeMap<Topic, u64>);

impl Marks {
    /// That of a part.
    pub fn of(&self, topic: Topic) -> u64 {
        self.0.get(&topic).copied().unwrap_or(0)
    }

    /// Notes it.
    pub fn set(&mut self, topic: Topic, mark: u64) {
        self.0.insert(topic, mark);
    }
}

/// Answers questions about evidence. Called on a thread that may block; several at a time.
pub trait ReadModel: Send + Sync {
    /// The answer, in the form of the contract.
    ///
    /// # Errors
    /// A [`Problem`]; [`Code::NotAvailable`] for what this server does not have.
    fn read(&self, question: &Question<'_>) -> Result<Told, Problem>;

    /// What people did about incidents, suppressions and hunts.
    ///
    /// # Errors
    /// A [`Problem`] where the decision ledger cannot be read.
    fn deeds(&self, _: &DeedsAsked<'_>) -> Result<Deeds, Problem> {
        Ok(Deeds::default())
    }

    /// What has changed is seen by these. Cheap: asked for every second while somebody follows.
    fn marks(&self) -> Marks {
        Marks::default()
    }
}

/// What an act was about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeedKind {
    /// An incident.
    Incident,
    /// A suppression of alerts.
    Suppression,
    /// A saved hunt.
    Hunt,
}

impl DeedKind {
    /// As in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Suppression => "suppression",
            Self::Hunt => "hunt",
        }
    }
}

/// Which acts are asked for.
#[derive(Debug)]
pub struct DeedsAsked<'q> {
    /// The one way for names of accounts into the answer.
    pub names: &'q Names,
    /// Those below this position; from the newest on if there is none.
    pub below: Option<u64>,
    /// Those about this only.
    pub kind: Option<DeedKind>,
    /// As many.
    pub limit: usize,
}

/// Something that somebody did, as the decision ledger has it.
#[derive(Clone, PartialEq, Debug)]
pub struct Deed {
    /// Where it stands: later ones are greater.
    pub position: u64,
    /// Its number among those of its kind.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// About what.
    pub kind: DeedKind,
    /// What, a word.
    pub action: String,
    /// Id, where it has one, and name of who did it; none where the program itself did.
    pub actor: Option<(String, String)>,
    /// What the thing is called.
    pub on: Option<String>,
    /// The incident.
    pub incident: Option<String>,
    /// What else is known.
    pub details: Map<String, Value>,
}

/// Acts, newest first.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Deeds {
    /// They.
    pub items: Vec<Deed>,
    /// Where it goes on.
    pub below: Option<u64>,
}

/// There is nothing to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadNothing;

impl ReadModel for ReadNothing {
    fn read(&self, _: &Question<'_>) -> Result<Told, Problem> {
        Err(Problem::new(Code::NotAvailable))
    }
}
