//! A folder of its own per test, and the reader run to its end.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use hinomi_ingest::intake::{Class, FileDone, Format, Intake, Item, MemberDone, Options, Root};
use hinomi_model::{Diagnostic, DiagnosticKind, Timestamp};

pub const NOW: Timestamp = Timestamp::from_nanos(1_800_000_000_000_000_000);

/// A temporary folder, removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hinomi-intake-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    #[expect(clippy::disallowed_methods, reason = "fixtures are files")]
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Everything the reader said.
#[derive(Default, Debug)]
pub struct Read {
    /// Units of each member, glued together, by inner name (or path below the folder for plain files).
    pub contents: BTreeMap<String, Vec<u8>>,
    pub formats: BTreeMap<String, Format>,
    pub units: Vec<(String, u64, usize)>,
    pub members: Vec<MemberDone>,
    pub files: Vec<FileDone>,
    pub losses: Vec<Diagnostic>,
}

impl Read {
    pub fn kinds(&self) -> Vec<DiagnosticKind> {
        self.losses.iter().map(|d| d.kind).collect()
    }

    pub fn names(&self) -> Vec<&str> {
        self.members.iter().map(|m| m.member.inner.as_str()).collect()
    }

    pub fn classes(&self) -> Vec<Class> {
        self.members.iter().map(|m| m.class).collect()
    }
}

pub fn options() -> Options {
    Options::at(NOW)
}

pub fn read(path: &Path) -> Read {
    read_with(vec![Root::Path(path.to_owned())], options())
}

pub fn read_stream(bytes: Vec<u8>) -> Read {
    let reader = Box::new(std::io::Cursor::new(bytes));
    read_with(vec![Root::Stream { name: "-".to_owned(), reader }], options())
}

pub fn read_with(roots: Vec<Root>, options: Options) -> Read {
    let mut intake = Intake::new(roots, options);
    let mut read = Read::default();
    let mut next_offset: BTreeMap<String, u64> = BTreeMap::new();
    while let Some(item) = intake.next() {
        match item {
            Item::Unit(format, unit) => {
                let name = unit.member.place();
                assert_eq!(unit.ordinal, read.units.len() as u64, "ordinals count up");
                let expected = next_offset.entry(name.clone()).or_insert(unit.offset);
                assert!(unit.offset >= *expected, "units of {name} do not overlap");
                *expected = unit.offset + unit.bytes.len() as u64;
                read.units.push((name.clone(), unit.offset, unit.bytes.len()));
                read.contents.entry(name.clone()).or_default().extend_from_slice(&unit.bytes);
                read.formats.insert(name, format);
                intake.recycle(unit.bytes);
            }
            Item::Member(done) => read.members.push(done),
            Item::File(done) => read.files.push(done),
        }
    }
    read.losses = intake.take_diagnostics().into_sorted();
    let progress = intake.progress();
    assert_eq!(progress.files_done, read.files.len() as u64);
    assert_eq!(progress.members_done, read.members.len() as u64);
    assert_eq!(progress.bytes_read, progress.bytes_total, "everything known was read");
    read
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 3).unwrap()
}

/// Numbered lines of text.
pub fn lines(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|n| format!("Jan  1 00:00:{:02} host app[{n}]: message {n}\n", n % 60).into_bytes())
        .collect()
}
