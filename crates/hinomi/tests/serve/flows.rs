//! Flows of a probe of another maker (`softflowd`), compared with what another maker's collector (`nfcapd`) makes of them.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hinomi::recorded::Recorded;
use hinomi_columns::{Projection, Store};
use hinomi_ingest::AnyDecoder;
use hinomi_ingest::intake::{Format, Intake, Item, Options};
use hinomi_model::{Diagnostics, Timestamp};
use tempfile::TempDir;

use crate::support::{PATIENCE, Served, program};

const SOFTFLOWD: [&str; 1] = ["/usr/sbin/softflowd"];
const FLOWS: u64 = 300;

/// One flow; times in milliseconds since 1970.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Flow {
    from: String,
    from_port: u64,
    to: String,
    to_port: u64,
    protocol: String,
    packets: u64,
    bytes: u64,
    start: u64,
    end: u64,
}

/// A packet of so many bytes behind its headers.
fn packet(flow: u64, payload: usize) -> Vec<u8> {
    let udp = flow.is_multiple_of(3);
    let ports = [(20_000 + flow) as u16, if udp { 53 } else { 443 }];
    let ports: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
    let rest = if udp {
        [((8 + payload) as u16).to_be_bytes().to_vec(), vec![0; 2]].concat()
    } else {
        [vec![0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 4, 0], vec![0; 4]].concat()
    };
    let body = [ports, rest, vec![b'x'; payload]].concat();
    let mut ip = vec![0x45, 0];
    ip.extend(((20 + body.len()) as u16).to_be_bytes());
    ip.extend([0, 1, 0, 0, 64, if udp { 17 } else { 6 }, 0, 0]);
    ip.extend([192, 0, 2, 1 + (flow % 50) as u8, 198, 51, 100, 1 + (flow % 7) as u8]);
    [vec![0; 12], vec![8, 0], ip, body].concat()
}

/// A capture of flows that lie a few seconds back; when each began and ended, by its source port.
fn capture(path: &Path) -> BTreeMap<u64, (u64, u64)> {
    let mut times = BTreeMap::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut at_us = now.saturating_sub(Duration::from_mins(1)).as_micros() as u64 / 1_000 * 1_000;
    let mut bytes = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat();
    for flow in 0..FLOWS {
        for _ in 0..=flow % 5 {
            at_us += 13_000;
            times.entry(20_000 + flow).or_insert((at_us / 1_000, 0)).1 = at_us / 1_000;
            let packet = packet(flow, (flow % 400) as usize);
            let length = packet.len() as u32;
            let header = [(at_us / 1_000_000) as u32, (at_us % 1_000_000) as u32, length, length];
            bytes.extend(header.map(u32::to_le_bytes).concat());
            bytes.extend(packet);
        }
    }
    std::fs::write(path, bytes).unwrap();
    times
}

/// Runs a program for a minute at most.
fn run(command: &mut Command) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(since.elapsed() < PATIENCE, "{command:?} does not end");
        thread::sleep(Duration::from_millis(50));
    }
}

fn export(capture: &Path, version: &str, port: u16) {
    let to = format!("127.0.0.1:{port}");
    let args = ["-d", "-c", "none", "-v", version, "-n", &to, "-p"];
    run(Command::new(SOFTFLOWD[0]).args(args).arg(capture.with_extension("pid")).arg("-r").arg(capture));
}

/// A collector that is stopped when dropped.
struct Collector(Child);

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// What the other collector makes of the same capture.
fn of_nfcapd(folder: &Path, capture: &Path, version: &str) -> Vec<Flow> {
    let kept = folder.join(format!("nf{version}"));
    std::fs::create_dir(&kept).unwrap();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("/usr/bin/nfcapd");
    command.args(["-b", "127.0.0.1", "-t", "3600", "-p", &port.to_string(), "-w"]).arg(&kept);
    let collector = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let collector = Collector(collector.unwrap());
    // Its socket is there, and then nothing waits in it.
    let waits = |queue: &str| {
        let (own, since) = (format!(":{port:04X} "), Instant::now());
        let is = |line: &str| line.contains(&own) && line.contains(queue);
        while !std::fs::read_to_string("/proc/net/udp").unwrap().lines().any(is) {
            assert!(since.elapsed() < PATIENCE);
            thread::sleep(Duration::from_millis(50));
        }
    };
    waits("");
    export(capture, version, port);
    waits(" 00000000:00000000 ");
    drop(collector);
    let format = "fmt:%sa,%sp,%da,%dp,%pr,%pkt,%byt,%ts,%te";
    let mut command = Command::new("/usr/bin/nfdump");
    let output = command.env("TZ", "UTC").args(["-q", "-N", "-o", format, "-R"]).arg(&kept).output().unwrap();
    let mut flows: Vec<Flow> = String::from_utf8_lossy(&output.stdout).lines().filter_map(of_line).collect();
    flows.sort();
    flows
}

