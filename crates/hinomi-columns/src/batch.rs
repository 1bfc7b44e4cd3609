//! Rows of one shape, column by column.

use hinomi_model::{KindId, Timestamp};

use crate::{FieldId, LayoutId, ValueId, well_known};

/// What all rows of a batch have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Shape {
    /// Kind of log.
    pub kind: KindId,
    /// The list of fields.
    pub layout: LayoutId,
    /// Value of `Channel`, or absent.
    pub channel: ValueId,
    /// Value of `Provider_Name`, or absent.
    pub provider: ValueId,
    /// Value of `EventID`, or absent.
    pub event_id: ValueId,
}

/// Where an event stands and when it happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Event time as the source states it; `None` when it states none that can be read.
    pub time: Option<Timestamp>,
    /// The source's own sequence number (EventRecordID, auditd serial, journal cursor number …).
    pub sequence: Option<u64>,
    /// Offset of the record in the decoded unit, in bytes.
    pub offset: u64,
    /// Length of the event's bytes.
    pub length: u32,
    /// Number of the event inside the record.
    pub sub: u32,
}

/// Rows of one [`Shape`].
#[derive(Debug)]
pub struct Batch {
    pub(crate) shape: Shape,
    pub(crate) fields: Vec<FieldId>,
    pub(crate) rows: Vec<Row>,
    pub(crate) columns: Vec<Vec<ValueId>>,
}

impl Batch {
    /// The shape of every row.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Fields in ascending id order, one per column.
    pub fn fields(&self) -> &[FieldId] {
        &self.fields
    }

    /// Row headers.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The column at a position of [`Batch::fields`].
    pub fn column(&self, position: usize) -> &[ValueId] {
        self.columns.get(position).map_or(&[], Vec::as_slice)
    }

    /// Position of a field among the columns.
    pub fn position(&self, field: FieldId) -> Option<usize> {
        self.fields.binary_search(&field).ok()
    }

    /// One cell; absent when the shape lacks the field.
    pub fn cell(&self, row: usize, field: FieldId) -> ValueId {
        let column = self.position(field).map(|p| self.column(p));
        column.and_then(|c| c.get(row)).copied().unwrap_or(ValueId::ABSENT)
    }

    /// Host cells.
    pub fn hosts(&self) -> Option<&[ValueId]> {
        self.position(well_known::COMPUTER).map(|p| self.column(p))
    }
}
