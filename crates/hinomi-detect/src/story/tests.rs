//! Hand-made cases: what belongs together was decided before, by people, from what each event says.

use hinomi_model::{Digest, Level, NANOS_PER_SECOND, Timestamp};

use super::*;
use crate::Fields;

/// A detection as one writes it down: minute, level, rule, stage, host, account, further fields.
struct Sketch {
    minute: i64,
    level: Level,
    rule: &'static str,
    stage: &'static str,
    host: &'static str,
    account: &'static str,
    channel: &'static str,
    erases: bool,
    log: &'static str,
    fields: Vec<(&'static str, &'static str)>,
}

fn at(minute: i64, level: Level, rule: &'static str, stage: &'static str, host: &'static str) -> Sketch {
    Sketch {
        minute,
        level,
        rule,
        stage,
        host,
        account: "",
        channel: "Security",
        erases: false,
        log: "",
        fields: Vec::new(),
    }
}

impl Sketch {
    fn by(mut self, account: &'static str) -> Self {
        self.account = account;
        self
    }

    fn with(mut self, field: &'static str, value: &'static str) -> Self {
        self.fields.push((field, value));
        self.fields.sort_unstable();
        self
    }

    fn in_channel(mut self, channel: &'static str) -> Self {
        self.channel = channel;
        self
    }
}

fn tell(sketches: &[Sketch], prevalence: &Prevalence) -> Story {
    tell_by(&StoryTable::bundled().unwrap(), sketches, prevalence)
}

fn tell_by(table: &StoryTable, sketches: &[Sketch], prevalence: &Prevalence) -> Story {
    let times = || sketches.iter().map(|s| s.minute);
    let minutes = times().max().unwrap_or_default() - times().min().unwrap_or_default();
    tell_watched(table, sketches, prevalence, minutes, 60.0)
}

fn tell_watched(
    table: &StoryTable,
    sketches: &[Sketch],
    prevalence: &Prevalence,
    minutes: i64,
    hosts: f64,
) -> Story {
    let fields: Vec<Fields> = sketches.iter().map(|s| s.fields.iter().copied().collect()).collect();
    let mut builder = StoryBuilder::new(table, 0);
    for (number, (s, fields)) in sketches.iter().zip(&fields).enumerate() {
        let time = Some(Timestamp::from_nanos(s.minute * 60 * NANOS_PER_SECOND));
        builder.add(&Facts {
            level: s.level,
            rule: s.rule,
            stages: table.stages_of([s.stage].into_iter()),
            direct: true,
            erases: s.erases,
            first: time,
            last: time,
            events: vec![EventFacts {
                digest: Digest::of(&number.to_be_bytes()),
                host: s.host,
                log: s.log,
                account: Some(s.account).filter(|a| !a.is_empty()),
                channel: s.channel,
                fields,
            }],
        });
    }
    let longest_ns = minutes * 60 * NANOS_PER_SECOND;
    builder.tell(prevalence, Watched { longest_ns, hosts })
}

/// The groups of detections, each by number, in order.
fn groups(story: &Story) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = story
        .incidents
        .iter()
        .map(|i| {
            let mut all: Vec<usize> = [&i.core[..], &i.weak_before, &i.context].concat();
            all.sort_unstable();
            all
        })
        .collect();
    found.sort();
    found
}

fn entity(kind: EntityKind, name: &str) -> Entity {
    Entity { kind, scope: String::new(), name: name.into() }
}

/// A domain controller and a file server that forty people use, beside two workstations.
fn company() -> Prevalence {
    let mut p = Prevalence::default();
    for n in 0..40 {
        let account = entity(EntityKind::Account, &format!("staff{n:02}"));
        p.note(&entity(EntityKind::Host, "dc01"), &account);
        p.note(&entity(EntityKind::Host, "fs01"), &account);
    }
    for (host, account) in [("ws1", "aoki"), ("ws2", "mori"), ("dc01", "aoki"), ("fs01", "mori")] {
        p.note(&entity(EntityKind::Host, host), &entity(EntityKind::Account, account));
    }
    p
}

use Level::{High, Informational, Low, Medium};

