//! A small organisation, seen by everybody; then with one eye closed after the other.

mod lists;
mod parts;

use std::collections::BTreeMap;
use std::path::Path;

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::*;
use crate::claim;
use crate::inventory::{Formats, Importer, Sighted};
use crate::{Access, Attributes, Outcome};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// Seconds of a Wednesday and the days after it, from midnight.
fn at(seconds: i64) -> Timestamp {
    let wednesday = Timestamp::from_civil((2026, 2, 4), (0, 0, 0), 0).unwrap();
    Timestamp::from_nanos(wednesday.as_nanos() + seconds * NANOS_PER_SECOND)
}

fn utc(time: Timestamp) -> Local {
    let seconds = time.as_nanos().div_euclid(NANOS_PER_SECOND);
    Local { day: seconds.div_euclid(86_400) as Day, minute: (seconds.rem_euclid(86_400) / 60) as u32 }
}

const KINDS: [(&str, &str); 11] = [
    ("remote", "{kind: sign-in, access: remote, service: vpn}"),
    ("cloud", "{kind: sign-in, access: cloud, service: idp}"),
    ("interactive", "{kind: sign-in, access: interactive, service: windows}"),
    ("network", "{kind: sign-in, access: network, service: windows}"),
    ("service", "{kind: sign-in, access: service, service: windows}"),
    ("sensor", "{kind: sensor}"),
    ("sighting", "{kind: sighting}"),
    ("factor", "{kind: factor}"),
    ("flow", "{kind: flow}"),
    ("use", "{kind: use}"),
    ("administrator", "{kind: administrator}"),
];

struct World {
    observations: Vec<Observation>,
    inventory: Inventory,
    claims: Vec<Claim>,
    specs: Vec<ObservationSpec>,
    logs: Vec<SourceLog>,
}

impl World {
    fn new(lists: &[(&str, &str)]) -> Self {
        let formats = Formats::bundled().unwrap();
        let mut importer = Importer::new(&formats, at(0));
        for (name, text) in lists {
            let read = importer.read(name, text.as_bytes()).unwrap();
            assert!(read.problems.is_empty(), "{name}: {:?}", read.problems);
        }
        let inventory = importer.finish().joined(formats.merge_rules(), at(3 * 24 * HOUR));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../claims/evidence");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        let read = |p: &std::path::PathBuf| {
            claim::parse(&std::fs::read_to_string(p).unwrap(), &p.display().to_string())
        };
        Self {
            observations: Vec::new(),
            inventory,
            claims: files.iter().map(|f| read(f).unwrap()).collect(),
            specs: KINDS.iter().map(|(_, spec)| serde_yaml_ng::from_str(spec).unwrap()).collect(),
            logs: Vec::new(),
        }
    }

    /// `fields`: account, address, origin, device.
    fn see(&mut self, kind: &str, second: i64, fields: [&str; 4]) -> &mut Observation {
        let rule = KINDS.iter().position(|(name, _)| *name == kind).unwrap();
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let event = self.observations.len();
        let [account, address, origin, device] = fields.map(some);
        self.observations.push(Observation {
            rule,
            event,
            log: rule,
            time: at(second),
            account,
            account_id: None,
            address,
            origin,
            device,
            session: Some(event.to_string()),
            factors: Vec::new(),
            second_factor: None,
            attributes: Attributes::from_iter([("protocol", "Kerberos".to_owned())]),
        });
        self.observations.last_mut().unwrap()
    }

    /// Bytes from an address to a destination known by name, address or both.
    fn flow(&mut self, second: i64, from: &str, to: &[&str]) {
        let seen = self.see("flow", second, ["", from, "", to[0]]);
        if let Some(address) = to.get(1) {
            seen.attributes.insert("destination_address", (*address).to_owned());
        }
    }

    fn log(&mut self, host: &str, channel: &str, hours: std::ops::Range<i64>) {
        let base = at(0).as_nanos() / (HOUR * NANOS_PER_SECOND);
        self.logs.push(SourceLog {
            host: host.to_owned(),
            channel: channel.to_owned(),
            kind: channel.to_owned(),
            hours: hours.clone().map(|h| base + h).collect(),
            last: Some(at(hours.end * HOUR - 1)),
        });
    }

    fn material(&self) -> Material<'_> {
        Material {
            claims: &self.claims,
            specs: &self.specs,
            inventory: &self.inventory,
            logs: &self.logs,
            now: at(3 * 24 * HOUR),
            local: &utc,
        }
    }

    fn assess(&self) -> Assessment {
        assess_listing(&self.material(), &self.observations, 7)
    }

    fn host_attribute(&self, host: &str, name: &str) -> Vec<String> {
        let resolver = Resolver::new(&self.inventory, Sighted::default());
        let material = self.material();
        let mut first = First::default();
        self.observations.iter().for_each(|seen| first.add(&self.specs, seen));
        let index = rows::Index::of(&self.inventory);
        let scene = Scene::new(&material, (&resolver, &index), first.days(&material));
        let facts = self.observations.iter().filter_map(|o| fact::of_observation(&scene, o.clone()));
        let facts: Vec<fact::HostFact> = facts.collect();
        let has_sensor = facts.iter().any(|f| f.word == fact::Word::Sensor);
        let listed: Vec<_> = self.inventory.all(EntityKind::Host, material.now, material.now).collect();
        let rows = host::days(&scene, has_sensor, &facts, (&listed, &host::log_days(&scene)));
        let of_host = rows.iter().filter(|r| {
            use crate::claim::Row as _;
            r.attribute("host").texts().is_some_and(|t| t == [host])
        });
        of_host
            .map(|r| {
                use crate::claim::Row as _;
                r.attribute(name).texts().map_or("?".to_owned(), |t| t.join(","))
            })
            .collect()
    }
}

