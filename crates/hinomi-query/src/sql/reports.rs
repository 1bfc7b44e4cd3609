//! Tables of what reports say: detections, incidents, claims and the like, as rows and columns.
//!
//! # Trust
//! A report is a file like any other: what does not have the expected form is an empty cell, never a failure.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use hinomi_model::{EvidencePlace, EvidenceRef, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::views::batch;
use crate::QueryError;

/// The tables and how they are taken from reports.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Views {
    /// Raised when a column changes its meaning.
    pub version: u32,
    /// All tables.
    pub tables: Vec<View>,
}

/// A table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Its name.
    pub name: String,
    /// The verb whose report has it.
    pub made_by: Maker,
    /// What a row is.
    pub about: String,
    rows: Vec<String>,
    /// Its columns.
    pub columns: Vec<ViewColumn>,
}

/// What makes a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Maker {
    /// Rules over events.
    Investigate,
    /// Claims over facts.
    Assure,
}

/// A column.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewColumn {
    /// Its name.
    pub name: String,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    up: usize,
    #[serde(default)]
    each: Option<String>,
    #[serde(default, rename = "type")]
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Text,
    Integer,
    Time,
    /// How many elements.
    Count,
    /// Parts of an evidence reference.
    Leaf,
    Record,
    Offset,
    Sub,
}

impl Views {
    /// The tables that ship with the program.
    ///
    /// # Errors
    /// When they do not parse, which a test excludes.
    pub fn bundled() -> Result<Self, QueryError> {
        Ok(serde_yaml_ng::from_str(include_str!("../../../../mappings/views.yaml"))?)
    }
}

impl View {
    /// Whether a report has what the table is made of.
    pub(super) fn is_in(&self, report: &Value) -> bool {
        self.rows.first().is_some_and(|name| report.get(name).is_some_and(Value::is_array))
    }

    /// The rows of all reports.
    pub(super) fn table(&self, reports: &[Value]) -> Result<RecordBatch, QueryError> {
        let mut rows: Vec<Vec<&Value>> = Vec::new();
        for report in reports {
            walk(&self.rows, &mut vec![report], &mut rows);
        }
        let columns = self.columns.iter().map(|c| (c.name.as_str(), c.array(&rows))).collect();
        batch(columns)
    }
}

/// Every innermost element with the elements that it stands in, outermost first.
fn walk<'v>(names: &[String], stack: &mut Vec<&'v Value>, rows: &mut Vec<Vec<&'v Value>>) {
    let Some((name, inner)) = names.split_first() else {
        rows.push(stack.clone());
        return;
    };
    let elements = stack.last().and_then(|v| v.get(name)).and_then(Value::as_array);
    for element in elements.into_iter().flatten() {
        stack.push(element);
        walk(inner, stack, rows);
        stack.pop();
    }
}

impl ViewColumn {
    /// The type of its values, for people.
    pub fn type_name(&self) -> &'static str {
        match self.form {
            Form::Text => "text",
            Form::Time => "time",
            _ => "integer",
        }
    }

    fn array(&self, rows: &[Vec<&Value>]) -> ArrayRef {
        let cells = rows.iter().map(|row| self.cell(row));
        match self.form {
            Form::Text => Arc::new(cells.map(|c| c.and_then(|c| self.text(c))).collect::<StringArray>()),
            Form::Time => {
                let micros =
                    cells.map(|c| Some(c?.as_str()?.parse::<Timestamp>().ok()?.as_nanos().div_euclid(1000)));
                Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
            _ => Arc::new(cells.map(|c| c.and_then(|c| self.number(c))).collect::<Int64Array>()),
        }
    }

    fn cell<'v>(&self, row: &[&'v Value]) -> Option<&'v Value> {
        let element = row.iter().rev().nth(self.up)?;
        match &self.at {
            Some(name) => element.get(name),
            None => Some(element),
        }
    }

    fn number(&self, value: &Value) -> Option<i64> {
        match self.form {
            Form::Integer => value.as_i64(),
            Form::Count => value.as_array().map(|a| a.len() as i64),
            Form::Text | Form::Time => None,
            Form::Leaf | Form::Record | Form::Offset | Form::Sub => {
                let reference: EvidenceRef = value.as_str()?.parse().ok()?;
                match (self.form, &reference.place) {
                    (Form::Offset, _) => i64::try_from(reference.offset).ok(),
                    (Form::Sub, _) => Some(i64::from(reference.sub)),
                    (Form::Leaf, EvidencePlace::Log { leaf, .. }) => i64::try_from(*leaf).ok(),
                    (Form::Record, EvidencePlace::Log { record, .. }) => Some(i64::from(*record)),
                    _ => None,
                }
            }
        }
    }

    fn text(&self, value: &Value) -> Option<String> {
        let one = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        match value {
            Value::Array(elements) => {
                let named = |e: &Value| match &self.each {
                    Some(name) => e.get(name).and_then(one),
                    None => one(e),
                };
                Some(elements.iter().filter_map(named).collect::<Vec<_>>().join(", "))
            }
            other => one(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use serde_json::json;

    fn shown(table: &str, reports: &[Value]) -> String {
        let views = Views::bundled().unwrap();
        let view = views.tables.iter().find(|v| v.name == table).unwrap();
        pretty_format_batches(&[view.table(reports).unwrap()]).unwrap().to_string()
    }

    #[test]
    fn nested_rows_know_what_they_stand_in() {
        let digest = "ab".repeat(32);
        let report = json!({"detections": [
            {"id": "d1", "rule_id": "r1", "techniques": [{"id": "T1", "name": "x"}, {"id": "T2", "name": "y"}], "evidence": [
                {"reference": format!("file:{digest}/a#7.2@{digest}"), "place": "a.log", "time": "2026-01-02T03:04:05.000006Z"},
                {"reference": format!("log:o/12/3#9.0@{digest}"), "place": "syslog", "time": null}]},
            {"id": "d2", "evidence": "no list"}]});
        let evidence = shown("evidence", std::slice::from_ref(&report));
        let cells: Vec<Vec<&str>> = evidence
            .lines()
            .filter(|l| l.contains("| d"))
            .skip(1)
            .map(|l| l.split('|').map(str::trim).collect())
            .collect();
        assert_eq!(cells.len(), 2, "{evidence}");
        assert_eq!(cells[0][4..10], ["a.log", "", "", "7", "2", "2026-01-02T03:04:05.000006Z"], "{evidence}");
        assert_eq!(cells[1][4..10], ["syslog", "12", "3", "9", "0", ""], "{evidence}");
        assert!(shown("detections", &[report]).contains("| T1, T2 "));
    }

    #[test]
    fn reports_of_another_form_have_no_rows() {
        for report in
            [json!(null), json!([]), json!({"detections": 7}), json!({"detections": [1, null, "x", {}]})]
        {
            for view in Views::bundled().unwrap().tables {
                let table = view.table(std::slice::from_ref(&report)).unwrap();
                assert!(table.num_rows() <= 4);
                assert_eq!(table.num_columns(), view.columns.len());
            }
        }
    }
}
