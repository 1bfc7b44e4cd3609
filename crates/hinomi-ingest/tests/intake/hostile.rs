//! Archives that lie.

use hinomi_ingest::intake::{Class, Intake, Root};
use hinomi_model::DiagnosticKind;

use crate::fixture::{Folder, gzip, lines, options, read, read_stream, read_with, zstd};
use crate::pack::{Style, entry, tar, tar_header, tar_member, zip, zip_as};

/// What came out must be a beginning of what went in.
fn assert_beginning(found: &[u8], whole: &[u8]) {
    assert!(whole.starts_with(found), "{} of {} bytes", found.len(), whole.len());
}

#[test]
fn every_tenth_truncation_yields_a_beginning_and_says_so() {
    let text = lines(400);
    let entries = [entry("a.log", text.clone())];
    let stored = zip_as(&entries, Style { stored: true, ..Style::default() });
    // A zstd block is unpacked whole or not at all: ten frames, as appending tools write them.
    let frames: Vec<u8> = text.chunks(text.len() / 10 + 1).flat_map(zstd).collect();
    for packed in [gzip(&text), frames, tar(&entries), zip(&entries), stored] {
        let mut longest = 0;
        let step = if packed.len() < 8192 { 10 } else { 97 };
        for length in (0..packed.len()).step_by(step) {
            let read = read_stream(packed[..length].to_vec());
            let found = read.contents.values().next().map_or(&[][..], Vec::as_slice);
            if length > 100
                && !read.members.is_empty()
                && read.members[0].class == Class::Log(hinomi_ingest::intake::Format::Text)
            {
                assert_beginning(found, &text);
                assert!(found.len() + 64 * 1024 > longest, "more input never yields much less");
                longest = longest.max(found.len());
            }
            let complete = found == text;
            // Nothing shows that whole frames are missing.
            let between_frames = packed[length..].starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
            assert!(
                complete || between_frames || !read.losses.is_empty() || length < 10,
                "{length} of {} is silent",
                packed.len()
            );
        }
        assert!(
            longest * 10 > text.len() * 8,
            "nearly everything before the cut is read: {longest} of {} from {:?}",
            text.len(),
            &packed[..4]
        );
    }
}

#[test]
fn a_bomb_is_stopped_and_its_neighbours_are_read() {
    let zeros = vec![b' '; 40 << 20];
    let mut options = options();
    options.limits.ratio_after = 4 << 20;
    options.limits.ratio = 100;
    for bomb in [gzip(&zeros), zstd(&zeros), gzip(&gzip(&zeros)), zip(&[entry("bomb", zeros.clone())])] {
        let archive = tar(&[entry("x", bomb), entry("a.log", "a line\n")]);
        let folder = Folder::new();
        let read = read_with(vec![Root::Path(folder.put("case", &archive))], options.clone());
        assert!(read.kinds().contains(&DiagnosticKind::LimitExceeded), "{:?}", read.losses);
        assert_eq!(*read.names().last().unwrap(), "a.log");
        let unpacked: u64 = read.members.iter().map(|m| m.bytes).sum();
        assert!(unpacked < 24 << 20, "{unpacked}");
    }
}

#[test]
fn sums_over_many_small_bombs_are_bounded_too() {
    let zeros = vec![b' '; 2 << 20];
    let entries: Vec<_> = (0..40).map(|n| entry(&n.to_string(), zeros.clone())).collect();
    let mut options = options();
    options.limits.ratio_after = 8 << 20;
    options.limits.ratio = 100;
    let folder = Folder::new();
    let read = read_with(vec![Root::Path(folder.put("case", &zip(&entries)))], options);
    let unpacked: u64 = read.members.iter().map(|m| m.bytes).sum();
    assert!((8 << 20..24 << 20).contains(&unpacked), "{unpacked}");
    assert!(read.kinds().contains(&DiagnosticKind::LimitExceeded));
}

#[test]
fn members_and_depth_are_bounded() {
    let entries: Vec<_> = (0..50).map(|n| entry(&n.to_string(), "a line\n")).collect();
    let mut options = options();
    options.limits.members = 20;
    let folder = Folder::new();
    let read = read_with(vec![Root::Path(folder.put("case", &zip(&entries)))], options);
    assert_eq!((read.members.len(), read.kinds()), (20, vec![DiagnosticKind::LimitExceeded]));

    let mut nested = lines(3);
    for depth in 1..=6 {
        nested = if depth % 2 == 0 { zip(&[entry("n", nested)]) } else { tar(&[entry("n", nested)]) };
        let read = read_stream(nested.clone());
        let too_deep = read.classes().contains(&Class::Unsupported("archives nested too deep"));
        assert_eq!(too_deep, depth > 4, "{depth}");
        assert_eq!(read.contents.len(), usize::from(depth <= 4));
    }
}

#[test]
fn a_hundred_thousand_tiny_members_are_all_read() {
    let entries: Vec<_> = (0..100_000).map(|n| entry(&format!("d/{n}"), "a line\n")).collect();
    for archive in [zip_as(&entries, Style { stored: true, ..Style::default() }), tar(&entries)] {
        let read = read_stream(archive);
        assert_eq!((read.members.len(), read.units.len()), (100_000, 100_000));
        assert_eq!(read.losses, []);
    }
}

