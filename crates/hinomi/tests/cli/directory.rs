//! `hinomi inventory ldap` against a real domain controller in a network of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::hinomi;

/// Sets up certificates and a domain with 1200 accounts, so that pages follow each other, starts
/// its directory service, and asks it in several ways. Every answer goes into a file: what the program said, then its exit code.
const SCRIPT: &str = r#"
set -eu
cd "$1"; hinomi=$2
ip link set lo up
certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout $1.key -out $1.pem -days 30 -subj "/CN=$1" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>openssl.log
}
certificate authority; certificate stranger
openssl req -newkey rsa:2048 -nodes -keyout dc.key -out dc.csr -subj /CN=dc1 2>>openssl.log
echo 'subjectAltName=IP:127.0.0.1' >extensions
openssl x509 -req -in dc.csr -CA authority.pem -CAkey authority.key -CAcreateserial -out dc.pem -days 20 -extfile extensions 2>>openssl.log
chmod 600 dc.key
printf 'Pass-word-1234\n' >secret; printf 'Wrong-word-1234' >wrong; : >empty
samba-tool domain provision --realm=CORP.EXAMPLE.TEST --domain=KAISHA --server-role=dc --dns-backend=NONE --host-name=dc1 \
    --host-ip=127.0.0.1 --adminpass="$(cat secret)" --targetdir="$PWD/s" >provision.log 2>&1
conf=$PWD/s/etc/smb.conf
sed -i "s/server services = .*/server services = ldap/; /^\[global\]/a tls keyfile = $PWD/dc.key\ntls certfile = $PWD/dc.pem\ntls cafile = $PWD/authority.pem\ninterfaces = lo\nbind interfaces only = yes" "$conf"
# Modules of the service belong to the interpreter of its tools.
$(sed -n '1s/^#! *//p' "$(command -v samba-tool)") - "$conf" >>provision.log 2>&1 <<'PY'
import sys
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
lp = LoadParm(); lp.load(sys.argv[1])
db = SamDB(session_info=system_session(), lp=lp)
db.transaction_start()
base = db.domain_dn()
for n in range(1200):
    db.add({"dn": f"CN=u{n},CN=Users,{base}", "objectClass": "user", "sAMAccountName": f"u{n}"})
db.newuser("mika", "Pass-word-1234", givenname="ミカ", surname="森")
db.newgroup("Helpdesk")
db.newgroup("Inner")
db.add_remove_group_members("Inner", ["mika"], add_members_operation=True)
db.add_remove_group_members("Helpdesk", ["Inner"], add_members_operation=True)
db.add_remove_group_members("Domain Admins", ["Helpdesk"], add_members_operation=True)
db.newcomputer("FS01")
db.transaction_commit()
PY
samba -i -M single -s "$conf" >samba.log 2>&1 &
samba=$!
trap 'kill $samba' EXIT
for _ in $(seq 150); do (exec 3<>/dev/tcp/127.0.0.1/636) 2>>wait.log && break; sleep 0.2; done
ask() {
    local name=$1 code=0; shift
    "$hinomi" inventory ldap -o "$name.ldif" "$@" >"$name.txt" 2>&1 || code=$?
    echo "exit $code" >>"$name.txt"
}
reader=mika@corp.example.test; there=ldaps://127.0.0.1
ask whole --url $there --bind $reader --password-file secret --ca authority.pem
ask wrong-password --url $there --bind $reader --password-file wrong --ca authority.pem
ask no-password --url $there --bind $reader --password-file empty --ca authority.pem
ask wrong-authority --url $there --bind $reader --password-file secret --ca stranger.pem
ask wrong-name --url ldaps://localhost --bind $reader --password-file secret --ca authority.pem
ask clear --url ldap://127.0.0.1 --bind $reader --password-file secret --ca authority.pem
ask no-base --url $there --bind $reader --password-file secret --ca authority.pem --base OU=none,DC=corp,DC=example,DC=test
ask closed --url ldaps://127.0.0.1:637 --bind $reader --password-file secret --ca authority.pem
# Entries of people, counted by the directory's own tools.
ldbsearch -H "$PWD/s/private/sam.ldb" '(&(objectClass=user)(!(objectClass=computer)))' dn 2>count.log | grep -c '^dn: ' >users.txt
"#;

