//! The program as its users run it.

mod attack_names;
mod case;
mod corpora;
mod exits;
mod output;
mod support;
