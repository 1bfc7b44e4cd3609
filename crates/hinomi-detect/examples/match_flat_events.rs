//! Matches of flat JSON events, engine alone: no log is parsed, nothing is correlated.
//!
//! `match_flat_events EVENTS.ndjson RULES_DIR... >OUT.ndjson` reads the events of `tests/reference/make-events.py`
//! (flat objects with `_key`) and writes `{"rule_id", "key"}` lines, which `tests/reference/reference.py compare`
//! sets against the outside reference. Values are text, so that both sides see the same.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use hinomi_columns::{FieldId, Row, Store, ValueId};
use hinomi_detect::sigma::{self, Document};
use hinomi_detect::{Depth, Engine, Evaluator, LogSources};
use hinomi_model::{KindId, LogKind};
use serde_json::{Map, Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rows gathered before the engine looks at them.
const ROWS_PER_BATCH: usize = 4096;
/// Bytes of dictionaries before the store starts afresh.
const STORE_LIMIT: usize = 256 << 20;

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [events, rules @ ..] = arguments.as_slice() else {
        return Err("usage: match_flat_events EVENTS.ndjson RULES_DIR... >OUT.ndjson".into());
    };
    let mut documents = Vec::new();
    for directory in rules {
        load_rules(directory, &mut documents)?;
    }
    let (engine, errors) = Engine::compile(documents, &LogSources::bundled()?, &[]);
    errors.iter().for_each(|error| eprintln!("not used: {error}"));
    let lines = BufReader::new(File::open(events)?).lines();
    let mut run = Run::new(&engine, BufWriter::new(io::stdout()));
    for line in lines {
        run.push(&serde_json::from_str(&line?)?)?;
    }
    run.flush()?;
    run.out.flush()?;
    eprintln!("{} rules, {} events, {} matches", engine.rules().len(), run.events, run.matches);
    Ok(())
}

fn load_rules(directory: &Path, documents: &mut Vec<Document>) -> Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            load_rules(&path, documents)?;
        } else if path.extension().is_some_and(|e| e == "yml") {
            let text = fs::read_to_string(&path)?;
            let origin = path.display().to_string();
            for document in sigma::parse_documents(&text, &origin) {
                match document {
                    Ok(document) => documents.push(document),
                    Err(error) => eprintln!("not used: {error}"),
                }
            }
        }
    }
    Ok(())
}

/// One pass over the events.
struct Run<'e> {
    engine: &'e Engine,
    evaluators: [Evaluator<'e>; 2],
    store: Store,
    kind: KindId,
    keys: Vec<String>,
    out: BufWriter<Stdout>,
    events: usize,
    matches: usize,
}

impl<'e> Run<'e> {
    fn new(engine: &'e Engine, out: BufWriter<Stdout>) -> Self {
        let mut store = Store::new(&engine.projection().clone().and_all_others());
        let kind = store.kind(&LogKind { product: "windows".into(), ..LogKind::default() });
        let evaluators = [Depth::Named, Depth::Keywords].map(|depth| Evaluator::new(engine, depth));
        Self { engine, evaluators, store, kind, keys: Vec::new(), out, events: 0, matches: 0 }
    }

    fn push(&mut self, event: &Map<String, Value>) -> Result<()> {
        let mut cells: Vec<(FieldId, ValueId)> = Vec::new();
        for (name, value) in event {
            if let (false, Some(field)) = (name == "_key", self.store.field(name)) {
                let text = value.as_str().ok_or("values are text")?;
                cells.push((field, self.store.dictionary_mut(field).text(text)));
            }
        }
        let row = Row { time: None, sequence: None, offset: self.keys.len() as u64, length: 0, sub: 0 };
        self.store.push(self.kind, row, &mut cells);
        self.keys.push(event.get("_key").and_then(Value::as_str).ok_or("an event without _key")?.to_owned());
        self.events += 1;
        if self.keys.len() >= ROWS_PER_BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let mut found = Vec::new();
        for batch in self.store.batches() {
            for evaluator in &mut self.evaluators {
                evaluator.evaluate(&self.store, batch, |rule, row| {
                    found.push((rule, batch.rows().get(row).map_or(0, |r| r.offset)));
                });
            }
        }
        for (rule, position) in found {
            let id = &self.engine.rule(rule).ok_or("a rule without number")?.meta.id;
            let key = self.keys.get(position as usize).ok_or("an event without number")?;
            writeln!(self.out, "{}", json!({"rule_id": id, "key": key}))?;
            self.matches += 1;
        }
        self.keys.clear();
        self.store.drop_rows();
        if self.store.bytes() > STORE_LIMIT {
            self.store.reset();
        }
        Ok(())
    }
}
