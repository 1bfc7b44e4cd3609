//! Files, folders and streams without archives.

use hinomi_ingest::intake::{Class, Format, Intake, Item, Limits, Options, Root, read_member_range};
use hinomi_model::{DiagnosticKind, Digest};

use crate::fixture::{Folder, NOW, gzip, lines, options, read, read_stream, read_with, zstd};
use crate::pack;

#[test]
fn a_folder_is_read_in_byte_order_of_paths() {
    let folder = Folder::new();
    for name in ["b/z.log", "a.log", "a/x.log", "a-b.log", "B.log"] {
        folder.put(name, b"Jan  1 00:00:00 h a: b\n");
    }
    let read = read(folder.path());
    let root = folder.path().to_str().unwrap();
    let paths: Vec<_> = read.files.iter().map(|f| f.path.strip_prefix(root).unwrap()).collect();
    assert_eq!(paths, ["/B.log", "/a-b.log", "/a.log", "/a/x.log", "/b/z.log"]);
    assert_eq!(read.losses, []);
}

#[test]
fn a_root_inside_a_root_is_read_once() {
    let folder = Folder::new();
    let inner = folder.put("a/x.log", b"line\n");
    let roots = [inner.as_path(), folder.path(), folder.path()];
    let read = read_with(roots.map(|p| Root::Path(p.to_owned())).into(), options());
    assert_eq!(read.files.len(), 1);
}

#[test]
fn long_text_is_cut_at_lines_and_nothing_is_lost() {
    let folder = Folder::new();
    let text = lines(300_000);
    let path = folder.put("a.log", &text);
    let read = read(&path);
    let place = path.to_str().unwrap();
    assert!(read.contents[place] == text);
    assert!(read.units.len() >= 3, "{:?}", read.units);
    for (_, offset, length) in &read.units {
        let start = *offset as usize;
        assert_eq!(text[start + length - 1], b'\n');
        assert!(*length <= Limits::default().unit_bytes);
    }
}

#[test]
fn gzip_and_zstd_are_peeled_by_content_and_cited_without_a_name() {
    let folder = Folder::new();
    let text = lines(1000);
    let (first, second) = text.split_at(text.len() / 2);
    let several = [gzip(first), gzip(second)].concat();
    for bytes in [gzip(&text), several, zstd(&text), [zstd(first), zstd(second)].concat(), gzip(&zstd(&text))]
    {
        let path = folder.put("x.log", &bytes);
        let read = read(&path);
        assert_eq!(read.losses, []);
        assert_eq!(read.contents.values().next(), Some(&text));
        let cited = read_member_range(&path, "", 100, 50, &Limits::default()).unwrap();
        assert_eq!(cited, text[100..150]);
    }
    let thrice = gzip(&gzip(&gzip(&text)));
    assert_eq!(read(&folder.put("x.log", &thrice)).kinds(), [DiagnosticKind::LimitExceeded]);
}

#[test]
fn a_stream_is_hashed_while_it_passes_even_where_nothing_is_read() {
    for bytes in [gzip(&lines(10)), b"MZ\0\x01\0\x02\0\x03\0\x04".repeat(100_000), Vec::new()] {
        let digest = Digest::of(&bytes);
        let read = read_stream(bytes);
        assert_eq!(read.files[0].digest, Some(digest));
        assert_eq!(read.files[0].open, None);
    }
}

/// Whenever the reader is told, and however it goes through the file, the digest is that of the whole file.
#[test]
fn a_file_can_be_hashed_while_it_is_read() {
    let folder = Folder::new();
    let text = lines(150_000);
    let packed = pack::zip(&[pack::entry("a.log", text.clone()), pack::entry("b.log", "x\n")]);
    let marked = [b"\xef\xbb\xbf".as_slice(), b"{\"a\":1}\n".repeat(10).as_slice()].concat();
    for bytes in [text.clone(), gzip(&text), packed, marked, [gzip(&text), b"debris".to_vec()].concat()] {
        let path = folder.put("x.log", &bytes);
        for told_after in [0, 1, 2, 5] {
            let mut intake = Intake::new(vec![Root::Path(path.clone())], options());
            let mut items = 0;
            let file = loop {
                if items >= told_after {
                    intake.hash_along(0);
                }
                items += 1;
                match intake.next().unwrap() {
                    Item::File(done) => break done,
                    Item::Unit(_, unit) => intake.recycle(unit.bytes),
                    Item::Member(_) => {}
                }
            };
            // Before anything was opened there is nothing to tell, and after the end nothing to hash along.
            let expected = (items > told_after.max(1)).then(|| Digest::of(&bytes));
            assert_eq!(file.digest, expected, "{} bytes, told after {told_after}", bytes.len());
        }
    }
}

