//! A cell of a store as text, and back.
//!
//! A list is its elements with U+001E behind each; a text that holds U+001E or begins with U+001F gets U+001F before it.
//! So a text means the same again when rules read derived columns, and engines that know nothing of this see text.

use hinomi_columns::{Dictionary, ValueId, ValueKind};

/// Behind each element of a list.
pub const ELEMENT_END: char = '\u{1e}';
/// Before a text that could be taken for a list.
pub const VERBATIM: char = '\u{1f}';

/// The text of a cell.
pub fn encode(dictionary: &Dictionary, value: ValueId) -> String {
    if dictionary.kind(value) == ValueKind::List {
        let mut text = String::new();
        for element in dictionary.elements(value) {
            // A list of lists is flat already; an element that holds the mark itself loses it.
            text.extend(
                dictionary.str(element).chars().map(|c| if c == ELEMENT_END { '\u{fffd}' } else { c }),
            );
            text.push(ELEMENT_END);
        }
        return text;
    }
    let text = dictionary.str(value);
    if text.starts_with(VERBATIM) || text.contains(ELEMENT_END) {
        return format!("{VERBATIM}{text}");
    }
    text.to_owned()
}

/// The elements of a text made by [`encode`]: one unless it was a list.
pub fn elements(text: &str) -> impl Iterator<Item = &str> {
    let (verbatim, list) = match text.strip_prefix(VERBATIM) {
        Some(verbatim) => (Some(verbatim), ""),
        None if text.ends_with(ELEMENT_END) => (None, text),
        None => (Some(text), ""),
    };
    verbatim.into_iter().chain(list.split_terminator(ELEMENT_END))
}

/// For people: elements with commas between them.
pub fn shown(text: &str) -> String {
    elements(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_and_list_comes_back() {
        let mut dictionary = Dictionary::default();
        for text in ["", "plain", "a\u{1e}", "\u{1f}x", "\u{1f}", "日本 語\n"] {
            let value = dictionary.text(text);
            let encoded = encode(&dictionary, value);
            assert_eq!(elements(&encoded).collect::<Vec<_>>(), [text], "{text:?}");
        }
        let (a, b) = (dictionary.text("a b"), dictionary.text(""));
        let list = dictionary.list(&[a, b]);
        let encoded = encode(&dictionary, list);
        assert_eq!(elements(&encoded).collect::<Vec<_>>(), ["a b", ""]);
        assert_eq!(shown(&encoded), "a b, ");
    }
}
