//! The installed unit of systemd against the one that comes with the program.

use std::path::Path;

use super::machine::each;
use super::outcome::{Check, both};

const OURS: &str = include_str!("../../../../../packaging/hinomi.service");
/// Where units are installed; the first that is there counts, as for systemd.
const PLACES: [&str; 4] = [
    "/etc/systemd/system/hinomi.service",
    "/run/systemd/system/hinomi.service",
    "/usr/local/lib/systemd/system/hinomi.service",
    "/usr/lib/systemd/system/hinomi.service",
];

pub(super) fn look(named: Option<&Path>, checks: &mut Vec<Check>) {
    let name = "unit";
    let installed = || PLACES.iter().map(Path::new).find(|path| path.exists());
    let Some(path) = named.or_else(installed) else {
        let found = both("no unit hinomi.service is installed", "hinomi.service は未導入");
        checks.push(Check::unknown(name, found));
        return;
    };
    let shown = path.display();
    checks.push(match std::fs::read_to_string(path) {
        Err(error) => {
            let text = format!("{shown}: {error}");
            Check::fail(name, both(&text, &text), both("name the unit with --unit", "--unit で指定すること"))
        }
        Ok(text) => {
            let missing = missing(&text);
            if missing.is_empty() {
                let found = each(|ja| if ja { format!("{shown}：堅牢化設定あり") } else { format!("{shown}: hardened") });
                Check::ok(name, found)
            } else {
                let missing = missing.join(", ");
                let found = each(|ja| {
                    if ja { format!("{shown}：不足 {missing}") } else { format!("{shown} lacks {missing}") }
                });
                let hint = both(
                    "put them back, or say in a comment of your own why not: each keeps an intruder in the server from more",
                    "設定を元に戻す。いずれもサーバーが侵害された場合の被害を抑えるための設定",
                );
                Check::warn(name, found, hint)
            }
        }
    });
}

/// Settings of the section `[Service]` that harden, and that a unit does not have in the same way.
fn missing(unit: &str) -> Vec<&'static str> {
    let hardens = |line: &&str| {
        let keys =
            ["Protect", "Private", "Restrict", "NoNew", "Lock", "MemoryDeny", "SystemCall", "Capability"];
        keys.iter().any(|key| line.starts_with(key)) || line.starts_with("UMask") || line.starts_with("User=")
    };
    let lines: Vec<&str> = unit.lines().map(str::trim).collect();
    let user = lines.iter().any(|line| line.starts_with("User=") && !line.ends_with("=root"));
    OURS.lines()
        .filter(hardens)
        .filter(|line| if line.starts_with("User=") { !user } else { !lines.contains(line) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_unit_lacks_nothing_and_a_weaker_one_does() {
        assert_eq!(missing(OURS), Vec::<&str>::new());
        assert!(missing("[Service]\nExecStart=/usr/bin/hinomi\n").len() > 20);
        let weaker =
            OURS.replace("NoNewPrivileges=yes", "NoNewPrivileges=no").replace("User=hinomi", "User=root");
        assert_eq!(missing(&weaker), ["User=hinomi", "NoNewPrivileges=yes"]);
        let renamed = OURS.replace("User=hinomi", "User=logs");
        assert_eq!(missing(&renamed), Vec::<&str>::new());
    }
}
