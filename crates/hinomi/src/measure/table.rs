//! Trials as a Markdown table: facts and figures only.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::figures::{Figures, Noise, Share};
use super::outcome::{Background, Campaign, Outcome, Trials, Verdict};

/// The whole document part of one run.
pub fn markdown(name: &str, figures: &Figures, trials: &Trials) -> String {
    let mut out = format!("## {}\n\n", safe(name));
    summary(&mut out, figures);
    if !figures.by_group.is_empty() {
        shares(&mut out, "part or stage", figures.by_group.iter());
        shares(&mut out, "technique", figures.by_technique.iter());
        if trials.campaigns.len() > 1 {
            by_step(&mut out, &trials.outcomes);
        } else {
            outcomes(&mut out, &trials.outcomes);
        }
    }
    campaigns(&mut out, &figures.campaigns);
    background(&mut out, &figures.noise, &trials.background);
    let untested = if figures.untested.is_empty() { "none".to_owned() } else { figures.untested.join(" ") };
    let _ = writeln!(out, "Untested here (rules name them, nothing executed them): {untested}\n");
    out
}

/// Text from recordings must not become markup.
fn safe(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r', '<', '>', '`'], " ")
}

fn number(value: Option<f64>) -> String {
    value.map_or("none".to_owned(), |v| format!("{v:.2}"))
}

/// Seconds as people read them.
fn duration(seconds: Option<f64>) -> String {
    match seconds {
        None => "none".to_owned(),
        Some(s) if s < 120.0 => format!("{s:.1} s"),
        Some(s) if s < 7200.0 => format!("{:.1} min", s / 60.0),
        Some(s) if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        Some(s) => format!("{:.1} d", s / 86_400.0),
    }
}

fn summary(out: &mut String, figures: &Figures) {
    let Share { executed, detected } = figures.total;
    let rules = figures.rules_sha256.get(..12).unwrap_or_default();
    let _ =
        writeln!(out, "Rules: {} (digest {rules}…), left out: {}.\n", figures.rules, figures.rules_left_out);
    if executed > 0 {
        let percent = 100.0 * detected as f64 / executed as f64;
        let _ = writeln!(
            out,
            "Detected {detected} of {executed} procedures ({percent:.1} %), {} of them by a rule of level high or \
             critical; in {} more, only rules of other techniques fired. Delay, misses counted: median {}, p95 {}, worst {}; \
             the longest that ended in a detection {}.\n",
            figures.detected_high,
            figures.other,
            duration(figures.delay_seconds.median),
            duration(figures.delay_seconds.p95),
            duration(figures.delay_seconds.worst),
            duration(figures.delay_seconds.worst_detected),
        );
    }
}

fn shares<'s>(out: &mut String, title: &str, rows: impl Iterator<Item = (&'s String, &'s Share)>) {
    let _ = writeln!(out, "| {title} | executed | detected |\n|---|---|---|");
    for (name, share) in rows {
        let _ = writeln!(out, "| {} | {} | {} |", safe(name), share.executed, share.detected);
    }
    out.push('\n');
}

fn outcomes(out: &mut String, outcomes: &[Outcome]) {
    out.push_str(
        "| procedure | labelled | result | level | delay | events | detections | incidents (high) |\n",
    );
    out.push_str("|---|---|---|---|---|---|---|---|\n");
    for outcome in outcomes {
        let labels: Vec<String> = outcome.techniques.iter().chain(&outcome.tactics).cloned().collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} ({}) |",
            safe(&outcome.procedure),
            safe(&labels.join(" ")),
            outcome.verdict.name(),
            outcome.level.map_or("", hinomi_model::Level::name),
            outcome.delay_seconds.map_or(String::new(), |d| duration(Some(d))),
            outcome.events,
            outcome.detections,
            outcome.incidents,
            outcome.incidents_high,
        );
    }
    out.push('\n');
}

/// One row per step over all variants: hundreds of rows would say less.
fn by_step(out: &mut String, outcomes: &[Outcome]) {
    let mut steps: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        let step = outcome.procedure.rsplit(' ').next().unwrap_or_default();
        steps.entry(step).or_default().push(outcome);
    }
    out.push_str(
        "| step | labelled | executed | detected | missed | no collected line shows it | longest delay |\n",
    );
    out.push_str("|---|---|---|---|---|---|---|\n");
    for (step, all) in steps {
        let count = |verdict: Verdict| all.iter().filter(|o| o.verdict == verdict).count();
        let labels = all.first().map(|o| o.techniques.join(" ")).unwrap_or_default();
        let longest = all.iter().filter_map(|o| o.delay_seconds).reduce(f64::max);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            safe(step),
            safe(&labels),
            all.len(),
            count(Verdict::Detected),
            count(Verdict::Missed),
            count(Verdict::Invisible),
            longest.map_or(String::new(), |d| duration(Some(d))),
        );
    }
    out.push('\n');
}

fn campaigns(out: &mut String, campaigns: &[Campaign]) {
    if campaigns.is_empty() {
        return;
    }
    out.push_str("| case | incidents that hold it | of these, with nothing else | from first use to first detection | to first high | first to last step |\n|---|---|---|---|---|---|\n");
    for case in campaigns {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            safe(&case.name),
            case.incidents,
            case.incidents_pure,
            duration(case.first_alert_seconds),
            duration(case.first_high_seconds),
            duration(Some(case.dwell_seconds)),
        );
    }
    out.push('\n');
}

fn background(out: &mut String, noise: &Noise, rows: &[Background]) {
    if rows.is_empty() {
        return;
    }
    out.push_str("| background | events | detections | per 10,000 events | high | incidents | high | ordinary work like the case: occasions | with a detection |\n|---|---|---|---|---|---|---|---|---|\n");
    for row in rows {
        let rate = if row.events > 0 { Some(row.alerts as f64 * 10_000.0 / row.events as f64) } else { None };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            safe(&row.name),
            row.events,
            row.alerts,
            number(rate),
            row.alerts_high,
            row.incidents,
            row.incidents_high,
            row.twins,
            row.twins_alerted,
        );
    }
    for row in rows.iter().filter(|r| r.unlisted > 0) {
        let _ = writeln!(
            out,
            "\n{}: {} matches beyond the bound reached no correlation.",
            safe(&row.name),
            row.unlisted
        );
    }
    let _ = writeln!(
        out,
        "\nBackground: {} detections per 10,000 events; {} detections and {} incidents a day, {} incidents a day per 1,000 machines.\n",
        number(noise.alerts_per_10k_events),
        number(noise.alerts_per_day),
        number(noise.incidents_per_day),
        number(noise.incidents_per_day_per_1000_hosts),
    );
}
