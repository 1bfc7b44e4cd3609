//! Files and archives that are uploaded, with curl where it is installed, and broken and hostile ones.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hinomi_testkit::seeded::Seeded;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, Served, TOKEN, ask, command, free_port, program, records, resident, send};

const LISTEN: &str = "[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n";
/// Of the sender, and before every log that it uploads.
const SENDER: &str = "h/upload/tests@127.0.0.1";

/// Makes files with Python: `members` is its code for a list of name and bytes.
fn archive(folder: &Path, name: &str, members: &str) -> Vec<u8> {
    let script = format!(
        "import io,sys,zipfile,tarfile,gzip\n\
         def zipped(members):\n  b=io.BytesIO()\n  z=zipfile.ZipFile(b,'w',zipfile.ZIP_DEFLATED)\n  \
           [z.writestr(n,d) for n,d in members]\n  z.close()\n  return b.getvalue()\n\
         def tarred(members):\n  b=io.BytesIO()\n  t=tarfile.open(fileobj=b,mode='w')\n  \
           [(lambda i:(setattr(i,'size',len(d)),t.addfile(i,io.BytesIO(d))))(tarfile.TarInfo(n)) for n,d in members]\n  \
           t.close()\n  return b.getvalue()\n\
         def chunk(a,b):\n  return (b'ElfChnk\\0'+b'\\0'*16+a.to_bytes(8,'little')+b.to_bytes(8,'little')).ljust(65536,b'\\0')\n\
         evtx=b'ElfFile\\0'.ljust(4096,b'\\0')+chunk(1,9)+chunk(10,12)\n\
         lines=b''.join(b'Jan  1 00:00:%02d gw sshd[1]: line %d\\n'%(n%60,n) for n in range(500))\n\
         open(sys.argv[1],'wb').write({members})\n"
    );
    let path = folder.join(name);
    let done = Command::new("python3").args(["-c", &script]).arg(&path).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    std::fs::read(path).unwrap()
}

const TRIAGE: &str = "zipped([('C/Logs/Security.evtx',evtx),('auth.log',lines),('old.tar.gz',gzip.compress(tarred([('a/b.json',b'{\"n\":1}\\n{\"n\":2}')])))])";

/// The records of logs that were uploaded as `name`, by what follows the sender.
fn uploaded(all: &BTreeMap<String, Vec<Vec<u8>>>) -> BTreeMap<String, Vec<Vec<u8>>> {
    let inside = |(source, records): (&String, &Vec<Vec<u8>>)| {
        source.strip_prefix(SENDER)?.strip_prefix('/').map(|log| (log.to_owned(), records.clone()))
    };
    all.iter().filter_map(inside).collect()
}

fn left_behind(served: &Served) -> usize {
    std::fs::read_dir(served.data().join("uploads")).unwrap().count()
}

#[test]
fn an_archive_is_kept_as_the_command_keeps_it_and_known_when_it_comes_again() {
    let folder = TempDir::new().unwrap();
    let bytes = archive(folder.path(), "triage.zip", TRIAGE);
    let mut served = Served::start(LISTEN);
    let first = send(served.at("h", "http"), "/upload/triage.zip", &[], &bytes);
    assert_eq!(first.status, 200, "{}", String::from_utf8_lossy(&first.body));
    let first = first.json();
    let upload = &first["upload"];
    assert_eq!(upload["sha256"], hinomi_model::Digest::of(&bytes).to_string());
    assert_eq!((&upload["bytes"], &upload["kept_before"]), (&bytes.len().into(), &Value::Null));
    assert_eq!((&upload["sources"], &upload["not_read"]), (&3.into(), &0.into()));
    assert_eq!(upload["kept_records"], 3 + 500 + 2);
    // Another server of the same ledger knows it, too.
    assert_eq!(served.terminate(), Some(0));
    served.restart();
    let again = send(served.at("h", "http"), "/upload/renamed.zip", &[], &bytes).json();
    assert_eq!(again["upload"]["kept_before"]["name"], "triage.zip");
    assert_eq!(again["upload"]["kept_before"]["at"], first["@timestamp"]);
    assert_eq!((left_behind(&served), served.figure("hinomi_source_events_total", SENDER)), (0, 506));
    let kept = served.records();
    assert_eq!(kept[SENDER].len(), 2, "each upload has a record");
    let by_command = folder.path().join("data");
    let file = folder.path().join("triage.zip");
    let args = ["ledger", "append", file.to_str().unwrap(), "--data", by_command.to_str().unwrap()];
    let done = command(&args).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (both, expected) = (uploaded(&kept), records(&by_command));
    let of = |name: &str| {
        let mut logs = both.clone();
        logs.retain(|log, _| log.starts_with(name));
        logs
    };
    assert_eq!(of("triage.zip"), expected);
    assert_eq!(
        of("renamed.zip").values().map(Vec::len).sum::<usize>(),
        505,
        "kept again, as the command does"
    );
}

