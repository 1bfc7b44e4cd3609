//! What is read: the endpoints that show evidence. They are in the table of routes as rows made with `reads`; what they
//! answer is made elsewhere.

use hinomi_access::{Names, Principal};
use serde_json::Value;

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

    /// What has changed is seen by these. Cheap: asked for every second while somebody follows.
    fn marks(&self) -> Marks {
        Marks::default()
    }
}

/// There is nothing to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadNothing;

impl ReadModel for ReadNothing {
    fn read(&self, _: &Question<'_>) -> Result<Told, Problem> {
        Err(Problem::new(Code::NotAvailable))
    }
}
