//! Claims: what should be true of every session, account, host and log, as data.
//!
//! ```yaml
//! id: remote-second-factor
//! version: 1
//! title: {en: …, ja: …}
//! why: {en: …, ja: …}
//! of: session                    # what is judged: session, account, host-day, source-day, host, exposure, supplier or copy …
//! about: account                 # which entity of it answers for it
//! scope: {access: [remote, cloud]}
//! holds: {second_factor: "yes"}
//! needs: [remote, cloud]         # accesses or roles of logs without which nothing is supported
//! ```
//!
//! A condition is a map of tests that must all hold, or `all`, `any` or `not` of conditions. A test names an attribute
//! (`address`, `account.owner`, `device.role`, `supplier.networks`, `segment.role` …) and what it must be: a word, a list of words, or a
//! comparison. What is not known makes a test unknown, never false.

mod condition;
mod parse;
mod plan;
mod row;

pub use condition::{Condition, Test};
pub(crate) use condition::{fits, prefix_of};
pub(crate) use parse::condition;
pub use parse::{Claim, ClaimError, Question, Subject, parse};
pub(crate) use plan::Plan;
pub use row::{Row, Value};
