//! What happens to the ledger of one schedule, from its creation to the last look.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_ledger::completeness::{COMPLETENESS_SOURCE, Finding, STATE_SOURCE, Watch};
use hinomi_ledger::note::{Algorithm, KeyName, SignerKey};
use hinomi_ledger::{
    Creation, ERASER_NAME, Leaf, Ledger, LedgerError, Reader, Record, Scope, Ticket, Verification,
    VerifyOptions, verify,
};
use hinomi_model::{Clock, Disk, EntryKind};
use hinomi_testkit::disk::{Fault, MemoryDisk, When};

use crate::promises::{Given, published_leaves};
use crate::world::World;

const SOURCES: [&str; 3] = ["fw", "proxy", "dc1"];

/// How a life of the process ends, besides in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Order,
    Power,
    Kill,
}

impl World {
    /// The whole schedule. What went wrong, if anything did.
    pub fn live(&mut self) -> Result<(), String> {
        self.plant();
        self.create()?;
        for _ in 0..2 + self.random.below(4) {
            self.totals.lives += 1;
            self.plan_faults();
            if let Some(ledger) = self.open_in_trouble()? {
                self.one_life(ledger)?;
            }
            self.disk.heal();
            self.disk.set_capacity(None);
            self.plant();
        }
        self.last_look()
    }

    fn create(&mut self) -> Result<(), String> {
        let eraser = Some(*eraser().verifier(Algorithm::Ed25519).public());
        let creation = Creation { origin: "logs.example.jp/evidence".to_owned(), eraser };
        if self.random.chance(50) {
            let fault = self.any_fault();
            let step = self.disk.steps() + self.random.below(60);
            self.disk.plan(When::Step(step), fault);
        }
        for _ in 0..4 {
            let created = Ledger::create(&self.surroundings(), &self.places, &creation, &self.options);
            self.see()?;
            match created {
                // Refused: a creation whose last step failed although it was done.
                Ok(()) | Err(LedgerError::Refused { why: "there is a ledger already" }) => return Ok(()),
                Err(_) => self.totals.interrupted_creations += 1,
            }
            // It begins again with another key, so it is another log; nobody was told the first key.
            self.promises.shown.clear();
            self.come_back();
            self.disk.heal();
            self.plant();
        }
        Err("a ledger could not be created on a sound disk".to_owned())
    }

    fn any_fault(&mut self) -> Fault {
        match self.random.below(4) {
            0 | 1 => Fault::Crash,
            2 => Fault::Error(io::ErrorKind::Other),
            _ => Fault::ErrorButDone(io::ErrorKind::Other),
        }
    }

    fn plan_faults(&mut self) {
        let reach = [40, 150, 600][self.random.index(3)];
        let at = self.disk.steps() + self.random.below(reach);
        match self.random.below(10) {
            0 | 1 => {}
            2 => {
                let used = 40_000 + self.random.below(150_000);
                self.disk.set_capacity(Some(used));
            }
            _ => {
                let fault = self.any_fault();
                self.disk.plan(When::Step(at), fault);
            }
        }
    }

    /// Opens the ledger, although opening may be interrupted. `None` when the disk was too full.
    fn open_in_trouble(&mut self) -> Result<Option<Ledger>, String> {
        loop {
            let opened = Ledger::open(self.surroundings(), self.places.clone(), self.options.clone());
            self.see()?;
            match opened {
                Ok((ledger, recovery)) => {
                    self.totals.dropped_tails += u64::from(recovery.dropped_bytes > 0);
                    self.totals.recovered_records += recovery.open_records;
                    return Ok(Some(ledger));
                }
                Err(LedgerError::Io { source, .. }) if source.kind() == io::ErrorKind::StorageFull => {
                    self.totals.full += 1;
                    self.come_back();
                    return Ok(None);
                }
                // A planned fault strikes once.
                Err(LedgerError::Io { source, .. }) if source.kind() == io::ErrorKind::Other => {
                    self.totals.interrupted_openings += 1;
                    self.come_back();
                }
                Err(error) => return Err(format!("opening: {}", chain(&error))),
            }
        }
    }

    /// After a failure: the computer lost power, or only the process ended.
    fn come_back(&mut self) {
        if self.disk.is_down() || self.random.chance(50) {
            self.disk = self.disk.restart();
            self.totals.crashes += 1;
        } else {
            self.disk = self.disk.kill_process();
            self.totals.kills += 1;
        }
    }

