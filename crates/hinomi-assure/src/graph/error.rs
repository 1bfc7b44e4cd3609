//! What can be wrong with a catalogue, a question or an answer.

use thiserror::Error;

/// Why there is no graph, or no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A data file cannot be read.
    #[error("{file}: {source}")]
    Data {
        /// Which file.
        file: &'static str,
        /// What the reader says.
        source: serde_yaml_ng::Error,
    },
    /// A data file names something that it does not define.
    #[error("{file}: «{name}» is not defined")]
    Undefined {
        /// Which file.
        file: &'static str,
        /// The name.
        name: String,
    },
    /// A data file defines a name twice.
    #[error("{file}: «{name}» is defined twice")]
    Twice {
        /// Which file.
        file: &'static str,
        /// The name.
        name: String,
    },
    /// A data file is of a version that this program does not read.
    #[error("{file}: version {version} is not read")]
    Version {
        /// Which file.
        file: &'static str,
        /// The stated version.
        version: u32,
    },
    /// The flow took more work than was allowed; the graph may have been made to do so.
    #[error("no cut within {steps} steps")]
    TooMuchWork {
        /// The bound.
        steps: u64,
    },
    /// Cut and flow differ, or the cut does not separate: a fault of this program, and the result is withheld.
    #[error("the cut costs {cost}, the flow is {flow}: withheld")]
    NotProven {
        /// Sum of the costs of the cut edges.
        cost: u64,
        /// Value of the flow.
        flow: u64,
    },
}
