//! Running the program and reading what it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The program in a fixed environment.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hinomi"));
    command.args(args).current_dir(root()).env_clear().env("LC_ALL", "C.UTF-8");
    command
}

/// What the program said.
pub(crate) fn hinomi(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The report on the attack case, made once.
pub(crate) fn case_report() -> &'static Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    REPORT.get_or_init(|| report(&["examples/case", "--tz", "Asia/Tokyo"]))
}

pub(crate) fn report(args: &[&str]) -> Value {
    let output = hinomi(&[&["investigate", "--json", "-q"], args].concat());
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether a report has the published shape.
pub(crate) fn follows_schema(report: &Value) -> Result<(), String> {
    let schema = std::fs::read_to_string(root().join("docs/report.schema.json")).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("report.json", serde_json::from_str(&schema).unwrap()).unwrap();
    let index = compiler.compile("report.json", &mut schemas).unwrap();
    schemas.validate(report, index).map_err(|e| e.to_string())
}

/// The folder of corpora, or `None` after saying that the test is skipped.
pub(crate) fn corpora() -> Option<PathBuf> {
    let beside = || root().join("../shared/corpora");
    let folder = std::env::var_os("HINOMI_CORPORA").map_or_else(beside, PathBuf::from);
    if !folder.is_dir() {
        println!("SKIPPED: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// A packed corpus unpacked into the build's scratch folder.
pub(crate) fn unpacked(name: &str) -> Option<PathBuf> {
    let packed = corpora()?.join(format!("{name}.tar.zst"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let complete = target.join("complete");
    if !complete.is_dir() {
        std::fs::create_dir_all(&target).unwrap();
        let done =
            Command::new("tar").args(["-I", "zstd", "-xf"]).arg(&packed).arg("-C").arg(&target).status();
        if !done.is_ok_and(|s| s.success()) {
            println!("SKIPPED: tar or zstd could not unpack {}", packed.display());
            return None;
        }
        std::fs::create_dir(complete).unwrap();
    }
    Some(target)
}

pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v Vec<Value> {
    value[key].as_array().unwrap()
}

pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}