fn outcomes(assessment: &Assessment, claim: &str) -> BTreeMap<String, Outcome> {
    let of_claim = assessment.verdicts.iter().filter(|v| v.claim == claim);
    of_claim.map(|v| (v.entity.clone(), v.outcome)).collect()
}

const ACCOUNTS: &str = "account,owner,type,supplier,privileged,tier,roles,password changed\n\
    mika,sales,person,,no,,,\n\
    ctr1,sales,supplier,Acme,no,,,\n\
    adm1,it,person,,yes,0,backup,2025-12-01\n\
    svc1,it,service,,no,,,\n\
    glass1,it,break-glass,,yes,0,,2025-12-01\n";
const SUPPLIERS: &str =
    "supplier,owner,networks,hours,targets\nAcme,sales,198.51.100.0/24,Mon-Fri 08:00-18:00,gw\n";
const HOSTS: &str = "host,owner,role,addresses,tier,administrators\n\
    gw,it,gateway,203.0.113.1,,\n\
    fs,it,server,192.0.2.20,,adm1\n\
    dc,it,domain-controller,192.0.2.10,0,\n\
    bk,it,backup,192.0.2.30,,\n\
    paw,it,admin-workstation,192.0.2.9,0,\n";
const WEAKNESSES: &str = "cve,host,severity,found,fixed\n\
    CVE-2026-0001,fs,KEV,2026-02-04,\n\
    CVE-2026-0001,dc,KEV,2026-01-02,2026-01-04\n\
    CVE-2026-0002,fs,High,2026-01-25,\n\
    CVE-2025-0003,bk,Medium,2025-12-20,\n\
    CVE-2020-0004,bk,info,2020-01-01,\n";
const GRANTS: &str = "permission,principal,service\ns3:Get*,svc1,s3\n";
const ADMINISTRATORS: &str = "local administrator,computer\nadm1,fs\n";
const SEGMENTS: &str =
    "segment,networks,role,allowed destinations\nservers,192.0.2.0/24,server,198.51.100.200;*.example.jp\n";
const SOURCES: &str = "log,host,shows,retention days,owner\n\
    vpn,gw,remote,400,it\nlogons,dc,interactive,400,it\nnet,fs,network,400,it\njobs,fs,service,400,it\nsensors,fs,sensor,400,it\n";

const SERVICES: &str =
    "service,owner,host,port,purpose\nfiles,it,fs,445,shared folders\nremote access,it,gw,443,VPN\n";
