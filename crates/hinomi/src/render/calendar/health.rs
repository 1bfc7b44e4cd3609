//! How sources usually are and how they are now, as a table.

use hinomi_ledger::health::{Health, State};
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::words::duration;
use super::{pad, time, width};
use crate::args::Lang;
use crate::render::style::harmless;

/// The state that a server at work saved last.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) rows: Vec<Vital>,
    /// First leaf that it does not speak of.
    pub(crate) leaves: u64,
}

/// One source.
#[derive(Debug)]
pub(crate) struct Vital {
    pub(crate) source: String,
    pub(crate) state: State,
    pub(crate) last: Timestamp,
    pub(crate) longest_ns: i64,
    pub(crate) per_hour: f64,
    pub(crate) delay_ns: i64,
    pub(crate) kinds: usize,
    pub(crate) gone: Vec<String>,
    pub(crate) off_ns: Option<i64>,
    /// Owner and reason of the plan that holds, and when it ends.
    pub(crate) plan: Option<(String, String, Timestamp)>,
}

impl Saved {
    pub(crate) fn new(health: &Health, leaves: u64, now: Timestamp) -> Self {
        let vital = |status: hinomi_ledger::health::Status<'_>| Vital {
            source: status.source.to_owned(),
            state: status.state,
            last: status.last,
            longest_ns: status.longest_ns,
            per_hour: status.per_hour,
            delay_ns: status.delay_ns,
            kinds: status.kinds,
            gone: status.gone.iter().map(|kind| (*kind).to_owned()).collect(),
            off_ns: status.off_ns,
            plan: status.plan.map(|(plan, to)| (plan.owner.clone(), plan.reason.clone(), to)),
        };
        Self { rows: health.status(now).map(vital).collect(), leaves }
    }
}

/// The table; empty when there is nothing to show.
pub(super) fn table(saved: &Saved, names: usize, lang: Lang) -> String {
    let heads = match lang {
        Lang::En => ["last heard", "longest pause", "per hour", "delay", "state"],
        Lang::Ja => ["最終受信", "最長の間隔", "毎時件数", "遅延", "状態"],
    };
    let cells = |vital: &Vital| {
        [
            time(vital.last),
            rounded(vital.longest_ns),
            format!("{:.0}", vital.per_hour),
            rounded(vital.delay_ns),
            state(vital, lang),
        ]
    };
    let rows: Vec<[String; 5]> = saved.rows.iter().map(cells).collect();
    let columns = |at: usize| {
        let longest = rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell)).max().unwrap_or(0);
        longest.max(heads.get(at).map_or(0, |head| width(head)))
    };
    let mut out = String::from("\n");
    out.push_str(&match lang {
        Lang::En => format!("How sources usually are, learnt from the first {} leaves\n", saved.leaves),
        Lang::Ja => format!("情報源の通常の受信状況（先頭から {} リーフまでの学習結果）\n", saved.leaves),
    });
    let mut line = |name: &str, cells: &[String]| {
        let cells: Vec<String> = cells.iter().enumerate().map(|(at, cell)| pad(cell, columns(at))).collect();
        out.push_str(format!("{}  {}", pad(&harmless(name), names), cells.join("  ")).trim_end());
        out.push('\n');
    };
    line("", &heads.map(str::to_owned));
    saved.rows.iter().zip(&rows).for_each(|(vital, row)| line(&vital.source, row));
    out
}

/// A time in whole units.
fn rounded(ns: i64) -> String {
    match ns {
        ..=0 => "–".to_owned(),
        1..NANOS_PER_SECOND => "< 1 s".to_owned(),
        _ => duration(ns / NANOS_PER_SECOND * NANOS_PER_SECOND),
    }
}

fn state(vital: &Vital, lang: Lang) -> String {
    let (en, ja) = match vital.state {
        State::Learning => ("learning", "学習中"),
        State::Usual => ("as usual", "普段どおり"),
        State::Planned => ("planned stop", "計画停止"),
        State::Silent => ("SILENT", "途絶"),
        State::TimesOff => ("TIMES OFF", "時刻のずれ"),
        State::KindsGone => ("KINDS GONE", "種類の消失"),
        State::Fell => ("FELL", "件数の急減"),
    };
    let name = if lang == Lang::Ja { ja } else { en };
    let more = match (vital.state, &vital.plan, vital.off_ns) {
        (State::Planned, Some((owner, reason, to)), _) => {
            let (owner, reason) = (harmless(owner), harmless(reason));
            match lang {
                Lang::En => format!(" until {} ({reason}; {owner})", time(*to)),
                Lang::Ja => format!("（{} まで、{reason}、{owner}）", time(*to)),
            }
        }
        (State::TimesOff, _, Some(off)) => format!(" {}", signed(off)),
        (State::KindsGone, ..) => format!(": {}", harmless(&vital.gone.join(", "))),
        _ => String::new(),
    };
    format!("{name}{more}")
}

/// A distance of clocks with its sign.
pub(super) fn signed(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "+" };
    let whole = ns.saturating_abs() / NANOS_PER_SECOND * NANOS_PER_SECOND;
    format!("{sign}{}", if whole == 0 { "0 s".to_owned() } else { duration(whole) })
}
