//! The `hinomi` command.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use hinomi::args::Cli;

/// Rules and reports are hundreds of thousands of small strings.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match hinomi::command::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let mut stderr = std::io::stderr().lock();
            let (message, hint) = failure.told();
            let _ = writeln!(stderr, "hinomi: {message}");
            if let Some(hint) = hint {
                let _ = writeln!(stderr, "  hint: {hint}");
            }
            failure.exit.into()
        }
    }
}
