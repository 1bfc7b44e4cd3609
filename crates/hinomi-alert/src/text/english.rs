//! What people are told, in English.

use std::fmt::Write as _;

use hinomi_model::Level;

use super::{Told, clean};
use crate::delivery::Purpose;
use crate::{Alert, Kind, State};

pub(super) fn subject(told: &Told<'_>) -> String {
    let (site, count) = (clean(&told.site.name), told.alerts.len());
    match (&told.delivery.purpose, told.single()) {
        (Purpose::Alert { round, .. }, Some(alert)) => {
            let again = if *round > 0 { " (not acknowledged yet)" } else { "" };
            format!("[Hinomi] {} {}: {}{again}", level(alert.level).to_uppercase(), alert.id, headline(alert))
        }
        (Purpose::Test { .. }, _) => format!("[Hinomi] TEST from {site}: nothing has happened"),
        (Purpose::HandOver { rota, more }, _) => {
            format!(
                "[Hinomi] your shift begins ({}): {} not acknowledged",
                clean(rota),
                alerts(count as u64 + more)
            )
        }
        (Purpose::Summary { more }, _) => {
            format!("[Hinomi] summary: {}", alerts(count as u64 + more))
        }
        (Purpose::Alert { .. }, None) => format!("[Hinomi] an alert from {site}"),
    }
}

fn alerts(count: u64) -> String {
    if count == 1 { "1 alert".to_owned() } else { format!("{count} alerts") }
}

fn level(level: Level) -> &'static str {
    level.name()
}

/// Title and place.
fn headline(alert: &Alert) -> String {
    let title = clean(&alert.title);
    if alert.host.is_empty() { title } else { format!("{title} ({})", clean(&alert.host)) }
}

pub(super) fn text(told: &Told<'_>) -> String {
    let mut out = String::new();
    match (&told.delivery.purpose, told.single()) {
        (Purpose::Test { by }, _) => {
            let _ = writeln!(
                out,
                "This is a test that {} asked for. Nothing has happened, and nothing has to be done.\nWhoever reads \
                 this is reached by the sink {}.",
                clean(by),
                told.delivery.to.sink
            );
        }
        (Purpose::Alert { rung, round, instead_of }, Some(alert)) => {
            why_you(told, *rung, *round, instead_of.as_deref(), &mut out);
            one(told, alert, &mut out);
        }
        (Purpose::HandOver { rota, more }, _) => {
            let _ =
                writeln!(out, "Your shift begins ({}). Nobody has acknowledged these alerts:\n", clean(rota));
            list(told, *more, &mut out);
        }
        (Purpose::Summary { more }, _) => {
            let _ = writeln!(
                out,
                "These alerts were held back until now: they could wait for quiet hours to end, or there were more \
                 messages than this sink is to get.\n"
            );
            list(told, *more, &mut out);
        }
        (Purpose::Alert { .. }, None) => {
            let _ = writeln!(out, "The alert is no longer kept here; the decision ledger has it.");
        }
    }
    let _ = writeln!(
        out,
        "\n-- \nHinomi at {}. A credential that was used is no person.",
        clean(&told.site.name)
    );
    out
}

fn why_you(told: &Told<'_>, rung: usize, round: u64, instead_of: Option<&str>, out: &mut String) {
    let to = &told.delivery.to;
    if let Some(rota) = instead_of {
        let whom = clean(to.person.as_ref().unwrap_or(&to.sink));
        let _ = writeln!(out, "Nobody is on shift in {}: handed to {whom}.", clean(rota));
    }
    if rung > 1 || round > 0 {
        let times = if round > 0 { format!(", for the {}. time", round + 1) } else { String::new() };
        let _ = writeln!(out, "Nobody has acknowledged this alert: step {rung} of its policy{times}.");
    }
    if !out.is_empty() {
        out.push('\n');
    }
}