const COPIES: &str = "backup,owner,immutable,last restore\nbk:/srv,it,yes,2025-12-24\n";
/// Exports of products about the same organisation.
const DIRECTORY: &str = r#"{"value":[
{"id":"0a1b2c3d-0000-4000-8000-000000000001","userPrincipalName":"mika@corp.example","accountEnabled":true},
{"id":"0a1b2c3d-0000-4000-8000-000000000002","userPrincipalName":"ctr1@corp.example","accountEnabled":true},
{"id":"0a1b2c3d-0000-4000-8000-000000000003","userPrincipalName":"adm1@corp.example","accountEnabled":true},
{"id":"0a1b2c3d-0000-4000-8000-000000000004","userPrincipalName":"svc1@corp.example","accountEnabled":true},
{"id":"0a1b2c3d-0000-4000-8000-000000000005","userPrincipalName":"glass1@corp.example","accountEnabled":true}]}"#;
const SENSORS: &str = r#"[
{"id":"m1","computerDnsName":"gw.corp.example","healthStatus":"Active","onboardingStatus":"Onboarded","lastSeen":"2026-02-03T20:00:00Z"},
{"id":"m2","computerDnsName":"fs.corp.example","healthStatus":"Active","onboardingStatus":"Onboarded","lastSeen":"2026-02-03T20:00:00Z"},
{"id":"m3","computerDnsName":"dc.corp.example","healthStatus":"Active","onboardingStatus":"Onboarded","lastSeen":"2026-02-03T20:00:00Z"},
{"id":"m4","computerDnsName":"bk.corp.example","healthStatus":"Active","onboardingStatus":"Onboarded","lastSeen":"2026-02-03T20:00:00Z"}]"#;
const SCAN: &str = r#"<nmaprun start="1770150000">
<host endtime="1770150000"><status state="up"/><address addr="192.0.2.20" addrtype="ipv4"/><hostnames><hostname name="fs.corp.example"/></hostnames>
<ports><port protocol="tcp" portid="445"><state state="open"/></port></ports></host>
<host endtime="1770150000"><status state="up"/><address addr="203.0.113.1" addrtype="ipv4"/>
<ports><port protocol="tcp" portid="443"><state state="open"/></port></ports></host></nmaprun>"#;
const BACKUPS: &str = r#"{"BackupVaultList":[{"BackupVaultName":"bk:/srv","BackupVaultArn":"arn:x:backup-vault:bk","Locked":true}]}"#;

/// All lists: what people keep, and what products export.
const LISTS: [(&str, &str); 14] = [
    ("a", ACCOUNTS),
    ("s", SUPPLIERS),
    ("h", HOSTS),
    ("l", SOURCES),
    ("g", SEGMENTS),
    ("w", WEAKNESSES),
    ("r", GRANTS),
    ("m", ADMINISTRATORS),
    ("services", SERVICES),
    ("copies", COPIES),
    ("directory", DIRECTORY),
    ("sensors", SENSORS),
    ("scan", SCAN),
    ("backups", BACKUPS),
];

/// Everything is as it should be, and everybody looks.
fn whole() -> World {
    whole_with(&LISTS)
}

/// The same days, with these lists.
fn whole_with(lists: &[(&str, &str)]) -> World {
    let mut world = World::new(lists);
    for day in 0..3 {
        let nine = day * 24 * HOUR + 9 * HOUR;
        for (account, address) in [("mika", "203.0.113.50"), ("ctr1", "198.51.100.7")] {
            world.see("remote", nine, [account, address, "", "gw"]).second_factor = Some(true);
        }
        world.see("cloud", nine + 60, ["mika", "203.0.113.50", "", ""]).second_factor = Some(true);
        world.see("interactive", nine + 120, ["adm1", "192.0.2.9", "paw", "dc"]);
        world.see("network", nine + 180, ["adm1", "192.0.2.9", "paw", "bk"]);
        world.see("service", nine + 240, ["svc1", "", "", "fs"]);
        let used = world.see("use", nine + 270, ["svc1", "", "", ""]);
        used.attributes = Attributes::from_iter([
            ("service", "s3.amazonaws.com".to_owned()),
            ("right", "s3:GetObject".to_owned()),
        ]);
        world.flow(nine + 300, "192.0.2.20", &["198.51.100.200"]);
        for minute in 0..(24 * 12) {
            for host in ["gw", "fs", "dc", "bk"] {
                world.see("sensor", day * 24 * HOUR + minute * 5 * MINUTE, ["", "", "", host]);
            }
        }
    }
    for (host, log) in [
        ("gw", "vpn"),
        ("dc", "logons"),
        ("fs", "net"),
        ("fs", "jobs"),
        ("fs", "sensors"),
        ("bk", "logons"),
        ("paw", "logons"),
    ] {
        world.log(host, log, 0..72);
    }
    world
}

