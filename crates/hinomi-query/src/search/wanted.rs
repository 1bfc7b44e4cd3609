//! What a search needs of a stretch of events so that something in it can match.

use super::parse::Term;
use super::run::{Search, is_indexed};
use crate::columns::Mapping;
use crate::derive::Gist;
use crate::index::token::{self, TokenHash};

/// Words and times without which nothing matches.
///
/// # Invariants
/// A gist that is refused is of events none of which matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    words: Vec<TokenHash>,
    since: Option<i64>,
    until: Option<i64>,
}

impl Wanted {
    /// What a search needs.
    pub fn of(search: &Search, mapping: &Mapping) -> Self {
        let mut words: Vec<TokenHash> = search.terms.iter().flat_map(|term| of_term(term, mapping)).collect();
        words.sort_unstable();
        words.dedup();
        Self { words, since: search.since, until: search.until }
    }

    /// Whether something in a stretch may match.
    pub fn may_be_in(&self, gist: &Gist) -> bool {
        gist.may_be_of(self.since, self.until) && gist.may_hold(&self.words)
    }
}

fn of_term(term: &Term, mapping: &Mapping) -> Vec<TokenHash> {
    let mut words = Vec::new();
    let column = term.field.as_deref().map(str::to_lowercase);
    if is_indexed(column.as_deref()) {
        words.extend(term.words());
    }
    if let Some(column) = column.filter(|column| !term.negated && !mapping.is_taken(column)) {
        words.push(token::of_field(&column));
    }
    words
}
