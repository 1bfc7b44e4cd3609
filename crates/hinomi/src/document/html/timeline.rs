//! Pictures of time: steps above the sources that recorded them, with what is missing drawn.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::super::claim::{Claims, Said2};
use super::super::markup::{both, escape};
use super::super::model::{Document, IncidentDoc, LostDoc, SourceDoc, StepDoc};

/// Where the axis starts and ends, in picture units.
const LEFT: i64 = 250;
const RIGHT: i64 = 990;
/// Hosts and sources drawn.
const MOST_HOSTS: usize = 12;
const MOST_SOURCES: usize = 5;
/// Sources of a host where there are many hosts.
const FEW_SOURCES: usize = 2;
const MANY_HOSTS: usize = 5;
const MOST_OVERVIEW: usize = 26;
/// Characters of a label.
const LABEL: usize = 34;

/// Spans from which on dates are enough.
const LONG_NS: i64 = 7 * 24 * 3600 * NANOS_PER_SECOND;

/// A scale from time to picture units.
struct Axis {
    from: i64,
    to: i64,
}

impl Axis {
    fn new(from: Timestamp, to: Timestamp) -> Self {
        let (from, to) = (from.as_nanos(), to.as_nanos());
        let pad = (to.saturating_sub(from) / 25).max(30 * NANOS_PER_SECOND);
        Self { from: from.saturating_sub(pad), to: to.saturating_add(pad) }
    }

    fn x(&self, time: Timestamp) -> i64 {
        let width = i128::from(self.to) - i128::from(self.from);
        let at = i128::from(time.as_nanos()) - i128::from(self.from);
        let x = i128::from(LEFT) + at * i128::from(RIGHT - LEFT) / width.max(1);
        i64::try_from(x.clamp(i128::from(LEFT), i128::from(RIGHT))).unwrap_or(LEFT)
    }

    fn overlaps(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
        from.is_none_or(|t| t.as_nanos() <= self.to) && to.is_none_or(|t| t.as_nanos() >= self.from)
    }

    /// Five ticks with their times.
    fn ticks(&self, claims: &Claims<'_>, height: i64, out: &mut String) {
        for n in 0..5i64 {
            let nanos = self.from + (self.to - self.from) / 4 * n;
            let time = Timestamp::from_nanos(nanos);
            let x = self.x(time);
            let anchor =
                ["start", "middle", "middle", "middle", "end"].get(n as usize).copied().unwrap_or("middle");
            let shown = claims.time(Some(time));
            // Over days the clock says nothing and the labels would touch.
            let shown =
                if self.to - self.from > LONG_NS { shown.get(..10).unwrap_or(&shown) } else { &shown };
            out.push_str(&format!(
                "<line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"16\" y2=\"{height}\"/><text class=\"d\" x=\"{x}\" y=\"11\" text-anchor=\"{anchor}\">{shown}</text>"
            ));
        }
    }
}

/// The steps of an incident by host, above the sources of that host.
pub(super) fn incident(claims: &Claims<'_>, incident: &IncidentDoc) -> String {
    let times: Vec<Timestamp> = incident
        .steps
        .iter()
        .flat_map(|s| {
            let (first, last) = claims.span(s);
            [first, last]
        })
        .flatten()
        .collect();
    let (Some(&first), Some(&last)) = (times.iter().min(), times.iter().max()) else { return String::new() };
    let axis = Axis::new(first, last);
    let mut hosts: BTreeMap<String, Vec<&StepDoc>> = BTreeMap::new();
    for step in &incident.steps {
        hosts
            .entry(claims.hosts(step).first().cloned().unwrap_or_default().to_lowercase())
            .or_default()
            .push(step);
    }
    let (hosts, more) = telling(claims, hosts);
    let most_sources = if hosts.len() > MANY_HOSTS { FEW_SOURCES } else { MOST_SOURCES };
    let mut body = String::new();
    let mut y = 34;
    for (host, steps) in &hosts {
        let name = if host.is_empty() { "—" } else { host };
        body.push_str(&format!("<text x=\"4\" y=\"{}\" font-weight=\"700\">{}</text>", y + 4, label(name)));
        body.push_str(&format!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y}\" y2=\"{y}\"/>"));
        let of_host = |lost: &&LostDoc| lost.host.eq_ignore_ascii_case(host);
        let gaps = incident.lost_records.iter().filter(of_host);
        gaps.for_each(|lost| missing(claims, lost, &axis, y, &mut body));
        steps.iter().for_each(|s| mark(claims, s, &axis, y, &mut body));
        y += 20;
        let of_host = claims.document.sources.iter().filter(|s| s.host.eq_ignore_ascii_case(host));
        let mut sources: Vec<&SourceDoc> = of_host.filter(|s| axis.overlaps(s.first, s.last)).collect();
        sources.sort_by_key(|s| {
            (!s.holes.iter().any(|h| axis.overlaps(h.from, h.to)), std::cmp::Reverse(s.seen))
        });
        for source in sources.into_iter().take(most_sources) {
            row(claims, source, &axis, y, &source.channel, &mut body);
            y += 17;
        }
        y += 8;
    }
    let mut out = picture(claims, &axis, y, &body);
    if more > 0 {
        let said = Said2::new(
            format!("{more} further hosts with fewer kinds of steps are in the list below."),
            format!("手順の種類が少ない {more} 台は下の一覧にあります。"),
        );
        out.push_str(&format!("<p class=\"dim\">{}</p>\n", both(&said)));
    }
    out
}

