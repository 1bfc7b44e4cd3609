//! Values drawn for lines: the same seed, the same value.

use crate::calendar::number;
use crate::seed::{below, mix};
use crate::spec::{DrawKind, Span};

/// A draw ready for use; rows are compiled elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draw {
    Int(Span),
    Scale(Span),
    Hex(usize),
    Uuid,
}

impl Draw {
    /// `None` for rows of lists.
    pub(crate) fn of(kind: &DrawKind) -> Option<Self> {
        match kind {
            DrawKind::Int(span) => Some(Self::Int(*span)),
            DrawKind::Scale(span) => Some(Self::Scale(*span)),
            DrawKind::Hex(digits) => Some(Self::Hex(*digits)),
            DrawKind::Uuid => Some(Self::Uuid),
            DrawKind::Row(_) => None,
        }
    }

    /// Appends the value that `word` stands for.
    pub(crate) fn write(self, out: &mut Vec<u8>, word: u64) {
        match self {
            Self::Int(span) => {
                let width = (span.high - span.low) as u64 + 1;
                number(out, span.low + below(word, width) as i64);
            }
            Self::Scale(span) => number(out, scaled(span, word)),
            Self::Hex(digits) => hex(out, word, digits),
            Self::Uuid => {
                for (group, digits) in [8, 4, 4, 4, 12].into_iter().enumerate() {
                    if group > 0 {
                        out.push(b'-');
                    }
                    hex(out, mix(word, group as u64), digits);
                }
            }
        }
    }
}

/// Every doubling between the ends is as likely as any other.
fn scaled(span: Span, word: u64) -> i64 {
    let low = span.low.max(1);
    let doublings = (span.high.max(low) / low).ilog2();
    let base = low << below(word, u64::from(doublings) + 1);
    (base + below(mix(word, 1), base as u64) as i64).min(span.high)
}

fn hex(out: &mut Vec<u8>, word: u64, digits: usize) {
    let mut rest = word;
    for at in 0..digits {
        if at % 16 == 0 && at > 0 {
            rest = mix(word, at as u64);
        }
        let digit = (rest & 15) as u8;
        out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        rest >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(draw: Draw) -> Vec<String> {
        let one = |n: u64| {
            let mut out = Vec::new();
            draw.write(&mut out, mix(n, 9));
            String::from_utf8(out).unwrap()
        };
        (0..2000).map(one).collect()
    }

    #[test]
    fn values_fit_their_kind() {
        let span = Span { low: 1000, high: 5_000_000 };
        let sizes: Vec<i64> = all(Draw::Scale(span)).iter().map(|t| t.parse().unwrap()).collect();
        assert!(sizes.iter().all(|s| (1000..=5_000_000).contains(s)));
        assert!(sizes.iter().any(|s| *s < 3000) && sizes.iter().any(|s| *s > 1_000_000));
        assert!(all(Draw::Hex(20)).iter().all(|t| t.len() == 20 && t.bytes().all(|b| b.is_ascii_hexdigit())));
        assert!(all(Draw::Uuid).iter().all(|t| t.len() == 36));
        let few = all(Draw::Int(Span { low: 3, high: 4 }));
        assert!(few.contains(&"3".to_owned()) && few.contains(&"4".to_owned()));
        assert!(few.iter().all(|t| t == "3" || t == "4"));
    }
}
