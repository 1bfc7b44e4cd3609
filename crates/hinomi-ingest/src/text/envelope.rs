//! What stands around a message: priority, time, host, program (RFC 3164 and its variants, RFC 5424, plain
//! time-stamped lines).
//!
//! # Invariants
//! - Every part is a slice of the line; what is not recognised stays in the message.

use super::stamp::{self, Stamp};

/// How a line is framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Framing {
    /// RFC 5424.
    Syslog5424,
    /// RFC 3164 or a relative: a time with a host or a program.
    Syslog,
    /// A time, then text.
    Stamped,
    /// Text.
    #[default]
    Plain,
}

/// One line taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    pub(crate) framing: Framing,
    /// Facility and severity (RFC 5424 section 6.2.1).
    pub(crate) priority: Option<(u8, u8)>,
    pub(crate) stamp: Option<Stamp>,
    pub(crate) host: &'a str,
    pub(crate) program: &'a str,
    pub(crate) pid: &'a str,
    pub(crate) msgid: &'a str,
    /// Structured data between its brackets, as written.
    pub(crate) structured: &'a str,
    pub(crate) message: &'a str,
}

/// Takes a line apart.
pub(crate) fn parse(line: &str) -> Envelope<'_> {
    let line = line.trim_start_matches('\u{feff}');
    let (priority, rest) = priority(line);
    if priority.is_some() {
        if let Some(modern) = rest.strip_prefix("1 ").and_then(|r| rfc5424(r, priority)) {
            return modern;
        }
    } else if let Some(modern) = line.strip_prefix("1 ").and_then(|r| rfc5424(r, None)) {
        return modern;
    }
    let mut envelope = legacy(rest);
    envelope.priority = envelope.priority.or(priority);
    envelope.message = skip_message_id(envelope.message);
    envelope
}

/// The message id of Solaris: `[ID 800047 auth.info] message`.
fn skip_message_id(message: &str) -> &str {
    message.strip_prefix("[ID ").and_then(|rest| rest.split_once("] ")).map_or(message, |(_, rest)| rest)
}

fn priority(line: &str) -> (Option<(u8, u8)>, &str) {
    let parsed = line.strip_prefix('<').and_then(|r| {
        let end = r.bytes().take(4).position(|b| b == b'>')?;
        let value: u8 = r.get(..end)?.parse().ok()?;
        (value < 192).then_some(((value >> 3, value & 7), r.get(end + 1..)?))
    });
    match parsed {
        Some((priority, rest)) => (Some(priority), rest),
        None => (None, line),
    }
}

fn rfc5424(rest: &str, priority: Option<(u8, u8)>) -> Option<Envelope<'_>> {
    let mut parts = rest.splitn(6, ' ');
    let time = parts.next()?;
    let stamp = if time == "-" { None } else { Some(stamp::whole(time)?) };
    let (host, program, pid, msgid) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let tail = parts.next().unwrap_or_default();
    let (structured, message) = match tail.strip_prefix('[') {
        Some(_) => {
            let end = structured_length(tail);
            (tail.get(..end)?, tail.get(end..)?.trim_start())
        }
        None => ("", tail.strip_prefix('-').unwrap_or(tail).trim_start()),
    };
    let given = |text: &'static str| move |value: &&str| *value != text;
    let or_empty = |value| Some(value).filter(given("-")).unwrap_or_default();
    Some(Envelope {
        framing: Framing::Syslog5424,
        priority,
        stamp,
        host: or_empty(host),
        // `program(module)`, as some libraries name themselves.
        program: or_empty(program.split_once('(').map_or(program, |(name, _)| name)),
        pid: or_empty(pid),
        msgid: or_empty(msgid),
        structured,
        message: message.trim_start_matches('\u{feff}'),
    })
}

