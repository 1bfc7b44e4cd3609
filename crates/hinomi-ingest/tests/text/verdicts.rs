//! The verdicts beside the log lines of a ban tool's tests: time, host, user, and whether the line is a failure
//! to be counted.

use hinomi_model::Timestamp;

use super::corpora::{files, held_out};
use super::{Table, rows};

/// The zone and the present under which the verdicts were written.
const ZONE: &str = "Europe/Zurich";
const LATEST: &str = "2005-08-14T10:00:00Z";

#[test]
fn ban_tool_verdicts() {
    let Some(files) = files("fail2ban_daemon_logs") else { return };
    let mut table = Table::default();
    for (path, bytes) in &files {
        let product = path.rsplit('/').next().unwrap_or(path);
        let mut verdict: Option<serde_json::Value> = None;
        for (number, line) in bytes.split(|&b| b == b'\n').enumerate() {
            let text = String::from_utf8_lossy(line);
            if let Some(json) = text.trim_start_matches(['#', ' ']).strip_prefix("failJSON:") {
                verdict = serde_json::from_str(json.trim()).ok();
            } else if !text.starts_with('#')
                && !text.trim().is_empty()
                && let Some(verdict) = verdict.take()
            {
                judge(&mut table, product, held_out(path), line, &verdict, number + 1);
            }
        }
    }
    table.check("verdicts", BOUNDS);
}

/// Shares measured when this test was written, rounded down. Half of the programs in this corpus (telephony, games,
/// web applications) have no mapping: their lines count as misses.
const BOUNDS: &[(bool, &str, f64)] = &[
    (false, "time", 0.91),
    (false, "source", 0.46),
    (false, "outcome", 0.40),
    (false, "not a failure", 0.80),
    (true, "time", 0.94),
    (true, "source", 0.50),
    (true, "outcome", 0.47),
    (true, "not a failure", 0.69),
];

fn judge(
    table: &mut Table,
    product: &str,
    half: bool,
    line: &[u8],
    verdict: &serde_json::Value,
    number: usize,
) {
    let row = rows::decode(line, ZONE, LATEST);
    let at = format!("line {number}");
    if verdict["match"] != true {
        // Not a failure to be counted: success, or no claim about an outcome.
        table.judge(product, half, "not a failure", row.outcome() != "failure", &at);
        return;
    }
    if let Some(time) = verdict["time"].as_str() {
        let expected = local(time);
        let seconds = |t: Timestamp| t.as_nanos().div_euclid(1_000_000_000);
        let right = row.time.map(seconds) == expected.map(seconds);
        table.judge(product, half, "time", right, &at);
    }
    if let Some(host) = verdict["host"].as_str() {
        table.judge(product, half, "source", same_source(row.source(), host), &at);
    }
    let user = verdict["user"].as_str().or(verdict["alt_user"].as_str());
    if let Some(user) = user.filter(|u| !u.is_empty()) {
        table.judge(product, half, "user", row.get("user.name") == user, &at);
    }
    table.judge(product, half, "outcome", row.outcome() == "failure", &at);
}

fn local(time: &str) -> Option<Timestamp> {
    let civil: jiff::civil::DateTime = time.parse().ok()?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::get(ZONE).ok()?).ok()?;
    Some(Timestamp::from_nanos(zoned.timestamp().as_nanosecond() as i64))
}

fn same_source(found: &str, expected: &str) -> bool {
    let canonical = |text: &str| text.parse::<std::net::IpAddr>().map(|a| a.to_canonical().to_string());
    found == expected || (canonical(expected).is_ok() && canonical(found).ok() == canonical(expected).ok())
}
