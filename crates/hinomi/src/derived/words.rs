//! The words without which a rule cannot match, for the index to leave out what need not be read.
//!
//! # Invariants
//! If a rule matches an event, the formula made of it holds for the words of that event's values.

use hinomi_detect::LogSources;
use hinomi_detect::sigma::{Document, Pattern, Patterns, Search, Test, Token};
use hinomi_query::Needed;

/// What a block of rows must hold so that one of the rules can match in it.
pub fn needed(documents: &[Document], sources: &LogSources) -> Needed {
    let rules = documents.iter().filter_map(|document| match document {
        Document::Rule(rule) => Some(rule),
        Document::Correlation(_) | Document::Filter(_) => None,
    });
    let rule = |conditions: &[Search]| Needed::any(conditions.iter().map(|c| search(c, sources)));
    Needed::any(rules.map(|r| rule(&r.conditions))).bounded()
}

fn search(tree: &Search, sources: &LogSources) -> Needed {
    match tree {
        Search::All(parts) => Needed::all(parts.iter().map(|p| search(p, sources))),
        Search::Any(parts) => Needed::any(parts.iter().map(|p| search(p, sources))),
        // What a log source says in words of its own is not in the event as the rule has it.
        Search::Field(name, Test::Match(patterns)) if !sources.translates(name) => {
            self::patterns(patterns, false)
        }
        Search::Keyword(patterns) => self::patterns(patterns, true),
        Search::Not(_) | Search::Field(..) | Search::KeywordRegex(_) => Needed::Anything,
    }
}

fn patterns(patterns: &Patterns, anywhere: bool) -> Needed {
    Needed::any(patterns.any.iter().map(|p| pattern(p, anywhere)))
}

/// A literal beside a wildcard may end within a word.
fn pattern(Pattern(tokens): &Pattern, anywhere: bool) -> Needed {
    let last = tokens.len().saturating_sub(1);
    Needed::all(tokens.iter().enumerate().map(|(at, token)| match token {
        Token::Literal(text) => Needed::text(text, anywhere || at > 0, anywhere || at < last),
        Token::Many | Token::One => Needed::Anything,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hinomi_detect::sigma::{Placeholders, parse_documents_with};

    #[track_caller]
    fn formula(detection: &str) -> Needed {
        let text = format!("title: t\nid: t\nlogsource: {{product: windows}}\ndetection:\n{detection}");
        let documents: Vec<Document> = parse_documents_with(&text, "t.yml", &Placeholders::default())
            .into_iter()
            .map(Result::unwrap)
            .collect();
        needed(&documents, &LogSources::bundled().unwrap())
    }

    #[test]
    fn whole_words_are_needed_and_parts_of_words_are_not() {
        let one = |text| Needed::All(vec![Needed::text(text, false, false)]);
        let ends = formula("  s: {Image|endswith: '\\rundll32.exe'}\n  condition: s\n");
        assert_eq!(ends, formula("  s: {Image|endswith: '\\RUNDLL32.exe'}\n  condition: s\n"));
        assert_ne!(ends, Needed::Anything);
        assert_eq!(formula("  s: {Image|contains: 'dll32'}\n  condition: s\n"), Needed::Anything);
        assert_eq!(formula("  s: {Image|endswith: 'dll32'}\n  condition: s\n"), Needed::Anything);
        let id = formula("  s: {EventID: 4624}\n  n: {User: x}\n  condition: s and not n\n");
        let alone = formula("  s: {EventID: 4624}\n  condition: s\n");
        assert!(format!("{id:?}").contains(&format!("{:?}", one("4624"))));
        assert_ne!(id, Needed::Anything);
        assert_ne!(alone, Needed::Anything);
        assert_eq!(
            formula("  s: {EventID: 4624}\n  r: {User|re: 'a.c'}\n  condition: s or r\n"),
            Needed::Anything
        );
        assert_eq!(formula("  s: {Image|contains: ['a b c', 'bcd']}\n  condition: s\n"), Needed::Anything);
    }
}
