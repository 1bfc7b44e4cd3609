//! A vault pulling from a ledger that an intruder may own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hinomi_ledger::note::{Algorithm, KeyName, SignerKey, VerifierKey};
use hinomi_ledger::tlog::Tile;
use hinomi_ledger::vault::{
    DirectorySource, FileName, Listed, Pinned, Policy, SealedEntry, Source, Trouble, Vault,
};
use hinomi_ledger::{FileDisk, Ledger, LedgerError, Options, Scope, VaultRecipient};
use hinomi_model::Disk;
use hinomi_testkit::disk::{Fault, MemoryDisk, When};
use hinomi_testkit::seeded::Seeded as Chance;

use crate::support::{Home, NOON, Seeded, TestClock, inline, record, rewrite};

pub(super) const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;

/// A primary and a vault beside it, each with a clock.
pub(super) struct Pair {
    pub(super) home: Home,
    pub(super) folder: PathBuf,
    clock: Arc<TestClock>,
    disk: Arc<dyn Disk>,
}

/// Opens a ledger. Another test may just be starting a process, which holds a copy of every lock until it runs.
fn patient(home: &Home) -> Ledger {
    for _ in 0..200 {
        match Ledger::open(home.around.clone(), home.places.clone(), home.options.clone()) {
            Err(LedgerError::Locked { .. }) => std::thread::sleep(std::time::Duration::from_millis(10)),
            other => return other.unwrap().0,
        }
    }
    unreachable!("somebody else has the ledger");
}

impl Pair {
    pub(super) fn new(options: Options) -> Self {
        Self::on(Arc::new(FileDisk), options)
    }

    pub(super) fn on(disk: Arc<dyn Disk>, options: Options) -> Self {
        Self::with(disk, options, None)
    }

    pub(super) fn with(disk: Arc<dyn Disk>, options: Options, eraser: Option<[u8; 32]>) -> Self {
        Self::of(disk, Home::with(options, eraser))
    }

    pub(super) fn of(disk: Arc<dyn Disk>, mut home: Home) -> Self {
        let ledger = patient(&home);
        let identity = ledger.identity().clone();
        ledger.close().unwrap();
        let pinned = Pinned { origin: identity.origin, keys: vec![identity.signer] };
        let clock = Arc::new(TestClock((NOON as i64).into()));
        let folder = if disk.exists(home.folder.path()).unwrap() {
            home.folder.path().join("vault")
        } else {
            "v".into()
        };
        let name = KeyName::new("example.org/vault").unwrap();
        let entropy = Seeded(0.into(), 77);
        let vault = Vault::create(disk.clone(), clock.clone(), &entropy, &folder, &name, &pinned).unwrap();
        home.options.vaults = vec![vault.status().recipient];
        Self { home, folder, clock, disk }
    }

    /// The same pair after the vault's machine was started again.
    pub(super) fn put_on(&mut self, disk: Arc<dyn Disk>) {
        self.disk = disk;
    }

    pub(super) fn vault(&self) -> Vault {
        let policy = Policy { reserve_bytes: 0, ..Policy::default() };
        Vault::open(self.disk.clone(), self.clock.clone(), &self.folder, policy).unwrap()
    }

    pub(super) fn source(&self) -> DirectorySource {
        DirectorySource::new(Arc::new(FileDisk), self.home.places.clone())
    }

    pub(super) fn ledger(&self) -> Ledger {
        patient(&self.home)
    }

    pub(super) fn set_time(&self, ns: u64) {
        self.clock.0.store(ns as i64, Ordering::SeqCst);
    }

    /// Copies or puts back everything that root on the primary can reach.
    pub(super) fn copy(from: &Path, to: &Path) {
        let _ = std::fs::remove_dir_all(to);
        assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    }

    pub(super) fn data(&self) -> PathBuf {
        self.home.folder.path().join("data")
    }
}

/// One record a second, a checkpoint every five.
pub(super) fn write(ledger: &Ledger, from: u64, count: u64) {
    for at in from..from + count {
        let source = ["fw", "proxy", "dc01"][at as usize % 3];
        ledger.append(source, "security", vec![record(at * SECOND, &format!("event {at}"))]).unwrap();
        if at % 5 == 4 || at + 1 == from + count {
            ledger.tick().unwrap();
        }
    }
}

