//! Decoding of an event log into columns, against printing it as JSON with the independent reader, in one run.
//!
//! `cargo bench -p hinomi-ingest --bench evtx -- FILE.evtx …`; without a file nothing is measured. Figures are
//! processor time of this thread, the best of several rounds, and include finding the chunks and their checksums;
//! reading the file is not included on either side.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints what it measured and stops at the first surprise"
)]

mod timing;

use hinomi_columns::Projection;
use hinomi_ingest::{EvtxDecoder, Unit, evtx_cut};
use std::io::Write as _;
use timing::{WINDOWS_FIELDS, best, columns, units};

const ROUNDS: usize = 7;
const UNIT: usize = 4 << 20;

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if files.is_empty() {
        println!("skipped: name an EVTX file");
    }
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let units = units(&Unit::whole(&file, bytes.clone()), UNIT, evtx_cut);
        let rules = Projection::of(WINDOWS_FIELDS.split_whitespace());
        let everything = Projection::of([""; 0]).and_all_others();
        let nothing = Projection::of([""; 0]);
        println!("{file}: {} bytes, {} units", bytes.len(), units.len());
        let (theirs, printed) = best(ROUNDS, || json(&bytes));
        println!(
            "  {printed:>8} records  {:>6.3} µs/record  independent reader, printing JSON",
            micros(theirs, printed)
        );
        for (name, projection) in
            [("routing fields", nothing), ("rule fields", rules), ("all fields", everything)]
        {
            let (ours, rows) = best(ROUNDS, || columns(&mut EvtxDecoder::default(), &units, &projection));
            let ratio = theirs as f64 / ours as f64;
            println!(
                "  {rows:>8} records  {:>6.3} µs/record  columns, {name} (x{ratio:.1})",
                micros(ours, rows)
            );
        }
    }
}

fn micros(nanos: u64, records: usize) -> f64 {
    nanos as f64 / 1000.0 / records.max(1) as f64
}

fn json(bytes: &[u8]) -> usize {
    let settings = evtx::ParserSettings::new().num_threads(1).indent(false);
    let mut parser = evtx::EvtxParser::from_buffer(bytes.to_vec()).unwrap().with_configuration(settings);
    let mut out = std::io::sink();
    let mut records = 0;
    for chunk in parser.chunks_json_bytes(false) {
        records += chunk.records().count();
        for (_, record) in chunk.records() {
            out.write_all(std::hint::black_box(record)).unwrap();
        }
    }
    records
}
