//! Searches for pages: derived data and what came a moment ago, in answers of a fraction of a second each.
//!
//! A search is read block after block, the latest events first. An answer takes [`WORK_NS`] of work and says how far it is; whoever
//! asks again with its snapshot goes on from there. What is not derived yet is looked at in the same time: where something may match it is
//! derived, and a new search has it.
//!
//! # Invariants
//! - [`AT_ONCE`] answers are worked on at a time; others wait for a moment and are refused then.
//! - A count that is not whole says so, and a stretch of time in which more may be found has none.
//! - SQL is answered by a process of its own, bounded by the kernel.
//!
//! # Not here
//! Finding (`hinomi_query::search`), deriving (`crate::derived`), saved hunts (`super::hunts`).

mod fresh;
mod gists;
mod progress;
mod shown;
mod slots;
mod standing;
mod sweeps;
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use hinomi_query::search::{Search, Sweep, Wanted, parse};
use hinomi_query::{Coverage, Gap, QueryError};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::evidence::Evidence;
use super::{Asked, Refused};
use crate::clock;
use progress::Progress;
use shown::FoundEvent;
use slots::Slots;
use standing::{Bounds, Standing, Unsearched, View};
use sweeps::{Begun, Beyond, Key, Sweeps};
pub(super) use table::Table;

/// Time that an answer is worked on.
const WORK_NS: i64 = 300_000_000;
/// Time after which matches are not counted any more once what is to be shown is there.
const COUNT_NS: i64 = 120_000_000;
/// Time in which a new search looks at what is not derived, before anything is read: what came lately is shown first.
const LATELY_NS: i64 = 100_000_000;
/// Answers that are worked on at the same time.
const AT_ONCE: usize = 2;
/// Longest text of a search, in characters.
const LONGEST: usize = 8192;
/// Terms of a search: each is tried on every event.
const MOST_TERMS: usize = 64;
/// Gaps that are named; the others are counted.
const MOST_GAPS: usize = 200;
/// Stretches of a histogram, unless asked for and at most.
const USUAL_STRETCHES: usize = 120;
const MOST_STRETCHES: usize = 500;
/// Columns that are shown: those that every event has.
const COLUMNS: [&str; 6] = ["time", "kind", "host", "account", "source", "event_id"];

/// Answers questions about events.
#[derive(Debug)]
pub(super) struct Searching {
    standing: Standing,
    sweeps: Sweeps,
    /// A view of its own: reading lines holds up no other page.
    evidence: Evidence,
    slots: Slots,
    /// Queries take longer, and leave room for searches.
    tables: Slots,
}

/// A page of events.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the contract has it")]
pub(super) struct Found {
    events: Vec<FoundEvent>,
    matches: u64,
    is_counted: bool,
    reachable: u64,
    searched_to: Option<String>,
    offset: u64,
    next: Option<String>,
    snapshot: String,
    is_complete: bool,
    is_scanning: bool,
    is_outdated: bool,
    unsearched: Unsearched,
    coverage: CoverageShown,
    took_ms: u64,
}

/// How many events match, over time.
#[derive(Debug, Serialize)]
pub(super) struct Histogram {
    from: String,
    to: String,
    bucket_seconds: i64,
    counts: Vec<Option<u64>>,
    unseen: Vec<u64>,
    matches: u64,
    is_counted: bool,
    snapshot: String,
    took_ms: u64,
}

/// What an answer could not see.
#[derive(Debug, Serialize)]
pub(super) struct CoverageShown {
    first: Option<String>,
    last: Option<String>,
    sources: u64,
    whole: u64,
    missing: Vec<Gap>,
    missing_more: u64,
    timeless: u64,
    losses: u64,
}

impl From<&Coverage> for CoverageShown {
    fn from(of: &Coverage) -> Self {
        Self {
            first: of.first.clone(),
            last: of.last.clone(),
            sources: of.sources,
            whole: of.whole,
            missing: of.missing.iter().take(MOST_GAPS).cloned().collect(),
            missing_more: of.missing.len().saturating_sub(MOST_GAPS) as u64,
            timeless: of.timeless,
            losses: of.losses,
        }
    }
}

