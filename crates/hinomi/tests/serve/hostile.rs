//! Senders that mean harm: what they can make the server hold is bounded, and others are served meanwhile.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use hinomi_testkit::seeded::Seeded;
use tempfile::TempDir;

use crate::support::{PATIENCE, Served, TOKEN, certificates, program, resident, send};

const MIB: u64 = 1 << 20;
/// What the limits below allow to be on its way.
const ON_THE_WAY: u64 = 48 * MIB;
/// The program itself, its threads, the ledger's own queue and detection with all rules, in a build without optimisation.
const BESIDES: u64 = 256 * MIB;
const LIMITS: &str = "[limits]\nmemory_mib = 48\nsource_memory_mib = 16\nbody_mib = 2\nunpacked_mib = 4\n\
    message_kib = 64\nconnections = 64\nconnections_per_address = 16\n";

fn listeners(protocols: &[&str]) -> String {
    let listen = |(at, protocol): (usize, &&str)| {
        format!("[[listen]]\nname = \"l{at}\"\nat = \"127.0.0.1:0\"\nreceive = [\"{protocol}\"]\n")
    };
    format!("{LIMITS}{}", protocols.iter().enumerate().map(listen).collect::<String>())
}

fn is_bounded(served: &Served) {
    let resident = resident(served.pid());
    assert!(resident < ON_THE_WAY + BESIDES, "{} MiB", resident / MIB);
    assert_eq!(served.admin("/readyz").0, 200);
}

/// A request from another address of this machine, or `None` where it cannot be made.
fn from_elsewhere(at: SocketAddr) -> Option<bool> {
    let curl = program(&["/usr/bin/curl"])?;
    let url = format!("http://{at}/ndjson");
    let bearer = format!("authorization: Bearer {TOKEN}");
    let args = ["-sf", "-m", "20", "--interface", "127.0.0.2", "-H", &bearer, "-d", "{}", &url];
    Some(Command::new(curl).args(args).output().unwrap().status.success())
}

#[test]
fn connections_that_never_finish_take_no_more_than_their_share() {
    let mut served = Served::start(&listeners(&["http", "syslog-tcp"]));
    let (http, syslog) = (served.at("l0", "http"), served.at("l1", "syslog-tcp"));
    let mut open = Vec::new();
    for n in 0..40 {
        for (at, beginning) in [(http, "POST /ndjson HTTP/1.1\r\nhost: x\r\nx-a"), (syslog, "900000 <1>")] {
            let mut stream = TcpStream::connect(at).unwrap();
            let _ = stream.write_all(&beginning.as_bytes()[..=n % beginning.len()]);
            open.push(stream);
        }
    }
    served.await_figure("hinomi_connections_turned_away_total", "l0", 24);
    served.await_figure("hinomi_connections_turned_away_total", "l1", 24);
    if let Some(served_elsewhere) = from_elsewhere(http) {
        assert!(served_elsewhere);
    }
    is_bounded(&served);
    drop(open);
    assert_eq!(served.terminate(), Some(0));
}

#[test]
fn bodies_that_are_too_large_or_unpack_to_too_much_are_refused() {
    let served = Served::start(&listeners(&["http"]));
    let at = served.at("l0", "http");
    assert_eq!(send(at, "/ndjson", &[], &vec![b'a'; 3 << 20]).status, 413);
    let zeros = vec![0; 256 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&zeros).unwrap();
    let bombs = [("gzip", gzip.finish().unwrap()), ("zstd", zstd::encode_all(&zeros[..], 3).unwrap())];
    drop(zeros);
    for (encoding, bomb) in &bombs {
        assert!(bomb.len() < 1 << 20);
        for path in ["/ndjson", "/_bulk", "/services/collector", "/services/collector/raw"] {
            assert_eq!(send(at, path, &[("content-encoding", encoding)], bomb).status, 413, "{path}");
        }
    }
    // A body without an end, which states no length.
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /ndjson HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(1 << 16));
    while stream.write_all(chunk.as_bytes()).is_ok() {}
    let mut answer = [0; 16];
    let read = stream.read(&mut answer).unwrap_or(0);
    assert!(read == 0 || answer[..read].windows(3).any(|w| w == b"413"));
    assert_eq!(served.figure("hinomi_events_total", ""), 0);
    is_bounded(&served);
}

#[test]
fn a_record_that_the_ledger_would_not_take_is_refused_and_nothing_else() {
    let mut served = Served::start("[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n");
    let at = served.at("h", "http");
    let line = zstd::encode_all(&vec![b'a'; (16 << 20) + 1][..], 3).unwrap();
    for path in ["/ndjson", "/services/collector/raw"] {
        assert_eq!(send(at, path, &[("content-encoding", "zstd")], &line).status, 413, "{path}");
    }
    assert_eq!(send(at, "/ndjson", &[], b"{}").status, 200);
    assert_eq!(served.admin("/readyz").0, 200);
    assert_eq!(served.records().values().map(Vec::len).sum::<usize>(), 1);
}

