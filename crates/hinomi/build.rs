//! Lists the bundled rules, claims and scenarios so that the program works without any download.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let content = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../..");
    table(
        &content.join("rules"),
        "yml",
        "BUNDLED",
        "Bundled rule files: path below `rules/` and text.",
        "bundled_rules.rs",
    );
    table(
        &content.join("scenarios"),
        "yaml",
        "BUNDLED_SCENARIOS",
        "Bundled scenario files: path below `scenarios/` and text.",
        "bundled_scenarios.rs",
    );
    table(
        &content.join("observations"),
        "yml",
        "BUNDLED_OBSERVATIONS",
        "Bundled observation rules: path below `observations/` and text.",
        "bundled_observations.rs",
    );
    table(
        &content.join("claims/evidence"),
        "yaml",
        "BUNDLED_CLAIMS",
        "Bundled claims: path below `claims/evidence/` and text.",
        "bundled_claims.rs",
    );
    table(
        &content.join("claims/cloud"),
        "yaml",
        "BUNDLED_PACK",
        "Bundled claims about configuration: path below `claims/cloud/` and text.",
        "bundled_pack.rs",
    );
    table(
        &content.join("claims/frameworks"),
        "yaml",
        "BUNDLED_FRAMEWORKS",
        "Bundled frameworks: path below `claims/frameworks/` and text.",
        "bundled_frameworks.rs",
    );
}

/// Writes a table of all files of a folder with their texts.
fn table(root: &Path, ending: &str, name: &str, about: &str, file_name: &str) {
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(root, ending, &mut files);
    files.sort();
    let mut table = format!("/// {about}\npub static {name}: &[(&str, &str)] = &[\n");
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
        let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
        let _ = writeln!(table, "    ({shown:?}, include_str!({:?})),", file.display().to_string());
    }
    table.push_str("];\n");
    let out = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join(file_name);
    #[expect(clippy::disallowed_methods, reason = "a build script writes into its output folder")]
    let written = fs::write(out, table);
    assert!(written.is_ok(), "the table of {name} cannot be written: {written:?}");
}

fn collect(folder: &Path, ending: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, ending, files);
        } else if path.extension().is_some_and(|e| e == ending) {
            files.push(path);
        }
    }
}
