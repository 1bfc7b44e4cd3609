//! The witness as its clients meet it, and as an attacker with the log's key does.

use std::io::ErrorKind;

use hinomi_model::Timestamp;
use hinomi_testkit::disk::{Fault, MemoryDisk, When};
use hinomi_testkit::seeded::{ManualClock, Seeded, SeededEntropy};

use super::*;
use crate::checkpoint::Checkpoint;
use crate::note::{KeyName, Note};
use crate::tlog::{leaf_hash, prove_consistency, root_of};

const NOW: i64 = 1_790_000_000;

struct Log {
    key: SignerKey,
    origin: Origin,
    leaves: Vec<Hash>,
}

impl Log {
    fn new(history: &str) -> Self {
        let origin = "example.org/evidence";
        Self {
            key: SignerKey::from_seed(KeyName::new(origin).unwrap(), &[1; 32]),
            origin: Origin::new(origin).unwrap(),
            leaves: (0..300u32).map(|i| leaf_hash(&[history.as_bytes(), &i.to_be_bytes()])).collect(),
        }
    }

    fn root(&self, size: u64) -> Hash {
        root_of(self.leaves[..size as usize].iter().copied())
    }

    fn checkpoint(&self, size: u64) -> Note {
        let (origin, root) = (self.origin.clone(), self.root(size));
        Checkpoint { origin, size, root, extensions: Vec::new() }.sign(&self.key).unwrap()
    }

    fn request(&self, old: u64, new: u64) -> Vec<u8> {
        let proof = prove_consistency(&mut &self.leaves[..], old, new).unwrap();
        AddCheckpoint::new(proof, &self.checkpoint(new)).to_body()
    }
}

fn at(seconds: i64) -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_nanos(seconds * NANOS_PER_SECOND)))
}

fn set_up(disk: &Arc<dyn Disk>, log: &Log) {
    let name = KeyName::new("example.org/witness").unwrap();
    let dir = WitnessDir::create(disk.clone(), &SeededEntropy::new(9), Path::new("w"), &name).unwrap();
    dir.watch(&log.origin, &[log.key.verifier(Algorithm::Ed25519)]).unwrap();
}

fn witness(log: &Log) -> (Witness, Arc<dyn Disk>, Arc<ManualClock>) {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new(1));
    set_up(&disk, log);
    let clock = at(NOW);
    (Witness::open(disk.clone(), clock.clone(), Path::new("w")).unwrap(), disk, clock)
}

#[test]
fn a_growing_log_is_cosigned_and_the_lines_verify() {
    let log = Log::new("a");
    let (mut witness, _, _) = witness(&log);
    for (old, new) in [(0, 0), (0, 1), (1, 1), (1, 7), (7, 256), (256, 300)] {
        let answer = witness.add_checkpoint(&log.request(old, new));
        let Answer::Cosigned(line) = answer else { panic!("{old} to {new}: {answer:?}") };
        let mut note = log.checkpoint(new);
        note.add(line).unwrap();
        let keys = [log.key.verifier(Algorithm::Ed25519)];
        let opened =
            VerifiedCheckpoint::open(note.to_string().as_bytes(), &log.origin, &keys, &[witness.verifier()])
                .unwrap();
        assert_eq!(opened.cosignatures()[0].time, Some(NOW as u64));
    }
    assert_eq!(witness.logs().next().map(|l| l.1), Some(300));
}

