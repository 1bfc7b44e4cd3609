//! Keys met so far: a tree of paths with what each means, and which key usually follows which.
//!
//! # Invariants
//! - A node's meaning never changes while the node lives; field ids belong to one store.
//! - The tree is bounded: [`Trie::begin_event`] starts it afresh when it has grown beyond what real logs need, and
//!   within an event keys beyond [`MAX_NODES`] go to a node that keeps nothing.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hinomi_columns::{FieldId, Store, ValueId};

use super::catalogue::{Kind, Watch};
use super::scan::unescape;
use super::value::{Form, Raw};

/// Number of a node.
pub(super) type NodeId = u32;

/// The object itself.
pub(super) const ROOT: NodeId = 0;
/// Where keys go for which there is no room.
pub(super) const OVERFLOW: NodeId = 1;
const NONE: u32 = u32::MAX;

const MAX_NODES: usize = 65_536;

/// What is done with a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// Nobody reads it.
    Skip,
    /// Interned into a field.
    Keep(FieldId),
    /// More than that; see [`Trie::special`].
    Special(u32),
    /// Not known yet.
    Unresolved,
}

/// A value that does more than fill its field.
#[derive(Debug)]
pub(super) struct Special {
    pub(super) watch: &'static Watch,
    /// The field and further names of it, once a value was met.
    pub(super) fields: Option<Vec<FieldId>>,
}

/// Two nodes to try before looking a key up: events of a few shapes take turns.
pub(super) type Likely = (NodeId, NodeId);

#[derive(Debug)]
struct Node {
    /// Raw bytes of the key and the closing quote.
    key: Box<[u8]>,
    head: Head,
    parent: NodeId,
    /// Siblings that followed the last two times they differed, the newer one first.
    next: Likely,
    /// Children that came first, likewise.
    first: Likely,
    action: Action,
    /// The last value here.
    memo: Memo,
    /// What happens to a whole object here, besides its members.
    object: Action,
}

/// The first bytes of a key, so that most keys are compared as one number.
#[derive(Clone, Copy, Debug)]
struct Head {
    bytes: u128,
    /// The bits of `bytes` that are the key's.
    mask: u128,
}

impl Head {
    const LENGTH: usize = 16;

    fn of(key: &[u8]) -> Self {
        let byte = |sum: u128, byte: &u8| sum << 8 | u128::from(*byte);
        let bytes = key.iter().take(Self::LENGTH).rev().fold(0, byte);
        let mask = key.iter().take(Self::LENGTH).fold(0, |mask, _| mask << 8 | 0xff);
        Self { bytes, mask }
    }
}

/// The last value of a path: most fields repeat theirs from event to event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Memo {
    /// Number of the text the value stands in; 0 is none.
    pub(super) text: u32,
    pub(super) raw: Raw,
    pub(super) value: ValueId,
}

impl Memo {
    const EMPTY: Self =
        Self { text: 0, raw: Raw { start: 0, end: 0, form: Form::Word }, value: ValueId::ABSENT };
}

/// Paths of one kind.
#[derive(Debug)]
pub(super) struct Trie {
    kind: &'static Kind,
    nodes: Vec<Node>,
    specials: Vec<Special>,
    index: HashTable<NodeId>,
    hasher: RandomState,
}

impl Trie {
    pub(super) fn new(kind: &'static Kind) -> Self {
        let mut trie = Self {
            kind,
            nodes: Vec::new(),
            specials: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::default(),
        };
        trie.clear();
        trie
    }

    fn clear(&mut self) {
        self.nodes.clear();
        self.specials.clear();
        self.index.clear();
        for action in [Action::Unresolved, Action::Skip] {
            self.nodes.push(Node {
                key: Box::default(),
                head: Head::of(&[]),
                parent: NONE,
                next: (NONE, NONE),
                first: (NONE, NONE),
                action,
                object: Action::Skip,
                memo: Memo::EMPTY,
            });
        }
    }

    /// To be called before an event is read. Gives back memory that hostile keys took.
    pub(super) fn begin_event(&mut self) {
        if self.nodes.len() > MAX_NODES / 2 {
            self.clear();
        }
    }

    /// The children of `parent` that are likely to come first.
    #[inline]
    pub(super) fn first(&self, parent: NodeId) -> Likely {
        self.nodes.get(parent as usize).map_or((NONE, NONE), |n| n.first)
    }

    /// The siblings that are likely to follow `node`.
    #[inline]
    pub(super) fn next(&self, node: NodeId) -> Likely {
        self.nodes.get(node as usize).map_or((NONE, NONE), |n| n.next)
    }

    /// Length of the key with its closing quote if `rest` starts with the key of `node`.
    #[inline]
    pub(super) fn matches(&self, node: NodeId, rest: &[u8]) -> Option<usize> {
        let Node { key, head, .. } = self.nodes.get(node as usize)?;
        let Some((first, tail)) = rest.split_first_chunk::<{ Head::LENGTH }>() else {
            return rest.starts_with(key).then_some(key.len());
        };
        if (u128::from_le_bytes(*first) ^ head.bytes) & head.mask != 0 {
            return None;
        }
        let longer = key.get(Head::LENGTH..).unwrap_or_default();
        (longer.is_empty() || tail.starts_with(longer)).then_some(key.len())
    }

