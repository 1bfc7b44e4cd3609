//! Things that events name, and their normal form.

use std::net::IpAddr;

use serde::Deserialize;

use super::table::StoryTable;

/// Number of an entity in a story.
pub type EntityId = u32;

/// What kind of thing.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum EntityKind {
    /// A machine.
    Host,
    /// A credential, never a person.
    Account,
    /// A network address.
    Address,
    /// A process by its unique id.
    Process,
    /// A process by its number, which the system uses again.
    ProcessNumber,
    /// A logon session on one host.
    Logon,
    /// An id of a logon or ticket that is the same on all hosts.
    LogonTicket,
    /// A file, service or task, by its last name.
    File,
    /// An event.
    Event,
}

/// How an event stands to what it names.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It happened there, or by it.
    #[default]
    Own,
    /// What started it.
    Parent,
    /// Where it came from.
    Source,
    /// Where it went, or what was used.
    Target,
    /// It was only seen from there.
    Observer,
}

/// Something that events name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    /// What kind of thing.
    pub kind: EntityKind,
    /// The host it belongs to, for things that are unique on one host only; otherwise empty.
    pub scope: String,
    /// Its name in lower case.
    pub name: String,
}

impl Entity {
    /// The normal form of a value, `None` when it names nothing.
    pub(super) fn of(kind: EntityKind, value: &str, host: &str, table: &StoryTable) -> Option<Self> {
        let value = value.trim();
        if table.is_nothing(value) {
            return None;
        }
        // Without a host, what is unique on one host only names nothing.
        let scoped = |name: String| {
            let scope = host_name(host);
            (!scope.is_empty()).then_some(Self { kind, scope, name })
        };
        let global = |name: String| Some(Self { kind, scope: String::new(), name });
        match kind {
            EntityKind::Host => global(host_name(value)).filter(|h| !h.name.is_empty()),
            EntityKind::Account => account(value, host, table),
            EntityKind::Address => global(address(value)?.to_string()),
            EntityKind::Process => scoped(value.to_lowercase()),
            EntityKind::ProcessNumber => scoped(number(value)?.to_string()),
            EntityKind::Logon => {
                let system = table.system_logons.iter().any(|s| s.eq_ignore_ascii_case(value));
                (!system)
                    .then(|| scoped(number(value).map_or_else(|| value.to_lowercase(), |n| n.to_string())))
                    .flatten()
            }
            EntityKind::LogonTicket => global(value.to_lowercase()),
            // Hosts may write the same text at the same time: the same event is one that is also of one host.
            EntityKind::Event => Some(Self { kind, scope: host_name(host), name: value.to_lowercase() }),
            EntityKind::File => global(last_name(value)?),
        }
    }
}

/// Lower case, without trailing `$` or `.`.
fn host_name(name: &str) -> String {
    let name = name.trim().trim_start_matches('\\').trim_end_matches(['$', '.']);
    name.to_lowercase()
}

/// The bare name; names that every host has are different accounts on each.
fn account(value: &str, host: &str, table: &StoryTable) -> Option<Entity> {
    if value.ends_with('$') {
        return None;
    }
    let bare = value.rsplit('\\').next().unwrap_or(value);
    // The cloud writes a user now by name, now with the path to it; sessions of roles are something else.
    let user = bare.strip_prefix("arn:").and_then(|arn| arn.split_once(":user/"));
    let bare = user.map_or(bare, |(_, path)| path.rsplit('/').next().unwrap_or(path));
    let bare = match bare.split_once('@') {
        Some((name, _)) if !bare.starts_with("arn:") => name,
        _ => bare,
    };
    let name = bare.to_lowercase();
    if name.is_empty() || table.is_nothing(&name) || table.is_system_account(&name) {
        return None;
    }
    let local = table.local_accounts.contains(&name);
    let scope = if local { host_name(host) } else { String::new() };
    Some(Entity { kind: EntityKind::Account, scope, name })
}

/// An address that names one machine.
fn address(value: &str) -> Option<IpAddr> {
    let value = value.trim_start_matches("::ffff:").trim_matches(['[', ']']);
    // Some sources add the port.
    let with_port = || value.parse::<std::net::SocketAddr>().map(|s| s.ip());
    let address: IpAddr = value.parse().or_else(|_| with_port()).ok()?;
    let everywhere = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    (!everywhere && !broadcast).then_some(address)
}

/// Decimal, or hexadecimal after `0x`.
fn number(value: &str) -> Option<u64> {
    match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => value.parse().ok(),
    }
}

/// Shortest name that tells files apart: `a.exe` may be anything, and so may be what has no extension.
const SHORTEST_FILE: usize = 5;

/// The last part of a path, without quotes.
fn last_name(value: &str) -> Option<String> {
    let path = value.trim_matches('"');
    // A command line that starts with a program is no path: what it runs is named by other fields.
    if path.len() > 260 || path.contains(['"', '%']) {
        return None;
    }
    let name = path.rsplit(['\\', '/']).next().unwrap_or(path).to_lowercase();
    (name.chars().count() >= SHORTEST_FILE).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_one_form() {
        let table = StoryTable::bundled().unwrap();
        let of = |kind, value: &str| {
            Entity::of(kind, value, "SRV1.example.jp", &table).map(|e| format!("{}|{}", e.scope, e.name))
        };
        let account = |v| of(EntityKind::Account, v);
        assert_eq!(account("CORP\\Op1"), Some("|op1".into()));
        assert_eq!(account("op1@CORP.LOCAL"), Some("|op1".into()));
        assert_eq!(account("CORP\\Administrator"), Some("srv1.example.jp|administrator".into()));
        assert_eq!(account("arn:aws:iam::111122223333:user/team/op1"), Some("|op1".into()));
        assert_eq!(account("SRV1$"), None);
        assert_eq!(account("-"), None);
        let address = |v| of(EntityKind::Address, v);
        assert_eq!(address("::ffff:10.0.0.8"), Some("|10.0.0.8".into()));
        assert_eq!(address("203.0.113.9:50123"), Some("|203.0.113.9".into()));
        assert_eq!(address("127.0.0.1"), None);
        assert_eq!(address("::1"), None);
        let logon = |v| of(EntityKind::Logon, v);
        assert_eq!(logon("0x3E7"), None);
        assert_eq!(logon("0x1f4a2"), Some("srv1.example.jp|128162".into()));
        assert_eq!(of(EntityKind::ProcessNumber, "0x1a4"), of(EntityKind::ProcessNumber, "420"));
        assert_eq!(of(EntityKind::File, "C:\\Temp\\Drop.EXE"), Some("|drop.exe".into()));
        assert_eq!(of(EntityKind::File, "%COMSPEC% /c x"), None);
        assert_eq!(of(EntityKind::Host, "SRV1$"), Some("|srv1".into()));
    }
}
