//! JSON, JSON Lines and Timesketch CSV.

use std::io::{self, Write};

use serde::Serialize;

use super::indented;
use super::style::harmless;
use crate::report::{DetectionEntry, Report};

/// One JSON document, indented, ending in a newline.
///
/// # Errors
/// Errors of `out`.
pub fn json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    indented::write(report, out)?;
    out.write_all(b"\n")
}

/// A line per object: first the summary, then incidents, detections, sources, diagnostics. Every line has `type`
/// and `schema_version`.
///
/// # Errors
/// Errors of `out`.
pub fn json_lines(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    line(report, "summary", &report.summary, out)?;
    report.incidents.iter().try_for_each(|i| line(report, "incident", i, out))?;
    report.detections.iter().try_for_each(|d| line(report, "detection", d, out))?;
    report.sources.iter().try_for_each(|s| line(report, "source", s, out))?;
    report.diagnostics.iter().try_for_each(|d| line(report, "diagnostic", d, out))?;
    report.rejected_rules.iter().try_for_each(|r| line(report, "rejected_rule", r, out))?;
    report.suppressions.iter().try_for_each(|s| line(report, "suppression", s, out))
}

#[derive(Serialize)]
struct Line<'a, T> {
    schema_version: &'static str,
    r#type: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

fn line<T: Serialize>(report: &Report, kind: &'static str, body: &T, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Line { schema_version: report.schema_version, r#type: kind, body })?;
    out.write_all(b"\n")
}

/// CSV for Timesketch: `message,datetime,timestamp_desc` first, then our columns. Detections without time are left
/// out, because the format cannot hold them; they are in every other output.
///
/// # Errors
/// Errors of `out`.
pub fn timesketch(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let header = [
        "message",
        "datetime",
        "timestamp_desc",
        "level",
        "rule_id",
        "rule_author",
        "host",
        "account",
        "channel",
        "techniques",
        "evidence",
        "detection_id",
        "tag",
    ];
    row(out, header.iter().map(|h| (*h).to_owned()))?;
    for detection in report.detections.iter().filter(|d| d.time.is_some()) {
        row(out, cells(detection).into_iter())?;
    }
    Ok(())
}

fn cells(detection: &DetectionEntry) -> Vec<String> {
    let techniques: Vec<&str> = detection.techniques.iter().map(|t| t.id.as_str()).collect();
    let evidence = detection.evidence.first().map(|e| e.reference.clone()).unwrap_or_default();
    vec![
        detection.title.clone(),
        detection.time.map(|t| t.to_string()).unwrap_or_default(),
        "Event Time".to_owned(),
        detection.level.to_string(),
        detection.rule_id.clone(),
        detection.author.clone(),
        detection.host.clone(),
        detection.account.clone(),
        detection.channel.clone(),
        techniques.join(" "),
        evidence,
        detection.id.clone(),
        format!("['hinomi', '{}']", detection.level),
    ]
}

/// One row as text; see [`row`].
pub(crate) fn csv_row(cells: impl Iterator<Item = String>) -> String {
    let mut out = Vec::new();
    // Writing to memory does not fail.
    let _ = row(&mut out, cells);
    String::from_utf8(out).unwrap_or_default()
}

/// RFC 4180, with a quote before what a spreadsheet would run as a formula, and without characters that steer a terminal.
fn row(out: &mut dyn Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        let steers = cell.contains(|c: char| c.is_control() && c != '\n');
        let cell = if steers { harmless(&cell) } else { cell };
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let cell = if formula { format!("'{cell}") } else { cell };
        if cell.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_disarmed() {
        let mut out = Vec::new();
        let cells = ["a,b", "say \"x\"", "=1+1", "plain", "\u{1b}[2J\t=1", "two\nlines"];
        row(&mut out, cells.iter().map(|s| (*s).to_owned())).unwrap();
        let expected = "\"a,b\",\"say \"\"x\"\"\",'=1+1,plain,<1B>[2J =1,\"two\nlines\"\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
