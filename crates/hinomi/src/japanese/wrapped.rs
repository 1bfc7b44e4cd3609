//! Lines of Japanese of a given width.

use unicode_width::UnicodeWidthChar as _;

use crate::render::style::width;

/// What no line ends with.
const OPENING: &str = "「『（〔［【〈《([{<";

/// What no line begins with.
const CLOSING: &str = "、。，．・：；？！」』）〕］】〉》ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ%)]}>,.:;?!";

/// The text in lines of at most so many columns, broken where Japanese may be: not inside of words of letters and digits, not
/// before what closes, not behind what opens. A word that is longer has a line of its own.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for unit in units(text) {
        if !line.is_empty() && width(&line) + width(unit.trim_end()) > columns {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        line.push_str(if line.is_empty() { unit.trim_start() } else { unit });
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// Pieces between which a line may end; spaces belong to the piece before them.
fn units(text: &str) -> Vec<&str> {
    let mut units = Vec::new();
    let mut from = 0;
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let is_wide = |c: char| c.width() == Some(2);
        let may_break = before.is_some_and(|b| {
            let is_between = b == ' ' || is_wide(b) || is_wide(c);
            is_between && c != ' ' && !OPENING.contains(b) && !CLOSING.contains(c)
        });
        if may_break {
            units.extend(text.get(from..at));
            from = at;
        }
        before = Some(c);
    }
    units.extend(text.get(from..));
    units
}