/// Length of `[id a="b"][id2 …]` at the start of `text`.
fn structured_length(text: &str) -> usize {
    let (mut quoted, mut escaped, mut depth) = (false, false, 0usize);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' if !quoted => depth += 1,
            b']' if !quoted => {
                depth = depth.saturating_sub(1);
                if depth == 0 && text.as_bytes().get(at + 1) != Some(&b'[') {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

fn legacy(text: &str) -> Envelope<'_> {
    let bytes = text.as_bytes();
    let bracketed = bytes.first() == Some(&b'[');
    let start = if bracketed { 1 } else { sequence_number(bytes) };
    let Some((stamp, length)) = stamp::leading(bytes.get(start..).unwrap_or_default()) else {
        return unstamped(text);
    };
    let mut rest = text.get(start + length..).unwrap_or_default();
    if bracketed {
        let Some(after) = rest.strip_prefix(']') else { return unstamped(text) };
        rest = after;
    } else if !rest.is_empty() && !rest.starts_with([' ', ':', '\t', ',', ';', '|', ']']) {
        return unstamped(text);
    }
    // `Sat Jan 31 …` is how programs write the time into their own files.
    let weekday = bytes.get(start + 3).is_some_and(|b| matches!(b, b' ' | b','))
        && bytes.get(start).is_some_and(u8::is_ascii_alphabetic)
        && !is_month(bytes.get(start..start + 3));
    let traditional = !weekday
        && !bracketed
        && bytes.get(start).is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'*' | b'.'));
    let iso_t = bytes.get(start + 10) == Some(&b'T');
    let body = rest.trim_start_matches([' ', '\t']);
    let mut envelope = Envelope { stamp: Some(stamp), ..Envelope::default() };
    if rest.starts_with(':') {
        return colon_after_time(envelope, rest.get(1..).unwrap_or_default().trim_start());
    }
    let (level, body) = angle_level(body);
    envelope.priority = level;
    let body = if iso_t { skip_severity(body) } else { body };
    let trust = if traditional {
        Trust::Syslog
    } else if iso_t {
        Trust::Likely
    } else {
        Trust::PidOnly
    };
    tagged(envelope, body, trust)
}

fn is_month(name: Option<&[u8]>) -> bool {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let name = name.and_then(|n| std::str::from_utf8(n).ok());
    name.is_some_and(|n| MONTHS.iter().any(|month| n.eq_ignore_ascii_case(month)))
}

/// Network gear may number its lines: `000123: *Mar  1 …`, `123: Jan 31 …`.
fn sequence_number(bytes: &[u8]) -> usize {
    let digits = bytes.iter().take(12).take_while(|b| b.is_ascii_digit()).count();
    let colon = digits > 0 && bytes.get(digits) == Some(&b':') && bytes.get(digits + 1) == Some(&b' ');
    if colon { digits + 2 } else { 0 }
}

/// A line without time: perhaps `program[pid]: message` or `%FACILITY-…`.
fn unstamped(text: &str) -> Envelope<'_> {
    if let Some((program, pid, message)) = tag(text).filter(|(_, pid, _)| !pid.is_empty()) {
        return Envelope { framing: Framing::Syslog, program, pid, message, ..Envelope::default() };
    }
    // A journal printed without times: `host program[pid]: message`.
    if let Some((host, rest)) = text.split_once(' ').filter(|(host, _)| is_host(host) && !is_level(host))
        && let Some((program, pid, message)) =
            tag(rest).filter(|(_, pid, message)| is_pid(pid) && !message.is_empty())
    {
        return Envelope { framing: Framing::Syslog, host, program, pid, message, ..Envelope::default() };
    }
    Envelope { message: text, ..Envelope::default() }
}

fn is_pid(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `<time>: %FACILITY…` or `<time>: message`.
fn colon_after_time<'a>(mut envelope: Envelope<'a>, body: &'a str) -> Envelope<'a> {
    envelope.framing = if body.starts_with('%') { Framing::Syslog } else { Framing::Stamped };
    envelope.message = body;
    envelope
}

/// BSD syslogd -v: `<auth.info>` between time and host.
fn angle_level(body: &str) -> (Option<(u8, u8)>, &str) {
    const FACILITIES: [&str; 12] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    ];
    const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    let parsed = body.strip_prefix('<').and_then(|r| {
        let (inner, rest) = r.split_once('>')?;
        let (facility, severity) = inner.split_once('.')?;
        let number = |table: &[&str], name: &str| {
            let by_name = table.iter().position(|n| *n == name);
            by_name.and_then(|n| u8::try_from(n).ok()).or_else(|| name.parse().ok())
        };
        let priority = (number(&FACILITIES, facility)?, number(&SEVERITIES, severity)?);
        Some((priority, rest.trim_start()))
    });
    match parsed {
        Some((priority, rest)) => (Some(priority), rest),
        None => (None, body),
    }
}

/// A severity with its facility number before the program: `In(166) hostd[12]: …`.
fn skip_severity(body: &str) -> &str {
    let Some((first, rest)) = body.split_once(' ') else { return body };
    let shape = first.strip_suffix(')').and_then(|f| f.split_once('('));
    let is_severity = shape.is_some_and(|(name, number)| {
        name.len() == 2 && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    });
    if is_severity { rest.trim_start() } else { body }
}