#[test]
fn every_refusal_has_its_status() {
    let log = Log::new("a");
    let (mut witness, _, _) = witness(&log);
    assert_eq!(witness.add_checkpoint(&log.request(0, 100)).status(), 200);
    let text = |old: u64, new: u64| String::from_utf8(log.request(old, new)).unwrap();
    let stranger = Log { key: SignerKey::from_seed(KeyName::new("s").unwrap(), &[2; 32]), ..Log::new("a") };
    let unknown = Log { origin: Origin::new("example.org/other").unwrap(), ..Log::new("a") };
    let wrong_key = SignerKey::from_seed(log.key.name().clone(), &[3; 32]);
    let impostor = Log { key: wrong_key, ..Log::new("a") };
    let forked = Log::new("b");
    let no_proof =
        AddCheckpoint { old_size: 100, proof: vec![], checkpoint: log.checkpoint(200).to_string().into() };
    let lines = |n: usize| {
        text(100, 200).replacen("\n\n", &format!("\n{}\n", format!("{}\n", log.root(3)).repeat(n)), 1)
    };
    let cases: [(&str, Vec<u8>, u16, &str); 18] = [
        ("nothing", vec![], 400, ""),
        ("not UTF-8", vec![0xff; 10], 400, ""),
        ("no old size", text(100, 200).replacen("old 100", "new 100", 1).into(), 400, ""),
        ("leading zero", text(100, 200).replacen("old 100", "old 0100", 1).into(), 400, ""),
        ("sign", text(100, 200).replacen("old 100", "old +100", 1).into(), 400, ""),
        ("too large", vec![b'\n'; MAX_REQUEST_BYTES + 1], 400, ""),
        ("64 proof lines", lines(64).into(), 400, ""),
        ("old above new", text(100, 200).replacen("old 100", "old 201", 1).into(), 400, ""),
        ("unknown log", unknown.request(0, 10), 404, ""),
        ("signed by a stranger", stranger.request(100, 200), 403, ""),
        ("known name, other key", impostor.request(100, 200), 403, ""),
        ("stale: asks the size", log.request(0, 200), 409, "100\n"),
        ("rollback", log.request(50, 60), 409, "100\n"),
        ("rollback with a proof of its own", log.request(60, 60), 409, "100\n"),
        ("another history", forked.request(100, 200), 422, ""),
        ("another root for the same size", forked.request(100, 100), 409, "100\n"),
        ("no proof", no_proof.to_body(), 422, ""),
        ("superfluous proof lines", lines(3).into(), 422, ""),
    ];
    for (name, body, status, said) in cases {
        let answer = witness.add_checkpoint(&body);
        assert_eq!(answer.status(), status, "{name}: {answer:?}");
        if !said.is_empty() {
            assert_eq!(answer.body(), said, "{name}");
            assert_eq!(answer.content_type(), "text/x.tlog.size", "{name}");
        }
        assert_eq!(witness.logs().next().map(|l| l.1), Some(100), "{name} changed the state");
    }
    assert_eq!(witness.add_checkpoint(&log.request(100, 200)).status(), 200, "still at work");
}

#[test]
fn two_roots_for_one_size_are_kept_as_evidence() {
    let (log, forked) = (Log::new("a"), Log::new("b"));
    let (mut witness, disk, _) = witness(&log);
    assert_eq!(witness.add_checkpoint(&log.request(0, 100)).status(), 200);
    for _ in 0..40 {
        assert_eq!(witness.add_checkpoint(&forked.request(100, 100)).status(), 409);
    }
    let forks = witness.dir.forks(&log.origin).unwrap();
    assert_eq!(forks.len(), 1, "the same fork is kept once");
    let kept = disk.read(&forks[0], 10_000).unwrap();
    let keys = [log.key.verifier(Algorithm::Ed25519)];
    let convicted = VerifiedCheckpoint::open(&kept, &log.origin, &keys, &[]).unwrap();
    assert_eq!((convicted.size(), *convicted.root()), (100, forked.root(100)));
    for n in 0..40u32 {
        let another = Log::new(&format!("c{n}"));
        assert_eq!(witness.add_checkpoint(&another.request(100, 100)).status(), 409);
    }
    assert_eq!(witness.dir.forks(&log.origin).unwrap().len(), 16, "bounded");
}

#[test]
fn a_clock_set_back_stops_it_instead_of_making_it_lie() {
    let log = Log::new("a");
    let (mut witness, _, clock) = witness(&log);
    assert_eq!(witness.add_checkpoint(&log.request(0, 10)).status(), 200);
    clock.advance(-3 * NANOS_PER_SECOND);
    let Answer::Cosigned(line) = witness.add_checkpoint(&log.request(10, 20)) else { panic!("adjustment") };
    let mut note = log.checkpoint(20);
    note.add(line).unwrap();
    assert_eq!(
        note.verify(&[witness.verifier()]).unwrap().1[0].time,
        Some(NOW as u64),
        "times do not go back"
    );
    clock.advance(-3600 * NANOS_PER_SECOND);
    assert_eq!(witness.add_checkpoint(&log.request(20, 30)).status(), 503);
    clock.advance(3600 * NANOS_PER_SECOND);
    assert_eq!(witness.add_checkpoint(&log.request(20, 30)).status(), 200);
}

