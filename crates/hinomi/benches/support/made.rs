//! Events by the million: lines as five kinds of logs have them, in order of time, the same for the same numbers.

#![allow(clippy::indexing_slicing, clippy::too_many_arguments, reason = "tables of this file")]

use std::fmt::Write as _;

/// 2026-08-01T00:00:00Z.
const START: u64 = 1_785_542_400;
/// Days over which events are spread.
pub const DAYS: u64 = 90;

/// Kinds of logs, as names of sources; an event is of each in turn with these hundredths.
pub const SOURCES: [(&str, u64); 4] = [("windows", 45), ("auth", 20), ("proxy", 25), ("app", 10)];

/// Numbers that look like chance: `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len() as u64) as usize]
    }
}

const PROGRAMS: [&str; 12] = [
    r"C:\\Windows\\System32\\svchost.exe",
    r"C:\\Windows\\System32\\cmd.exe",
    r"C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
    r"C:\\Windows\\explorer.exe",
    r"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    r"C:\\Windows\\System32\\taskhostw.exe",
    r"C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE",
    r"C:\\Windows\\System32\\conhost.exe",
    r"C:\\Windows\\System32\\wbem\\WmiPrvSE.exe",
    r"C:\\Windows\\System32\\rundll32.exe",
    r"C:\\Windows\\System32\\reg.exe",
    r"C:\\Program Files\\7-Zip\\7z.exe",
];
const WORDS: [&str; 10] =
    ["invoice", "backup", "ledger", "report", "payroll", "design", "archive", "minutes", "売上", "議事録"];
const SITES: [&str; 8] = [
    "www.example.com",
    "update.example.net",
    "mail.example.org",
    "cdn.example.com",
    "files.example.jp",
    "login.example.org",
    "api.example.com",
    "news.example.jp",
];

/// Year, month, day, hour, minute and second.
fn civil(seconds: u64) -> (u64, u64, u64, u64, u64, u64) {
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": days from civil, turned round.
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let part = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * part + 2) / 5 + 1, if part < 10 { part + 3 } else { part - 9 });
    let rest = seconds % 86_400;
    (year + era * 400 + u64::from(month <= 2), month, day, rest / 3_600, rest / 60 % 60, rest % 60)
}

/// The event with a number among so many: its source, and its line.
pub fn line(number: u64, all: u64, out: &mut String) -> &'static str {
    let mut chance = Chance(number);
    let micros = u128::from(number) * u128::from(DAYS * 86_400) * 1_000_000 / u128::from(all.max(1));
    let (second, micro) = (START + (micros / 1_000_000) as u64, (micros % 1_000_000) as u64);
    let mut turn = chance.below(100);
    let source = SOURCES.iter().find(|(_, share)| {
        let is_it = turn < *share;
        turn = turn.saturating_sub(*share);
        is_it
    });
    let (year, month, day, hour, minute, sec) = civil(second);
    let stamp = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{sec:02}.{micro:06}Z");
    let (host, user) = (chance.below(400), chance.below(900));
    let source = source.map_or("app", |(name, _)| *name);
    let written = match source {
        "windows" => windows(out, &mut chance, (&stamp, number, host, user)),
        "auth" => auth(out, &mut chance, (&stamp, number, host, user)),
        "proxy" => proxy(out, &mut chance, (second, micro / 1000, host)),
        _ => app(out, &mut chance, (&stamp, number, host, user)),
    };
    written.unwrap_or_default();
    source
}

type Of<'a> = (&'a str, u64, u64, u64);