#[test]
fn one_campaign_over_three_hosts_is_one_incident() {
    let story = tell(
        &[
            // A remote session, a program, its child, a move to the file server with the same credentials.
            at(0, Medium, "r-signin", "initial-access", "gw1")
                .by("ctr1")
                .with("src_endpoint.ip", "203.0.113.9"),
            at(30, High, "r-shell", "execution", "ws1").by("ctr1").with("ProcessGuid", "{a1}"),
            at(31, Medium, "r-disc", "discovery", "ws1")
                .with("ParentProcessGuid", "{A1}")
                .with("ProcessGuid", "{a2}"),
            at(50, High, "r-svc", "lateral-movement", "fs01").by("ctr1").with("IpAddress", "10.0.0.5"),
        ],
        &company(),
    );
    assert_eq!(groups(&story), [vec![0, 1, 2, 3]]);
    assert_eq!(story.incidents[0].judgement.severity, High);
    let child = story.incidents[0].links.iter().find(|l| l.b == 2).unwrap();
    assert_eq!(child.because[0].reason, Reason::ParentProcess);
    assert_eq!(story.incidents[0].links.len(), 3, "a forest over four");
}

#[test]
fn two_campaigns_that_meet_on_shared_servers_stay_two() {
    let story = tell(
        &[
            at(0, High, "r-shell", "execution", "ws1").by("aoki").with("ProcessGuid", "{a1}"),
            at(1, High, "r-other", "execution", "ws2").by("mori").with("ProcessGuid", "{b1}"),
            at(10, High, "r-copy", "lateral-movement", "fs01").by("aoki").with("IpAddress", "10.0.0.1"),
            at(11, High, "r-read", "collection", "fs01").by("mori").with("IpAddress", "10.0.0.2"),
            at(20, High, "r-sync", "credential-access", "dc01").by("aoki").with("IpAddress", "10.0.0.1"),
            at(21, High, "r-add", "persistence", "dc01").by("mori").with("IpAddress", "10.0.0.2"),
        ],
        &company(),
    );
    assert_eq!(groups(&story), [vec![0, 2, 4], vec![1, 3, 5]]);
    assert_eq!(story.apart.len(), 0, "a crowded host alone does not reach the points that join");
}

#[test]
fn the_same_act_at_the_same_minute_by_different_actors_is_refused_and_said() {
    let story = tell(
        &[
            at(0, High, "r-copy", "lateral-movement", "fs01").by("aoki").with("IpAddress", "10.0.0.1"),
            at(1, High, "r-copy", "lateral-movement", "fs01").by("mori").with("IpAddress", "10.0.0.2"),
        ],
        &company(),
    );
    assert_eq!(groups(&story), [vec![0], vec![1]]);
    assert_eq!(story.apart.len(), 1);
    assert_eq!((story.apart[0].one, story.apart[0].other), (0, 1));
    assert_eq!(story.apart[0].link.because[0].reason, Reason::SameAct);
}

#[test]
fn on_a_small_server_two_actors_cannot_be_told_apart_and_the_seam_says_so() {
    // Nobody else is known on app1: whether one actor used two accounts cannot be decided.
    let story = tell(
        &[
            at(0, High, "r-a", "execution", "app1").by("sup1").with("IpAddress", "198.51.100.7"),
            at(3, High, "r-b", "collection", "app1").by("sup1").with("IpAddress", "198.51.100.7"),
            at(5, High, "r-c", "execution", "app1").by("sup2").with("IpAddress", "203.0.113.40"),
            at(8, High, "r-d", "impact", "app1").by("sup2").with("IpAddress", "203.0.113.40"),
        ],
        &Prevalence::default(),
    );
    assert_eq!(groups(&story), [vec![0, 1, 2, 3]]);
    let seams: Vec<&Link> = story.incidents[0].links.iter().filter(|l| l.seam).collect();
    assert_eq!(seams.len(), 1, "exactly one link holds the two actors together");
    assert_eq!(seams[0].because[0].reason, Reason::Host);
    assert_eq!(story.incidents[0].firm_parts, 2);
}

#[test]
fn the_systems_own_account_and_session_join_nothing() {
    let story = tell(
        &[
            at(0, High, "r-a", "execution", "ws1").with("SubjectLogonId", "0x3e7"),
            at(1, High, "r-b", "execution", "ws2").with("SubjectLogonId", "0x3e7"),
        ],
        &company(),
    );
    assert_eq!(groups(&story), [vec![0], vec![1]]);
}