fn one(told: &Told<'_>, alert: &Alert, out: &mut String) {
    let _ = writeln!(out, "Alert:    {} ({})", alert.id, level(alert.level));
    let _ = writeln!(out, "What:     {}", clean(&alert.title));
    let _ = writeln!(out, "When:     {}", when(told, alert));
    let what = if alert.kind == Kind::Source { "Source:   " } else { "Host:     " };
    let _ = writeln!(out, "{what}{}", known(clean(&alert.host)));
    if alert.kind == Kind::Detection {
        let account = told.account(alert);
        let about = if account.is_empty() { "" } else { " (who used it is not known)" };
        let _ = writeln!(out, "Credential used: {}{about}", known(account));
    }
    let _ = writeln!(out, "Rule:     {}", clean(&alert.rule));
    for evidence in &alert.evidence {
        let _ = writeln!(out, "Evidence: {}", clean(evidence));
    }
    look(told, alert, out);
    if let State::Acknowledged(who) = &alert.state {
        let _ = writeln!(out, "\nAcknowledged by {} at {}.", clean(&who.by), told.moment(who.at));
        return;
    }
    if alert.state == State::Told {
        return;
    }
    let _ = writeln!(out, "\nTo acknowledge:\n  {}", told.acknowledge(alert));
    if let Some((at, step, steps)) = told.next(alert) {
        let _ = writeln!(out, "Until somebody does, step {step} of {steps} follows at {at}.");
    }
}

fn known(text: String) -> String {
    if text.is_empty() { "not known".to_owned() } else { text }
}

fn when(told: &Told<'_>, alert: &Alert) -> String {
    let last = alert.last.as_deref().map(|t| told.time(t));
    let first = alert.first.as_deref().map(|t| told.time(t));
    match (first, last) {
        (Some(first), Some(last)) if alert.count > 1 => {
            format!("{first}; {} times, the last at {last}", alert.count)
        }
        (Some(first), _) => first,
        _ => format!("the events state no time; noticed {}", told.moment(alert.made)),
    }
}

fn look(told: &Told<'_>, alert: &Alert, out: &mut String) {
    let command = told.investigate(alert, "en");
    let _ = match alert.kind {
        Kind::Detection => writeln!(
            out,
            "\nWhat to look at next:\n  1. What else happened there: {command}\n  2. Whether planned work explains it: \
             ask whoever looks after the host, not over a channel that the credential can read.\n  3. Where else the \
             credential was used since then."
        ),
        Kind::Source => writeln!(
            out,
            "\nWhat to look at next:\n  1. Whether the sender runs and reaches this machine; a stopped sensor may be \
             somebody's doing.\n  2. Since when: hinomi ledger sources --data {}\n  3. What other sources say of the same \
             host in that time.",
            super::quoted(&told.site.data)
        ),
        Kind::Program => writeln!(
            out,
            "\nWhat to look at next:\n  1. The lines that hinomi serve writes about itself.\n  2. Disk and memory of this \
             machine.\n  3. Until it is mended, what arrives is kept but perhaps not looked at."
        ),
    };
}

fn list(told: &Told<'_>, more: u64, out: &mut String) {
    for alert in &told.alerts {
        let state = match &alert.state {
            State::Open => "open",
            State::Acknowledged(_) => "acknowledged",
            State::Told => "told",
        };
        let (id, level, count) = (alert.id, level(alert.level), alert.count);
        let since = alert.first.as_deref().map_or_else(|| told.moment(alert.made), |t| told.time(t));
        let _ = writeln!(out, "{id}  {level}  {state}  {count}x  {since}  {}", headline(alert));
    }
    if more > 0 {
        let _ = writeln!(out, "and {more} more that are not listed here.");
    }
    let data = super::quoted(&told.site.data);
    let _ = writeln!(
        out,
        "\nAll of them: hinomi alert list --data {data}\nOne of them: hinomi alert show ID --data {data}"
    );
}
