//! EVTX files of the corpora, if they are there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_columns::Store;
use hinomi_ingest::{Clocks, Decode, EvtxDecoder, Member, Unit, evtx_cut};
use hinomi_model::{Diagnostics, Timestamp};

/// Archives that hold EVTX files.
const ARCHIVES: [&str; 4] = [
    "a_windows_attack/evtx_to_mitre_attack.tar.zst",
    "a_windows_attack/sigma_regression_half_a.tar.zst",
    "b_benign/windows_dc_system_5y.tar.zst",
    "b_benign/windows_evtx_parser_samples_a.tar.zst",
];

/// Name and bytes of one file.
pub struct Sample {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// All EVTX files of the corpora, or `None` (said on the terminal) when the corpora are not there.
pub fn samples() -> Option<Vec<Sample>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let root = std::env::var_os("HINOMI_CORPORA").map_or(beside, PathBuf::from);
    let mut found = Vec::new();
    for archive in ARCHIVES {
        match std::fs::read(root.join(archive)) {
            Ok(packed) => members(&zstd::decode_all(packed.as_slice()).unwrap(), &mut found),
            Err(error) => println!("skipped: corpus {archive} is not there ({error})"),
        }
    }
    (!found.is_empty()).then_some(found)
}

/// The EVTX members of a tar archive (POSIX.1 ustar with GNU and pax headers, whose long names do not matter).
fn members(tar: &[u8], found: &mut Vec<Sample>) {
    let mut rest = tar;
    while let Some(header) = rest.get(..512).filter(|h| h[0] != 0) {
        let text = |from: usize, to: usize| {
            String::from_utf8_lossy(&header[from..to]).trim_matches(['\0', ' ']).to_owned()
        };
        let size = usize::from_str_radix(&text(124, 136), 8).unwrap();
        let content = &rest[512..512 + size];
        if content.starts_with(b"ElfFile\0") {
            found.push(Sample { name: text(0, 100), bytes: content.to_vec() });
        }
        rest = &rest[512 + size.next_multiple_of(512)..];
    }
}

/// Cuts `bytes` the way a reader does, `step` bytes at a time, and decodes every unit.
pub fn decode(bytes: &[u8], step: usize, store: &mut Store) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let mut decoder = EvtxDecoder::default();
    let mut offset = 0;
    let mut held = step;
    while offset < bytes.len() {
        let end = (offset + held).min(bytes.len());
        let cut = evtx_cut(&bytes[offset..end], end == bytes.len());
        if cut == 0 {
            held += step;
            continue;
        }
        held = step;
        decoder.decode(&unit(offset, &bytes[offset..offset + cut]), store, &mut diagnostics);
        offset += cut;
    }
    diagnostics
}

pub fn unit(offset: usize, bytes: &[u8]) -> Unit {
    Unit {
        member: Arc::new(Member {
            file: 0,
            path: "sample.evtx".to_owned(),
            inner: String::new(),
            verbatim: false,
        }),
        ordinal: 0,
        offset: offset as u64,
        bytes: bytes.to_vec(),
        preamble: Arc::from([]),
        clocks: Arc::new(Clocks { zone: jiff::tz::TimeZone::UTC, latest: Timestamp::from_nanos(0) }),
    }
}