#[test]
fn a_name_that_every_host_has_is_another_account_on_each() {
    let on = |a: &'static str| {
        tell(
            &[at(0, High, "r-a", "execution", "ws1").by(a), at(40, High, "r-b", "execution", "ws2").by(a)],
            &company(),
        )
    };
    assert_eq!(groups(&on("WS1\\Administrator")).len(), 2);
    assert_eq!(groups(&on("CORP\\t.sato")).len(), 1);
}

#[test]
fn an_account_on_hundreds_of_hosts_joins_less() {
    let mut p = company();
    for n in 0..200 {
        p.note(&entity(EntityKind::Account, "svc-scan"), &entity(EntityKind::Host, &format!("h{n}")));
    }
    let sketches = [
        at(0, High, "r-a", "execution", "ws1").by("svc-scan"),
        at(40, High, "r-b", "execution", "ws2").by("svc-scan"),
    ];
    assert_eq!(groups(&tell(&sketches, &p)).len(), 2);
    assert_eq!(groups(&tell(&sketches, &company())).len(), 1);
}

#[test]
fn a_dropped_file_and_a_connection_lead_to_the_next_host() {
    let mut p = company();
    p.note_own(&entity(EntityKind::Address, "10.0.0.1"), &entity(EntityKind::Host, "ws1"));
    let story = tell(
        &[
            at(0, High, "r-a", "execution", "ws1").by("aoki").with("ProcessGuid", "{a}"),
            // On another machine, under another account: tied by the address of ws1 …
            at(5, High, "r-b", "lateral-movement", "ws2")
                .with("IpAddress", "10.0.0.1")
                .with("RelativeTargetName", "Temp\\upd7.exe"),
            // … and by the file that was put there, hours later.
            at(600, Medium, "r-c", "execution", "ws2")
                .by("mori")
                .with("Image", "C:\\Windows\\Temp\\upd7.exe"),
        ],
        &p,
    );
    assert_eq!(groups(&story), [vec![0, 1, 2]]);
    let reasons: Vec<Reason> = story.incidents[0].links.iter().map(|l| l.because[0].reason).collect();
    assert!(reasons.contains(&Reason::Network) && reasons.contains(&Reason::File), "{reasons:?}");
}

#[test]
fn one_loud_rule_is_no_grave_incident_and_unrelated_hosts_stay_apart() {
    let story = tell(
        &[
            at(0, High, "r-driver", "persistence", "ws1"),
            at(3, High, "r-driver", "persistence", "ws1"),
            at(2000, Medium, "r-other", "execution", "ws2"),
        ],
        &company(),
    );
    assert_eq!(groups(&story), [vec![0, 1], vec![2]]);
    let severities: Vec<Level> = story.incidents.iter().map(|i| i.judgement.severity).collect();
    assert_eq!(severities, [Medium, Medium]);
    assert_eq!(story.incidents[0].judgement.reason, "one-rule");
}

#[test]
fn weak_signals_come_along_and_never_glue() {
    let story = tell(
        &[
            at(0, Low, "r-odd", "discovery", "ws1").by("aoki"),
            at(20, High, "r-a", "execution", "ws1").by("aoki").with("ProcessGuid", "{a}"),
            at(40, Informational, "r-note", "execution", "ws1").by("aoki"),
            // Names both accounts, and is weak: must not join what only it has in common.
            at(60, Low, "r-bridge", "lateral-movement", "ws2").by("mori").with("TargetUserName", "aoki"),
            at(80, High, "r-b", "execution", "ws2").by("mori").with("ProcessGuid", "{b}"),
        ],
        &company(),
    );
    assert_eq!(story.incidents.len(), 2);
    let first = &story.incidents[0];
    assert_eq!((&first.core[..], &first.weak_before[..], &first.context[..]), (&[1][..], &[0][..], &[2][..]));
    assert_eq!(story.incidents[1].core, [4]);
    assert_eq!(story.incidents[1].weak_before, [3]);
}

