//! Every bundled claim put to sign-ins, sensors and flows of a generated organisation: time and memory, and how they grow
//! with observations and entities. The baseline sorts the same observations by time in the same run.
//!
//! `cargo bench -p hinomi-assure --bench assess [-- OBSERVATIONS ENTITIES [PARTS]]`: with parts, observations lie in files and
//! never in memory, and two threads judge.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking")]

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hinomi_assure::assess::{
    Assessment, Bounds, Collected, Local, Material, Shelves, SourceLog, assess, assess_collected,
};
use hinomi_assure::claim::{self, Claim, Subject};
use hinomi_assure::inventory::{Entity, EntityKind, Inventory, ListKind, Place};
use hinomi_assure::{Attributes, Observation, ObservationSpec};
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DAYS: u64 = 30;
const SPECS: [&str; 6] = [
    "{kind: sign-in, access: remote, service: vpn}",
    "{kind: sign-in, access: network, service: windows}",
    "{kind: sign-in, access: interactive, service: windows}",
    "{kind: sensor}",
    "{kind: flow}",
    "{kind: factor}",
];

/// Processor time of the process; a busy machine does not count.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name, which may hold anything: user and system time are the 12th and 13th field, in hundredths.
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).unwrap().parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
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

/// Observations of a month, evenly spread.
fn observations(count: u64, accounts: u64, hosts: u64) -> impl Iterator<Item = Observation> {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let start = Timestamp::from_civil((2026, 1, 1), (0, 0, 0), 0).unwrap().as_nanos();
    let one = move |event: u64| {
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
            attributes: Attributes::from_iter([("protocol", "Kerberos".to_owned())]),
        }
    };
    (0..count).map(one)
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

/// The bundled claims, and those about sign-ins and accounts once more until there are fifty.
fn claims() -> Vec<Claim> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../claims/evidence");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let read =
        |f: &std::path::PathBuf| claim::parse(&std::fs::read_to_string(f).unwrap(), "bundled").unwrap();
    let mut claims: Vec<Claim> = files.iter().map(read).collect();
    let again = claims.iter().filter(|c| matches!(c.of, Subject::Session | Subject::Account)).cloned();
    let again: Vec<Claim> = again.map(|c| Claim { id: format!("{}-again", c.id), ..c }).collect();
    claims.extend(again.into_iter().take(50_usize.saturating_sub(files.len())));
    claims
}

/// Files in a folder that is removed at the end.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("hinomi-assess-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn shelf(&self, number: usize) -> PathBuf {
        self.0.join(number.to_string())
    }

    fn bytes(&self) -> u64 {
        std::fs::read_dir(&self.0).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

impl Shelves for Files {
    fn put(&self, number: usize, bytes: &[u8]) -> io::Result<()> {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.shelf(number))?;
        file.write_all(bytes)
    }

    fn take(&self, number: usize) -> io::Result<Vec<u8>> {
        let bytes = self.copy(number)?;
        if self.shelf(number).exists() {
            std::fs::remove_file(self.shelf(number))?;
        }
        Ok(bytes)
    }

    fn copy(&self, number: usize) -> io::Result<Vec<u8>> {
        if self.shelf(number).exists() { std::fs::read(self.shelf(number)) } else { Ok(Vec::new()) }
    }
}

fn utc(time: Timestamp) -> Local {
    let seconds = time.as_nanos().div_euclid(NANOS_PER_SECOND);
    Local { day: seconds.div_euclid(86_400) as i32, minute: (seconds.rem_euclid(86_400) / 60) as u32 }
}

/// A log that came in every hour.
fn log() -> SourceLog {
    let start = Timestamp::from_civil((2026, 1, 1), (0, 0, 0), 0).unwrap().as_nanos();
    let base = start / (3600 * NANOS_PER_SECOND);
    SourceLog {
        host: "host0".to_owned(),
        channel: "vpn".to_owned(),
        kind: "vpn".to_owned(),
        hours: (0..DAYS as i64 * 24).map(|h| base + h).collect(),
        last: None,
    }
}

