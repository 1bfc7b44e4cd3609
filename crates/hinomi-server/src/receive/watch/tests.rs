//! A writer that rotates in every way and a server that ends at any time: each line is kept once.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hinomi_ledger::{
    Creation, FileDisk, Ledger, Options, Places, Reader, Surroundings, SystemClock, SystemEntropy,
};
use hinomi_testkit::seeded::Seeded;
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::receive::{Budget, Intake, Sources, Workers};
use crate::serve::{Journal, JournalFormat};

/// What the server wrote about itself.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A watch at work on a ledger.
struct Following {
    watch: Watch,
    workers: Workers,
}

/// A folder with logs, a ledger, and the time.
struct World {
    folder: TempDir,
    following: Option<Following>,
    now: Instant,
    said: Said,
    history: bool,
    memory: u64,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("logs")).unwrap();
        let around = surroundings();
        let creation = Creation { origin: "test/watch".to_owned(), eraser: None };
        let places = Places::in_data_dir(folder.path(), "evidence");
        Ledger::create(&around, &places, &creation, &Options::default()).unwrap();
        let mut world = Self {
            folder,
            following: None,
            now: Instant::now(),
            said: Said::default(),
            history: true,
            memory: 64 << 20,
        };
        world.start();
        world
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    fn start(&mut self) {
        let places = Places::in_data_dir(self.folder.path(), "evidence");
        let ledger = Arc::new(Ledger::open(surroundings(), places, Options::default()).unwrap().0);
        let (intake, workers) = Intake::start(ledger.clone()).unwrap();
        let clock = Arc::new(SystemClock);
        let journal = Journal::new(JournalFormat::Json, clock.clone(), Box::new(self.said.clone()));
        let budget = Budget::new(self.memory, self.memory);
        let receiving = Arc::new(Receiving { intake, sources: Sources::new(100), budget, clock, journal });
        let patterns = vec![Pattern::parse(&self.log("*.log*")).unwrap()];
        let setting = Setting { patterns, history: self.history, most: 10, longest: 4_096 };
        let port = Arc::new(Port::test("w"));
        let watch = Watch::open(setting, receiving, port, Figures::new("w"), ledger).unwrap();
        self.following = Some(Following { watch, workers });
    }

    /// Ends without saving anything; what was handed in is durable.
    fn crash(&mut self) {
        let Some(Following { watch, workers }) = self.following.take() else { return };
        workers.stop();
        drop(watch);
    }

    fn turn(&mut self, seconds: f64) -> bool {
        self.now += Duration::from_secs_f64(seconds);
        self.following.as_mut().unwrap().watch.turn(self.now).unwrap()
    }

    /// Turns until everything is read and durable, however long files have to be quiet for that.
    fn drain(&mut self) {
        let mut idle = 0;
        while idle < 24 {
            let any = self.turn(1.0 + 60.0 * f64::from(u8::from(idle % 8 == 7)));
            let settled = self.following.as_ref().unwrap().watch.followed.values().all(Followed::is_settled);
            idle = if any || !settled { 0 } else { idle + 1 };
            if !settled {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    fn figure(&self, of: fn(&Figures) -> &std::sync::atomic::AtomicU64) -> u64 {
        of(&self.following.as_ref().unwrap().watch.counted).load(Ordering::Relaxed)
    }

    fn said(&self) -> String {
        String::from_utf8(self.said.0.lock().unwrap().clone()).unwrap()
    }

    /// Records by source, which have to be numbered without gaps.
    fn records(&mut self) -> BTreeMap<String, Vec<Vec<u8>>> {
        self.crash();
        let places = Places::in_data_dir(self.folder.path(), "evidence");
        drop(Ledger::open(surroundings(), places.clone(), Options::default()).unwrap());
        let reader = Reader::open(Arc::new(FileDisk), places, true).unwrap();
        let mut all: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for block in reader.blocks(0, reader.size()).map(Result::unwrap) {
            let source = block.block.scope.source;
            for record in block.records.into_iter().filter(|_| source.starts_with("w/")) {
                let of = all.entry(source.clone()).or_default();
                assert_eq!(record.sequence, Some(of.len() as u64), "{source}");
                of.push(record.bytes);
            }
        }
        all
    }

    fn text(&mut self, name: &str) -> String {
        let source = format!("w/file{}", self.log(name).display());
        let records = self.records().remove(&source).unwrap_or_default();
        String::from_utf8(records.concat()).unwrap()
    }
}

fn surroundings() -> Surroundings {
    Surroundings { disk: Arc::new(FileDisk), clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn cut(path: &Path, length: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

/// As `gzip` does: the packed file beside the plain one, which then goes away.
fn gzip(path: &Path) {
    let packed = File::options().write(true).create_new(true).open(format!("{}.gz", path.display())).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    encoder.write_all(&std::fs::read(path).unwrap()).unwrap();
    encoder.finish().unwrap();
    std::fs::remove_file(path).unwrap();
}

/// Makes room at `app.log.1`.
fn shift(world: &World) {
    for number in (1..40).rev() {
        for ending in ["", ".gz"] {
            let from = world.log(&format!("app.log.{number}{ending}"));
            if from.exists() {
                std::fs::rename(from, world.log(&format!("app.log.{}{ending}", number + 1))).unwrap();
            }
        }
    }
}

/// Renames (5, 6), copies and cuts (7), or packs the file with this number.
fn rotate(world: &World, how: u64, number: u64) {
    let (log, first) = (world.log("app.log"), world.log("app.log.1"));
    let packed = world.log(&format!("app.log.{number}"));
    match how {
        8 if packed.exists() => gzip(&packed),
        8 => {}
        7 => {
            shift(world);
            std::fs::copy(&log, first).unwrap();
            cut(&log, 0);
        }
        _ => {
            shift(world);
            std::fs::rename(&log, first).unwrap();
            append(&log, "");
        }
    }
}

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn each_line_is_kept_once_whatever_happens_to_files_and_server() {
    let rounds = hinomi_testkit::soak::rounds(12, 150);
    for seed in 0..rounds {
        let mut random = Seeded::new(seed);
        let mut world = World::new();
        let (log, mut expected, mut part) = (world.log("app.log"), String::new(), String::new());
        let mut rotations = 0;
        for step in 0..60 {
            let end = std::mem::take(&mut part);
            append(&log, &end);
            expected.push_str(&end);
            match random.below(12) {
                0..=3 => {
                    let most = if random.chance(10) { 9_000 } else { 30 };
                    let many = 1 + random.below(most);
                    let lines: String =
                        (0..many).map(|n| format!("seed {seed} step {step} line {n}\n")).collect();
                    append(&log, &lines);
                    expected.push_str(&lines);
                }
                4 => {
                    let begun = format!("seed {seed} step {step} in ");
                    append(&log, &begun);
                    expected.push_str(&begun);
                    part = "parts\n".to_owned();
                }
                how @ 5..=8 if rotations < 30 => {
                    rotations += u64::from(how < 8);
                    rotate(&world, how, 1 + random.below(3));
                }
                9 if world.following.is_some() => world.crash(),
                _ => {}
            }
            if world.following.is_none() && random.chance(40) {
                world.start();
            }
            for _ in 0..random.below(4) {
                if world.following.is_some() {
                    world.turn(0.3 + random.below(4) as f64);
                }
            }
        }
        append(&log, &part);
        expected.push_str(&part);
        if world.following.is_none() {
            world.start();
        }
        world.drain();
        let kept = world.text("app.log");
        let (kept, expected) = (sorted(&kept), sorted(&expected));
        let missing = expected.iter().filter(|line| kept.binary_search(line).is_err()).count();
        assert_eq!((kept.len(), missing), (expected.len(), 0), "seed {seed}: {}", world.said());
        assert_eq!(kept, expected, "seed {seed}");
    }
}

#[test]
fn what_is_written_at_the_end_of_a_removed_file_is_read() {
    let mut world = World::new();
    let log = world.log("app.log");
    append(&log, "a\n");
    world.turn(1.0);
    let mut writer = OpenOptions::new().append(true).open(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    writer.write_all(b"b\npart").unwrap();
    world.turn(1.0);
    append(&log, "new\n");
    world.drain();
    // A part at the end is kept without its end, before or after what is in the new file.
    let text = world.text("app.log");
    assert!(["a\nb\nnew\npart", "a\nb\npartnew\n"].contains(&text.as_str()), "{text:?}");
}

#[test]
fn a_file_that_is_cut_short_is_read_from_its_new_beginning_and_the_unknown_is_said() {
    let mut world = World::new();
    let log = world.log("app.log");
    append(&log, "one\ntwo\n");
    world.drain();
    cut(&log, 0);
    append(&log, "three, which is longer than what was before\n");
    world.drain();
    cut(&log, 0);
    world.turn(1.0);
    assert_eq!(world.figure(|f| &f.lost), 1, "nobody knows what came behind the second line");
    world.drain();
    assert_eq!(world.figure(|f| &f.lost), 2);
    assert!(world.said().contains("what came behind byte 8 is not known"), "{}", world.said());
    assert_eq!(world.text("app.log"), "one\ntwo\nthree, which is longer than what was before\n");
}

/// What is written between copying and cutting is in no copy; here it was read before the cut.
#[test]
fn a_copy_that_is_shorter_than_what_was_read_is_not_read_again() {
    for (lines, packed, restarts) in
        [(3, false, false), (400, false, false), (400, false, true), (400, true, true)]
    {
        let mut world = World::new();
        let (log, copy) = (world.log("app.log"), world.log("app.log.1"));
        let mut expected = String::new();
        for from in (0..lines).step_by(100) {
            let some: String = (from..lines.min(from + 100)).map(|n| format!("line number {n}\n")).collect();
            append(&log, &some);
            expected += &some;
            world.drain();
        }
        std::fs::copy(&log, &copy).unwrap();
        append(&log, "in no copy\n");
        world.drain();
        cut(&log, 0);
        if packed {
            gzip(&copy);
        }
        if restarts {
            world.crash();
            world.start();
        }
        append(&log, "behind the cut\n");
        world.drain();
        let case = format!("{lines} lines, packed: {packed}, restarted: {restarts}");
        assert_eq!(world.figure(|f| &f.found), 0, "{case}");
        assert_eq!(world.text("app.log"), expected + "in no copy\nbehind the cut\n", "{case}");
    }
}

/// Files may have the same beginning and be two.
#[test]
fn a_file_that_only_begins_like_another_is_read() {
    let mut world = World::new();
    let (log, other) = (world.log("app.log"), world.log("app.log.1"));
    let head = "a line that every file begins with\n".repeat(60);
    append(&log, &head);
    world.drain();
    append(&log, &"from now on it is another one\n".repeat(60));
    world.drain();
    append(&log, &"and its end\n".repeat(60));
    world.drain();
    let unread = format!("{}these lines are in this file alone\n", &head[..head.len() / 2]);
    append(&other, &unread);
    world.drain();
    assert_eq!(world.figure(|f| &f.found), 1);
    assert!(world.text("app.log").ends_with(&unread));
}

#[test]
fn holes_are_left_out_once_something_follows_them() {
    let mut world = World::new();
    let log = world.log("app.log");
    append(&log, "before\n");
    // A writer that goes on where it was, far behind the new end.
    cut(&log, 3 << 30);
    world.drain();
    append(&log, "after\n");
    world.drain();
    world.crash();
    append(&log, "later\n");
    world.start();
    world.drain();
    assert!(world.said().contains("3221225465 bytes that nobody wrote"), "{}", world.said());
    assert_eq!(world.text("app.log"), "before\nafter\nlater\n");
}

#[test]
fn numbers_of_files_are_used_again_and_their_bytes_tell_them_apart() {
    let mut world = World::new();
    let log = world.log("app.log");
    append(&log, "first\n");
    world.drain();
    world.crash();
    let number = Identity::of(&log.metadata().unwrap());
    // Until the system gives the number to another file.
    let again = (0..2_000).any(|_| {
        std::fs::remove_file(&log).unwrap();
        append(&log, "other and longer\n");
        Identity::of(&log.metadata().unwrap()) == number
    });
    println!(
        "{}",
        if again { "the number was used again" } else { "SKIPPED: no number was used again here" }
    );
    world.start();
    world.drain();
    assert_eq!(world.text("app.log"), "first\nother and longer\n");
}

#[test]
fn lines_longer_than_a_line_may_be_are_cut_and_nothing_is_held_of_them() {
    let mut world = World::new();
    append(&world.log("app.log"), &format!("{}\nend\n", "x".repeat(100_000)));
    world.drain();
    let source = format!("w/file{}", world.log("app.log").display());
    let records = world.records().remove(&source).unwrap();
    assert!(records.iter().all(|record| record.len() <= 4_096));
    assert_eq!((records.len(), records.concat().len()), (26, 100_005));
}

#[test]
fn what_was_there_before_is_left_out_if_nobody_wants_it() {
    let mut world = World::new();
    world.crash();
    append(&world.log("app.log"), "old\n");
    append(&world.log("app.log.1"), "older\n");
    append(&world.log("app.log.2"), "oldest\n");
    gzip(&world.log("app.log.2"));
    world.history = false;
    world.start();
    world.drain();
    append(&world.log("app.log"), "new\n");
    world.drain();
    shift(&world);
    std::fs::rename(world.log("app.log"), world.log("app.log.1")).unwrap();
    append(&world.log("app.log"), "newer\n");
    world.drain();
    assert_eq!(world.text("app.log"), "new\nnewer\n");
}

#[test]
fn rotated_files_that_nobody_has_read_are_read_once_and_said() {
    let mut world = World::new();
    append(&world.log("app.log.2"), "oldest\n");
    gzip(&world.log("app.log.2"));
    append(&world.log("app.log.1"), "older\n");
    append(&world.log("app.log.3.xz"), "what this is nobody knows\n");
    append(&world.log("app.log"), "new\n");
    world.drain();
    assert_eq!(world.figure(|f| &f.found), 2);
    world.crash();
    world.start();
    world.drain();
    assert_eq!(world.said().matches("that nobody has read is read now").count(), 2);
    assert!(world.said().contains("hinomi ledger append reads it"));
    assert_eq!(world.text("app.log"), "new\noldest\nolder\n");
}

#[test]
fn without_positions_nothing_is_missing_and_numbers_go_on() {
    let mut world = World::new();
    append(&world.log("app.log"), "a\nb\n");
    world.drain();
    world.crash();
    std::fs::remove_file(world.folder.path().join("watch/w.json")).unwrap();
    world.start();
    world.drain();
    assert!(world.said().contains("lines may be kept twice"));
    // That they are numbered without gaps is compared wherever records are read.
    assert_eq!(world.text("app.log"), "a\nb\na\nb\n");
}

#[test]
fn nothing_is_read_while_there_is_no_room() {
    let mut world = World::new();
    world.crash();
    world.memory = 1_000;
    world.start();
    let lines: String = (0..100).map(|n| format!("line {n}\n")).collect();
    append(&world.log("app.log"), &lines);
    assert!(!(0..5).any(|_| world.turn(1.0)));
    assert_eq!(world.figure(|f| &f.behind), lines.len() as u64);
    world.crash();
    world.memory = 64 << 20;
    world.start();
    world.drain();
    assert_eq!(world.text("app.log"), lines);
}

#[test]
fn hostile_folders_lead_nowhere_and_are_said_once() {
    let mut world = World::new();
    let outside = world.folder.path().join("outside");
    append(&outside, "secret\n");
    std::os::unix::fs::symlink(&outside, world.log("link.log")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", world.log("zero.log")).unwrap();
    std::os::unix::fs::symlink(world.log("loop.log"), world.log("loop.log")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(world.log("pipe.log")).status().unwrap().success());
    std::fs::create_dir(world.log("folder.log")).unwrap();
    append(&world.log("new\nline \u{202e}.log"), "odd name\n");
    append(&world.log("bomb.log.gz"), "no gzip\n");
    append(&world.log("good.log"), "good\n");
    std::os::unix::fs::symlink(world.log("good.log"), world.log("same.log")).unwrap();
    world.drain();
    assert_eq!(world.figure(|f| &f.refused), 4, "{}", world.said());
    assert_eq!(world.said().matches("a file is not read").count(), 4, "{}", world.said());
    assert_eq!(world.figure(|f| &f.damaged), 1);
    let records = world.records();
    let texts: Vec<Vec<u8>> = records.values().map(|records| records.concat()).collect();
    assert_eq!(texts, [&b"good\n"[..], b"odd name\n"]);
    assert!(records.keys().all(|name| !name.contains(['\n', '\u{202e}'])), "{:?}", records.keys());
}

#[test]
fn a_log_that_a_link_beside_it_points_at_is_followed_once() {
    for copied in [false, true] {
        let mut world = World::new();
        append(&world.log("zz.log"), "one\n");
        // The name of the link comes first.
        std::os::unix::fs::symlink("zz.log", world.log("current.log")).unwrap();
        world.drain();
        append(&world.log("zz.log"), "two\n");
        world.drain();
        if copied {
            std::fs::copy(world.log("zz.log"), world.log("zz.log.1")).unwrap();
            cut(&world.log("zz.log"), 0);
        } else {
            std::fs::rename(world.log("zz.log"), world.log("zz.log.1")).unwrap();
        }
        append(&world.log("zz.log"), "three\n");
        world.drain();
        let records: Vec<_> = world.records().into_iter().collect();
        let name = format!("w/file{}", world.log("zz.log").display());
        let lines: Vec<Vec<u8>> = ["one\n", "two\n", "three\n"].map(|line| line.as_bytes().to_vec()).into();
        assert_eq!(records, [(name, lines)], "copied and cut: {copied}");
    }
}

#[test]
fn names_of_sources_are_bounded_and_different() {
    let long = |end: &str| PathBuf::from(format!("/{}/\u{65e5}\u{672c}\u{8a9e}{end}.log", "x/".repeat(200)));
    let names: Vec<String> = ["/var/log/a.log", "/var/log/a\u{1b}.log", "/var/log/a_.log"]
        .iter()
        .map(PathBuf::from)
        .chain([long("1"), long("2")])
        .map(|path| source_name("w", &path))
        .collect();
    assert_eq!(names[0], "w/file/var/log/a.log");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert!(names.iter().all(|name| name.len() <= 250 && !name.contains('\u{1b}')), "{names:?}");
    assert!(names[3].ends_with("\u{8a9e}1.log"));
}
