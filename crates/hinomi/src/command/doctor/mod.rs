//! `hinomi doctor`: what administrators get wrong, a line each, and what to do.
//!
//! # Invariants
//! - Nothing is changed, and nothing is asked of the network but this machine's own listeners and, where one is configured,
//!   what the identity provider says to everybody.
//! - What cannot be found out is unknown, and never fine.
//!
//! # Not here
//! Whether evidence is what it was: `hinomi verify ledger`.

mod certificates;
mod claims;
mod files;
mod ledger;
mod machine;
pub(super) mod outcome;
mod provider;
mod receiving;
mod unit;

use std::path::Path;

use hinomi_server::serve::Configuration;

use self::outcome::both;
pub(crate) use self::outcome::{Both, Check, State};
use super::print;
use crate::args::Doctor;
use crate::clock;
use crate::exit::{Exit, Failure};

/// Looks at everything and says what it found.
pub(super) fn run(args: &Doctor) -> Result<Exit, Failure> {
    let lang = args.lang.unwrap_or_else(super::investigate::language);
    let checks = look(args);
    let text = if args.json { outcome::as_json(&checks) } else { outcome::table(&checks, lang) };
    print(text.as_bytes())?;
    Ok(worst(&checks))
}

/// 0 when nothing is wrong, 1 with warnings, 4 with failures. What is unknown changes nothing.
fn worst(checks: &[Check]) -> Exit {
    let any = |state| checks.iter().any(|check| check.state == state);
    match (any(State::Fail), any(State::Warn)) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Found,
        (false, false) => Exit::Clean,
    }
}

/// What every check found.
pub(crate) fn look(args: &Doctor) -> Vec<Check> {
    let now = clock::now();
    let mut checks = machine::look();
    let configuration = configuration(args.config.as_deref(), &mut checks);
    let mut at_work = false;
    if let Some(configuration) = &configuration {
        let inspection = configuration.inspect();
        at_work = receiving::look(&inspection, &mut checks);
        certificates::look(configuration, &inspection, now, &mut checks);
        provider::look(configuration, now, &mut checks);
    }
    if let Some(data) = &args.data {
        files::look(data, &mut checks);
        ledger::look(data, (now, at_work), &mut checks);
        receiving::tokens(configuration.as_ref(), data, &mut checks);
        checks.extend(claims::look(configuration.as_ref(), data, now));
    }
    checks.push(ledger::rules(configuration.as_ref()));
    unit::look(args.unit.as_deref(), &mut checks);
    checks
}

/// The configuration, if one was named and makes sense.
fn configuration(file: Option<&Path>, checks: &mut Vec<Check>) -> Option<Configuration> {
    let file = file?;
    let read = std::fs::read_to_string(file).map_err(|e| e.to_string());
    let folder = file.parent().unwrap_or(Path::new(""));
    match read.and_then(|text| Configuration::parse(&text, folder).map_err(|e| e.to_string())) {
        Ok(configuration) => {
            checks.push(Check::ok("configuration", both("it makes sense", "内容に誤りはない")));
            Some(configuration)
        }
        Err(why) => {
            let text = format!("{}: {why}", file.display());
            let hint = both("hinomi config example shows every key", "hinomi config example で全項目を表示");
            checks.push(Check::fail("configuration", both(&text, &text), hint));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_worst() {
        let ok = || Check::ok("a", both("x", "x"));
        let unknown = || Check::unknown("b", both("x", "x"));
        let warn = || Check::warn("c", both("x", "x"), both("y", "y"));
        let fail = || Check::fail("d", both("x", "x"), both("y", "y"));
        assert_eq!(worst(&[]), Exit::Clean);
        assert_eq!(worst(&[ok(), unknown()]), Exit::Clean);
        assert_eq!(worst(&[ok(), warn(), unknown()]), Exit::Found);
        assert_eq!(worst(&[fail(), warn(), ok()]), Exit::Failed);
    }
}