fn refused(error: QueryError) -> Refused {
    match error {
        QueryError::Refused { message, hint } => Refused::Senseless(format!("{message}; {hint}")),
        QueryError::Limit(_) => Refused::Senseless(error.to_string()),
        _ => Refused::Failed(error.to_string()),
    }
}

/// A time in microseconds.
fn instant(micros: i64) -> String {
    super::time(Timestamp::from_nanos(micros.saturating_mul(1000)))
}

/// A stopwatch.
#[derive(Clone, Copy)]
struct Since(Timestamp);

impl Since {
    fn now() -> Self {
        Self(clock::now())
    }

    fn ns(self) -> i64 {
        clock::now().as_nanos().saturating_sub(self.0.as_nanos()).max(0)
    }

    fn ms(self) -> u64 {
        u64::try_from(self.ns() / 1_000_000).unwrap_or_default()
    }
}

impl Searching {
    pub(super) fn new(data: PathBuf, zone: Option<TimeZone>) -> Self {
        Self::bounded(data, zone, Bounds::default())
    }

    fn bounded(data: PathBuf, zone: Option<TimeZone>, bounds: Bounds) -> Self {
        Self {
            standing: Standing::new(data.clone(), zone, bounds),
            sweeps: Sweeps::new(),
            evidence: Evidence::new(data),
            slots: Slots::new(AT_ONCE),
            tables: Slots::new(1),
        }
    }

    /// Looks at what came, and opens what answers need, so that the first does not wait.
    pub(super) fn warm(&self) -> Result<(), Refused> {
        let view = self.standing.now()?;
        view.archive.presence();
        for file in view.archive.files() {
            file.times().map_err(refused)?;
        }
        self.evidence.with(|_| Ok(()))
    }

    /// Events that match, the latest first unless asked otherwise.
    pub(super) fn search(&self, asked: &Asked<'_>) -> Result<Found, Refused> {
        let since = Since::now();
        let _slot = self.slots.take()?;
        let limit = asked.limit()?;
        let (id, begun, offset) = self.begun(asked, since)?;
        let mut sweep = lock(&begun);
        let wanted = offset.saturating_add(limit);
        let enough = |sweep: &Sweep| {
            let spent = since.ns();
            spent > WORK_NS || spent > COUNT_NS && sweep.settled() >= wanted
        };
        sweep.advance(&enough).map_err(refused)?;
        let shown = |name: &str| is_shown(&sweep, name);
        let found = sweep.events(offset, limit, &shown).map_err(refused)?;
        let (end, reachable) = (offset + found.len(), sweep.settled());
        let (matches, counted, reached) = (sweep.matches(), sweep.is_counted(), sweep.reached());
        drop(sweep);
        let events = shown::events(found, &begun.origin, (&self.evidence, asked))?;
        let more = !counted || (end as u64) < (reachable as u64);
        let beyond = self.look_beyond(&begun, since)?;
        let Beyond { progress, coverage } = &*beyond;
        let whole = progress.is_whole() && !progress.is_outdated();
        let seen = coverage.missing.is_empty() && coverage.losses == 0;
        Ok(Found {
            events,
            matches,
            is_counted: counted,
            reachable: reachable as u64,
            searched_to: reached.map(instant),
            offset: offset as u64,
            next: more.then(|| format!("{id}:{end}")),
            snapshot: id,
            is_complete: counted && whole && seen,
            is_scanning: !progress.is_through(),
            is_outdated: progress.is_outdated(),
            unsearched: progress.unsearched(),
            coverage: CoverageShown::from(coverage),
            took_ms: since.ms(),
        })
    }

