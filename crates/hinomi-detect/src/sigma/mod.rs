//! The Sigma rule language, specification 2.1: documents to a normalised tree.
//!
//! [`parse_documents`] turns the text of a rule file into [`Document`]s; each document that is invalid, or asks
//! for what cannot be evaluated, is reported on its own with the reason, the line and a hint.
//!
//! # Invariants
//! - Scalars mean the text as written (`0x17`, `no`, `1e3`); only an unquoted `null` is special.
//! - After parsing nothing of the notation is left: modifiers, wildcards, lists and conditions have become
//!   [`Search`] trees whose tests can be evaluated one by one.
//! - Regular expressions were translated and parsed, never compiled.
//!
//! # Readings the specification leaves open
//! - `neq` negates the whole test of its key: it holds when the field differs from every value, also when the
//!   field is absent.
//! - `windash` permutes a dash that stands before a word and not inside one.
//! - Keywords stand anywhere in the message; without a field `contains` therefore adds nothing.
//! - `all` with a single value is accepted.
//! - `''` holds for an empty text and for a field that is present without a value; `null` holds for the latter and
//!   for an absent field, not for an empty text.
//! - A filter's condition is joined to the rule's by `and` as it is written.
//!
//! # Trust
//! Rule files come from anywhere: size, depth, number of nodes, alternatives, copies of selections and states of
//! regular expressions are bounded, and no input panics.
//!
//! # Not here
//! Evaluation (`engine`), files and folders (`hinomi`).

mod ast;
mod cases;
mod collection;
mod condition;
mod correlation;
mod detection;
mod document;
mod error;
mod modifier;
mod pattern;
mod pcre;
mod placeholder;
mod value;
mod yaml;

#[cfg(test)]
mod tests;

pub use ast::*;
pub use cases::{RuleTest, rule_tests};
pub use error::{Problem, RuleError};
pub use placeholder::Placeholders;

/// The documents of a rule file, in order, without placeholder values. `origin` names the file in messages.
pub fn parse_documents(text: &str, origin: &str) -> Vec<Result<Document, RuleError>> {
    parse_documents_with(text, origin, &Placeholders::default())
}

/// The documents of a rule file, in order. `origin` names the file in messages; documents after the first are
/// told apart by `#2`, `#3` and so on.
pub fn parse_documents_with(
    text: &str,
    origin: &str,
    placeholders: &Placeholders,
) -> Vec<Result<Document, RuleError>> {
    let mut collection = collection::Collection::default();
    let mut out = Vec::new();
    for (number, document) in (1usize..).zip(yaml::documents(text)) {
        let origin = if number == 1 { origin.to_owned() } else { format!("{origin}#{number}") };
        let mut title = None;
        let read = document.and_then(|node| {
            let Some(node) = collection.apply(node)? else { return Ok(None) };
            title = document::title(&node);
            document::read(&node, &origin, placeholders).map(Some)
        });
        match read {
            Ok(None) => {}
            Ok(Some(document)) => out.push(Ok(document)),
            Err(fault) => {
                out.push(Err(RuleError { origin, line: fault.line, title, problem: fault.problem }));
            }
        }
    }
    out
}