#[test]
fn what_is_pulled_is_checked_held_and_cosigned() {
    let pair = Pair::new(inline());
    let mut vault = pair.vault();
    let ledger = pair.ledger();
    let mut total = 0;
    for round in 0..5 {
        write(&ledger, round * 70, 70);
        pair.set_time(NOON + (round + 1) * 70 * SECOND);
        let pulled = vault.pull(&mut pair.source()).unwrap();
        assert_eq!(pulled.troubles, [], "round {round}");
        assert_eq!(pulled.held, ledger.checkpoint().0);
        assert_eq!(pulled.records, 70);
        total += pulled.bytes;
        let again = vault.pull(&mut pair.source()).unwrap();
        assert_eq!((again.before, again.held, again.records, again.bytes), (pulled.held, pulled.held, 0, 0));
    }
    assert!(total > 0);
    let held = vault.status().held.unwrap();
    let own: VerifierKey = vault.status().cosigner;
    assert_eq!(own.algorithm(), Algorithm::CosignatureV1);
    let (_, signed) = held.note().verify(&[own]).unwrap();
    assert_eq!(signed[0].time, Some((NOON + 350 * SECOND) / SECOND));
    // The copy is the primary's bytes.
    let wal = "wal/0000000000000001.wal";
    let copy = std::fs::read(pair.folder.join("evidence").join(wal)).unwrap();
    let original = std::fs::read(pair.home.places.evidence.join(wal)).unwrap();
    assert!(copy.len() > 10_000 && original.starts_with(&copy));
    drop(vault);
    assert_eq!(pair.vault().status().held.unwrap().size(), ledger.checkpoint().0, "remembered");
}

#[test]
fn files_that_are_sealed_are_followed_into_the_next() {
    let pair = Pair::new(Options { wal_bytes: 20_000, ..inline() });
    let mut vault = pair.vault();
    let ledger = pair.ledger();
    write(&ledger, 0, 200);
    pair.set_time(NOON + 200 * SECOND);
    let pulled = vault.pull(&mut pair.source()).unwrap();
    assert_eq!((pulled.troubles, pulled.records), (vec![], 200));
    write(&ledger, 200, 200);
    pair.set_time(NOON + 400 * SECOND);
    let pulled = vault.pull(&mut pair.source()).unwrap();
    assert_eq!((pulled.troubles, pulled.records), (vec![], 200));
}

#[test]
fn segments_take_the_place_of_files_and_are_enough_for_a_new_vault() {
    let pair = Pair::new(Options { wal_bytes: 20_000, ..inline() });
    let mut vault = pair.vault();
    let ledger = pair.ledger();
    write(&ledger, 0, 150);
    pair.set_time(NOON + 150 * SECOND);
    // In the middle of a file, which is then packed behind the vault's back.
    assert_eq!(vault.pull(&mut pair.source()).unwrap().troubles, []);
    write(&ledger, 150, 300);
    ledger.pack().unwrap();
    ledger.tick().unwrap();
    pair.set_time(NOON + 450 * SECOND);
    let segments =
        pair.source().files().unwrap().iter().filter(|f| matches!(f.name, FileName::Segment(_))).count();
    assert!(segments >= 3, "{segments}");
    let pulled = vault.pull(&mut pair.source()).unwrap();
    assert_eq!((pulled.troubles, pulled.held), (vec![], ledger.checkpoint().0));
    let names = |folder: &str| std::fs::read_dir(pair.folder.join("evidence").join(folder)).unwrap().count();
    assert_eq!(names("segments"), segments);
    assert_eq!(names("wal"), 1, "what a segment holds is not held twice");
    drop(vault);
    std::fs::remove_dir_all(&pair.folder).unwrap();
    let fresh = pair.home.folder.path().join("fresh");
    let mut vault = Pair::recreate(&pair);
    Pair::copy(&pair.folder, &fresh);
    let pulled = vault.pull(&mut pair.source()).unwrap();
    assert_eq!((pulled.troubles, pulled.records), (vec![], 450));
    drop(vault);
    // A segment that is not the signed one, byte by byte.
    let name = FileName::Segment(2);
    let path = pair.home.places.evidence.join(name.path());
    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(good.len() / 40) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        rewrite(&path, &bad);
        Pair::copy(&fresh, &pair.folder);
        let pulled = pair.vault().pull(&mut pair.source()).unwrap();
        assert_eq!(pulled.held, 0, "byte {at}");
        assert!(
            matches!(&pulled.troubles[..], [Trouble::Damaged { file, .. }, ..] if *file == name.to_string())
        );
    }
}

