//! Linux audit records (`type=… msg=audit(time:serial): …`) and the events they make together.
//!
//! Each record is an event of its own. The records of one serial that describe a program start, an outgoing
//! connection or a created or deleted file also give one event in the words of Sigma's `process_creation`,
//! `network_connection`, `file_event` and `file_delete`.
//!
//! # Invariants
//! - At most [`MAX_OPEN`] serials are kept open, each with bounded parts.
//!
//! # Not here
//! What record types mean for sign-ins and accounts: `mappings/text/linux.yaml`.

use std::borrow::Cow;
use std::fmt::Write as _;

use hinomi_columns::Row;
use hinomi_model::{LogKind, Timestamp};

use super::event::{Event, Key, Value};
use super::names::{Names, Slot, fixed};

/// Serials whose records may interleave.
const MAX_OPEN: usize = 16;
/// Parts of one serial that are kept for joining.
const MAX_PARTS: usize = 64;
/// Bytes of a command line put together from arguments.
const MAX_COMMAND_LINE: usize = 64 * 1024;

/// The head of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) node: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) time: Option<Timestamp>,
    pub(crate) serial: u64,
    pub(crate) body: &'a str,
}

/// True when `text` starts as an audit record does.
pub(crate) fn is_record(text: &str) -> bool {
    (text.starts_with("type=") || text.starts_with("node=") || text.starts_with("audit: type="))
        && head(text).is_some()
}

/// The serial of a line that is an audit record.
pub(crate) fn serial_of(line: &[u8]) -> Option<u64> {
    let start = line.get(..line.len().min(300))?;
    let at = memchr::memmem::find(start, b"audit(")?;
    let inner = line.get(at + 6..)?;
    let colon = inner.iter().take(40).position(|&b| b == b':')?;
    let digits = inner.get(colon + 1..)?;
    let end = digits.iter().take(21).position(|&b| b == b')')?;
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

/// Reads `node=n type=t msg=audit(seconds.millis:serial): body`.
pub(crate) fn head(text: &str) -> Option<Head<'_>> {
    let text = text.strip_prefix("audit: ").unwrap_or(text);
    let (node, rest) = match text.strip_prefix("node=") {
        Some(rest) => rest.split_once(' ')?,
        None => ("", text),
    };
    let (kind, rest) = rest.strip_prefix("type=")?.split_once(' ')?;
    let rest = rest.strip_prefix("msg=").unwrap_or(rest).strip_prefix("audit(")?;
    let (stamp, rest) = rest.split_once(')')?;
    let (time, serial) = stamp.rsplit_once(':')?;
    Some(Head {
        node,
        kind,
        time: record_time(time),
        serial: serial.parse().ok()?,
        body: rest.trim_start_matches([':', ' ']),
    })
}

/// Seconds since the epoch, or a date that an interpreting tool wrote.
fn record_time(text: &str) -> Option<Timestamp> {
    match super::stamp::whole(text)? {
        super::stamp::Stamp::Instant(time) => Some(time),
        super::stamp::Stamp::Civil { .. } => None,
    }
}

/// Adds the fields of a record body to `event`.
pub(crate) fn fields<'a>(head: &Head<'a>, names: &Names, event: &mut Event<'a>) {
    event.push_named(names, "type", Value::Text(head.kind.into()));
    if !head.node.is_empty() {
        event.push_named(names, "node", Value::Text(head.node.into()));
        event.set(fixed::COMPUTER, Value::Text(head.node.into()));
    }
    pairs(head.body, &mut |key, raw| {
        let value = decoded(head.kind, key, raw);
        event.push_named(names, key, value);
    });
    if let Some(name) = syscall_name(head.body) {
        event.push_named(names, "SYSCALL", Value::Text(name.into()));
    }
}

