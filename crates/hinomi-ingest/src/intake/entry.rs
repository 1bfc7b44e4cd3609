//! A member of an archive, before it is looked at.

use hinomi_model::Timestamp;

use super::source::{Source, Span, Stream};

/// One readable member.
pub(crate) struct Entry {
    /// Shown name, unique in its archive.
    pub(crate) name: String,
    pub(crate) modified: Option<Timestamp>,
    pub(crate) body: Body,
}

/// Where the bytes of a member are.
pub(crate) enum Body {
    Span(Span),
    Stream(Stream),
}

impl Body {
    pub(crate) fn open(self) -> Source {
        match self {
            Self::Span(span) => Source::of_span(span),
            Self::Stream(stream) => Source::of_stream(stream),
        }
    }
}