#[test]
fn a_primary_rolled_back_by_a_day_is_told_with_the_interval() {
    let pair = Pair::new(inline());
    let mut vault = pair.vault();
    let ledger = pair.ledger();
    write(&ledger, 0, 40);
    ledger.close().unwrap();
    let kept = pair.home.folder.path().join("kept");
    Pair::copy(&pair.data(), &kept);
    let ledger = pair.ledger();
    write(&ledger, 86_400, 50);
    ledger.close().unwrap();
    pair.set_time(NOON + DAY + 60 * SECOND);
    let good = vault.pull(&mut pair.source()).unwrap();
    assert_eq!((good.troubles.len(), good.records), (0, 90));
    // Root puts yesterday's state back.
    Pair::copy(&kept, &pair.data());
    pair.set_time(NOON + DAY + 90 * SECOND);
    let pulled = vault.pull(&mut pair.source()).unwrap();
    let [Trouble::Rollback { held, lost, .. }] = &pulled.troubles[..] else {
        panic!("{:?}", pulled.troubles)
    };
    assert_eq!(*held, good.held);
    assert_eq!((lost.first_ns, lost.last_ns), (NOON + DAY, NOON + DAY + 49 * SECOND));
    assert_eq!(lost.records, 50);
    assert_eq!(pulled.news.len(), 1);
    assert_eq!(pulled.held, good.held, "nothing is given up");
    assert!(vault.pull(&mut pair.source()).unwrap().news.is_empty(), "told once");
    // And goes on as if nothing had been, until the log is longer than before.
    let ledger = pair.ledger();
    write(&ledger, 90_000, 80);
    ledger.close().unwrap();
    let pulled = vault.pull(&mut pair.source()).unwrap();
    let [Trouble::Fork { lost, evidence, shown, .. }] = &pulled.troubles[..] else {
        panic!("{:?}", pulled.troubles)
    };
    assert!(*shown > good.held);
    assert_eq!((lost.first_ns, lost.records), (NOON + DAY, 50));
    assert!(std::fs::read_to_string(evidence).unwrap().starts_with("logs.example.jp/evidence\n"));
    assert_eq!(vault.status().held.unwrap().size(), good.held);
    drop(vault);
    let journal = pair.vault().status().alarms;
    assert_eq!(journal.len(), 2, "rollback and fork are in the journal");
}

#[test]
fn no_altered_byte_is_accepted() {
    let pair = Pair::new(inline());
    let ledger = pair.ledger();
    write(&ledger, 0, 12);
    let size = ledger.checkpoint().0;
    ledger.close().unwrap();
    pair.set_time(NOON + 12 * SECOND);
    let fresh = pair.home.folder.path().join("fresh");
    Pair::copy(&pair.folder, &fresh);
    let names = ["wal/0000000000000001.wal", "log/checkpoint", "log/tile/entries/000.p/"];
    let mut tried = 0;
    for name in names {
        let mut path = pair.home.places.evidence.join(name);
        if name.ends_with('/') {
            path = path.join((size % 256).to_string());
        }
        let good = std::fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(53) {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            rewrite(&path, &bad);
            Pair::copy(&fresh, &pair.folder);
            let mut vault = pair.vault();
            let pulled = vault.pull(&mut pair.source()).unwrap();
            // The first frame of a file repeats what the log says; everything else is needed.
            assert!(pulled.held == 0 && !pulled.troubles.is_empty(), "{name} byte {at}: {pulled:?}");
            tried += 1;
        }
        rewrite(&path, &good);
    }
    assert!(tried > 100);
    Pair::copy(&fresh, &pair.folder);
    assert_eq!(pair.vault().pull(&mut pair.source()).unwrap().held, size);
}