fn of_line(line: &str) -> Option<Flow> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let number = |at: usize| cells.get(at)?.parse::<u64>().ok();
    let time = |at: usize| {
        let text = format!("{}Z", cells.get(at)?.replace(' ', "T"));
        Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond() as u64)
    };
    let text = |at: usize| Some((*cells.get(at)?).to_owned());
    let protocol = match text(4)?.as_str() {
        "6" => "tcp".to_owned(),
        "17" => "udp".to_owned(),
        other => other.to_lowercase(),
    };
    Some(Flow {
        from: text(0)?,
        from_port: number(1)?,
        to: text(2)?,
        to_port: number(3)?,
        protocol,
        packets: number(5)?,
        bytes: number(6)?,
        start: time(7)?,
        end: time(8)?,
    })
}

/// What is read from the ledger.
fn of_ledger(data: &Path) -> (Vec<Flow>, Diagnostics) {
    let recorded = Recorded::open(data).unwrap();
    let mut intake = Intake::new(recorded.roots(), Options::at(Timestamp::from_nanos(0)));
    let mut store = Store::new(&Projection::of(["x"]).and_all_others());
    let (mut decoder, mut losses) = (AnyDecoder::default(), Diagnostics::default());
    while let Some(item) = intake.next() {
        if let Item::Unit(format, unit) = item {
            assert_eq!(format, Format::Flow);
            decoder.decode(format, &unit, &mut store, &mut losses);
        }
    }
    let mut flows = Vec::new();
    for batch in store.batches() {
        for row in 0..batch.rows().len() {
            let text = |name: &str| {
                let field = batch.fields().iter().find(|f| store.fields().name(**f) == name).unwrap();
                store.text(*field, batch.cell(row, *field)).to_owned()
            };
            let number = |name: &str| text(name).parse::<u64>().unwrap();
            let time = |name: &str| text(name).parse::<jiff::Timestamp>().unwrap().as_millisecond() as u64;
            flows.push(Flow {
                from: text("src_ip"),
                from_port: number("src_port"),
                to: text("dst_ip"),
                to_port: number("dst_port"),
                protocol: text("proto"),
                packets: number("packets"),
                bytes: number("bytes_out"),
                start: time("start"),
                end: time("end"),
            });
        }
    }
    flows.sort();
    (flows, losses)
}

fn flows_of_version(version: &str) {
    let all = [&SOFTFLOWD[..], &["/usr/bin/nfcapd"], &["/usr/bin/nfdump"]];
    if all.iter().any(|names| program(names).is_none()) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("flows.pcap");
    let times = capture(&path);
    let expected = of_nfcapd(folder.path(), &path, version);
    let mut served =
        Served::start("[[listen]]\nname = \"f\"\nat = \"127.0.0.1:0\"\nreceive = [\"netflow\"]\n");
    export(&path, version, served.at("f", "netflow").port());
    let since = Instant::now();
    let (mut last, mut quiet) = (0, Instant::now());
    while last == 0 || quiet.elapsed() < Duration::from_secs(2) {
        assert!(since.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(100));
        let now = served.figure("hinomi_events_total", "\"f\"");
        if now != last {
            (last, quiet) = (now, Instant::now());
        }
    }
    assert_eq!(served.terminate(), Some(0));
    let (flows, losses) = of_ledger(&served.data());
    println!("version {version}: {} flows in {last} datagrams, {} of nfdump", flows.len(), expected.len());
    assert!(losses.entries().is_empty(), "{:?}", losses.entries());
    assert_eq!((flows.len() as u64, expected.len() as u64), (FLOWS, FLOWS));
    // Times are compared with the capture: where counts of milliseconds begin anew, the other collector is off by 2³².
    let untimed = |flow: &Flow| Flow { start: 0, end: 0, ..flow.clone() };
    let shown = |flows: &[Flow]| flows.iter().map(untimed).collect::<Vec<_>>();
    assert_eq!(shown(&flows), shown(&expected));
    for flow in &flows {
        let (start, end) = times[&flow.from_port];
        assert!(
            flow.start.abs_diff(start) <= 1_000 && flow.end.abs_diff(end) <= 1_000,
            "{flow:?} {start} {end}"
        );
    }
}

#[test]
fn version_5_of_a_real_probe_is_what_another_collector_reads() {
    flows_of_version("5");
}

#[test]
fn version_9_of_a_real_probe_is_what_another_collector_reads() {
    flows_of_version("9");
}

#[test]
fn ipfix_of_a_real_probe_is_what_another_collector_reads() {
    flows_of_version("10");
}
