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

/// The bytes of a member.
pub(crate) struct Body {
    pub(crate) stream: Stream,
    /// Where they lie unpacked, if they do: archives in there need not be copied.
    pub(crate) span: Option<Span>,
}

impl Body {
    pub(crate) fn open(self) -> Source {
        Source::of_stream(self.stream).with_span(self.span)
    }
}
