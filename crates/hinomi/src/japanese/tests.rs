//! Catalogues against what the program says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory as _};

use super::catalogue::usage;
use super::catalogue::{Pairs, filled, found, help, joined, places, usages};
use super::*;
use crate::render::style::width;

/// What the command line says in English, but for what it hides.
fn said(command: &Command, texts: &mut BTreeSet<String>) {
    let mut text = |text: Option<String>| texts.extend(text);
    text(command.get_about().map(ToString::to_string));
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        text(arg.get_help().map(ToString::to_string));
        text(arg.get_long_help().map(ToString::to_string));
        let values = if arg.get_action().takes_values() { arg.get_possible_values() } else { Vec::new() };
        values.iter().for_each(|value| text(value.get_help().map(ToString::to_string)));
    }
    for paragraph in command.get_after_help().map(ToString::to_string).unwrap_or_default().split("\n\n") {
        if paragraph.starts_with("Example") {
            text(paragraph.lines().next().map(str::to_owned));
            let notes = paragraph.lines().filter_map(|line| Some(line.split_once("  # ")?.1));
            notes.for_each(|note| text(Some(note.trim().to_owned())));
        } else if !paragraph.is_empty() {
            text(Some(joined(paragraph)));
        }
    }
    command.get_subcommands().filter(|one| !one.is_hide_set()).for_each(|one| said(one, texts));
}

fn built() -> Command {
    let mut all = Cli::command();
    all.build();
    all
}

#[test]
fn every_text_of_the_command_line_has_a_japanese_one_and_none_is_left_over() {
    let mut texts = BTreeSet::new();
    said(&built(), &mut texts);
    // A name of its own language, and what is Japanese already.
    texts.retain(|text| text.is_ascii() || text.contains('…'));
    let known: BTreeSet<String> = help().into_iter().map(|(english, _)| english.to_owned()).collect();
    let missing: Vec<_> = texts.difference(&known).collect();
    assert!(missing.is_empty(), "without Japanese: {missing:#?}");
    if cfg!(feature = "query") {
        let left: Vec<_> = known.difference(&texts).collect();
        assert!(left.is_empty(), "nothing says: {left:#?}");
    }
}

/// Options, commands in quotes and files are the same in both languages.
#[test]
fn japanese_texts_name_what_english_ones_name() {
    let is_name =
        |word: &&str| word.starts_with("--") || word.starts_with("docs/") || word.starts_with("DIR/");
    for (english, ja) in [help(), found(), usages()].concat() {
        assert!(!english.chars().any(is_japanese), "{english}: the pairs are out of step");
        let words =
            english.split([' ', ',', ';', ':', '\'', '(', ')']).map(|word| word.trim_end_matches('.'));
        for word in words.filter(is_name) {
            assert!(ja.contains(word), "{word} is missing in {ja}");
        }
        for quoted in english.split('`').skip(1).step_by(2).filter(|quoted| *quoted != "{}") {
            assert!(ja.contains(quoted), "{quoted} is missing in {ja}");
        }
    }
}

fn is_japanese(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}')
}

#[test]
fn no_pattern_is_hidden_by_another_and_each_keeps_its_places() {
    for patterns in [found(), usages()] {
        for (pattern, ja) in &patterns {
            let count = pattern.matches("{}").count();
            assert_eq!(places(ja).len(), count, "{pattern}");
            let numbers: Vec<String> = (0..count).map(|at| format!("17{at}")).collect();
            let mut next = numbers.iter();
            let english: String = pattern
                .split("{}")
                .flat_map(|piece| [piece.to_owned(), next.next().cloned().unwrap_or_default()])
                .collect();
            assert_eq!(
                sentence(&patterns, &english),
                filled(ja, &numbers),
                "another pattern fits {pattern:?}"
            );
        }
    }
}

#[test]
fn sentences_are_told_with_what_differs_in_them() {
    let missing = "/x/a.evtx: No such file or directory (os error 2)";
    assert_eq!(failure(missing), "/x/a.evtx: そのファイルやフォルダーはありません(os error 2)");
    assert_eq!(
        failure("cannot open /x/evidence: Permission denied (os error 13)"),
        "/x/evidence を開けません: 権限がありません(os error 13)"
    );
    assert_eq!(
        failure("/x/a.toml: line 2: unknown field `port`, expected one of `at`, `tls`"),
        "/x/a.toml: 2 行目: `port` という項目はありません(使えるのは `at`, `tls`)"
    );
    assert_eq!(failure("standard output: a wire is cut"), "標準出力: a wire is cut");
    assert_eq!(failure("something nobody wrote down: really"), "something nobody wrote down: really");
    let patterns: Pairs = vec![("a {} b {}", "{1} と {0}"), ("c", "シー")];
    assert_eq!(sentence(&patterns, "a c b 7"), "7 と c", "a place stays as it is");
    assert_eq!(sentence(&patterns, "a c"), "a c");
    assert_eq!(sentence(&patterns, ""), "");
}

