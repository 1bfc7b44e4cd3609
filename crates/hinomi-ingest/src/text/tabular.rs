//! Rows of tables: Zeek, W3C and CSV lines into events.

use std::borrow::Cow;

use hinomi_columns::Row;
use hinomi_model::LogKind;

use super::apply;
use super::csv;
use super::decoder::Run;
use super::event::{Event, Value};
use super::names::fixed;
use super::stamp;
use super::table::{CsvHeader, W3cHeader, ZeekHeader, csv_header, w3c_cells, zeek_unescape};

/// Mapping of W3C tables, which all share their column names.
const W3C_MAPPING: &str = "w3c";

impl Run<'_, '_> {
    pub(super) fn zeek(&mut self, header: &ZeekHeader, text: &str, mut row: Row) {
        let names = &self.catalogue.names;
        let mut event = Event::default();
        event.set(fixed::RAW, Value::Text(Cow::Borrowed(text)));
        let mut types = header.types.iter().map(String::as_str);
        let mut complete = true;
        let mut cells = text.split(header.separator);
        for name in &header.fields {
            let kind = types.next().unwrap_or_default();
            let Some(cell) = cells.next() else {
                complete = false;
                break;
            };
            if name == "ts" {
                row.time = stamp::whole(cell).and_then(|s| self.resolver.resolve(s, &self.unit.clocks));
            }
            if cell == header.unset {
                continue;
            }
            let value = zeek_value(cell, kind, header);
            event.push_named(names, name.as_str(), value);
        }
        if !complete && row.time.is_none() {
            // Not a row of this table: something else was appended to the file.
            self.free_line(text, row);
            return;
        }
        let kind =
            LogKind { product: "zeek".to_owned(), service: header.path.clone(), categories: Vec::new() };
        self.finish_table("zeek", &kind, row, &mut event);
    }

    pub(super) fn w3c(&mut self, header: &W3cHeader, text: &str, mut row: Row) {
        let cells = w3c_cells(text);
        if cells.len() < header.fields.len().min(2) {
            self.free_line(text, row);
            return;
        }
        let names = &self.catalogue.names;
        let mut event = Event::default();
        event.set(fixed::RAW, Value::Text(Cow::Borrowed(text)));
        let (mut date, mut time) =
            (header.date.split(' ').next().unwrap_or_default().to_owned(), String::new());
        for (name, cell) in header.fields.iter().zip(cells) {
            match name.as_str() {
                "date" => cell.as_ref().clone_into(&mut date),
                "time" => cell.as_ref().clone_into(&mut time),
                _ => {}
            }
            if cell != "-" {
                event.push_named(names, name.as_str(), Value::of(cell));
            }
        }
        // W3C times are UTC (section «Date» of the working draft).
        let whole = format!("{date} {time} UTC");
        row.time = stamp::whole(&whole).and_then(|s| self.resolver.resolve(s, &self.unit.clocks));
        let fallback = LogKind {
            product: String::new(),
            service: String::new(),
            categories: vec!["webserver".to_owned()],
        };
        self.finish_table(W3C_MAPPING, &fallback, row, &mut event);
    }

    pub(super) fn csv(&mut self, header: &CsvHeader, text: &str, mut row: Row) {
        if text.trim_end() == header.line || csv_header(text).is_some_and(|h| h.columns == header.columns) {
            return;
        }
        let cells = csv::cells(text, header.delimiter);
        if cells.len() < 2 {
            self.free_line(text, row);
            return;
        }
        let names = &self.catalogue.names;
        let mut event = Event::default();
        event.set(fixed::RAW, Value::Text(Cow::Borrowed(text)));
        let mut first_time = None;
        for (name, cell) in header.columns.iter().zip(cells) {
            if first_time.is_none() && cell.len() >= 8 {
                first_time = stamp::whole(&cell);
            }
            if !cell.is_empty() {
                event.push_named(names, name.as_str(), Value::of(cell));
            }
        }
        let columns: Vec<&str> = header.columns.iter().map(String::as_str).collect();
        let mapping = self.catalogue.of_header(&columns);
        let kind = match mapping {
            Some(mapping) => apply::meaning(mapping, &mapping.kind, &mut event).clone(),
            None => self.default_kinds.csv.clone(),
        };
        row.time = self.event_time(mapping, &event).map(|(time, _)| time);
        if row.time.is_none() {
            row.time = first_time.and_then(|s| self.resolver.resolve(s, &self.unit.clocks));
        }
        self.emit(&kind, row, &mut event);
    }

    fn finish_table(&mut self, mapping: &str, fallback: &LogKind, mut row: Row, event: &mut Event<'_>) {
        let mapping = self.catalogue.of_table(mapping, &fallback.service);
        let mut kind = fallback.clone();
        if let Some(mapping) = mapping {
            let meant = apply::meaning(mapping, &mapping.kind, event);
            if !meant.product.is_empty() {
                kind.product.clone_from(&meant.product);
            }
            if !meant.service.is_empty() {
                kind.service.clone_from(&meant.service);
            }
            if !meant.categories.is_empty() {
                kind.categories.clone_from(&meant.categories);
            }
        }
        row.time = row.time.or_else(|| self.event_time(mapping, event).map(|(time, _)| time));
        self.emit(&kind, row, event);
    }
}

fn zeek_value<'a>(cell: &'a str, kind: &str, header: &ZeekHeader) -> Value<'a> {
    let several = kind.starts_with("set[") || kind.starts_with("vector[");
    if several {
        let items: Vec<Box<str>> = if cell == header.empty {
            Vec::new()
        } else {
            cell.split(header.set_separator.as_str()).map(|item| zeek_unescape(item).into()).collect()
        };
        return Value::List(items.into());
    }
    if cell == header.empty {
        return Value::Text("".into());
    }
    match (kind, cell) {
        ("bool", "T") => Value::Bool(true),
        ("bool", "F") => Value::Bool(false),
        ("time" | "interval" | "double" | "count" | "int" | "port", _) => Value::Number(cell.into()),
        _ => Value::Text(zeek_unescape(cell)),
    }
}
