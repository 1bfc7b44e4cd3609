//! `hinomi reach` on a small invented organisation: a directory, lists, logs, stored secrets.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{hinomi, list, text, unpacked};

const SID: &str = "S-1-5-21-10-20-30";

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reach").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    for part in ["logs", "exports", "lists"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// A logon as Windows records it.
fn logon(minute: u32, host: &str, account: &str, kind: u32, restricted: &str) -> String {
    json!({
        "Channel": "Security", "ProviderName": "Microsoft-Windows-Security-Auditing",
        "SourceName": "Microsoft-Windows-Security-Auditing", "EventID": 4624, "Hostname": host,
        "EventTime": format!("2026-11-20T01:{minute:02}:00Z"), "@timestamp": format!("2026-11-20T01:{minute:02}:00Z"),
        "LogonType": kind, "TargetUserName": account, "TargetDomainName": "CORP",
        "TargetUserSid": format!("{SID}-{}", 1100 + account.len()), "IpAddress": "-", "WorkstationName": "-",
        "RestrictedAdminMode": restricted, "TargetLogonId": format!("0x{minute:x}")
    })
    .to_string()
}

/// A collection: a server's administrator group holds an operator, whose password the help desk may set.
fn directory(folder: &Path, name: &str, helpdesk_may_reset: bool) {
    let object = |id: &str, shown: &str, more: Value| {
        let mut object = json!({"ObjectIdentifier": format!("{SID}-{id}"), "Properties": {"name": shown, "domain": "CORP.EXAMPLE.JP"},
            "Aces": [], "IsDeleted": false});
        for (key, value) in more.as_object().unwrap() {
            object[key] = value.clone();
        }
        object
    };
    let ace = |principal: &str, right: &str| {
        json!({"PrincipalSID": format!("{SID}-{principal}"), "PrincipalType": "User",
        "RightName": right, "IsInherited": false})
    };
    let reset = if helpdesk_may_reset { vec![ace("2001", "ForceChangePassword")] } else { Vec::new() };
    let users = [
        object("2001", "HELP@CORP.EXAMPLE.JP", json!({"PrimaryGroupSID": format!("{SID}-513")})),
        object("2002", "OPERATOR@CORP.EXAMPLE.JP", json!({"Aces": reset})),
    ];
    let groups = [
        object(
            "512",
            "DOMAIN ADMINS@CORP.EXAMPLE.JP",
            json!({"Members": [{"ObjectIdentifier": format!("{SID}-2002"), "ObjectType": "User"}]}),
        ),
        object("513", "DOMAIN USERS@CORP.EXAMPLE.JP", json!({"Members": []})),
    ];
    let computers = [object(
        "3001",
        "FS01.CORP.EXAMPLE.JP",
        json!({"Sessions": {"Results": [], "Collected": false, "FailureReason": null}}),
    )];
    for (kind, objects) in [("users", &users[..]), ("groups", &groups[..]), ("computers", &computers[..])] {
        let document = json!({"data": objects, "meta": {"methods": 0, "type": kind, "count": objects.len(), "version": 5}});
        write(folder, &format!("{name}/{kind}.json"), &document.to_string());
    }
}

const ACCOUNTS: &str = "account,owner,type,supplier\nctr01@corp.example.jp,Logistics,supplier,Kitano Systems\nmika@corp.example.jp,Sales,person,\n";
const SUPPLIERS: &str = "supplier,owner,contact\nKitano Systems,Logistics,telephone of the contract\n";
const CLOUD: &str = "from,kind,to,observed,from_kind,to_kind\ncloud:ops-role,can-delete,vault-2026-11,,cloud-account,backup-copy\n";
const SECRETS: &str = "host,secret,account,kind,source,date\nfs01,access key in /srv/app/.env,cloud:ops-role,cloud-account,scan,2026-11-18\n";

/// The reference case in small: a supplier's account signs in at a server, which holds the key of a cloud account that can
/// delete the backups.
fn organisation(name: &str) -> PathBuf {
    let folder = scratch(name);
    write(&folder, "lists/accounts.csv", ACCOUNTS);
    write(&folder, "lists/suppliers.csv", SUPPLIERS);
    write(&folder, "exports/cloud.csv", CLOUD);
    write(&folder, "exports/secrets.csv", SECRETS);
    let lines = [
        logon(1, "FS01.corp.example.jp", "ctr01", 10, "No"),
        logon(5, "PC7.corp.example.jp", "mika", 2, "-"),
    ];
    write(&folder, "logs/security.json", &(lines.join("\n") + "\n"));
    folder
}

