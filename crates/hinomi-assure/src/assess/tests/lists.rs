//! Lists put to each other: what people keep, and what products export. Each claim about them is supported in the whole
//! organisation; here each is contradicted by one planted difference, and unknown without the list that would tell.

use super::*;

/// The lists, of which one has another text.
fn changed(name: &str, change: impl Fn(&str) -> String) -> BTreeMap<(String, String), Outcome> {
    let texts: Vec<(&str, String)> = LISTS
        .iter()
        .map(|(n, text)| (*n, if *n == name { change(text) } else { (*text).to_owned() }))
        .collect();
    assert_ne!(
        texts.iter().map(|(_, t)| t.as_str()).collect::<String>(),
        LISTS.map(|(_, t)| t).concat(),
        "{name}"
    );
    let lists: Vec<(&str, &str)> = texts.iter().map(|(n, t)| (*n, t.as_str())).collect();
    verdicts(&whole_with(&lists).assess())
}

fn without(names: &[&str]) -> Assessment {
    let lists: Vec<(&str, &str)> = LISTS.iter().filter(|(n, _)| !names.contains(n)).copied().collect();
    whole_with(&lists).assess()
}

fn verdicts(assessment: &Assessment) -> BTreeMap<(String, String), Outcome> {
    assessment.verdicts.iter().map(|v| ((v.claim.clone(), v.entity.clone()), v.outcome)).collect()
}

/// What is planted in which list, and which claim that contradicts about which entity; all else stays as it was.
type Planted = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const PLANTED: [Planted; 14] = [
    (
        "scan",
        "</ports></host></nmaprun>",
        "<port protocol=\"tcp\" portid=\"8443\"><state state=\"open\"/></port></ports></host></nmaprun>",
        &[("services-registered", "203.0.113.1:8443/tcp")],
    ),
    ("services", "files,it", "files,", &[("services-registered", "files")]),
    (
        "services",
        "remote access,it,gw,443,VPN\n",
        "remote access,it,gw,443,VPN\nold web,it,fs,80,gone\n",
        &[("services-still-open", "old web")],
    ),
    (
        "scan",
        "<host endtime=\"1770150000\"><status state=\"up\"/><address addr=\"203",
        "<host><status state=\"up\"/><address addr=\"192.0.2.66\" addrtype=\"ipv4\"/></host><host endtime=\"1770150000\"><status state=\"up\"/><address addr=\"203",
        &[("hosts-exported-registered", "192.0.2.66")],
    ),
    ("h", "paw,it,admin", "print,it,client,192.0.2.40,\npaw,it,admin", &[("hosts-still-there", "print")]),
    (
        "sensors",
        "bk.corp.example\",\"healthStatus",
        "laptop.corp.example\",\"healthStatus",
        &[("hosts-have-sensor", "bk"), ("hosts-exported-registered", "laptop.corp.example")],
    ),
    (
        "sensors",
        "\"lastSeen\":\"2026-02-03T20:00:00Z\"}]",
        "\"lastSeen\":\"2026-01-03T20:00:00Z\"},\n{\"id\":\"m5\",\"computerDnsName\":\"paw.corp.example\",\"healthStatus\":\"Active\"}]",
        &[],
    ),
    (
        "directory",
        "\"glass1@corp.example\",\"accountEnabled\":true}",
        "\"glass1@corp.example\",\"accountEnabled\":true},{\"id\":\"0a1b2c3d-0000-4000-8000-000000000006\",\"userPrincipalName\":\"eve@corp.example\",\"accountEnabled\":true}",
        &[("accounts-exported-registered", "eve@corp.example")],
    ),
    ("a", "glass1,it", "leaver,it,person,,no,,,\nglass1,it", &[("accounts-still-there", "leaver")]),
    (
        "copies",
        "bk:/srv,it,yes,2025-12-24\n",
        "bk:/srv,it,yes,2024-12-24\ntape,it,yes,2025-12-24\n",
        &[("copies-restored", "bk:/srv"), ("copies-still-there", "tape")],
    ),
    ("backups", "\"Locked\":true", "\"Locked\":false", &[("copies-immutable", "bk:/srv")]),
    ("copies", "bk:/srv,it", "bk:/srv,", &[("copies-registered", "bk:/srv")]),
    (
        "s",
        "Acme,sales,198.51.100.0/24,Mon-Fri 08:00-18:00,gw\n",
        "Acme,,198.51.100.0/24,Mon-Fri 08:00-18:00,gw\nBeta,it,,,\n",
        &[
            ("suppliers-registered", "Acme"),
            ("suppliers-with-accounts", "Beta"),
            ("supplier-accounts-of-registered-supplier", "ctr1"),
        ],
    ),
    (
        "a",
        "mika,sales,person,,no",
        "mika,sales,person,Gamma,no",
        &[("supplier-accounts-of-registered-supplier", "mika"), ("suppliers-registered", "Gamma")],
    ),
];

#[test]
fn each_difference_between_lists_is_one_finding() {
    let before = verdicts(&whole().assess());
    for (list, from, to, found) in PLANTED {
        let after = changed(list, |text| text.replacen(from, to, 1));
        let contradicted: Vec<(&str, &str)> = after
            .iter()
            .filter(|(key, outcome)| **outcome == Outcome::Contradicted && before.get(key) != Some(outcome))
            .map(|((claim, entity), _)| (claim.as_str(), entity.as_str()))
            .collect();
        let mut wanted = found.to_vec();
        wanted.sort_unstable();
        assert_eq!(contradicted, wanted, "{list}: {to}");
    }
}