/// A host with its steps.
type HostSteps<'d> = (String, Vec<&'d StepDoc>);

/// The hosts that tell most: those with the most different rules, in order of their first step; and how many are left out.
fn telling<'d>(
    claims: &Claims<'_>,
    hosts: BTreeMap<String, Vec<&'d StepDoc>>,
) -> (Vec<HostSteps<'d>>, usize) {
    let mut ranked: Vec<HostSteps<'d>> = hosts.into_iter().collect();
    let first = |steps: &[&StepDoc]| steps.iter().filter_map(|s| claims.span(s).0).min();
    ranked.sort_by_key(|(_, steps)| {
        let kinds: BTreeSet<usize> = steps.iter().filter(|s| !s.weak).map(|s| s.rule).collect();
        (std::cmp::Reverse(kinds.len()), first(steps))
    });
    let more = ranked.len().saturating_sub(MOST_HOSTS);
    ranked.truncate(MOST_HOSTS);
    ranked.sort_by_key(|(host, steps)| (first(steps), host.clone()));
    (ranked, more)
}

/// Everything that was read: incidents above the sources that lack something.
pub(super) fn overview(claims: &Claims<'_>, document: &Document) -> String {
    let (Some(first), Some(last)) = (document.totals.first, document.totals.last) else {
        return String::new();
    };
    let axis = Axis::new(first, last);
    let mut body = String::new();
    let mut y = 34;
    for (number, incident) in document.incidents.iter().enumerate().take(10) {
        body.push_str(&format!("<text x=\"4\" y=\"{}\">#{} {}</text>", y + 4, number + 1, incident.severity));
        incident.steps.iter().for_each(|s| mark(claims, s, &axis, y, &mut body));
        y += 20;
    }
    for source in document.sources.iter().take(MOST_OVERVIEW) {
        let host = if source.host.is_empty() { "—" } else { &source.host };
        row(claims, source, &axis, y, &format!("{host} {}", short(&source.channel)), &mut body);
        y += 17;
    }
    picture(claims, &axis, y, &body)
}

fn picture(claims: &Claims<'_>, axis: &Axis, height: i64, body: &str) -> String {
    let mut out = format!("<svg viewBox=\"0 0 1000 {}\" role=\"img\" aria-label=\"timeline\">", height + 4);
    axis.ticks(claims, height, &mut out);
    out.push_str(body);
    out.push_str("</svg>\n");
    out
}

