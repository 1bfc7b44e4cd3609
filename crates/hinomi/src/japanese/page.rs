//! A page of help.

use std::fmt::Write as _;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};

use super::catalogue::synopsis;
use super::wrapped::wrapped;
use crate::render::style::{Paint, width};

/// Columns that the names of options take at most; the text of longer ones begins on a line of its own.
const NAMES: usize = 34;

/// The help of a command whose texts are in Japanese; in full with what each value means.
pub(super) fn page(command: &Command, is_long: bool, (columns, is_painted): (usize, bool)) -> String {
    let paint = Paint { on: is_painted };
    let mut page = String::new();
    if let Some(about) = command.get_about() {
        for line in wrapped(&about.to_string(), columns) {
            let _ = writeln!(page, "{line}");
        }
    }
    let usage = command.clone().render_usage().to_string();
    let usage = synopsis(usage.trim_start_matches("Usage: "));
    let _ = writeln!(page, "\n{} {usage}", paint.bold("使い方:"));
    let commands = command.get_subcommands().filter(|one| !one.is_hide_set());
    let commands = commands.map(|one| Entry {
        name: one.get_name().to_owned(),
        lines: vec![one.get_about().map(ToString::to_string).unwrap_or_default()],
    });
    section(&mut page, (columns, paint), "コマンド:", &commands.collect::<Vec<_>>());
    let shown = |arg: &&Arg| !arg.is_hide_set();
    let (arguments, options): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().filter(shown).partition(|arg| arg.is_positional());
    let entries = |all: Vec<&Arg>| all.into_iter().map(|arg| entry(arg, is_long)).collect::<Vec<_>>();
    section(&mut page, (columns, paint), "引数:", &entries(arguments));
    section(&mut page, (columns, paint), "オプション:", &entries(options));
    if let Some(after) = command.get_after_help() {
        let _ = writeln!(page);
        for line in after.to_string().lines() {
            // Commands stay on one line, to be copied.
            let lines = if line.starts_with(' ') { vec![line.to_owned()] } else { wrapped(line, columns) };
            lines.iter().for_each(|line| {
                let _ = writeln!(page, "{line}");
            });
        }
    }
    page
}

/// A name, and what is said of it.
struct Entry {
    name: String,
    lines: Vec<String>,
}

fn entry(arg: &Arg, is_long: bool) -> Entry {
    let short = arg.get_short().map(|short| format!("-{short}, "));
    let short = short.unwrap_or_else(|| if arg.is_positional() { "" } else { "    " }.to_owned());
    let mut first = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let mut lines = Vec::new();
    if arg.get_action().takes_values() {
        let values: Vec<_> =
            arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set()).collect();
        let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        if !defaults.is_empty() {
            let _ = write!(first, " [既定値: {}]", defaults.join(", "));
        }
        let is_said = values.iter().any(|value| value.get_help().is_some());
        if is_long && is_said {
            lines.extend(values.iter().map(|value| {
                let said = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
                format!("- {}{said}", value.get_name())
            }));
        } else if !values.is_empty() {
            let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
            let _ = write!(first, " [値: {}]", names.join(", "));
        }
    }
    lines.insert(0, first);
    Entry { name: format!("{short}{}", name(arg)), lines }
}

/// As the parser writes it; counting dots behind flags say nothing here.
fn name(arg: &Arg) -> String {
    let name = arg.to_string();
    if matches!(arg.get_action(), ArgAction::Count) { name.trim_end_matches("...").to_owned() } else { name }
}

fn section(page: &mut String, (columns, paint): (usize, Paint), heading: &str, entries: &[Entry]) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n{}", paint.bold(heading));
    let names =
        entries.iter().map(|one| width(&one.name)).filter(|columns| *columns <= NAMES).max().unwrap_or(NAMES);
    let indent = names + 4;
    for Entry { name, lines } in entries {
        let lines: Vec<String> =
            lines.iter().flat_map(|line| wrapped(line, columns.saturating_sub(indent).max(20))).collect();
        let mut lines = lines.iter();
        let gap = " ".repeat(names.saturating_sub(width(name)) + 2);
        if width(name) > names {
            let _ = writeln!(page, "  {name}");
        } else {
            let _ = writeln!(page, "  {name}{gap}{}", lines.next().map_or("", String::as_str));
        }
        for line in lines {
            let _ = writeln!(page, "{}{line}", " ".repeat(indent));
        }
    }
}
