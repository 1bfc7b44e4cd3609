//! `hinomi trial`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use hinomi_scenario::{Request, Truth, render};
use serde_json::{Value, json};

use super::investigate::sources;
use super::{in_language, print};
use crate::args::{Trial, TrialArgs};
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::measure::{
    Baseline, Figures, Label, Pack, Trials, benign_outcome, capture_outcome, compare, figures,
    judge_rendering, markdown, navigator_layer, read_labels,
};
use crate::render::to_file;
use crate::staging::{FolderSink, Recordings, load_scenario};

pub(super) fn run(verb: Trial) -> Result<Exit, Failure> {
    let Trial::Run(args) = verb;
    let threads =
        args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), Into::into);
    let mut pack = Pack::new(&sources(&args.rules), &args.without, clock::now(), threads).map_err(|e| {
        Failure::new(Exit::Usage, e).hint("hinomi rules list shows rules with their tags and files")
    })?;
    pack.most_hits = args.max_detections;
    let (name, trials) = subject(&args, &pack)?;
    let figures = figures(&pack, &trials);
    deliver(&args, &name, &figures, &trials)?;
    verdict(&args, &Baseline::of(&name, &figures, &trials))
}

fn subject(args: &TrialArgs, pack: &Pack) -> Result<(String, Trials), Failure> {
    if let Some(set) = &args.subject.set {
        let labels = args.labels.clone().unwrap_or_else(|| set.join("labels.jsonl"));
        let read = read_labels(&labels).map_err(|e| Failure::new(Exit::Unreadable, e))?;
        let name = labels.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let name = name.trim_end_matches(".jsonl").trim_end_matches(".labels").to_owned();
        return Ok((name, captures(args, pack, set, &read)?));
    }
    if let Some(folder) = &args.subject.rendered {
        let (truth, trials) = rendered(args, pack, folder, None)?;
        return Ok((truth.scenario, trials));
    }
    let scenario = args.subject.scenario.clone().unwrap_or_default();
    let Some(variants) = args.variants else {
        return Ok((scenario.clone(), staged(args, pack, &scenario, args.shape.request())?));
    };
    let mut trials = Trials::default();
    for number in 1..=variants {
        let seed = pack.seed(number);
        let request = Request { variant: Some(seed), seed, ..args.shape.request() };
        trials.append(staged(args, pack, &scenario, request)?);
    }
    Ok((format!("{scenario}, {variants} variants"), trials))
}

/// Every recording of a set, one investigation each.
fn captures(args: &TrialArgs, pack: &Pack, set: &Path, labels: &[Label]) -> Result<Trials, Failure> {
    let mut trials = Trials::default();
    for label in labels {
        let path = set.join(&label.capture);
        if !path.exists() {
            return Err(Failure::new(
                Exit::Unreadable,
                format!("{}: labelled, but not there", path.display()),
            )
            .hint("a trial that is not run would count as neither detected nor missed"));
        }
        let report = pack.investigate(vec![path]).map_err(|e| Failure::new(Exit::Internal, e))?;
        if label.benign {
            trials.background.push(benign_outcome(label, &report, args.min_level));
        } else {
            trials.outcomes.push(capture_outcome(pack, label, &report, args.min_level));
        }
    }
    Ok(trials)
}

/// Renders, investigates, judges and removes.
fn staged(args: &TrialArgs, pack: &Pack, scenario: &str, request: Request) -> Result<Trials, Failure> {
    let library = load_scenario(scenario)?;
    let base = args.work.clone().unwrap_or_else(std::env::temp_dir);
    let variant = request.variant.map_or_else(String::new, |v| format!("-{v:016x}"));
    let folder = base.join(format!("hinomi-trial-{}{variant}", std::process::id()));
    let mut sink = FolderSink::new(&folder)?;
    let mut recordings = Recordings::new(args.recordings.clone())?;
    let result = render(&library, &request, &mut recordings, &mut sink)
        .map_err(|e| Failure::new(Exit::Unreadable, e))
        .and_then(|truth| rendered(args, pack, &folder, Some(truth)));
    // What cannot be removed is left to whoever empties the temporary folder.
    let _ = std::fs::remove_dir_all(&folder);
    result.map(|(_, trials)| trials)
}

fn rendered(
    args: &TrialArgs,
    pack: &Pack,
    folder: &Path,
    truth: Option<Truth>,
) -> Result<(Truth, Trials), Failure> {
    let truth = match truth {
        Some(truth) => truth,
        None => read_truth(&folder.join("truth.json"))?,
    };
    let mut roots: Vec<PathBuf> =
        truth.files.iter().filter_map(|f| f.path.split('/').next()).map(|h| folder.join(h)).collect();
    roots.dedup();
    let report = pack.investigate(roots).map_err(|e| Failure::new(Exit::Internal, e))?;
    let name = match truth.variant {
        Some(variant) => format!("{} variant {variant:016x}", truth.scenario),
        None => truth.scenario.clone(),
    };
    let trials = judge_rendering(&name, folder, &truth, &report, args.min_level);
    Ok((truth, trials))
}