#[test]
fn records_from_before_the_last_pull_are_called_backdated() {
    let pair = Pair::new(inline());
    let mut vault = pair.vault();
    let ledger = pair.ledger();
    write(&ledger, 7200, 10);
    pair.set_time(NOON + 7300 * SECOND);
    assert_eq!(vault.pull(&mut pair.source()).unwrap().troubles, []);
    write(&ledger, 7290, 3);
    write(&ledger, 60, 2);
    write(&ledger, 90_000, 1);
    pair.set_time(NOON + 7400 * SECOND);
    let pulled = vault.pull(&mut pair.source()).unwrap();
    let [
        Trouble::Backdated { blocks: 2, claimed_ns, absent_ns, .. },
        Trouble::Postdated { blocks: 1, claimed_ns: ahead, .. },
    ] = &pulled.troubles[..]
    else {
        panic!("{:?}", pulled.troubles)
    };
    assert_eq!((*claimed_ns, *absent_ns), (NOON + 60 * SECOND, NOON + 7300 * SECOND));
    assert_eq!(*ahead, NOON + 90_000 * SECOND);
    assert_eq!(pulled.held, ledger.checkpoint().0, "it is evidence all the same");
}

#[test]
fn silence_and_absence_are_alarms() {
    let pair = Pair::new(inline());
    let mut vault = pair.vault();
    let ledger = pair.ledger();
    write(&ledger, 0, 3);
    ledger.close().unwrap();
    pair.set_time(NOON + 10 * SECOND);
    assert_eq!(vault.pull(&mut pair.source()).unwrap().troubles, []);
    pair.set_time(NOON + 800 * SECOND);
    assert_eq!(vault.pull(&mut pair.source()).unwrap().troubles, []);
    pair.set_time(NOON + 911 * SECOND);
    let pulled = vault.pull(&mut pair.source()).unwrap();
    assert_eq!(pulled.troubles, [Trouble::Silence { since_ns: NOON + 10 * SECOND }]);
    std::fs::rename(pair.data(), pair.home.folder.path().join("away")).unwrap();
    pair.set_time(NOON + 950 * SECOND);
    assert_eq!(vault.pull(&mut pair.source()).unwrap().troubles, [], "patience");
    pair.set_time(NOON + 971 * SECOND);
    let pulled = vault.pull(&mut pair.source()).unwrap();
    assert!(
        matches!(pulled.troubles[..], [Trouble::Unreachable { since_ns, .. }] if since_ns == NOON + 911 * SECOND)
    );
}

#[test]
fn a_primary_that_stops_sealing_keys_is_not_followed() {
    let mut pair = Pair::new(inline());
    let mut vault = pair.vault();
    let ledger = pair.ledger();
    write(&ledger, 0, 3);
    ledger.close().unwrap();
    pair.set_time(NOON + 10 * SECOND);
    let held = vault.pull(&mut pair.source()).unwrap().held;
    pair.home.options.vaults = vec![VaultRecipient([9; 32])];
    let ledger = pair.ledger();
    write(&ledger, 86_400, 3);
    ledger.close().unwrap();
    pair.set_time(NOON + DAY + 10 * SECOND);
    let pulled = vault.pull(&mut pair.source()).unwrap();
    assert!(matches!(pulled.troubles[0], Trouble::NotSealed { .. }), "{:?}", pulled.troubles);
    assert_eq!(pulled.held, held);
    drop(vault);
    let policy = Policy { reserve_bytes: 0, accept_unsealed: true, ..Policy::default() };
    let mut vault = Vault::open(pair.disk.clone(), pair.clock.clone(), &pair.folder, policy).unwrap();
    let pulled = vault.pull(&mut pair.source()).unwrap();
    assert_eq!((pulled.troubles, pulled.records), (vec![], 0));
    assert!(pulled.held > held);
    assert_eq!(vault.status().opaque_blocks, 3);
}

