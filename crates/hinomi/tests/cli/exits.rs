//! Exit codes and errors that say what to do.

use std::fs;

use crate::support::{hinomi, stdout};

fn scratch(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn code(args: &[&str]) -> i32 {
    hinomi(args).status.code().unwrap()
}

#[test]
fn nothing_found_is_zero_and_something_found_is_one() {
    assert_eq!(code(&["investigate", "-q", "examples/benign"]), 0);
    assert_eq!(code(&["investigate", "-q", "examples/case"]), 1);
    assert_eq!(code(&["investigate", "-q", "examples/case", "--fail-on", "critical"]), 0);
}

#[test]
fn usage_is_two() {
    assert_eq!(code(&["investigate"]), 2);
    assert_eq!(code(&["investigate", "examples/case", "--since", "yesterday"]), 2);
    assert_eq!(code(&["investigate", "examples/case", "--tz", "Nowhere/City"]), 2);
    assert_eq!(code(&["investigate", "examples/case", "--min-level", "loud"]), 2);
    assert_eq!(code(&["frobnicate"]), 2);
    assert_eq!(code(&["--help"]), 0);
}

#[test]
fn what_cannot_be_read_is_three_with_a_hint() {
    let output = hinomi(&["investigate", "no/such/folder"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no/such/folder") && said.contains("hint:"), "{said}");
    assert_eq!(code(&["investigate", "examples/case", "-r", "no/such/rules"]), 3);
}

#[test]
fn nothing_read_is_never_green() {
    let empty = scratch("exits-empty");
    assert_eq!(code(&["investigate", "-q", empty.to_str().unwrap()]), 3);
    let rules = scratch("exits-no-rule");
    fs::write(rules.join("bad.yml"), "title: x\n").unwrap();
    let output = hinomi(&["investigate", "-q", "examples/benign", "-r", rules.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no rule can be used"));
    let output = hinomi(&["investigate", "-q", "examples/benign", "--host", "nosuchhost"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("hosts seen:"));
}

#[test]
fn a_bad_rule_is_named_and_the_others_still_run() {
    let folder = scratch("exits-rules");
    fs::write(
        folder.join("bad.yml"),
        "title: x\nlogsource: {product: linux}\ndetection: {condition: nothing}\n",
    )
    .unwrap();
    let good = "title: any sudo\nid: 6d3b1f6e-7a1c-4a52-8a9f-6c1d5a0f7e11\nlogsource: {product: linux}\n\
                detection:\n  k: ['sudo']\n  condition: k\nlevel: low\n";
    fs::write(folder.join("good.yml"), good).unwrap();
    let folder = folder.to_str().unwrap();
    let check = hinomi(&["rules", "check", folder]);
    assert_eq!(check.status.code(), Some(3));
    let said = stdout(&check);
    assert!(said.contains("bad.yml") && said.contains("1 cannot"), "{said}");
    let output = hinomi(&["investigate", "-q", "--json", "examples/case", "-r", folder]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["rejected_rules"].as_array().unwrap().len(), 1);
    assert!(!report["detections"].as_array().unwrap().is_empty());
}

#[test]
fn the_bundled_rules_do_what_their_examples_say() {
    let output = hinomi(&["rules", "test", "bundled"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn a_rule_whose_example_fails_is_four() {
    let folder = scratch("exits-examples");
    let rule = "title: x\nid: 0e4b2d9c-53c1-4f0a-9a86-0a5b6a3f2c11\nlogsource: {product: windows, service: security}\n\
                detection:\n  s: {EventID: 1}\n  condition: s\nhinomi:\n  tests:\n    positive:\n      - name: other id\n        \
                events:\n          - {Channel: Security, EventID: 2, Computer: a}\n";
    fs::write(folder.join("rule.yml"), rule).unwrap();
    let output = hinomi(&["rules", "test", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(4));
    assert!(stdout(&output).contains("other id: did not fire"));
}

#[test]
fn completions_manual_and_schema_are_there() {
    assert!(stdout(&hinomi(&["completions", "bash"])).contains("hinomi"));
    assert!(stdout(&hinomi(&["man"])).contains(".TH"));
    let page = stdout(&hinomi(&["man", "ledger", "create"]));
    assert!(page.contains(".TH") && page.contains("hinomi ledger create"), "{page}");
    assert_eq!(hinomi(&["man", "nothing"]).status.code(), Some(2));
    let pages = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("man");
    assert!(hinomi(&["man", "--out", pages.to_str().unwrap()]).status.success());
    assert!(pages.join("hinomi.1").exists() && pages.join("hinomi-ledger-create.1").exists());
    assert!(stdout(&hinomi(&["schema"])).contains("schema_version"));
}
