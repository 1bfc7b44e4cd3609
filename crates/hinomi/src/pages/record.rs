//! The bytes behind a reference, and their proof.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hinomi_ledger::{Bundle, Reader};
use hinomi_model::{Digest, EvidencePlace, EvidenceRef};
use serde::Serialize;

use super::decoded::Decoding;
use super::evidence::Evidence;
use super::{Asked, Refused, received};

/// Bytes that are shown at most.
const MOST_SHOWN: usize = 1 << 20;

/// The answer.
#[derive(Debug, Serialize)]
pub(super) struct KeptRecord {
    reference: String,
    bytes: String,
    length: u64,
    is_cut: bool,
    offset: u64,
    event_length: Option<u64>,
    received: String,
    source: String,
    class: String,
    sequence: Option<u64>,
    fields: BTreeMap<String, String>,
    before: Option<String>,
    after: Option<String>,
}

/// A reference into this ledger.
fn cited(text: &str, reader: &Reader) -> Result<(EvidenceRef, u64, u32), Refused> {
    let reference: EvidenceRef = text.parse().map_err(|_| Refused::Senseless("no reference".to_owned()))?;
    match &reference.place {
        EvidencePlace::Log { origin, leaf, record }
            if origin == reader.identity().origin.as_str() && *leaf < reader.size() =>
        {
            let (leaf, record) = (*leaf, *record);
            Ok((reference, leaf, record))
        }
        _ => Err(Refused::NotFound),
    }
}

/// The leaf that a text refers to; 0 when it is no reference.
fn leaf_in(text: &str) -> u64 {
    match text.parse::<EvidenceRef>().map(|reference| reference.place) {
        Ok(EvidencePlace::Log { leaf, .. }) => leaf,
        _ => 0,
    }
}

/// A reference to a whole record.
fn whole(reader: &Reader, leaf: u64, record: u32, bytes: &[u8]) -> String {
    let place = EvidencePlace::Log { origin: reader.identity().origin.to_string(), leaf, record };
    EvidenceRef { place, offset: 0, sub: 0, event: Digest::of(bytes) }.to_string()
}

/// The record behind a reference as it was received, what is read from the event in it, and which stand beside it.
pub(super) fn record(
    (evidence, decoding): (&Evidence, &Decoding),
    asked: &Asked<'_>,
) -> Result<KeptRecord, Refused> {
    let leaf = leaf_in(&asked.needed("reference")?);
    let (kept, mut bytes, reference) = evidence.with_leaf(leaf, |opened| found(&opened.reader, asked))?;
    let decoded = decoding.read(evidence, &reference)?;
    let mut event_length = kept.event_length;
    if let Some(event) = decoded.bytes {
        let from = usize::try_from(reference.offset).unwrap_or(usize::MAX);
        event_length = event_length.or(Some(event.len() as u64));
        if from.saturating_add(event.len()) > bytes.len() {
            bytes.truncate(from);
            bytes.extend(event);
        }
    }
    let shown = bytes.get(..MOST_SHOWN.min(bytes.len())).unwrap_or_default();
    Ok(KeptRecord {
        bytes: STANDARD.encode(shown),
        length: bytes.len() as u64,
        is_cut: shown.len() < bytes.len(),
        event_length,
        fields: decoded.fields,
        ..kept
    })
}

