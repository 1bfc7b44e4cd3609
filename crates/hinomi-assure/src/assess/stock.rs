//! Where observations wait until they are judged: in memory, or on shelves outside it, a few accounts and hosts on each.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::fact::HostFact;
use super::overview::First;
use super::record::{Peek, Reader, Writer};
use crate::inventory::{AccountName, Answers, Inventory, Memo, Resolver, Sighted};
use crate::session::{Moment, near_checks};
use crate::{Observation, ObservationKind, ObservationSpec};

/// Room for bytes outside memory: files, as a rule.
pub trait Shelves: Sync {
    /// Puts bytes behind those that are on a shelf.
    fn put(&self, number: usize, bytes: &[u8]) -> io::Result<()>;

    /// Takes everything off a shelf, in the order in which it was put there.
    fn take(&self, number: usize) -> io::Result<Vec<u8>>;

    /// Copies everything on a shelf.
    fn copy(&self, number: usize) -> io::Result<Vec<u8>>;
}

/// Shelves that do not give back what was put on them.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// They cannot be read or written.
    #[error("shelf {shelf}: {source}")]
    Unreadable {
        /// Which.
        shelf: usize,
        /// Why.
        source: io::Error,
    },
    /// What comes back is not what was put there.
    #[error("shelf {0} was changed while it was in use")]
    Changed(usize),
}

/// Observations and facts by part.
pub(super) trait Stock: Sync {
    /// What can go wrong with it.
    type Error: Send;

    fn parts(&self) -> usize;

    /// Sign-ins, checks and uses of the accounts of a part.
    fn of_accounts(&self, part: usize) -> Result<Vec<Observation>, Self::Error>;

    /// Sign-ins and checks of the accounts of a part that decide which sign-in a check proves.
    fn near_checks(
        &self,
        part: usize,
        specs: &[ObservationSpec],
        names: &Memo<'_>,
    ) -> Result<Vec<Observation>, Self::Error>;

    /// Observations of hosts, in no order: what they say of which host is not known yet.
    fn of_hosts(&self, part: usize) -> Result<Vec<Observation>, Self::Error>;

    /// Puts facts into their parts.
    fn put(&self, facts: &mut Vec<Vec<HostFact>>) -> Result<(), Self::Error>;

    /// Facts of the hosts of a part.
    fn facts(&self, part: usize) -> Result<Vec<HostFact>, Self::Error>;
}

/// Whether an observation is of an account; others are of hosts.
fn is_of_account(specs: &[ObservationSpec], seen: &Observation) -> bool {
    use ObservationKind::{Factor, SignIn, Use};
    specs.get(seen.rule).is_none_or(|s| matches!(s.kind, SignIn | Factor | Use))
}

/// Gathers the moments at which accounts signed in or were checked.
#[derive(Default)]
struct Moments {
    accounts: HashMap<Arc<str>, usize>,
    all: Vec<Moment>,
    /// Where the observation of each moment is found.
    places: Vec<usize>,
}

impl Moments {
    fn add(&mut self, specs: &[ObservationSpec], names: &Memo<'_>, (seen, place): (&Peek<'_>, usize)) {
        let kind = specs.get(seen.rule).map(|s| s.kind);
        let (Some(account), Some(ObservationKind::SignIn | ObservationKind::Factor)) = (seen.account, kind)
        else {
            return;
        };
        let next = self.accounts.len();
        let account = *self.accounts.entry(names.account(account, seen.account_id).id).or_insert(next);
        self.all.push(Moment { account, time: seen.time, is_check: kind == Some(ObservationKind::Factor) });
        self.places.push(place);
    }

    /// Where those near checks are found.
    fn near_checks(&self) -> impl Iterator<Item = usize> {
        near_checks(&self.all).into_iter().filter_map(|at| self.places.get(at).copied())
    }
}

/// Everything in memory, as one part.
pub(super) struct Whole<'m> {
    specs: &'m [ObservationSpec],
    observations: &'m [Observation],
    facts: Mutex<Vec<HostFact>>,
}

impl<'m> Whole<'m> {
    pub(super) fn new(specs: &'m [ObservationSpec], observations: &'m [Observation]) -> Self {
        Self { specs, observations, facts: Mutex::default() }
    }
}