#[test]
fn curl_uploads_with_either_of_its_ways() {
    let Some(curl) = program(&["/usr/bin/curl"]) else { return };
    let folder = TempDir::new().unwrap();
    archive(folder.path(), "Security.evtx", "evtx");
    let served = Served::start(LISTEN);
    let file = folder.path().join("Security.evtx").display().to_string();
    let url = format!("http://any:{TOKEN}@{}/upload/", served.at("h", "http"));
    let named = format!("{url}%e7%9b%a3%e6%9f%bb.evtx");
    let data = format!("@{file}");
    for args in [["-sf", "-T", &file, &url], ["-sf", "--data-binary", &data, &named]] {
        let done = Command::new(&curl).args(args).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let said: Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(said["upload"]["kept_records"], 3, "{said}");
    }
    let mut served = served;
    let kept = uploaded(&served.records());
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["Security.evtx", "\u{76e3}\u{67fb}.evtx"]);
    assert_eq!(kept["Security.evtx"].concat(), std::fs::read(&file).unwrap());
}

#[test]
fn the_command_uploads_and_says_what_was_kept() {
    let folder = TempDir::new().unwrap();
    archive(folder.path(), "triage.zip", TRIAGE);
    archive(folder.path(), "broken.gz", "gzip.compress(lines*50)[:-20]");
    let served = Served::start(LISTEN);
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("token"), format!("{TOKEN}\n")).unwrap();
    std::fs::write(file("wrong"), "wrong").unwrap();
    let url = format!("http://{}", served.at("h", "http"));
    let run = |files: &[&str], token: &str| {
        let files: Vec<String> = files.iter().map(|name| file(name)).collect();
        let mut upload = command(&["upload", "--to", &url, "--token-file", &file(token)]);
        let done = upload.args(&files).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (done.status.code(), text(&done.stdout) + &text(&done.stderr))
    };
    let (code, said) = run(&["triage.zip"], "token");
    assert!(code == Some(0) && said.contains("505 records of 3 logs are kept"), "{code:?} {said}");
    let (code, said) = run(&["triage.zip", "broken.gz"], "token");
    assert!(
        code == Some(3) && said.contains("uploaded before") && said.contains("broken.gz"),
        "{code:?} {said}"
    );
    let (code, said) = run(&["triage.zip"], "wrong");
    assert!(code == Some(4) && said.contains("401"), "{code:?} {said}");
    let (code, said) = run(&["missing"], "token");
    assert!(code == Some(3) && said.contains("missing"), "{code:?} {said}");
}

