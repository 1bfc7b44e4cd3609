//! Clocks, processor time, disk use.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hinomi_ledger::{Creation, FileDisk, Ledger, Options, Places, Surroundings, SystemClock, SystemEntropy};

/// A ledger in a folder that goes away.
pub struct Home {
    _folder: tempfile::TempDir,
    pub around: Surroundings,
    pub places: Places,
}

pub fn folder() -> PathBuf {
    std::env::var_os("HINOMI_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from)
}

impl Home {
    pub fn new(options: &Options) -> Self {
        let folder = tempfile::tempdir_in(self::folder()).unwrap();
        let places = Places::in_data_dir(&folder.path().join("data"), "evidence");
        let around = Surroundings {
            disk: Arc::new(FileDisk),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        let creation = Creation { origin: "bench.example/evidence".to_owned(), eraser: None };
        Ledger::create(&around, &places, &creation, options).unwrap();
        Self { _folder: folder, around, places }
    }

    pub fn open(&self, options: &Options) -> Ledger {
        Ledger::open(self.around.clone(), self.places.clone(), options.clone()).unwrap().0
    }
}

pub fn now_ns() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// Wall time and processor time of all threads, user and system, that something took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration, Duration) {
    let (cpu, wall) = (cpu_time(), Instant::now());
    let out = work();
    (out, wall.elapsed(), cpu_time().saturating_sub(cpu))
}

fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

/// Bytes of all files below a folder, as long as they are, and as many as there are.
pub fn disk_use(folder: &Path) -> (u64, u64) {
    let (mut bytes, mut files) = (0, 0);
    let Ok(entries) = std::fs::read_dir(folder) else { return (0, 0) };
    for entry in entries.map(Result::unwrap) {
        let meta = entry.metadata().unwrap();
        if meta.is_dir() {
            let (b, f) = disk_use(&entry.path());
            bytes += b;
            files += f;
        } else {
            bytes += meta.len();
            files += 1;
        }
    }
    (bytes, files)
}

pub fn mb_per_second(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / 1e6 / time.as_secs_f64()
}

/// The value below which so many of a hundred lie.
pub fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |d| d.as_secs_f64() * 1e3)
}
