//! Questions in SQL, answered by `DataFusion` over the derived files.
//!
//! # Trust
//! The text of a question may be an intruder's. It is parsed first and has to be one query over the tables below; there is no
//! table that writes, no function that opens a file, no store but the registered files; memory, time and rows are bounded and
//! nothing is spilled to disk.

mod engine;
mod events;
mod function;
mod guard;
mod prune;
mod reader;
mod reports;
mod rows;
mod truncate;
mod views;

pub use engine::{Limits, Question, Rows, ask, tables_of};
pub use reports::{Maker, View, ViewColumn, Views};
pub use rows::{JsonRow, cells, json_rows, names};
pub use views::{BaseTable, base_tables};
