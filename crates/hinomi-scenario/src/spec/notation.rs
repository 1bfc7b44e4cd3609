//! Small notations inside scenario files: durations, counts and draws.

use hinomi_model::NANOS_PER_SECOND;

use crate::error::ScenarioError;

/// A range, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) low: i64,
    pub(crate) high: i64,
}

/// What a draw yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DrawKind {
    /// A whole number: `1024..65535`.
    Int(Span),
    /// A whole number spread over magnitudes: `scale:1K..5M`.
    Scale(Span),
    /// Lower-case hexadecimal digits: `hex:8`.
    Hex(usize),
    /// A UUID in lower case: `uuid`.
    Uuid,
    /// A row of a list: `list:programs`.
    Row(String),
}

fn wrong(place: &str, value: &str, expected: &'static str) -> ScenarioError {
    ScenarioError::Notation { place: place.to_owned(), value: value.to_owned(), expected }
}

fn ends(text: &str) -> (&str, &str) {
    text.split_once("..").unwrap_or((text, text))
}

/// Nanoseconds of `3s..9s`, `250ms`, `2h`, `1d`.
pub(crate) fn span(place: &str, text: &str) -> Result<Span, ScenarioError> {
    let one = |part: &str| {
        let part = part.trim();
        let cut = part.find(|c: char| c.is_ascii_alphabetic())?;
        let (digits, unit) = part.split_at(cut);
        let scale = match unit {
            "ms" => NANOS_PER_SECOND / 1000,
            "s" => NANOS_PER_SECOND,
            "m" => 60 * NANOS_PER_SECOND,
            "h" => 3600 * NANOS_PER_SECOND,
            "d" => 86_400 * NANOS_PER_SECOND,
            _ => return None,
        };
        digits.parse::<i64>().ok().filter(|n| *n >= 0)?.checked_mul(scale)
    };
    let (low, high) = ends(text);
    match (one(low), one(high)) {
        (Some(low), Some(high)) if low <= high => Ok(Span { low, high }),
        _ => Err(wrong(place, text, "a duration such as 250ms, 3s..9s, 5m or 2h")),
    }
}

/// `20..40`, or `20`; the letters K, M and G multiply by powers of 1,000.
pub(crate) fn counts(place: &str, text: &str) -> Result<Span, ScenarioError> {
    let one = |part: &str| {
        let part = part.trim();
        let (digits, scale) = match part.as_bytes().last()? {
            b'K' => (part.strip_suffix('K')?, 1_000),
            b'M' => (part.strip_suffix('M')?, 1_000_000),
            b'G' => (part.strip_suffix('G')?, 1_000_000_000),
            _ => (part, 1),
        };
        digits.parse::<i64>().ok().filter(|n| *n >= 0)?.checked_mul(scale)
    };
    let (low, high) = ends(text);
    match (one(low), one(high)) {
        (Some(low), Some(high)) if low <= high => Ok(Span { low, high }),
        _ => Err(wrong(place, text, "a count such as 3, 20..40 or 1K..5M")),
    }
}

/// A draw as written.
pub(crate) fn draw_kind(place: &str, text: &str) -> Result<DrawKind, ScenarioError> {
    if text == "uuid" {
        return Ok(DrawKind::Uuid);
    }
    match text.split_once(':') {
        Some(("hex", digits)) => {
            let digits = digits.parse().ok().filter(|n| (1..=64).contains(n));
            digits.map(DrawKind::Hex).ok_or_else(|| wrong(place, text, "hex:N with N from 1 to 64"))
        }
        Some(("list", name)) => Ok(DrawKind::Row(name.to_owned())),
        Some(("scale", range)) => counts(place, range).map(DrawKind::Scale),
        _ => counts(place, text).map(DrawKind::Int),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_counts() {
        let seconds =
            |low: i64, high: i64| Span { low: low * NANOS_PER_SECOND, high: high * NANOS_PER_SECOND };
        assert_eq!(span("x", "3s..2m").unwrap(), seconds(3, 120));
        assert_eq!(span("x", "1d").unwrap(), seconds(86_400, 86_400));
        for wrong in ["", "3", "s", "9s..3s", "-1s", "3w"] {
            assert!(span("x", wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(counts("x", "1K..5M").unwrap(), Span { low: 1000, high: 5_000_000 });
        assert!(counts("x", "5..x").is_err());
        assert_eq!(draw_kind("x", "hex:8").unwrap(), DrawKind::Hex(8));
        assert!(draw_kind("x", "hex:0").is_err());
        assert_eq!(draw_kind("x", "list:programs").unwrap(), DrawKind::Row("programs".to_owned()));
    }
}
