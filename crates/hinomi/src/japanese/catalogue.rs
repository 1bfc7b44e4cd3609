//! Pairs of texts.
//!
//! # Definitions
//! A catalogue is blocks of two lines, an English one and its Japanese one, with an empty line between blocks; lines that begin with
//! `#` are notes. In sentences `{}` stands for a text that differs each time, which may be a sentence in turn; Japanese ones may name
//! it by its number, from `{0}` on.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Pairs of texts, English first.
pub(super) type Pairs = Vec<(&'static str, &'static str)>;

const HELP: &str = include_str!("help.txt");
const FAILURES: &str = include_str!("failures.txt");
const RESULTS: &str = include_str!("results.txt");
const USAGE: &str = include_str!("usage.txt");

fn pairs(text: &'static str) -> Pairs {
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    lines.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect()
}

/// Texts of help.
pub(super) fn help() -> Pairs {
    pairs(HELP)
}

/// Sentences of failures and of what to do about them.
pub(super) fn failures() -> Pairs {
    pairs(FAILURES)
}

/// Lines of the parser of arguments.
pub(super) fn usages() -> Pairs {
    pairs(USAGE)
}

/// Sentences of results, and those of failures that stand in them.
pub(super) fn found() -> Pairs {
    [pairs(RESULTS), pairs(FAILURES)].concat()
}

/// Texts of help by their English.
pub(super) struct Help(HashMap<&'static str, &'static str>);

impl Help {
    pub(super) fn bundled() -> Self {
        Self(help().into_iter().collect())
    }

    /// A text, as it is where no pair is known.
    pub(super) fn text<'t>(&self, english: &'t str) -> &'t str {
        self.0.get(english).copied().unwrap_or(english)
    }

    /// Paragraphs behind the options: examples keep their commands, and what is written behind those is a text.
    pub(super) fn paragraphs(&self, english: &str) -> String {
        let paragraphs: Vec<String> = english.split("\n\n").map(|one| self.paragraph(one)).collect();
        paragraphs.join("\n\n")
    }

    fn paragraph(&self, english: &str) -> String {
        if !english.starts_with("Example") {
            return self.text(&joined(english)).to_owned();
        }
        let line = |line: &str| match line.split_once("  # ") {
            Some((command, note)) => format!("{command}  # {}", self.text(note.trim())),
            None => self.text(line).to_owned(),
        };
        english.lines().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// The lines of a paragraph in one.
pub(super) fn joined(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line of the parser of arguments.
pub(super) fn usage(line: &str) -> String {
    let said = sentence(&usages(), line);
    match said.strip_prefix("使い方: ") {
        Some(usage) => format!("使い方: {}", synopsis(usage)),
        None => said.into_owned(),
    }
}

/// The words in which a synopsis names what follows.
pub(super) fn synopsis(usage: &str) -> String {
    usage
        .replace("[OPTIONS]", "[オプション]")
        .replace("<COMMAND>", "<コマンド>")
        .replace("[COMMAND]", "[コマンド]")
}

/// A failure, or what to do about it.
pub(crate) fn failure(message: &str) -> Cow<'_, str> {
    static FAILURES: LazyLock<Pairs> = LazyLock::new(failures);
    sentence(&FAILURES, message)
}

/// What a command found, line by line.
pub(crate) fn results(text: &str) -> String {
    let patterns = found();
    text.lines().map(|line| sentence(&patterns, line).into_owned() + "\n").collect()
}

/// What is longer is quoted, not told.
const LONGEST: usize = 4096;

/// How often a part of a sentence is told in turn, and how many colons are tried in one.
const MOST: usize = 6;

/// A sentence by the pattern that fits with the most text of its own. Without one, what stands behind a colon is told, and what stands
/// before it stays: it is a file, an option or a value. What stands in places of a pattern stays as well, but for a cause at its end.
///
/// Messages quote what files hold, so that the work is bounded: [`MOST`] steps over the patterns for each of [`MOST`] parts.
pub(crate) fn sentence<'m>(patterns: &[(&str, &str)], message: &'m str) -> Cow<'m, str> {
    told(patterns, message, MOST).map_or(message.into(), Cow::from)
}

fn told(patterns: &[(&str, &str)], message: &str, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1).filter(|_| message.len() <= LONGEST)?;
    if let Some((said, number)) = message.strip_suffix(')').and_then(|said| said.rsplit_once(" (os error ")) {
        return Some(format!("{}(os error {number})", told(patterns, said, depth)?));
    }
    if let Some((said, line, column)) = position(message) {
        let said_ja = told(patterns, said, depth).unwrap_or_else(|| said.to_owned());
        return Some(format!("{said_ja}({line} 行 {column} 列)"));
    }
    if let Some(whole) = fitted(patterns, message, depth) {
        return Some(whole);
    }
    let sides = |(at, colon): (usize, &str)| Some((message.get(..at)?, message.get(at + colon.len()..)?));
    let mut sides = message.match_indices(": ").take(MOST).filter_map(sides);
    let (head, tail) = sides.find_map(|(head, tail)| Some((head, fitted(patterns, tail, depth)?)))?;
    Some(format!("{head}: {tail}"))
}

/// A message before the line and column that it ends with.
fn position(message: &str) -> Option<(&str, &str, &str)> {
    let (said, at) = message.rsplit_once(" at line ")?;
    let (line, column) = at.split_once(" column ")?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (is_number(line) && is_number(column)).then_some((said, line, column))
}

fn fitted(patterns: &[(&str, &str)], message: &str, depth: usize) -> Option<String> {
    let fits = patterns.iter().filter_map(|(pattern, ja)| Some((*pattern, texts(pattern, message)?, ja)));
    let own = |(pattern, texts, _): &(&str, Vec<&str>, _)| Reverse(pattern.len() - 2 * texts.len());
    let (pattern, texts, ja) = fits.min_by_key(own)?;
    let mut texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
    // What a value has to be, and why something failed, is a sentence.
    let ends_in_sentence =
        [": {}", "({})", "must be {}", "expected {}"].iter().any(|end| pattern.ends_with(end));
    if ends_in_sentence
        && let Some(last) = texts.last_mut()
        && let Some(ja) = told(patterns, last, depth)
    {
        *last = ja;
    }
    Some(filled(ja, &texts))
}

/// The pieces of a Japanese sentence, each but the first with the number of the text before it: that of its place, or the next one.
pub(super) fn places(ja: &str) -> Vec<(usize, &str)> {
    let split = ja.split('{').skip(1).filter_map(|part| part.split_once('}'));
    split.enumerate().map(|(at, (number, piece))| (number.parse().unwrap_or(at), piece)).collect()
}

/// A Japanese sentence with its texts.
pub(super) fn filled(ja: &str, texts: &[String]) -> String {
    let mut said = ja.split('{').next().unwrap_or_default().to_owned();
    for (at, piece) in places(ja) {
        said.push_str(texts.get(at).map_or("", String::as_str));
        said.push_str(piece);
    }
    said
}

/// What stands in the places of a pattern; `None` when the message is another one.
fn texts<'m>(pattern: &str, message: &'m str) -> Option<Vec<&'m str>> {
    let mut pieces = pattern.split("{}");
    let mut rest = message.strip_prefix(pieces.next()?)?;
    let mut texts = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let at = match pieces.peek() {
            None if piece.is_empty() => rest.len(),
            None => rest.len().checked_sub(piece.len()).filter(|_| rest.ends_with(piece))?,
            Some(_) => rest.find(piece)?,
        };
        texts.push(rest.get(..at)?);
        rest = rest.get(at + piece.len()..)?;
    }
    rest.is_empty().then_some(texts)
}
