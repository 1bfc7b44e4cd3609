//! `hinomi ledger retention` and `hinomi ledger hold`: what keeps records, and what is due. Erasing is another verb, with
//! another key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hinomi_ledger::completeness::{Day, is_built_in};
use hinomi_ledger::policy::{InForce, PolicyChange};
use hinomi_ledger::retention::{
    ClassPolicy, Extent, KNOWN_DWELL_DAYS, Reason, Rules, SECURITY_EVIDENCE_DAYS, Verdict, Weakness,
};
use hinomi_ledger::{Leaf, Reader, Scope};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::print;
use super::{date as day, failure, lang, opening, reader};
use crate::args::{HoldVerb, Lang, LedgerData, RetentionVerb};
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::render::calendar::date;
use crate::render::harmless;

pub(super) fn run(verb: RetentionVerb) -> Result<Exit, Failure> {
    match verb {
        RetentionVerb::Show(at) => show(&at),
        RetentionVerb::Set { at, policy } => {
            let rules = rules(&policy)?;
            record(&at, &[PolicyChange::Retention(rules)])
        }
        RetentionVerb::Due(at) => due(&at),
        RetentionVerb::Touch { at, incident, source, from, to } => {
            let first = day(&from)?;
            let last = to.as_deref().map_or(Ok(first), day)?;
            let touch = |source: &String| PolicyChange::Incident {
                name: incident.clone(),
                source: source.clone(),
                first,
                last,
            };
            record(&at, &source.iter().map(touch).collect::<Vec<_>>())
        }
        RetentionVerb::Close { at, incident } => {
            record(&at, &[PolicyChange::IncidentClosed { name: incident }])
        }
    }
}

pub(super) fn run_hold(verb: HoldVerb) -> Result<Exit, Failure> {
    match verb {
        HoldVerb::Add { at, name, reason, owner, source, from, to } => {
            let optional = |text: Option<String>| text.as_deref().map(day).transpose();
            let sources = Some(source).filter(|names| !names.is_empty());
            let extent = Extent { sources, first: optional(from)?, last: optional(to)? };
            record(&at, &[PolicyChange::Hold { name, extent, reason, owner }])
        }
        HoldVerb::Lift { at, name, reason, owner } => {
            record(&at, &[PolicyChange::Release { name, reason, owner }])
        }
        HoldVerb::List(at) => holds(&at),
    }
}

/// The file with the rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    classes: BTreeMap<String, ClassPolicy>,
    #[serde(default = "a_year_and_more")]
    incident_days_before: u32,
    #[serde(default = "a_year_and_more")]
    incident_days_after: u32,
}

fn a_year_and_more() -> u32 {
    SECURITY_EVIDENCE_DAYS
}

fn rules(path: &Path) -> Result<Rules, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display())))?;
    let file: RulesFile = serde_yaml_ng::from_str(&text).map_err(|e| {
        Failure::new(Exit::Usage, format!("{}: {e}", path.display()))
            .hint("purpose, owner and keep_days are mandatory for every class")
    })?;
    let RulesFile { classes, incident_days_before, incident_days_after } = file;
    Ok(Rules { classes, incident_days_before, incident_days_after })
}

/// Records changes and says where.
fn record(at: &LedgerData, changes: &[PolicyChange]) -> Result<Exit, Failure> {
    let (ledger, _) = opening::open(&at.data)?;
    let leaves = ledger.record(changes).map_err(|error| match error {
        // A contradiction in what was asked for is the user's.
        hinomi_ledger::LedgerError::Malformed { what, .. } => Failure::new(Exit::Usage, what),
        other => failure(other),
    })?;
    ledger.close().map_err(failure)?;
    let text = match (at.json, lang(at)) {
        (true, _) => format!("{:#}\n", json!({"schema_version": "1.0", "leaves": leaves})),
        (false, Lang::En) => format!("recorded in leaves {leaves:?}, in force from now on\n"),
        (false, Lang::Ja) => format!("リーフ {leaves:?} に記録し、発効しました\n"),
    };
    print(text.as_bytes())
}

fn today() -> Day {
    Day::of(clock::now())
}

fn in_force(at: &LedgerData) -> Result<InForce, Failure> {
    reader(&at.data)?.in_force().map_err(failure)
}

