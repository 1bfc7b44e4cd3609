//! Decoding of JSON lines into columns, against parsing the same lines into trees, in one run.
//!
//! `cargo bench -p hinomi-ingest --bench json -- FILE.json …`; without a file nothing is measured. Figures are
//! processor time of this thread, the best of several rounds; reading the file is not included on either side.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints what it measured and stops at the first surprise"
)]

mod timing;

use hinomi_columns::Projection;
use hinomi_ingest::{JsonCut, JsonCutState, JsonDecoder, Unit, json_cut};
use timing::{WINDOWS_FIELDS, best, columns, units};

const ROUNDS: usize = 5;
const UNIT: usize = 1 << 20;

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if files.is_empty() {
        println!("skipped: name a file of JSON lines");
    }
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let units = cut(&file, &bytes);
        let rules = Projection::of(WINDOWS_FIELDS.split_whitespace());
        let everything = Projection::of([""; 0]).and_all_others();
        let nothing = Projection::of([""; 0]);
        println!("{file}: {} bytes, {} units", bytes.len(), units.len());
        let (trees, lines) = best(ROUNDS, || trees(&bytes));
        println!("  {lines:>8} events  {:>6.3} µs/event  trees", micros(trees, lines));
        for (name, projection) in
            [("routing fields", nothing), ("rule fields", rules), ("all fields", everything)]
        {
            let (ours, rows) = best(ROUNDS, || columns(&mut JsonDecoder::new(), &units, &projection));
            let micros = micros(ours, rows);
            let (ratio, rate) = (trees as f64 / ours as f64, 1e6 / micros);
            println!(
                "  {rows:>8} events  {micros:>6.3} µs/event  {rate:>9.0} events/s  columns, {name} (x{ratio:.1})"
            );
        }
        let (cutting, _) = best(ROUNDS, || cut(&file, &bytes).len());
        println!("  {:>6.3} µs/event  cutting and copying", micros(cutting, lines));
    }
}

fn micros(nanos: u64, records: usize) -> f64 {
    nanos as f64 / 1000.0 / records.max(1) as f64
}

fn trees(bytes: &[u8]) -> usize {
    let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.filter(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok()).count()
}

fn cut(name: &str, bytes: &[u8]) -> Vec<Unit> {
    let mut state = JsonCutState::default();
    units(&Unit::whole(name, bytes.to_vec()), UNIT, |held, ends| match json_cut(held, ends, &mut state) {
        JsonCut::Records(n) | JsonCut::Skip(n) => n,
        JsonCut::NeedMore => usize::MAX,
    })
}
