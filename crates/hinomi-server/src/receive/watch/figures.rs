//! What is counted of files that are followed.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Of one watch.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) name: String,
    pub(super) files: AtomicU64,
    pub(super) behind: AtomicU64,
    pub(super) last_read_seconds: AtomicU64,
    pub(super) denied: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) beyond: AtomicU64,
    pub(super) rotated: AtomicU64,
    pub(super) found: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) damaged: AtomicU64,
}

impl Figures {
    pub(crate) fn new(name: &str) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), ..Self::default() })
    }
}

type Shown = (&'static str, &'static str, &'static str, fn(&Figures) -> &AtomicU64);

const SHOWN: [Shown; 10] = [
    ("hinomi_watch_files", "gauge", "Paths that are followed", |f| &f.files),
    ("hinomi_watch_bytes_behind", "gauge", "Bytes that are written and not read", |f| &f.behind),
    ("hinomi_watch_last_read_seconds", "gauge", "When something was last read, Unix time", |f| {
        &f.last_read_seconds
    }),
    ("hinomi_watch_denied", "gauge", "Paths that the server's user may not read", |f| &f.denied),
    ("hinomi_watch_refused", "gauge", "Paths that are no regular file, or lead out of their folder", |f| {
        &f.refused
    }),
    ("hinomi_watch_beyond", "gauge", "Paths that are not followed because there are too many", |f| &f.beyond),
    ("hinomi_watch_rotated_total", "counter", "Files that were renamed, removed or cut short", |f| {
        &f.rotated
    }),
    ("hinomi_watch_found_total", "counter", "Rotated files that nobody had read, and that were read", |f| {
        &f.found
    }),
    (
        "hinomi_watch_lost_total",
        "counter",
        "Files that were not found again before their end was read",
        |f| &f.lost,
    ),
    ("hinomi_watch_damaged_total", "counter", "Files that could not be read to their end", |f| &f.damaged),
];

/// All of them, in the text format of Prometheus.
pub(crate) fn exposition(watches: &[Arc<Figures>]) -> String {
    let mut out = String::new();
    for (name, kind, help, of) in SHOWN.iter().filter(|_| !watches.is_empty()) {
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for figures in watches {
            let value = of(figures).load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}{{watch=\"{}\"}} {value}", figures.name);
        }
    }
    out
}