#[test]
fn many_large_bodies_at_once_wait_or_are_told_to_come_again() {
    let mut served = Served::start(&listeners(&["http"]));
    let at = served.at("l0", "http");
    let body = [&b"x".repeat(1000)[..], b"\n"].concat().repeat(2000);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let one = || (0..8).map(|_| send(at, "/ndjson", &[], &body).status).collect::<Vec<_>>();
        let senders: Vec<_> = (0..15).map(|_| scope.spawn(one)).collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    is_bounded(&served);
    let kept = statuses.iter().filter(|status| **status == 200).count();
    assert!(kept > 0 && statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    let records: usize = served.records().values().map(Vec::len).sum();
    assert_eq!(records, kept * 2000, "what was acknowledged is there, and nothing of what was not");
}

#[test]
fn a_line_without_an_end_is_cut_and_kept() {
    let mut served = Served::start(&listeners(&["syslog-tcp"]));
    let mut stream = TcpStream::connect(served.at("l0", "syslog-tcp")).unwrap();
    let piece = vec![b'a'; 1 << 20];
    stream.write_all(b"<1>").unwrap();
    (0..40).for_each(|_| stream.write_all(&piece).unwrap());
    served.await_figure("hinomi_oversized_total", "l0", 640);
    is_bounded(&served);
    drop(stream);
    served.await_figure("hinomi_bytes_total", "l0", 40 * MIB + 3);
    let records = served.records();
    let lengths: usize = records.values().flatten().map(Vec::len).sum();
    assert_eq!(lengths as u64, 40 * MIB + 3);
}

#[test]
fn garbage_to_every_receiver_ends_that_connection_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let Some(()) = certificates(folder.path()) else { return };
    let file = |name: &str| folder.path().join(name).display().to_string();
    let tls = format!("tls = {{ certificate = {:?}, key = {:?} }}\n", file("server.pem"), file("server.key"));
    let encrypted = |name: &str, protocol: &str| {
        format!("[[listen]]\nname = \"{name}\"\nat = \"127.0.0.1:0\"\nreceive = [\"{protocol}\"]\n{tls}")
    };
    let text = format!(
        "{}{}{}",
        listeners(&["http", "syslog-tcp"]),
        encrypted("t", "syslog-tls"),
        encrypted("s", "https")
    );
    let served = Served::start(&text);
    let all = [
        served.at("l0", "http"),
        served.at("l1", "syslog-tcp"),
        served.at("t", "syslog-tls"),
        served.at("s", "https"),
    ];
    let rounds = hinomi_testkit::soak::rounds(200, 5_000);
    let mut random = Seeded::new(1);
    let beginnings: [&[u8]; 7] = [
        b"",
        b"POST /_bulk HTTP/1.1\r\nhost: x\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"99999999 <1>",
        b"<34>",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for round in 0..rounds {
        let mut stream = TcpStream::connect(all[round % all.len()]).unwrap();
        let mut bytes = beginnings[random.index(beginnings.len())].to_vec();
        let mut tail = vec![0; random.index(3000)];
        random.fill(&mut tail);
        bytes.extend(tail);
        let _ = stream.write_all(&bytes);
        stream.set_read_timeout(Some(Duration::from_millis(1 + random.below(20)))).unwrap();
        let _ = stream.read(&mut [0; 64]);
    }
    is_bounded(&served);
    fuzzed_bodies(&served, all[0], &mut random, rounds);
    assert_eq!(send(all[0], "/ndjson", &[], b"{}").status, 200);
    is_bounded(&served);
}

/// Bodies near to what they should be, from a sender with a token: kept or refused, and never a fault of the server.
fn fuzzed_bodies(served: &Served, at: SocketAddr, random: &mut Seeded, rounds: usize) {
    let sound: [(&str, &[u8]); 6] = [
        ("/_bulk", b"{\"index\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"a\":[1,2,{\"b\":null}]}\n{\"create\":{}}\n{}\n"),
        ("/services/collector", b"{\"time\":1,\"event\":{\"a\":\"\\u0000\"}}{\"event\":\"x\",\"fields\":{}}"),
        ("/services/collector/ack", b"{\"acks\":[1,2,3]}"),
        ("/services/collector/raw", b"a\nb\r\n\r\nc"),
        ("/v1/logs", b"\n\x09\x12\x07\x12\x05\x2a\x03\n\x01p"),
        ("/v1/logs", b"\n\x0b\n\x09\n\x07\n\x01k\x12\x02\x10\x01"),
    ];
    for round in 0..rounds {
        let (path, body) = sound[round % sound.len()];
        let mut body = body.to_vec();
        for _ in 0..=random.below(3) {
            let at = random.index(body.len());
            match random.below(3) {
                0 => body[at] = random.next_u64() as u8,
                1 => drop(body.drain(at..)),
                _ => body.extend_from_slice(&body.clone()[at..]),
            }
            if body.is_empty() {
                body.push(b'{');
            }
        }
        let encoding = ["identity", "gzip", "zstd"][usize::from(random.chance(20)) * random.index(3)];
        let status = send(at, path, &[("content-encoding", encoding)], &body).status;
        assert!(matches!(status, 200 | 400 | 413), "{status} for {:?}", String::from_utf8_lossy(&body));
    }
    assert_eq!(served.admin("/healthz").0, 200);
}
