//! Archives as collection tools make them.

use hinomi_ingest::intake::{Class, Limits, Root, read_member_range};
use hinomi_model::{DiagnosticKind, Timestamp};

use crate::fixture::{Folder, Read, gzip, lines, options, read, read_stream, read_with, zstd};
use crate::pack::{Entry, Style, entry, tar, tar_header, tar_member, zip, zip_as};

/// Reads the archive from disk and from a stream; both must deliver the expected members and nothing else.
fn check(archive: &[u8], expected: &[(&str, &[u8])]) {
    let folder = Folder::new();
    let path = folder.put("case", archive);
    for read in [read(&path), read_stream(archive.to_vec())] {
        assert_eq!(read.losses, []);
        let names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
        assert_eq!(read.names(), names);
        for ((_, data), (place, found)) in sorted(expected).iter().zip(&read.contents) {
            assert!(found == data, "{place}");
        }
        assert_eq!(read.contents.len(), expected.iter().filter(|(_, data)| !data.is_empty()).count());
    }
    for (name, data) in expected.iter().filter(|(_, data)| data.len() > 20) {
        let cited = read_member_range(&path, name, 5, 10, &Limits::default()).unwrap();
        assert_eq!(cited, data[5..15], "{name}");
    }
}

fn sorted<'a>(expected: &[(&'a str, &'a [u8])]) -> Vec<(&'a str, &'a [u8])> {
    let mut sorted: Vec<_> = expected.iter().copied().filter(|(_, data)| !data.is_empty()).collect();
    sorted.sort_unstable();
    sorted
}

#[test]
fn members_of_every_kind_of_archive() {
    let text = lines(500);
    let long = format!("{}/x.log", "d".repeat(150));
    let entries = [entry("a.log", text.clone()), entry("empty", ""), entry(&long, lines(3))];
    let expected: [(&str, &[u8]); 3] = [("a.log", &text), ("empty", b""), (&long, &lines(3))];
    check(&tar(&entries), &expected);
    check(&gzip(&tar(&entries)), &expected);
    check(&zstd(&tar(&entries)), &expected);
    for (stored, descriptor, wide) in [
        (false, false, false),
        (true, false, false),
        (false, true, false),
        (false, false, true),
        (true, false, true),
    ] {
        check(&zip_as(&entries, Style { stored, descriptor, wide }), &expected);
    }
}

#[test]
fn a_triage_collection_in_a_collection_keeps_its_names() {
    let security = "C%3A/Windows/System32/winevt/Logs/Security.log";
    let text = lines(2000);
    let host = zip(&[entry("uploads.json", "{\"a\":1}\n"), entry(security, text.clone())]);
    for style in [Style { stored: true, ..Style::default() }, Style::default()] {
        let all =
            zip_as(&[entry("hosts/ws01.zip", host.clone()), entry("notes.txt", "read me first\n")], style);
        let inner = format!("hosts/ws01.zip/{security}");
        check(
            &all,
            &[
                ("hosts/ws01.zip/uploads.json", b"{\"a\":1}\n"),
                (&inner, &text),
                ("notes.txt", b"read me first\n"),
            ],
        );
    }
}

#[test]
fn a_nested_archive_beyond_the_memory_bound_is_read_in_order() {
    let text = lines(3000);
    let inner = zip_as(
        &[entry("a.log", text.clone()), entry("b.log", "b\n")],
        Style { descriptor: true, ..Style::default() },
    );
    let folder = Folder::new();
    let path = folder.put("case", &zip(&[entry("in.zip", inner)]));
    let mut options = options();
    options.limits.nested_zip_bytes = 100;
    let read = read_with(vec![Root::Path(path)], options);
    assert_eq!(read.names(), ["in.zip/a.log", "in.zip/b.log"]);
    assert_eq!(read.losses, []);
    assert!(read.contents.values().next().unwrap() == &text);
}

#[test]
fn names_that_try_to_leave_are_only_names() {
    let names = ["../../etc/cron.d/x", "/etc/passwd", "C:\\Windows\\x.log", "a/\u{202e}gol.exe", "n\nl"];
    let entries: Vec<Entry> = names.iter().map(|n| entry(n, "a line of text\n")).collect();
    for archive in [tar(&entries), zip(&entries)] {
        let read = read_stream(archive);
        let expected =
            ["../../etc/cron.d/x", "/etc/passwd", "C:\\Windows\\x.log", "a/%E2%80%AEgol.exe", "n%0Al"];
        assert_eq!(read.names(), expected);
    }
    let japanese =
        Entry { name: vec![0x93, 0xfa, 0x96, 0x7b, b'.', b'l', b'o', b'g'], data: b"line\n".to_vec() };
    assert_eq!(read_stream(zip(&[japanese])).names(), ["日本.log"]);
}

#[test]
fn members_of_one_name_are_all_read_and_told_apart() {
    let entries = [entry("a", "first line\n"), entry("a", "second line\n")];
    for archive in [tar(&entries), zip(&entries)] {
        check(&archive, &[("a", b"first line\n"), ("a (2)", b"second line\n")]);
    }
}

#[test]
fn tar_links_devices_and_sparse_files_are_not_read() {
    let mut archive = Vec::new();
    for kind in *b"12345" {
        archive.extend(tar_header(b"odd", 0, kind));
    }
    archive.extend(tar_member(b"sparse", b"data", b'S'));
    archive.extend(tar(&[entry("a.log", "a line\n")]));
    let read = read_stream(archive);
    assert_eq!(read.names(), ["a.log"]);
    assert_eq!(read.kinds(), [DiagnosticKind::RefusedMember; 3]);
}