fn show(at: &LedgerData) -> Result<Exit, Failure> {
    let force = in_force(at)?;
    let retention = &force.retention;
    let short = retention.weaknesses();
    if at.json {
        let short: Vec<_> = short.iter().map(|Weakness::ShorterThanDwell { class, .. }| class).collect();
        let body = json!({"schema_version": "1.0", "recorded": force.recorded, "classes": retention.classes,
            "incident_days_before": retention.incident_days_before, "incident_days_after": retention.incident_days_after,
            "incidents": retention.incidents.iter().map(|(name, i)| (name, json!({"sources": i.sources,
                "first": date(i.first), "last": date(i.last), "closed": i.closed.map(date)}))).collect::<BTreeMap<_, _>>(),
            "shorter_than_known_dwell": short});
        return print(format!("{body:#}\n").as_bytes());
    }
    let lang = lang(at);
    let mut text = String::new();
    if !force.recorded {
        text.push_str(match lang {
            Lang::En => "No rules were recorded yet; these are the default ones.\n",
            Lang::Ja => "規則はまだ記録されていません。以下は既定の規則です。\n",
        });
    }
    for (class, policy) in &retention.classes {
        let (class, purpose, owner) = (harmless(class), harmless(&policy.purpose), harmless(&policy.owner));
        let days = policy.keep_days;
        text.push_str(&match lang {
            Lang::En => format!("{class}  {days} days\n  purpose  {purpose}\n  owner    {owner}\n"),
            Lang::Ja => format!("{class}  {days} 日\n  目的    {purpose}\n  責任者  {owner}\n"),
        });
    }
    for Weakness::ShorterThanDwell { class, keep_days } in &short {
        let class = harmless(class);
        text.push_str(&match lang {
            Lang::En => format!("! {class} is kept for {keep_days} days; intruders are known to have stayed for {KNOWN_DWELL_DAYS}\n"),
            Lang::Ja => format!("! {class} の保存は {keep_days} 日。侵入者が {KNOWN_DWELL_DAYS} 日潜伏した例があります\n"),
        });
    }
    let (before, after) = (retention.incident_days_before, retention.incident_days_after);
    text.push_str(&match lang {
        Lang::En => format!("An incident keeps its sources from {before} days before its first trace until {after} days after its closing.\n"),
        Lang::Ja => format!("事案は、最初の痕跡の {before} 日前から終結の {after} 日後まで、関係する情報源を保存します。\n"),
    });
    for (name, incident) in &retention.incidents {
        let sources: Vec<_> = incident.sources.iter().map(|s| harmless(s)).collect();
        let (name, days) = (harmless(name), format!("{} – {}", date(incident.first), date(incident.last)));
        let closed = incident.closed.map(date);
        text.push_str(&match (lang, closed) {
            (Lang::En, None) => format!("  {name}  open    {days}  {}\n", sources.join(", ")),
            (Lang::En, Some(closed)) => {
                format!("  {name}  closed {closed}  {days}  {}\n", sources.join(", "))
            }
            (Lang::Ja, None) => format!("  {name}  対応中  {days}  {}\n", sources.join("、")),
            (Lang::Ja, Some(closed)) => format!("  {name}  終結 {closed}  {days}  {}\n", sources.join("、")),
        });
    }
    print(text.as_bytes())
}

fn holds(at: &LedgerData) -> Result<Exit, Failure> {
    let force = in_force(at)?;
    let holds = &force.retention.holds;
    if at.json {
        let rows: Vec<Value> = holds
            .iter()
            .map(|(name, hold)| {
                json!({"name": name, "reason": hold.reason, "owner": hold.owner, "placed": date(hold.placed),
                    "lifted": hold.lifted.map(date), "sources": hold.extent.sources,
                    "first": hold.extent.first.map(date), "last": hold.extent.last.map(date)})
            })
            .collect();
        return print(format!("{:#}\n", json!({"schema_version": "1.0", "holds": rows})).as_bytes());
    }
    let lang = lang(at);
    let mut text = String::new();
    for (name, hold) in holds {
        let everything = if lang == Lang::Ja { "すべての情報源" } else { "all sources" };
        let names = |names: &Vec<String>| names.iter().map(|s| harmless(s)).collect::<Vec<_>>().join(", ");
        let sources = hold.extent.sources.as_ref().map_or(everything.to_owned(), names);
        let days = |day: Option<Day>| day.map(date).unwrap_or_default();
        let extent = match (hold.extent.first, hold.extent.last) {
            (None, None) => format!("{sources}  {}", if lang == Lang::Ja { "全期間" } else { "all days" }),
            (first, last) => format!("{sources}  {} – {}", days(first), days(last)),
        };
        let (name, reason, owner) = (harmless(name), harmless(&hold.reason), harmless(&hold.owner));
        let placed = date(hold.placed);
        text.push_str(&match (lang, hold.lifted.map(date)) {
            (Lang::En, None) => format!("{name}  since {placed}  {extent}\n  {reason} ({owner})\n"),
            (Lang::En, Some(lifted)) => {
                format!("{name}  {placed} – lifted {lifted}  {extent}\n  {reason} ({owner})\n")
            }
            (Lang::Ja, None) => format!("{name}  {placed} から  {extent}\n  {reason}（{owner}）\n"),
            (Lang::Ja, Some(lifted)) => {
                format!("{name}  {placed} – {lifted} 解除  {extent}\n  {reason}（{owner}）\n")
            }
        });
    }
    if holds.is_empty() {
        text.push_str(if lang == Lang::Ja {
            "保全命令はありません\n"
        } else {
            "there are no holds\n"
        });
    }
    print(text.as_bytes())
}

