//! Judging in parts, on shelves and threads, comes to the same as judging the whole.

use std::io;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::assess::stock::Stock as _;
use crate::inventory::Memo;
use crate::session::{Named, Rebuilt};

/// Shelves in memory.
#[derive(Default)]
struct Boxes(Mutex<BTreeMap<usize, Vec<u8>>>);

impl Shelves for Boxes {
    fn put(&self, number: usize, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().entry(number).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn take(&self, number: usize) -> io::Result<Vec<u8>> {
        Ok(self.0.lock().unwrap().remove(&number).unwrap_or_default())
    }

    fn copy(&self, number: usize) -> io::Result<Vec<u8>> {
        Ok(self.0.lock().unwrap().get(&number).cloned().unwrap_or_default())
    }
}

fn in_parts(world: &World, parts: usize, verdicts: usize) -> Assessment {
    let shelves = Boxes::default();
    let mut collected = Collected::new(&world.specs, &world.inventory, &shelves, parts);
    world.observations.iter().for_each(|seen| collected.add(seen).unwrap());
    assert_eq!(collected.count(), world.observations.len() as u64);
    assess_collected(&world.material(), collected, Bounds { threads: 2, verdicts, sessions: 7 }).unwrap()
}

/// Everything that an assessment says.
fn said(assessment: &Assessment) -> Vec<String> {
    let mut lines: Vec<String> = assessment.verdicts.iter().map(|v| format!("{v:?}")).collect();
    lines.extend(assessment.exceptions.iter().map(|e| format!("{e:?}")));
    lines.extend(assessment.unseen.iter().map(|u| format!("{u:?}")));
    lines.push(format!("{:?} {:?}", assessment.tallies, assessment.unlisted));
    lines.push(format!("{:?} {:?}", assessment.sign_ins, assessment.sign_ins_of_suppliers));
    lines.push(format!("{:?} {:?}", assessment.days, assessment.observations));
    assert!(assessment.sessions.len() <= 7);
    let of = |s: &Session| format!("{:?} {:?} {:?} {:?}", s.time, s.account, s.service, s.second_factor);
    lines.extend(assessment.sessions.iter().map(of));
    lines
}

const NAMES: [&str; 9] = [
    "mika",
    "CORP\\mika",
    "mika@corp.example.jp",
    "ctr1",
    "adm1",
    "EVE@corp.example.jp",
    "eve",
    // A lasting id in place of a name.
    ID_OF_EVE,
    "",
];
/// The lasting id that events name with one form of an account, and sometimes with others.
const ID_OF_EVE: &str = "S-1-5-21-1-2-3-1104";
const PLACES: [&str; 9] =
    ["gw", "fs", "FS.corp.example.jp", "dc", "paw", "pc7", "pc7.corp.example.jp", "192.0.2.20", ""];
const ADDRESSES: [&str; 6] = ["198.51.100.7", "192.0.2.9", "192.0.2.20", "192.0.2.50", "203.0.113.9", ""];

prop_compose! {
    fn seen()(
        kind in 0..KINDS.len(),
        second in prop_oneof![0..200_i64, 0..3 * 24 * HOUR],
        account in prop::sample::select(&NAMES[..]),
        other_id in prop::option::weighted(0.2, prop::sample::select(&["S-1-5-21-1-2-3-1105", "S-1-5-21-1-2-3-1106"][..])),
        address in prop::sample::select(&ADDRESSES[..]),
        origin in prop::sample::select(&PLACES[..]),
        device in prop::sample::select(&PLACES[..]),
        (log, key, stated) in (0..3_usize, 0..4_u8, prop::option::weighted(0.2, any::<bool>())),
    ) -> Observation {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Observation {
            rule: kind,
            event: 0,
            log,
            time: at(second),
            account: some(account),
            account_id: if account == "eve" { some(ID_OF_EVE) } else { other_id.and_then(some) },
            address: some(address),
            origin: some(origin),
            device: some(device),
            session: (key > 0).then(|| key.to_string()),
            factors: if key == 3 { vec!["Password".to_owned()] } else { Vec::new() },
            second_factor: stated,
            attributes: Attributes::from_iter([
                ("protocol", if key == 2 { "NTLMv1" } else { "Kerberos" }.to_owned()),
                ("service", "s3".to_owned()),
                ("right", "s3:GetObject".to_owned()),
            ]),
        }
    }
}

fn world(all: Vec<Observation>) -> World {
    let exceptions = "exception,claim,entity,owner,reason,valid until\n\
        x1,remote-second-factor,ctr1,it,old device,2026-02-05\nx2,remote-second-factor,*,it,move,2026-12-31\n";
    let lists = [
        ("a", ACCOUNTS),
        ("s", SUPPLIERS),
        ("h", HOSTS),
        ("g", SEGMENTS),
        ("l", SOURCES),
        ("w", WEAKNESSES),
        ("r", GRANTS),
        ("m", ADMINISTRATORS),
        ("e", exceptions),
    ];
    let mut world = World::new(&lists);
    world.observations = all;
    for (event, seen) in world.observations.iter_mut().enumerate() {
        seen.event = event;
    }
    world.log("fs", "jobs", 0..50);
    world.log("pc7", "jobs", 30..60);
    // Claims whose entities lie in several parts.
    for (id, of, about) in [("by-device", "session", "device"), ("by-address", "flow", "address")] {
        let text = format!(
            "id: {id}\nversion: 1\ntitle: {{en: t, ja: t}}\nwhy: {{en: w, ja: w}}\nof: {of}\nabout: {about}\n\
             holds: {{origin.role: [gateway]}}\nremedy: {{en: r, ja: r}}\n"
        );
        world.claims.push(claim::parse(&text, id).unwrap());
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn parts_come_to_the_same_as_the_whole(all in prop::collection::vec(seen(), 0..120), parts in 1..9_usize) {
        let world = world(all);
        let (whole, apart) = (world.assess(), in_parts(&world, parts, usize::MAX));
        for assessment in [&whole, &apart] {
            let excepted: u64 = assessment.exceptions.iter().map(|e| e.covers).sum();
            let rows = assessment.tallies.values().filter_map(|t| t.rows.get(&Outcome::Excepted));
            prop_assert_eq!(excepted, rows.sum::<u64>());
        }
        let (whole, apart) = (said(&whole), said(&apart));
        for (one, other) in whole.iter().zip(&apart) {
            prop_assert_eq!(one, other);
        }
        prop_assert_eq!(whole.len(), apart.len());
    }

    /// What is learnt near checks is all there is to learn from checks.
    #[test]
    fn far_from_checks_nothing_is_learnt(all in prop::collection::vec(seen(), 0..150)) {
        let world = world(all);
        let resolver = Resolver::new(&world.inventory, sighted(&world.observations, &[]));
        let names = Memo::of(&resolver);
        let named = |observations: Vec<Observation>| {
            let mut named = Named::default();
            named.add(&Rebuilt::of(&world.specs, observations, &names));
            named
        };
        let stock = Whole::new(&world.specs, &world.observations);
        let near = stock.near_checks(0, &world.specs, &names).unwrap();
        prop_assert_eq!(named(near), named(world.observations.clone()));
    }

    /// Fewer verdicts than there are: those that need attention most, and all are counted.
    #[test]
    fn the_verdicts_that_are_kept_need_attention_most(all in prop::collection::vec(seen(), 1..60)) {
        let world = world(all);
        let (whole, few) = (world.assess(), in_parts(&world, 3, 2));
        prop_assert_eq!(&whole.tallies, &few.tallies);
        for claim in &world.claims {
            let of = |a: &Assessment| -> Vec<String> {
                a.verdicts.iter().filter(|v| v.claim == claim.id).map(|v| format!("{v:?}")).collect()
            };
            let (all, kept) = (of(&whole), of(&few));
            prop_assert_eq!(&all[..all.len().min(2)], &kept[..]);
        }
    }
}

/// Shelves that lose what was put on them.
struct Torn(Boxes);

impl Shelves for Torn {
    fn put(&self, number: usize, bytes: &[u8]) -> io::Result<()> {
        self.0.put(number, bytes)
    }

    fn take(&self, number: usize) -> io::Result<Vec<u8>> {
        let mut bytes = self.0.take(number)?;
        bytes.pop();
        Ok(bytes)
    }

    fn copy(&self, number: usize) -> io::Result<Vec<u8>> {
        let mut bytes = self.0.copy(number)?;
        bytes.pop();
        Ok(bytes)
    }
}

#[test]
fn what_does_not_come_back_is_an_error_and_no_verdict() {
    let mut world = World::new(&[("a", ACCOUNTS)]);
    world.see("remote", 100, ["mika", "192.0.2.9", "", "gw"]);
    let shelves = Torn(Boxes::default());
    let mut collected = Collected::new(&world.specs, &world.inventory, &shelves, 4);
    world.observations.iter().for_each(|seen| collected.add(seen).unwrap());
    let failed =
        assess_collected(&world.material(), collected, Bounds { threads: 2, verdicts: 10, sessions: 0 });
    assert!(matches!(failed, Err(ShelfError::Changed(_))), "{failed:?}");
}