    /// Remembers that `node` came after `previous`, or first if there is none.
    #[inline]
    pub(super) fn follow(&mut self, parent: NodeId, previous: Option<NodeId>, node: NodeId) {
        let likely = match previous {
            Some(previous) => self.nodes.get_mut(previous as usize).map(|n| &mut n.next),
            None => self.nodes.get_mut(parent as usize).map(|n| &mut n.first),
        };
        if let Some(likely) = likely
            && likely.0 != node
        {
            *likely = (node, likely.0);
        }
    }

    #[inline]
    pub(super) fn action(&self, node: NodeId) -> Action {
        self.nodes.get(node as usize).map_or(Action::Skip, |n| n.action)
    }

    #[inline]
    pub(super) fn memo(&self, node: NodeId) -> Memo {
        self.nodes.get(node as usize).map_or(Memo::EMPTY, |n| n.memo)
    }

    #[inline]
    pub(super) fn remember(&mut self, node: NodeId, memo: Memo) {
        if let Some(n) = self.nodes.get_mut(node as usize) {
            n.memo = memo;
        }
    }

    #[inline]
    pub(super) fn special(&self, at: u32) -> Option<&Special> {
        self.specials.get(at as usize)
    }

    /// The child of `parent` with this key (raw bytes with the closing quote).
    pub(super) fn child(&mut self, parent: NodeId, key: &[u8]) -> NodeId {
        let hash = self.hasher.hash_one((parent, key));
        let nodes = &self.nodes;
        let same =
            |&id: &NodeId| nodes.get(id as usize).is_some_and(|n| n.parent == parent && *n.key == *key);
        match self.index.find(hash, same) {
            Some(&id) => id,
            None => self.insert(parent, key, hash),
        }
    }

    #[cold]
    fn insert(&mut self, parent: NodeId, key: &[u8], hash: u64) -> NodeId {
        if self.nodes.len() >= MAX_NODES || parent == OVERFLOW {
            return OVERFLOW;
        }
        let id = self.nodes.len() as NodeId;
        self.nodes.push(Node {
            key: key.into(),
            head: Head::of(key),
            parent,
            next: (NONE, NONE),
            first: (NONE, NONE),
            action: Action::Unresolved,
            object: Action::Unresolved,
            memo: Memo::EMPTY,
        });
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        self.index.insert_unique(hash, id, |&other| {
            nodes.get(other as usize).map_or(0, |n| hasher.hash_one((n.parent, &*n.key)))
        });
        // What is watched must be known before the first value, because presence alone can matter.
        if self.kind.watches.contains_key(&self.path(id)) {
            self.watched(id);
        }
        id
    }

    /// Dotted path of a node.
    pub(super) fn path(&self, mut node: NodeId) -> String {
        let mut keys = Vec::new();
        while let Some(found) = self.nodes.get(node as usize).filter(|n| n.parent != NONE) {
            let raw = found.key.strip_suffix(b"\"").unwrap_or(&found.key);
            let mut text = Vec::with_capacity(raw.len());
            unescape(raw, &mut text);
            keys.push(String::from_utf8_lossy(&text).into_owned());
            node = found.parent;
        }
        keys.reverse();
        keys.join(".")
    }

    fn watched(&mut self, node: NodeId) {
        let at = self.specials.len() as u32;
        if let Some(watch) = self.kind.watches.get(&self.path(node)) {
            self.specials.push(Special { watch, fields: None });
            if let Some(n) = self.nodes.get_mut(node as usize) {
                n.action = Action::Special(at);
            }
        }
    }

    /// Finds out what is done with the values of `node`.
    #[cold]
    pub(super) fn resolve(&mut self, node: NodeId, store: &mut Store) -> Action {
        let path = self.path(node);
        let field = store.field(&self.kind.mapping.field_name(&path));
        let action = field.map_or(Action::Skip, Action::Keep);
        if let Some(n) = self.nodes.get_mut(node as usize) {
            n.action = action;
        }
        action
    }

    /// Finds the fields of a watched node, on first use.
    #[cold]
    pub(super) fn resolve_special(&mut self, node: NodeId, at: u32, store: &mut Store) {
        let path = self.path(node);
        let name = self.kind.mapping.field_name(&path);
        if let Some(special) = self.specials.get_mut(at as usize) {
            let names = std::iter::once(&name).chain(&special.watch.also);
            special.fields = Some(names.filter_map(|n| store.field(n)).collect());
        }
    }

    /// The field that takes the object at `node` as text: only when somebody asks for it by name.
    #[inline]
    pub(super) fn object_field(&mut self, node: NodeId, store: &mut Store) -> Option<FieldId> {
        match self.nodes.get(node as usize)?.object {
            Action::Keep(field) => Some(field),
            Action::Unresolved => self.resolve_object(node, store),
            Action::Skip | Action::Special(_) => None,
        }
    }

    #[cold]
    fn resolve_object(&mut self, node: NodeId, store: &mut Store) -> Option<FieldId> {
        let path = self.path(node);
        // A renamed object's members carry the name already.
        let own = self.kind.mapping.field_name(&path) == path;
        let field = store.fields().named(&path).filter(|_| own);
        if let Some(n) = self.nodes.get_mut(node as usize) {
            n.object = field.map_or(Action::Skip, Action::Keep);
        }
        field
    }

    /// The kind whose paths these are.
    pub(super) fn kind(&self) -> &'static Kind {
        self.kind
    }
}