#[test]
fn a_witness_without_its_memory_does_not_start() {
    let log = Log::new("a");
    let disk = Arc::new(MemoryDisk::new(1));
    let shared: Arc<dyn Disk> = disk.clone();
    set_up(&shared, &log);
    let open = || Witness::open(shared.clone(), at(NOW), Path::new("w"));
    let mut first = open().unwrap();
    assert!(matches!(open().unwrap_err(), LedgerError::Locked { .. }), "one at a time");
    assert_eq!(first.add_checkpoint(&log.request(0, 100)).status(), 200);
    assert_eq!(first.add_checkpoint(&log.request(100, 200)).status(), 200);
    drop(first);
    let folder = shared.list(Path::new("w/logs")).unwrap()[0].name.clone();
    let last = Path::new("w/logs").join(folder).join("last");
    let good = shared.read(&last, 10_000).unwrap();
    // An older checkpoint that the log signed but this witness did not cosign.
    disk.alter(&last, |bytes| *bytes = log.checkpoint(50).to_string().into()).unwrap();
    assert!(open().is_err(), "not its own cosignature");
    disk.alter(&last, |bytes| *bytes = [good.as_slice(), b"x"].concat()).unwrap();
    assert!(open().is_err(), "damaged");
    shared.remove_file(&last).unwrap();
    assert!(open().is_err(), "missing");
    let dir = WitnessDir::open(shared.clone(), Path::new("w")).unwrap();
    let keys = [log.key.verifier(Algorithm::Ed25519)];
    assert!(dir.watch(&log.origin, &keys).is_err(), "a lost state is not begun anew");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let log = Log::new("a");
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new(1));
    set_up(&disk, &log);
    let seed = disk.read(Path::new("w/key"), 32).unwrap();
    disk.remove_file(Path::new("w/key")).unwrap();
    crate::files::replace(&*disk, Path::new("w/key"), 0o640, &seed, true).unwrap();
    assert!(matches!(Witness::open(disk, at(NOW), Path::new("w")), Err(LedgerError::Refused { .. })));
}

/// An attacker with the log's key tries to get cosignatures on two histories by crashing the witness at every step of
/// its storage, with every kind of failure that the disk knows.
#[test]
fn no_crash_makes_it_cosign_two_histories() {
    let (honest, forked) = (Log::new("a"), Log::new("b"));
    let rounds = hinomi_testkit::soak::rounds(400, 20_000);
    let mut refused_after_crash = 0;
    for seed in 0..rounds {
        let mut disk = MemoryDisk::new(seed);
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        set_up(&shared, &honest);
        drop(shared);
        let mut random = Seeded::new(seed);
        // What anybody was ever shown: (size, root).
        let mut shown: Vec<(u64, Hash)> = Vec::new();
        for life in 0..6 {
            let shared: Arc<dyn Disk> = Arc::new(disk.clone());
            let Ok(mut witness) = Witness::open(shared, at(NOW + life), Path::new("w")) else {
                panic!("seed {seed}: a crash must not stop the witness for good");
            };
            let fault = [Fault::Crash, Fault::Error(ErrorKind::Other), Fault::ErrorButDone(ErrorKind::Other)]
                [random.index(3)];
            disk.plan(When::Step(disk.steps() + random.below(14)), fault);
            for _ in 0..4 {
                let log = if random.chance(50) { &honest } else { &forked };
                let old = witness.logs().next().map_or(0, |l| l.1);
                let new = (old + random.below(5)).min(300);
                if let Answer::Cosigned(_) = witness.add_checkpoint(&log.request(old, new)) {
                    shown.push((new, log.root(new)));
                } else if life > 0 {
                    refused_after_crash += 1;
                }
            }
            drop(witness);
            disk = disk.restart();
        }
        for (one, next) in shown.iter().zip(shown.iter().skip(1)) {
            assert!(one.0 <= next.0, "seed {seed}: rolled back from {} to {}", one.0, next.0);
        }
        let of = |log: &Log| shown.iter().any(|(size, root)| *size > 0 && log.root(*size) == *root);
        assert!(!(of(&honest) && of(&forked)), "seed {seed}: two histories were cosigned");
    }
    assert!(refused_after_crash > rounds / 2, "the attack was tried");
}
