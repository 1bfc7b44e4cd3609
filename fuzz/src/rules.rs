//! Any text as a file of rules: parsed, compiled together, put to some events.
#![no_main]

use std::io::Cursor;
use std::sync::LazyLock;

use hinomi_columns::Store;
use hinomi_detect::sigma::parse_documents;
use hinomi_detect::{Depth, Engine, Evaluator, LogSources};
use hinomi_ingest::AnyDecoder;
use hinomi_ingest::intake::{Intake, Item, Options, Root};
use hinomi_model::{Diagnostics, NANOS_PER_SECOND, Timestamp};
use libfuzzer_sys::fuzz_target;

static SOURCES: LazyLock<LogSources> = LazyLock::new(|| LogSources::bundled().expect("bundled"));

const EVENTS: &[u8] = br#"{"Channel":"Security","EventID":4688,"Provider_Name":"p","CommandLine":"a -enc QQBB \\x","Image":"C:\\a.exe","n":7}
{"Channel":"Security","EventID":4624,"IpAddress":"10.0.0.1","LogonType":3,"list":["a","b"],"empty":"","null":null}
"#;

fuzz_target!(|text: &str| {
    let documents = parse_documents(text, "rule").into_iter().filter_map(Result::ok).collect();
    let (engine, _) = Engine::compile(documents, &SOURCES, &[]);
    let now = Timestamp::from_nanos(1_790_000_000 * NANOS_PER_SECOND);
    let root = Root::Stream { name: "-".to_owned(), reader: Box::new(Cursor::new(EVENTS)) };
    let mut intake = Intake::new(vec![root], Options::at(now));
    let mut store = Store::new(&engine.projection().clone().and_all_others());
    let mut decoder = AnyDecoder::default();
    while let Some(item) = intake.next() {
        let Item::Unit(format, unit) = item else { continue };
        decoder.decode(format, &unit, &mut store, &mut Diagnostics::default());
    }
    for depth in [Depth::Named, Depth::Keywords] {
        let mut evaluator = Evaluator::new(&engine, depth);
        for batch in store.batches() {
            evaluator.evaluate(&store, batch, |_, _| {});
        }
    }
});
