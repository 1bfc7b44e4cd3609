//! Lines through the decoder.

use std::collections::BTreeMap;
use std::sync::Arc;

use hinomi_columns::{Projection, Store};
use hinomi_ingest::{Clocks, Decode, Member, TextDecoder, Unit};
use hinomi_model::{Diagnostics, Timestamp};

/// A decoded line.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) time: Option<Timestamp>,
    pub(crate) fields: BTreeMap<String, String>,
}

impl Row {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// `success`, `failure` or `-`: the status, else what became of a connection.
    pub(crate) fn outcome(&self) -> &'static str {
        match self.get("status") {
            "Success" => "success",
            "Failure" => "failure",
            _ => "-",
        }
    }

    /// Where it came from: an address or a name.
    pub(crate) fn source(&self) -> &str {
        match self.get("src_endpoint.ip") {
            "" => self.get("src_endpoint.hostname"),
            address => address,
        }
    }
}

/// Decodes one line alone.
pub(crate) fn decode(line: &[u8], zone: &str, latest: &str) -> Row {
    let unit = Unit {
        member: Arc::new(Member { file: 0, path: "x".to_owned(), inner: String::new(), verbatim: false }),
        ordinal: 0,
        offset: 0,
        bytes: line.to_vec(),
        preamble: Arc::from(&b""[..]),
        clocks: Arc::new(Clocks {
            zone: jiff::tz::TimeZone::get(zone).unwrap(),
            latest: latest.parse().unwrap(),
        }),
    };
    let mut store = Store::new(&Projection::of([""; 0]).and_all_others());
    TextDecoder::default().decode(&unit, &mut store, &mut Diagnostics::default());
    let mut first = Row::default();
    let Some(batch) = store.batches().find(|b| b.rows().iter().any(|r| r.sub == 0)) else { return first };
    let at = batch.rows().iter().position(|r| r.sub == 0).unwrap();
    first.time = batch.rows()[at].time;
    for &field in batch.fields() {
        let value = batch.cell(at, field);
        if !value.is_absent() {
            first.fields.insert(store.fields().name(field).to_owned(), store.text(field, value).to_owned());
        }
    }
    first
}
