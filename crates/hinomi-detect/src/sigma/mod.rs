//! The Sigma rule language, specification 2.1: documents to a normalised tree.

mod ast;

pub use ast::*;