#[test]
fn in_order_everything_is_supported() {
    let assessment = whole().assess();
    for verdict in &assessment.verdicts {
        assert_eq!(verdict.outcome, Outcome::Supported, "{verdict:#?}");
    }
    let judged: std::collections::BTreeSet<&str> =
        assessment.verdicts.iter().map(|v| v.claim.as_str()).collect();
    let idle: Vec<String> =
        whole().claims.into_iter().map(|c| c.id).filter(|id| !judged.contains(id.as_str())).collect();
    assert!(idle.is_empty(), "claims that nothing here puts to the test: {idle:?}");
}

/// Over all claims: without the evidence that one needs, at all or on one day, it supports nothing (there); what it supported
/// before is unknown now or not judged.
#[test]
fn a_source_taken_away_leaves_nothing_supported_that_leant_on_it() {
    let world = whole();
    for claim in world.claims.iter().filter(|c| !c.needs.is_empty()) {
        for need in &claim.needs {
            let mut blind = whole();
            let specs = blind.specs.clone();
            let gone = |o: &Observation| {
                let spec = specs.get(o.rule).unwrap();
                let access = spec.access.map(Access::name);
                match need.as_str() {
                    "sign-in" => spec.kind == ObservationKind::SignIn,
                    "sensor" => spec.kind == ObservationKind::Sensor,
                    "flow" => spec.kind == ObservationKind::Flow,
                    "use" => spec.kind == ObservationKind::Use,
                    name => access == Some(name),
                }
            };
            let before = blind.observations.len();
            blind.observations.retain(|o| !gone(o));
            assert!(blind.observations.len() < before, "{}: {need}", claim.id);
            let left = outcomes(&blind.assess(), &claim.id);
            assert!(
                !left.values().any(|o| *o == Outcome::Supported),
                "{} without {need}: {left:?}",
                claim.id
            );
        }
    }
}

#[test]
fn a_registered_log_that_is_missing_for_a_day_leaves_that_day_unknown() {
    let mut world = whole();
    for log in &mut world.logs {
        // Day 1 of 0 to 2.
        log.hours.retain(|h| {
            log.channel != "vpn"
                || utc(Timestamp::from_nanos(h * HOUR * NANOS_PER_SECOND)).day != utc(at(0)).day + 1
        });
    }
    let assessment = world.assess();
    let verdict =
        assessment.verdicts.iter().find(|v| v.claim == "remote-second-factor" && v.entity == "ctr1").unwrap();
    let days: Vec<Outcome> = verdict.days.iter().map(|d| d.outcome).collect();
    assert_eq!(days, [Outcome::Supported, Outcome::Unknown, Outcome::Supported]);
    assert_eq!(outcomes(&assessment, "sources-arrive").get("vpn @ gw"), Some(&Outcome::Contradicted));
}

/// A sign-in that contradicts a claim: claim, whose, kind, hours after noon, account with where from and to, second factor,
/// protocol.
type Forbidden =
    (&'static str, &'static str, &'static str, i64, [&'static str; 4], Option<bool>, &'static str);

