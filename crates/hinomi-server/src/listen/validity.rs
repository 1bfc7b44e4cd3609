//! From when until when certificates hold, and for which names (RFC 5280, 4.1.2.5 and 4.2.1.6).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use hinomi_model::Timestamp;

use super::tls::{ALTERNATIVE_NAMES, DNS_NAME, EXTENSIONS, OBJECT_ID, certificates, elements, fields};
use crate::ber::{self, SEQUENCE};
use crate::error::ServerError;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The alternative of a name that is an address.
const ADDRESS: u8 = 0x87;

/// What one certificate says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Validity {
    pub(crate) valid: Option<(Timestamp, Timestamp)>,
    pub(crate) names: Vec<String>,
}

/// Reads the certificates of a PEM file, in their order.
pub(crate) fn validity(path: &Path) -> Result<Vec<Validity>, ServerError> {
    Ok(certificates(path)?.iter().map(|certificate| read(certificate)).collect())
}

fn read(certificate: &[u8]) -> Validity {
    let fields = fields(certificate).unwrap_or_default();
    Validity { valid: dates(fields), names: names(fields).unwrap_or_default() }
}

fn dates(fields: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let validity = ber::read_as(fields, SEQUENCE)?;
    let mut dates = elements(validity.content).map(|date| time(date.tag, date.content));
    Some((dates.next()??, dates.next()??))
}

/// A time of a certificate. Years of two digits are those from 1950 to 2049.
fn time(tag: u8, content: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let text = match (tag, text.len()) {
        (UTC_TIME, 12) => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        (GENERALIZED_TIME, 14) => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let (date, clock) = ([part(0, 4), part(4, 6), part(6, 8)], [part(8, 10), part(10, 12), part(12, 14)]);
    format!("{}T{}Z", date.join("-"), clock.join(":")).parse().ok()
}

fn names(fields: &[u8]) -> Option<Vec<String>> {
    let extensions = elements(fields).find(|element| element.tag == EXTENSIONS)?;
    let extensions = ber::read_as(extensions.content, SEQUENCE)?;
    let value = elements(extensions.content).find_map(|extension| {
        let id = ber::read_as(extension.content, OBJECT_ID)?;
        let value = elements(id.rest).find(|element| element.tag == ber::OCTETS)?;
        (id.content == ALTERNATIVE_NAMES).then_some(value.content)
    })?;
    let names = ber::read_as(value, SEQUENCE)?;
    Some(elements(names.content).filter_map(|name| shown(name.tag, name.content)).collect())
}

fn shown(tag: u8, content: &[u8]) -> Option<String> {
    match tag {
        DNS_NAME => std::str::from_utf8(content).ok().map(str::to_owned),
        ADDRESS => match content.len() {
            4 => <[u8; 4]>::try_from(content).ok().map(|bytes| Ipv4Addr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(content).ok().map(|bytes| Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_certificates_are_read() {
        let is = |tag, text: &str| time(tag, text.as_bytes()).map(|t| t.to_string());
        let expected = "2026-11-22T01:02:03".parse::<String>().unwrap();
        assert!(is(UTC_TIME, "261122010203Z").unwrap().starts_with(&expected));
        assert!(is(GENERALIZED_TIME, "20261122010203Z").unwrap().starts_with(&expected));
        assert!(is(UTC_TIME, "500101000000Z").unwrap().starts_with("1950-01-01"));
        assert!(is(UTC_TIME, "491231235959Z").unwrap().starts_with("2049-12-31"));
        for (tag, bad) in [
            (UTC_TIME, "2611220102Z"),
            (UTC_TIME, "261122010203+0900"),
            (UTC_TIME, "20261122010203Z"),
            (GENERALIZED_TIME, "261122010203Z"),
            (UTC_TIME, "261322010203Z"),
            (UTC_TIME, "-61122010203Z"),
            (UTC_TIME, ""),
        ] {
            assert_eq!(is(tag, bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_certificate_says_nothing() {
        for bytes in [&b""[..], b"\x30", b"\x30\x84\xff\xff\xff\xff", &[0x30; 64], &[0xff; 64]] {
            assert_eq!(read(bytes), Validity::default());
        }
    }
}
