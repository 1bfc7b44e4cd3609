//! Kinds of logs: what a rule's `logsource` is compared with.

use std::collections::HashMap;

/// What produced an event, in the words of Sigma's `logsource`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct LogKind {
    /// Vendor product, for instance `windows`, `linux`, `aws`.
    pub product: String,
    /// Service within the product, for instance `sshd`, `cloudtrail`; empty when there is one only.
    pub service: String,
    /// Event categories the event belongs to, for instance `authentication`, `proxy`.
    pub categories: Vec<String>,
}

impl LogKind {
    /// `product/service`, or `product` alone.
    pub fn name(&self) -> String {
        if self.service.is_empty() {
            self.product.clone()
        } else {
            format!("{}/{}", self.product, self.service)
        }
    }
}

/// Number of a [`LogKind`] in a [`KindTable`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct KindId(pub u16);

/// Every kind of log met so far, numbered in order of appearance.
#[derive(Clone, Debug, Default)]
pub struct KindTable {
    kinds: Vec<LogKind>,
    index: HashMap<LogKind, KindId>,
}

impl KindTable {
    /// The id of `kind`, new or known. The table is bounded: past 65,535 kinds the first is returned.
    pub fn intern(&mut self, kind: &LogKind) -> KindId {
        if let Some(&id) = self.index.get(kind) {
            return id;
        }
        let Ok(next) = u16::try_from(self.kinds.len()) else { return KindId(0) };
        let id = KindId(next);
        self.kinds.push(kind.clone());
        self.index.insert(kind.clone(), id);
        id
    }

    /// The kind with this id.
    pub fn kind(&self, id: KindId) -> Option<&LogKind> {
        self.kinds.get(usize::from(id.0))
    }
}
