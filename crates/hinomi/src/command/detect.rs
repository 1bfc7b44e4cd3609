//! `hinomi detect`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hinomi_server::serve::{BUNDLED, DetectionSection};
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag::register;

use super::investigate::{language, sources};
use super::ledger::{failure as ledger_failure, vault_recipients};
use super::print;
use crate::args::{Detect, DetectArgs, FollowArgs, Lang, LedgerData};
use crate::exit::{Exit, Failure};
use crate::live::{
    Follower, LiveDetection, LiveError, Options, PackError, PackSources, Signals, Summary, Told, replay,
};
use crate::render::harmless;
use crate::rulebook::RuleSource;

pub(super) fn run(verb: Detect) -> Result<Exit, Failure> {
    match verb {
        Detect::Follow(args) => follow(&args),
        Detect::Replay(at) => replayed(&at),
    }
}

fn failure(error: LiveError) -> Failure {
    match error {
        LiveError::Ledger(error) => ledger_failure(error),
        LiveError::Zone(_) => Failure::new(Exit::Usage, error),
        LiveError::Pack(PackError::Empty(_)) => {
            Failure::new(Exit::Unreadable, error).hint("hinomi rules check says what is wrong with each rule")
        }
        LiveError::Differs { .. } => Failure::new(Exit::Failed, error),
        LiveError::State { .. } => Failure::new(Exit::Internal, error),
        _ => Failure::new(Exit::Unreadable, error),
    }
}

/// Where rules come from, by the configuration alone.
pub(super) fn pack(configured: &DetectionSection) -> PackSources {
    let named = |path: &PathBuf| {
        if path.as_os_str() == BUNDLED { RuleSource::Bundled } else { RuleSource::Path(path.clone()) }
    };
    let rules = match &configured.rules[..] {
        [] => sources(&[]),
        named_rules => named_rules.iter().map(named).collect(),
    };
    let (placeholders, indicators) = (configured.placeholders.clone(), configured.indicators.clone());
    PackSources { rules, placeholders, indicators }
}

/// How to follow the ledger in a data directory: what the command line says, else the configuration, else the defaults.
pub(super) fn options(
    data: &Path,
    how: &DetectArgs,
    configured: &DetectionSection,
) -> Result<Options, Failure> {
    let either = |said: &[PathBuf], configured: &[PathBuf]| {
        if said.is_empty() { configured.to_vec() } else { said.to_vec() }
    };
    let configured_only = pack(configured);
    let sources = PackSources {
        rules: if how.pack.rules.is_empty() { configured_only.rules } else { sources(&how.pack.rules) },
        placeholders: either(&how.pack.placeholders, &configured.placeholders),
        indicators: either(&how.pack.ioc, &configured.indicators),
    };
    let defaults = Options::new(data.to_owned());
    let seconds = how.lateness.or(configured.lateness_seconds);
    Ok(Options {
        sources,
        lateness: seconds.map_or(defaults.lateness, |seconds| Duration::from_secs(u64::from(seconds))),
        zone: how.tz.clone().or_else(|| configured.zone.clone()).unwrap_or(defaults.zone),
        vaults: vault_recipients(data)?,
        ..Options::new(data.to_owned())
    })
}

fn follow(args: &FollowArgs) -> Result<Exit, Failure> {
    let lang = args.at.lang.unwrap_or_else(language);
    let mut broken = None;
    let signals = listening()?;
    let mut tell = |told: Told<'_>| {
        if let Err(error) = say(&told, args.at.json, lang) {
            // Nobody reads any more: that is how a pipe asks to stop.
            signals.stop.store(true, std::sync::atomic::Ordering::Relaxed);
            broken.get_or_insert(error);
        }
    };
    let options = Options {
        once: args.once,
        ending: Arc::clone(&signals.stop),
        until: args.until,
        ..options(&args.at.data, &args.how, &DetectionSection::default())?
    };
    let mut follower = Follower::open(options, &mut tell).map_err(failure)?;
    let summary = follower.run(&signals, &mut tell).map_err(failure)?;
    follower.close().map_err(failure)?;
    match broken.filter(|error| error.kind() != io::ErrorKind::BrokenPipe) {
        Some(error) => Err(Failure::new(Exit::Internal, format!("standard output: {error}"))),
        None if summary.unreadable_blocks > 0 => Ok(Exit::Unreadable),
        None => Ok(Exit::Clean),
    }
}

/// Stops at SIGTERM and SIGINT, and reads the rules again at SIGHUP.
fn listening() -> Result<Signals, Failure> {
    let signals = Signals::default();
    let flags = [(SIGTERM, &signals.stop), (SIGINT, &signals.stop), (SIGHUP, &signals.reload)];
    for (signal, flag) in flags {
        register(signal, Arc::clone(flag)).map_err(|e| Failure::new(Exit::Internal, e))?;
    }
    Ok(signals)
}

