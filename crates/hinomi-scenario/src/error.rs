//! Why a scenario cannot be rendered.

/// A fault of a scenario, or of the place it is written to.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A file that a scenario names was not given.
    #[error("{wanted}: no such scenario file (named by {by})")]
    Missing {
        /// File asked for.
        wanted: String,
        /// Who asked.
        by: String,
    },
    /// A file that is not the YAML that was expected.
    #[error("{file}: {source}")]
    Yaml {
        /// File.
        file: String,
        /// Place and problem.
        source: serde_yaml_ng::Error,
    },
    /// A name that nothing defines.
    #[error("{place}: {kind} {name:?} is not defined")]
    Unknown {
        /// Activity, step or format.
        place: String,
        /// Sort of thing.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A value that does not follow its notation.
    #[error("{place}: {value:?} is not {expected}")]
    Notation {
        /// Activity, step or format.
        place: String,
        /// What was written.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
    /// More than the renderer is willing to hold.
    #[error("{place}: more than {most} {kind}")]
    TooMany {
        /// Where.
        place: String,
        /// Of what.
        kind: &'static str,
        /// The bound.
        most: usize,
    },
    /// The sink failed.
    #[error("{path}: {source}")]
    Sink {
        /// File being written.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A step splices a recording that cannot be had.
    #[error("{place}: recording {recording:?}: {message}")]
    Recording {
        /// Step.
        place: String,
        /// Name of the recording.
        recording: String,
        /// Why.
        message: String,
    },
}
