//! What every answer says beside its rows: what it could not have seen.

use hinomi_query::{Coverage, Gap};

use crate::args::Lang;
use crate::render::harmless;

/// Gaps that are named; the rest is counted, and all are in JSON.
const NAMED: usize = 5;

/// The coverage of an answer for people.
pub(super) fn coverage(coverage: &Coverage, notes: &[String], lang: Lang) -> String {
    let mut out = String::new();
    let (first, last) = (coverage.first.as_deref().unwrap_or("-"), coverage.last.as_deref().unwrap_or("-"));
    let Coverage { sources, whole, timeless, losses, .. } = coverage;
    out.push_str(&match lang {
        Lang::En => {
            format!("Coverage {first} to {last}: {whole} of {sources} sources have events on every day")
        }
        Lang::Ja => format!("対象期間 {first} ～ {last}: 全日イベントがある情報源 {whole} / {sources}"),
    });
    out.push('\n');
    for gap in coverage.missing.iter().take(NAMED) {
        out.push_str(&missing(gap, lang));
    }
    if let Some(more) = coverage.missing.len().checked_sub(NAMED).filter(|n| *n > 0) {
        out.push_str(&match lang {
            Lang::En => format!("  … and {more} more stretches without events (--output json lists all)\n"),
            Lang::Ja => format!("  … ほか欠けている期間 {more} 件（--output json で全件表示）\n"),
        });
    }
    if *timeless > 0 {
        out.push_str(&match lang {
            Lang::En => format!("  {timeless} events state no time\n"),
            Lang::Ja => format!("  時刻のないイベント {timeless} 件\n"),
        });
    }
    if *losses > 0 {
        out.push_str(&match lang {
            Lang::En => format!("  {losses} places of the evidence could not be read\n"),
            Lang::Ja => format!("  証拠のうち読めなかった箇所 {losses} 件\n"),
        });
    }
    for note in notes {
        out.push_str(&format!("  {note}\n"));
    }
    out
}

fn missing(gap: &Gap, lang: Lang) -> String {
    let host = match (gap.host.as_str(), lang) {
        ("", Lang::En) => "(no host)".to_owned(),
        ("", Lang::Ja) => "（ホスト名なし）".to_owned(),
        (host, _) => harmless(host),
    };
    let kind = harmless(&gap.kind);
    match lang {
        Lang::En => {
            format!("  nothing of {kind} {host} from {} to {} ({} days)\n", gap.first, gap.last, gap.days)
        }
        Lang::Ja => {
            format!("  {kind} {host}: {} ～ {} のイベントなし（{} 日）\n", gap.first, gap.last, gap.days)
        }
    }
}
