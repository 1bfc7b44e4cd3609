//! What was counted, in the text format of Prometheus. Names of listeners and sources are shown, what they sent is not.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::port::BUCKETS_US;
use super::{Counted, Port, Receiving, Source, State};

fn value(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// A value of a label, quoted.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn heading(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

type OfPort = (&'static str, &'static str, fn(&Counted) -> &AtomicU64);
type OfSource = (&'static str, &'static str, &'static str, fn(&Source) -> u64);

const OF_PORTS: [OfPort; 9] = [
    ("hinomi_events_total", "Records that are durable", |c| &c.events),
    ("hinomi_bytes_total", "Bytes of records that are durable", |c| &c.bytes),
    ("hinomi_connections_total", "Connections that were let in", |c| &c.connections),
    ("hinomi_connections_turned_away_total", "Connections that were not let in", |c| &c.turned_away),
    ("hinomi_unauthorised_total", "Requests without a valid token or certificate", |c| &c.unauthorised),
    ("hinomi_malformed_total", "Requests and connections that broke their protocol", |c| &c.malformed),
    ("hinomi_oversized_total", "Messages that were cut and bodies that were refused for their length", |c| {
        &c.oversized
    }),
    ("hinomi_dropped_total", "Messages that were received and given up; their senders cannot be told", |c| {
        &c.dropped
    }),
    ("hinomi_deferred_total", "Requests that were asked to come again later", |c| &c.deferred),
];

const OF_SOURCES: [OfSource; 7] = [
    ("hinomi_source_events_total", "counter", "Records of a source that are durable", |s| value(&s.events)),
    ("hinomi_source_bytes_total", "counter", "Bytes of a source that are durable", |s| value(&s.bytes)),
    ("hinomi_source_refused_total", "counter", "What a source was refused for its bounds", |s| {
        value(&s.refused)
    }),
    (
        "hinomi_source_repeated_total",
        "counter",
        "Records of requests that came with the same bytes within 15 minutes; they are kept again",
        |s| value(&s.repeated),
    ),
    (
        "hinomi_source_bytes_on_their_way",
        "gauge",
        "Bytes of a source that are received and not durable",
        |s| value(&s.held),
    ),
    ("hinomi_source_last_seconds", "gauge", "When something of a source was last received, Unix time", |s| {
        value(&s.last_ns) / 1_000_000_000
    }),
    (
        "hinomi_source_acknowledged",
        "gauge",
        "1 when the source is told what is durable, 0 when its protocol cannot",
        |s| u64::from(s.acknowledged),
    ),
];

/// Everything that was counted.
pub(crate) fn exposition(receiving: &Receiving, ports: &[Arc<Port>]) -> String {
    let mut out = String::new();
    heading(&mut out, "hinomi_ready", "gauge", "1 while what is sent is taken");
    let _ = writeln!(out, "hinomi_ready {}", u8::from(receiving.intake.state() == State::Ready));
    heading(&mut out, "hinomi_bytes_on_their_way", "gauge", "Bytes that are received and not durable");
    let _ = writeln!(out, "hinomi_bytes_on_their_way {}", receiving.budget.used());
    for (name, help, of) in OF_PORTS {
        heading(&mut out, name, "counter", help);
        for port in ports {
            let count = value(of(&port.counted));
            let _ =
                writeln!(out, "{name}{{listener=\"{}\",kind=\"{}\"}} {count}", quoted(&port.name), port.kind);
        }
    }
    latencies(&mut out, ports);
    let sources = receiving.sources.all();
    for (name, kind, help, of) in OF_SOURCES {
        heading(&mut out, name, kind, help);
        for source in &sources {
            let _ = writeln!(out, "{name}{{source=\"{}\"}} {}", quoted(&source.name), of(source));
        }
    }
    out
}

fn latencies(out: &mut String, ports: &[Arc<Port>]) {
    let name = "hinomi_durable_seconds";
    heading(out, name, "histogram", "Time from the last byte of a delivery until its records are durable");
    for port in ports {
        let labels = format!("listener=\"{}\",kind=\"{}\"", quoted(&port.name), port.kind);
        let (counts, sum_us) = port.counted.histogram();
        let mut sum = 0;
        let bounds = BUCKETS_US.iter().map(|us| (*us as f64 / 1e6).to_string()).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(counts) {
            sum += count;
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {sum}");
        }
        let seconds = sum_us as f64 / 1e6;
        let _ = write!(out, "{name}_sum{{{labels}}} {seconds}\n{name}_count{{{labels}}} {sum}\n");
    }
}
