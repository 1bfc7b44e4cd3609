//! Field names and which of them are worth keeping.

use std::sync::Arc;

use hashbrown::HashMap;

/// Number of a field name in a [`FieldTable`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FieldId(pub u32);

impl FieldId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Fields every store keeps, at fixed ids; they carry routing and identity.
pub mod well_known {
    use super::FieldId;

    /// Windows event channel.
    pub const CHANNEL: FieldId = FieldId(0);
    /// Windows event provider.
    pub const PROVIDER: FieldId = FieldId(1);
    /// Windows event id.
    pub const EVENT_ID: FieldId = FieldId(2);
    /// Host that wrote the event, whatever the vendor calls it.
    pub const COMPUTER: FieldId = FieldId(3);
    /// The whole event as text, for sources that are text.
    pub const RAW: FieldId = FieldId(4);
    /// Names of the fields above, in order.
    pub const NAMES: [&str; 5] = ["Channel", "Provider_Name", "EventID", "Computer", "_raw"];
}

/// Which fields a store keeps. Cheap to clone and to share between threads.
#[derive(Clone, Debug)]
pub struct Projection {
    names: Arc<[Box<str>]>,
    keep_all: bool,
    /// Named, to have a fixed id, but not kept unless all fields are.
    cold: Arc<[FieldId]>,
}

impl Projection {
    /// Keeps `names` (in this order, after the well-known ones) and nothing else. Duplicates are dropped.
    pub fn of<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut all: Vec<Box<str>> = well_known::NAMES.iter().map(|&n| n.into()).collect();
        let mut seen: std::collections::HashSet<Box<str>> = all.iter().cloned().collect();
        for name in names {
            let name: Box<str> = name.as_ref().into();
            if seen.insert(name.clone()) {
                all.push(name);
            }
        }
        Self { names: all.into(), keep_all: false, cold: Arc::default() }
    }

    /// Gives `names` ids but keeps them only together with all fields.
    #[must_use]
    pub fn except<S: AsRef<str>>(mut self, names: &[S]) -> Self {
        let at = |name: &S| self.names.iter().position(|n| n.as_ref() == name.as_ref());
        self.cold = names.iter().filter_map(at).map(|at| FieldId(at as u32)).collect();
        self
    }

    /// Keeps every field; the named ones come first.
    #[must_use]
    pub fn and_all_others(mut self) -> Self {
        self.keep_all = true;
        self
    }

    /// The name of a field, if it is one of those named here.
    pub fn name(&self, id: FieldId) -> Option<&str> {
        self.names.get(id.index()).map(AsRef::as_ref)
    }

    /// The names in id order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }
}

/// Names to ids, for one store.
#[derive(Debug)]
pub struct FieldTable {
    names: Vec<Box<str>>,
    index: HashMap<Box<str>, FieldId, foldhash::fast::RandomState>,
    keep_all: bool,
    asked_for: usize,
}

/// Bound on distinct field names when all are kept: hostile input must not grow the table for ever.
const MAX_FIELDS: usize = 65_536;

impl FieldTable {
    pub(crate) fn new(projection: &Projection) -> Self {
        let names: Vec<Box<str>> = projection.names.to_vec();
        let kept = |id: &FieldId| projection.keep_all || !projection.cold.contains(id);
        let index = names.iter().cloned().zip((0..).map(FieldId)).filter(|(_, id)| kept(id)).collect();
        let asked_for = names.len();
        Self { names, index, keep_all: projection.keep_all, asked_for }
    }

    /// The id of `name`, or `None` when nobody reads that field.
    pub fn id(&mut self, name: &str) -> Option<FieldId> {
        if let Some(&id) = self.index.get(name) {
            return Some(id);
        }
        if !self.keep_all || self.names.len() >= MAX_FIELDS {
            return None;
        }
        let id = FieldId(self.names.len() as u32);
        self.names.push(name.into());
        self.index.insert(name.into(), id);
        Some(id)
    }

    /// The id of `name` if it has one already.
    pub fn known(&self, name: &str) -> Option<FieldId> {
        self.index.get(name).copied()
    }

    /// The id of `name` if the projection asks for it by name, not only as one of all others.
    pub fn named(&self, name: &str) -> Option<FieldId> {
        self.known(name).filter(|id| id.index() < self.asked_for)
    }

    /// The name of a field.
    pub fn name(&self, id: FieldId) -> &str {
        self.names.get(id.index()).map_or("", AsRef::as_ref)
    }

    /// How many ids exist.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never true: the well-known fields always exist.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}
