//! Who can reach what: a graph of accounts, groups, hosts, secrets and copies, and the questions asked of it.
//!
//! An edge says that whoever holds its beginning gains its end. It is a fact if it was seen in use or is in force by itself (a
//! membership), otherwise a possibility. Kinds, their sentences in both languages, and what it takes to cut an edge are data
//! (`mappings/graph-edges.yaml`), as is the form of directory exports (`mappings/graph-directory.yaml`).
//!
//! # Invariants
//! - Answers do not depend on the order in which documents, nodes and edges came.
//! - Every edge names the document and the place that state it, or that no document does.
//! - Nothing is dropped unsaid: unknown kinds are kept and counted, what did not fit is counted.
//!
//! # Not here
//! Opening of files; rendering; what an organisation claims ([`crate::Outcome`]).

mod build;
mod catalogue;
mod compare;
mod complete;
mod cut;
mod error;
mod exposure;
mod import;
mod passage;
mod reach;
mod show;
mod store;
mod texts;
mod total;

pub use build::{Bounds, Builder, DocumentId, Dropped, PlaceId};
pub use catalogue::{Act, Catalogue, EdgeKind, Flow};
pub use compare::{Difference, ExposureChange};
pub use cut::{CutQuestion, CutSize, Inseparable, Price, Separation};
pub use error::GraphError;
pub use exposure::{Exposure, ExposureFigures};
pub use import::{DirectoryFormat, Import};
pub use passage::Passage;
pub use reach::{BlastRadius, Reach};
pub use show::{Naming, Step};
pub use store::{Edge, EdgeId, Graph, Node, NodeId};