#[test]
fn utf16_is_transcoded_and_its_name_says_so() {
    let folder = Folder::new();
    let text = "2026-01-01 00:00:00 ユーザー login\r\n".repeat(200);
    let raw: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let path = folder.put("x.log", &raw);
    let read = read(&path);
    assert_eq!(read.names(), ["!utf16"]);
    assert_eq!(read.contents.values().next().unwrap(), text.as_bytes());
    let cited = read_member_range(&path, "!utf16", 5, 7, &Limits::default()).unwrap();
    assert_eq!(cited, text.as_bytes()[5..12]);
}

#[test]
fn what_is_no_log_is_counted_and_only_the_unknown_is_reported() {
    let folder = Folder::new();
    folder.put("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR");
    folder.put("b", b"");
    folder.put("c", &[0x01, 0x02, 0x03, 0xf1, 0xf2, 0, 7, 0, 9, 0, 200, 0, 1, 1, 1, 255, 0, 4]);
    folder.put("d.json", b"\xef\xbb\xbf{\"a\":1}\n");
    let read = read(folder.path());
    let expected = [Class::NotALog("PNG image"), Class::Empty, Class::Unrecognised, Class::Log(Format::Json)];
    assert_eq!(read.classes(), expected);
    assert_eq!(read.kinds(), [DiagnosticKind::Unrecognised]);
    assert_eq!(read.units[0].1, 3, "the mark belongs to no record");
}

#[test]
fn times_come_from_the_file_but_never_from_the_future() {
    let folder = Folder::new();
    let path = folder.put("a.log", b"line\n");
    let before = Options::at(hinomi_model::Timestamp::from_nanos(5));
    let read = read_with(vec![Root::Path(path)], before);
    assert!(read.members[0].modified.unwrap() > hinomi_model::Timestamp::from_nanos(5));
    assert!(read.members[0].modified.unwrap() < NOW);
}

#[cfg(unix)]
#[test]
fn links_pipes_and_locked_files_do_not_stop_or_mislead_the_walk() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    let outside = Folder::new();
    outside.put("secret.log", b"line\n");
    folder.put("sub/a.log", b"line\n");
    symlink("..", folder.path().join("sub/loop")).unwrap();
    symlink(outside.path(), folder.path().join("out")).unwrap();
    symlink("nowhere", folder.path().join("dangling")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
    assert!(made.success());
    let locked = folder.put("locked.log", b"line\n");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    let readable_anyway = std::fs::File::open(&locked).is_ok();
    let read = read(folder.path());
    let refused = read.kinds().iter().filter(|k| **k == DiagnosticKind::RefusedMember).count();
    assert_eq!(refused, 3, "{:?}", read.losses);
    let unreadable = read.kinds().iter().filter(|k| **k == DiagnosticKind::Unreadable).count();
    assert_eq!(unreadable, usize::from(!readable_anyway), "{:?}", read.losses);
    assert_eq!(read.files.len(), 2);
    assert_eq!(super::fixture::read(&folder.path().join("absent")).kinds(), [DiagnosticKind::Unreadable]);
}

#[test]
fn a_line_beyond_the_bound_is_skipped_and_the_next_is_read() {
    let folder = Folder::new();
    let mut options = options();
    options.limits.unit_bytes = 1000;
    options.limits.record_bytes = 4000;
    let text = [&b"first\n"[..], &b"x".repeat(10_000), b"\nlast\n"].concat();
    let read = read_with(vec![Root::Path(folder.put("a.log", &text))], options);
    assert_eq!(read.contents.values().next().unwrap(), b"first\nlast\n");
    assert_eq!(read.kinds(), [DiagnosticKind::LimitExceeded]);
    assert_eq!(read.units[1].1, 10_007);
}

#[test]
fn every_unit_of_a_table_carries_its_latest_header() {
    let folder = Folder::new();
    let mut text = b"#Software: X\n#Fields: date time c-ip\n".to_vec();
    let row = b"2026-01-01 00:00:00 192.0.2.1\n".repeat(200);
    text.extend(&row);
    text.extend(b"#Software: X\n#Fields: date time s-ip\n");
    text.extend(row.repeat(3));
    let path = folder.put("w3c.log", &text);
    let mut options = options();
    options.limits.unit_bytes = 4000;
    let mut intake = Intake::new(vec![Root::Path(path)], options);
    let mut preambles = Vec::new();
    while let Some(item) = intake.next() {
        if let Item::Unit(_, unit) = item {
            preambles.push(String::from_utf8(unit.preamble.to_vec()).unwrap());
        }
    }
    assert_eq!(preambles[0], "#Software: X\n#Fields: date time c-ip\n");
    assert_eq!(preambles[1], preambles[0]);
    assert_eq!(preambles[2], "#Software: X\n#Fields: date time s-ip\n");
    assert_eq!(preambles.last(), preambles.get(2));
}

