//! The values of one record.

use super::cursor::{Cursor, u32_at};
use super::fault::Fault;
use super::template::{DEFINITION_HEADER, TemplateId, Templates};
use super::value::{ARRAY, kind};

/// One substitution value: where its bytes stand in the chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) at: u32,
    pub(super) length: u16,
    pub(super) ty: u8,
}

impl Value {
    #[inline]
    pub(super) fn bytes(self, chunk: &[u8]) -> &[u8] {
        let at = self.at as usize;
        chunk.get(at..at + usize::from(self.length)).unwrap_or_default()
    }
}

/// A template with its values in this record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Instance {
    pub(super) template: TemplateId,
    /// First of its values in [`Record::values`].
    pub(super) base: u32,
    pub(super) count: u32,
    /// The instance and the number of its substitution that this one is the value of; [`ROOT`] for the record.
    pub(super) parent: (u16, u16),
}

/// Parent of the outermost instances.
pub(super) const ROOT: (u16, u16) = (u16::MAX, u16::MAX);

/// Deepest nesting of fragments in fragments.
const MAX_FRAGMENTS: u8 = 8;
/// Most instances in one record.
const MAX_INSTANCES: usize = 64;

/// The instances and values of one record; reused from record to record.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) instances: Vec<Instance>,
    pub(super) values: Vec<Value>,
    /// Some value since this was last cleared is text of one byte per character.
    pub(super) narrow_text: bool,
    /// Damage that did not prevent the reading.
    pub(super) note: Option<Fault>,
}

impl Record {
    /// Reads the BinXML between `start` and `end` of the chunk.
    pub(super) fn read(
        &mut self,
        chunk: &[u8],
        start: usize,
        end: usize,
        templates: &mut Templates,
    ) -> Result<(), Fault> {
        self.instances.clear();
        self.values.clear();
        self.note = None;
        self.stream(Cursor::new(chunk, start, end), chunk, ROOT, templates, 0)
    }

    /// The value of substitution `index` of an instance.
    #[inline]
    pub(super) fn value(&self, instance: u16, index: u16) -> Option<Value> {
        let instance = self.instances.get(usize::from(instance))?;
        let index = u32::from(index);
        if index < instance.count { self.values.get((instance.base + index) as usize).copied() } else { None }
    }

    fn stream<'a>(
        &mut self,
        mut cursor: Cursor<'a>,
        chunk: &'a [u8],
        parent: (u16, u16),
        templates: &mut Templates,
        depth: u8,
    ) -> Result<(), Fault> {
        loop {
            match cursor.peek() {
                None | Some(0x00) => return Ok(()),
                Some(0x0f) => {
                    cursor.take(4)?;
                }
                Some(0x0c) => {
                    cursor.u8()?;
                    self.instance(&mut cursor, chunk, parent, templates, depth)?;
                }
                Some(_) => {
                    let base = self.values.len();
                    let template = templates.canonical(chunk, &mut cursor, Some(&mut self.values))?;
                    let count = (self.values.len() - base) as u32;
                    return self.push(Instance { template, base: base as u32, count, parent });
                }
            }
        }
    }

    fn push(&mut self, instance: Instance) -> Result<(), Fault> {
        if self.instances.len() >= MAX_INSTANCES {
            return Err(Fault::SIZE);
        }
        self.instances.push(instance);
        Ok(())
    }

    fn instance(
        &mut self,
        cursor: &mut Cursor<'_>,
        chunk: &[u8],
        parent: (u16, u16),
        templates: &mut Templates,
        depth: u8,
    ) -> Result<(), Fault> {
        cursor.take(5)?;
        let offset = cursor.u32()?;
        if offset as usize == cursor.at() {
            let size = u32_at(chunk, cursor.at() + 20).ok_or(Fault::SHORT)?;
            cursor.take(DEFINITION_HEADER)?;
            cursor.take(size as usize)?;
        }
        let template = templates.defined_at(chunk, offset)?;
        self.note = self.note.or(templates.take_note());
        let base = self.values.len();
        let fragments = self.values_of(cursor)?;
        let count = (self.values.len() - base) as u32;
        let number = self.instances.len() as u16;
        self.push(Instance { template, base: base as u32, count, parent })?;
        if fragments {
            self.fragments(base, count, number, chunk, templates, depth)?;
        }
        Ok(())
    }

    /// Reads the value table at the cursor; true when one of the values is a fragment.
    #[inline]
    fn values_of(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
        let count = cursor.u32()? as usize;
        let descriptors = cursor.take(count.checked_mul(4).ok_or(Fault::SHORT)?)?;
        let first = self.values.len();
        let start = cursor.at();
        let mut at = start as u32;
        let mut fragments = false;
        let mut narrow = false;
        self.values.extend(descriptors.as_chunks::<4>().0.iter().map(|&[low, high, ty, _]| {
            let length = u16::from_le_bytes([low, high]);
            let value = Value { at, length, ty };
            at += u32::from(length);
            fragments |= ty == kind::FRAGMENT;
            narrow |= ty & !ARRAY == kind::ANSI;
            value
        }));
        self.narrow_text |= narrow;
        let end = start + cursor.remaining();
        if at as usize > end {
            self.cut_values(first, end);
            at = end as u32;
        }
        cursor.take(at as usize - start)?;
        Ok(fragments)
    }

    /// A damaged length: what would reach past the end of the record is taken for null.
    #[cold]
    fn cut_values(&mut self, first: usize, end: usize) {
        self.note = Some(Fault::CUT);
        for value in self.values.iter_mut().skip(first) {
            if value.at as usize + usize::from(value.length) > end {
                *value = Value { at: end as u32, length: 0, ty: kind::NULL };
            }
        }
    }

    fn fragments(
        &mut self,
        base: usize,
        count: u32,
        number: u16,
        chunk: &[u8],
        templates: &mut Templates,
        depth: u8,
    ) -> Result<(), Fault> {
        if depth >= MAX_FRAGMENTS {
            return Err(Fault::DEPTH);
        }
        for index in 0..count {
            let Some(&value) = self.values.get(base + index as usize) else { break };
            if value.ty != kind::FRAGMENT || value.length == 0 {
                continue;
            }
            let start = value.at as usize;
            let cursor = Cursor::new(chunk, start, start + usize::from(value.length));
            let before = (self.instances.len(), self.values.len());
            if self.stream(cursor, chunk, (number, index as u16), templates, depth + 1).is_err() {
                // The rest of the record stands for itself.
                self.note = Some(Fault::FRAGMENT);
                self.instances.truncate(before.0);
                self.values.truncate(before.1);
                if let Some(value) = self.values.get_mut(base + index as usize) {
                    value.ty = kind::NULL;
                }
            }
        }
        Ok(())
    }
}
