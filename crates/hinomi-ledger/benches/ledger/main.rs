//! What the ledger costs: durable ingest beside a plain write loop and beside compressing and hashing alone, delays of
//! acknowledgement and checkpoint, stored bytes per event, recovery, proofs, a vault's pull, repair.
//!
//! `cargo bench -p hinomi-ledger --bench ledger -- [PART …]` with parts `ingest`, `delay`, `size`, `recovery`, `copies`; all
//! without one. `HINOMI_BENCH_LINES` names a file of log lines, without which lines are invented (and compress better);
//! `HINOMI_BENCH_MB` is how much of them is taken in (256), `HINOMI_BENCH_ROUNDS` how often (3), `HINOMI_BENCH_DIR` where the ledgers are kept for the time.
//! What is larger than the file is made of copies in which the digits were changed.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "a benchmark prints what it measured and stops at the first surprise"
)]

mod copies;
mod delay;
mod ingest;
mod lines;
mod measure;
mod recovery;
mod size;

fn main() {
    let parts: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    println!(
        "{} processors, {} load, files in {}",
        std::thread::available_parallelism().unwrap(),
        measure::load(),
        measure::folder().display()
    );
    if wanted("ingest") {
        ingest::run();
    }
    if wanted("size") {
        size::run();
    }
    if wanted("delay") {
        delay::run();
    }
    if wanted("recovery") {
        recovery::run();
    }
    if wanted("copies") {
        copies::run();
    }
}
