//! What can go wrong with derived data and questions to them.

use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A derived file is not what was registered.
    #[error("{path}: {what}")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There is no derived data here.
    #[error("{path}: nothing was derived here")]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// Derived by a newer program.
    #[error("{path}: format {found:?} is unknown to this program")]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// What it states.
        found: String,
    },
    /// Derived by an older program, in a format that is not read any more.
    #[error("{path}: format {found:?} is not read any more")]
    Older {
        /// The manifest.
        path: PathBuf,
        /// What it states.
        found: String,
    },
    /// The table of normalised columns does not parse.
    #[error("table of columns: {0}")]
    Mapping(#[from] serde_yaml_ng::Error),
    /// Writing or reading Parquet.
    #[error("{path}: {source}")]
    Parquet {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// Columns that do not fit together.
    #[error("columns: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A question that is not asked this way.
    #[error("{message}")]
    Refused {
        /// Why.
        message: String,
        /// What to do instead.
        hint: String,
    },
    /// Somebody asked to stop.
    #[error("stopped before it was done")]
    Stopped,
    /// The engine could not answer.
    #[error("{0}")]
    Engine(String),
    /// A bound was reached.
    #[error("{0}")]
    Limit(String),
}

impl QueryError {
    /// An input or output error at a path.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// A Parquet error at a path.
    pub fn parquet(path: impl Into<PathBuf>) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.into();
        move |source| Self::Parquet { path, source }
    }

    /// Something registered otherwise.
    pub fn damaged(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.into(), what: what.into() }
    }
}
