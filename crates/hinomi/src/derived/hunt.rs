//! Rules over derived data: the same matches as over the evidence, found by reading less.
//!
//! Files are left out by time, blocks of rows by the words that rules need; of the others first the few columns are read that say where events come from, and only the
//! rows of origins in which a rule could match are read further, with the fields that rules name.
//!
//! # Invariants
//! A match here is a match of the engine over the evidence and the other way round. Rules that tell a field without value from
//! a missing one are the exception, which is why they are not run here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use hinomi_columns::{Projection, Store};
use hinomi_detect::completeness::Window;
use hinomi_detect::{Depth, Engine, Evaluator, RuleIndex};
use hinomi_model::Timestamp;
use hinomi_query::read::{Origin, Stretch, numbers_of_blocks, origins, probe, refill};
use hinomi_query::{Archive, CheckedFile, Needed, QueryError};

/// Bytes of columns before they are dropped and started afresh.
const STORE_BYTES: usize = 64 << 20;

/// One match: when, the file among those of the archive, the row in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match {
    /// Stated time.
    pub time: Option<Timestamp>,
    /// Number of the file.
    pub file: usize,
    /// Number of the row.
    pub row: u64,
    /// The rule.
    pub rule: RuleIndex,
}

impl Match {
    /// Matches are in order of time, those without time last, whichever thread found them.
    fn place(&self) -> (bool, Option<Timestamp>, usize, u64, RuleIndex) {
        (self.time.is_none(), self.time, self.file, self.row, self.rule)
    }
}

impl PartialOrd for Match {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Match {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place().cmp(&other.place())
    }
}

/// What was found and what it took.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hunted {
    /// The earliest matches up to the limit, in order of time; those without time last.
    pub matches: BTreeSet<Match>,
    /// Matches per rule, kept or not.
    pub counts: BTreeMap<RuleIndex, u64>,
    /// Files that could be left out by time.
    pub files_left_out: u64,
    /// Rows of other files that were left out because a word is not there that a rule needs.
    pub rows_left_out: u64,
    /// Rows that were evaluated.
    pub rows_read: u64,
}

/// What to look for.
pub struct Hunt<'h> {
    /// Where.
    pub archive: &'h Archive,
    /// By what.
    pub engine: &'h Engine,
    /// What a block of rows must hold so that one of the rules can match in it.
    pub needed: Needed,
    /// When.
    pub window: Window,
    /// Matches kept.
    pub limit: usize,
    /// Threads.
    pub threads: usize,
}

/// Evaluates rules over derived data.
///
/// # Errors
/// What reading meets.
pub fn hunt(hunt: &Hunt<'_>) -> Result<Hunted, QueryError> {
    let next = AtomicUsize::new(0);
    let parts = std::thread::scope(|scope| {
        let hunters: Vec<_> =
            (0..hunt.threads.max(1)).map(|_| scope.spawn(|| Hunter::new(hunt).run(&next))).collect();
        hunters.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut all = Hunted::default();
    for part in parts {
        let lost = || QueryError::Engine("a thread failed; please report it".to_owned());
        let part = part.unwrap_or_else(|_| Err(lost())).map_err(|error| hunt.archive.blame(error))?;
        part.matches.into_iter().for_each(|hit| all.keep(hit, hunt.limit));
        part.counts.into_iter().for_each(|(rule, count)| *all.counts.entry(rule).or_default() += count);
        all.files_left_out += part.files_left_out;
        all.rows_left_out += part.rows_left_out;
        all.rows_read += part.rows_read;
    }
    Ok(all)
}

impl Hunted {
    fn keep(&mut self, hit: Match, limit: usize) {
        self.matches.insert(hit);
        if self.matches.len() > limit {
            self.matches.pop_last();
        }
    }
}

/// What rules can do with events of an origin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Nothing,
    Named,
    Everything,
}

struct Hunter<'h> {
    hunt: &'h Hunt<'h>,
    needs: HashMap<Origin, Need>,
    found: Hunted,
}

