//! Answers made of the last judgement of claims: claims, exceptions, suppliers, the page for the board, coverage, the four questions.
//!
//! # Invariants
//! - Nothing is judged here: every outcome is one of the report that [`crate::judge`] kept.
//! - Every answer says how far evidence was read and how old that is. Without a judgement there is none, never an empty list.
//! - Accounts are shown through [`super::Shown`] alone.

mod board;
mod claims;
mod coverage;
mod entity;
mod exceptions;
mod questions;
mod suppliers;
mod weigh;

use std::sync::Arc;

use hinomi_assure::Bilingual;
use serde::Serialize;

use super::{Refused, Shown, Text, time};
use crate::judge::{Judge, Judgement, Known};

pub(super) use board::board;
pub(super) use claims::{claim, claims};
pub(super) use coverage::coverage;
pub(super) use exceptions::exceptions;
pub(super) use questions::{Answer, Whole, answers, of_whole};
pub(super) use suppliers::suppliers;

/// What entities of claims are called that are accounts.
const ACCOUNT: &str = "account";

impl From<&Bilingual> for Text {
    fn from(text: &Bilingual) -> Self {
        Self::new(&text.en, &text.ja)
    }
}

/// The judgement as it stands.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Judged {
    as_of: String,
    took_seconds: i64,
    leaves: u64,
    events: u64,
    days: Option<Span>,
    zone: String,
    lists: u64,
    unread: u64,
    working: bool,
    fault: Option<Failed>,
}

#[derive(Clone, Debug, Serialize)]
struct Span {
    first: String,
    last: String,
}

#[derive(Clone, Debug, Serialize)]
struct Failed {
    at: String,
    why: String,
}

impl Judged {
    /// As known now; `None` until there is a result.
    pub(super) fn of(known: &Known) -> Option<Self> {
        let Judgement { report, run } = known.last.as_deref()?;
        let refused: u64 = report.lists.iter().map(|list| list.refused).sum();
        Some(Self {
            as_of: time(run.begun()),
            took_seconds: run.seconds(),
            leaves: report.ledgers.iter().map(|ledger| ledger.leaves).sum(),
            events: report.events,
            days: report.days.clone().map(|(first, last)| Span { first, last }),
            zone: report.zone.clone(),
            lists: report.lists.iter().filter(|list| list.rows > 0 || list.kind.is_some()).count() as u64
                + report.configuration.documents.len() as u64,
            unread: report.diagnostics.len() as u64 + refused,
            working: known.working.is_some(),
            fault: known.fault.as_ref().map(|fault| Failed { at: time(fault.at), why: fault.why.clone() }),
        })
    }
}

/// What is known now.
pub(super) fn known(judge: Option<&Judge>) -> Known {
    judge.map_or_else(|| Known { never: true, ..Known::default() }, Judge::known)
}

/// The last judgement, or why there is none.
fn needed(known: &Known) -> Result<(Arc<Judgement>, Judged), Refused> {
    if let (Some(last), Some(judged)) = (&known.last, Judged::of(known)) {
        return Ok((Arc::clone(last), judged));
    }
    match &known.fault {
        _ if known.never => {
            Err(Refused::NotAvailable("claims are not judged here: see [assure] of the configuration"))
        }
        Some(fault) => Err(Refused::Failed(format!("claims could not be judged: {}", fault.why))),
        None => Err(Refused::NotYet("claims are being judged for the first time")),
    }
}

/// What is shown of an entity of this sort.
fn shown(names: &dyn Shown, about: &str, entity: &str) -> String {
    if about == ACCOUNT { names.account(entity, None) } else { entity.to_owned() }
}