/// Every scope that has a key, which is every one that can still be read.
fn scopes(reader: &Reader) -> Result<BTreeSet<Scope>, Failure> {
    let mut keys = BTreeMap::new();
    for leaf in 0..reader.size() {
        match reader.leaf(leaf).map_err(failure)? {
            Leaf::KeyBorn(born) if !is_built_in(&born.scope.source) => {
                keys.insert(born.key, born.scope);
            }
            Leaf::Tombstone(tombstone) => {
                keys.remove(&tombstone.key);
            }
            _ => {}
        }
    }
    Ok(keys.into_values().collect())
}

fn due(at: &LedgerData) -> Result<Exit, Failure> {
    let reader = reader(&at.data)?;
    let retention = reader.in_force().map_err(failure)?.retention;
    // What programs read is in one language.
    let (lang, today) = (if at.json { Lang::En } else { lang(at) }, today());
    let (mut rows, mut text, mut due) = (Vec::new(), String::new(), 0u64);
    for scope in scopes(&reader)? {
        let day = Day(i32::try_from(scope.day).unwrap_or(i32::MAX));
        let verdict = retention.verdict(&scope.source, &scope.class, day, today);
        let (since, reasons) = match &verdict {
            Verdict::Due(since) => (Some(date(*since)), Vec::new()),
            Verdict::Keep(reasons) => (None, reasons.iter().map(|r| reason(r, lang)).collect()),
        };
        due += u64::from(since.is_some());
        let (source, class) = (harmless(&scope.source), harmless(&scope.class));
        let said = match (&since, lang) {
            (Some(since), Lang::En) => format!("DUE since {since}"),
            (Some(since), Lang::Ja) => format!("{since} から消去可能"),
            (None, Lang::En) => format!("kept: {}", reasons.join("; ")),
            (None, Lang::Ja) => format!("保存：{}", reasons.join("、")),
        };
        text.push_str(&format!("{}  {source}  {class}  {said}\n", date(day)));
        rows.push(json!({"source": scope.source, "class": scope.class, "day": date(day), "due_since": since,
            "kept_because": reasons}));
    }
    if at.json {
        let body = json!({"schema_version": "1.0", "today": date(today), "due": due, "rows": rows});
        return print(format!("{body:#}\n").as_bytes());
    }
    text.push_str(&match lang {
        Lang::En => format!(
            "{due} of {} are due; hinomi ledger erase carries out an approved order, nothing else erases\n",
            rows.len()
        ),
        Lang::Ja => format!(
            "{} 件中 {due} 件が消去可能です。消去は承認された命令（hinomi ledger erase）でのみ行われます\n",
            rows.len()
        ),
    });
    print(text.as_bytes())
}

fn reason(reason: &Reason, lang: Lang) -> String {
    match (lang, reason) {
        (Lang::En, Reason::Policy(day)) => format!("by its class until {}", date(*day)),
        (Lang::En, Reason::NoPolicy) => "no rule covers its class".to_owned(),
        (Lang::En, Reason::Hold(name)) => format!("hold {}", harmless(name)),
        (Lang::En, Reason::OpenIncident(name)) => format!("open incident {}", harmless(name)),
        (Lang::En, Reason::ClosedIncident(name, day)) => {
            format!("closed incident {} until {}", harmless(name), date(*day))
        }
        (Lang::Ja, Reason::Policy(day)) => format!("区分の規則により {} まで", date(*day)),
        (Lang::Ja, Reason::NoPolicy) => "区分に規則がない".to_owned(),
        (Lang::Ja, Reason::Hold(name)) => format!("保全命令 {}", harmless(name)),
        (Lang::Ja, Reason::OpenIncident(name)) => format!("対応中の事案 {}", harmless(name)),
        (Lang::Ja, Reason::ClosedIncident(name, day)) => {
            format!("終結した事案 {} により {} まで", harmless(name), date(*day))
        }
    }
}