#[test]
fn a_server_that_only_saw_both_joins_nothing() {
    let observed = |minute, rule, account| {
        at(minute, Medium, rule, "credential-access", "dc09").by(account).with("EventID", "4769")
    };
    let story = tell(&[observed(0, "r-a", "aoki"), observed(1, "r-b", "mori")], &Prevalence::default());
    assert_eq!(groups(&story), [vec![0], vec![1]]);
    let flow = |minute, rule, from| {
        at(minute, Medium, rule, "discovery", "")
            .in_channel("zeek/conn")
            .with("id.orig_h", from)
            .with("id.resp_h", "192.0.2.10")
    };
    let mut p = Prevalence::default();
    for n in 0..50 {
        let far = entity(EntityKind::Address, &format!("203.0.113.{n}"));
        p.note(&entity(EntityKind::Address, "192.0.2.10"), &far);
    }
    let story = tell(&[flow(0, "r-a", "203.0.113.1"), flow(1, "r-b", "203.0.113.2")], &p);
    assert_eq!(groups(&story), [vec![0], vec![1]], "a server that the world scans");
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let sketches = || {
        vec![
            at(0, Medium, "r-signin", "initial-access", "gw1")
                .by("ctr1")
                .with("src_endpoint.ip", "203.0.113.9"),
            at(30, High, "r-shell", "execution", "ws1").by("ctr1").with("ProcessGuid", "{a1}"),
            at(31, Medium, "r-disc", "discovery", "ws1").with("ParentProcessGuid", "{a1}"),
            at(50, High, "r-svc", "lateral-movement", "fs01").by("mori"),
            at(51, High, "r-svc", "lateral-movement", "fs01").by("aoki"),
        ]
    };
    let forth = tell(&sketches(), &company());
    let mut backwards = sketches();
    backwards.reverse();
    let back = tell(&backwards, &company());
    let mut mirrored: Vec<Vec<usize>> = groups(&back)
        .into_iter()
        .map(|g| {
            let mut g: Vec<usize> = g.into_iter().map(|n| 4 - n).collect();
            g.sort_unstable();
            g
        })
        .collect();
    mirrored.sort();
    assert_eq!(groups(&forth), mirrored);
}

#[test]
fn certainty_says_why() {
    let story = tell(
        &[
            at(0, High, "r-a", "execution", "ws1").by("aoki").with("ProcessGuid", "{a}"),
            at(1, Medium, "r-b", "discovery", "ws1").by("aoki").with("ProcessGuid", "{a}"),
            at(2, Medium, "r-c", "collection", "ws1"),
        ],
        &Prevalence::default(),
    );
    let steps: Vec<(Certainty, &[WhyCertain])> =
        story.incidents[0].steps.iter().map(|s| (s.certainty, &s.why[..])).collect();
    assert_eq!(
        steps,
        [
            (Certainty::Confirmed, &[][..]),
            (Certainty::Confirmed, &[][..]),
            (Certainty::Estimated, &[WhyCertain::Alone, WhyCertain::Circumstance][..]),
        ]
    );
}

#[test]
fn the_number_of_pairs_grows_with_the_number_of_signals() {
    let table = StoryTable::bundled().unwrap();
    let pairs = |n: i64| {
        let mut interner = signal::Interner::default();
        let fields: Fields = [("IpAddress", "10.0.0.5")].into_iter().collect();
        let signals: Vec<signal::Signal> = (0..n)
            .map(|n| {
                let time = Some(Timestamp::from_nanos(n));
                let event = EventFacts {
                    digest: Digest::of(&n.to_be_bytes()),
                    host: "dc01",
                    log: "",
                    account: Some(if n % 2 == 0 { "aoki" } else { "mori" }),
                    channel: "Security",
                    fields: &fields,
                };
                let facts = Facts {
                    level: Medium,
                    rule: "r",
                    stages: Vec::new(),
                    direct: true,
                    erases: false,
                    first: time,
                    last: time,
                    events: vec![event],
                };
                interner.signal(&facts, &table)
            })
            .collect();
        let order: Vec<usize> = (0..signals.len()).collect();
        let (mut count, anybody) = (0, |_| true);
        pairs::candidates(&signals, &interner.entities, &order, (anybody, anybody), |_, _| count += 1);
        count
    };
    // Everything shares the host and the address; still each meets a handful.
    let (small, large) = (pairs(1_000), pairs(2_000));
    assert!(small < 1_000 * 8, "{small}");
    assert!(large < small * 21 / 10, "{large} after {small}");
}

