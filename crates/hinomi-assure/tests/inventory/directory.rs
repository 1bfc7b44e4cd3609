//! Directories: LDIF, and what collectors wrote.

use std::path::PathBuf;

use hinomi_assure::inventory::{EntityKind, Formats, Importer};

use super::*;

const LDIF: &str = include_str!("fixtures/directory.ldif");

/// The file has 6 entries of users (one of them managed), 3 of computers, 4 groups, a domain, a unit, a change and an
/// entry of another directory.
#[test]
fn an_export_of_a_directory_is_read() {
    let (inventory, imported) = read(&[("d.ldif", LDIF)]);
    let imported = &imported[0];
    assert_eq!(rows(imported), [("account", 6), ("host", 3)]);
    assert_eq!((imported.groups, imported.passed_over, imported.refused), (4, 2, 2));
    // The newest moment that it speaks of as past: somebody signed in.
    assert_eq!(imported.known_from.unwrap(), "2026-01-21T09:30:00Z".parse().unwrap());
    let said = problems(imported);
    assert!(said.iter().any(|p| p.contains("last_seen: \"soon\" is not written as expected")), "{said:?}");
    assert!(said.iter().any(|p| p.contains("a record of a change says nothing")), "{said:?}");
    assert!(
        said.iter().any(|p| p.contains("1 records are of no known kind; the first has dn, objectclass, uid")),
        "{said:?}"
    );
    assert_eq!(
        ids(&inventory, EntityKind::Host),
        ["dc01.corp.example.jp", "FS01.corp.example.jp", "PC1.corp.example.jp"]
    );
}

/// An export of this program says when it was made.
#[test]
fn an_export_that_states_its_moment_is_known_from_then() {
    let stated = LDIF.replacen("version: 1", "version: 1\n# exported: 2026-01-25T03:04:05.000000000Z", 1);
    let (_, imported) = read(&[("d.ldif", &stated)]);
    assert_eq!(imported[0].known_from.unwrap(), "2026-01-25T03:04:05Z".parse().unwrap());
}

#[test]
fn accounts_say_what_the_directory_knows_of_them() {
    let (inventory, _) = read(&[("d.ldif", LDIF)]);
    let account = |id: &str| entity(&inventory, EntityKind::Account, &format!("{id}@corp.example.jp"));
    let mika = account("mika");
    assert_eq!(
        mika.aliases,
        ["mika@example.jp", "S-1-5-21-1111-2222-3333-1102", "CN=森 ミカ,OU=営業,DC=corp,DC=example,DC=jp"]
    );
    let of = |name| value(mika, name);
    assert_eq!(
        (of("enabled"), of("owner"), of("password_never_expires")),
        ("yes".into(), "boss@corp.example.jp".into(), "yes".into())
    );
    // The newer of two times; and a password that was never set has none.
    assert_eq!((of("last_seen"), of("password_changed")), ("2026-01-21T09:30:00Z".into(), String::new()));
    assert_eq!((of("privileged"), of("groups")), ("no".into(), "Domain Users".into()));
    assert_eq!(value(account("gmsa1"), "kind"), "service");
    assert_eq!(value(account("svc-sql"), "kind"), "service");
    assert_eq!(value(account("svc-sql"), "privileged_by"), "adminCount");
    assert_eq!(value(account("svc-sql"), "last_seen"), "", "zero is never");
    // Domain Admins holds Helpdesk, which holds Inner, which holds adm1 and, in a circle, Helpdesk.
    assert_eq!(
        (value(account("adm1"), "privileged"), value(account("adm1"), "privileged_by")),
        ("yes".into(), "Domain Admins".into())
    );
    assert_eq!(value(account("adm1"), "no_preauthentication"), "yes");
}

/// It expired, so for the present no list has it; on that day one did.
#[test]
fn an_expired_account_is_a_version_that_no_longer_holds() {
    let (inventory, _) = read(&[("d.ldif", LDIF)]);
    let id = "old@corp.example.jp";
    assert!(inventory.believed(EntityKind::Account, id, present(), present()).is_none());
    let then = "2025-12-30T00:00:00Z".parse().unwrap();
    let old = inventory.believed(EntityKind::Account, id, then, present()).unwrap();
    assert_eq!((value(old, "enabled"), value(old, "privileged_by")), ("no".into(), "Domain Admins".into()));
    // Nobody can have known this export before its newest entry.
    assert!(inventory.believed(EntityKind::Account, id, then, then).is_none());
}