/// A step: filled when confirmed, hollow when estimated.
fn mark(claims: &Claims<'_>, step: &StepDoc, axis: &Axis, y: i64, out: &mut String) {
    let (first, last) = claims.span(step);
    let Some(first) = first else { return };
    let last = last.unwrap_or(first);
    let level = claims.document.rules.get(step.rule).map_or("medium", |r| r.level.name());
    let class = if step.certainty == "confirmed" { level.to_owned() } else { format!("{level} hollow") };
    let (x1, x2) = (axis.x(first), axis.x(last));
    let radius = if step.weak { 3 } else { 5 };
    let says = claims.step(step);
    let title = format!(
        "{} {}",
        claims.time(Some(first)),
        if claims.document.settings.lang == "ja" { says.ja } else { says.en }
    );
    out.push_str(&format!("<g class=\"{level}\"><title>{}</title>", escape(&title)));
    if x2 > x1 {
        out.push_str(&format!(
            "<line class=\"{level}\" x1=\"{x1}\" x2=\"{x2}\" y1=\"{y}\" y2=\"{y}\" stroke-width=\"2\"/>"
        ));
    }
    out.push_str(&format!("<circle class=\"{class}\" cx=\"{x1}\" cy=\"{y}\" r=\"{radius}\"/></g>"));
}

/// A span of which records are missing, behind the steps of its host.
fn missing(claims: &Claims<'_>, lost: &LostDoc, axis: &Axis, y: i64, out: &mut String) {
    if !axis.overlaps(lost.from, lost.to) {
        return;
    }
    let says = claims.lost(lost);
    let title = escape(if claims.document.settings.lang == "ja" { &says.ja } else { &says.en });
    let (x1, x2) = (lost.from.map_or(LEFT, |t| axis.x(t)), lost.to.map_or(RIGHT, |t| axis.x(t)));
    out.push_str(&format!(
        "<rect class=\"lost\" x=\"{x1}\" y=\"{}\" width=\"{}\" height=\"16\"><title>{title}</title></rect>",
        y - 8,
        (x2 - x1).max(3)
    ));
}

/// A source: a bar from its first to its last event, holes drawn into it.
fn row(claims: &Claims<'_>, source: &SourceDoc, axis: &Axis, y: i64, name: &str, out: &mut String) {
    out.push_str(&format!("<text class=\"d\" x=\"12\" y=\"{}\">{}</text>", y + 4, label(name)));
    if let (Some(first), Some(last)) = (source.first, source.last) {
        let (x1, x2) = (axis.x(first), axis.x(last));
        out.push_str(&format!(
            "<rect class=\"bar\" x=\"{x1}\" y=\"{}\" width=\"{}\" height=\"6\" rx=\"2\"/>",
            y - 3,
            (x2 - x1).max(2)
        ));
    }
    for hole in source.holes.iter().filter(|h| axis.overlaps(h.from, h.to)) {
        let says = claims.hole(hole);
        let title = escape(if claims.document.settings.lang == "ja" { &says.ja } else { &says.en });
        let x1 = hole.from.map_or(LEFT, |t| axis.x(t));
        let x2 = hole.to.map_or(RIGHT, |t| axis.x(t));
        let shape = match hole.kind.as_str() {
            "numbers" => format!(
                "<rect class=\"gap\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"10\"><title>{title}</title></rect>",
                x1.min(x2),
                y - 5,
                (x2 - x1).abs().max(3)
            ),
            "silent" => format!(
                "<rect class=\"quiet\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"10\"><title>{title}</title></rect>",
                x1.min(x2),
                y - 5,
                (x2 - x1).abs().max(3)
            ),
            _ => format!(
                "<line class=\"cut\" x1=\"{x1}\" x2=\"{x1}\" y1=\"{}\" y2=\"{}\"><title>{title}</title></line>",
                y - 7,
                y + 7
            ),
        };
        out.push_str(&shape);
    }
}

fn short(channel: &str) -> &str {
    channel.strip_prefix("Microsoft-Windows-").unwrap_or(channel)
}

fn label(text: &str) -> String {
    let text = short(text);
    match text.char_indices().nth(LABEL) {
        Some((end, _)) => escape(&format!("{}…", text.get(..end).unwrap_or_default())),
        None => escape(text),
    }
}

/// What the signs mean.
pub(super) fn legend() -> String {
    let said = super::super::claim::Said2::new(
        "● confirmed ○ estimated · bar: span of a log · red block: numbers missing · dashed: silent, or a log emptied or stopped · red line: cleared, clock or auditing changed",
        "● 確認 ○ 推定 · 帯: ログの期間 · 赤い塊: 番号の欠落 · 破線: 途絶、またはログの消去・停止 · 赤線: 消去・時計・監査設定の変更",
    );
    format!("<p class=\"dim\">{}</p>\n", both(&said))
}