#[test]
fn no_trace_needs_a_log_that_was_there_all_the_time() {
    let table = StoryTable::bundled().unwrap();
    let minute = |m: i64| Some(Timestamp::from_nanos(m * 60 * NANOS_PER_SECOND));
    let hosts = ["ws1".to_owned()];
    let state = |first, last, holes: &[(Option<Timestamp>, Option<Timestamp>)]| {
        let source = SourceSeen { host: "WS1", channel: "System", kind: "windows", first, last, holes };
        let persistence = table.stages_of(["persistence"].into_iter())[0];
        let found = unseen(&table, &[], &hosts, (minute(10), minute(20)), &[source]);
        found.into_iter().find(|u| u.stage == persistence).unwrap().state
    };
    assert_eq!(state(minute(0), minute(30), &[]), UnseenState::NoTrace);
    assert_eq!(state(minute(0), minute(30), &[(minute(15), minute(16))]), UnseenState::Holes);
    assert_eq!(state(minute(0), minute(30), &[(minute(21), minute(22))]), UnseenState::NoTrace);
    assert_eq!(state(minute(15), minute(30), &[]), UnseenState::Partly);
    let nothing = unseen(&table, &[], &hosts, (minute(10), minute(20)), &[]);
    assert!(!nothing.is_empty() && nothing.iter().all(|u| u.state == UnseenState::NoLog));
}

/// Sixty hosts, accounts and addresses.
fn fleet() -> Prevalence {
    let mut p = Prevalence::default();
    for n in 0..60 {
        p.note(
            &entity(EntityKind::Account, &format!("user{n:02}")),
            &entity(EntityKind::Address, &format!("198.51.100.{n}")),
        );
        p.note(
            &entity(EntityKind::Host, &format!("srv{n:02}")),
            &entity(EntityKind::Account, &format!("user{n:02}")),
        );
    }
    p
}

const DAY: i64 = 24 * 60;

#[test]
fn over_months_rare_detections_of_one_account_or_host_are_one_incident() {
    let sketches = || {
        vec![
            at(0, Medium, "r-signin", "initial-access", "")
                .by("user01")
                .in_channel("example/vpn")
                .with("src_endpoint.ip", "203.0.113.9"),
            at(40 * DAY, High, "r-dump", "credential-access", "srv10").by("user01"),
            at(90 * DAY, Medium, "r-tool", "persistence", "srv10"),
            at(139 * DAY, High, "r-wipe", "impact", "srv20").with("IpAddress", "203.0.113.9"),
        ]
    };
    let story = tell(&sketches(), &fleet());
    assert_eq!(groups(&story), [vec![0, 1, 2, 3]]);
    let rare: Vec<Option<u32>> = story.incidents[0].links.iter().map(|l| l.because[0].one_in).collect();
    assert!(rare.iter().all(|n| n.is_some_and(|n| n >= 50)), "each link says how rare it is: {rare:?}");
    // It is this evidence that joins them: without its points the campaign falls into pieces.
    let mut table = StoryTable::bundled().unwrap();
    table.points.rare = 0;
    assert_eq!(groups(&tell_by(&table, &sketches(), &fleet())).len(), 4);
    // Where nothing else is known, nothing can be called rare.
    assert_eq!(groups(&tell(&sketches(), &Prevalence::default())).len(), 4);
}

#[test]
fn hosts_seen_for_a_moment_make_nothing_rare() {
    let sketches = [
        at(0, High, "r-dump", "credential-access", "srv10"),
        at(90 * DAY, Medium, "r-tool", "persistence", "srv10"),
    ];
    let incidents = |hosts: f64| {
        tell_watched(&StoryTable::bundled().unwrap(), &sketches, &fleet(), 100 * DAY, hosts).incidents.len()
    };
    assert_eq!(incidents(60.0), 1, "sixty hosts watched for months");
    assert_eq!(incidents(4.0), 2, "of sixty hosts all but a few were in short captures");
}

#[test]
fn a_habit_of_the_house_joins_nothing_over_months() {
    // The same rule on the same host every other week, and once something else there.
    let mut sketches: Vec<Sketch> =
        (0..9).map(|n| at(n * 14 * DAY, High, "r-job", "impact", "srv30")).collect();
    sketches.push(at(49 * DAY + 600, High, "r-dump", "credential-access", "srv30"));
    let story = tell(&sketches, &fleet());
    assert_eq!(story.incidents.len(), 10, "{:?}", groups(&story));
}