/// How much a time says about what follows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Only syslog writes such a time: a host follows.
    Syslog,
    /// A host follows if a program does.
    Likely,
    /// A host follows if a program with a process id does.
    PidOnly,
}

fn tagged<'a>(mut envelope: Envelope<'a>, body: &'a str, trust: Trust) -> Envelope<'a> {
    let (first, rest) = body.split_once(' ').unwrap_or((body, ""));
    let rest = rest.trim_start();
    envelope.framing = Framing::Syslog;
    // No host: `time program[1]: message`.
    if first.ends_with(':') {
        if rest.starts_with('%') && is_host(first.trim_end_matches(':')) {
            envelope.host = first.trim_end_matches(':');
            envelope.message = rest;
            return envelope;
        }
        if let Some((program, pid, message)) = tag(body)
            && (trust != Trust::PidOnly || !pid.is_empty())
        {
            return Envelope { program, pid, message, ..envelope };
        }
    }
    // A program in brackets: `time [program]: message`.
    let bracketed = first.trim_end_matches(':').strip_prefix('[').and_then(|f| f.strip_suffix(']'));
    if let Some(program) = bracketed.filter(|p| trust == Trust::Syslog && is_host(p)) {
        return Envelope { program, message: rest, ..envelope };
    }
    if is_host(first) && !is_level(first) && !first.starts_with('%') {
        if let Some((program, pid, message)) = tag(rest)
            && (trust != Trust::PidOnly || !pid.is_empty())
        {
            return Envelope { host: first, program, pid, message, ..envelope };
        }
        if let Some(message) = rest.strip_prefix(": ").or(Some(rest)).filter(|m| m.starts_with('%')) {
            return Envelope { host: first, message, ..envelope };
        }
        // A relay put its own name first: `relay host program[1]: message`.
        if let Some((second, relayed)) = rest.split_once(' ')
            && is_host(second)
            && let Some((program, pid, message)) = tag(relayed.trim_start()).filter(|t| !t.1.is_empty())
        {
            return Envelope { host: second, program, pid, message, ..envelope };
        }
        if trust == Trust::Syslog && !rest.is_empty() {
            return Envelope { host: first, message: rest, ..envelope };
        }
    }
    // Names of hosts are not always ASCII; a program has to follow, for any word may stand here.
    if is_name(first)
        && let Some((program, pid, message)) = tag(rest)
        && (trust == Trust::Syslog || !pid.is_empty())
    {
        return Envelope { host: first, program, pid, message, ..envelope };
    }
    let framing =
        if trust == Trust::Syslog || body.starts_with('%') { Framing::Syslog } else { Framing::Stamped };
    Envelope { framing, message: body, ..envelope }
}

fn is_host(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    !text.is_empty()
        && text.len() <= 255
        && (text.bytes().all(plain) || text == "(none)")
        && !text.ends_with(':')
}

/// A name with letters of any script.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | 'ー' | '・');
    !text.is_ascii() && text.len() <= 255 && text.chars().all(plain)
}

fn is_level(text: &str) -> bool {
    const LEVELS: [&str; 14] = [
        "debug", "info", "warn", "warning", "error", "notice", "fatal", "trace", "critical", "severe",
        "verbose", "err", "crit", "alert",
    ];
    LEVELS.iter().any(|level| text.eq_ignore_ascii_case(level))
}

