//! Copies in a real object store with Object Lock (`SeaweedFS`), which is attacked through its API and below it.

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hinomi_ledger::objects::{Copies, CopyFault, Depth, ObjectStore as _, probe};
use hinomi_ledger::{FileDisk, SystemClock};
use hinomi_model::{Clock as _, Digest};
use hinomi_server::s3::{S3Keys, S3Store};
use hinomi_server::{Client, Trust};
use hinomi_testkit::object_store::{ACCESS, SECRET, Seaweed, weed};

const HOUR: u64 = 3_600_000_000_000;

fn keys(secret: &str) -> S3Keys {
    S3Keys { access: ACCESS.to_owned(), secret: secret.to_owned().into(), region: "us-east-1".to_owned() }
}

fn store(at: &Seaweed, keys: S3Keys) -> S3Store {
    let client = Client::patient(&at.s3(), Trust::Plain).unwrap();
    S3Store::new(client, "evidence", keys, Arc::new(SystemClock)).unwrap()
}

fn bucket(at: &Seaweed) -> S3Store {
    let began = Instant::now();
    let mut store = store(at, keys(SECRET));
    while let Err(error) = store.create_bucket() {
        assert!(began.elapsed() < Duration::from_mins(3), "SeaweedFS does not start: {error}\n{}", at.log());
        thread::sleep(Duration::from_millis(500));
    }
    store
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
    let (mut first, mut second) = (bucket(&one), bucket(&two));
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
    one.delete_below("evidence/hinomi/log1/segments");
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
    let mut stranger = store(&one, keys("wrong"));
    assert!(copies.check(&mut stranger, Depth::Presence).is_err());
    drop(one);
    assert!(copies.check(&mut first, Depth::Presence).is_err());
}

#[test]
fn a_bucket_without_locks_is_not_called_immutable() {
    let Some(weed) = weed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let seaweed = Seaweed::start(&weed, &folder.path().join("a"));
    let began = Instant::now();
    // A bucket of the same name, made without Object Lock by way of the filer.
    while TcpStream::connect(("127.0.0.1", seaweed.filer())).is_err() {
        assert!(began.elapsed() < Duration::from_secs(90));
        thread::sleep(Duration::from_millis(300));
    }
    let client = Client::new(&format!("http://127.0.0.1:{}", seaweed.filer()), Trust::Plain).unwrap();
    while !client.send("POST", "/buckets/evidence/", &[], &[], 10_000).is_ok_and(|a| a.status < 300) {
        assert!(began.elapsed() < Duration::from_secs(90));
        thread::sleep(Duration::from_millis(300));
    }
    let mut bucket = store(&seaweed, keys(SECRET));
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