type Attack = (&'static str, fn(&mut Vec<u8>));

#[test]
fn an_approved_erasure_waits_and_can_be_objected_to() {
    let eraser = SignerKey::from_seed(KeyName::new(hinomi_ledger::ERASER_NAME).unwrap(), &[42; 32]);
    let public = *eraser.verifier(Algorithm::Ed25519).public();
    for objects in [false, true] {
        let pair = Pair::with(Arc::new(FileDisk), inline(), Some(public));
        let mut vault = pair.vault();
        let ledger = pair.ledger();
        write(&ledger, 0, 9);
        pair.set_time(NOON + 10 * SECOND);
        assert_eq!(vault.pull(&mut pair.source()).unwrap().troubles, []);
        let scope = Scope { source: "fw".to_owned(), class: "security".to_owned(), day: (NOON / DAY) as u32 };
        let order = ledger.erasure_order(&scope, "a request").unwrap();
        ledger.erase(order.approve(&eraser).unwrap().as_bytes()).unwrap();
        let keys = || std::fs::read_dir(pair.folder.join("keys")).unwrap().count();
        assert_eq!(keys(), 3);
        let pulled = vault.pull(&mut pair.source()).unwrap();
        let [Trouble::ErasurePending { leaf, due_ns, .. }] = pulled.troubles[..] else {
            panic!("{pulled:?}")
        };
        assert_eq!(due_ns, NOON + 10 * SECOND + 7 * DAY);
        assert_eq!((pulled.held, keys()), (ledger.checkpoint().0, 3), "held, and the key waits");
        if objects {
            vault.refuse_erasure(leaf).unwrap();
            assert!(vault.refuse_erasure(leaf + 1).is_err());
        }
        pair.set_time(NOON + 10 * SECOND + 7 * DAY);
        drop(vault);
        let mut vault = pair.vault();
        let pulled = vault.pull(&mut pair.source()).unwrap();
        assert!(!pulled.troubles.iter().any(|t| matches!(t, Trouble::ErasurePending { .. })), "{pulled:?}");
        assert_eq!(keys(), if objects { 3 } else { 2 });
        // A vault that comes later never sees that key and holds the ciphertext all the same.
        drop(vault);
        std::fs::remove_dir_all(&pair.folder).unwrap();
        let mut vault = Pair::recreate(&pair);
        let pulled = vault.pull(&mut pair.source()).unwrap();
        assert_eq!((pulled.held, pulled.records), (ledger.checkpoint().0, 6), "{pulled:?}");
        assert_eq!(vault.status().opaque_blocks, 2);
    }
}

/// A source that answers as the wrapped one, except where the attack says otherwise.
struct Hostile<'a> {
    inner: DirectorySource,
    attack: &'a mut dyn FnMut(&str, &mut Vec<u8>),
}

impl Source for Hostile<'_> {
    fn peer(&self) -> String {
        "hostile".to_owned()
    }
    fn checkpoint(&mut self) -> Result<Vec<u8>, LedgerError> {
        let mut bytes = self.inner.checkpoint()?;
        (self.attack)("checkpoint", &mut bytes);
        Ok(bytes)
    }
    fn files(&mut self) -> Result<Vec<Listed>, LedgerError> {
        let mut files = self.inner.files()?;
        let mut text = Vec::new();
        (self.attack)("files", &mut text);
        if !text.is_empty() {
            files = (1..2000).map(|n| Listed { name: FileName::Wal(n), len: u64::MAX }).collect();
        }
        Ok(files)
    }
    fn read(&mut self, name: FileName, offset: u64, len: u32) -> Result<Vec<u8>, LedgerError> {
        let mut bytes = self.inner.read(name, offset, len)?;
        (self.attack)("read", &mut bytes);
        Ok(bytes)
    }
    fn tile(&mut self, tile: Tile) -> Result<Vec<u8>, LedgerError> {
        let mut bytes = self.inner.tile(tile)?;
        (self.attack)("tile", &mut bytes);
        Ok(bytes)
    }
    fn keys(&mut self, recipient: VaultRecipient, from: u64) -> Result<Vec<SealedEntry>, LedgerError> {
        let keys = self.inner.keys(recipient, from)?;
        let mut bytes = Vec::new();
        (self.attack)("keys", &mut bytes);
        if bytes.is_empty() { Ok(keys) } else { Ok(vec![keys[0].clone(); bytes.len()]) }
    }
}