/// Names of files and values are nobody's sentences, whatever they are.
#[test]
fn what_is_quoted_is_not_told() {
    for name in ["list", "read", "it is empty", "a map", "x is missing", "a: it is empty", "1 to 2"] {
        let said = format!("{name}: No such file or directory (os error 2)");
        assert_eq!(failure(&said), format!("{name}: そのファイルやフォルダーはありません(os error 2)"));
        assert_eq!(results(&format!("{name}: nothing is wrong")), format!("{name}: 問題はありません\n"));
    }
    assert_eq!(failure("f.yml: \"title\" is missing"), "f.yml: \"title\" がありません");
    let refused = "v: refused: there are files of a ledger whose format file is missing";
    assert_eq!(
        failure(refused),
        "v: 実行できません: 台帳のファイルがありますが、format ファイルがありません"
    );
    let yaml = "s.yaml: not YAML: missing field `name` at line 2 column 3";
    assert!(failure(yaml).ends_with("(2 行 3 列)"), "{}", failure(yaml));
}

/// Evidence is quoted in messages: its author decides neither how long telling takes nor how deep it goes.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test measures itself")]
fn hostile_messages_are_told_in_time() {
    let begun = std::time::Instant::now();
    for hostile in [
        "a: ".repeat(100_000),
        "a: ".repeat(1_000),
        ": ".repeat(1_300),
        "refused: ".repeat(400),
        "cannot read ".repeat(300),
        " (os error 2)".repeat(300),
        " at line 1 column 2".repeat(200),
    ] {
        assert!(!results(&hostile).is_empty() && !usage(&hostile).is_empty());
    }
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn pages_hold_every_option_within_their_width() {
    fn walk(command: &Command) {
        for is_long in [false, true] {
            let page = page::page(command, is_long, (100, false));
            for arg in command.get_arguments().filter(|arg: &&Arg| !arg.is_hide_set()) {
                assert!(page.contains(&arg.to_string()), "{}: {arg}", command.get_name());
            }
            let wide = page.lines().find(|line| width(line) > 100 && !line.starts_with("  hinomi"));
            // Examples are one line each, to be copied; so is a synopsis.
            let is_said = |line: &str| line.contains("hinomi ") || line.contains("使い方");
            assert!(wide.is_none_or(is_said), "{wide:?}");
            assert!(page.lines().all(|line| !line.trim_start().starts_with(['、', '。', ')'])), "{page}");
        }
        command.get_subcommands().for_each(walk);
    }
    walk(&in_japanese(built()));
}

#[test]
fn help_is_that_of_the_command_asked_for() {
    let all = in_japanese(built());
    let of = |arguments: &[&str]| {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let (command, is_long) = asked(&all, &arguments);
        (command.get_name().to_owned(), is_long)
    };
    assert_eq!(of(&["hinomi"]), ("hinomi".to_owned(), false));
    assert_eq!(of(&["hinomi", "ledger", "append", "-h"]), ("append".to_owned(), false));
    assert_eq!(of(&["hinomi", "ledger", "append", "rules", "--help"]), ("append".to_owned(), true));
    assert_eq!(of(&["hinomi", "help", "ledger", "hold"]), ("hold".to_owned(), true));
    assert_eq!(of(&["hinomi", "ledger", "help", "append"]), ("append".to_owned(), true));
    assert_eq!(of(&["hinomi", "investigate", "help", "-h"]), ("investigate".to_owned(), false));
}

/// Texts that the program's own failures and hints are written with.
#[test]
fn failures_and_hints_of_commands_are_told_in_japanese() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut untold = Vec::new();
    let mut count = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (at, opening) in [".hint(", "Failure::new("].iter().flat_map(|o| text.match_indices(o)) {
            let rest = &text[at + opening.len()..];
            let rest = if opening == ".hint(" { rest } else { rest.split_once(',').unwrap().1 };
            let rest = rest.trim_start();
            let Some(literal) = rest.strip_prefix("format!(").unwrap_or(rest).trim_start().strip_prefix('"')
            else {
                continue;
            };
            let literal = literal_of(literal);
            // What is only names, or has its own Japanese beside it.
            let has_own = rest.split(';').next().unwrap().contains(".japanese(");
            let is_said = |word: &str| !word.starts_with("--") && word.contains(char::is_alphabetic);
            if has_own || !literal.split(' ').any(is_said) {
                continue;
            }
            count += 1;
            if !failure(&literal.replace("{}", "17")).chars().any(is_japanese) {
                untold.push(format!("{}: {literal}", file.display()));
            }
        }
    }
    assert!(count > 100, "{count}");
    assert!(untold.is_empty(), "{untold:#?}");
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, files);
        } else if entry.extension().is_some_and(|ending| ending == "rs") && !entry.ends_with("tests.rs") {
            files.push(entry);
        }
    }
}

/// A literal behind its quotation mark, with `{}` for whatever stands in it.
fn literal_of(rest: &str) -> String {
    let mut literal = String::new();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' if chars.peek() == Some(&'\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
            '\\' => literal.extend(chars.next()),
            '{' => {
                chars.by_ref().find(|c| *c == '}');
                literal.push_str("{}");
            }
            c => literal.push(c),
        }
    }
    literal
}