/// Whether everything is there that a domain controller needs; says what is not.
fn is_possible() -> bool {
    let mut missing: Vec<&str> = ["samba", "samba-tool", "ldbsearch", "openssl", "unshare", "ip"]
        .into_iter()
        .filter(|tool| {
            !std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|p| p.join(tool).exists())
        })
        .collect();
    let apart = Command::new("unshare").args(["-n", "true"]).status().is_ok_and(|s| s.success());
    if !apart {
        missing.push("the right to make a network of its own (root)");
    }
    let modules = || {
        std::fs::read_dir("/usr/lib")
            .ok()?
            .flatten()
            .find(|e| e.path().join("samba/vfs/acl_xattr.so").exists())
    };
    if modules().is_none() {
        missing.push("samba-vfs-modules");
    }
    if !missing.is_empty() {
        println!("SKIPPED: no domain controller can be started here; missing: {}", missing.join(", "));
    }
    missing.is_empty()
}

fn said(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap_or_default()
}

#[test]
fn a_domain_controller_is_read_and_nothing_else_is_believed() {
    if !is_possible() {
        return;
    }
    // Sockets of the service do not fit into deep folders.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let run = Command::new("unshare")
        .args(["-n", "bash", "-c", SCRIPT, "bash"])
        .arg(path)
        .arg(PathBuf::from(env!("CARGO_BIN_EXE_hinomi")))
        .output()
        .unwrap();
    let log = |name: &str| std::fs::read_to_string(path.join(name)).unwrap_or_default();
    assert!(
        run.status.success(),
        "{}\n{}\n{}",
        String::from_utf8_lossy(&run.stderr),
        log("provision.log"),
        log("samba.log")
    );
    for (name, expected, exit) in [
        ("wrong-password", "the name or the password is wrong (result 49", 3),
        ("no-password", "it is empty", 2),
        ("wrong-authority", "UnknownIssuer", 2),
        ("wrong-name", "not valid for name", 2),
        ("clear", "the password would be sent in the clear: write ldaps://", 2),
        ("no-base", "there is no such base (result 32", 3),
        ("closed", "cannot connect to ldaps://127.0.0.1:637", 3),
    ] {
        let text = said(path, name);
        assert!(text.contains(expected) && text.ends_with(&format!("exit {exit}\n")), "{name}: {text}");
        assert!(!path.join(format!("{name}.ldif")).exists(), "{name}: a part must not pass for the whole");
    }
    assert!(said(path, "whole").ends_with("exit 0\n"), "{}", said(path, "whole"));
    whole(path);
}

/// The export as the same program reads it.
fn whole(path: &Path) {
    let lists = path.join("lists");
    std::fs::create_dir(&lists).unwrap();
    std::fs::rename(path.join("whole.ldif"), lists.join("directory.ldif")).unwrap();
    let output =
        hinomi(&["assure", "examples/benign", "--inventory", &lists.display().to_string(), "--json", "-q"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let list = &report["lists"][0];
    let users: u64 = said(path, "users").trim().parse().unwrap();
    assert!(users > 1200, "{users}: more than two pages");
    assert_eq!(list["kinds"]["account"].as_u64(), Some(users), "{list:#}");
    // The domain controller and the file server.
    assert_eq!(list["kinds"]["host"], 2);
    assert_eq!(list["refused"], 0, "{list:#}");
    assert!(list["known_from"].is_string());
    let text = std::fs::read_to_string(lists.join("directory.ldif")).unwrap();
    assert!(
        text.contains("\nmemberOf: CN=Inner,CN=Users,DC=corp,DC=example,DC=test\n"),
        "groups are asked for"
    );
    assert!(!text.to_lowercase().contains("pwd: "), "no attribute that no list reads");
    assert!(!text.contains("Pass-word"));
}