const FORBIDDEN: [Forbidden; 11] = [
    ("remote-second-factor", "mika", "remote", 0, ["mika", "203.0.113.50", "", "gw"], Some(false), ""),
    ("accounts-registered", "eve", "network", 0, ["eve", "192.0.2.9", "", "fs"], None, ""),
    ("supplier-networks", "ctr1", "remote", 0, ["ctr1", "203.0.113.77", "", "gw"], Some(true), ""),
    ("supplier-hours", "ctr1", "remote", 10, ["ctr1", "198.51.100.7", "", "gw"], Some(true), ""),
    ("supplier-targets", "ctr1", "network", 0, ["ctr1", "192.0.2.20", "", "fs"], None, ""),
    (
        "service-accounts-not-interactive",
        "svc1",
        "interactive",
        0,
        ["svc1", "192.0.2.9", "paw", "fs"],
        None,
        "",
    ),
    ("administration-hosts", "adm1", "interactive", 0, ["adm1", "192.0.2.77", "", "dc"], None, ""),
    ("tier-zero-apart", "adm1", "interactive", 0, ["adm1", "192.0.2.9", "paw", "fs"], None, ""),
    ("break-glass-unused", "glass1", "interactive", 0, ["glass1", "192.0.2.9", "paw", "dc"], None, ""),
    ("legacy-protocols-unused", "mika", "network", 0, ["mika", "192.0.2.50", "", "fs"], None, "NTLM V1"),
    ("backup-credentials-apart", "mika", "network", 0, ["mika", "192.0.2.50", "", "bk"], None, ""),
];

/// Each contradicts its claim, for that account alone.
#[test]
fn each_claim_is_contradicted_by_what_it_forbids() {
    let noon = 24 * HOUR + 12 * HOUR;
    for (claim, entity, kind, late, fields, second_factor, protocol) in FORBIDDEN {
        let mut world = whole();
        let seen = world.see(kind, noon + late * HOUR, fields);
        seen.second_factor = second_factor;
        if !protocol.is_empty() {
            seen.attributes.insert("protocol", protocol.to_owned());
        }
        for (name, outcome) in outcomes(&world.assess(), claim) {
            let wanted = if name == entity { Outcome::Contradicted } else { Outcome::Supported };
            assert_eq!(outcome, wanted, "{claim} {name}");
        }
    }
}

/// Where servers send to is judged by the list, by name or address, whichever is known; what clients do and what stays
/// inside is another matter.
#[test]
fn servers_send_only_where_a_list_allows() {
    let after = |from: &str, to: &[&str]| {
        let mut world = whole();
        world.flow(30 * HOUR, from, to);
        outcomes(&world.assess(), "outbound-only-allowed")
    };
    let fs = |outcome| BTreeMap::from([("fs".to_owned(), outcome)]);
    assert_eq!(after("192.0.2.20", &["203.0.113.66"]), fs(Outcome::Unknown), "may be an allowed name");
    assert_eq!(after("192.0.2.20", &["files.example.com", "203.0.113.66"]), fs(Outcome::Contradicted));
    assert_eq!(after("192.0.2.20", &["updates.example.jp", "203.0.113.66"]), fs(Outcome::Supported));
    assert_eq!(after("192.0.2.20", &["192.0.2.30"]), fs(Outcome::Supported), "inside");
    assert_eq!(after("192.0.2.20", &["224.0.0.251"]), fs(Outcome::Supported), "never leaves the link");
    assert_eq!(after("203.0.113.50", &["files.example.com", "203.0.113.66"]), fs(Outcome::Supported));
    // An address of the segment that no list of hosts has answers for itself.
    let other = after("192.0.2.99", &["files.example.com", "203.0.113.66"]);
    assert_eq!(other.get("192.0.2.99"), Some(&Outcome::Contradicted));
    // Where nobody wrote down what is allowed, nothing is.
    let mut silent =
        World::new(&[("h", HOSTS), ("g", "segment,networks,role\nservers,192.0.2.0/24,server\n")]);
    silent.flow(0, "192.0.2.20", &["files.example.com", "203.0.113.66"]);
    assert_eq!(outcomes(&silent.assess(), "outbound-only-allowed"), fs(Outcome::Unknown));
}

/// Three addresses within an hour are three places, unless one is a host that the account signed in to on its way.
#[test]
fn a_hop_is_no_other_place() {
    let personal = |addresses: [&str; 3]| {
        let mut world = whole();
        for (minute, address) in (0..).zip(addresses) {
            world.see("interactive", 30 * HOUR + minute * MINUTE, ["adm1", address, "", "fs"]);
        }
        outcomes(&world.assess(), "privileged-accounts-personal").get("adm1").copied()
    };
    assert_eq!(personal(["192.0.2.9", "192.0.2.77", "192.0.2.78"]), Some(Outcome::Contradicted));
    // It signs in to the domain controller every day.
    assert_eq!(personal(["192.0.2.9", "192.0.2.77", "192.0.2.10"]), Some(Outcome::Supported));
}

