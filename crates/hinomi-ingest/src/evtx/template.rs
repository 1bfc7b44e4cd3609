//! The templates known so far.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::canonical;
use super::cursor::{Cursor, u32_at};
use super::fault::Fault;
use super::layout::Layout;
use super::record::Value;
use super::tree::{self, Content};

/// Number of a template in a [`Templates`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct TemplateId(pub(super) u32);

/// Bytes before the tokens of a definition: offset of the next one, GUID, size.
pub(super) const DEFINITION_HEADER: usize = 24;

/// Templates by canonical form, across chunks and files, and by offset within the present chunk.
///
/// # Invariants
/// Bounded: [`Templates::start_chunk`] drops everything once the canonical forms exceed [`MAX_HELD`]; one chunk
/// adds at most [`MAX_PER_CHUNK`] bytes.
#[derive(Debug, Default)]
pub(super) struct Templates {
    trees: Vec<Vec<Content>>,
    by_form: HashMap<Box<[u8]>, TemplateId, RandomState>,
    by_offset: HashMap<u32, Result<TemplateId, Fault>, RandomState>,
    last: Option<(u32, TemplateId)>,
    form: Vec<u8>,
    held: usize,
    this_chunk: usize,
    note: Option<Fault>,
    /// Of the last plain fragment of this chunk.
    layout: Layout,
}

const MAX_HELD: usize = 16 << 20;
const MAX_PER_CHUNK: usize = 8 << 20;

impl Templates {
    /// Forgets the offsets of the chunk before. True when all templates were dropped too and numbers start anew.
    pub(super) fn start_chunk(&mut self) -> bool {
        self.by_offset.clear();
        self.last = None;
        self.this_chunk = 0;
        self.layout.begin(0);
        let full = self.held > MAX_HELD;
        if full {
            self.trees.clear();
            self.by_form.clear();
            self.held = 0;
        }
        full
    }

    /// The tree of a template.
    pub(super) fn tree(&self, id: TemplateId) -> &[Content] {
        self.trees.get(id.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The template defined at `offset` of `chunk`.
    #[inline]
    pub(super) fn defined_at(&mut self, chunk: &[u8], offset: u32) -> Result<TemplateId, Fault> {
        match self.last {
            Some((last, id)) if last == offset => return Ok(id),
            _ => {}
        }
        let found = if let Some(&found) = self.by_offset.get(&offset) {
            found
        } else {
            let found = self.define(chunk, offset);
            self.by_offset.insert(offset, found);
            found
        };
        if let Ok(id) = found {
            self.last = Some((offset, id));
        }
        found
    }

    /// Layout of the last plain fragment.
    #[cfg(test)]
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Damage in a definition that was read since the last call.
    pub(super) fn take_note(&mut self) -> Option<Fault> {
        self.note.take()
    }

    fn define(&mut self, chunk: &[u8], offset: u32) -> Result<TemplateId, Fault> {
        let start = offset as usize;
        let size = u32_at(chunk, start.saturating_add(20)).ok_or(Fault::NO_TEMPLATE)?;
        let body = start + DEFINITION_HEADER;
        let end = body.checked_add(size as usize).filter(|&e| e <= chunk.len()).ok_or(Fault::NO_TEMPLATE)?;
        let mut cursor = Cursor::new(chunk, body, end);
        self.canonical(chunk, &mut cursor, None).map_err(|_| Fault::NO_TEMPLATE)
    }

    /// The template that consists of the tokens at the cursor; see [`canonical::write`].
    pub(super) fn canonical<'a>(
        &mut self,
        chunk: &'a [u8],
        cursor: &mut Cursor<'a>,
        mut values: Option<&mut Vec<Value>>,
    ) -> Result<TemplateId, Fault> {
        let plain = values.is_some();
        if let Some(values) = values.as_deref_mut() {
            if let Some(known) = self.layout.follow(cursor, values) {
                return Ok(known);
            }
            self.layout.begin(cursor.at());
        }
        self.form.clear();
        let written = canonical::write(chunk, cursor, values, &mut self.layout, &mut self.form);
        self.this_chunk += self.form.len();
        if !written? {
            self.note = Some(Fault::NAME);
        }
        let id = self.of_form()?;
        if plain {
            self.layout.finish(cursor.at(), id);
        }
        Ok(id)
    }

    /// The template that was written last.
    fn of_form(&mut self) -> Result<TemplateId, Fault> {
        if let Some(&id) = self.by_form.get(self.form.as_slice()) {
            return Ok(id);
        }
        if self.this_chunk > MAX_PER_CHUNK {
            return Err(Fault::SIZE);
        }
        let tree = tree::read(&self.form)?;
        let id = TemplateId(self.trees.len() as u32);
        self.trees.push(tree);
        self.held += self.form.len();
        self.by_form.insert(self.form.as_slice().into(), id);
        Ok(id)
    }
}