/// Detections go to standard output, everything else to standard error.
fn say(told: &Told<'_>, json: bool, lang: Lang) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match told {
        Told::Detection(detection) if json => {
            serde_json::to_writer(&mut stdout, detection)?;
            stdout.write_all(b"\n")?;
        }
        Told::Detection(detection) => stdout.write_all(line(detection, lang).as_bytes())?,
        Told::Finding(finding) if json => {
            serde_json::to_writer(&mut stdout, finding)?;
            stdout.write_all(b"\n")?;
        }
        Told::CaughtUp(summary) if json => {
            let body = json!({"schema_version": 1, "caught_up": summary_json(summary)});
            return writeln!(io::stderr().lock(), "{body}");
        }
        other => return io::stderr().lock().write_all(remark(other, lang).as_bytes()),
    }
    stdout.flush()
}

fn line(detection: &LiveDetection, lang: Lang) -> String {
    let title = match (&detection.title_ja, lang) {
        (Some(title), Lang::Ja) => title,
        _ => &detection.title,
    };
    let late = match (detection.late, lang) {
        (false, _) => "",
        (true, Lang::En) => " (late)",
        (true, Lang::Ja) => "（遅れて到着）",
    };
    let unknown = if lang == Lang::Ja { "時刻不明" } else { "time unknown" };
    let time = detection.time.as_deref().unwrap_or(unknown);
    let subject = [&detection.host, &detection.account].map(|s| harmless(s)).join(" ");
    let group: Vec<String> = detection.group.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let first = detection.evidence.first().map_or("", |cited| cited.reference.as_str());
    format!(
        "{time} {}{late} {} [{}] {}\n  {first}\n",
        detection.level.name(),
        harmless(title),
        subject.trim(),
        harmless(&group.join(" ")),
    )
}

fn remark(told: &Told<'_>, lang: Lang) -> String {
    let japanese = lang == Lang::Ja;
    match told {
        Told::Activated { from_leaf, rules, rejected } => {
            let mut text = if japanese {
                format!("リーフ {from_leaf} 以降、ルール {rules} 件が有効です\n")
            } else {
                format!("{rules} rules hold from leaf {from_leaf} on\n")
            };
            for r in *rejected {
                text.push_str(&format!("  {}: {}\n", harmless(&r.origin), harmless(&r.reason)));
            }
            text
        }
        Told::Refused(error) if japanese => {
            format!("新しいルールは使えないため、現行のルールを続けます：{}\n", harmless(&error.to_string()))
        }
        Told::Refused(error) => {
            format!(
                "new rules cannot be used, the old ones stay in force: {}\n",
                harmless(&error.to_string())
            )
        }
        Told::Loss(text) => format!("{}\n", harmless(text)),
        Told::Differs(error) | Told::Failed(error) => format!("{}\n", harmless(&error.to_string())),
        Told::Finding(finding) => {
            let body = serde_json::to_string(finding).unwrap_or_default();
            format!("{}\n", harmless(&body))
        }
        Told::CaughtUp(summary) if japanese => format!(
            "リーフ {} まで確認しました（イベント {} 件、新しい検知 {} 件）\n",
            summary.position, summary.events, summary.detections
        ),
        Told::CaughtUp(summary) => format!(
            "caught up to leaf {}: {} events, {} new detections\n",
            summary.position, summary.events, summary.detections
        ),
        Told::Detection(_) => String::new(),
    }
}

fn summary_json(summary: &Summary) -> serde_json::Value {
    let Summary { position, records, events, detections, known, erased_blocks, unreadable_blocks, .. } =
        summary;
    json!({"leaf": position, "records": records, "events": events, "detections": detections, "known": known,
        "erased_blocks": erased_blocks, "unreadable_blocks": unreadable_blocks, "kept_matches": summary.kept,
        "watermark": summary.watermark.map(|time| time.to_string()),
        "late": summary.tally.late, "repeated": summary.tally.repeated, "forgotten": summary.tally.forgotten})
}

fn replayed(at: &LedgerData) -> Result<Exit, Failure> {
    let data: &Path = &at.data;
    let result = replay(data).map_err(failure)?;
    let differences: Vec<&str> = result.differences.iter().map(|d| d.text.as_str()).collect();
    let text = if at.json {
        let body = json!({"schema_version": "1.0", "leaves": result.leaves, "events": result.events,
            "same": result.same, "unwritten": result.unwritten, "differences": differences});
        format!("{body:#}\n")
    } else {
        let mut text = if at.lang.unwrap_or_else(language) == Lang::Ja {
            format!(
                "リーフ {}、イベント {}：一致 {} 件、未記録 {} 件、相違 {} 箇所\n",
                result.leaves,
                result.events,
                result.same,
                result.unwritten,
                differences.len()
            )
        } else {
            format!(
                "{} leaves, {} events: {} detections found again, {} not yet written, {} differences\n",
                result.leaves,
                result.events,
                result.same,
                result.unwritten,
                differences.len()
            )
        };
        differences.iter().for_each(|d| text.push_str(&format!("  {}\n", harmless(d))));
        text
    };
    print(text.as_bytes())?;
    Ok(if differences.is_empty() { Exit::Clean } else { Exit::Failed })
}
