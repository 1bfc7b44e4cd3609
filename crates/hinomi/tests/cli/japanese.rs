//! What somebody reads who works in Japanese: help, mistakes, manual pages, results.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::{command, stdout};

fn hinomi(args: &[&str]) -> Output {
    command(args).env("LC_ALL", "ja_JP.UTF-8").output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn is_japanese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}

#[test]
fn help_follows_the_environment_and_what_is_asked_for() {
    for args in [
        &["--help"][..],
        &["investigate", "-h"],
        &["help", "ledger", "append"],
        &["ledger", "hold", "--help"],
    ] {
        let output = hinomi(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let page = stdout(&output);
        assert!(page.contains("使い方: hinomi") && page.ends_with('\n'), "{page}");
        let is_told =
            |line: &&str| is_japanese(line) || line.trim_start().starts_with("hinomi") || line.contains("| ");
        let untold: Vec<&str> = page.lines().filter(|line| line.contains("  ") && !is_told(line)).collect();
        // A name that is too long for its column has its text below it, a value its own line.
        assert!(untold.iter().all(|line| !line.trim().contains("  ")), "{untold:?}");
    }
    let english = |args: &[&str]| stdout(&hinomi(args)).contains("Usage:");
    assert!(english(&["investigate", "--lang", "en", "--help"]));
    assert!(!english(&["investigate", "--lang=ja", "--help"]));
    let asked = command(&["investigate", "--lang", "ja", "--help"]).output().unwrap();
    assert!(stdout(&asked).contains("使い方:"));
    assert!(stdout(&hinomi(&["--version"])).starts_with("hinomi "));
    // Without a command the page stands where mistakes do.
    let nothing = hinomi(&["ledger"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(stderr(&nothing).contains("使い方: hinomi ledger <コマンド>"));
}

/// Each line is Japanese, but for what it names.
#[test]
fn mistakes_are_told_with_what_to_do_about_them() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("japanese");
    fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(folder.join("empty.yml"), "title: x\n").unwrap();
    fs::write(folder.join("half.html"), "<html></html>").unwrap();
    fs::write(folder.join("half.toml"), "[pages]\nport = 1\n").unwrap();
    let (rule, page, settings) = (path("empty.yml"), path("half.html"), path("half.toml"));
    let data = path("none");
    let cases: [(&[&str], i32, &str); 28] = [
        (&["investigate"], 2, "<PATH>"),
        (&["investigat"], 2, "investigate"),
        (&["investigate", "--lagn", "ja", "x"], 2, "--lang"),
        (&["investigate", "x", "--min-level", "loud"], 2, "loud"),
        (&["investigate", "x", "--output", "pdf"], 2, "timesketch"),
        (&["investigate", "x", "--jobs", "0"], 2, "0"),
        (&["investigate", "x", "--jobs", "many"], 2, "many"),
        (&["investigate", "x", "--tz"], 2, "--tz"),
        (&["investigate", "x", "--json", "--json"], 2, "--json"),
        (&["investigate", "no/such/folder"], 3, "no/such/folder"),
        (&["investigate", "examples/case", "--tz", "Mars"], 2, "Mars"),
        (&["investigate", "examples/case", "--since", "yesterday"], 2, "yesterday"),
        (&["investigate", "examples/case", "--since", "2026-11-02", "--until", "2026-11-01"], 2, "--until"),
        (&["investigate", "examples/case", "-r", "no/such/rules"], 3, "no/such/rules"),
        (&["investigate", "examples/case", "-r", &rule], 3, "detection"),
        (&["investigate", "examples/case", "--report", "case.pdf"], 2, "case.pdf"),
        (&["investigate", "examples/case", "-q", "--host", "nobody"], 2, "nobody"),
        (&["verify", "report", &page, "examples/case"], 3, "hinomi investigate --report"),
        (&["ledger", "stats", "--data", &data], 3, "hinomi ledger create"),
        (&["ledger", "sources", "--data", &data, "--from", "monday"], 2, "monday"),
        (&["ledger", "create"], 2, "--data"),
        (&["ledger", "erase", "--data", "d", "--approval", "a", "--day", "2026-11-02"], 2, "--day"),
        (&["config", "check", &settings], 2, &settings),
        (&["alert", "show", "seven", "--data", &data], 2, "seven"),
        (&["vault", "pull", "v", "--from", "d", "--watch", "9000"], 2, "9000"),
        (&["access", "list", "--data", &data], 3, &data),
        (&["rules", "explain", "nothing", "x"], 3, "nothing"),
        (&["scenario", "render", "nothing", "--out", &data], 3, "nothing"),
    ];
    for (args, code, names) in cases {
        let output = hinomi(args);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(names), "{args:?}: {said}");
        let is_name = |line: &str| line.starts_with("  <") || line.starts_with("  --");
        for line in said.lines().filter(|line| !line.is_empty() && !is_name(line)) {
            assert!(is_japanese(line), "{args:?}: {line}");
        }
    }
}

#[test]
fn results_of_verifying_and_of_rules_are_told() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("japanese-results");
    fs::create_dir_all(&folder).unwrap();
    let report = folder.join("case.html").to_str().unwrap().to_owned();
    hinomi(&["investigate", "-q", "examples/case", "--report", &report]);
    let holds = stdout(&hinomi(&["verify", "report", &report, "examples/case"]));
    assert!(holds.starts_with("成り立ちます: ") && holds.lines().all(is_japanese), "{holds}");
    let text = fs::read_to_string(&report).unwrap();
    fs::write(&report, text.replacen("fs01", "fs02", 1)).unwrap();
    let fails = hinomi(&["verify", "report", &report, "examples/case"]);
    assert_eq!(fails.status.code(), Some(4));
    assert!(stdout(&fails).lines().all(is_japanese), "{}", stdout(&fails));
    let asked = stdout(&hinomi(&["verify", "report", &report, "examples/case", "--lang", "en"]));
    assert!(asked.contains("does not hold"), "{asked}");
    assert!(stdout(&hinomi(&["rules", "check", "bundled"])).contains("使えないものは 0 件"));
    assert!(stdout(&hinomi(&["rules", "test", "bundled", "--lang", "ja"])).contains("失敗 0 件"));
}

#[test]
fn manual_pages_and_completions_are_told() {
    let page = stdout(&hinomi(&["man", "ledger", "hold"]));
    for expected in [".SH 名前", ".SH 書式", ".SH 説明", ".SH オプション", ".SH コマンド", "保全命令"]
    {
        assert!(page.contains(expected), "{expected} is missing in {page}");
    }
    assert!(!page.contains("hold\\-help"), "{page}");
    assert!(stdout(&hinomi(&["man", "--lang", "en", "ledger", "hold"])).contains(".SH SYNOPSIS"));
    let values = stdout(&hinomi(&["man", "investigate"]));
    assert!(values.contains("[既定値: terminal]") && !values.contains("Possible"), "{values}");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("japanese-man");
    assert!(hinomi(&["man", "--out", folder.to_str().unwrap()]).status.success());
    let count = fs::read_dir(&folder).unwrap().count();
    assert!(count > 80, "{count}");
    let script = stdout(&hinomi(&["completions", "zsh"]));
    assert!(script.contains("標準エラーに進捗を表示しない"));
    assert!(!stdout(&hinomi(&["completions", "zsh", "--lang", "en"])).contains("標準エラー"));
}
