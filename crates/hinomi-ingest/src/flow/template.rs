//! Templates: which fields the records of a set have.

use super::datagram::{Version, u16_at, u32_at};

/// Fields of one template.
const MOST_FIELDS: usize = 256;
/// Length of a field that states it itself (RFC 7011, section 7).
pub(super) const VARIABLE: u16 = 0xffff;

/// A field of a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Field {
    pub(super) number: u16,
    /// Whose number it is; 0 is everybody's.
    pub(super) enterprise: u32,
    pub(super) length: u16,
}

/// A template.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Template {
    pub(super) fields: Vec<Field>,
    /// Whether its records describe the exporter and not flows.
    pub(super) options: bool,
}

impl Template {
    /// Bytes of its shortest record.
    pub(super) fn shortest(&self) -> usize {
        let length = |field: &Field| if field.length == VARIABLE { 1 } else { usize::from(field.length) };
        self.fields.iter().map(length).sum()
    }
}

/// A template that a set defines: its number, and itself unless it is withdrawn.
pub(super) type Defined = (u16, Option<Template>);

/// The templates in a set, up to the first that makes no sense.
pub(super) fn templates(set: &[u8], version: Version, options: bool) -> Vec<Defined> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((defined, length)) = template(set.get(at..).unwrap_or_default(), version, options) {
        found.push(defined);
        at += length;
    }
    found
}

fn template(bytes: &[u8], version: Version, options: bool) -> Option<(Defined, usize)> {
    let id = u16_at(bytes, 0).filter(|id| *id > 255)?;
    let count = usize::from(u16_at(bytes, 2)?);
    if version == Version::Ipfix && count == 0 {
        return Some(((id, None), 4));
    }
    let (count, mut at) = match (version, options) {
        (_, false) => (count, 4),
        // Lengths of scope and options in bytes.
        (Version::V9, true) => ((count + usize::from(u16_at(bytes, 4)?)) / 4, 6),
        (_, true) => (count, 6),
    };
    let mut fields = Vec::new();
    for place in 0..count {
        let (number, length) = (u16_at(bytes, at)?, u16_at(bytes, at + 2)?);
        at += 4;
        let mut enterprise = 0;
        if version == Version::Ipfix && number & 0x8000 != 0 {
            enterprise = u32_at(bytes, at)?;
            at += 4;
        }
        // Scopes of version 9 have numbers of their own.
        let scope = version == Version::V9 && options && place < usize::from(u16_at(bytes, 2)?) / 4;
        let number = if scope { 0 } else { number & 0x7fff };
        fields.push(Field { number, enterprise, length });
    }
    let template = Template { fields, options };
    let fits = (1..=MOST_FIELDS).contains(&count) && template.shortest() > 0;
    fits.then_some(((id, Some(template)), at))
}