#[test]
fn hosts_say_what_the_directory_knows_of_them() {
    let (inventory, _) = read(&[("d.ldif", LDIF)]);
    let host = |id: &str| entity(&inventory, EntityKind::Host, id);
    assert_eq!(value(host("dc01.corp.example.jp"), "role"), "domain-controller");
    let fs01 = host("fs01.corp.example.jp");
    assert_eq!((value(fs01, "role"), value(fs01, "owner")), ("server".into(), "adm1@corp.example.jp".into()));
    assert_eq!(value(fs01, "os_version"), "10.0 (20348)");
    let pc1 = host("pc1.corp.example.jp");
    assert_eq!(
        (value(pc1, "role"), value(pc1, "enabled"), value(pc1, "laps")),
        ("client".into(), "no".into(), "yes".into())
    );
}

/// Files of the archive, of which the README of the corpora says: 4 computers, 54 groups, 4 users, 1 domain.
fn collected() -> Option<Vec<(String, Vec<u8>)>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let root = std::env::var_os("HINOMI_CORPORA").map_or_else(beside, PathBuf::from);
    let path = root.join("f_ad_graph/bofhound_bloodhound_json_and_ldap.tar.zst");
    let Ok(packed) = std::fs::read(&path) else {
        println!("SKIPPED: {} is not there; set HINOMI_CORPORA", path.display());
        return None;
    };
    let tar = zstd::decode_all(packed.as_slice()).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').trim().to_owned();
    let (mut files, mut at) = (Vec::new(), 0);
    while at + 512 <= tar.len() && tar[at] != 0 {
        let size = usize::from_str_radix(&text(&tar[at + 124..at + 136]), 8).unwrap();
        let name = text(&tar[at..at + 100]);
        if matches!(tar[at + 156], b'0' | 0) && name.contains("json_output/") {
            files.push((name, tar[at + 512..at + 512 + size].to_vec()));
        }
        at += 512 + size.div_ceil(512) * 512;
    }
    Some(files)
}

/// Counted apart from this program: `enabled` is false for GUEST and KRBTGT, `admincount` is true for ADMINISTRATOR and
/// KRBTGT, one user has service principal names, one computer's primary group is 516, and walking the lists of members
/// by hand finds ADMINISTRATOR alone in the groups that administer.
#[test]
fn a_recorded_collection_is_read() {
    let Some(files) = collected() else { return };
    let formats = Formats::bundled().unwrap();
    let mut importer = Importer::new(&formats, present());
    let (mut counts, mut refused) = (Vec::new(), 0);
    for (name, bytes) in &files {
        let read = importer.read(name, bytes.as_slice()).unwrap();
        counts.push((rows(&read), read.groups, read.passed_over));
        refused += read.refused;
    }
    counts.sort();
    assert_eq!(
        counts,
        [(vec![], 0, 1), (vec![], 54, 0), (vec![("account", 4)], 0, 0), (vec![("host", 4)], 0, 0)]
    );
    assert_eq!(refused, 0);
    let inventory = importer.finish();
    let accounts = |attribute: &str, word: &str| -> Vec<&str> {
        let of_kind = inventory.versions(EntityKind::Account);
        of_kind.filter(|e| e.value(attribute) == Some(word)).map(|e| e.id.as_str()).collect()
    };
    assert_eq!(accounts("enabled", "no"), ["guest@ez.lab", "krbtgt@ez.lab"]);
    assert_eq!(accounts("privileged", "yes"), ["administrator@ez.lab", "krbtgt@ez.lab"]);
    assert_eq!(accounts("kind", "service"), ["krbtgt@ez.lab"]);
    let administrator = entity(&inventory, EntityKind::Account, "administrator@ez.lab");
    let mut through = administrator.values("privileged_by").to_vec();
    through.sort();
    assert_eq!(
        through,
        [
            "administrators@ez.lab",
            "domain admins@ez.lab",
            "enterprise admins@ez.lab",
            "group policy creator owners@ez.lab",
            "schema admins@ez.lab"
        ]
    );
    // 1648995141 and 1649638800: the newer one, as `date` writes it.
    assert_eq!(value(administrator, "last_seen"), "2022-04-11T01:00:00Z");
    assert_eq!(
        value(entity(&inventory, EntityKind::Account, "guest@ez.lab"), "last_seen"),
        "",
        "zero is never"
    );
    let hosts: Vec<(&str, String)> =
        inventory.versions(EntityKind::Host).map(|e| (e.id.as_str(), value(e, "role"))).collect();
    assert_eq!(hosts[0], ("dc1.ez.lab", "domain-controller".to_owned()));
    assert_eq!(hosts.len(), 4);
}
