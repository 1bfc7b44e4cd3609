//! Japanese for what the command line says in English: help, usage errors, manual pages and failures.
//!
//! # Invariants
//! Every English text of the command line has a Japanese one, which keeps the options, commands and values that it names; tests hold
//! the catalogues to that. What no catalogue knows is shown in English, never left out.

mod catalogue;
mod command;
mod page;
#[cfg(test)]
mod tests;
mod wrapped;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};

use clap::CommandFactory as _;
use clap::error::ErrorKind;

pub(crate) use catalogue::{failure, results, sentence};
pub(crate) use command::{in_japanese, manual};

use crate::args::{Cli, ColorChoice, Lang};

/// Writes what the parser of arguments has to say, in the language that the arguments name, else in that of the environment.
///
/// # Errors
/// When it cannot be written.
pub fn print(error: &clap::Error, arguments: &[OsString]) -> io::Result<()> {
    if language(arguments) == Lang::En {
        return error.print();
    }
    if error.use_stderr() {
        let is_painted = ColorChoice::Auto.on(io::stderr().is_terminal());
        io::stderr().lock().write_all(told(error, arguments, is_painted).as_bytes())
    } else {
        let is_painted = ColorChoice::Auto.on(io::stdout().is_terminal());
        io::stdout().lock().write_all(told(error, arguments, is_painted).as_bytes())
    }
}

fn told(error: &clap::Error, arguments: &[OsString], is_painted: bool) -> String {
    let is_help = [ErrorKind::DisplayHelp, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
    if is_help.contains(&error.kind()) {
        let mut all = Cli::command();
        all.build();
        let all = in_japanese(all);
        let (asked, is_long) = asked(&all, arguments);
        return page::page(asked, is_long, (columns(), is_painted));
    }
    error.render().to_string().lines().map(|line| catalogue::usage(line) + "\n").collect()
}

/// Those of the terminal, up to what is read well.
fn columns() -> usize {
    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0)).clamp(40, 100)
}

/// The language that the last `--lang` names, else that of the environment.
pub fn language(arguments: &[OsString]) -> Lang {
    let mut named = None;
    let own = arguments.iter().take_while(|argument| *argument != "--");
    for (at, argument) in own.enumerate() {
        let value = match argument.to_str() {
            Some("--lang") => arguments.get(at + 1).and_then(|value| value.to_str()),
            Some(text) => text.strip_prefix("--lang="),
            None => None,
        };
        named = match value {
            Some("ja") => Some(Lang::Ja),
            Some("en") => Some(Lang::En),
            _ => named,
        };
    }
    named.unwrap_or_else(Lang::of_environment)
}

/// The command whose help is asked for, and whether in full. Commands with commands of their own take no values, so that what is no
/// name of a command is an option.
fn asked<'c>(all: &'c clap::Command, arguments: &[OsString]) -> (&'c clap::Command, bool) {
    let mut command = all;
    let mut is_long = false;
    for argument in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        match argument {
            "help" if command.has_subcommands() => is_long = true,
            "--help" => return (command, true),
            "-h" | "--" => break,
            _ => command = command.find_subcommand(argument).unwrap_or(command),
        }
    }
    (command, is_long)
}