/// Three classes, three clocks; one weakness on two hosts is two; whoever closed in time did well.
#[test]
fn weaknesses_have_clocks_by_class() {
    let with = |row: &str| {
        let list = format!("{WEAKNESSES}{row}\n");
        let world = World::new(&[("h", HOSTS), ("w", &list)]);
        outcomes(&world.assess(), "weaknesses-closed-in-time")
    };
    // Now is 2026-02-07.
    let expect = |name: &str, row: &str, outcome| {
        for (host, found) in with(row) {
            let wanted = if host == name { outcome } else { Outcome::Supported };
            assert_eq!(found, wanted, "{row}: {host}");
        }
    };
    expect("gw", "CVE-2026-0009,gw,known exploited,2026-02-03,", Outcome::Contradicted);
    expect("gw", "CVE-2026-0009,gw,known exploited,2026-02-04,", Outcome::Supported);
    expect("gw", "CVE-2026-0009,gw,Critical,2026-01-23,", Outcome::Contradicted);
    expect("gw", "CVE-2026-0009,gw,緊急,2026-01-24,", Outcome::Supported);
    expect("gw", "CVE-2026-0009,gw,low,2025-12-08,", Outcome::Contradicted);
    expect("gw", "CVE-2026-0009,gw,low,2025-10-01,2025-11-20", Outcome::Supported);
    expect("gw", "CVE-2026-0009,gw,low,2025-10-01,2026-01-20", Outcome::Contradicted);
    expect("gw", "CVE-2026-0009,gw,high,,", Outcome::Unknown);
    expect("gw", "CVE-2026-0009,gw,,2026-02-06,", Outcome::Unknown);
    expect("gw", "CVE-2026-0009,gw,high,2026-01-20,soon", Outcome::Unknown);
}

/// Logs show an administrator that no list names; where nobody wrote down who is agreed, nobody is judged.
#[test]
fn administrators_that_logs_show_are_put_to_the_list() {
    let mut world = whole();
    world.see("administrator", 30 * HOUR, ["mika", "", "", "fs"]);
    world.see("administrator", 31 * HOUR, ["adm1", "", "", "dc"]);
    let assessment = world.assess();
    let found = outcomes(&assessment, "administrators-agreed");
    assert_eq!(found.get("fs"), Some(&Outcome::Contradicted));
    assert_eq!(found.get("dc"), Some(&Outcome::Unknown));
    // One that is agreed, on a host whose administrators no list names: there may be others.
    let mut world = World::new(&[("a", ACCOUNTS), ("h", HOSTS)]);
    world.see("administrator", 30 * HOUR, ["adm1", "", "", "fs"]);
    assert_eq!(outcomes(&world.assess(), "administrators-agreed").get("fs"), Some(&Outcome::Unknown));
}

/// In three days of logs a right that was not used may have been used before; in a hundred it was not.
#[test]
fn a_right_is_unused_only_after_a_long_look() {
    let grants = format!("{GRANTS}s3:Delete*,svc1,s3\n");
    let looked_at = |grants: &str, days: i64| {
        let mut world = World::new(&[("a", ACCOUNTS), ("r", grants)]);
        // Other logs reach far back.
        world.log("fs", "jobs", -9000..0);
        for day in [0, days] {
            let used = world.see("use", day * 24 * HOUR, ["svc1", "", "", ""]);
            used.attributes = Attributes::from_iter([("right", "s3:GetObject".to_owned())]);
            used.attributes.insert("service", "s3.amazonaws.com".to_owned());
        }
        outcomes(&world.assess(), "grants-used")
    };
    let svc1 = |outcome| BTreeMap::from([("svc1".to_owned(), outcome)]);
    assert_eq!(looked_at(&grants, 3), svc1(Outcome::Unknown));
    assert_eq!(looked_at(&grants, 100), svc1(Outcome::Contradicted));
    // No log shows what anybody does there.
    assert_eq!(
        looked_at("permission,principal,service\nvms/start,svc1,machines\n", 100),
        svc1(Outcome::Unknown)
    );
}