fn read_truth(path: &Path) -> Result<Truth, Failure> {
    let named =
        |e: &dyn std::fmt::Display| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display()));
    let text = std::fs::read(path).map_err(|e| named(&e))?;
    serde_json::from_slice(&text).map_err(|e| named(&e))
}

fn deliver(args: &TrialArgs, name: &str, figures: &Figures, trials: &Trials) -> Result<(), Failure> {
    let whole = json!({"schema_version": "1.0", "name": name, "figures": figures, "trials": trials});
    if let Some(path) = &args.markdown {
        write(path, markdown(name, figures, trials).as_bytes())?;
    }
    if let Some(path) = &args.navigator {
        write(path, format!("{:#}\n", navigator_layer(name, figures)).as_bytes())?;
    }
    if let Some(path) = &args.history {
        // Variants are drawn anew with every change of a rule: no later line could be compared with theirs.
        let kept = args.variants.is_none().then_some(&trials.outcomes);
        let verdicts: serde_json::Map<String, Value> =
            kept.into_iter().flatten().map(|o| (o.procedure.clone(), o.verdict.name().into())).collect();
        let line = json!({
            "at": clock::now().to_string(), "program": env!("CARGO_PKG_VERSION"), "name": name,
            "without": args.without, "figures": figures, "procedures": verdicts,
        });
        append(path, format!("{line}\n").as_bytes())?;
    }
    let text =
        if args.json { format!("{whole:#}\n") } else { in_language(brief(name, figures, trials), None) };
    print(text.as_bytes()).map(|_| ())
}

/// A few lines for people.
fn brief(name: &str, figures: &Figures, trials: &Trials) -> String {
    let mut text =
        format!("{name}: detected {} of {} procedures", figures.total.detected, figures.total.executed);
    if figures.rules_left_out > 0 {
        text.push_str(&format!(", {} rule documents left out", figures.rules_left_out));
    }
    text.push('\n');
    for outcome in trials.outcomes.iter().filter(|o| !o.verdict.counts()) {
        text.push_str(&format!(
            "  {}: {} ({})\n",
            outcome.verdict.name(),
            outcome.procedure,
            outcome.techniques.join(" ")
        ));
    }
    let shown = |v: Option<f64>| v.map_or("none".to_owned(), |v| format!("{v:.1}"));
    let delay = &figures.delay_seconds;
    text.push_str(&format!(
        "delay in seconds, misses counted: median {}, p95 {}, worst {}\n",
        shown(delay.median),
        shown(delay.p95),
        shown(delay.worst)
    ));
    for case in &figures.campaigns {
        text.push_str(&format!(
            "{}: {} incidents hold it, {} nothing else; first detection after {} s, first high after {} s\n",
            case.name,
            case.incidents,
            case.incidents_pure,
            shown(case.first_alert_seconds),
            shown(case.first_high_seconds)
        ));
    }
    for noise in &trials.background {
        text.push_str(&format!(
            "background {}: {} events, {} detections ({} high), {} incidents ({} high); {} of {} occasions of ordinary work fired\n",
            noise.name,
            noise.events,
            noise.alerts,
            noise.alerts_high,
            noise.incidents,
            noise.incidents_high,
            noise.twins_alerted,
            noise.twins
        ));
        if noise.unlisted > 0 {
            text.push_str(&format!(
                "  {} matches beyond --max-detections reached no correlation\n",
                noise.unlisted
            ));
        }
    }
    text
}

fn verdict(args: &TrialArgs, now: &Baseline) -> Result<Exit, Failure> {
    let Some(path) = &args.baseline else { return Ok(Exit::Clean) };
    if args.update_baseline {
        let text = serde_json::to_string_pretty(now).map_err(|e| Failure::new(Exit::Internal, e))?;
        write(path, format!("{text}\n").as_bytes())?;
        return Ok(Exit::Clean);
    }
    let named =
        |e: &dyn std::fmt::Display| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display()));
    let text = std::fs::read(path).map_err(|e| named(&e))?;
    let then: Baseline = serde_json::from_slice(&text).map_err(|e| named(&e))?;
    let worse = compare(&then, now);
    let mut text = String::new();
    for figure in &worse {
        text.push_str(&format!("worse: {}: was {}, is {}\n", figure.what, figure.was, figure.is));
    }
    print(in_language(text, None).as_bytes())?;
    Ok(if worse.is_empty() { Exit::Clean } else { Exit::Failed })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = to_file(path, |out| out.write_all(bytes));
    written.map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", path.display())))
}

fn append(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
    let written = opened.and_then(|mut file| file.write_all(bytes));
    written.map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", path.display())))
}
