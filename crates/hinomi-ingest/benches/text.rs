//! Decoding of text logs into columns.
//!
//! `cargo bench -p hinomi-ingest --bench text [-- FILE …]`; without a file, invented syslog lines. Figures are
//! processor time of this thread, the best of several rounds, without reading the file.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints what it measured and stops at the first surprise"
)]

mod timing;

use std::sync::Arc;

use hinomi_columns::Projection;
use hinomi_ingest::{Clocks, TextDecoder, Unit, recognise, text_cut};
use hinomi_model::Timestamp;
use timing::{best, columns, processor_nanos, units};

const ROUNDS: usize = 5;
const UNIT: usize = 4 << 20;

/// Names that rules for text logs and the summary commonly read.
const RULE_FIELDS: &str = "activity_name status user.name src_endpoint.ip device.hostname auth_factors is_mfa object.name \
    product type name nametype exe comm key syscall SYSCALL a0 a1 a2 a3 a4 unit euid auid Image CommandLine User \
    CurrentDirectory TargetFilename DestinationIp DestinationPort c-ip c-uri cs-uri-stem cs-uri-query cs-host \
    cs-method cs-user-agent cs-referer cs-username sc-status sc-bytes src_ip dst_ip src_port dst_port action protocol \
    cfgpath message program query answers id.orig_h id.resp_h id.resp_p service path";

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    // Compiling the mappings is start-up, not decoding.
    let before = processor_nanos();
    columns(&mut TextDecoder::default(), &[Unit::whole("x", b"x\n".to_vec())], &Projection::of([""; 0]));
    println!("mappings compiled in {:.1} ms", (processor_nanos() - before) as f64 / 1e6);
    if files.is_empty() {
        measure("invented syslog", invented().as_bytes());
    }
    for file in files {
        measure(&file, &std::fs::read(&file).unwrap());
    }
}

fn measure(name: &str, bytes: &[u8]) {
    let mut log = Unit::whole(name, bytes.to_vec());
    log.clocks = Arc::new(Clocks {
        zone: jiff::tz::TimeZone::get("Asia/Tokyo").unwrap(),
        latest: Timestamp::from_nanos(1_780_000_000_000_000_000),
    });
    let preamble = recognise(bytes.get(..65_536).unwrap_or(bytes)).map_or(0, |r| r.preamble);
    log.preamble = bytes.get(..preamble).unwrap_or_default().into();
    let units = units(&log, UNIT, text_cut);
    let projections = [
        ("routing fields", Projection::of([""; 0])),
        ("rule fields", Projection::of(RULE_FIELDS.split_whitespace())),
        ("all fields", Projection::of([""; 0]).and_all_others()),
    ];
    for (fields, projection) in projections {
        let (nanos, rows) = best(ROUNDS, || columns(&mut TextDecoder::default(), &units, &projection));
        let per_second = rows as f64 / (nanos as f64 / 1e9);
        let mib = bytes.len() as f64 / f64::from(1 << 20) / (nanos as f64 / 1e9);
        println!("{name}: {rows} rows, {fields}: {per_second:.0} rows and {mib:.0} MiB per CPU second");
    }
}

/// Lines of a busy gateway: sign-ins, sudo, cron, services, a few that no mapping knows.
fn invented() -> String {
    let mut out = String::new();
    for n in 0..300_000u32 {
        let (minute, second, user, host) = (n / 60 % 60, n % 60, n % 37, n % 200 + 1);
        let head = format!("Jan 31 12:{minute:02}:{second:02} gw{}", n % 5);
        let line = match n % 10 {
            0..=2 => format!(
                "{head} sshd[{n}]: Failed password for invalid user u{user} from 192.0.2.{host} port {} ssh2",
                1024 + n % 60_000
            ),
            3 => format!(
                "{head} sshd[{n}]: Accepted publickey for u{user} from 192.0.2.{host} port 50022 ssh2: ED25519 SHA256:x{n}"
            ),
            4 => format!(
                "{head} sshd[{n}]: pam_unix(sshd:session): session opened for user u{user}(uid=1000) by (uid=0)"
            ),
            5 => format!(
                "{head} sudo:   u{user} : TTY=pts/0 ; PWD=/home/u{user} ; USER=root ; COMMAND=/usr/bin/systemctl status s{user}"
            ),
            6 => format!("{head} CRON[{n}]: (root) CMD (/usr/local/bin/job --number {user})"),
            7 => format!("{head} systemd[1]: Started session-{n}.scope - Session {n} of User u{user}."),
            8 => format!("{head} kernel: [{n}.5] eth0: link is up, {user} packets dropped"),
            _ => format!("{head} appd[{n}]: request {n} from 198.51.100.{host} took {second} ms"),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}