impl Stock for Whole<'_> {
    type Error = Infallible;

    fn parts(&self) -> usize {
        1
    }

    fn of_accounts(&self, _: usize) -> Result<Vec<Observation>, Infallible> {
        Ok(self.observations.iter().filter(|o| is_of_account(self.specs, o)).cloned().collect())
    }

    fn near_checks(
        &self,
        _: usize,
        specs: &[ObservationSpec],
        names: &Memo<'_>,
    ) -> Result<Vec<Observation>, Infallible> {
        let mut moments = Moments::default();
        for (place, seen) in self.observations.iter().enumerate() {
            let (account, account_id) = (seen.account.as_deref(), seen.account_id.as_deref());
            let peek = Peek { rule: seen.rule, time: seen.time, account, account_id };
            moments.add(specs, names, (&peek, place));
        }
        Ok(moments.near_checks().filter_map(|at| self.observations.get(at).cloned()).collect())
    }

    fn of_hosts(&self, _: usize) -> Result<Vec<Observation>, Infallible> {
        Ok(self.observations.iter().filter(|o| !is_of_account(self.specs, o)).cloned().collect())
    }

    fn put(&self, facts: &mut Vec<Vec<HostFact>>) -> Result<(), Infallible> {
        self.facts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(facts.iter_mut().flat_map(|of| of.drain(..)));
        Ok(())
    }

    fn facts(&self, _: usize) -> Result<Vec<HostFact>, Infallible> {
        Ok(std::mem::take(&mut *self.facts.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Bytes that wait before they are put on a shelf.
const BUFFER: usize = 1 << 16;

/// Takes observations in, one after the other, without keeping them in memory.
///
/// # Invariants
/// - Everything that decides about one account is in one part, and so is everything that decides about one host.
pub struct Collected<'m> {
    specs: &'m [ObservationSpec],
    shelves: &'m dyn Shelves,
    parts: usize,
    first: First,
    /// Knows lists only: names that logs join are put right at the end.
    listed: Resolver,
    by_name: Answers<(Box<str>, Option<Box<str>>), usize>,
    buffers: Vec<Vec<u8>>,
}

impl<'m> Collected<'m> {
    /// Nothing yet. Memory holds about one of `parts` at a time and thread.
    pub fn new(
        specs: &'m [ObservationSpec],
        inventory: &Inventory,
        shelves: &'m dyn Shelves,
        parts: usize,
    ) -> Self {
        let parts = parts.max(1);
        Self {
            specs,
            shelves,
            parts,
            first: First::default(),
            listed: Resolver::new(inventory, Sighted::default()),
            by_name: Answers::new(),
            buffers: vec![Vec::new(); 2 * parts],
        }
    }

    /// Takes one in.
    pub fn add(&mut self, seen: &Observation) -> Result<(), ShelfError> {
        self.first.add(self.specs, seen);
        let at = if is_of_account(self.specs, seen) {
            self.part_of(seen)
        } else {
            self.parts + seen.event % self.parts
        };
        let Some(buffer) = self.buffers.get_mut(at) else { return Ok(()) };
        Writer(buffer).observation(seen);
        if buffer.len() >= BUFFER {
            put(self.shelves, at, buffer)?;
        }
        Ok(())
    }

    /// How many were taken in.
    pub fn count(&self) -> u64 {
        self.first.count()
    }

    fn part_of(&mut self, seen: &Observation) -> usize {
        let Some(account) = seen.account.as_deref() else { return 0 };
        let id = seen.account_id.as_deref();
        let (listed, parts) = (&self.listed, self.parts);
        self.by_name.answer(
            &(account, id),
            |(known, known_id)| **known == *account && known_id.as_deref() == id,
            || (account.into(), id.map(Into::into)),
            || part_of_account(&listed.account(account, id).id, parts),
        )
    }

    /// What was learnt from all, and where they lie. Nothing more is taken in.
    pub(super) fn finish(mut self) -> Result<(First, Shelved<'m>), ShelfError> {
        for (at, buffer) in self.buffers.iter_mut().enumerate() {
            put(self.shelves, at, buffer)?;
        }
        Ok((self.first, Shelved { shelves: self.shelves, parts: self.parts }))
    }
}

fn put(shelves: &dyn Shelves, at: usize, buffer: &mut Vec<u8>) -> Result<(), ShelfError> {
    if !buffer.is_empty() {
        shelves.put(at, buffer).map_err(|source| ShelfError::Unreadable { shelf: at, source })?;
        buffer.clear();
    }
    Ok(())
}

/// The part of an account by the one name it goes by: by the name within its domain, which all its forms share.
pub(super) fn part_of_account(id: &str, parts: usize) -> usize {
    part_of(&AccountName::parse(id).user, parts)
}

/// The part of a host by the one name it goes by.
pub(super) fn part_of_host(id: &str, parts: usize) -> usize {
    part_of(id, parts)
}

/// FNV-1a: which part it is changes no result.
fn part_of(text: &str, parts: usize) -> usize {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    (hash % parts as u64) as usize
}

/// Everything on shelves: accounts, observations of hosts, facts of hosts.
pub(super) struct Shelved<'m> {
    shelves: &'m dyn Shelves,
    parts: usize,
}

impl Shelved<'_> {
    fn copy(&self, at: usize) -> Result<Vec<u8>, ShelfError> {
        self.shelves.copy(at).map_err(|source| ShelfError::Unreadable { shelf: at, source })
    }

    fn take(&self, at: usize) -> Result<Vec<u8>, ShelfError> {
        self.shelves.take(at).map_err(|source| ShelfError::Unreadable { shelf: at, source })
    }

    /// Puts right what was put away before it was known what every name means: an account that a log names by its lasting
    /// id lies where the id was taken for a name.
    pub(super) fn settle(&self, resolver: &Resolver, by_id: &[String]) -> Result<(), ShelfError> {
        let mut moved: Vec<usize> = by_id.iter().map(|id| part_of_account(id, self.parts)).collect();
        moved.sort_unstable();
        moved.dedup();
        moved.into_iter().try_for_each(|part| self.rearrange(part, &Memo::of(resolver)))
    }

    /// Puts observations that lie in a part, but belong to another, into theirs.
    fn rearrange(&self, part: usize, names: &Memo<'_>) -> Result<(), ShelfError> {
        let mut buffers = vec![Vec::new(); self.parts];
        for seen in observations(part, &self.take(part)?)? {
            let account = seen.account.as_deref().map(|a| names.account(a, seen.account_id.as_deref()));
            let to = account.map_or(0, |a| part_of_account(&a.id, self.parts));
            buffers.get_mut(to).into_iter().for_each(|buffer| Writer(buffer).observation(&seen));
        }
        buffers.iter_mut().enumerate().try_for_each(|(to, buffer)| put(self.shelves, to, buffer))
    }
}

