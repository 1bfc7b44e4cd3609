//! Observations and facts of hosts as bytes, for what does not fit into memory.
//!
//! Numbers are LEB128, texts have their length before them; an absent text is length 0, any other is one longer. Only this
//! program reads it, in the run that wrote it.

use std::sync::Arc;

use hinomi_model::Timestamp;

use super::fact::{HostFact, Word};
use crate::{Attributes, Observation};

/// Writes records.
pub(super) struct Writer<'b>(pub(super) &'b mut Vec<u8>);

impl Writer<'_> {
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn text(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.number(0) };
        self.number(text.len() as u64 + 1);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn time(&mut self, time: Timestamp) {
        self.0.extend_from_slice(&time.as_nanos().to_le_bytes());
    }

    /// The length of the rest stands before it, so that a reader may pass over it.
    pub(super) fn observation(&mut self, seen: &Observation) {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        self.number(seen.rule as u64);
        self.time(seen.time);
        [&seen.account, &seen.account_id].into_iter().for_each(|text| self.text(text.as_deref()));
        [seen.event, seen.log].into_iter().for_each(|n| self.number(n as u64));
        for text in [&seen.address, &seen.origin, &seen.device, &seen.session] {
            self.text(text.as_deref());
        }
        self.number(seen.second_factor.map_or(0, |said| 1 + u64::from(said)));
        self.number(seen.factors.len() as u64);
        seen.factors.iter().for_each(|factor| self.text(Some(factor)));
        self.number(seen.attributes.len() as u64);
        for (name, value) in seen.attributes.iter() {
            self.text(Some(name));
            self.text(Some(value));
        }
        let length = u32::try_from(self.0.len() - start - 4).unwrap_or(u32::MAX);
        if let Some(place) = self.0.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }

    pub(super) fn fact(&mut self, fact: &HostFact) {
        self.text(Some(&fact.host));
        self.time(fact.time);
        self.number(fact.event as u64);
        match &fact.word {
            Word::Sighting => self.number(0),
            Word::Sensor => self.number(1),
            Word::Elsewhere => self.number(2),
            Word::Administrator(account) => {
                self.number(3);
                self.text(Some(account));
            }
            Word::Flow(seen) => {
                self.number(4);
                self.observation(seen);
            }
        }
    }
}

/// The beginning of an observation.
pub(super) struct Peek<'b> {
    pub(super) rule: usize,
    pub(super) time: Timestamp,
    pub(super) account: Option<&'b str>,
    pub(super) account_id: Option<&'b str>,
}

/// Reads records; `None` where the bytes end or make no sense.
pub(super) struct Reader<'b>(pub(super) &'b [u8]);

impl<'b> Reader<'b> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = self.size()?.checked_sub(1)?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn owned(&mut self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    /// A text that may be absent; whether the bytes make sense is told apart from that.
    fn perhaps(&mut self, field: &mut Option<String>) -> Option<()> {
        if self.0.first() == Some(&0) {
            return self.number().map(|_| ());
        }
        *field = Some(self.owned()?);
        Some(())
    }

    fn time(&mut self) -> Option<Timestamp> {
        let (bytes, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(Timestamp::from_nanos(i64::from_le_bytes(*bytes)))
    }

    /// A record without its length, and what follows is read next.
    fn record(&mut self) -> Option<Self> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.0 = rest;
        Some(Self(record))
    }

    /// The beginning of an observation, which is passed over.
    pub(super) fn peek(&mut self) -> Option<Peek<'b>> {
        let mut record = self.record()?;
        let (rule, time) = (record.size()?, record.time()?);
        let mut said = || {
            if record.0.first() == Some(&0) { record.number().map(|_| None) } else { record.text().map(Some) }
        };
        let (account, account_id) = (said()?, said()?);
        Some(Peek { rule, time, account, account_id })
    }

    pub(super) fn observation(&mut self) -> Option<Observation> {
        self.record()?.seen()
    }

    fn seen(mut self) -> Option<Observation> {
        let (rule, time) = (self.size()?, self.time()?);
        let mut seen = Observation {
            rule,
            event: 0,
            log: 0,
            time,
            account: None,
            account_id: None,
            address: None,
            origin: None,
            device: None,
            session: None,
            factors: Vec::new(),
            second_factor: None,
            attributes: Attributes::default(),
        };
        self.perhaps(&mut seen.account)?;
        self.perhaps(&mut seen.account_id)?;
        (seen.event, seen.log) = (self.size()?, self.size()?);
        for field in [&mut seen.address, &mut seen.origin, &mut seen.device, &mut seen.session] {
            self.perhaps(field)?;
        }
        seen.second_factor = self.number()?.checked_sub(1).map(|said| said == 1);
        for _ in 0..self.number()? {
            seen.factors.push(self.owned()?);
        }
        for _ in 0..self.number()? {
            let name = self.text()?;
            seen.attributes.insert(name, self.owned()?);
        }
        Some(seen)
    }

    pub(super) fn fact(&mut self) -> Option<HostFact> {
        let host: Arc<str> = self.text()?.into();
        let (time, event) = (self.time()?, self.size()?);
        let word = match self.number()? {
            0 => Word::Sighting,
            1 => Word::Sensor,
            2 => Word::Elsewhere,
            3 => Word::Administrator(self.text()?.into()),
            4 => Word::Flow(Box::new(self.observation()?)),
            _ => return None,
        };
        Some(HostFact { host, time, event, word })
    }
}