/// A value as written: bare or between quotes.
#[derive(Clone, Copy)]
enum Raw<'a> {
    Bare(&'a str),
    Quoted(&'a str),
}

/// Calls `each` for every pair; the pairs inside `msg='…'` come one by one.
fn pairs<'a>(text: &'a str, each: &mut dyn FnMut(&'a str, Raw<'a>)) {
    let mut rest = text;
    for _ in 0..1024 {
        rest = rest.trim_start_matches([' ', '\u{1d}', ',', '\0']);
        let Some(end) = rest.find(['=', ' ', '\u{1d}']) else { return };
        let key = rest.get(..end).unwrap_or_default();
        let Some(after) = rest.get(end..).and_then(|r| r.strip_prefix('=')) else {
            rest = rest.get(end..).unwrap_or_default();
            continue;
        };
        if let Some(inner) = after.strip_prefix('"')
            && let Some((value, tail)) = inner.split_once('"')
        {
            each(key, Raw::Quoted(value));
            rest = tail;
        } else if let Some(inner) = after.strip_prefix('\'') {
            let close = inner.rfind('\'').unwrap_or(inner.len());
            pairs(inner.get(..close).unwrap_or_default(), each);
            rest = inner.get(close + 1..).unwrap_or_default();
        } else {
            let end = after.find([' ', '\u{1d}']).unwrap_or(after.len());
            each(key, Raw::Bare(after.get(..end).unwrap_or_default()));
            rest = after.get(end..).unwrap_or_default();
        }
    }
}

/// Fields that the kernel writes as hexadecimal digits when they hold quotes, spaces or other bytes
/// (`audit_log_untrustedstring`).
fn may_be_hex(kind: &str, key: &str) -> bool {
    match key {
        "name" | "exe" | "comm" | "cwd" | "cmd" | "proctitle" | "key" | "acct" | "path" | "dir" | "file"
        | "data" | "watch" | "ocomm" | "old" | "new" => true,
        _ => kind == "EXECVE" && is_argument(key),
    }
}

fn is_argument(key: &str) -> bool {
    let digits = key.strip_prefix('a').map(|k| k.split('[').next().unwrap_or_default());
    digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
}

fn decoded<'a>(kind: &str, key: &str, raw: Raw<'a>) -> Value<'a> {
    match raw {
        Raw::Quoted(text) => Value::Text(text.into()),
        Raw::Bare(text) if may_be_hex(kind, key) => match unhex(text) {
            Some(text) => Value::Text(text.into()),
            None => Value::of(text),
        },
        Raw::Bare(text) => Value::of(text),
    }
}

/// Text written as hexadecimal digits; zeros between arguments become spaces.
fn unhex(text: &str) -> Option<String> {
    if text.len() < 2
        || !text.len().is_multiple_of(2)
        || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'))
    {
        return None;
    }
    // Numbers stay numbers: an encoded string always holds a byte that needed encoding.
    let bytes: Vec<u8> = hex_bytes(text).collect();
    let needed = bytes.iter().any(|&b| b <= 0x20 || b == b'"' || b >= 0x7f);
    if !needed {
        return None;
    }
    let trimmed = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
    let spaced: Vec<u8> = trimmed.iter().map(|&b| if b == 0 { b' ' } else { b }).collect();
    Some(String::from_utf8_lossy(&spaced).into_owned())
}

fn hex_bytes(text: &str) -> impl Iterator<Item = u8> + '_ {
    let digit = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes().chunks_exact(2).filter_map(move |pair| match pair {
        [high, low] => Some(digit(*high) * 16 + digit(*low)),
        _ => None,
    })
}

const SYSCALLS_X86_64: &str = include_str!("../../../../mappings/text/syscalls-x86_64.txt");
const SYSCALLS_AARCH64: &str = include_str!("../../../../mappings/text/syscalls-aarch64.txt");

/// Name of the system call of a record that states number and architecture but no name.
fn syscall_name(body: &str) -> Option<&'static str> {
    let rest = body.strip_prefix("arch=")?;
    let (arch, rest) = rest.split_once(' ')?;
    let number = rest.strip_prefix("syscall=")?.split(' ').next()?;
    if body.contains(" SYSCALL=") || body.contains("\u{1d}SYSCALL=") {
        return None;
    }
    // AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64 of linux/audit.h.
    let table = match arch {
        "c000003e" | "x86_64" => SYSCALLS_X86_64,
        "c00000b7" | "aarch64" => SYSCALLS_AARCH64,
        _ => return None,
    };
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        // An interpreting tool already wrote the name.
        return None;
    }
    syscall_index(table).get(number.parse::<usize>().ok()?).copied().filter(|n| !n.is_empty())
}