#[test]
fn json_of_any_arrangement_is_cut_between_objects() {
    let folder = Folder::new();
    let object = |n: usize| format!("{{\"EventID\": {n},\n  \"text\": \"}}\\n{{ {n}\"}}");
    let objects: Vec<String> = (0..500).map(object).collect();
    let arrangements = [
        objects.join("\n"),
        format!("[{}]", objects.join(",\n")),
        format!("{{\"Records\":[{}]}}", objects.join(",").replace('\n', "")),
    ];
    for text in arrangements {
        for limit in [1000, 4096, 9000] {
            let mut options = options();
            options.limits.unit_bytes = limit;
            let read = read_with(vec![Root::Path(folder.put("a.json", text.as_bytes()))], options);
            assert_eq!((read.losses.len(), read.contents.len()), (0, 1));
            assert!(read.contents.values().next().unwrap() == text.as_bytes());
            assert!(read.units.len() > 1, "{}", &text[..20]);
            for (_, offset, length) in &read.units[..read.units.len() - 1] {
                let unit = &text[*offset as usize..*offset as usize + length];
                assert!(
                    unit.trim_end().ends_with("\"}"),
                    "ends behind an object: {}",
                    &unit[unit.len() - 20..]
                );
            }
        }
    }
}

#[test]
fn utf16_json_keeps_its_own_offsets() {
    let folder = Folder::new();
    let text = "{\"EventID\": 1}\r\n".repeat(50);
    let raw: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let read = read(&folder.put("a.json", &raw));
    assert_eq!((read.names(), read.classes()), (vec![""], vec![Class::Log(Format::Json)]));
    assert_eq!(read.contents.values().next(), Some(&raw));
}

#[test]
fn one_decoder_reads_every_format_the_reader_recognises() {
    use hinomi_columns::{Projection, Store};
    use hinomi_ingest::AnyDecoder;
    let folder = Folder::new();
    folder.put("a.json", "{\"EventID\": 1, \"Channel\": \"Security\"}\n".repeat(3).as_bytes());
    folder.put("b.log", b"Jan  1 00:00:00 host app[1]: message\n".repeat(4).as_slice());
    let mut store = Store::new(&Projection::of(["message"]));
    let mut decoder = AnyDecoder::default();
    let mut diagnostics = hinomi_model::Diagnostics::default();
    let mut intake = Intake::new(vec![Root::Path(folder.path().to_owned())], options());
    while let Some(item) = intake.next() {
        if let Item::Unit(format, unit) = item {
            decoder.decode(format, &unit, &mut store, &mut diagnostics);
        }
    }
    assert_eq!(store.row_count(), 7);
}

#[test]
fn a_forced_format_overrides_recognition_but_not_what_is_no_log() {
    let folder = Folder::new();
    folder.put("a.json", b"{\"a\":1}\n");
    folder.put("b.png", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR");
    folder.put("c.gz", &gzip(b"{\"a\":1}\n"));
    let mut options = options();
    options.forced = Some(Format::Text);
    let read = read_with(vec![Root::Path(folder.path().to_owned())], options);
    let text = Class::Log(Format::Text);
    assert_eq!(read.classes(), [text, Class::NotALog("PNG image"), text]);
}

#[test]
fn an_array_that_does_not_end_is_a_loss() {
    let folder = Folder::new();
    let entry = r#"{"EventID":1,"Channel":"Security"}"#;
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let whole =
        [format!("[{entry},{entry}]"), format!("[\n{entry},\n{entry}\n]\n"), format!("{entry}\n{entry}\n")];
    let cut =
        [format!("[{entry},{entry}"), format!("[\n{entry},\n"), "[".to_owned(), format!("\u{feff}[{entry},")];
    let kinds = |text: &[u8]| {
        let path = folder.put("x.json", text);
        read(&path).kinds()
    };
    for text in &whole {
        assert_eq!((kinds(text.as_bytes()), kinds(&wide(text))), (vec![], vec![]), "{text}");
    }
    for text in &cut {
        assert_eq!(kinds(text.as_bytes()), [DiagnosticKind::Truncated], "{text}");
    }
    assert_eq!(kinds(&wide(&cut[0])), [DiagnosticKind::Truncated]);
    assert_eq!(kinds(b"[]"), []);
    // Records of a source are read one after the other.
    let records = format!("[{entry}]\n{entry}\n").into_bytes();
    let root = Root::Records {
        name: "source".to_owned(),
        reader: Box::new(std::io::Cursor::new(records)),
        latest: NOW,
    };
    assert_eq!(read_with(vec![root], options()).kinds(), []);
}
