//! Every bundled claim put to sign-ins, sensors and flows of a generated organisation: time and memory, and how they grow
//! with observations and entities. The baseline sorts the same observations by time in the same run.
//!
//! `cargo bench -p hinomi-assure --bench assess [-- OBSERVATIONS ENTITIES]`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use hinomi_assure::assess::{Local, Material, SourceLog, assess};
use hinomi_assure::claim::{self, Claim};
use hinomi_assure::inventory::{Entity, EntityKind, Inventory, ListKind, Place};
use hinomi_assure::{Observation, ObservationSpec};
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

const DAYS: u64 = 30;
const SPECS: [&str; 6] = [
    "{kind: sign-in, access: remote, service: vpn}",
    "{kind: sign-in, access: network, service: windows}",
    "{kind: sign-in, access: interactive, service: windows}",
    "{kind: sensor}",
    "{kind: flow}",
    "{kind: factor}",
];

/// Processor time of this thread; a busy machine does not count.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// Most memory that the process has held, and what it holds now, in MB.
fn megabytes() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = text.lines().find(|l| l.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    (field("VmHWM:"), field("VmRSS:"))
}

/// Marsaglia's xorshift.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}

fn address(host: u64) -> String {
    format!("10.{}.{}.{}", host >> 16 & 255, host >> 8 & 255, host & 255)
}

fn observations(count: u64, accounts: u64, hosts: u64) -> Vec<Observation> {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let start = Timestamp::from_civil((2026, 1, 1), (0, 0, 0), 0).unwrap().as_nanos();
    let one = |event: u64| {
        let rule = match draw.below(100) {
            0..=9 => 0,
            10..=49 => 1,
            50..=59 => 2,
            60..=79 => 3,
            80..=94 => 4,
            _ => 5,
        };
        let account = draw.below(accounts);
        let (host, peer) = (draw.below(hosts), draw.below(hosts));
        let signs_in = rule < 3 || rule == 5;
        Observation {
            rule,
            event: event as usize,
            log: rule,
            time: Timestamp::from_nanos(start + draw.below(DAYS * 86_400) as i64 * NANOS_PER_SECOND),
            account: signs_in.then(|| format!("CORP\\user{account}")),
            account_id: None,
            address: Some(address(peer)),
            origin: None,
            device: Some(if rule == 4 { address(host) } else { format!("host{host}") }),
            session: Some(draw.below(60_000).to_string()),
            factors: Vec::new(),
            second_factor: (rule == 0).then_some(!event.is_multiple_of(50)),
            attributes: BTreeMap::from([("protocol".to_owned(), "Kerberos".to_owned())]),
        }
    };
    (0..count).map(one).collect()
}

fn inventory(accounts: u64, hosts: u64) -> Inventory {
    let mut inventory = Inventory::default();
    let mut add = |kind, id: String, said: &[(&str, &str)]| {
        let attributes = said.iter().map(|(n, v)| ((*n).to_owned(), vec![(*v).to_owned()])).collect();
        inventory.add(Entity { attributes, ..Entity::new(kind, id, Place::default(), ListKind::default()) });
    };
    for n in 0..accounts {
        let privileged = if n.is_multiple_of(100) { "yes" } else { "no" };
        let kind = if n.is_multiple_of(37) { "supplier" } else { "person" };
        let said = [("owner", "it"), ("privileged", privileged), ("kind", kind), ("supplier", "acme")];
        add(EntityKind::Account, format!("user{n}"), &said);
    }
    for n in 0..hosts {
        let role = if n.is_multiple_of(20) { "server" } else { "client" };
        let address = address(n);
        add(
            EntityKind::Host,
            format!("host{n}"),
            &[("owner", "it"), ("role", role), ("addresses", &address)],
        );
    }
    add(EntityKind::Supplier, "acme".to_owned(), &[("owner", "it"), ("networks", "10.0.0.0/8")]);
    inventory
}

fn claims() -> Vec<Claim> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../claims/evidence");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    files.iter().map(|f| claim::parse(&std::fs::read_to_string(f).unwrap(), "bundled").unwrap()).collect()
}

fn utc(time: Timestamp) -> Local {
    let seconds = time.as_nanos().div_euclid(NANOS_PER_SECOND);
    Local { day: seconds.div_euclid(86_400) as i32, minute: (seconds.rem_euclid(86_400) / 60) as u32 }
}

fn run(count: u64, entities: u64) {
    let (accounts, hosts) = (entities * 3 / 4, entities / 4);
    let specs: Vec<ObservationSpec> = SPECS.iter().map(|s| serde_yaml_ng::from_str(s).unwrap()).collect();
    let (observations, inventory, claims) =
        (observations(count, accounts, hosts), inventory(accounts, hosts), claims());
    let hours = 0..DAYS as i64 * 24;
    let base =
        Timestamp::from_civil((2026, 1, 1), (0, 0, 0), 0).unwrap().as_nanos() / (3600 * NANOS_PER_SECOND);
    let log = SourceLog {
        host: "host0".to_owned(),
        channel: "vpn".to_owned(),
        kind: "vpn".to_owned(),
        hours: hours.map(|h| base + h).collect(),
        last: None,
    };
    let (_, before) = megabytes();
    let start = processor_seconds();
    let mut sorted: Vec<&Observation> = observations.iter().collect();
    sorted.sort_by_key(|o| (o.time, o.event));
    let baseline = processor_seconds() - start;
    drop(sorted);
    let start = processor_seconds();
    let assessment = assess(&Material {
        claims: &claims,
        specs: &specs,
        observations: &observations,
        inventory: &inventory,
        logs: &[log],
        now: Timestamp::from_civil((2026, 2, 1), (0, 0, 0), 0).unwrap(),
        local: &utc,
    });
    let seconds = processor_seconds() - start;
    let (peak, _) = megabytes();
    println!(
        "{count:>9} observations, {entities:>8} entities, {} claims: {seconds:8.2} s CPU ({:5.1} µs per observation, {:6.1} × sorting), {} verdicts, {} sign-ins, observations and lists {before} MB, peak {peak} MB",
        claims.len(),
        seconds * 1e6 / count as f64,
        seconds / baseline,
        assessment.verdicts.len(),
        assessment.sessions.len(),
    );
}

fn main() {
    let mut given = std::env::args().skip(1).filter_map(|a| a.parse().ok());
    match (given.next(), given.next()) {
        (Some(count), Some(entities)) => run(count, entities),
        _ => [(10_000, 1_000), (100_000, 1_000), (100_000, 10_000)].into_iter().for_each(|(c, e)| run(c, e)),
    }
}