#[test]
fn hostile_answers_are_refused_and_the_next_honest_pull_succeeds() {
    let pair = Pair::new(inline());
    let ledger = pair.ledger();
    write(&ledger, 0, 30);
    pair.set_time(NOON + 30 * SECOND);
    let attacks: [Attack; 13] = [
        ("checkpoint", Vec::clear),
        ("checkpoint", |b| *b = vec![b'\n'; 1 << 20]),
        ("checkpoint", |b| {
            *b = String::from_utf8_lossy(b).replace("logs.example.jp", "logs.example.cn").into_bytes();
        }),
        ("files", |b| b.push(1)),
        ("read", Vec::clear),
        ("read", |b| b.extend_from_slice(&[0; 4096])),
        ("read", |b| b.reverse()),
        ("read", |b| *b = vec![0; b.len()]),
        ("read", |b| b.truncate(b.len() / 2)),
        ("tile", Vec::clear),
        ("tile", |b| *b = vec![0xff; 1 << 22]),
        ("tile", |b| b[40] ^= 1),
        ("keys", |b| b.extend_from_slice(&[0; 300])),
    ];
    let mut vault = pair.vault();
    for (at, (what, how)) in attacks.iter().enumerate() {
        let mut attack = |place: &str, bytes: &mut Vec<u8>| {
            if place == *what {
                how(bytes);
            }
        };
        let pulled = vault.pull(&mut Hostile { inner: pair.source(), attack: &mut attack }).unwrap();
        // Half of an answer at a time is slow, and files that are not there are not asked for: neither is wrong.
        let slow = at == 3 || at == 8;
        assert_eq!(pulled.held, if slow { ledger.checkpoint().0 } else { 0 }, "attack {at}: {pulled:?}");
        assert_eq!(pulled.troubles.is_empty(), slow, "attack {at}");
        if slow {
            drop(vault);
            std::fs::remove_dir_all(&pair.folder).unwrap();
            vault = Pair::recreate(&pair);
        }
    }
    assert_eq!(vault.pull(&mut pair.source()).unwrap().held, ledger.checkpoint().0);
}

impl Pair {
    /// The same vault, empty.
    fn recreate(pair: &Self) -> Vault {
        let identity = std::fs::read_to_string(pair.home.places.evidence.join("format")).unwrap();
        let signer: VerifierKey = identity.lines().nth(3).unwrap().parse().unwrap();
        let origin = hinomi_ledger::checkpoint::Origin::new(identity.lines().nth(2).unwrap()).unwrap();
        let pinned = Pinned { origin, keys: vec![signer] };
        let name = KeyName::new("example.org/vault").unwrap();
        let entropy = Seeded(0.into(), 77);
        drop(
            Vault::create(pair.disk.clone(), pair.clock.clone(), &entropy, &pair.folder, &name, &pinned)
                .unwrap(),
        );
        pair.vault()
    }
}

/// The vault's own disk fails or loses power at any step: what it cosigned is always there afterwards.
#[test]
fn a_vault_never_forgets_what_it_cosigned() {
    let options = Options { wal_bytes: 9_000, ..inline() };
    let rounds = hinomi_testkit::soak::rounds(100, 3_000);
    for seed in 0..rounds {
        let mut memory = MemoryDisk::new(seed);
        let mut pair = Pair::on(Arc::new(memory.clone()), options.clone());
        let mut chance = Chance::new(seed);
        let ledger = pair.ledger();
        let mut cosigned = 0;
        for life in 0..4u64 {
            write(&ledger, life * 20, 20);
            pair.set_time(NOON + (life + 1) * 20 * SECOND);
            let kinds = [
                Fault::Crash,
                Fault::Error(std::io::ErrorKind::Other),
                Fault::ErrorButDone(std::io::ErrorKind::Other),
            ];
            memory.plan(When::Step(memory.steps() + chance.below(60)), kinds[chance.index(3)]);
            let policy = Policy { reserve_bytes: 0, ..Policy::default() };
            let mut vault = Vault::open(pair.disk.clone(), pair.clock.clone(), &pair.folder, policy).unwrap();
            if let Ok(pulled) = vault.pull(&mut pair.source()) {
                assert!(pulled.held >= cosigned, "seed {seed}: shrank");
                cosigned = vault.status().held.map_or(0, |h| h.size());
            }
            drop(vault);
            memory = memory.restart();
            pair.disk = Arc::new(memory.clone());
            let vault = pair.vault();
            let held = vault.status().held.map_or(0, |h| h.size());
            assert!(held >= cosigned, "seed {seed}, life {life}: cosigned {cosigned}, remembers {held}");
        }
        memory.heal();
        let mut vault = pair.vault();
        let pulled = vault.pull(&mut pair.source()).unwrap();
        assert_eq!(pulled.troubles, [], "seed {seed}");
        assert_eq!(pulled.held, ledger.checkpoint().0, "seed {seed}");
        // Every byte of every file is the primary's.
        let listed = pair.source().files().unwrap();
        for listed in &listed[..listed.len() - 1] {
            let copy = memory.read(&pair.folder.join("evidence").join(listed.name.path()), u64::MAX).unwrap();
            let original = std::fs::read(pair.home.places.evidence.join(listed.name.path())).unwrap();
            assert!(original.starts_with(&copy), "seed {seed}: {}", listed.name);
        }
    }
}
