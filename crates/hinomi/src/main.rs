//! The `hinomi` command.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use hinomi::args::{Cli, Lang};
use hinomi::japanese;

/// Rules and reports are hundreds of thousands of small strings.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = japanese::print(&error, &arguments);
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match hinomi::command::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let mut stderr = std::io::stderr().lock();
            let lang = japanese::language(&arguments);
            let (message, hint) = failure.told(lang);
            let _ = writeln!(stderr, "hinomi: {message}");
            if let Some(hint) = hint {
                let label = if lang == Lang::Ja { "ヒント" } else { "hint" };
                let _ = writeln!(stderr, "  {label}: {hint}");
            }
            failure.exit.into()
        }
    }
}