/// Begins an upload of `length` bytes and sends some of them.
fn begin(at: SocketAddr, length: usize, part: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(at).unwrap();
    let head = format!(
        "PUT /upload/part.log HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(part).unwrap();
    stream
}

fn await_left_behind(served: &Served, files: usize) {
    let since = Instant::now();
    while left_behind(served) != files {
        assert!(since.elapsed() < PATIENCE, "{} files", left_behind(served));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let port = free_port();
    let mut served = Served::start(&format!(
        "[[listen]]\nname = \"h\"\nat = \"127.0.0.1:{port}\"\nreceive = [\"http\"]\n"
    ));
    let at = served.at("h", "http");
    let lines = b"a line\n".repeat(400_000);
    let broken = begin(at, lines.len() + 1, &lines);
    await_left_behind(&served, 1);
    drop(broken);
    await_left_behind(&served, 0);
    let held = begin(at, lines.len() + 1, &lines);
    await_left_behind(&served, 1);
    served.kill();
    drop(held);
    served.restart();
    assert_eq!(left_behind(&served), 0, "what a server that was killed left is gone");
    // Killed while it is taken apart: then nothing was acknowledged, and it is sent again.
    let whole = b"another line of a log\n".repeat(400_000);
    let answered = std::thread::scope(|scope| {
        let sent = scope.spawn(|| {
            let bearer = format!("Bearer {TOKEN}");
            let headers = [("authorization", bearer.as_str())];
            crate::support::try_ask(at, "PUT", "/upload/whole.log", &headers, &whole)
        });
        served.await_figure("hinomi_source_events_total", SENDER, 1);
        served.kill();
        sent.join().unwrap()
    });
    served.restart();
    let again = send(at, "/upload/whole.log", &[], &whole).json();
    assert_eq!(again["upload"]["kept_before"].is_null(), answered.is_none_or(|answer| answer.status != 200));
    let kept = uploaded(&served.records());
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["whole.log"]);
    assert!(kept["whole.log"].concat().ends_with(&whole), "the last upload is there whole");
}

#[test]
fn hostile_files_are_bounded_and_what_is_not_read_is_said() {
    let folder = TempDir::new().unwrap();
    let limits = "[limits]\nupload_mib = 4\nupload_unpacked_mib = 8\n";
    let served = Served::start(&format!("{limits}{LISTEN}"));
    let at = served.at("h", "http");
    let bomb = archive(folder.path(), "bomb.zip", "zipped([('zeros',b'\\0'*(100<<20)),('auth.log',lines)])");
    let answer = send(at, "/upload/bomb.zip", &[], &bomb);
    assert_eq!(answer.status, 200);
    assert!(answer.json()["upload"]["not_read"].as_u64().unwrap() > 0);
    assert!(answer.json()["upload"]["kept_bytes"].as_u64().unwrap() <= 8 << 20);
    let escaping =
        archive(folder.path(), "e.zip", "zipped([('../../../../etc/cron.d/x',lines),('/root/y',lines)])");
    let answer = send(at, "/upload/..%2f..%2fe.zip", &[], &escaping).json();
    assert_eq!(answer["upload"]["name"], ".._.._e.zip");
    assert_eq!(answer["upload"]["kept_records"], 1000);
    let mut damaged = archive(folder.path(), "d.gz", "gzip.compress(lines*50)");
    damaged.truncate(damaged.len() / 2);
    let answer = send(at, "/upload/d.gz", &[], &damaged).json();
    assert!(
        answer["upload"]["not_read"].as_u64().unwrap() > 0
            && answer["upload"]["kept_records"].as_u64().unwrap() > 10
    );
    let said = answer["not_read"][0].as_str().unwrap();
    assert!(said.starts_with("d.gz") && !said.contains("uploads/"), "{said}");
    let deep = archive(folder.path(), "l.zip", "zipped([('deep/'*90+'a.log',lines)])");
    let answer = send(at, "/upload/l.zip", &[], &deep).json();
    assert!(answer["sources"][0]["name"].as_str().unwrap().ends_with("deep/a.log"), "{answer}");
    assert_eq!(send(at, "/upload/large", &[], &vec![0; 5 << 20]).status, 413);
    assert_eq!(send(at, "/upload/", &[], b"x").status, 415);
    assert_eq!(send(at, "/upload/a/b", &[], b"x").status, 400);
    assert_eq!(ask(at, "PUT", "/upload/x", &[], b"x").status, 401);
    assert_eq!(send(at, "/upload/empty", &[], b"").json()["upload"]["kept_records"], 0);
    fuzzed(at, &archive(folder.path(), "t.zip", TRIAGE));
    assert_eq!((served.admin("/readyz").0, left_behind(&served)), (200, 0));
    assert!(resident(served.pid()) < 512 << 20);
}

/// Damaged archives: each is answered, and none ends the server.
fn fuzzed(at: SocketAddr, sound: &[u8]) {
    let rounds = hinomi_testkit::soak::rounds(20, 400);
    let mut random = Seeded::new(17);
    for _ in 0..rounds {
        let mut bytes = sound.to_vec();
        for _ in 0..=random.below(6) {
            let at = random.index(bytes.len());
            bytes[at] = random.next_u64() as u8;
        }
        if random.chance(30) {
            bytes.truncate(random.index(bytes.len()));
        }
        assert_eq!(send(at, "/upload/fuzzed.zip", &[], &bytes).status, 200);
    }
}

#[test]
fn more_uploads_at_once_than_there_may_be_are_told_to_come_again() {
    let mut served = Served::start(LISTEN);
    let at = served.at("h", "http");
    let held: Vec<TcpStream> = (0..4).map(|_| begin(at, 1 << 20, b"x")).collect();
    await_left_behind(&served, 4);
    let answer = send(at, "/upload/fifth.log", &[], b"x\n");
    assert_eq!(answer.status, 429);
    assert!(answer.head.contains("retry-after"));
    assert_eq!(send(at, "/ndjson", &[], b"{}").status, 200, "others are served");
    drop(held);
    await_left_behind(&served, 0);
    assert_eq!(send(at, "/upload/fifth.log", &[], b"x\n").status, 200);
    assert_eq!(served.records()[&format!("{SENDER}/fifth.log")].concat(), b"x\n");
}
