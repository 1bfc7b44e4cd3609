//! Templates: text with holes `<name>`, `<name|filter>`; `<<` stands for one `<`.

use crate::error::ScenarioError;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// As it stands.
    Text(String),
    /// To be filled.
    Hole {
        /// What with.
        name: String,
        /// How to change it.
        filter: Filter,
    },
}

/// A change of what fills a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// None.
    None,
    /// Upper case.
    Upper,
    /// Lower case.
    Lower,
    /// Not escaped.
    Raw,
}

impl Filter {
    pub(crate) fn apply(self, text: &str) -> String {
        match self {
            Self::None | Self::Raw => text.to_owned(),
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
        }
    }
}

/// Cuts a template into pieces.
pub(crate) fn pieces(place: &str, template: &str) -> Result<Vec<Piece>, ScenarioError> {
    let wrong =
        |expected| ScenarioError::Notation { place: place.to_owned(), value: template.to_owned(), expected };
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('<') {
            text.push('<');
            rest = after;
            continue;
        }
        let (hole, after) = after.split_once('>').ok_or_else(|| wrong("a template with closed holes"))?;
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        let (name, filter) = match hole.split_once('|') {
            None => (hole, Filter::None),
            Some((name, "upper")) => (name, Filter::Upper),
            Some((name, "lower")) => (name, Filter::Lower),
            Some((name, "raw")) => (name, Filter::Raw),
            Some(_) => return Err(wrong("a template whose filters are upper, lower or raw")),
        };
        pieces.push(Piece::Hole { name: name.to_owned(), filter });
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(t: &str) -> Piece {
        Piece::Text(t.to_owned())
    }

    fn hole(name: &str, filter: Filter) -> Piece {
        Piece::Hole { name: name.to_owned(), filter }
    }

    #[test]
    fn cutting() {
        let check = |template: &str, expected: &[Piece]| {
            assert_eq!(pieces("x", template).unwrap(), expected, "{template}");
        };
        check("", &[]);
        check(r"C:\Users\<user.name>\a", &[text(r"C:\Users\"), hole("user.name", Filter::None), text(r"\a")]);
        check("<<134>a > b", &[text("<134>a > b")]);
        check("<h|upper><n>", &[hole("h", Filter::Upper), hole("n", Filter::None)]);
        assert!(pieces("x", "a <b").is_err());
        assert!(pieces("x", "<b|loud>").is_err());
    }
}