/// Sign-ins of three days beside other logs of a year say nothing of an account that does not appear in them.
#[test]
fn an_account_is_unused_only_where_sign_ins_were_looked_at() {
    let with_days = |days: i64| {
        let mut world = World::new(&[("a", ACCOUNTS), ("h", HOSTS)]);
        world.log("fs", "jobs", -9000..0);
        for day in [0, days] {
            world.see("network", day * 24 * HOUR, ["mika", "192.0.2.9", "", "fs"]);
        }
        outcomes(&world.assess(), "privileged-accounts-used").get("adm1").copied()
    };
    assert_eq!(with_days(2), Some(Outcome::Unknown));
    assert_eq!(with_days(60), Some(Outcome::Contradicted));
}

/// A sensor with a word a minute, others that see the host every four minutes, for six hours.
fn watched(silent: std::ops::Range<i64>, unseen: std::ops::Range<i64>) -> World {
    let mut world = World::new(&[("h", HOSTS)]);
    for minute in 0..360 {
        if !silent.contains(&minute) {
            world.see("sensor", minute * MINUTE, ["", "", "", "fs"]);
        }
        if minute % 4 == 0 && !unseen.contains(&minute) {
            world.see("sighting", minute * MINUTE + 7, ["", "192.0.2.20", "", ""]);
        }
    }
    world.log("dc", "logons", 0..6);
    world
}

/// Killed, frozen or cut off: the sensor says nothing, and others go on seeing the host.
#[test]
fn a_silent_sensor_is_noticed_by_others_within_fifteen_minutes() {
    for silent in [100..360, 100..200] {
        let world = watched(silent, 0..0);
        assert_eq!(world.host_attribute("fs", "sensor_silent"), ["yes"]);
        let minutes: f64 = world.host_attribute("fs", "sensor_overdue_minutes")[0].parse().unwrap();
        assert!((10.0..=15.0).contains(&minutes), "{minutes}");
    }
    assert_eq!(watched(0..0, 0..0).host_attribute("fs", "sensor_silent"), ["no"]);
}

/// Down for twenty minutes; others see it come up shortly before its sensor.
#[test]
fn a_planned_restart_is_no_silence() {
    assert_eq!(watched(100..120, 100..117).host_attribute("fs", "sensor_silent"), ["no"]);
    assert_eq!(watched(100..160, 100..360).host_attribute("fs", "sensor_silent"), ["no"]);
    // The same pause with the host in sight the whole time is one.
    assert_eq!(watched(100..120, 0..0).host_attribute("fs", "sensor_silent"), ["yes"]);
}

/// Somebody else's machine says that the sensor is well.
#[test]
fn a_heartbeat_from_another_host_counts_for_nothing() {
    let mut world = watched(100..360, 0..0);
    for minute in 100..360 {
        world.see("sensor", minute * MINUTE, ["", "192.0.2.30", "", "fs"]);
    }
    assert_eq!(world.host_attribute("fs", "sensor_silent"), ["yes"]);
    assert_eq!(world.host_attribute("fs", "sensor_elsewhere"), ["yes"]);
    let mut own = watched(0..0, 0..0);
    own.see("sensor", 30, ["", "192.0.2.20", "", "fs"]);
    assert_eq!(own.host_attribute("fs", "sensor_elsewhere"), ["no"]);
}

/// A sensor that speaks twice an hour is not missed after forty minutes.
#[test]
fn the_rhythm_of_a_sensor_decides_when_it_is_overdue() {
    let mut world = World::new(&[("h", HOSTS)]);
    for minute in 0..360 {
        if minute % 30 == 0 && minute != 150 {
            world.see("sensor", minute * MINUTE, ["", "", "", "fs"]);
        }
        world.see("sighting", minute * MINUTE + 7, ["", "192.0.2.20", "", ""]);
    }
    world.log("dc", "logons", 0..6);
    assert_eq!(world.host_attribute("fs", "sensor_silent"), ["no"]);
}

/// Behind the last line of every log nothing is known: no sensor is silent there.
#[test]
fn nothing_is_silent_after_the_end_of_the_logs() {
    let mut world = watched(0..0, 0..0);
    world.logs.clear();
    world.log("dc", "logons", 0..6);
    assert_eq!(world.host_attribute("fs", "sensor_silent"), ["no"]);
}