/// What the ledger says of the record, and its bytes.
fn found(reader: &Reader, asked: &Asked<'_>) -> Result<(KeptRecord, Vec<u8>, EvidenceRef), Refused> {
    let (reference, leaf, number) = cited(&asked.needed("reference")?, reader)?;
    let block = reader.block(leaf)?.ok_or(Refused::NotFound)?;
    let found = block.records.get(number as usize).ok_or(Refused::NotFound)?;
    if reference.offset > found.bytes.len() as u64 {
        return Err(Refused::NotFound);
    }
    let beside = |number: Option<u32>| {
        let number = number?;
        let bytes = &block.records.get(number as usize)?.bytes;
        Some(whole(reader, leaf, number, bytes))
    };
    let kept = KeptRecord {
        reference: reference.to_string(),
        bytes: String::new(),
        length: 0,
        is_cut: false,
        offset: reference.offset,
        event_length: event_length(&found.bytes, &reference),
        received: received(found.received_ns),
        source: block.block.scope.source.clone(),
        class: block.block.scope.class.clone(),
        sequence: found.sequence,
        fields: BTreeMap::new(),
        before: beside(number.checked_sub(1)),
        after: beside(number.checked_add(1)),
    };
    Ok((kept, found.bytes.clone(), reference))
}

/// The length of the event, when it is a whole record or a whole line of it; `None` when only its decoder would know, as in a
/// block of a binary log.
fn event_length(record: &[u8], reference: &EvidenceRef) -> Option<u64> {
    let rest = record.get(usize::try_from(reference.offset).ok()?..)?;
    let candidates = [rest, rest.strip_suffix(b"\n").unwrap_or(rest), line(rest)];
    let found = candidates.into_iter().find(|bytes| Digest::of(bytes) == reference.event);
    found.map(|bytes| bytes.len() as u64)
}

/// Up to the end of the line, without it.
fn line(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let line = bytes.get(..end).unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Why a reference is refused.
const NO_RECORD: (&str, &str) = ("no record of this ledger", "この台帳のレコードではありません");
const ERASED: (&str, &str) = ("it was erased, or is no record", "消去済みか、レコードではありません");
const OTHER_DIGEST: (&str, &str) =
    ("what stands there has another digest", "そこにある内容のダイジェストが一致しません");

/// Looks up what a reference cites, and gives it back in its one form. What stands there has to have the digest that the
/// reference names, or, where only a decoder would know, the reference has to be one that this program made.
pub(super) fn look_up(
    evidence: &Evidence,
    (text, japanese): (&str, bool),
    is_known: &dyn Fn(&str) -> bool,
) -> Result<String, Refused> {
    let wrong = |(en, ja): (&str, &str)| {
        let (word, why) = if japanese { ("証拠", ja) } else { ("evidence", en) };
        Refused::Senseless(format!("{word} {text:.200}: {why}"))
    };
    evidence.with_leaf(leaf_in(text), |opened| {
        let cited = cited(text, &opened.reader);
        let (reference, leaf, number) = cited.map_err(|_| wrong(NO_RECORD))?;
        let block = opened.reader.block(leaf)?.ok_or_else(|| wrong(ERASED))?;
        let found = block.records.get(number as usize).ok_or_else(|| wrong(NO_RECORD))?;
        let reference_text = reference.to_string();
        if event_length(&found.bytes, &reference).is_none() && !is_known(&reference_text) {
            return Err(wrong(OTHER_DIGEST));
        }
        Ok(reference_text)
    })
}

/// A bundle that proves the record behind a reference to anyone, and the length of the event where that is known.
pub(super) fn bundle(reader: &Reader, reference: &str) -> Result<(Bundle, Option<u64>), Refused> {
    let (reference, leaf, record) = cited(reference, reader)?;
    let block = reader.block(leaf)?.ok_or(Refused::NotFound)?;
    let bytes = &block.records.get(record as usize).ok_or(Refused::NotFound)?.bytes;
    Ok((reader.prove(leaf, record)?, event_length(bytes, &reference)))
}

/// A bundle that proves the record to anyone.
pub(super) fn proof(evidence: &Evidence, asked: &Asked<'_>) -> Result<Bundle, Refused> {
    let reference = asked.needed("reference")?;
    evidence.with_leaf(leaf_in(&reference), |opened| {
        let (_, leaf, record) = cited(&reference, &opened.reader)?;
        Ok(opened.reader.prove(leaf, record)?)
    })
}
