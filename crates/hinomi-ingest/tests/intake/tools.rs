//! Archives made by other programs, where they are installed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use hinomi_ingest::intake::{Class, Root};
use hinomi_model::DiagnosticKind;

use crate::fixture::{Folder, Read, lines, options, read, read_stream, read_with};

const NAMES: [&str; 5] =
    ["a.log", "empty.log", "var/log/with space.log", "var/log/日本語.log", "z/large.log"];

/// Something to pack, and its contents by name.
fn case() -> (Folder, BTreeMap<String, Vec<u8>>) {
    let folder = Folder::new();
    let sizes = [3, 0, 100, 7, 20_000];
    let contents: BTreeMap<_, _> =
        NAMES.iter().zip(sizes).map(|(n, size)| ((*n).to_owned(), lines(size))).collect();
    contents.iter().for_each(|(name, data)| {
        folder.put(name, data);
    });
    (folder, contents)
}

/// Runs a shell command line in the folder; `None`, with a word about it, when it fails or is not installed.
fn pack(case: &Folder, line: &str) -> Option<PathBuf> {
    let out = Folder::new();
    let path = out.path().join("packed");
    std::mem::forget(out);
    let line = line.replace("OUT", path.to_str().unwrap());
    let status = Command::new("sh").args(["-c", &line]).current_dir(case.path()).status();
    if status.is_ok_and(|s| s.success()) && path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {line}");
    None
}

fn contents(read: &Read) -> BTreeMap<String, Vec<u8>> {
    let content = |place: &str| read.contents.get(place).cloned().unwrap_or_default();
    let name = |inner: &str| inner.strip_prefix("./").unwrap_or(inner).to_owned();
    read.members.iter().map(|m| (name(&m.member.inner), content(&m.member.place()))).collect()
}

fn remove(path: &Path) {
    let _ = std::fs::remove_dir_all(path.parent().unwrap());
}

#[test]
fn members_are_those_that_were_packed() {
    let (case, expected) = case();
    let python = |method: &str| {
        format!(
            "python3 -c \"import zipfile,os\nz=zipfile.ZipFile('OUT','w',zipfile.{method})\n\
             [z.write(os.path.join(d,f)) for d,_,fs in os.walk('.') for f in fs]\nz.close()\""
        )
    };
    let mut lines: Vec<String> = [
        "zip -qr OUT.zip . && mv OUT.zip OUT",
        "zip -q0r OUT.zip . && mv OUT.zip OUT",
        "zip -qr -fz OUT.zip . && mv OUT.zip OUT",
    ]
    .map(str::to_owned)
    .into();
    lines.push("zip -qr - . | cat > OUT".to_owned());
    lines.extend(["v7", "ustar", "gnu", "pax"].map(|format| format!("tar --format={format} -cf OUT .")));
    lines.extend(["tar -czf OUT .", "tar -c . | gzip -9 > OUT", "tar --zstd -cf OUT ."].map(str::to_owned));
    lines.extend(["ZIP_DEFLATED", "ZIP_STORED"].map(python));
    lines.push("tar -c . | zstd -q --long=27 -19 > OUT".to_owned());
    let mut packed = 0;
    for line in lines {
        let Some(path) = pack(&case, &line) else { continue };
        let mut in_order = options();
        in_order.limits.nested_zip_bytes = 10;
        let bytes = std::fs::read(&path).unwrap();
        let stream =
            Root::Stream { name: "-".to_owned(), reader: Box::new(std::io::Cursor::new(bytes.clone())) };
        // From disk, from a stream held in memory, and from a stream read in order.
        for read in [read(&path), read_stream(bytes), read_with(vec![stream], in_order)] {
            assert_eq!(read.losses, [], "{line}");
            assert!(contents(&read) == expected, "{line}: {:?}", read.names());
        }
        remove(&path);
        packed += 1;
    }
    eprintln!("{packed} archives compared");
}

#[test]
fn what_cannot_be_read_is_said() {
    let (case, expected) = case();
    let python = "python3 -c \"import zipfile\nz=zipfile.ZipFile('OUT','w',zipfile.ZIP_BZIP2)\nz.write('a.log')\nz.close()\"";
    let refused =
        ["zip -qr -P secret OUT.zip . && mv OUT.zip OUT", python, "tar -cJf OUT .", "tar -cjf OUT ."];
    for line in refused {
        let Some(path) = pack(&case, line) else { continue };
        let read = read(&path);
        assert!(
            read.kinds().iter().all(|k| *k == DiagnosticKind::RefusedMember),
            "{line}: {:?}",
            read.losses
        );
        assert!(!read.losses.is_empty() && read.contents.is_empty(), "{line}");
        remove(&path);
    }
    // A file with a hole, and everything beside it.
    let Some(path) = pack(&case, "truncate -s 10M hole && tar -cSf OUT . && rm hole") else { return };
    let read = read(&path);
    assert!(contents(&read) == expected, "{:?}", read.losses);
    assert_eq!(read.kinds(), [DiagnosticKind::RefusedMember]);
    remove(&path);
}

#[cfg(unix)]
#[test]
fn a_named_pipe_given_explicitly_is_read_like_standard_input() {
    let folder = Folder::new();
    let pipe = folder.path().join("pipe");
    if !Command::new("mkfifo").arg(&pipe).status().is_ok_and(|s| s.success()) {
        eprintln!("SKIPPED: mkfifo");
        return;
    }
    let text = lines(100);
    let writer = {
        let (pipe, text) = (pipe.clone(), text.clone());
        std::thread::spawn(move || {
            let mut file = std::fs::OpenOptions::new().write(true).open(pipe).unwrap();
            std::io::Write::write_all(&mut file, &text).unwrap();
        })
    };
    let read = read(&pipe);
    writer.join().unwrap();
    assert!(read.contents.values().next() == Some(&text));
    assert_eq!(read.files[0].digest, Some(hinomi_model::Digest::of(&text)));
    assert!(matches!(read.classes()[..], [Class::Log(_)]));
}
