//! Where decoders write and evaluators read.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_model::{KindId, KindTable, LogKind};

use crate::fields::FieldTable;
use crate::{Batch, Dictionary, FieldId, Projection, Row, Shape, ValueId, well_known};

/// Number of a list of fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LayoutId(u32);

/// Rows for which a new batch has room.
const FEW_ROWS: usize = 8;

/// Dictionaries and open batches of one worker.
///
/// # Invariants
/// Cells are stored under ascending field ids; a field named twice in one event holds a list.
#[derive(Debug)]
pub struct Store {
    fields: FieldTable,
    dictionaries: Vec<Dictionary>,
    kinds: KindTable,
    layouts: Vec<Vec<FieldId>>,
    layout_index: HashMap<Vec<FieldId>, LayoutId, RandomState>,
    batches: Vec<Batch>,
    batch_index: HashMap<Shape, u32, RandomState>,
    last: Option<(Shape, u32)>,
    scratch: Vec<(FieldId, ValueId)>,
    epoch: u32,
}

impl Store {
    /// An empty store that keeps what `projection` names.
    pub fn new(projection: &Projection) -> Self {
        let fields = FieldTable::new(projection);
        let dictionaries = (0..fields.len()).map(|_| Dictionary::default()).collect();
        Self {
            fields,
            dictionaries,
            kinds: KindTable::default(),
            layouts: Vec::new(),
            layout_index: HashMap::default(),
            batches: Vec::new(),
            batch_index: HashMap::default(),
            last: None,
            scratch: Vec::new(),
            epoch: 0,
        }
    }

    /// The id of a field, or `None` when nobody reads it and its value need not be decoded.
    pub fn field(&mut self, name: &str) -> Option<FieldId> {
        let id = self.fields.id(name)?;
        while self.dictionaries.len() <= id.index() {
            self.dictionaries.push(Dictionary::default());
        }
        Some(id)
    }

    /// Field names.
    pub fn fields(&self) -> &FieldTable {
        &self.fields
    }

    /// The kinds of log seen.
    pub fn kinds(&self) -> &KindTable {
        &self.kinds
    }

    /// The id of a kind of log.
    pub fn kind(&mut self, kind: &LogKind) -> KindId {
        self.kinds.intern(kind)
    }

