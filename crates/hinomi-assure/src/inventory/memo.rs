//! A resolver that remembers its answers: logs repeat the same names.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hinomi_model::Timestamp;

use super::{Resolved, Resolver};

/// Answers by what was asked.
pub(crate) struct Answers<K, V> {
    table: HashTable<(K, V)>,
    state: RandomState,
}

impl<K, V> Default for Answers<K, V> {
    fn default() -> Self {
        Self { table: HashTable::new(), state: RandomState::default() }
    }
}

impl<K: Hash, V: Clone> Answers<K, V> {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The answer to a question: known, or found and kept.
    pub(crate) fn answer<Q: Hash>(
        &mut self,
        asked: &Q,
        is_asked: impl Fn(&K) -> bool,
        kept: impl FnOnce() -> K,
        find: impl FnOnce() -> V,
    ) -> V {
        let hash = self.state.hash_one(asked);
        if let Some((_, answer)) = self.table.find(hash, |(key, _)| is_asked(key)) {
            return answer.clone();
        }
        let answer = find();
        let state = &self.state;
        self.table.insert_unique(hash, (kept(), answer.clone()), |(key, _)| state.hash_one(key));
        answer
    }
}

/// An account's name, and its lasting id.
type AccountKey = (Box<str>, Option<Box<str>>);

/// A resolver with its answers so far.
pub(crate) struct Memo<'r> {
    resolver: &'r Resolver,
    accounts: RefCell<Answers<AccountKey, Resolved>>,
    hosts: RefCell<Answers<Box<str>, Resolved>>,
    /// Hosts that lists give an address to.
    addresses: RefCell<Answers<Box<str>, Option<Resolved>>>,
}

impl<'r> Memo<'r> {
    pub(crate) fn of(resolver: &'r Resolver) -> Self {
        let (accounts, hosts, addresses) = (Answers::new(), Answers::new(), Answers::new());
        Self { resolver, accounts: accounts.into(), hosts: hosts.into(), addresses: addresses.into() }
    }

    /// As [`Resolver::account`].
    pub(crate) fn account(&self, name: &str, id: Option<&str>) -> Resolved {
        self.accounts.borrow_mut().answer(
            &(name, id),
            |(known, known_id)| **known == *name && known_id.as_deref() == id,
            || (name.into(), id.map(Into::into)),
            || self.resolver.account(name, id),
        )
    }

    /// As [`Resolver::host`].
    pub(crate) fn host(&self, name: &str) -> Resolved {
        let find = || self.resolver.host(name);
        self.hosts.borrow_mut().answer(&name, |known| **known == *name, || name.into(), find)
    }

    /// As [`Resolver::host_at`].
    pub(crate) fn host_at(&self, address: &str, time: Timestamp) -> Option<Resolved> {
        let find = || self.resolver.host_with(address);
        let mut addresses = self.addresses.borrow_mut();
        let listed = addresses.answer(&address, |known| **known == *address, || address.into(), find);
        listed.or_else(|| self.resolver.host_at(address, time))
    }
}
