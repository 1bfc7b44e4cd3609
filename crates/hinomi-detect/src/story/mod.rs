//! How detections become incidents: through an explainable graph.
//!
//! # Definitions
//! - **Signal.** One detection: its span of time, its rule, and what its events name.
//! - **Entity.** Something an event names: host, account, address, process, logon session, file.
//! - **Link.** A pair of signals with the reasons that join them, in points. Each kind of reason counts once, with
//!   its best value; a pair is joined from `points.join` on ([`StoryTable`]).
//! - **Incident.** Signals of at least medium level that links join. Lower signals are attached to the incident they
//!   fit best and never join two.
//! - **Decisive** reasons name one thing that two unrelated activities do not share by chance: the same event, process,
//!   logon session, file, an account or address that few others use, a network connection between two hosts. Being on
//!   the same host, or doing the same thing at the same time, is **circumstantial**.
//! - **Context** of a signal: the accounts and source addresses it names.
//!
//! # Invariants
//! - The result depends on the set of signals alone, not on their order.
//! - Links of an incident are a forest that spans it: every signal is there for a stated reason.
//! - A circumstantial link never joins parts with different contexts on a host that many use ([`Prevalence`]); what
//!   was kept apart is said ([`Story::apart`]). Where one was followed although the contexts differ, it is a **seam**.
//! - Cost is near-linear: each signal is compared only with its neighbours in time that share an entity.
//!
//! # Not here
//! Sentences and documents (`hinomi`); what rules find (`engine`, `correlate`).

mod assemble;
mod chance;
mod cluster;
mod entity;
mod incident;
mod lost;
mod pairs;
mod prevalence;
mod score;
mod signal;
mod table;
mod unseen;

#[cfg(test)]
mod tests;

pub use assemble::{Apart, Story, StoryBuilder};
pub use chance::Watched;
pub use entity::{Entity, EntityId, EntityKind, Role};
pub use incident::{Certainty, Incident, Judgement, StageSeen, Step, WhyCertain};
pub use lost::{Loss, Lost, Shown};
pub use prevalence::{AccountField, Census, Prevalence};
pub use score::{Because, Link, Reason};
pub use signal::{EventFacts, Facts};
pub use table::{Expected, Scope, Settles, Stage, StageId, StoryTable, StoryTableError, Text};
pub use unseen::{SourceSeen, Unseen, UnseenState, unseen};