fn observations(at: usize, bytes: &[u8]) -> Result<Vec<Observation>, ShelfError> {
    let mut reader = Reader(bytes);
    // Few records are shorter.
    let mut all = Vec::with_capacity(bytes.len() / 64);
    while !reader.is_empty() {
        all.push(reader.observation().ok_or(ShelfError::Changed(at))?);
    }
    Ok(all)
}

impl Stock for Shelved<'_> {
    type Error = ShelfError;

    fn parts(&self) -> usize {
        self.parts
    }

    fn of_accounts(&self, part: usize) -> Result<Vec<Observation>, ShelfError> {
        observations(part, &self.copy(part)?)
    }

    fn near_checks(
        &self,
        part: usize,
        specs: &[ObservationSpec],
        names: &Memo<'_>,
    ) -> Result<Vec<Observation>, ShelfError> {
        let bytes = self.copy(part)?;
        let mut moments = Moments::default();
        let mut reader = Reader(&bytes);
        while !reader.is_empty() {
            let place = bytes.len() - reader.0.len();
            let peek = reader.peek().ok_or(ShelfError::Changed(part))?;
            moments.add(specs, names, (&peek, place));
        }
        let read = |place| Reader(bytes.get(place..)?).observation();
        moments.near_checks().map(|place| read(place).ok_or(ShelfError::Changed(part))).collect()
    }

    fn of_hosts(&self, part: usize) -> Result<Vec<Observation>, ShelfError> {
        let at = self.parts + part;
        observations(at, &self.take(at)?)
    }

    fn put(&self, facts: &mut Vec<Vec<HostFact>>) -> Result<(), ShelfError> {
        let mut buffer = Vec::new();
        for (part, facts) in facts.iter_mut().enumerate() {
            facts.drain(..).for_each(|fact| Writer(&mut buffer).fact(&fact));
            put(self.shelves, 2 * self.parts + part, &mut buffer)?;
        }
        Ok(())
    }

    fn facts(&self, part: usize) -> Result<Vec<HostFact>, ShelfError> {
        let at = 2 * self.parts + part;
        let bytes = self.take(at)?;
        let mut reader = Reader(&bytes);
        let mut all = Vec::new();
        while !reader.is_empty() {
            all.push(reader.fact().ok_or(ShelfError::Changed(at))?);
        }
        Ok(all)
    }
}