impl<'h> Hunter<'h> {
    fn new(hunt: &'h Hunt<'h>) -> Self {
        Self { hunt, needs: HashMap::new(), found: Hunted::default() }
    }

    fn run(mut self, next: &AtomicUsize) -> Result<Hunted, QueryError> {
        while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(file) = self.hunt.archive.files().get(number) else { break };
            let entry = file.entry();
            let Window { since, until } = self.hunt.window;
            let at = |micros: i64| Timestamp::from_nanos(micros.saturating_mul(1000));
            let outside = entry.times.is_some_and(|(first, last)| {
                since.is_some_and(|s| at(last.saturating_add(1)) <= s)
                    || until.is_some_and(|u| at(first) >= u)
            });
            if outside && entry.timeless == 0 {
                self.found.files_left_out += 1;
                continue;
            }
            self.file(number, file)?;
        }
        Ok(self.found)
    }

    fn file(&mut self, number: usize, file: &CheckedFile) -> Result<(), QueryError> {
        let blocks = self.hunt.needed.blocks(file)?;
        if let Some(blocks) = &blocks {
            let rows = file.entry().rows;
            let left = numbers_of_blocks(Some(blocks), rows).count() as u64;
            self.found.rows_left_out += rows - left;
            if blocks.is_empty() {
                return Ok(());
            }
        }
        let (mut named, mut everything): (Vec<Stretch>, Vec<Stretch>) = (Vec::new(), Vec::new());
        for (origin, stretches) in origins(file, blocks.as_ref())? {
            match self.need(&origin) {
                Need::Nothing => {}
                Need::Named => named.extend(stretches),
                Need::Everything => everything.extend(stretches),
            }
        }
        let projection = self.hunt.engine.projection();
        if !named.is_empty() {
            self.evaluate(number, file, &named, projection, &[Depth::Named])?;
        }
        if !everything.is_empty() {
            let all = projection.clone().and_all_others();
            self.evaluate(number, file, &everything, &all, &[Depth::Named, Depth::Keywords])?;
        }
        Ok(())
    }

    fn need(&mut self, origin: &Origin) -> Need {
        if let Some(known) = self.needs.get(origin) {
            return *known;
        }
        let engine = self.hunt.engine;
        let mut store = Store::new(engine.projection());
        probe(&mut store, origin);
        let mut evaluator = Evaluator::new(engine, Depth::Named);
        let mut need = Need::Nothing;
        for batch in store.batches() {
            if evaluator.keywords(&store, batch).is_some() {
                need = Need::Everything;
            } else if evaluator.may_match(&store, batch) {
                need = Need::Named;
            }
        }
        self.needs.insert(origin.clone(), need);
        need
    }

    fn evaluate(
        &mut self,
        number: usize,
        file: &CheckedFile,
        stretches: &[Stretch],
        projection: &Projection,
        depths: &[Depth],
    ) -> Result<(), QueryError> {
        let hunt = self.hunt;
        let mut store = Store::new(projection);
        let mut evaluators: Vec<Evaluator<'_>> =
            depths.iter().map(|depth| Evaluator::new(hunt.engine, *depth)).collect();
        let found = &mut self.found;
        refill(file, hunt.archive.mapping(), stretches, &mut store, &mut |store| {
            let mut hits: BTreeSet<Match> = BTreeSet::new();
            for batch in store.batches() {
                found.rows_read += batch.rows().len() as u64;
                for evaluator in &mut evaluators {
                    evaluator.evaluate(store, batch, |rule, at| {
                        if let Some(row) = batch.rows().get(at).filter(|r| hunt.window.contains(r.time)) {
                            hits.insert(Match { time: row.time, file: number, row: row.offset, rule });
                        }
                    });
                }
            }
            for hit in hits {
                *found.counts.entry(hit.rule).or_default() += 1;
                found.keep(hit, hunt.limit);
            }
            store.drop_rows();
            if store.bytes() > STORE_BYTES {
                store.reset();
            }
            Ok(())
        })
    }
}