#[test]
fn a_damaged_tar_header_costs_one_member() {
    let good = tar(&[entry("a.log", lines(100)), entry("b.log", lines(100)), entry("c.log", lines(100))]);
    let mut bad = good.clone();
    let second = 512 + lines(100).len().next_multiple_of(512);
    bad[second + 5] ^= 1;
    let read = read_stream(bad);
    assert_eq!(read.names(), ["a.log", "c.log"]);
    assert_eq!(read.kinds(), [DiagnosticKind::Malformed]);
}

#[test]
fn pax_headers_give_long_names_and_times() {
    let record = b"21 path=\xe6\x97\xa5\xe6\x9c\xac/x.log\n22 mtime=1700000007.5\n";
    let archive = [tar_member(b"pax", record, b'x'), tar(&[entry("short", "a line\n")])].concat();
    let read = read_stream(archive);
    assert_eq!(read.names(), ["日本/x.log"]);
    assert_eq!(read.members[0].modified, Some(Timestamp::from_nanos(1_700_000_007_000_000_000)));
}

#[test]
fn times_of_members_are_read_in_the_given_zone() {
    let archive = zip(&[entry("a.log", "line\n")]);
    let folder = Folder::new();
    let path = folder.put("a.zip", &archive);
    let mut options = options();
    options.zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    let read = read_with(vec![Root::Path(path)], options);
    assert_eq!(read.members[0].modified.unwrap().to_string(), "2023-11-14T03:34:56.000000000Z");
    let read = read_stream(tar(&[entry("a.log", "line\n")]));
    assert_eq!(read.members[0].modified, Some(Timestamp::from_nanos(1_700_000_000_000_000_000)));
}

#[test]
fn encrypted_and_unknown_members_are_refused_and_the_rest_is_read() {
    let mut archive = zip(&[entry("secret", lines(50)), entry("a.log", "a line\n")]);
    let directory = memchr::memmem::find(&archive, b"PK\x01\x02").unwrap();
    archive[6] |= 1;
    archive[directory + 8] |= 1;
    for read in both(&archive) {
        assert_eq!(read.names(), ["a.log"]);
        assert_eq!(read.kinds(), [DiagnosticKind::RefusedMember]);
        assert!(read.losses[0].message.contains("encrypted"));
    }
    for magic in [&b"\xfd7zXZ\0"[..], b"BZh91AY&SY", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\0"] {
        let read = read_stream(zip(&[entry("x", magic), entry("a.log", "a line\n")]));
        assert!(matches!(read.classes()[..], [Class::Unsupported(_), Class::Log(_)]));
        assert_eq!(read.kinds(), [DiagnosticKind::RefusedMember]);
    }
}

fn both(archive: &[u8]) -> [Read; 2] {
    let folder = Folder::new();
    let path = folder.put("case", archive);
    [read(&path), read_stream(archive.to_vec())]
}

#[test]
fn bytes_before_and_behind_an_archive_do_not_hide_it() {
    // Starts with a local header, so that it is recognised, but offsets count from the second archive.
    let first = zip(&[entry("x.log", "first line\n")]);
    let second = zip(&[entry("a.log", "a line\n")]);
    let both = [first, second, b"trailing bytes".to_vec()].concat();
    let folder = Folder::new();
    let read = read(&folder.put("case", &both));
    assert_eq!(read.names(), ["a.log"]);
    // Read in order, both are seen.
    assert_eq!(read_with(vec![stream(both)], tight()).names(), ["x.log", "a.log"]);
}

fn stream(bytes: Vec<u8>) -> Root {
    Root::Stream { name: "-".to_owned(), reader: Box::new(std::io::Cursor::new(bytes)) }
}

fn tight() -> hinomi_ingest::intake::Options {
    let mut options = options();
    options.limits.nested_zip_bytes = 10;
    options
}

#[test]
fn what_the_directory_hides_is_reported() {
    let hidden = zip(&[entry("hidden.log", pseudo_random(4000))]);
    let all = [hidden, zip(&[entry("a.log", "a line\n")])].concat();
    let folder = Folder::new();
    let read = read(&folder.put("case", &all));
    assert_eq!((read.names(), read.kinds()), (vec!["a.log"], vec![DiagnosticKind::Malformed]));
    assert!(read.losses[0].message.contains("no member"), "{}", read.losses[0]);
}

fn pseudo_random(length: usize) -> Vec<u8> {
    let step = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*state >> 24) as u8)
    };
    let mut state = 7;
    std::iter::from_fn(|| step(&mut state)).take(length).collect()
}

#[test]
fn a_member_without_a_time_has_that_of_the_outer_file() {
    let folder = Folder::new();
    let mut member = tar(&[entry("a.log", "a line\n")]);
    member[136..148].copy_from_slice(b"00000000001\0");
    member[148..156].copy_from_slice(b"        ");
    let sum: u64 = member[..512].iter().map(|b| u64::from(*b)).sum();
    member[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let read = read(&folder.put("a.tar", &member));
    assert!(read.members[0].modified.unwrap() > Timestamp::from_nanos(1_700_000_000_000_000_000));
}