    /// Dictionary of a field, to intern a value. `id` must come from [`Store::field`] of this store or be
    /// well known; an unknown id falls back to the dictionary of the last field.
    pub fn dictionary_mut(&mut self, id: FieldId) -> &mut Dictionary {
        let at = id.index().min(self.dictionaries.len().saturating_sub(1));
        if self.dictionaries.is_empty() {
            self.dictionaries.push(Dictionary::default());
        }
        #[expect(
            clippy::indexing_slicing,
            reason = "clamped to the last element of a non-empty vector above"
        )]
        &mut self.dictionaries[at]
    }

    /// Dictionary of a field.
    pub fn dictionary(&self, id: FieldId) -> Option<&Dictionary> {
        self.dictionaries.get(id.index())
    }

    /// Text of a cell.
    pub fn text(&self, field: FieldId, value: ValueId) -> &str {
        self.dictionary(field).map_or("", |d| d.str(value))
    }

    /// The id of a list of fields; `fields` must ascend strictly.
    pub fn layout(&mut self, fields: &[FieldId]) -> LayoutId {
        if let Some(&id) = self.layout_index.get(fields) {
            return id;
        }
        let id = LayoutId(self.layouts.len() as u32);
        self.layouts.push(fields.to_vec());
        self.layout_index.insert(fields.to_vec(), id);
        id
    }

    /// Appends an event whose fields come in any order, perhaps repeated. `cells` is left empty.
    pub fn push(&mut self, kind: KindId, row: Row, cells: &mut Vec<(FieldId, ValueId)>) {
        if !cells.is_sorted_by(|a, b| a.0 < b.0) {
            cells.sort_by_key(|cell| cell.0);
            self.merge_repeated(cells);
        }
        let mut ids = std::mem::take(&mut self.scratch);
        std::mem::swap(&mut ids, cells);
        let fields: Vec<FieldId> = ids.iter().map(|c| c.0).collect();
        let layout = self.layout(&fields);
        self.append(kind, layout, row, ids.iter().map(|c| c.1));
        ids.clear();
        self.scratch = ids;
    }

    fn merge_repeated(&mut self, cells: &mut Vec<(FieldId, ValueId)>) {
        let mut merged: Vec<(FieldId, ValueId)> = Vec::with_capacity(cells.len());
        for group in cells.chunk_by(|a, b| a.0 == b.0) {
            match group {
                [single] => merged.push(*single),
                [(field, _), ..] => {
                    let values: Vec<ValueId> = group.iter().map(|c| c.1).collect();
                    merged.push((*field, self.dictionary_mut(*field).list(&values)));
                }
                [] => {}
            }
        }
        *cells = merged;
    }

    /// Appends an event of a known layout; `values` has one cell per field of the layout, in its order.
    pub fn push_row(&mut self, kind: KindId, layout: LayoutId, row: Row, values: &[ValueId]) {
        self.append(kind, layout, row, values.iter().copied());
    }

    fn append(
        &mut self,
        kind: KindId,
        layout: LayoutId,
        row: Row,
        values: impl Iterator<Item = ValueId> + Clone,
    ) {
        let fields = self.layouts.get(layout.0 as usize).map_or(&[][..], Vec::as_slice);
        let mut routing = [ValueId::ABSENT; 3];
        let routed = [well_known::CHANNEL, well_known::PROVIDER, well_known::EVENT_ID];
        for (field, value) in fields.iter().zip(values.clone()).take_while(|(f, _)| f.0 <= 2) {
            if let Some(slot) = routed.iter().position(|r| r == field).and_then(|at| routing.get_mut(at)) {
                *slot = value;
            }
        }
        let [channel, provider, event_id] = routing;
        let shape = Shape { kind, layout, channel, provider, event_id };
        let at = self.batch_of(shape);
        if let Some(batch) = self.batches.get_mut(at as usize) {
            batch.rows.push(row);
            for (column, value) in batch.columns.iter_mut().zip(values) {
                column.push(value);
            }
        }
    }

    fn batch_of(&mut self, shape: Shape) -> u32 {
        match self.last {
            Some((last, at)) if last == shape => return at,
            _ => {}
        }
        let at = match self.batch_index.get(&shape) {
            Some(&at) => at,
            None => self.open_batch(shape),
        };
        self.last = Some((shape, at));
        at
    }

    #[cold]
    fn open_batch(&mut self, shape: Shape) -> u32 {
        let fields = self.layouts.get(shape.layout.0 as usize).cloned().unwrap_or_default();
        let columns = fields.iter().map(|_| Vec::with_capacity(FEW_ROWS)).collect();
        let at = self.batches.len() as u32;
        self.batches.push(Batch { shape, fields, rows: Vec::new(), columns });
        self.batch_index.insert(shape, at);
        at
    }

    /// Batches that hold rows.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.batches.iter().filter(|b| !b.rows.is_empty())
    }

    /// Drops the rows, which were consumed. Dictionaries, layouts and shapes stay.
    pub fn drop_rows(&mut self) {
        for batch in self.batches.iter_mut().filter(|b| !b.rows.is_empty()) {
            batch.rows.clear();
            batch.columns.iter_mut().for_each(Vec::clear);
        }
    }

    /// Rows appended and not yet dropped.
    pub fn row_count(&self) -> usize {
        self.batches.iter().map(|b| b.rows.len()).sum()
    }

    /// Bytes held by dictionaries and batch headers, roughly.
    pub fn bytes(&self) -> usize {
        let per_batch = |b: &Batch| 256 + b.columns.iter().map(|c| c.capacity() * 4 + 24).sum::<usize>();
        self.dictionaries.iter().map(Dictionary::bytes).sum::<usize>()
            + self.batches.iter().map(per_batch).sum::<usize>()
    }

    /// Drops all rows, values, layouts and shapes, and starts a new epoch: every [`ValueId`] and [`LayoutId`]
    /// given out is void, [`FieldId`]s and [`KindId`]s stay.
    pub fn reset(&mut self) {
        self.dictionaries.iter_mut().for_each(Dictionary::clear);
        self.layouts.clear();
        self.layout_index.clear();
        self.batches.clear();
        self.batch_index.clear();
        self.last = None;
        self.epoch += 1;
    }

    /// Counts [`Store::reset`] calls; caches keyed by [`ValueId`] or [`LayoutId`] compare it.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row { time: None, sequence: None, offset: 0, length: 0, sub: 0 }
    }

    #[test]
    fn events_of_one_shape_share_a_batch_whatever_their_field_order() {
        let mut store = Store::new(&Projection::of(["a", "b"]));
        let kind = store.kind(&LogKind::default());
        let (a, b) = (store.field("a").unwrap(), store.field("b").unwrap());
        let (x, y) = (store.dictionary_mut(a).text("x"), store.dictionary_mut(b).text("y"));
        store.push(kind, row(), &mut vec![(a, x), (b, y)]);
        store.push(kind, row(), &mut vec![(b, y), (a, x)]);
        let batches: Vec<_> = store.batches().collect();
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].cell(1, b), y);
        assert_eq!(store.field("c"), None);
    }

    #[test]
    fn a_repeated_field_becomes_a_list() {
        let mut store = Store::new(&Projection::of(["a"]));
        let kind = store.kind(&LogKind::default());
        let a = store.field("a").unwrap();
        let (x, y) = (store.dictionary_mut(a).text("x"), store.dictionary_mut(a).text("y"));
        store.push(kind, row(), &mut vec![(a, x), (a, y)]);
        let cell = store.batches().next().unwrap().cell(0, a);
        assert_eq!(store.dictionary(a).unwrap().elements(cell).collect::<Vec<_>>(), [x, y]);
    }

    #[test]
    fn dropped_rows_are_gone_even_when_nothing_follows() {
        let mut store = Store::new(&Projection::of(["a"]));
        let kind = store.kind(&LogKind::default());
        store.push(kind, row(), &mut Vec::new());
        store.drop_rows();
        assert_eq!((store.row_count(), store.batches().count()), (0, 0));
        store.push(kind, row(), &mut Vec::new());
        assert_eq!(store.row_count(), 1);
        store.reset();
        assert_eq!((store.row_count(), store.epoch()), (0, 1));
    }

    #[test]
    fn event_ids_of_one_layout_split_into_shapes() {
        let mut store = Store::new(&Projection::of([""; 0]));
        let kind = store.kind(&LogKind::default());
        for id in ["1", "2", "1"] {
            let value = store.dictionary_mut(well_known::EVENT_ID).number(id);
            store.push(kind, row(), &mut vec![(well_known::EVENT_ID, value)]);
        }
        let counts: Vec<_> = store.batches().map(|b| b.rows().len()).collect();
        assert_eq!(counts, [2, 1]);
    }
}