fn syscall_index(table: &'static str) -> &'static [&'static str] {
    static X86_64: std::sync::OnceLock<Vec<&'static str>> = std::sync::OnceLock::new();
    static AARCH64: std::sync::OnceLock<Vec<&'static str>> = std::sync::OnceLock::new();
    let cell = if std::ptr::eq(table, SYSCALLS_X86_64) { &X86_64 } else { &AARCH64 };
    cell.get_or_init(|| {
        let mut index = vec![""; 512];
        for line in table.lines() {
            let Some((number, name)) = line.split_once(' ') else { continue };
            if let Some(slot) = number.parse::<usize>().ok().and_then(|n| index.get_mut(n)) {
                *slot = name;
            }
        }
        index
    })
}

/// Records of one serial, as far as they matter for joining.
#[derive(Debug, Default)]
struct Group {
    serial: u64,
    node: String,
    time: Option<Timestamp>,
    from: usize,
    to: usize,
    syscall: Vec<(String, String)>,
    arguments: Vec<(String, String)>,
    cwd: String,
    paths: Vec<(String, String)>,
    address: Option<(String, u16)>,
}

/// Puts the records of one serial together.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    open: Vec<Group>,
}

/// An event made from several records: kind, row and fields.
pub(crate) type Joined = (LogKind, Row, Vec<(&'static str, String)>, String);

impl Joiner {
    /// Takes in a record standing at `from..to` of the unit; events that are now complete go to `out`.
    pub(crate) fn add(
        &mut self,
        head: &Head<'_>,
        host: &str,
        (from, to): (usize, usize),
        out: &mut Vec<Joined>,
    ) {
        if head.kind == "EOE" {
            if let Some(at) = self.open.iter().position(|g| g.serial == head.serial) {
                self.open.remove(at).finish(out);
            }
            return;
        }
        if !matches!(head.kind, "SYSCALL" | "EXECVE" | "CWD" | "PATH" | "SOCKADDR") {
            return;
        }
        let at = self.open.iter().position(|g| g.serial == head.serial).unwrap_or_else(|| {
            if self.open.len() >= MAX_OPEN {
                self.open.remove(0).finish(out);
            }
            let node = if head.node.is_empty() { host } else { head.node };
            let group = Group {
                serial: head.serial,
                time: head.time,
                from,
                node: node.to_owned(),
                ..Group::default()
            };
            self.open.push(group);
            self.open.len() - 1
        });
        if let Some(group) = self.open.get_mut(at) {
            group.to = group.to.max(to);
            group.add(head);
        }
    }

    /// Ends every open group.
    pub(crate) fn finish(&mut self, out: &mut Vec<Joined>) {
        self.open.drain(..).for_each(|group| group.finish(out));
    }
}

impl Group {
    fn add(&mut self, head: &Head<'_>) {
        let target = match head.kind {
            "SYSCALL" => &mut self.syscall,
            "EXECVE" => &mut self.arguments,
            _ => {
                self.add_single(head);
                return;
            }
        };
        pairs(head.body, &mut |key, raw| {
            if target.len() < MAX_PARTS * 4 {
                target.push((key.to_owned(), decoded(head.kind, key, raw).text().to_owned()));
            }
        });
        if head.kind == "SYSCALL"
            && let Some(name) = syscall_name(head.body)
        {
            self.syscall.push(("SYSCALL".to_owned(), name.to_owned()));
        }
    }

    fn add_single(&mut self, head: &Head<'_>) {
        let (mut name, mut nametype, mut cwd, mut saddr) =
            (String::new(), String::new(), String::new(), String::new());
        pairs(head.body, &mut |key, raw| {
            let value = || decoded(head.kind, key, raw).text().to_owned();
            match key {
                "name" => name = value(),
                "nametype" | "objtype" => nametype = value(),
                "cwd" => cwd = value(),
                "saddr" => saddr = value(),
                _ => {}
            }
        });
        match head.kind {
            "CWD" => self.cwd = cwd,
            "PATH" if self.paths.len() < MAX_PARTS => self.paths.push((nametype, name)),
            "SOCKADDR" => self.address = socket_address(&saddr),
            _ => {}
        }
    }

    fn stated(&self, key: &str) -> Option<&str> {
        self.syscall.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    fn finish(self, out: &mut Vec<Joined>) {
        if self.syscall.is_empty() {
            return;
        }
        let succeeded = self.stated("success").is_none_or(|s| s == "yes");
        let call = self.stated("SYSCALL").or(self.stated("syscall")).unwrap_or_default();
        let mut sub = 1;
        if !self.arguments.is_empty() && succeeded {
            let mut fields = vec![("CommandLine", command_line(&self.arguments))];
            if !self.cwd.is_empty() {
                fields.push(("CurrentDirectory", self.cwd.clone()));
            }
            self.emit("process_creation", &mut sub, fields, out);
        }
        // 115 is EINPROGRESS: a connection that does not wait is under way.
        let connecting = succeeded || self.stated("exit") == Some("-115");
        if let Some((address, port)) = self.address.as_ref().filter(|_| call == "connect" && connecting) {
            let fields = vec![
                ("DestinationIp", address.clone()),
                ("DestinationPort", port.to_string()),
                ("Initiated", "true".to_owned()),
            ];
            self.emit("network_connection", &mut sub, fields, out);
        }
        for (nametype, name) in self.paths.iter().filter(|_| succeeded) {
            let category = match nametype.as_str() {
                "CREATE" => "file_event",
                "DELETE" => "file_delete",
                _ => continue,
            };
            let path = if name.starts_with('/') || self.cwd.is_empty() {
                name.clone()
            } else {
                format!("{}/{}", self.cwd.trim_end_matches('/'), name.trim_start_matches("./"))
            };
            self.emit(category, &mut sub, vec![("TargetFilename", path)], out);
        }
    }

    fn emit(
        &self,
        category: &str,
        sub: &mut u32,
        mut fields: Vec<(&'static str, String)>,
        out: &mut Vec<Joined>,
    ) {
        let copies = [
            ("Image", "exe"),
            ("ProcessId", "pid"),
            ("ParentProcessId", "ppid"),
            ("LogonId", "ses"),
            ("TerminalSessionId", "tty"),
            ("auid", "auid"),
            ("uid", "uid"),
            ("euid", "euid"),
            ("comm", "comm"),
            ("key", "key"),
        ];
        for (target, source) in copies {
            if let Some(value) = self.stated(source).filter(|v| *v != "(null)") {
                fields.push((target, value.to_owned()));
            }
        }
        let user = self.stated("UID").or_else(|| match self.stated("uid") {
            Some("0") => Some("root"),
            other => other,
        });
        if let Some(user) = user {
            fields.push(("User", user.to_owned()));
            fields.push(("user.name", user.to_owned()));
        }
        if let Some(login) = self.stated("AUID").filter(|name| *name != "unset") {
            fields.push(("LogonUser", login.to_owned()));
        }
        let kind = LogKind {
            product: "linux".to_owned(),
            service: String::new(),
            categories: vec![category.to_owned()],
        };
        let row = Row {
            time: self.time,
            sequence: Some(self.serial),
            offset: self.from as u64,
            length: u32::try_from(self.to - self.from).unwrap_or(u32::MAX),
            sub: *sub,
        };
        *sub += 1;
        out.push((kind, row, fields, self.node.clone()));
    }
}

/// The arguments of an EXECVE record in order, put together with spaces; long ones come in pieces `a1[0]`.
fn command_line(arguments: &[(String, String)]) -> String {
    let mut ordered: Vec<(usize, usize, &str)> = arguments
        .iter()
        .filter(|(key, _)| is_argument(key))
        .filter_map(|(key, value)| {
            let (index, piece) = key.get(1..)?.split_once('[').unwrap_or((key.get(1..)?, "0]"));
            Some((index.parse().ok()?, piece.trim_end_matches(']').parse().ok()?, value.as_str()))
        })
        .collect();
    ordered.sort_by_key(|(index, piece, _)| (*index, *piece));
    let mut line = String::new();
    let mut last = None;
    for (index, _, value) in ordered {
        if last.is_some_and(|l| l != index) {
            line.push(' ');
        }
        last = Some(index);
        if line.len() + value.len() > MAX_COMMAND_LINE {
            break;
        }
        line.push_str(value);
    }
    line
}

/// Address and port of a `struct sockaddr` in hexadecimal digits (`AF_INET` and `AF_INET6`, little-endian family).
fn socket_address(text: &str) -> Option<(String, u16)> {
    let bytes: Vec<u8> = hex_bytes(text).collect();
    match bytes.as_slice() {
        [2, 0, p1, p2, a, b, c, d, ..] => Some((format!("{a}.{b}.{c}.{d}"), u16::from_be_bytes([*p1, *p2]))),
        [10, 0, p1, p2, _, _, _, _, address @ ..] => {
            let octets: [u8; 16] = *address.first_chunk()?;
            let address = std::net::Ipv6Addr::from(octets).to_canonical();
            let mut text = String::new();
            write!(text, "{address}").ok()?;
            Some((text, u16::from_be_bytes([*p1, *p2])))
        }
        _ => None,
    }
}

/// Turns the fields of a joined event into an [`Event`].
pub(crate) fn joined_event<'a>(names: &Names, fields: Vec<(&'static str, String)>, node: &str) -> Event<'a> {
    let mut event = Event::default();
    if !node.is_empty() {
        event.set(fixed::COMPUTER, Value::Text(Cow::Owned(node.to_owned())));
    }
    for (name, value) in fields {
        let key: Option<Slot> = names.known(name);
        let key = key.map_or(Key::Name(Cow::Borrowed(name)), Key::Slot);
        event.push(key, Value::of(value));
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(text: &str) -> Vec<(String, Vec<(&'static str, String)>)> {
        let (mut joiner, mut out) = (Joiner::default(), Vec::new());
        for line in text.lines() {
            joiner.add(&head(line).unwrap(), "gw", (0, line.len()), &mut out);
        }
        joiner.finish(&mut out);
        out.into_iter().map(|(kind, _, fields, _)| (kind.categories[0].clone(), fields)).collect()
    }

    fn value<'a>(fields: &'a [(&'static str, String)], name: &str) -> &'a str {
        fields.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v)
    }

    const EXEC: &str = "\
type=SYSCALL msg=audit(1769860800.250:41): arch=c000003e syscall=59 success=yes exit=0 ppid=5 pid=6 auid=1000 uid=0 tty=pts0 ses=3 comm=\"sh\" exe=\"/usr/bin/dash\" key=\"exec\"\u{1d}AUID=\"mika\" UID=\"root\"
type=EXECVE msg=audit(1769860800.250:41): argc=3 a0=\"sh\" a1=\"-c\" a2=6C73202F20726F6F74
type=SYSCALL msg=audit(1769860800.251:42): arch=c000003e syscall=42 success=no exit=-115 pid=7 uid=1000 exe=\"/usr/bin/curl\"
type=CWD msg=audit(1769860800.250:41): cwd=\"/srv\"
type=SOCKADDR msg=audit(1769860800.251:42): saddr=020001BBC00002070000000000000000
type=PATH msg=audit(1769860800.250:41): item=1 name=\"a b\" nametype=CREATE";

    #[test]
    fn records_of_one_serial_make_one_event() {
        let joined = join(EXEC);
        let (category, fields) = &joined[0];
        assert_eq!(category, "process_creation");
        assert_eq!(value(fields, "Image"), "/usr/bin/dash");
        assert_eq!(value(fields, "CommandLine"), "sh -c ls / root");
        assert_eq!((value(fields, "User"), value(fields, "LogonUser")), ("root", "mika"));
        assert_eq!((value(fields, "CurrentDirectory"), value(fields, "ParentProcessId")), ("/srv", "5"));
        assert_eq!((joined[1].0.as_str(), value(&joined[1].1, "TargetFilename")), ("file_event", "/srv/a b"));
        let (category, fields) = &joined[2];
        assert_eq!(category, "network_connection");
        assert_eq!((value(fields, "DestinationIp"), value(fields, "DestinationPort")), ("192.0.2.7", "443"));
    }

    #[test]
    fn long_arguments_come_in_pieces_and_in_any_order() {
        let pairs = [("a10", "k"), ("a2", "c"), ("a1[1]", "B"), ("a1[0]", "b"), ("a0", "a"), ("a1_len", "2")];
        let owned: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(command_line(&owned), "a bB c k");
    }

    #[test]
    fn heads_and_fields() {
        let text = "node=gw type=USER_LOGIN msg=audit(1769860800.250:9): pid=1 uid=0 msg='op=login acct=\"mika\" exe=\"/usr/sbin/sshd\" addr=192.0.2.1 res=failed'";
        let head = head(text).unwrap();
        assert_eq!((head.node, head.kind, head.serial), ("gw", "USER_LOGIN", 9));
        assert_eq!(head.time.map(|t| t.to_string()).as_deref(), Some("2026-01-31T12:00:00.250000000Z"));
        assert_eq!(serial_of(text.as_bytes()), Some(9));
        let mut found = Vec::new();
        pairs(head.body, &mut |key, raw| found.push((key, decoded(head.kind, key, raw).text().to_owned())));
        assert!(
            found.contains(&("acct", "mika".to_owned())) && found.contains(&("res", "failed".to_owned()))
        );
        assert_eq!(syscall_name("arch=c000003e syscall=59 success=yes"), Some("execve"));
        assert_eq!(syscall_name("arch=c000003e syscall=99999 x"), None);
        assert!(!is_record("type=a msg=b"));
    }
}
