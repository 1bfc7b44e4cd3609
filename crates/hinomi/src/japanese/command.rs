//! A command with its texts in Japanese, and its manual page.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Command};

use super::catalogue::Help;

/// The same command in Japanese, for showing it: its values are not parsed as the program wants them.
pub(crate) fn in_japanese(command: Command) -> Command {
    translated(command, &Help::bundled())
}

fn translated(mut command: Command, help: &Help) -> Command {
    if let Some(about) = command.get_about().map(ToString::to_string) {
        command = command.about(help.text(&about).to_owned());
    }
    if let Some(after) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(help.paragraphs(&after));
    }
    command.mut_args(|arg| argument(arg, help)).mut_subcommands(|one| translated(one, help))
}

fn argument(mut arg: Arg, help: &Help) -> Arg {
    if let Some(text) = arg.get_help().map(ToString::to_string) {
        arg = arg.help(help.text(&text).to_owned());
    }
    if let Some(text) = arg.get_long_help().map(ToString::to_string) {
        arg = arg.long_help(help.text(&text).to_owned());
    }
    if !arg.get_action().takes_values() {
        return arg;
    }
    let values = arg.get_possible_values();
    if values.is_empty() {
        return arg;
    }
    let said = |value: PossibleValue| match value.get_help().map(ToString::to_string) {
        Some(text) => value.help(help.text(&text).to_owned()),
        None => value,
    };
    arg.value_parser(PossibleValuesParser::new(values.into_iter().map(said)))
}

/// What the writer of manual pages writes by itself.
const MANUAL: [(&str, &str); 8] = [
    (".SH NAME", ".SH 名前"),
    (".SH SYNOPSIS", ".SH 書式"),
    (".SH DESCRIPTION", ".SH 説明"),
    (".SH OPTIONS", ".SH オプション"),
    (".SH SUBCOMMANDS", ".SH コマンド"),
    (".SH EXTRA", ".SH 補足"),
    (".SH VERSION", ".SH バージョン"),
    ("\\fIPossible values:\\fR", "\\fI値:\\fR"),
];

/// A manual page in roff of a command in Japanese, with its headings in Japanese, too.
pub(crate) fn manual(page: &str) -> String {
    let line = |line: &str| {
        let line = MANUAL.iter().find(|(english, _)| *english == line).map_or(line, |(_, ja)| *ja);
        line.replace("<\\fIsubcommands\\fR>", "<\\fIコマンド\\fR>").replace(" [default: ", " [既定値: ")
            + "\n"
    };
    page.lines().map(line).collect()
}