    fn one_life(&mut self, ledger: Ledger) -> Result<(), String> {
        let mut waiting: Vec<(usize, Ticket)> = Vec::new();
        let mut alive = true;
        for _ in 0..self.random.below(60) {
            alive = self.one_call(&ledger, &mut waiting)?;
            self.see()?;
            self.note_promises(&mut waiting)?;
            if !alive {
                break;
            }
        }
        let end = match self.random.below(4) {
            0 | 1 if alive => End::Order,
            _ if self.disk.is_down() || self.random.chance(60) => End::Power,
            _ => End::Kill,
        };
        match end {
            End::Order => {
                let closed = ledger.close();
                self.note_promises(&mut waiting)?;
                if closed.is_err() {
                    self.totals.errors += 1;
                    self.come_back();
                }
            }
            End::Power => {
                self.disk = self.disk.restart();
                self.totals.crashes += 1;
                drop(ledger);
            }
            End::Kill => {
                self.disk = self.disk.kill_process();
                self.totals.kills += 1;
                drop(ledger);
            }
        }
        self.see()?;
        self.note_promises(&mut waiting)
    }

    /// One call of the ledger. Whether it goes on working.
    fn one_call(&mut self, ledger: &Ledger, waiting: &mut Vec<(usize, Ticket)>) -> Result<bool, String> {
        self.clock.advance(self.random.below(400_000_000) as i64);
        if self.random.chance(3) {
            // The clock is set.
            let back = self.random.chance(50);
            let by = self.random.below(2 * 86_400) as i64 * 1_000_000_000;
            self.clock.advance(if back { -by } else { by });
        }
        let done = match self.random.below(13) {
            12 => return self.erase(ledger),
            0..=5 => return self.append(ledger, waiting),
            6 | 7 => ledger.commit(),
            8 => ledger.pack(),
            _ => ledger.tick(),
        };
        match done {
            Ok(()) => Ok(true),
            Err(error) => self.failed(&error),
        }
    }