/// Without the lists that people keep nothing is unregistered, without exports nothing is gone: both are unknown.
#[test]
fn without_the_list_that_would_tell_it_is_unknown() {
    for (gone, claims) in [
        (&["services"][..], &["services-registered"][..]),
        (&["scan"], &["services-still-open"]),
        (&["h"], &["hosts-exported-registered"]),
        (&["sensors"], &["hosts-have-sensor"]),
        (&["a"], &["accounts-exported-registered"]),
        (&["s"], &["suppliers-registered"]),
        (&["a", "directory"], &["suppliers-with-accounts"]),
        (&["copies"], &["copies-registered"]),
        (&["backups"], &["copies-still-there", "copies-immutable"]),
    ] {
        let assessment = without(gone);
        for claim in claims {
            let found = outcomes(&assessment, claim);
            let all_unknown = !found.is_empty() && found.values().all(|o| *o == Outcome::Unknown);
            assert!(all_unknown, "{claim} without {gone:?}: {found:?}");
        }
    }
    // A backup that no list says anything of the last restore of.
    let unsaid = changed("copies", |text| text.replace("2025-12-24", ""));
    // What people write of a lock is no evidence of one.
    let unlocked = changed("backups", |text| text.replace(",\"Locked\":true", ""));
    assert_eq!(unlocked[&("copies-immutable".to_owned(), "bk:/srv".to_owned())], Outcome::Unknown);
    assert_eq!(unsaid[&("copies-restored".to_owned(), "bk:/srv".to_owned())], Outcome::Unknown);
}

/// Where everything is taken away that could see a host or an account, nobody says that it is gone.
#[test]
fn what_nothing_could_see_is_not_gone() {
    let mut world = World::new(&[("a", ACCOUNTS), ("h", HOSTS)]);
    world.logs.clear();
    let assessment = world.assess();
    for claim in ["hosts-still-there", "hosts-have-sensor"] {
        let found = outcomes(&assessment, claim);
        assert!(!found.is_empty() && found.values().all(|o| *o == Outcome::Unknown), "{claim}: {found:?}");
    }
    assert!(outcomes(&assessment, "hosts-lists-agree").is_empty());
}

fn contradiction(lists: &[(&str, &str)], claim: &str, entity: &str) -> Option<(Outcome, String)> {
    let assessment = World::new(lists).assess();
    let verdict = assessment.verdicts.iter().find(|v| v.claim == claim && v.entity == entity)?;
    let reason = verdict.grounds.first()?.reasons.first()?;
    let Reason::Attribute(_, said) = reason else { return None };
    Some((verdict.outcome, said.clone().unwrap_or_default()))
}

const RETIRED: &str = "host,owner,retired,state\nold1,it,2026-01-31,\nold2,it,,廃止\nnew1,it,,\n";

/// The register says that it is gone, the sensor spoke yesterday: both are shown, with their places and days.
#[test]
fn a_retired_host_that_lives_is_shown_with_both_sources() {
    let sensor = |name: &str, seen: &str| {
        format!(
            "[{{\"id\":\"m\",\"computerDnsName\":\"{name}.corp.example\",\"healthStatus\":\"Active\",\"onboardingStatus\":\"Onboarded\",\"lastSeen\":\"{seen}\"}}]"
        )
    };
    let of = |name: &str, seen: &str, entity: &str| {
        contradiction(
            &[("cmdb.csv", RETIRED), ("edr.json", &sensor(name, seen))],
            "hosts-lists-agree",
            entity,
        )
    };
    let ended = of("old1", "2026-02-03T20:00:00Z", "old1.corp.example").unwrap();
    assert_eq!(
        ended,
        (
            Outcome::Contradicted,
            "ended 2026-02-01 (cmdb.csv:2) / seen 2026-02-03 (edr.json:1, 2026-02-03)".to_owned()
        )
    );
    let state = of("old2", "2026-02-03T20:00:00Z", "old2").unwrap();
    assert_eq!(
        state,
        (
            Outcome::Contradicted,
            "state: ended (cmdb.csv:3) / seen 2026-02-03 (edr.json:1, 2026-02-03)".to_owned()
        )
    );
    // Seen last before it was retired, and one that nobody retired.
    assert_eq!(of("old1", "2026-01-20T20:00:00Z", "old1.corp.example").unwrap().0, Outcome::Supported);
    assert_eq!(of("new1", "2026-02-03T20:00:00Z", "new1").unwrap().0, Outcome::Supported);
}

#[test]
fn somebody_who_left_and_is_enabled_is_shown_with_both_sources() {
    let register = "account,owner,在籍区分,privileged\nmika,sales,退職,\nyu,it,,no\n";
    let directory = "dn: CN=mika,DC=corp,DC=example\nobjectClass: user\nsAMAccountName: mika\nuserAccountControl: 512\n\n\
        dn: CN=yu,DC=corp,DC=example\nobjectClass: user\nsAMAccountName: yu\nuserAccountControl: 512\nadminCount: 1\n";
    let lists = [("hr.csv", register), ("ad.ldif", directory)];
    let said = |entity| contradiction(&lists, "accounts-lists-agree", entity).unwrap();
    assert_eq!(
        said("mika"),
        (Outcome::Contradicted, "state: ended (hr.csv:2) / enabled (ad.ldif:1)".to_owned())
    );
    assert_eq!(said("yu"), (Outcome::Contradicted, "privileged: no (hr.csv:3) / yes (ad.ldif:6)".to_owned()));
}
