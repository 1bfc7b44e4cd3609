//! Renders small and bundled scenarios and checks bytes against the truth that came with them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::naive_bytecount,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "a test fails by panicking"
)]

mod bundled;
mod small;

use std::collections::BTreeMap;
use std::io;

use hinomi_scenario::{Library, Recorded, Request, Sink, SpliceSource, Truth, render};

/// Files in memory.
#[derive(Default)]
pub struct Memory(pub BTreeMap<String, Vec<u8>>);

impl Sink for Memory {
    fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.entry(path.to_owned()).or_default().extend_from_slice(bytes);
        Ok(())
    }
}

/// Counts bytes.
#[derive(Default)]
pub struct Nowhere(pub u64);

impl Sink for Nowhere {
    fn append(&mut self, _: &str, bytes: &[u8]) -> io::Result<()> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
}

/// No recording is at hand.
pub struct NoRecordings;

impl SpliceSource for NoRecordings {
    fn events(&mut self, recording: &str) -> Result<Vec<Recorded>, String> {
        Err(format!("{recording} is not here"))
    }
}

/// Renders into memory.
pub fn rendered(library: &Library, request: &Request) -> (BTreeMap<String, Vec<u8>>, Truth) {
    let mut memory = Memory::default();
    let truth = render(library, request, &mut NoRecordings, &mut memory).unwrap();
    (memory.0, truth)
}

/// The line that evidence points at.
pub fn cited<'a>(files: &'a BTreeMap<String, Vec<u8>>, evidence: &hinomi_scenario::Evidence) -> &'a str {
    let bytes = &files[&evidence.file];
    let start = evidence.offset as usize;
    let end = start + evidence.length as usize;
    assert_eq!(bytes[end], b'\n', "evidence ends with its line");
    assert!(start == 0 || bytes[start - 1] == b'\n', "evidence begins with its line");
    std::str::from_utf8(&bytes[start..end]).unwrap()
}