/// Judges `count` observations of `entities`, in memory or in parts.
fn run(count: u64, entities: u64, parts: Option<usize>) {
    let (accounts, hosts) = (entities * 3 / 4, entities / 4);
    let specs: Vec<ObservationSpec> = SPECS.iter().map(|s| serde_yaml_ng::from_str(s).unwrap()).collect();
    let (inventory, claims, logs) = (inventory(accounts, hosts), claims(), [log()]);
    let material = Material {
        claims: &claims,
        specs: &specs,
        inventory: &inventory,
        logs: &logs,
        now: Timestamp::from_civil((2026, 2, 1), (0, 0, 0), 0).unwrap(),
        local: &utc,
    };
    let seen = observations(count, accounts, hosts);
    let lists = megabytes().1;
    let (assessment, seconds, more) = match parts {
        Some(parts) => outside_memory(&material, seen, parts),
        None => in_memory(&material, seen.collect()),
    };
    let judged: u64 = assessment.tallies.values().flat_map(|t| t.entities.values()).sum();
    println!(
        "{count:>9} observations, {entities:>8} entities, {} claims: {seconds:.2} s CPU ({:.1} µs per observation), {judged} verdicts, {more}, lists {lists} MB, peak {} MB",
        claims.len(),
        seconds * 1e6 / count as f64,
        megabytes().0,
    );
}

fn in_memory(material: &Material<'_>, seen: Vec<Observation>) -> (Assessment, f64, String) {
    let start = processor_seconds();
    let mut sorted: Vec<&Observation> = seen.iter().collect();
    sorted.sort_by_key(|o| (o.time, o.event));
    let baseline = (processor_seconds() - start).max(0.01);
    drop(sorted);
    let (start, held) = (processor_seconds(), megabytes().1);
    let assessment = assess(material, &seen);
    let seconds = processor_seconds() - start;
    (assessment, seconds, format!("{:.1} × sorting, with observations {held} MB", seconds / baseline))
}

/// Making the observations counts as well: they are never all there.
fn outside_memory(
    material: &Material<'_>,
    seen: impl Iterator<Item = Observation> + Send,
    parts: usize,
) -> (Assessment, f64, String) {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    let clock = std::time::Instant::now();
    let (start, files) = (processor_seconds(), Files::new());
    let mut collected = Collected::new(material.specs, material.inventory, &files, parts);
    std::thread::scope(|scope| {
        let (send, receive) = std::sync::mpsc::sync_channel::<Vec<Observation>>(4);
        scope.spawn(move || {
            let mut seen = seen;
            while let Some(batch) =
                Some(seen.by_ref().take(4096).collect::<Vec<_>>()).filter(|b| !b.is_empty())
            {
                send.send(batch).unwrap();
            }
        });
        for batch in receive {
            batch.iter().for_each(|seen| collected.add(seen).unwrap());
        }
    });
    let (taken, bytes) = (processor_seconds() - start, files.bytes() >> 20);
    let bounds = Bounds { threads: 2, verdicts: 1_000, sessions: 0 };
    let assessment = assess_collected(material, collected, bounds).unwrap();
    let (seconds, wall) = (processor_seconds() - start, clock.elapsed().as_secs_f64());
    (
        assessment,
        seconds,
        format!("{taken:.1} s of it to make and store them, {wall:.1} s on the clock, {bytes} MB in files"),
    )
}

fn main() {
    let given: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    match given.as_slice() {
        [count, entities] => run(*count, *entities, None),
        [count, entities, parts] => run(*count, *entities, usize::try_from(*parts).ok()),
        _ => {
            [(10_000, 1_000), (100_000, 1_000), (100_000, 10_000)]
                .into_iter()
                .for_each(|(c, e)| run(c, e, None));
            run(100_000, 10_000, Some(8));
        }
    }
}
