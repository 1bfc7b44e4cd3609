//! What each verb does.

mod access;
mod alert;
mod alerting;
mod assure;
#[cfg(feature = "query")]
pub(crate) mod derived;
mod detect;
pub(crate) mod doctor;
mod estate;
mod extension;
mod inventory;
mod investigate;
mod ledger;
mod manual;
mod observing;
mod pages;
mod reach;
mod rules;
mod scenario;
mod serve;
mod state;
mod trial;
mod trust;
mod upload;
mod verify;
mod watching;

use std::io::{self, Write};

use crate::args::{Cli, Command, Lang};
use crate::exit::{Exit, Failure};
use crate::japanese;

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code, message and hint.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    match cli.command {
        Command::Investigate(args) => investigate::run(*args),
        Command::Assure(args) => assure::run(*args),
        Command::Reach(args) => reach::run(*args),
        Command::Inventory(verb) => inventory::run(verb),
        Command::Rules(verb) => rules::run(verb),
        #[cfg(feature = "query")]
        Command::Derive(args) => derived::derive(&args),
        #[cfg(feature = "query")]
        Command::Search(args) => derived::search(&args),
        #[cfg(feature = "query")]
        Command::Query(args) => derived::query(&args),
        #[cfg(feature = "query")]
        Command::Iceberg(args) => derived::iceberg(&args),
        #[cfg(feature = "query")]
        Command::AnswerQuery => derived::answer_query(),
        Command::Verify(what) => verify::run(what),
        Command::Scenario(verb) => scenario::run(verb),
        Command::Trial(verb) => trial::run(verb),
        Command::Witness(verb) => trust::run_witness(verb),
        Command::Vault(verb) => trust::run_vault(verb),
        Command::Serve(args) => serve::run(&args),
        Command::Upload(args) => upload::run(&args),
        Command::Config(verb) => serve::config(verb),
        Command::State(verb) => state::run(verb),
        Command::Access(verb) => access::run(verb),
        Command::Alert(verb) => alert::run(verb),
        Command::Doctor(args) => doctor::run(&args),
        Command::Detect(verb) => detect::run(verb),
        Command::Ledger(verb) => ledger::run(verb),
        Command::Prove(args) => ledger::prove(&args),
        Command::Completions { shell, lang } => manual::completions(shell, lang),
        Command::Man { of, out, lang } => manual::man(&of, out.as_deref(), lang),
        Command::Schema => print(include_bytes!("../../../../docs/report.schema.json")),
    }
}

/// Lines of a result in the language that was asked for, else in that of the environment.
fn in_language(text: String, lang: Option<Lang>) -> String {
    if lang.unwrap_or_else(Lang::of_environment) == Lang::Ja { japanese::results(&text) } else { text }
}

/// Writes to standard output; a closed pipe is no error.
pub(crate) fn print(bytes: &[u8]) -> Result<Exit, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Internal, format!("standard output: {error}")))
        }
        _ => Ok(Exit::Clean),
    }
}