    /// An error of the ledger is fine if the disk had one; afterwards nothing may be accepted any more.
    fn failed(&mut self, error: &LedgerError) -> Result<bool, String> {
        match error {
            LedgerError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                self.totals.full += 1;
                Ok(true)
            }
            LedgerError::Io { .. } | LedgerError::Poisoned { .. } => {
                self.totals.errors += 1;
                Ok(false)
            }
            other => Err(format!("an unexpected refusal: {}", chain(other))),
        }
    }

    fn append(&mut self, ledger: &Ledger, waiting: &mut Vec<(usize, Ticket)>) -> Result<bool, String> {
        let source = SOURCES[self.random.index(SOURCES.len())];
        let records: Vec<Record> = (0..=self.random.below(4)).map(|_| self.record(source)).collect();
        match ledger.append(source, "security", records.clone()) {
            Ok(ticket) => {
                let parts = ticket.parts().collect();
                let given =
                    Given { source: source.to_owned(), records, parts, durable: false, located: None };
                waiting.push((self.promises.given.len(), ticket));
                self.promises.given.push(given);
                Ok(true)
            }
            Err(error) => {
                self.totals.refused += 1;
                // The first of them may have been accepted before the disk failed.
                self.promises.refused.extend(records);
                self.failed(&error)
            }
        }
    }

    fn erase(&mut self, ledger: &Ledger) -> Result<bool, String> {
        if self.random.chance(60) {
            return Ok(true);
        }
        let source = SOURCES[self.random.index(SOURCES.len())].to_owned();
        let day = (self.clock.now().as_nanos() / 86_400_000_000_000) as u32;
        let scope = Scope { source, class: "security".to_owned(), day };
        let Ok(order) = ledger.erasure_order(&scope, "request 17") else { return Ok(true) };
        let approval = order.approve(&eraser()).map_err(|e| e.to_string())?;
        self.promises.dying.extend(&order.keys);
        match ledger.erase(approval.as_bytes()) {
            Ok(erasure) => {
                self.totals.erasures += 1;
                self.promises.erased.extend(erasure.keys);
                Ok(true)
            }
            // A disk that was full at the opening still shows what the crash before tore: checkpoint or tiles.
            Err(LedgerError::Damaged { .. } | LedgerError::Malformed { kind: "tile", .. }) => Ok(true),
            Err(error) => self.failed(&error),
        }
    }

    fn record(&mut self, source: &'static str) -> Record {
        let len = match self.random.below(8) {
            0 => 0,
            1..=5 => self.random.index(120),
            6 => self.random.index(700),
            _ => self.random.index(6_000),
        };
        self.next_line += 1;
        let mut bytes = format!("line {} ", self.next_line).into_bytes();
        let start = bytes.len();
        bytes.resize(start + len, b'x');
        if self.random.chance(30) {
            self.random.fill(&mut bytes[start..]);
        }
        let received_ns = u64::try_from(self.clock.now().as_nanos()).unwrap();
        let number = self.numbers.entry(source).or_default();
        // Most come in order; some are lost on the way, sent again, or the source begins anew.
        *number = match self.random.below(60) {
            0 => *number + 1 + self.random.below(5),
            1 => number.saturating_sub(self.random.below(4)),
            2 if self.random.chance(20) => 0,
            _ => *number + 1,
        };
        let sequence = (source != "proxy").then_some(*number);
        Record { received_ns, sequence, bytes }
    }

    /// Asks the tickets what the ledger says.
    fn note_promises(&mut self, waiting: &mut Vec<(usize, Ticket)>) -> Result<(), String> {
        for (at, ticket) in waiting.iter() {
            let given = &mut self.promises.given[*at];
            if ticket.is_durable().unwrap_or(false) && !given.durable {
                given.durable = true;
                self.totals.acknowledged += given.records.len() as u64;
            }
            if let Ok(located) = ticket.wait_committed() {
                if !given.durable {
                    return Err("records are committed but not durable".to_owned());
                }
                given.located = Some(located);
            }
        }
        waiting.retain(|(at, _)| self.promises.given[*at].located.is_none());
        Ok(())
    }

    /// What anybody can have seen of the published log.
    fn see(&mut self) -> Result<(), String> {
        self.disk.take_shown().iter().try_for_each(|note| self.promises.saw(note))
    }

    /// Power is lost a last time; then everything must be there.
    fn last_look(&mut self) -> Result<(), String> {
        self.disk = self.disk.restart();
        self.disk.heal();
        let opened = Ledger::open(self.surroundings(), self.places.clone(), self.options.clone());
        let (ledger, _) = opened.map_err(|e| format!("the last opening: {}", chain(&e)))?;
        self.see()?;
        let log = self.places.evidence.join("log");
        let leaves = published_leaves(&self.disk, &log)?;
        self.promises.check_log(&leaves)?;
        self.totals.leaves += leaves.len() as u64;
        let files = self.disk.list(&self.places.evidence.join("wal")).map_err(|e| e.to_string())?;
        let newest = files.last().and_then(|file| file.name.to_str()?.get(..16)?.parse::<u64>().ok());
        self.totals.rotations += newest.unwrap_or(1) - 1;
        self.totals.steps += self.disk.steps();
        ledger.close().map_err(|e| format!("the last closing: {}", chain(&e)))?;
        let reader = self.reader().map_err(|e| format!("reading: {}", chain(&e)))?;
        self.promises.check_records(&reader, false)?;
        self.check_findings(&reader)?;
        let found = self.verify();
        match found {
            Ok(found) if found.findings.is_empty() => self.damage(),
            Ok(found) => Err(format!("verification finds {:?}", found.findings)),
            Err(error) => Err(format!("verifying: {}", chain(&error))),
        }
    }

    /// Every finding that the log leads to is in the log, once, under its number; and from the last state one gets to
    /// where one gets from the beginning.
    fn check_findings(&mut self, reader: &Reader) -> Result<(), String> {
        let (mut afresh, mut found, mut recorded) = (Watch::default(), BTreeMap::new(), BTreeMap::new());
        let mut readable = true;
        for index in 0..reader.size() {
            let leaf = reader.leaf(index).map_err(|e| chain(&e))?;
            let records = reader.block(index).ok().flatten().map(|block| block.records);
            readable &= records.is_some() || !matches!(leaf, Leaf::Block(_));
            if let (Leaf::Block(block), Some(records)) = (&leaf, &records) {
                if block.scope.source == COMPLETENESS_SOURCE {
                    for record in records {
                        let finding = Finding::from_record(&record.bytes).map_err(|e| chain(&e))?;
                        let number = record.sequence.ok_or("a finding has no number")?;
                        if recorded.insert(number, finding).is_some() {
                            return Err(format!("finding {number} is there twice"));
                        }
                    }
                }
                self.totals.states += u64::from(block.scope.source == STATE_SOURCE);
            }
            afresh.feed(index, &leaf, records.as_deref());
            found.extend(afresh.outstanding().map(|(number, finding)| (number, finding.clone())));
        }
        self.totals.findings += recorded.len() as u64;
        if !recorded.keys().copied().eq(0..recorded.len() as u64) {
            return Err(format!("findings are missing: {:?}", recorded.keys()));
        }
        let watch = reader.watch().map_err(|e| format!("the state of the sources: {}", chain(&e)))?;
        if watch.outstanding().next().is_some() {
            return Err(format!("after closing findings are not written: {:?}", watch.outstanding().next()));
        }
        if !readable {
            // What was erased cannot be found afresh; that is what states are for.
            self.totals.erased_before_the_end += 1;
            return Ok(());
        }
        if watch != afresh {
            return Err(format!("the state leads to {watch:?}, the beginning to {afresh:?}"));
        }
        match found.iter().find(|(number, finding)| recorded.get(number) != Some(finding)) {
            Some((number, finding)) => {
                Err(format!("finding {number} is {:?}, not {finding:?}", recorded.get(number)))
            }
            None => Ok(()),
        }
    }

    fn reader(&self) -> Result<Reader, LedgerError> {
        Reader::open(Arc::new(self.disk.clone()), self.places.clone(), true)
    }

    fn verify(&self) -> Result<Verification, LedgerError> {
        let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
        verify(Arc::new(self.disk.clone()), &self.places, &options, &mut |_| {})
    }

    /// Something decays, or somebody changes something: it is found, and no record ever reads as another.
    fn damage(&mut self) -> Result<(), String> {
        let mut files = Vec::new();
        for folder in [&self.places.evidence, &self.places.keys] {
            files_below(&self.disk, folder, &mut files).map_err(|e| e.to_string())?;
        }
        // What a crash left of a file that was never finished belongs to nothing.
        let counts = |path: &Path| !path.ends_with("lock") && path.extension().is_none_or(|e| e != "new");
        files.retain(|(path, len)| *len > 0 && counts(path));
        let (path, len) = files[self.random.index(files.len())].clone();
        let (from, kind) = (self.random.index(len), self.random.below(4));
        let to = (from + 1 + self.random.index(600)).min(len);
        let mut noise = self.random.clone();
        let before = self.disk.read(&path, 1 << 30).map_err(|e| e.to_string())?;
        let mut after = before.clone();
        match kind {
            0 => after[from] ^= 1 << noise.below(8),
            1 => after.truncate(from),
            2 => after[from..to].fill(0),
            _ => noise.fill(&mut after[from..to]),
        }
        if after == before {
            return Ok(());
        }
        self.disk.alter(&path, |bytes| bytes.clone_from(&after)).map_err(|e| e.to_string())?;
        self.totals.damages += 1;
        let place = format!("damage {kind} of bytes {from}..{to} of {}", path.display());
        if self.verify().is_ok_and(|found| found.findings.is_empty()) {
            return Err(format!("{place} is not found"));
        }
        let Ok(reader) = self.reader() else { return Ok(()) };
        self.promises.check_records(&reader, true).map_err(|wrong| format!("{place}: {wrong}"))
    }
}

fn files_below(disk: &MemoryDisk, folder: &Path, out: &mut Vec<(PathBuf, usize)>) -> io::Result<()> {
    for entry in disk.list(folder)? {
        let path = folder.join(&entry.name);
        if entry.kind == EntryKind::Folder {
            files_below(disk, &path, out)?;
        } else {
            let len = disk.metadata(&path)?.len as usize;
            out.push((path, len));
        }
    }
    Ok(())
}

/// The key that approves erasures; it is not on the disk of the ledger.
fn eraser() -> SignerKey {
    SignerKey::from_seed(KeyName::new(ERASER_NAME).unwrap(), &[7; 32])
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