fn run(folder: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let part = |name: &str| folder.join(name).display().to_string();
    let (logs, exports, lists) = (part("logs"), part("exports"), part("lists"));
    let args = ["reach", &logs, "--exports", &exports, "--inventory", &lists, "-q"];
    let output = hinomi(&[&args, more].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn reach(folder: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let (code, out, error) = run(folder, &[more, &["--json"]].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {error}")))
}

/// Kinds of edges of the nearest way.
fn kinds(report: &Value) -> Vec<&str> {
    list(&report["answer"]["ways"][0], "steps").iter().map(|s| text(s, "kind")).collect()
}

/// Server → stored secret → cloud account → backups, every step with the place that states it; the log's step is cited with
/// its digest, and the cut is the cheapest.
#[test]
fn a_supplier_reaches_the_backups_over_a_secret_on_a_server() {
    let folder = organisation("case");
    let (code, report) = reach(&folder, &[]);
    assert_eq!((code, &report["schema_version"]), (Some(1), &json!(1)));
    assert_eq!(kinds(&report), ["uses-account", "signed-in-at", "holds-secret", "secret-of", "can-delete"]);
    let steps = list(&report["answer"]["ways"][0], "steps");
    let places: Vec<&str> = steps.iter().map(|s| text(s, "document")).collect();
    assert!(
        places[0].ends_with("lists/accounts.csv:2") && places[2].ends_with("exports/secrets.csv:2"),
        "{places:?}"
    );
    assert_eq!(steps[1]["is_observed"], true);
    let reference = text(&report["evidence"], &format!("{}#{}", places[1], steps[1]["offset"])).to_owned();
    assert!(reference.starts_with("file:"), "{reference}");
    let bytes = std::fs::read(folder.join("exports/cloud.csv")).unwrap();
    let offset = usize::try_from(steps[4]["offset"].as_u64().unwrap()).unwrap();
    assert!(String::from_utf8_lossy(&bytes[offset..]).starts_with("cloud:ops-role,can-delete"));
    let cut = &report["answer"]["cut"];
    assert_eq!((&cut["cost"], &cut["flow"], list(cut, "edges").len()), (&json!(2), &json!(2), 1));
    assert_eq!(
        report["targets"],
        json!({"backups": 1, "tier0": 0}),
        "no directory was read: tier 0 is unknown"
    );
    let radius = &report["answer"]["radius"][0];
    assert_eq!(radius["in_fact"], json!({"account": 1, "host": 1}));
    assert_eq!((&radius["targets_in_fact"], &radius["targets_possible"]), (&json!(0), &json!(1)));
}

/// Ablation: without the list of secrets the cloud account is not reachable; nor without the sign-in.
#[test]
fn without_the_secrets_map_the_cloud_account_is_not_reachable() {
    for missing in ["exports/secrets.csv", "logs/security.json"] {
        let folder = organisation("ablation");
        std::fs::remove_file(folder.join(missing)).unwrap();
        let (code, report) = reach(&folder, &["--to", "cloud:ops-role"]);
        assert_eq!((code, &report["answer"]["exposure"]["reaching"]), (Some(0), &json!(0)), "{missing}");
    }
    let (code, report) = reach(&organisation("ablation"), &["--to", "cloud:ops-role"]);
    assert_eq!((code, &report["answer"]["exposure"]["reaching"]), (Some(1), &json!(1)));
}

/// The same way, told by the cloud's own answers instead of a list: the server acts as a role, which may take on another.
#[test]
fn answers_of_a_cloud_interface_make_the_way_from_server_to_role() {
    let folder = organisation("cloud");
    std::fs::remove_file(folder.join("exports/secrets.csv")).unwrap();
    let instance = json!({"InstanceId": "i-07", "Tags": [{"Key": "Name", "Value": "fs01"}],
        "IamInstanceProfile": {"Arn": "arn:aws:iam::1:instance-profile/files"}});
    write(&folder, "exports/a.json", &json!({"Reservations": [{"Instances": [instance]}]}).to_string());
    let profile = json!({"Arn": "arn:aws:iam::1:instance-profile/files", "Roles": [{"Arn": "arn:aws:iam::1:role/files"}]});
    write(&folder, "exports/b.json", &json!({"InstanceProfiles": [profile]}).to_string());
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:role/files"}});
    let role = json!({"Arn": "cloud:ops-role", "AssumeRolePolicyDocument": {"Statement": [statement]}});
    write(&folder, "exports/c.json", &json!({"Roles": [role]}).to_string());
    let (code, report) = reach(&folder, &[]);
    assert_eq!(code, Some(1));
    assert_eq!(
        kinds(&report),
        ["uses-account", "signed-in-at", "stores-secret", "assumes-role", "assumes-role", "can-delete"]
    );
    let step = &report["answer"]["ways"][0]["steps"][2];
    assert!(text(step, "document").ends_with("a.json#/Reservations/0/Instances/0"), "{step}");
}

/// Which sign-ins leave a secret: at the screen, over remote desktop and as a service, but neither over the network nor in
/// restricted administration. Whoever holds the server then has the account.
#[test]
fn only_sign_ins_that_leave_a_secret_make_a_way() {
    for (kind, restricted, leaves) in [
        (2, "-", true),
        (10, "No", true),
        (5, "-", true),
        (3, "-", false),
        (8, "-", true),
        (10, "%%1842", false),
    ] {
        let folder = organisation("logons");
        let admin = logon(9, "fs01", "backupop", kind, restricted);
        write(&folder, "logs/more.json", &(admin + "\n"));
        let (_, report) = reach(&folder, &["--to", "backupop"]);
        let reached = report["answer"]["exposure"]["reaching"] == json!(1);
        assert_eq!(reached, leaves, "{kind} {restricted}");
        let left = list(&report["secrets"], "entries").iter().filter(|e| e["kind"] == "left-secret");
        let left: Vec<&str> = left.map(|e| text(&e["account"], "name")).collect();
        assert_eq!(left.iter().any(|a| a.starts_with("backupop")), leaves, "{kind} {restricted}: {left:?}");
    }
}

/// The benign twin: the supplier signs in at a host that holds nothing.
#[test]
fn a_supplier_at_a_host_that_holds_nothing_reaches_nothing() {
    let folder = organisation("twin");
    write(&folder, "logs/security.json", &(logon(1, "PC9.corp.example.jp", "ctr01", 10, "No") + "\n"));
    let (code, report) = reach(&folder, &[]);
    assert_eq!((code, &report["answer"]["exposure"]["reaching"]), (Some(0), &json!(0)));
    assert!(list(&report["answer"]["cut"], "edges").is_empty());
    assert_eq!(report["answer"]["targets"], 1, "the backup is known, and not reached");
}

/// The log's `CORP\operator`, the list's `operator` and the directory's object are one account; the log's `fs01` is the
/// directory's `FS01.CORP.EXAMPLE.JP`.
#[test]
fn names_of_logs_lists_and_directory_are_one_node() {
    let folder = organisation("names");
    std::fs::create_dir_all(folder.join("exports/ad")).unwrap();
    directory(&folder.join("exports"), "ad", true);
    write(&folder, "logs/more.json", &(logon(9, "fs01", "operator", 10, "No") + "\n"));
    let (code, report) = reach(&folder, &["--to", "tier0"]);
    assert_eq!(code, Some(1));
    assert_eq!(kinds(&report), ["uses-account", "signed-in-at", "left-secret", "member-of"]);
    let steps = list(&report["answer"]["ways"][0], "steps");
    assert_eq!(text(&steps[1], "to"), "FS01.CORP.EXAMPLE.JP");
    assert_eq!(text(&steps[3], "from"), "OPERATOR@CORP.EXAMPLE.JP");
    let imports = list(&report, "imports");
    let computers = imports.iter().find(|i| i["kind"] == "computers").unwrap();
    assert_eq!(computers["not_collected"]["Sessions"], 1, "unknown, not empty");
    for word in ["operator", "OPERATOR@corp.example.jp", &format!("{SID}-2002")] {
        let (code, report) = reach(&folder, &["--from", word, "--to", "tier0"]);
        assert_eq!((code, &report["answer"]["sources"]), (Some(1), &json!(1)), "{word}");
        assert_eq!(list(&report["answer"]["cut"], "inseparable").len(), 1, "a membership cannot be cut");
    }
}

/// Two exports of different days: who reaches tier 0 now and did not before.
#[test]
fn two_exports_are_compared() {
    let folder = organisation("before");
    for (part, may) in [("exports/ad", true), ("october", false)] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
        directory(&folder, part, may);
    }
    let october = folder.join("october").display().to_string();
    let (code, report) = reach(&folder, &["--from", "help", "--to", "tier0", "--before", &october]);
    assert_eq!(code, Some(1));
    let change = &report["change"];
    assert_eq!((&change["before"]["reaching"], &change["after"]["reaching"]), (&json!(0), &json!(1)));
    assert_eq!(text(&change["newly_reaching"][0], "name"), "HELP@CORP.EXAMPLE.JP");
    assert_eq!((&change["before"]["ways"], &change["after"]["ways"]), (&json!(0), &json!(1)));
    let (_, same) = reach(
        &folder,
        &["--from", "help", "--to", "tier0", "--before", &folder.join("exports").display().to_string()],
    );
    let counts =
        ["edges_added", "edges_gone", "nodes_added", "nodes_gone"].map(|c| same["change"][c].as_u64());
    assert_eq!(counts, [Some(0); 4]);
}

/// A decoy leads nowhere, and its use is told.
#[test]
fn a_decoy_is_no_way_and_its_use_is_told() {
    let folder = organisation("decoy");
    write(
        &folder,
        "exports/decoys.csv",
        "host,secret,account,honey\nfs01,old admin password,svc-legacy@corp.example.jp,yes\n",
    );
    let (_, quiet) = reach(&folder, &[]);
    assert!(list(&quiet["secrets"], "decoys_used").is_empty());
    assert!(
        list(&quiet["secrets"], "entries")
            .iter()
            .any(|e| e["kind"] == "holds-decoy" && e["account"].is_null())
    );
    write(&folder, "logs/more.json", &(logon(9, "pc3", "svc-legacy", 3, "-") + "\n"));
    let (_, taken) = reach(&folder, &[]);
    assert_eq!(list(&taken["secrets"], "decoys_used").len(), 1);
    assert_eq!(taken["answer"]["exposure"], quiet["answer"]["exposure"]);
}

/// Pages number accounts unless asked, in both languages, and hold nothing from outside.
#[test]
fn pages_show_the_ways_without_naming_accounts() {
    let folder = organisation("pages");
    for (lang, said) in [("en", "What to cut"), ("ja", "断つべきつながり")] {
        let page = |more: &[&str]| {
            let path = folder.join(format!("{lang}.html")).display().to_string();
            let (code, ..) = run(&folder, &[&["--lang", lang, "--report", &path], more].concat());
            assert_eq!(code, Some(1));
            std::fs::read_to_string(&path).unwrap()
        };
        let hidden = page(&[]);
        assert!(hidden.contains(said) && hidden.contains("<svg class=\"cut\""));
        for name in ["ctr01", "ops-role", "mika"] {
            assert!(!hidden.contains(name), "{lang}: {name}");
        }
        assert!(!hidden.contains("http://") && !hidden.contains("<script"));
        assert!(page(&["--show-names"]).contains("ctr01"));
    }
    let (_, terminal, _) = run(&folder, &["--lang", "ja"]);
    assert!(terminal.contains("tier0 に当たるものを読み込んでおらず"), "{terminal}");
    assert!(terminal.contains("Kitano Systems はアカウント ctr01@corp.example.jp を使用する"), "{terminal}");
}

/// The recorded case: the supplier's account came to the file server, from which the backup account was used, which operates the
/// backups. That way was taken in fact, and so was the one to the backup server, of which only the journal is left. The cut takes the secrets off the
/// server, leaves the backup its own account, and the supplier none on the backup server.
#[test]
fn the_recorded_case_reaches_the_backups_in_fact() {
    let folder = scratch("recorded");
    write(&folder, "exports/cloud.csv", CLOUD);
    write(&folder, "exports/secrets.csv", SECRETS);
    let exports = folder.join("exports").display().to_string();
    let case =
        ["examples/case", "--inventory", "examples/lists", "--exports", &exports, "--tz", "Asia/Tokyo", "-q"];
    let output = hinomi(&[&["reach", "--json", "--from", "supplier:北野システム"], &case[..]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let radius = &report["answer"]["radius"][0];
    assert_eq!((&radius["targets_in_fact"], &radius["targets_possible"]), (&json!(1), &json!(2)));
    let cut = list(&report["answer"]["cut"], "edges").iter();
    let mut cut: Vec<(&str, &str)> =
        cut.map(|e| (text(&e["edge"], "from"), text(&e["edge"], "to"))).collect();
    cut.sort_unstable();
    assert_eq!(cut, [("cloud:ops-role", "vault-2026-11"), ("ctr-adm01", "bk01"), ("fs01", "backup-svc")]);
    for (lang, said) in
        [("en", "What they reach, and what to cut"), ("ja", "到達できる範囲と、断つべきつながり")]
    {
        let path = folder.join(format!("{lang}.html")).display().to_string();
        let output = hinomi(&[&["assure", "--json", "--lang", lang, "--report", &path], &case[..]].concat());
        let board: Value = serde_json::from_slice(&output.stdout).unwrap();
        let of_supplier =
            list(&board["reach"]["answer"], "radius").iter().find(|r| r["source"]["kind"] == "supplier");
        assert_eq!(of_supplier.unwrap()["targets_in_fact"], 1);
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page.contains(said) && page.contains("<svg class=\"cut\""), "{lang}");
        for name in ["ctr-adm01", "backup-svc", "s.aoki", "ops-role", "accounts.csv:"] {
            assert!(!page.contains(name), "{lang}: {name}");
        }
    }
}

/// What names nothing, or cannot be read, is said with the way out.
#[test]
fn wrong_questions_are_refused() {
    let folder = organisation("wrong");
    for (args, code, said) in [
        (&["--from", "nobody-of-this-name"][..], 2, "nothing is named"),
        (&["--to", "kind:dragon"][..], 2, "there is no kind"),
        (&["--exports", "/nonexistent"][..], 3, "/nonexistent"),
        (&["--report", "x.pdf"][..], 2, "unknown ending"),
    ] {
        let (status, _, error) = run(&folder, args);
        assert_eq!(status, Some(code), "{args:?}: {error}");
        assert!(error.contains(said), "{args:?}: {error}");
    }
    write(&folder, "exports/other.csv", "price,colour\n1,red\n");
    let (_, report) = reach(&folder, &[]);
    assert!(list(&report, "diagnostics").iter().any(|d| d.as_str().unwrap().contains("other.csv")));
}

/// An export that others published, counted outside of this program: 63 objects and one account that is only pointed at; 503
/// distinct statements; and who replicates all secrets. Nobody collected sessions or local groups: unknown.
#[test]
fn a_published_collection_is_read_as_counted_by_hand() {
    let Some(corpus) = unpacked("f_ad_graph/bofhound_bloodhound_json_and_ldap") else { return };
    let exports = corpus.join("tests/test_data/json_output").display().to_string();
    let asked = |from: &str| {
        let output =
            hinomi(&["reach", "--exports", &exports, "--from", from, "--to", "kind:domain", "--json", "-q"]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let administrator = asked("administrator");
    assert_eq!(administrator["graph"]["nodes"], 64);
    let objects: u64 = list(&administrator, "imports").iter().filter_map(|i| i["objects"].as_u64()).sum();
    assert_eq!(objects, 4 + 1 + 54 + 4);
    let computers = list(&administrator, "imports").iter().find(|i| i["kind"] == "computers").unwrap();
    assert_eq!(computers["not_collected"].as_object().unwrap().len(), 7);
    assert_eq!(list(&administrator["answer"]["ways"][0], "steps").len(), 2);
    // The user 1110 is in 513 and 1114, which is in 1113; 513 is in Users, and, as everybody, in two more.
    let user = asked("S-1-5-21-3539700351-1165401899-3544196954-1110");
    assert_eq!(user["answer"]["exposure"]["reaching"], 0);
    assert_eq!(user["answer"]["radius"][0]["possible"], json!({"group": 6}));
}
