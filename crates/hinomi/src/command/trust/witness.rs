//! `hinomi witness`.

use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::note::KeyName;
use hinomi_ledger::witness::{Witness, WitnessDir};
use hinomi_ledger::{FileDisk, SystemClock, SystemEntropy};
use hinomi_server::witness::{WitnessService, bounds};
use serde_json::json;

use super::{ledger_failure, log_keys, start, unopened};
use crate::args::{ListenArgs, LogArgs, WitnessVerb};
use crate::command::print;
use crate::exit::{Exit, Failure};

pub(crate) fn run(verb: WitnessVerb) -> Result<Exit, Failure> {
    match verb {
        WitnessVerb::Init { dir, name } => init(&dir, &name),
        WitnessVerb::Watch { dir, log } => watch(&dir, &log),
        WitnessVerb::Serve { dir, listen } => serve(&dir, &listen),
        WitnessVerb::Status { dir, json } => status(&dir, json),
    }
}

fn open(dir: &Path) -> Result<Witness, Failure> {
    Witness::open(Arc::new(FileDisk), Arc::new(SystemClock), dir)
        .map_err(|e| unopened(e, "while it serves, GET /logs says the same"))
}

fn init(dir: &Path, name: &str) -> Result<Exit, Failure> {
    let name = KeyName::new(name).map_err(ledger_failure)?;
    drop(WitnessDir::create(Arc::new(FileDisk), &SystemEntropy, dir, &name).map_err(ledger_failure)?);
    print(format!("{}\n", open(dir)?.verifier()).as_bytes())
}

fn watch(dir: &Path, log: &LogArgs) -> Result<Exit, Failure> {
    let (origin, keys) = log_keys(log)?;
    let dir = WitnessDir::open(Arc::new(FileDisk), dir).map_err(ledger_failure)?;
    dir.watch(&origin, &keys).map_err(ledger_failure)?;
    print(format!("{origin}\n").as_bytes())
}

fn serve(dir: &Path, listen: &ListenArgs) -> Result<Exit, Failure> {
    let running = start(listen, bounds(), Arc::new(WitnessService::new(open(dir)?)))?;
    print(format!("{}\n", running.address()).as_bytes())?;
    running.wait();
    Err(Failure::new(Exit::Internal, "the server ended"))
}

fn status(dir: &Path, as_json: bool) -> Result<Exit, Failure> {
    let witness = open(dir)?;
    let text = if as_json {
        let logs: Vec<_> = witness
            .logs()
            .map(|(origin, size, root)| json!({"origin": origin.as_str(), "size": size, "root": root.to_string()}))
            .collect();
        let key = witness.verifier();
        let body = json!({
            "schema_version": "1.0", "verifier_key": key.to_string(), "fingerprint": key.fingerprint(), "logs": logs,
        });
        format!("{body:#}\n")
    } else {
        let lines = witness.logs().map(|(origin, size, root)| format!("{size:>12}  {root}  {origin}\n"));
        format!("{}\n{}", witness.verifier(), lines.collect::<String>())
    };
    print(text.as_bytes())
}
