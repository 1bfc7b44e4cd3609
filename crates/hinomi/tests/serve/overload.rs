//! A disk that is full, and a sender that sends as fast as it can: nothing acknowledged is lost, and others are served.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hinomi_testkit::seeded::Seeded;
use tempfile::TempDir;

use crate::support::{PATIENCE, Served, send, write_configuration};

/// A file system in memory, of some megabytes.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf, megabytes: u64) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let size = format!("size={megabytes}m");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output();
        if !done.as_ref().is_ok_and(|o| o.status.success()) {
            println!("SKIPPED: no small file system can be mounted here");
            return None;
        }
        Some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Lines that do not pack, which begin with a number.
fn lines(random: &mut Seeded, number: usize) -> Vec<u8> {
    let mut noise = vec![0; 600_000];
    random.fill(&mut noise);
    // Printable, and in lines.
    noise.iter_mut().for_each(|byte| *byte = 33 + *byte % 90);
    let lines = noise.chunks(3_000).map(|chunk| [format!("{number} ").as_bytes(), chunk, b"\n"].concat());
    lines.collect::<Vec<_>>().concat()
}

#[test]
fn a_full_disk_makes_senders_wait_and_space_lets_them_go_on() {
    let folder = TempDir::new().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path().join("data"), 200) else { return };
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![1; 110 << 20]).unwrap();
    let collector = UdpSocket::bind("127.0.0.1:0").unwrap();
    collector.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = collector.local_addr().unwrap().port();
    let told = format!(
        "[alerts]\nroute = {{ critical = \"all\" }}\n\
         [[sink]]\nname = \"siem\"\nkind = \"syslog\"\nserver = \"127.0.0.1:{port}\"\ntransport = \"udp\"\n\
         [[policy]]\nname = \"all\"\nstep = [{{ tell = [\"sink:siem\"] }}]\n"
    );
    let listen = "[limits]\nacknowledge_seconds = 4\n[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n";
    write_configuration(folder.path(), &[listen, &told].concat());
    let mut served = Served::start_in(folder);
    let at = served.at("h", "http");
    let mut random = Seeded::new(5);
    let mut acknowledged = BTreeSet::new();
    let refused = (0..1_000).find_map(|number| {
        let answer = send(at, "/ndjson", &[], &lines(&mut random, number));
        acknowledged.extend((answer.status == 200).then_some(number));
        (answer.status != 200).then_some(answer)
    });
    let refused = refused.unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.head.to_lowercase().contains("retry-after: "));
    let since = Instant::now();
    while served.admin("/readyz").0 == 200 {
        assert!(since.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(200));
    }
    assert!(served.admin("/readyz").1.contains("disk full"));
    assert_eq!(served.admin("/healthz").0, 200);
    // The journal says it, and so does an alert, although nothing can be saved.
    served.wait_for_line("the ledger takes nothing");
    let mut datagram = [0; 4_096];
    let length = collector.recv(&mut datagram).unwrap();
    let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
    assert!(text.contains("ledger-takes-nothing") && text.contains("critical"), "{text}");
    std::fs::remove_file(ballast).unwrap();
    served.wait_for_line("the ledger takes records again");
    let after =
        (1_000..1_100).find(|number| send(at, "/ndjson", &[], &lines(&mut random, *number)).status == 200);
    acknowledged.insert(after.expect("it goes on"));
    assert_eq!(served.admin("/readyz").0, 200);
    let records = served.records();
    let numbers: BTreeSet<usize> = records["h/ndjson/tests@127.0.0.1"]
        .iter()
        .map(|line| String::from_utf8_lossy(line).split(' ').next().unwrap().parse().unwrap())
        .collect();
    println!("{} requests acknowledged before and after the disk was full", acknowledged.len());
    assert!(acknowledged.len() > 20 && acknowledged.is_subset(&numbers));
    drop(disk);
}

#[test]
fn a_server_whose_disk_stays_full_stops_and_says_what_it_did_not_keep() {
    let folder = TempDir::new().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path().join("data"), 80) else { return };
    write_configuration(
        folder.path(),
        "[limits]\nacknowledge_seconds = 1\n[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n",
    );
    let mut served = Served::start_in(folder);
    let at = served.at("h", "http");
    let mut random = Seeded::new(6);
    let mut acknowledged = BTreeSet::new();
    let refused = (0..1_000).find(|number| {
        let answer = send(at, "/ndjson", &[], &lines(&mut random, *number));
        acknowledged.extend((answer.status == 200).then_some(*number));
        answer.status != 200
    });
    assert!(refused.is_some());
    assert_eq!(served.terminate(), Some(5), "it did not keep the last");
    let said = served.wait_for_line("stopped; what was received last was not kept");
    assert!(said["why"].as_str().unwrap().contains("take space in"), "{said}");
    let records = crate::support::records(&served.data());
    let numbers: BTreeSet<usize> = records["h/ndjson/tests@127.0.0.1"]
        .iter()
        .map(|line| String::from_utf8_lossy(line).split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(!acknowledged.is_empty() && acknowledged.is_subset(&numbers));
    drop(disk);
}

#[test]
fn a_sender_that_floods_delays_others_by_little() {
    let mut served = Served::start(
        "[limits]\nsource_memory_mib = 96\n[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n\
         [[listen]]\nname = \"n\"\nat = \"127.0.0.1:0\"\nreceive = [\"syslog-tcp\"]\n",
    );
    let (http, syslog) = (served.at("h", "http"), served.at("n", "syslog-tcp"));
    let stop = AtomicBool::new(false);
    let flood = || {
        let mut stream = TcpStream::connect(syslog).unwrap();
        let lines = b"<134>Nov 22 10:00:00 fw one line of very many\n".repeat(2_000);
        while !stop.load(Ordering::Relaxed) {
            stream.write_all(&lines).unwrap();
        }
    };
    let (slowest, health) = thread::scope(|scope| {
        (0..4).for_each(|_| drop(scope.spawn(flood)));
        served.await_figure("hinomi_events_total", "\"n\"", 50_000);
        let timed = |ask: &dyn Fn() -> u16| {
            let since = Instant::now();
            assert_eq!(ask(), 200);
            since.elapsed()
        };
        let slowest = (0..20).map(|_| timed(&|| send(http, "/ndjson", &[], b"{}\n").status)).max().unwrap();
        let health = (0..20).map(|_| timed(&|| served.admin("/healthz").0)).max().unwrap();
        stop.store(true, Ordering::Relaxed);
        (slowest, health)
    });
    println!("beside a flood: acknowledged within {slowest:?}, health within {health:?}");
    assert!(slowest < Duration::from_secs(5) && health < Duration::from_secs(2));
    assert_eq!(served.records()["h/ndjson/tests@127.0.0.1"].len(), 20);
}
