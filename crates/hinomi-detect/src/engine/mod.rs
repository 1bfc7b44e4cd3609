//! Every rule against every event, at a cost per distinct value instead of per event and rule.
//!
//! # How it works
//! 1. All tests of all rules become *predicates*, shared by the rules that make the same test ([`predicate`]).
//! 2. All predicates of one field form one matcher ([`field_matcher`]): a distinct value of the field is put to
//!    it once and yields the *set* of predicates it satisfies; sets are numbered.
//! 3. A row is then a short tuple of set numbers. Rows with equal tuples have equal results, so results are
//!    remembered per tuple ([`evaluate`]).
//! 4. For a new tuple only those rules are evaluated whose most selective necessary predicate holds
//!    ([`compile`]); regular expressions and field references, which depend on more than the sets, are tried
//!    last and only where the rest leaves a rule undecided.
//!
//! # Invariants
//! The result is that of evaluating every rule on every event by itself; everything above is only speed. A
//! naive evaluator in `hinomi-testkit` is compared with it.

mod commonness;
mod compile;
mod evaluate;
mod field_matcher;
mod fold;
mod glob;
mod line_memory;
mod literals;
mod logsource;
mod predicate;
mod prefilter;
mod regex_literals;

pub use compile::{CompileError, Engine, EngineRule, RuleIndex};
pub use evaluate::{Depth, Evaluator, FilterId};
pub use logsource::{LogSourceError, LogSources};
pub use prefilter::{KeywordPrefilter, RawEncoding};
