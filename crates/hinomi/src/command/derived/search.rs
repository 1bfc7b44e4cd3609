//! `hinomi search`.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use hinomi_query::search::{Answer, Found, Search, parse, run};
use hinomi_query::{Archive, Coverage, Input, coverage, shown};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::opening::{Opened, open};
use super::{answer, failure};
use crate::args::{Lang, RowShape, SearchArgs};
use crate::clock;
use crate::command::investigate::{language, time, zone};
use crate::command::print;
use crate::exit::{Exit, Failure};
use crate::render::{csv_row, harmless};
use crate::scan::Subjects;

/// Longest value shown to people.
const LONGEST: usize = 400;

pub(crate) fn search(args: &SearchArgs) -> Result<Exit, Failure> {
    let lang = args.at.lang.unwrap_or_else(language);
    let (_, zone) = zone(args.at.tz.as_deref(), lang)?;
    let at = |text: &Option<String>| text.as_deref().map(|t| time(t, &zone)).transpose();
    let (since, until) = (at(&args.from)?, at(&args.until)?);
    let text = args.terms.join(" ");
    let Some(terms) = parse(&text) else {
        return Err(Failure::new(Exit::Usage, "a quotation mark is not closed").hint(
            "put the whole search in apostrophes: hinomi search --in DIR 'CommandLine:\"two words\"'",
        ));
    };
    let Opened { archive, notes } = open(&args.at)?;
    let micros = |t: Timestamp| t.as_nanos().div_euclid(1000);
    let search = Search {
        terms,
        since: since.map(micros),
        until: until.map(micros),
        limit: args.limit,
        earliest: args.earliest,
    };
    let seconds = i64::try_from(args.timeout).unwrap_or(i64::MAX);
    let end = clock::now().as_nanos().saturating_add(seconds.saturating_mul(NANOS_PER_SECOND));
    let stop = |_: &Answer| clock::now().as_nanos() > end;
    let mut found = run(&archive, &search, &stop).map_err(failure)?;
    if !args.earliest {
        found.events.reverse();
    }
    let coverage = coverage(archive.manifest(), since, until);
    let view = View { archive: &archive, zone, lang };
    let text = match args.output {
        RowShape::Table => view.terminal(&found, &coverage, &notes)?,
        RowShape::Json => format!("{:#}\n", view.document(&found, &coverage, &notes)),
        RowShape::Jsonl => found.events.iter().map(|e| format!("{}\n", view.event(e))).collect(),
        RowShape::Csv => view.csv(&found.events),
    };
    print(text.as_bytes())?;
    if matches!(args.output, RowShape::Jsonl | RowShape::Csv) {
        // What a program reads holds rows alone; what they could not hold is said beside them.
        eprint!("{}", view.footer(&found, &coverage, &notes));
    }
    Ok(if found.is_complete || found.events.len() >= args.limit { Exit::Clean } else { Exit::Unreadable })
}

/// How events are shown.
pub(super) struct View<'a> {
    pub(super) archive: &'a Archive,
    pub(super) zone: TimeZone,
    pub(super) lang: Lang,
}

