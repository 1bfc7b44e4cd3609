//! Why a record cannot be read.

use hinomi_model::DiagnosticKind;

/// A loss inside one record; the caller knows where and turns it into a diagnostic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    pub(super) kind: DiagnosticKind,
    pub(super) what: &'static str,
}

impl Fault {
    pub(super) const SHORT: Self = Self::malformed("a structure reaches past the end of the record");
    pub(super) const NO_TEMPLATE: Self = Self::malformed("the template it refers to is missing or damaged");
    pub(super) const CUT: Self = Self::malformed("values reach past its end and are taken for null");
    pub(super) const FRAGMENT: Self = Self::malformed(
        "a part with a template of its own is damaged, or its template is, and is taken for null",
    );
    pub(super) const NAME: Self = Self::malformed("names of its template cannot be read");
    pub(super) const DEPTH: Self = Self::limit("its elements or fragments are nested too deeply");
    pub(super) const SIZE: Self = Self::limit("its template expands beyond the bound");

    pub(super) const fn malformed(what: &'static str) -> Self {
        Self { kind: DiagnosticKind::Malformed, what }
    }

    const fn limit(what: &'static str) -> Self {
        Self { kind: DiagnosticKind::LimitExceeded, what }
    }
}
