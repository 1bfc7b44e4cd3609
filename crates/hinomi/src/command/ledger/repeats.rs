//! `hinomi ledger repeats`.

use std::collections::BTreeMap;

use hinomi_ledger::completeness::is_built_in;
use hinomi_ledger::{Leaf, LedgerError, Reader};
use serde_json::json;

use super::super::print;
use super::{failure, lang, reader};
use crate::args::{Lang, LedgerRepeats};
use crate::exit::{Exit, Failure};
use crate::render::harmless;
use crate::repeats::{Found, Place, Repeats, WINDOW_NS};

/// Ways of sending whose senders are told what is durable, and send again what they were not told of.
const REQUESTS: [&str; 6] = ["ndjson", "bulk", "hec", "hec-raw", "otlp", "journal"];

pub(super) fn run(args: &LedgerRepeats) -> Result<Exit, Failure> {
    let reader = reader(&args.at.data)?;
    let mut repeats = Repeats::default();
    let mut unread = 0_u64;
    for leaf in args.since_leaf..reader.size() {
        unread += u64::from(!read(&reader, leaf, args.all, &mut repeats)?);
    }
    let found = repeats.finish();
    let origin = reader.identity().origin.as_str();
    let text = if args.at.json {
        as_json(origin, &found, unread)
    } else {
        shown(origin, &found, unread, lang(&args.at))
    };
    print(text.as_bytes())
}

/// Looks at a leaf; false when its records cannot be read.
fn read(reader: &Reader, leaf: u64, all: bool, repeats: &mut Repeats) -> Result<bool, Failure> {
    let Leaf::Block(block) = reader.leaf(leaf).map_err(failure)? else { return Ok(true) };
    let source = &block.scope.source;
    let way = source.split('/').nth(1).unwrap_or_default();
    if is_built_in(source) || !(all || REQUESTS.contains(&way)) {
        return Ok(true);
    }
    match reader.block(leaf) {
        Ok(Some(block)) => {
            for (number, record) in (0..).zip(&block.records) {
                repeats.take(source, (leaf, number), record.received_ns, &record.bytes);
            }
            Ok(true)
        }
        Ok(None) => Ok(true),
        Err(LedgerError::Poisoned { .. }) => Err(Failure::new(Exit::Internal, "the ledger cannot be read")),
        // Erased, damaged, or without a key here: unknown.
        Err(_) => Ok(false),
    }
}

fn cited(origin: &str, (leaf, record): Place) -> String {
    format!("log:{origin}/{leaf}/{record}")
}

fn as_json(origin: &str, found: &BTreeMap<String, Found>, unread: u64) -> String {
    let sources = found.iter().map(|(name, found)| {
        let runs = found.first.iter().map(|(place, of, length)| {
            json!({"records": length, "begins": cited(origin, *place), "as": cited(origin, *of)})
        });
        json!({"source": name, "records": found.records, "again_in_runs": found.in_runs, "runs": found.runs,
            "again_alone": found.alone, "not_compared": found.not_compared, "first_runs": runs.collect::<Vec<_>>()})
    });
    let sources = sources.collect::<Vec<_>>();
    let minutes = WINDOW_NS / 60_000_000_000;
    let body = json!({"schema_version": "1.0", "origin": origin, "window_minutes": minutes, "sources": sources, "unread_blocks": unread});
    format!("{body:#}\n")
}

fn shown(origin: &str, found: &BTreeMap<String, Found>, unread: u64, lang: Lang) -> String {
    let mut text = String::new();
    for (name, found) in found {
        let Found { records, in_runs, runs, alone, first, not_compared } = found;
        let name = harmless(name);
        text.push_str(&match lang {
            Lang::En => format!(
                "{name}: of {records} records {in_runs} came again in {runs} runs, as requests that are sent again do; {alone} others have the bytes of an earlier one\n"
            ),
            Lang::Ja => format!(
                "{name}：{records} 件のうち {in_runs} 件が {runs} 回の連続として再受信されています（リクエストの再送と同じ形）。ほかに {alone} 件が以前の記録と同じ内容です\n"
            ),
        });
        for (place, of, length) in first {
            let (place, of) = (cited(origin, *place), cited(origin, *of));
            text.push_str(&match lang {
                Lang::En => format!("  {length} records from {place} on are those from {of} on\n"),
                Lang::Ja => format!("  {place} からの {length} 件は {of} からの記録と同じです\n"),
            });
        }
        if *not_compared > 0 {
            text.push_str(&match lang {
                Lang::En => format!(
                    "  {not_compared} records could not be compared with all of the 15 minutes before them\n"
                ),
                Lang::Ja => format!("  {not_compared} 件は直前 15 分間のすべてとは比較できませんでした\n"),
            });
        }
    }
    if unread > 0 {
        text.push_str(&match lang {
            Lang::En => format!("{unread} blocks could not be read: what is in them is unknown\n"),
            Lang::Ja => format!("{unread} ブロックは読めませんでした（内容は不明です）\n"),
        });
    }
    if text.is_empty() {
        text.push_str(match lang {
            Lang::En => "no source sends requests\n",
            Lang::Ja => "リクエストで送信する情報源はありません\n",
        });
    }
    text
}