    /// Looks on at what the snapshot does not have, for the rest of the time.
    fn look_beyond<'b>(&self, begun: &'b Begun, since: Since) -> Result<MutexGuard<'b, Beyond>, Refused> {
        let mut beyond = beyond(begun);
        if !beyond.progress.is_through() {
            self.standing.scan(&begun.wanted, &mut beyond.progress, &|| since.ns() > WORK_NS)?;
            if beyond.progress.is_through() {
                beyond.coverage = coverage(&*self.standing.renewed()?, &begun.key);
            }
        }
        Ok(beyond)
    }

    /// How many events match, over time.
    pub(super) fn histogram(&self, asked: &Asked<'_>) -> Result<Histogram, Refused> {
        let since = Since::now();
        let _slot = self.slots.take()?;
        let most = match asked.number("buckets")?.unwrap_or(USUAL_STRETCHES) {
            most if (1..=MOST_STRETCHES).contains(&most) => most,
            _ => return Err(Refused::Senseless("buckets makes no sense".to_owned())),
        };
        let (id, begun, _) = self.begun(asked, since)?;
        let mut sweep = lock(&begun);
        sweep.advance(&|_| since.ns() > WORK_NS).map_err(refused)?;
        let counts = sweep.counts(most);
        let (matches, is_counted) = (sweep.matches(), sweep.is_counted());
        drop(sweep);
        let coverage = beyond(&begun).coverage.clone();
        let start = |at: usize| counts.from + i64::try_from(at).unwrap_or(0) * counts.width;
        let unseen = (0..counts.counts.len()).map(|at| unseen(&coverage, start(at), start(at + 1)));
        Ok(Histogram {
            from: instant(counts.from),
            to: instant(start(counts.counts.len())),
            bucket_seconds: counts.width / 1_000_000,
            unseen: unseen.collect(),
            counts: counts.counts.clone(),
            matches,
            is_counted,
            snapshot: id,
            took_ms: since.ms(),
        })
    }

    /// The rows of a `SELECT`.
    pub(super) fn query(&self, asked: &Asked<'_>) -> Result<Table, Refused> {
        let since = Since::now();
        let _slot = self.tables.take()?;
        let view = self.standing.now()?;
        table::table(&view, asked, since)
    }

    /// The search that is asked for, and from where: one that goes on, or a new one.
    fn begun(&self, asked: &Asked<'_>, since: Since) -> Result<(String, Arc<Begun>, usize), Refused> {
        let key = key(asked)?;
        let view = self.standing.now()?;
        let kept = |id: &str| {
            let begun = self.sweeps.named(id, &view).filter(|begun| begun.key == key);
            begun.ok_or_else(|| {
                Refused::Senseless(
                    "this snapshot is not kept any more, or of another search: search again".to_owned(),
                )
            })
        };
        if let Some((id, offset)) = place(asked)? {
            let begun = kept(&id)?;
            return Ok((id, begun, offset));
        }
        // Whoever says that it is the same search again has searched before, and that was written down.
        if let Some(id) = asked.value("renews")? {
            kept(&id)?;
        }
        if let Some((id, begun)) = self.sweeps.same(&key, &view)
            && !beyond(&begun).progress.is_outdated()
        {
            return Ok((id, begun, 0));
        }
        let search = search(&key)?;
        let wanted = Wanted::of(&search, view.archive.mapping());
        let (view, progress) = self.lately(&key, &wanted, (view, since))?;
        let archive = Arc::clone(&view.archive);
        let sweep = if progress.is_whole() { Sweep::new } else { Sweep::of_a_part }(archive, search);
        let beyond = Beyond { progress, coverage: coverage(&view, &key) };
        let (id, begun) = self.sweeps.keep(key, &view, (wanted, beyond), sweep.map_err(refused)?);
        Ok((id, begun, 0))
    }

    /// Looks for a new search at what is not derived, for a moment, and gives the view that has what was found.
    fn lately(
        &self,
        key: &Key,
        wanted: &Wanted,
        (view, since): (Arc<View>, Since),
    ) -> Result<(Arc<View>, Progress), Refused> {
        let before = self.sweeps.before(key, &view);
        let mut progress = match &before {
            Some(before) => Progress::new(view.open.clone(), Some(&beyond(before).progress)),
            None => Progress::new(view.open.clone(), None),
        };
        let is_enough = || since.ns() > LATELY_NS;
        self.standing.scan(wanted, &mut progress, &is_enough)?;
        if !progress.is_outdated() {
            return Ok((view, progress));
        }
        let view = self.standing.renewed()?;
        let mut renewed = Progress::new(view.open.clone(), Some(&progress));
        self.standing.scan(wanted, &mut renewed, &is_enough)?;
        Ok((view, renewed))
    }
}

