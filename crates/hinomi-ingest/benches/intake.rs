//! The reader without decoders: unpacked bytes per second of processor time, against plain reading and against the
//! bare decompressor, in one run; and its peak memory.
//!
//! `cargo bench -p hinomi-ingest --bench intake` writes and reads 256 MiB of generated NDJSON in a temporary folder.
//! `… -- --stdin` reads standard input instead and prints bytes and peak memory.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints what it measured and stops at the first surprise"
)]

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use hinomi_ingest::intake::{Intake, Item, Options, Root};
use hinomi_model::Timestamp;

const BYTES: u64 = 256 << 20;
const ROUNDS: usize = 5;

fn main() {
    if std::env::args().any(|a| a == "--stdin") {
        let root = Root::Stream { name: "-".to_owned(), reader: Box::new(std::io::stdin()) };
        let (bytes, seconds) = timed(|| pull(root));
        println!("{bytes} bytes, {:.2} GB/s, peak memory {}", rate(bytes, seconds), peak());
        return;
    }
    let folder = std::env::temp_dir().join(format!("hinomi-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let [plain, gzip, zstd] = ["log.json", "log.json.gz", "log.json.zst"].map(|n| folder.join(n));
    generate(&plain);
    std::io::copy(
        &mut File::open(&plain).unwrap(),
        &mut flate2::write::GzEncoder::new(File::create(&gzip).unwrap(), flate2::Compression::new(6)),
    )
    .unwrap();
    zstd::stream::copy_encode(File::open(&plain).unwrap(), File::create(&zstd).unwrap(), 3).unwrap();
    let bare = best(|| drain(File::open(&plain).unwrap()));
    println!("plain   {bare:6.2} GB/s bare reading");
    report("plain", &plain, bare);
    let bare = best(|| drain(flate2::read::MultiGzDecoder::new(File::open(&gzip).unwrap())));
    println!("gzip    {bare:6.2} GB/s bare unpacking");
    report("gzip", &gzip, bare);
    let zip = folder.join("log.zip");
    if std::process::Command::new("zip").arg("-qj").args([&zip, &plain]).status().is_ok_and(|s| s.success()) {
        report("zip", &zip, bare);
    }
    let bare = best(|| drain(zstd::stream::read::Decoder::new(File::open(&zstd).unwrap()).unwrap()));
    println!("zstd    {bare:6.2} GB/s bare unpacking");
    report("zstd", &zstd, bare);
    println!("peak memory {} (the bare readers included)", peak());
    std::fs::remove_dir_all(&folder).unwrap();
}

fn report(name: &str, path: &Path, bare: f64) {
    let rate = best(|| pull(Root::Path(path.to_owned())));
    println!("{name:7} {rate:6.2} GB/s, {:.2} of bare", rate / bare);
}

/// Pulls everything, as a driver does that takes no time; returns the bytes of the units.
fn pull(root: Root) -> u64 {
    let mut intake = Intake::new(vec![root], Options::at(Timestamp::from_nanos(0)));
    let mut bytes = 0;
    while let Some(item) = intake.next() {
        if let Item::Unit(_, unit) = item {
            bytes += unit.bytes.len() as u64;
            intake.recycle(unit.bytes);
        }
    }
    bytes
}

fn drain(mut reader: impl Read) -> u64 {
    let mut buffer = vec![0; 4 << 20];
    let mut bytes = 0;
    loop {
        match reader.read(&mut buffer).unwrap() {
            0 => return bytes,
            read => bytes += read as u64,
        }
    }
}

fn generate(path: &Path) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let mut state = 1u64;
    let mut written = 0;
    while written < BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let line = format!(
            "{{\"@timestamp\":\"2026-01-01T00:00:{:02}.{:03}Z\",\"EventID\":{},\"Channel\":\"Security\",\"Computer\":\"ws{:03}\",\
             \"TargetUserName\":\"user{}\",\"IpAddress\":\"192.0.2.{}\",\"ProcessName\":\"C:\\\\Windows\\\\System32\\\\svchost.exe\"}}\n",
            state >> 58,
            state >> 40 & 0x1ff,
            4600 + (state >> 32 & 0xff),
            state >> 24 & 0xff,
            state >> 16 & 0xfff,
            state >> 8 & 0xff
        );
        out.write_all(line.as_bytes()).unwrap();
        written += line.len() as u64;
    }
}

fn best(mut measure: impl FnMut() -> u64) -> f64 {
    let rates = (0..ROUNDS).map(|_| {
        let (bytes, seconds) = timed(&mut measure);
        rate(bytes, seconds)
    });
    rates.fold(0.0, f64::max)
}

fn rate(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 / 1e9 / seconds
}

fn timed(measure: impl FnOnce() -> u64) -> (u64, f64) {
    let before = cpu();
    let bytes = measure();
    (bytes, cpu() - before)
}

/// Seconds this thread has run.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}
