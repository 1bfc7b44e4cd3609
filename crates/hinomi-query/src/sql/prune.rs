//! What a condition says about where its rows can be: times, and words for the index.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Like, Operator};

use crate::index::token::{self, TokenHash};
use crate::search;

/// What the conditions of a question, all of which have to hold, say.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Hints {
    /// Earliest and latest time, in microseconds, both included.
    pub(super) since: Option<i64>,
    pub(super) until: Option<i64>,
    /// Words that a row holds.
    pub(super) words: Vec<TokenHash>,
    /// Columns that have a value.
    pub(super) present: Vec<String>,
}

impl Hints {
    pub(super) fn of(filters: &[Expr]) -> Self {
        let mut hints = Self::default();
        filters.iter().for_each(|f| hints.add(f));
        hints.words.sort_unstable();
        hints.words.dedup();
        hints
    }

    fn add(&mut self, filter: &Expr) {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                self.add(left);
                self.add(right);
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (&**left, &**right) {
                (Expr::Column(column), Expr::Literal(value, _)) => self.compare(column.name(), *op, value),
                (Expr::Literal(value, _), Expr::Column(column)) => {
                    if let Some(op) = op.swap() {
                        self.compare(column.name(), op, value);
                    }
                }
                _ => {}
            },
            Expr::Between(between) if !between.negated => {
                if let (Expr::Column(column), Expr::Literal(low, _), Expr::Literal(high, _)) =
                    (&*between.expr, &*between.low, &*between.high)
                {
                    self.compare(column.name(), Operator::GtEq, low);
                    self.compare(column.name(), Operator::LtEq, high);
                }
            }
            Expr::Like(like) if !like.negated && like.escape_char.is_none() => self.like(like),
            Expr::ScalarFunction(call) if call.name() == super::function::NAME => {
                if let [Expr::Column(column), Expr::Literal(value, _)] = call.args.as_slice()
                    && let Some(terms) = text(value).and_then(search::parse)
                {
                    self.need(column.name(), terms.iter().flat_map(search::Term::words).collect());
                }
            }
            Expr::IsNotNull(inner) => {
                if let Expr::Column(column) = &**inner {
                    self.present.push(column.name().to_owned());
                }
            }
            _ => {}
        }
    }

    fn compare(&mut self, column: &str, op: Operator, value: &ScalarValue) {
        if column == "time" {
            let Some(time) = micros(value) else { return };
            if matches!(op, Operator::Eq | Operator::Gt | Operator::GtEq) {
                self.since = Some(self.since.map_or(time, |t| t.max(time)));
            }
            if matches!(op, Operator::Eq | Operator::Lt | Operator::LtEq) {
                self.until = Some(self.until.map_or(time, |t| t.min(time)));
            }
        } else if let Some(text) = text(value).filter(|_| op == Operator::Eq) {
            self.need(column, token::required(&token::fold(text), false, false));
        }
    }

    fn like(&mut self, like: &Like) {
        let (Expr::Column(column), Expr::Literal(pattern, _)) = (&*like.expr, &*like.pattern) else { return };
        let Some(pattern) = text(pattern).filter(|p| !p.contains('\\') || p.is_ascii()) else { return };
        let pieces: Vec<&str> = pattern.split(['%', '_']).collect();
        let last = pieces.len().saturating_sub(1);
        let mut words = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            let (open_start, open_end) = (at > 0, at < last);
            // A character at an open end may be one with its neighbour in the folded text.
            let piece = if open_start { without(piece, true) } else { piece };
            let piece = if open_end { without(piece, false) } else { piece };
            words.extend(token::required(&token::fold(piece), open_start, open_end));
        }
        // The engine reads a backslash as an escape; what it means then is left to the engine.
        if pattern.contains('\\') {
            words.clear();
        }
        self.need(column.name(), words);
    }

    fn need(&mut self, column: &str, words: Vec<TokenHash>) {
        self.present.push(column.to_owned());
        // Names of logs and kinds, and numbers, are not in the index.
        if !matches!(column, "source" | "kind" | "category" | "other") {
            self.words.extend(words);
        }
    }
}

/// Without the first or last character, unless it is ASCII.
fn without(piece: &str, first: bool) -> &str {
    let mut chars = piece.chars();
    let end = if first { chars.next() } else { chars.next_back() };
    if end.is_some_and(|c| !c.is_ascii()) { chars.as_str() } else { piece }
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

fn micros(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampSecond(t, _) => t.and_then(|t| t.checked_mul(1_000_000)),
        ScalarValue::TimestampMillisecond(t, _) => t.and_then(|t| t.checked_mul(1000)),
        ScalarValue::TimestampMicrosecond(t, _) => *t,
        ScalarValue::TimestampNanosecond(t, _) => t.map(|t| t.div_euclid(1000)),
        _ => None,
    }
}