#[test]
fn a_rule_that_fires_all_over_the_house_is_no_rare_meeting() {
    let mut sketches: Vec<Sketch> = Vec::new();
    let hosts =
        ["srv01", "srv02", "srv03", "srv04", "srv05", "srv06", "srv07", "srv08", "srv09", "srv10", "srv11"];
    for (n, host) in (0..).zip(hosts) {
        sketches.push(at(n * 9 * DAY, Medium, "r-remote-support", "persistence", host));
    }
    sketches.push(at(110 * DAY, High, "r-dump", "credential-access", "srv05"));
    let story = tell(&sketches, &fleet());
    assert_eq!(story.incidents.len(), 12, "{:?}", groups(&story));
}

#[test]
fn two_rare_intrusions_of_months_on_shared_servers_stay_two() {
    let mut p = fleet();
    for n in 0..40 {
        for server in ["dc01", "fs01"] {
            p.note(&entity(EntityKind::Host, server), &entity(EntityKind::Account, &format!("user{n:02}")));
        }
    }
    let story = tell(
        &[
            at(0, High, "r-a1", "execution", "srv01").by("user01"),
            at(2 * DAY, High, "r-b1", "execution", "srv02").by("user02"),
            at(30 * DAY, High, "r-a2", "lateral-movement", "fs01").by("user01"),
            at(33 * DAY, High, "r-b2", "collection", "fs01").by("user02"),
            at(60 * DAY, High, "r-a3", "credential-access", "dc01").by("user01"),
            at(61 * DAY, High, "r-b3", "persistence", "dc01").by("user02"),
        ],
        &p,
    );
    assert_eq!(groups(&story), [vec![0, 2, 4], vec![1, 3, 5]]);
    assert_eq!(story.apart.len(), 1, "and it is said that they touch");
}

#[test]
fn whoever_clears_a_log_is_tied_to_what_it_held_and_the_seam_says_that_accounts_differ() {
    let mut p = fleet();
    for n in 0..40 {
        p.note(&entity(EntityKind::Host, "jump1"), &entity(EntityKind::Account, &format!("user{n:02}")));
    }
    let sketches = |erases| {
        let mut clearing = at(100 * DAY, High, "r-cleared", "defense-evasion", "jump1").by("user02");
        clearing.erases = erases;
        vec![at(0, Medium, "r-desktop", "lateral-movement", "jump1").by("user01"), clearing]
    };
    let story = tell(&sketches(true), &p);
    assert_eq!(groups(&story), [vec![0, 1]]);
    let link = &story.incidents[0].links[0];
    assert!(link.seam && link.because.iter().any(|b| b.reason == Reason::Erased), "{link:?}");
    assert_eq!(
        groups(&tell(&sketches(false), &p)),
        [vec![0], vec![1]],
        "any other act of another account stays apart"
    );
}

#[test]
fn what_was_only_aimed_at_did_nothing() {
    // Guessing at two administrators; months later each of them raises something of their own.
    let story = tell(
        &[
            at(0, Medium, "r-guess", "credential-access", "dc09")
                .by("user05")
                .with("EventID", "4776")
                .with("Status", "0xc000006a"),
            at(60 * DAY, Medium, "r-own", "persistence", "srv05").by("user05"),
        ],
        &fleet(),
    );
    assert_eq!(groups(&story), [vec![0], vec![1]]);
}

#[test]
fn a_text_that_many_hosts_share_is_no_identity() {
    // Two intrusions on hosts where the same agent is installed everywhere, with the same words in its events.
    let agent = |minute, host| {
        at(minute, Medium, "r-service", "persistence", host).with("ServiceName", "Inventory Agent")
    };
    let mut sketches = vec![
        at(0, High, "r-a", "execution", "srv01").by("user01"),
        at(2, High, "r-b", "execution", "srv02").by("user02"),
        agent(40, "srv01").by("user01"),
        agent(80, "srv02").by("user02"),
    ];
    let others = ["srv11", "srv12", "srv13", "srv14", "srv15", "srv16"];
    sketches.extend((0..).zip(others).map(|(n, host)| agent(120 + 20 * n, host)));
    let story = tell(&sketches, &fleet());
    let of = |signal: usize| groups(&story).iter().position(|g| g.contains(&signal));
    assert_ne!(of(0), of(1), "{:?}", groups(&story));
    assert_eq!((of(0), of(1)), (of(2), of(3)));
}

