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
}

impl Told {
    /// 200 with a body.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body), version: None }
    }
}

/// Answers questions about evidence. Called on a thread that may block; several at a time.
pub trait ReadModel: Send + Sync {
    /// The answer, in the form of the contract.
    ///
    /// # Errors
    /// A [`Problem`]; [`Code::NotAvailable`] for what this server does not have.
    fn read(&self, question: &Question<'_>) -> Result<Told, Problem>;
}

/// There is nothing to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadNothing;

impl ReadModel for ReadNothing {
    fn read(&self, _: &Question<'_>) -> Result<Told, Problem> {
        Err(Problem::new(Code::NotAvailable))
    }
}