impl View<'_> {
    fn time(&self, micros: Option<i64>) -> String {
        let time = micros.and_then(|m| jiff::Timestamp::from_microsecond(m).ok());
        let shown = |t: jiff::Timestamp| {
            t.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f%:z").to_string()
        };
        time.map_or_else(|| "(no time)               ".to_owned(), shown)
    }

    /// Where the evidence of an event stands.
    fn evidence(&self, event: &Found) -> String {
        let of = |name: &str| event.field(name).unwrap_or_default();
        let (offset, sub) = (of("offset"), of("sub"));
        match &self.archive.manifest().input {
            Input::Ledger { origin, .. } if event.field("leaf").is_some() => {
                format!("log:{origin}/{}/{}#{offset}.{sub}", of("leaf"), of("record"))
            }
            _ => format!("{}#{offset}.{sub}", of("source")),
        }
    }

    fn terminal(&self, found: &Answer, coverage: &Coverage, notes: &[String]) -> Result<String, Failure> {
        let subjects = Subjects::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
        let mut out: String = found.events.iter().map(|e| self.lines(e, subjects.details())).collect();
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&self.footer(found, coverage, notes));
        Ok(out)
    }

    /// An event for people: a line of what every event has, its telling fields, where its evidence stands.
    pub(super) fn lines(&self, event: &Found, details: &[String]) -> String {
        let of = |name: &str| event.field(name).map(|v| harmless(&shown(v))).unwrap_or_default();
        let (time, host, account) = (self.time(event.time), of("host"), of("account"));
        let mut out = format!("{time}  {host}  {} {}  {account}\n", of("kind"), of("event_id"));
        for (name, value) in self.telling(event, details) {
            let value = harmless(&shown(value));
            let end = value.floor_char_boundary(LONGEST);
            let cut = if end < value.len() { "…" } else { "" };
            out.push_str(&format!(
                "    {} = {}{cut}\n",
                harmless(name),
                value.get(..end).unwrap_or_default()
            ));
        }
        out.push_str(&format!("    {}\n", harmless(&self.evidence(event))));
        out
    }

    /// The fields worth showing; if an event has none of them, all that its vendor gave it.
    fn telling<'e>(&self, event: &'e Found, details: &[String]) -> Vec<(&'e str, &'e str)> {
        let named: Vec<(&str, &str)> = details
            .iter()
            .filter_map(|d| event.fields.iter().find(|(n, _)| n == d))
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        if !named.is_empty() {
            return named;
        }
        let taken = |name: &str| self.archive.mapping().is_taken(&name.to_lowercase());
        event.fields.iter().filter(|(n, _)| !taken(n)).map(|(n, v)| (n.as_str(), v.as_str())).collect()
    }

    fn footer(&self, found: &Answer, coverage: &Coverage, notes: &[String]) -> String {
        let Answer { matches, rows_read, rows, is_complete, .. } = found;
        let shown = found.events.len();
        let least = match (is_complete, self.lang) {
            (true, _) => "",
            (false, Lang::En) => "at least ",
            (false, Lang::Ja) => "少なくとも ",
        };
        let mut out = match self.lang {
            Lang::En => format!(
                "{least}{matches} events match, {shown} shown; {rows_read} of {rows} events were read\n"
            ),
            Lang::Ja => {
                format!("該当 {least}{matches} 件、表示 {shown} 件（{rows} 件中 {rows_read} 件を読み取り）\n")
            }
        };
        out.push_str(&answer::coverage(coverage, notes, self.lang));
        out
    }

    pub(super) fn event(&self, event: &Found) -> Value {
        let mut object = Map::new();
        let time = event.time.and_then(|t| jiff::Timestamp::from_microsecond(t).ok()).map(|t| t.to_string());
        object.insert("time".to_owned(), json!(time));
        for (name, value) in &event.fields {
            object.insert(name.clone(), json!(shown(value)));
        }
        object.insert("evidence".to_owned(), json!(self.evidence(event)));
        Value::Object(object)
    }

    fn document(&self, found: &Answer, coverage: &Coverage, notes: &[String]) -> Value {
        let events: Vec<Value> = found.events.iter().map(|e| self.event(e)).collect();
        json!({"schema_version": "1.0", "events": events, "matches": found.matches, "is_complete": found.is_complete,
            "rows_read": found.rows_read, "rows": found.rows, "coverage": coverage, "notes": notes})
    }

    pub(super) fn csv(&self, events: &[Found]) -> String {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in events.iter().flat_map(|e| &e.fields) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let first = ["time", "evidence"].into_iter().chain(names.iter().copied()).map(str::to_owned);
        let mut out = csv_row(first);
        for event in events {
            let values = names.iter().map(|n| event.field(n).map(shown).unwrap_or_default());
            out.push_str(&csv_row([self.time(event.time), self.evidence(event)].into_iter().chain(values)));
        }
        out
    }
}