#[test]
fn the_same_bytes_on_two_hosts_are_two_events() {
    let table = StoryTable::bundled().unwrap();
    let mut builder = StoryBuilder::new(&table, 0);
    let time = Some(Timestamp::from_nanos(NANOS_PER_SECOND));
    let none = Fields::default();
    for (rule, host, account) in
        [("r-a", "srv01", "user01"), ("r-b", "srv02", "user02"), ("r-c", "srv02", "user02")]
    {
        let event = EventFacts {
            digest: Digest::of(b"cron: session opened"),
            host,
            log: "",
            account: Some(account),
            channel: "linux/cron",
            fields: &none,
        };
        let stages = table.stages_of(["execution"].into_iter());
        let (first, last) = (time, time);
        builder.add(&Facts {
            level: High,
            rule,
            stages,
            direct: true,
            erases: false,
            first,
            last,
            events: vec![event],
        });
    }
    let story = builder.tell(&fleet(), Watched::default());
    assert_eq!(groups(&story), [vec![0], vec![1, 2]], "two rules on one event of one host belong together");
}

#[test]
fn a_key_that_two_accounts_use_is_no_key() {
    let call = |minute, rule, account| {
        at(minute, Medium, rule, "persistence", "")
            .by(account)
            .in_channel("aws/cloudtrail")
            .with("userIdentity.accessKeyId", "AKIAEXAMPLE")
    };
    let story =
        tell(&[call(0, "r-a", "user01"), call(9, "r-b", "user02"), call(12, "r-c", "user02")], &fleet());
    assert_eq!(groups(&story), [vec![0], vec![1, 2]]);
}

#[test]
fn without_a_host_numbers_are_of_one_log() {
    let act = |minute, rule, log| {
        let mut act = at(minute, High, rule, "execution", "").in_channel("linux/auditd").with("ses", "7");
        act.log = log;
        act
    };
    let one = "a/audit.log";
    let story = tell(&[act(0, "r-a", one), act(9, "r-b", "b/audit.log"), act(12, "r-c", one)], &fleet());
    assert_eq!(groups(&story), [vec![0, 2], vec![1]]);
}

/// Rules that fire on one event come one after the other and share its fields; what they name is the same as if each had
/// a copy, and nothing of it is taken for the next event.
#[test]
fn what_an_event_names_does_not_depend_on_who_shares_it() {
    let table = StoryTable::bundled().unwrap();
    let fields = |process: &str| -> Fields {
        let image = format!("C:\\Temp\\{process}.exe");
        [("Image", image.as_str()), ("ProcessId", "4242")].into_iter().collect()
    };
    let (one, copy, other) = (fields("dropper"), fields("dropper"), fields("another"));
    let told = |events: [(&str, &Fields); 4]| {
        let facts: Vec<Facts<'_>> = events
            .iter()
            .zip(["r-a", "r-b", "r-c", "r-d"])
            .map(|((host, fields), rule)| Facts {
                level: High,
                rule,
                stages: table.stages_of(["execution"].into_iter()),
                direct: true,
                erases: false,
                first: Some(Timestamp::from_nanos(NANOS_PER_SECOND)),
                last: Some(Timestamp::from_nanos(NANOS_PER_SECOND)),
                events: vec![EventFacts {
                    digest: Digest::of(host.as_bytes()),
                    host,
                    log: "",
                    account: Some("user01"),
                    channel: "Security",
                    fields,
                }],
            })
            .collect();
        let mut builder = StoryBuilder::new(&table, 0);
        facts.iter().for_each(|facts| builder.add(facts));
        let story = builder.tell(&fleet(), Watched::default());
        (groups(&story), story.entities)
    };
    let shared = told([("srv01", &one), ("srv01", &one), ("srv02", &one), ("srv02", &other)]);
    let copied = told([("srv01", &one), ("srv01", &copy), ("srv02", &copy), ("srv02", &other)]);
    assert_eq!(shared, copied);
    let files = |entities: &[Entity]| entities.iter().filter(|e| e.kind == EntityKind::File).count();
    assert_eq!(files(&shared.1), 2, "{:?}", shared.1);
}
