//! The document of threats names tests that exist.

use std::path::Path;

#[test]
fn each_test_that_the_threats_name_exists() {
    let text = include_str!("../../../../docs/threats.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let sources = [
        "crates/hinomi-access",
        "crates/hinomi-server/tests",
        "crates/hinomi-server/src/pages",
        "crates/hinomi/src/access",
    ];
    let mut code = String::new();
    for folder in sources {
        below(&root.join(folder), &mut code);
    }
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 30, "{} threats", rows.len());
    for row in rows {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in last.split(", ").filter(|name| *name != "–") {
            let name = name.trim().trim_matches('`');
            assert!(code.contains(&format!("fn {name}(")), "there is no test {name}");
        }
    }
}

fn below(folder: &Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            below(&path, code);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            code.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}
