//! The process that keeps a ledger, and the look at what it left.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use hinomi_ledger::completeness::is_built_in;
use hinomi_ledger::{
    Creation, FileDisk, Ledger, LedgerError, Options, Places, Reader, Record, Surroundings, SystemClock,
    SystemEntropy,
};
use hinomi_model::Clock as _;

/// Lines of one call.
const BATCH: u64 = 5;

pub fn around() -> Surroundings {
    Surroundings { disk: Arc::new(FileDisk), clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
}

pub fn places(folder: &Path) -> Places {
    Places::in_data_dir(&folder.join("data"), "evidence")
}

/// Small files, so that sealing and packing happen all the time.
pub fn options(threads: usize) -> Options {
    Options {
        threads,
        tick_ns: 20_000_000,
        gather_ns: 200_000,
        block_bytes: 16 << 10,
        wal_bytes: 64 << 10,
        queue_bytes: 128 << 10,
        tick_bytes: 64 << 10,
        ..Options::default()
    }
}

pub fn create(folder: &Path) -> Result<(), LedgerError> {
    let creation = Creation { origin: "logs.example.jp/evidence".to_owned(), eraser: None };
    Ledger::create(&around(), &places(folder), &creation, &options(0))
}

/// Opens the ledger of a folder, which is made if it is not there.
pub fn open(folder: &Path, threads: usize) -> Result<Ledger, LedgerError> {
    match create(folder) {
        Ok(()) | Err(LedgerError::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(Ledger::open(around(), places(folder), options(threads))?.0)
}

/// Line `number`, long and different enough to find it again.
pub fn line(number: u64) -> Vec<u8> {
    format!("line {number} {}", "abcdefghij".repeat((number % 37) as usize)).into_bytes()
}

pub fn record(number: u64) -> Record {
    let received_ns = SystemClock.now().as_nanos() as u64;
    Record { received_ns, sequence: Some(number), bytes: line(number) }
}

/// Every line in the ledger, once.
pub fn lines_in(folder: &Path) -> BTreeMap<u64, Vec<u8>> {
    let reader = Reader::open(around().disk, places(folder), true).unwrap();
    let mut found = BTreeMap::new();
    for block in reader.blocks(0, reader.size()) {
        let block = block.unwrap();
        if is_built_in(&block.block.scope.source) {
            continue;
        }
        for record in block.records {
            assert_eq!(record.bytes, line(record.sequence.unwrap()));
            assert!(found.insert(record.sequence.unwrap(), record.bytes).is_none(), "a line is there twice");
        }
    }
    found
}

/// The command that runs [`work`] in a process of its own.
pub fn command(wrapper: &[String], folder: &Path, first: u64, most: u64, threads: usize) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(&program),
        [name, arguments @ ..] => {
            let mut command = Command::new(name);
            command.args(arguments).arg(&program);
            command
        }
    };
    command
        .args(["worker::work", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("HINOMI_WORKER", folder)
        .env("HINOMI_WORKER_LINES", format!("{first} {most} {threads}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The numbers of the lines that a worker said were acknowledged.
pub fn acknowledged(output: &[u8]) -> Vec<u64> {
    let text = String::from_utf8_lossy(output);
    // The last line may be cut by the kill.
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let numbers = whole.lines().filter_map(|l| l.split_once("ack ")).flat_map(|(_, n)| {
        let first: u64 = n.parse().unwrap();
        first..first + BATCH
    });
    numbers.collect()
}

/// Not a test: the process that the tests start. Hands in lines, and says which were acknowledged.
#[test]
#[ignore = "started by the other tests"]
fn work() {
    let Ok(folder) = std::env::var("HINOMI_WORKER") else { return };
    let lines = std::env::var("HINOMI_WORKER_LINES").unwrap();
    let numbers: Vec<u64> = lines.split(' ').map(|n| n.parse().unwrap()).collect();
    let [first, most, threads] = numbers[..] else { panic!("{lines}") };
    if let Err(error) = hand_in(Path::new(&folder), first, most, threads as usize) {
        println!("stopped: {error}");
    }
}

fn hand_in(folder: &Path, first: u64, most: u64, threads: usize) -> Result<(), LedgerError> {
    let ledger = open(folder, threads)?;
    let mut waiting = std::collections::VecDeque::new();
    let say = |number: u64| {
        let mut out = std::io::stdout().lock();
        out.write_all(format!("\nack {number}\n").as_bytes()).unwrap();
        out.flush().unwrap();
    };
    for number in (first..first + most).step_by(BATCH as usize) {
        let records = (number..number + BATCH).map(record).collect();
        let source = format!("source {}", number / BATCH % 3);
        waiting.push_back((number, ledger.append(&source, "security", records)?));
        if threads == 0 {
            if number % 20 == 0 {
                ledger.tick()?;
            } else {
                ledger.commit()?;
            }
            if number % 100 == 0 {
                ledger.pack()?;
            }
        }
        while waiting.len() > if threads == 0 { 0 } else { 30 } {
            if let Some((number, ticket)) = waiting.pop_front() {
                ticket.wait()?;
                say(number);
            }
        }
    }
    for (number, ticket) in waiting {
        ticket.wait()?;
        say(number);
    }
    ledger.close()
}
