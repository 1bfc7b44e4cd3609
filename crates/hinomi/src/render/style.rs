//! Colours, widths and harmless text.

use hinomi_model::Level;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Paints text, or leaves it plain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    pub(crate) on: bool,
}

impl Paint {
    /// With the codes of a colour.
    pub(crate) fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn warn(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// Colour of a level; also readable without colour, because the level's name is always printed.
    pub(crate) fn level(self, level: Level, text: &str) -> String {
        let code = match level {
            Level::Critical => "1;97;41",
            Level::High => "1;31",
            Level::Medium => "33",
            Level::Low => "36",
            Level::Informational => "2",
        };
        self.wrap(code, text)
    }
}

/// Columns a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Cuts to at most `columns`, with an ellipsis.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > columns {
            break;
        }
        used += w;
        out.push(c);
    }
    out.push('…');
    out
}

/// Cuts or pads with spaces to exactly `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let cut = fit(text, columns);
    let missing = columns.saturating_sub(width(&cut));
    cut + &" ".repeat(missing)
}

/// Text from a log, made harmless: control characters and bidirectional overrides become visible, so that a log
/// cannot move the cursor, recolour or reorder what a responder reads.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('⏎'),
            '\r' => {}
            '\t' => out.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}' => {
                out.push_str(&format!("<U+{:04X}>", c as u32));
            }
            c if c.is_control() => out.push_str(&format!("<{:02X}>", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// 1234567 as `1,234,567`.
pub(crate) fn group_digits(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, c) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_count_wide_characters_twice() {
        assert_eq!(pad("監査", 6), "監査  ");
        assert_eq!(fit("監査ログ", 5), "監査…");
        assert_eq!(fit("abc", 3), "abc");
    }

    #[test]
    fn logs_cannot_steer_the_terminal() {
        assert_eq!(harmless("a\x1b[2Jb\u{202e}c\nd"), "a<1B>[2Jb<U+202E>c⏎d");
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!(
            [group_digits(7), group_digits(1234), group_digits(1_234_567)],
            ["7", "1,234", "1,234,567"]
        );
    }
}