/// `program[pid]: message`, `program: message`, `program(module)[pid]: message`.
fn tag(text: &str) -> Option<(&str, &str, &str)> {
    let bytes = text.as_bytes();
    let name_byte =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_' | b'@' | b'+');
    let open = usize::from(bytes.first() == Some(&b'('));
    let mut end = open + bytes.get(open..)?.iter().take(128).take_while(|b| name_byte(b)).count();
    if end == open {
        return None;
    }
    let name_end = end;
    if open == 1 {
        end += usize::from(bytes.get(end) == Some(&b')'));
    } else if bytes.get(end) == Some(&b'(') {
        let close = bytes.get(end..)?.iter().take(40).position(|&b| b == b')')?;
        end += close + 1;
    }
    let program = text.get(open..name_end)?;
    let mut pid = "";
    if bytes.get(end) == Some(&b'[') {
        let close = bytes.get(end..)?.iter().take(80).position(|&b| b == b']')?;
        pid = text.get(end + 1..end + close)?;
        end += close + 1;
        // Some programs leave the colon out behind the process id.
        let message = text.get(end..)?;
        let message = message.strip_prefix(':').unwrap_or(message);
        return Some((program, pid, message.trim_start_matches(' ')));
    }
    let message = text.get(end..)?.strip_prefix(':')?;
    let spaced = message.is_empty() || message.starts_with([' ', '\t']);
    (spaced && program.bytes().any(|b| b.is_ascii_alphabetic())).then(|| (program, pid, message.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, framing: Framing, parts: [&str; 4]) {
        let e = parse(line);
        assert_eq!((e.framing, [e.host, e.program, e.pid, e.message]), (framing, parts), "{line}");
    }

    #[test]
    fn rfc_3164_and_its_variants() {
        let syslog = Framing::Syslog;
        check("<86>Jan 31 12:00:00 gw sshd[7]: Hello", syslog, ["gw", "sshd", "7", "Hello"]);
        check("Jan 31 12:00:00 gw kernel: [1.2] x", syslog, ["gw", "kernel", "", "[1.2] x"]);
        check("Jan 31 2026 12:00:00 gw su(pam_unix)[7]: x", syslog, ["gw", "su", "7", "x"]);
        check("2026-01-31T12:00:00.1+09:00 gw CRON[7]: x", syslog, ["gw", "CRON", "7", "x"]);
        check("Jan 31 12:00:00 sshd[7]: x", syslog, ["", "sshd", "7", "x"]);
        check("Jan 31 12:00:00 relay gw sshd[7]: x", syslog, ["gw", "sshd", "7", "x"]);
        check("Jan 31 12:00:00 <auth.info> gw sshd[7]: x", syslog, ["gw", "sshd", "7", "x"]);
        check(
            "Jan 31 12:00:00 gw last message repeated 2 times",
            syslog,
            ["gw", "", "", "last message repeated 2 times"],
        );
        check("<134>Jan 31 2026 12:00:00: %A-6-1: x", syslog, ["", "", "", "%A-6-1: x"]);
        check("<134>Jan 31 2026 12:00:00 fw1 : %A-6-1: x", syslog, ["fw1", "", "", "%A-6-1: x"]);
        check("Jan 31 12:00:00 fw1 %A-6-1: x", syslog, ["fw1", "", "", "%A-6-1: x"]);
        check("<189>45: *Mar  1 18:46:11.1 UTC: %S-5-C: x", syslog, ["", "", "", "%S-5-C: x"]);
        check("2026-01-31T12:00:00Z In(14) shell[9]: [root]: ls", syslog, ["", "shell", "9", "[root]: ls"]);
        check("2026-01-31T12:00:00Z esx1 Hostd: x", syslog, ["esx1", "Hostd", "", "x"]);
        check("sshd[7]: x", syslog, ["", "sshd", "7", "x"]);
        check("gw sshd[7]: x", syslog, ["gw", "sshd", "7", "x"]);
        check("Jan 31 12:00:00 gw sshd[7]: [ID 1 auth.info] x", syslog, ["gw", "sshd", "7", "x"]);
        check("Jan 31 12:00:00 [sshd]: x", syslog, ["", "sshd", "", "x"]);
        check("Jan 31 12:00:00 経理端末 sshd[7]: x", syslog, ["経理端末", "sshd", "7", "x"]);
        check("Jan 31 12:00:00 CAFÉ-1 su: x", syslog, ["CAFÉ-1", "su", "", "x"]);
        check(
            "2026-01-31T12:00:00Z サーバー.example sshd[7]: x",
            syslog,
            ["サーバー.example", "sshd", "7", "x"],
        );
        check("Jan 31 12:00:00 起動しました。", syslog, ["", "", "", "起動しました。"]);
    }

    #[test]
    fn rfc_5424() {
        let line = r#"<34>1 2026-01-31T12:00:00Z gw app 7 ID47 [a@1 b="c \] d"][e@1 f="g"] text"#;
        check(line, Framing::Syslog5424, ["gw", "app", "7", "text"]);
        assert_eq!(parse(line).structured, r#"[a@1 b="c \] d"][e@1 f="g"]"#);
        assert_eq!(parse(line).priority, Some((4, 2)));
        check("<34>1 - - - - - -", Framing::Syslog5424, ["", "", "", ""]);
    }

    #[test]
    fn other_lines_keep_their_text() {
        check("2026-01-31 12:00:00 INFO service: up", Framing::Stamped, ["", "", "", "INFO service: up"]);
        check("[31/Jan/2026:12:00:00 +0900] x", Framing::Stamped, ["", "", "", "x"]);
        check("date=2026-01-31 time=1", Framing::Plain, ["", "", "", "date=2026-01-31 time=1"]);
        check("<999>x", Framing::Plain, ["", "", "", "<999>x"]);
        check("", Framing::Plain, ["", "", "", ""]);
    }
}
