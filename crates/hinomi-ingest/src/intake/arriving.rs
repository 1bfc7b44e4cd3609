//! One log that arrives piece by piece, into runs of whole records.
//!
//! What [`super::Intake`] does to a log that ends, this does to one that goes on: the same recognition, the same cuts, so
//! that events do not depend on where the pieces end.
//!
//! # Invariants
//! - Runs put together are what was pushed, but for what is skipped, and a UTF-8 mark before JSON.
//! - What waits for its end is bounded: an object of JSON by [`crate::MAX_OBJECT`], an entry of a journal likewise, text by the
//!   records of one audit event, anything else by one piece.

use std::sync::Arc;

use super::class::Class;
use super::cutter::{preamble_of, renewed_preamble};
use super::options::Format;
use super::sniff;
use super::source::HEAD;
use crate::flow::flow_context;
use crate::text::is_open_audit_event;
use crate::{JsonCut, JsonCutState, evtx_cut, flow_cut, journal_cut, json_cut, text_cut};

/// Whole records of a log that arrives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// What the log is.
    pub format: Format,
    /// Offset in all that was pushed.
    pub offset: u64,
    /// The records.
    pub bytes: Vec<u8>,
    /// Header lines that they need.
    pub preamble: Arc<[u8]>,
}

/// State of a log that arrives.
#[derive(Clone, Debug, Default)]
pub struct Arriving {
    format: Option<Format>,
    waiting: Vec<u8>,
    offset: u64,
    preamble: Arc<[u8]>,
    json: JsonCutState,
    skipped: u64,
}

/// What of [`Arriving`] has to be kept to go on later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArrivingState {
    /// What the log is, once recognised.
    pub format: Option<Format>,
    /// Bytes that wait.
    pub waiting: Vec<u8>,
    /// Offset of the first of them.
    pub offset: u64,
    /// Header lines.
    pub preamble: Vec<u8>,
}

impl Arriving {
    /// Takes in what came next; returns the records that are whole.
    pub fn push(&mut self, bytes: &[u8]) -> Option<Run> {
        let waited = self.waiting.len();
        self.waiting.extend_from_slice(bytes);
        if self.format == Some(Format::Journal) && !self.may_end_an_entry(waited) {
            return None;
        }
        self.cut(false)
    }

    /// Whether a blank line came, or too much without one: an entry is not looked through again at every line of it.
    fn may_end_an_entry(&self, waited: usize) -> bool {
        let came = self.waiting.get(waited.saturating_sub(1)..).unwrap_or_default();
        self.waiting.len() > crate::MAX_OBJECT || memchr::memmem::find(came, b"\n\n").is_some()
    }

    /// Nothing came for a while: text that waits is whole.
    pub fn settle(&mut self) -> Option<Run> {
        match self.format {
            Some(Format::Json | Format::Evtx | Format::Journal) => None,
            _ => self.cut(true),
        }
    }

    /// Whether anything waits that [`Arriving::settle`] would return.
    pub fn is_waiting(&self) -> bool {
        let waits_for_its_end = matches!(self.format, Some(Format::Json | Format::Evtx | Format::Journal));
        !self.waiting.is_empty() && !waits_for_its_end
    }

