//! How right the mappings are, against truths that others wrote: the verdicts beside the log lines of a ban
//! tool's tests, mapped events beside raw ones, and lines read by eye.
//!
//! Files are split into two halves by the digest of their name: mappings may be improved on the first half
//! only, the second is held out. The tables are written to `target/vendor_truth.txt`.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

mod corpora;
mod eye;
mod rows;
mod verdicts;

use std::fmt::Write as _;

/// Right answers of those judged.
#[derive(Clone, Copy, Default)]
pub(crate) struct Score {
    right: usize,
    of: usize,
}

impl Score {
    pub(crate) fn add(&mut self, right: bool) {
        self.of += 1;
        self.right += usize::from(right);
    }

    fn share(self) -> f64 {
        if self.of == 0 { 1.0 } else { self.right as f64 / self.of as f64 }
    }
}

/// Scores by (half, quantity).
#[derive(Default)]
pub(crate) struct Table {
    scores: std::collections::BTreeMap<(String, bool, &'static str), Score>,
    misses: Vec<String>,
}

impl Table {
    pub(crate) fn judge(
        &mut self,
        product: &str,
        held_out: bool,
        what: &'static str,
        right: bool,
        miss: &str,
    ) {
        self.scores.entry((product.to_owned(), held_out, what)).or_default().add(right);
        if !right {
            let half = if held_out { "held-out" } else { "first" };
            self.misses.push(format!("{half} {product} {what}: {miss}"));
        }
    }

    pub(crate) fn total(&self, held_out: bool, what: &str) -> Score {
        let wanted = self.scores.iter().filter(|((_, half, w), _)| *half == held_out && *w == what);
        wanted.fold(Score::default(), |sum, (_, s)| Score { right: sum.right + s.right, of: sum.of + s.of })
    }

    fn render(&self, title: &str) -> String {
        let mut out = format!("# {title}\n");
        for held_out in [false, true] {
            for what in ["time", "user", "source", "action", "outcome", "not a failure"] {
                let score = self.total(held_out, what);
                if score.of > 0 {
                    let half = if held_out { "held-out" } else { "first" };
                    let share = score.share() * 100.0;
                    let _ = writeln!(out, "all\t{half}\t{what}\t{}/{}\t{share:.1} %", score.right, score.of);
                }
            }
        }
        for ((product, held_out, what), score) in &self.scores {
            let half = if *held_out { "held-out" } else { "first" };
            let _ = writeln!(out, "{product}\t{half}\t{what}\t{}/{}", score.right, score.of);
        }
        let _ = writeln!(out, "## misses");
        for miss in &self.misses {
            let _ = writeln!(out, "{miss}");
        }
        out
    }

    /// Writes the table and fails when a share fell below what was measured.
    pub(crate) fn check(&self, title: &str, bounds: &[(bool, &str, f64)]) {
        let path =
            std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("vendor_truth_{title}.txt"));
        std::fs::write(&path, self.render(title)).unwrap();
        println!("table of {title}: {}", path.display());
        let low: Vec<_> =
            bounds.iter().filter(|(half, what, least)| self.total(*half, what).share() < *least).collect();
        assert!(low.is_empty(), "below the measured shares: {low:?}\n{}", self.render(title));
    }
}