#[test]
fn overlapping_members_are_refused() {
    // Every directory entry points at the same packed bytes.
    let good = zip(&[entry("a.log", lines(100)), entry("b.log", lines(100))]);
    let directory = memchr::memmem::find(&good, b"PK\x01\x02").unwrap();
    let second = directory + 4 + memchr::memmem::find(&good[directory + 4..], b"PK\x01\x02").unwrap();
    let mut bad = good;
    bad[second + 42..second + 46].fill(0);
    let folder = Folder::new();
    let read = read(&folder.put("case", &bad));
    assert_eq!(read.contents.len(), 1);
    assert_eq!(read.kinds(), [DiagnosticKind::RefusedMember]);
    assert!(read.losses[0].message.contains("inside the member before"));
}

#[test]
fn lying_sizes_and_checksums_are_told_and_the_data_is_kept() {
    let text = lines(100);
    let good = zip(&[entry("a.log", text.clone())]);
    let directory = memchr::memmem::find(&good, b"PK\x01\x02").unwrap();
    for (at, expected) in [(24, DiagnosticKind::Malformed), (16, DiagnosticKind::ChecksumMismatch)] {
        let mut bad = good.clone();
        bad[directory + at] ^= 1;
        let folder = Folder::new();
        let read = read(&folder.put("case", &bad));
        assert_eq!(read.kinds(), [expected]);
        assert!(read.contents.values().next().unwrap() == &text);
    }
    let mut bad = gzip(&text);
    let crc = bad.len() - 8;
    bad[crc] ^= 1;
    let read = read_stream(bad);
    assert_eq!(read.kinds(), [DiagnosticKind::ChecksumMismatch]);
    assert!(read.contents.values().next().unwrap() == &text);
}

#[test]
fn an_enormous_stated_size_allocates_nothing() {
    let header = tar_header(b"a.log", (1 << 33) - 1, b'0');
    let read = read_stream([&header[..], b"a line\n"].concat());
    assert_eq!(read.contents.values().next().unwrap(), b"a line\n");
    assert_eq!(read.kinds(), [DiagnosticKind::Truncated, DiagnosticKind::Truncated]);
    // A long name of four gigabytes.
    let header = tar_header(b"././@LongLink", (1 << 32) - 1, b'L');
    let read = read_stream([&header[..], b"a line\n"].concat());
    assert!(read.kinds().contains(&DiagnosticKind::LimitExceeded));
    let odd =
        [tar_member(b"pax", b"99999999999999999999 path=x\n", b'x'), tar(&[entry("a", "a line\n")])].concat();
    assert_eq!(read_stream(odd).names(), ["a"]);
}

#[test]
fn damage_never_panics_hangs_or_grows() {
    let text = lines(60);
    let inner = zip(&[entry("a.log", text.clone()), entry("b.json", "{\"a\":1}\n")]);
    let entries = [
        entry("in.zip", inner),
        entry("c.log.gz", gzip(&text)),
        entry("d.tar.zst", zstd(&tar(&[entry("e", text.clone())]))),
    ];
    let descriptor = Style { descriptor: true, ..Style::default() };
    let seeds = [
        zip(&entries),
        tar(&entries),
        gzip(&tar(&entries)),
        zstd(&tar(&entries)),
        zip_as(&entries, descriptor),
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let rounds: usize = hinomi_testkit::soak::rounds(200, 20_000);
    let mut tight = options();
    tight.limits.nested_zip_bytes = 300;
    let folder = Folder::new();
    for round in 0..rounds {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..random(8) {
            let at = random(bytes.len());
            bytes[at] = match random(3) {
                0 => bytes[at] ^ (1 << random(8)),
                1 => 0xff,
                _ => random(256) as u8,
            };
        }
        if random(3) == 0 {
            bytes.truncate(random(bytes.len()));
        }
        let from_disk = read(&folder.put("case", &bytes));
        let stream = Root::Stream { name: "-".to_owned(), reader: Box::new(std::io::Cursor::new(bytes)) };
        let from_stream = read_with(vec![stream], tight.clone());
        for read in [from_disk, from_stream] {
            let total: usize = read.contents.values().map(Vec::len).sum();
            assert!(total < 1 << 20 && read.losses.len() < 100, "round {round}");
        }
    }
}

#[test]
fn losses_are_handed_out_in_bounded_number_however_often_they_are_collected() {
    let entries: Vec<_> = (0..3000).map(|n| entry(&n.to_string(), b"\xfd7zXZ\0".as_slice())).collect();
    let reader = Box::new(std::io::Cursor::new(tar(&entries)));
    let mut intake = Intake::new(vec![Root::Stream { name: "-".to_owned(), reader }], options());
    let mut losses = Vec::new();
    while intake.next().is_some() {
        losses.extend(intake.take_diagnostics().into_sorted());
    }
    losses.extend(intake.take_diagnostics().into_sorted());
    assert_eq!(losses.len(), 1025);
    assert!(losses[1024].message.starts_with("1976 more"), "{}", losses[1024]);
}