fn windows(out: &mut String, chance: &mut Chance, (stamp, number, host, user): Of<'_>) -> std::fmt::Result {
    let (image, parent, word) = (chance.of(&PROGRAMS), chance.of(&PROGRAMS), chance.of(&WORDS));
    let (process, id) = (chance.below(60_000), chance.next());
    match chance.below(4) {
        0 => writeln!(
            out,
            r#"{{"@timestamp":"{stamp}","Channel":"Security","EventID":4624,"Hostname":"ws{host:03}.corp.example","EventRecordID":{number},"TargetUserName":"user{user:03}","TargetDomainName":"CORP","LogonType":{},"IpAddress":"10.{}.{}.{}","IpPort":"{}","AuthenticationPackageName":"Kerberos","TargetLogonId":"0x{:x}","LogonGuid":"{{{id:016x}}}"}}"#,
            chance.below(9) + 2,
            host % 8,
            chance.below(256),
            chance.below(256),
            process + 1024,
            id >> 32
        ),
        1 => writeln!(
            out,
            r#"{{"@timestamp":"{stamp}","Channel":"Microsoft-Windows-Sysmon/Operational","EventID":3,"Hostname":"ws{host:03}.corp.example","EventRecordID":{number},"ProcessGuid":"{{{id:016x}}}","ProcessId":"{process}","Image":"{image}","User":"CORP\\user{user:03}","Protocol":"tcp","SourceIp":"10.{}.4.7","SourcePort":"{}","DestinationIp":"203.0.113.{}","DestinationPort":"443"}}"#,
            host % 8,
            chance.below(60_000),
            chance.below(256)
        ),
        _ => writeln!(
            out,
            r#"{{"@timestamp":"{stamp}","Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"Hostname":"ws{host:03}.corp.example","EventRecordID":{number},"ProcessGuid":"{{{id:016x}}}","ProcessId":"{process}","Image":"{image}","CommandLine":"{image} /c {word}-{number:x} --run {}","ParentImage":"{parent}","User":"CORP\\user{user:03}","IntegrityLevel":"Medium","Hashes":"SHA256={:016x}{:016x}","CurrentDirectory":"C:\\Users\\user{user:03}\\"}}"#,
            chance.below(1000),
            chance.next(),
            chance.next()
        ),
    }
}

fn auth(out: &mut String, chance: &mut Chance, (stamp, number, host, user): Of<'_>) -> std::fmt::Result {
    let port = chance.below(60_000) + 1024;
    let from = format!("192.0.2.{}", chance.below(256));
    match chance.below(10) {
        0 => writeln!(
            out,
            "{stamp} srv{host:03} sshd[{}]: Failed password for user{user:03} from {from} port {port} ssh2",
            number % 30_000
        ),
        1..=3 => writeln!(
            out,
            "{stamp} srv{host:03} sudo: user{user:03} : TTY=pts/0 ; PWD=/home/user{user:03} ; USER=root ; COMMAND=/usr/bin/{}",
            chance.of(&["systemctl", "apt-get", "less", "tar", "rsync", "vim"])
        ),
        _ => writeln!(
            out,
            "{stamp} srv{host:03} sshd[{}]: Accepted publickey for user{user:03} from {from} port {port} ssh2: ED25519 SHA256:{:016x}",
            number % 30_000,
            chance.next()
        ),
    }
}

fn proxy(out: &mut String, chance: &mut Chance, (second, milli, host): (u64, u64, u64)) -> std::fmt::Result {
    let (site, word) = (chance.of(&SITES), chance.of(&WORDS[..8]));
    let (taken, bytes, page) = (chance.below(900), chance.below(900_000), chance.below(1 << 24));
    let code = chance.of(&["TCP_MISS/200", "TCP_HIT/200", "TCP_MISS/304", "TCP_DENIED/403"]);
    writeln!(
        out,
        "{second}.{milli:03} {taken:6} 10.{}.4.{} {code} {bytes} GET http://{site}/{word}/{page:06x}.html - HIER_DIRECT/203.0.113.{} text/html",
        host % 8,
        host % 256,
        chance.below(256)
    )
}

fn app(out: &mut String, chance: &mut Chance, (stamp, number, host, user): Of<'_>) -> std::fmt::Result {
    let (word, level) = (chance.of(&WORDS), chance.of(&["INFO", "INFO", "INFO", "WARN", "ERROR"]));
    let action = chance.of(&["opened", "saved", "printed", "shared", "deleted"]);
    writeln!(
        out,
        r#"{{"@timestamp":"{stamp}","level":"{level}","host":"app{:02}","user":"user{user:03}","message":"{word} {number} was {action}","trace":"{:016x}","status":{}}}"#,
        host % 40,
        chance.next(),
        200 + chance.below(4) * 100
    )
}
