//! The house rules that no compiler checks: sizes of files and functions, one licence, an architecture document
//! without dead links, and content kept out of engine code. The allow-lists may only shrink.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Lines a source file may have before its tests.
const FILE_CAP: usize = 800;
/// Lines a function may have, flat tables exempt.
const FUNCTION_CAP: usize = 70;
/// Functions above the cap, by `file: function`. Only ever remove from this list.
const LONG_FUNCTIONS: [&str; 0] = [];
/// Module names that say nothing.
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "common", "manager", "helpers"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn files_below(folder: &Path, ending: &str, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != ".git" {
            files_below(&path, ending, out);
        } else if path.to_string_lossy().ends_with(ending) {
            out.push(path);
        }
    }
}

fn rust_sources() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    files_below(&root().join("crates"), ".rs", &mut paths);
    paths.sort();
    let shown = |p: &PathBuf| p.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    paths.iter().map(|p| (shown(p), fs::read_to_string(p).unwrap())).collect()
}

fn before_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|l| *l != "#[cfg(test)]")
}

/// Functions with their length, found by the indentation that rustfmt guarantees.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let words = ["pub ", "pub(crate) ", "pub(super) ", "const ", "async "];
        let bare = words.iter().fold(code, |c, w| c.strip_prefix(w).unwrap_or(c));
        let Some(name) = bare.strip_prefix("fn ") else { continue };
        let name = name.split(['(', '<']).next().unwrap_or(name);
        // A declaration in a trait ends where others begin their body.
        let ends = |l: &&&str| l.ends_with('{') || l.ends_with(';') || l.ends_with('}');
        if lines[at..].iter().find(ends).is_some_and(|l| l.ends_with(';')) {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        let length = lines[at..].iter().position(|l| *l == close).map_or(1, |n| n + 1);
        found.push((name.to_owned(), length));
    }
    found
}

#[test]
fn files_and_functions_stay_small() {
    let mut faults = Vec::new();
    let mut excused = Vec::new();
    for (path, text) in rust_sources() {
        let length = before_tests(&text).count();
        if length > FILE_CAP {
            faults.push(format!("{path}: {length} lines, the cap is {FILE_CAP}"));
        }
        for (name, length) in functions(&text) {
            let key = format!("{path}: {name}");
            match LONG_FUNCTIONS.iter().find(|k| **k == key) {
                Some(key) if length > FUNCTION_CAP => excused.push(*key),
                _ if length > FUNCTION_CAP => {
                    faults.push(format!("{key}: {length} lines, the cap is {FUNCTION_CAP}"));
                }
                _ => {}
            }
        }
    }
    let stale: Vec<_> = LONG_FUNCTIONS.iter().filter(|k| !excused.contains(*k)).collect();
    assert!(stale.is_empty(), "no longer too long, remove from the allow-list: {stale:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_says_what_it_is_and_no_name_says_nothing() {
    let mut faults = Vec::new();
    for (path, text) in rust_sources() {
        if !text.starts_with("//!") {
            faults.push(format!("{path}: no module header"));
        }
        let stem = Path::new(&path).file_stem().unwrap().to_string_lossy().into_owned();
        if EMPTY_NAMES.contains(&stem.as_str()) {
            faults.push(format!("{path}: the name says nothing"));
        }
        if path.ends_with("/lib.rs") && text.lines().any(|l| l.starts_with("fn ") || l.starts_with("pub fn "))
        {
            faults.push(format!("{path}: lib.rs is a table of contents"));
        }
        if text.lines().any(|l| l.contains(concat!("// TO", "DO")) || l.contains(concat!("to", "do!("))) {
            faults.push(format!("{path}: a TODO belongs in the Known gaps of ARCHITECTURE.md"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_architecture_document_is_alive() {
    let root = root();
    for name in ["ARCHITECTURE.md", "README.md", "CHANGELOG.md"] {
        let text = fs::read_to_string(root.join(name)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(root.join(target).exists(), "{name} links to {target}, which does not exist");
            }
        }
    }
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    for entry in fs::read_dir(root.join("crates")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(text.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name the crate {name}");
    }
    assert!(text.contains("## Known gaps"), "ARCHITECTURE.md states what is weak");
}

/// Names of products and tools belong in `rules/` and `mappings/`; the formats themselves are named by
/// their standards. Tests may name what they test with.
#[test]
fn engine_code_names_no_tool() {
    let names = [
        "mimikatz",
        "rclone",
        "anydesk",
        "screenconnect",
        "cobalt",
        "psexec",
        "winscp",
        "fortigate",
        "fortinet",
        "ivanti",
        "globalprotect",
        "veeam",
        "okta",
        "sharphound",
        "bloodhound",
        "impacket",
        "mega.nz",
        "7zip",
    ];
    let mut faults = Vec::new();
    for (path, text) in rust_sources() {
        if path.contains("/tests/") || path.contains("hinomi-testkit") || path.contains("/benches/") {
            continue;
        }
        // A line that embeds a data file names the file.
        for line in before_tests(&text).filter(|l| !l.contains("include_str!")) {
            let lower = line.to_lowercase();
            faults
                .extend(names.iter().filter(|n| lower.contains(*n)).map(|n| format!("{path}: {n}: {line}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The fuzz targets are a workspace of their own, which nobody builds by the way: a dependency that is new here would leave its
/// lock file behind.
#[test]
fn the_lock_file_of_the_fuzz_targets_knows_our_dependencies() {
    let locked = fs::read_to_string(root().join("fuzz/Cargo.lock")).unwrap();
    let mut seen = 0;
    for package in locked.split("[[package]]").filter(|p| p.contains("name = \"hinomi-")) {
        let quoted = |text: &str| text.split('"').nth(1).unwrap().split(' ').next().unwrap().to_owned();
        let name = quoted(package);
        let manifest = root().join("crates").join(&name).join("Cargo.toml");
        let Ok(manifest) = fs::read_to_string(manifest) else { continue };
        let (_, wanted) = manifest.split_once("[dependencies]\n").unwrap();
        let wanted = wanted.lines().take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty());
        let mut wanted: Vec<&str> = wanted.filter_map(|line| line.split(['.', ' ', '=']).next()).collect();
        wanted.sort_unstable();
        let known = package.split_once("dependencies = [").map_or("", |(_, rest)| rest);
        let known: Vec<String> = known.lines().filter(|line| line.starts_with(" \"")).map(quoted).collect();
        assert_eq!(wanted, known, "{name}: run `cargo metadata` in fuzz/");
        seen += 1;
    }
    assert!(seen >= 5, "the fuzz targets use {seen} of our crates");
}

#[test]
fn one_licence() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(text.contains("license = \"Apache-2.0\""));
    assert!(fs::read_to_string(root().join("LICENSE")).unwrap().contains("Apache License"));
}