fn search(key: &Key) -> Result<Search, Refused> {
    let micros = |at: Timestamp| at.as_nanos().div_euclid(1000);
    let terms =
        parse(&key.text).ok_or_else(|| Refused::Senseless("a quotation mark is not closed".to_owned()))?;
    if terms.len() > MOST_TERMS {
        return Err(Refused::Senseless(format!("a search has {MOST_TERMS} terms at most")));
    }
    Ok(Search {
        terms,
        since: key.since.map(micros),
        until: key.until.map(micros),
        limit: 0,
        earliest: key.earliest,
    })
}

fn coverage(view: &View, key: &Key) -> Coverage {
    view.archive.presence().between(key.since, key.until)
}

fn beyond(begun: &Begun) -> MutexGuard<'_, Beyond> {
    begun.beyond.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock(begun: &Begun) -> MutexGuard<'_, Sweep> {
    begun.sweep.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Columns that every event has; what its vendor gave it stands in the line itself.
fn is_shown(sweep: &Sweep, name: &str) -> bool {
    let archive = sweep.archive();
    name != "other" && name != "category" && (COLUMNS.contains(&name) || archive.mapping().is_taken(name))
}

fn key(asked: &Asked<'_>) -> Result<Key, Refused> {
    let text = asked.needed("q")?;
    if text.chars().count() > LONGEST {
        return Err(Refused::Senseless("q is too long".to_owned()));
    }
    let earliest = match asked.value("order")?.as_deref() {
        None | Some("latest") => false,
        Some("earliest") => true,
        Some(_) => return Err(Refused::Senseless("order makes no sense".to_owned())),
    };
    Ok(Key { text, since: asked.instant("from")?, until: asked.instant("until")?, earliest })
}

/// Where an answer goes on: of `after`, or of a snapshot and a position in it.
fn place(asked: &Asked<'_>) -> Result<Option<(String, usize)>, Refused> {
    if let Some(after) = asked.value("after")? {
        let parts = after.rsplit_once(':').and_then(|(id, at)| Some((id.to_owned(), at.parse().ok()?)));
        return parts.map(Some).ok_or_else(|| Refused::Senseless("after makes no sense".to_owned()));
    }
    let offset = asked.number("offset")?.unwrap_or(0);
    match asked.value("snapshot")? {
        Some(id) => Ok(Some((id, offset))),
        None if offset == 0 => Ok(None),
        None => Err(Refused::Senseless("offset counts in a snapshot: name it".to_owned())),
    }
}

/// Sources that have no events on a day that a stretch of time is part of.
fn unseen(coverage: &Coverage, from: i64, to: i64) -> u64 {
    let day = |micros: i64| instant(micros).get(..10).unwrap_or_default().to_owned();
    let (first, last) = (day(from), day(to.saturating_sub(1)));
    let lacks = |gap: &&Gap| gap.first.as_str() <= last.as_str() && gap.last.as_str() >= first.as_str();
    coverage.missing.iter().filter(lacks).count() as u64
}

/// Seconds after which it is worth asking again when everything is at work.
const AGAIN_SECONDS: i64 = 1;
const _: () = assert!(WORK_NS < NANOS_PER_SECOND);
