//! Where one datagram ends and the next begins, and what its header says.
//!
//! # Invariants
//! Versions 5 and 10 state their length. Version 9 does not: its sets are followed until the next header, which names a
//! time near to this one.

/// First and last plausible time of export: 2000 and 2100.
const TIMES: std::ops::Range<u32> = 946_684_800..4_102_444_800;
/// Two datagrams in a row are not further apart.
const NEAR_SECONDS: u32 = 30 * 86_400;
/// Longest datagram.
const LONGEST: usize = 65_536;

const V5_HEADER: usize = 24;
const V5_RECORD: usize = 48;
const V9_HEADER: usize = 20;
const IPFIX_HEADER: usize = 16;

/// Version of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Version {
    V5,
    V9,
    Ipfix,
}

/// A datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Datagram<'b> {
    pub(super) version: Version,
    /// Seconds since 1970 when it was exported.
    pub(super) seconds: u32,
    /// Nanoseconds beyond that, of version 5.
    pub(super) nanos: u32,
    /// Milliseconds since the exporter started; version 10 does not say.
    pub(super) uptime_ms: Option<u32>,
    pub(super) sequence: u32,
    /// Observation domain, or engine.
    pub(super) domain: u32,
    /// One of so many packets was looked at, of version 5; 0 and 1 are all.
    pub(super) sampling: u16,
    /// What follows the header.
    pub(super) body: &'b [u8],
    /// Offset of the body.
    pub(super) header: usize,
    /// Bytes with what was put behind it.
    pub(super) taken: usize,
}

/// What bytes begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Met<'b> {
    Whole(Datagram<'b>),
    /// A datagram of at least this length.
    Part(usize),
    /// So many bytes that are none.
    Other(usize),
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Version and time of a plausible header.
fn header(bytes: &[u8]) -> Option<(Version, u32)> {
    let (version, count) = (u16_at(bytes, 0)?, u16_at(bytes, 2)?);
    let is_set = |at| {
        let (id, length) = (u16_at(bytes, at), u16_at(bytes, at + 2));
        id.is_none_or(|id| !(4..=255).contains(&id)) && length.is_none_or(|length| length >= 4)
    };
    let (version, seconds) = match version {
        5 if (1..=30).contains(&count) => (Version::V5, u32_at(bytes, 8)?),
        9 if (1..=4_096).contains(&count) && is_set(V9_HEADER) => (Version::V9, u32_at(bytes, 8)?),
        10 if usize::from(count) >= IPFIX_HEADER && is_set(IPFIX_HEADER) => {
            (Version::Ipfix, u32_at(bytes, 4)?)
        }
        _ => return None,
    };
    TIMES.contains(&seconds).then_some((version, seconds))
}

/// What `bytes` begin with. `more`: others may follow them.
pub(super) fn first(bytes: &[u8], more: bool) -> Met<'_> {
    let Some((version, seconds)) = header(bytes) else { return Met::Other(next(bytes)) };
    let count = usize::from(u16_at(bytes, 2).unwrap_or(0));
    let length = match version {
        Version::V5 => V5_HEADER + count * V5_RECORD,
        Version::V9 => v9_length(bytes, seconds, more),
        Version::Ipfix => count,
    };
    let header = match version {
        Version::V5 => V5_HEADER,
        Version::V9 => V9_HEADER,
        Version::Ipfix => IPFIX_HEADER,
    };
    let Some(body) = bytes.get(header..length) else { return Met::Part(length) };
    let feed = bytes.get(length) == Some(&b'\n') && body.last() != Some(&b'\n');
    let at = |place| u32_at(bytes, place).unwrap_or(0);
    let taken = length + usize::from(feed);
    let datagram = Datagram {
        version,
        seconds,
        nanos: 0,
        uptime_ms: Some(at(4)),
        sequence: 0,
        domain: 0,
        sampling: 0,
        body,
        header,
        taken,
    };
    Met::Whole(match version {
        Version::V5 => Datagram {
            nanos: at(12).min(999_999_999),
            sequence: at(16),
            domain: at(20) >> 16,
            sampling: u16_at(bytes, 22).unwrap_or(0) & 0x3fff,
            ..datagram
        },
        Version::V9 => Datagram { sequence: at(12), domain: at(16), ..datagram },
        Version::Ipfix => Datagram { uptime_ms: None, sequence: at(8), domain: at(12), ..datagram },
    })
}

/// The length of a datagram of version 9: its sets, up to what is the header of another one.
fn v9_length(bytes: &[u8], seconds: u32, more: bool) -> usize {
    let mut at = V9_HEADER;
    while at < bytes.len().min(LONGEST) {
        let rest = bytes.get(at..).unwrap_or_default();
        if follows(rest, seconds)
            || rest.first() == Some(&b'\n') && follows(rest.get(1..).unwrap_or_default(), seconds)
        {
            break;
        }
        let (Some(id), Some(length)) = (u16_at(rest, 0), u16_at(rest, 2)) else {
            // Too little to tell a set from the next datagram.
            return if more { at + 4 } else { at };
        };
        let length = usize::from(length);
        if (2..256).contains(&id) || length < 4 || at + length > LONGEST {
            break;
        }
        at += length;
    }
    at
}

/// Whether bytes are the header of the next datagram, which was exported about when this one was.
fn follows(bytes: &[u8], seconds: u32) -> bool {
    header(bytes).is_some_and(|(_, other)| other.abs_diff(seconds) <= NEAR_SECONDS)
}

/// How far the next plausible header is.
fn next(bytes: &[u8]) -> usize {
    (1..bytes.len()).find(|at| header(bytes.get(*at..).unwrap_or_default()).is_some()).unwrap_or(bytes.len())
}