    /// Bytes that were dropped because a record was too large.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Offset of the first byte that waits.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn cut(&mut self, settled: bool) -> Option<Run> {
        let format = self.recognise(settled)?;
        let end = match format {
            Format::Evtx => evtx_cut(&self.waiting, false),
            Format::Flow => flow_cut(&self.waiting, settled),
            Format::Journal => journal_cut(&self.waiting, false),
            Format::Text if !settled && is_open_audit_event(&self.waiting) => 0,
            Format::Text => text_cut(&self.waiting, settled),
            Format::Json => self.json_end(),
        };
        if end == 0 {
            return None;
        }
        let rest = self.waiting.split_off(end.min(self.waiting.len()));
        let bytes = std::mem::replace(&mut self.waiting, rest);
        let run = Run { format, offset: self.offset, preamble: Arc::clone(&self.preamble), bytes };
        self.offset += run.bytes.len() as u64;
        if format == Format::Flow {
            self.preamble = flow_context(&self.preamble, &run.bytes).into();
        } else if let Some(preamble) = renewed_preamble(&self.preamble, &run.bytes) {
            self.preamble = preamble.into();
        }
        Some(run)
    }

    /// The end of the last whole object. [`json_cut`] leaves the last line to what follows it, and is asked again about it:
    /// nobody should wait for the next event to hear of this one.
    fn json_end(&mut self) -> usize {
        let mut end = 0;
        loop {
            let rest = self.waiting.get(end..).unwrap_or_default();
            match json_cut(rest, false, &mut self.json) {
                JsonCut::Records(length) if length > 0 => end += length,
                JsonCut::Skip(length) if length > 0 && end == 0 => {
                    let length = length.min(self.waiting.len());
                    self.waiting.drain(..length);
                    self.offset += length as u64;
                    self.skipped += length as u64;
                }
                _ => return end,
            }
        }
    }

    /// What the log is, from its first lines: two at least, unless no more come.
    fn recognise(&mut self, settled: bool) -> Option<Format> {
        if let Some(known) = self.format {
            return Some(known);
        }
        let head = self.waiting.get(..HEAD.min(self.waiting.len())).unwrap_or_default();
        let enough = head.len() >= HEAD || memchr::memchr_iter(b'\n', head).nth(1).is_some();
        let format = match sniff::class(head, head.len() < HEAD) {
            Class::Log(Format::Text) | Class::NotALog(_) | Class::Unrecognised if !enough && !settled => {
                return None;
            }
            Class::Empty => return None,
            Class::Log(format) => format,
            _ => Format::Text,
        };
        match format {
            Format::Evtx | Format::Flow | Format::Journal => {}
            Format::Json => {
                if self.waiting.starts_with(b"\xef\xbb\xbf") {
                    self.waiting.drain(..3);
                    self.offset += 3;
                }
            }
            Format::Text => self.preamble = preamble_of(&self.waiting).into(),
        }
        self.format = Some(format);
        self.format
    }

    /// What has to be kept to go on later.
    pub fn state(&self) -> ArrivingState {
        ArrivingState {
            format: self.format,
            waiting: self.waiting.clone(),
            offset: self.offset,
            preamble: self.preamble.to_vec(),
        }
    }

    /// Goes on where a state was kept. JSON that was being skipped is found again from what waits.
    pub fn resume(state: ArrivingState) -> Self {
        let ArrivingState { format, waiting, offset, preamble } = state;
        Self { format, waiting, offset, preamble: preamble.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use hinomi_columns::{Projection, Store};
    use hinomi_model::Diagnostics;

    use super::*;
    use crate::{AnyDecoder, Unit};

    /// Events of a run: offset and digest of their bytes, in order.
    fn events(run: &Run) -> Vec<(u64, String)> {
        let unit = Unit {
            offset: run.offset,
            preamble: Arc::clone(&run.preamble),
            ..Unit::whole("a", run.bytes.clone())
        };
        let mut store = Store::new(&Projection::of(["x"]).and_all_others());
        AnyDecoder::default().decode(run.format, &unit, &mut store, &mut Diagnostics::default());
        let mut found = Vec::new();
        for batch in store.batches() {
            for (row, header) in batch.rows().iter().enumerate() {
                let cells = batch.fields().iter().map(|f| {
                    let name = store.fields().name(*f);
                    format!("{name}={}", store.text(*f, batch.cell(row, *f)))
                });
                let mut cells: Vec<String> = cells.collect();
                cells.sort();
                found.push((
                    run.offset + header.offset,
                    format!("{} {:?} {}", header.sub, header.time, cells.join(" ")),
                ));
            }
        }
        found
    }

    /// What arrives in pieces of `step` lines, with a pause behind every `pause` pieces.
    fn arrived(text: &str, step: usize, pause: usize) -> (Vec<Run>, u64) {
        let mut arriving = Arriving::default();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut runs = Vec::new();
        for (number, piece) in lines.chunks(step).enumerate() {
            runs.extend(arriving.push(piece.concat().as_bytes()));
            if (number + 1) % pause == 0 {
                runs.extend(arriving.settle());
            }
            arriving = Arriving::resume(arriving.state());
        }
        runs.extend(arriving.settle());
        let waiting = arriving.offset();
        (runs, waiting)
    }

    fn check(text: &str, pause: usize) {
        let (whole, _) = arrived(text, usize::MAX, 1);
        let mut expected: Vec<_> = whole.iter().flat_map(events).collect();
        expected.sort();
        assert!(!expected.is_empty(), "{text}");
        for step in 1..6 {
            let (runs, end) = arrived(text, step, pause);
            assert!(runs.len() > 1, "{step}: nothing was cut");
            let bytes: Vec<u8> = runs.iter().flat_map(|run| run.bytes.clone()).collect();
            assert_eq!(String::from_utf8(bytes).unwrap(), text.get(..end as usize).unwrap());
            let mut found: Vec<_> = runs.iter().flat_map(events).collect();
            found.sort();
            assert_eq!(found, expected, "{step} lines at a time");
        }
    }

    #[test]
    fn events_do_not_depend_on_where_pieces_end() {
        check(
            &"Jan 31 12:00:00 gw sshd[1]: Accepted password for op1 from 192.0.2.1 port 5 ssh2\n".repeat(9),
            1,
        );
        let json = (0..9).map(|n| format!("{{\"@timestamp\":\"2026-01-31T12:00:0{n}Z\",\"n\":{n}}}\n"));
        check(&json.collect::<String>(), 1);
        let pretty =
            (0..9).map(|n| format!("{{\n  \"@timestamp\": \"2026-01-31T12:00:0{n}Z\",\n  \"n\": {n}\n}}\n"));
        check(&pretty.collect::<String>(), 1);
        let entry = |n: u32| {
            format!(
                "__CURSOR=s={n}\n__REALTIME_TIMESTAMP=176986080000000{n}\nMESSAGE=number {n}\n_PID={n}\n\n"
            )
        };
        check(&(0..9).map(entry).collect::<String>(), 1);
        let zeek =
            "#separator \\x09\n#fields\tts\tuid\n1\tA\n2\tB\n#fields\tuid\tts\nC\t3\nD\t4\nE\t5\nF\t6\n";
        check(zeek, 100);
        // One serial's records make one more event together, unless there is a pause between them.
        let syscall = |n: u32| {
            format!(
                "type=SYSCALL msg=audit(1769860800.000:{n}): arch=c000003e syscall=59 success=yes exit=0 pid={n} exe=\"/bin/ls\"\n\
                 type=EXECVE msg=audit(1769860800.000:{n}): argc=1 a0=\"ls\"\ntype=CWD msg=audit(1769860800.000:{n}): cwd=\"/\"\n"
            )
        };
        check(&(1..9).map(syscall).collect::<String>(), 1000);
    }

    #[test]
    fn the_last_event_does_not_wait_for_the_next() {
        let mut json = Arriving::default();
        let line = b"{\"a\":1}\n";
        assert!(json.push(line).is_some_and(|run| run.bytes.starts_with(b"{\"a\":1}")));
        assert!(json.push(&line.repeat(2)).is_some_and(|run| run.bytes.len() >= 2 * line.len() - 1));
        let mut text = Arriving::default();
        assert_eq!(text.push(b"first\n"), None, "two lines say what it is");
        assert_eq!(text.push(b"second\n").map(|run| run.bytes.len()), Some(13));
        assert_eq!(text.push(b"third\n").map(|run| run.bytes.len()), Some(6));
        let mut single = Arriving::default();
        assert_eq!(single.push(b"only\n"), None);
        assert!(single.is_waiting());
        assert_eq!(single.settle().map(|run| run.bytes.len()), Some(5));
        assert!(!single.is_waiting());
    }
}
