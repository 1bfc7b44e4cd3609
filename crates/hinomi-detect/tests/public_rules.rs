//! Every file of the public rule repository loads, except a known few. Skipped when the corpus is not there.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use hinomi_detect::sigma::{
    Document, Placeholders, Problem, RuleError, parse_documents, parse_documents_with,
};

/// Files of the corpus (`sigma_rules.tar.zst`).
const FILES: usize = 3777;

/// The unpacked corpus.
fn corpus() -> Option<&'static PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(unpack).as_ref()
}

fn unpack() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let corpora = std::env::var_os("HINOMI_CORPORA").map_or_else(beside, PathBuf::from);
    let unpacked = corpora.join("sigma_rules");
    if unpacked.is_dir() {
        return Some(unpacked);
    }
    let packed = corpora.join("sigma_rules.tar.zst");
    if !packed.is_file() {
        println!("SKIPPED: {} is not there", packed.display());
        return None;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sigma_rules");
    let complete = target.join("complete");
    if complete.is_dir() {
        return Some(target);
    }
    std::fs::create_dir_all(&target).unwrap();
    let mut tar = Command::new("tar");
    let done = tar.arg("-I").arg("zstd").arg("-xf").arg(&packed).arg("-C").arg(&target).status();
    if !done.is_ok_and(|status| status.success()) {
        println!("SKIPPED: tar or zstd could not unpack {}", packed.display());
        return None;
    }
    std::fs::create_dir(complete).unwrap();
    Some(target)
}

fn rule_files(folder: &Path, out: &mut Vec<(String, String)>, root: &Path) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rule_files(&path, out, root);
        } else if path.extension().is_some_and(|e| e == "yml") {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            out.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn load(placeholders: &Placeholders) -> Option<(Vec<Document>, Vec<RuleError>)> {
    let root = corpus()?;
    let mut files = Vec::new();
    rule_files(root, &mut files, root);
    assert_eq!(files.len(), FILES);
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (name, text) in &files {
        for document in parse_documents_with(text, name, placeholders) {
            match document {
                Ok(document) => good.push(document),
                Err(error) => bad.push(error),
            }
        }
    }
    Some((good, bad))
}

/// Placeholders that the corpus uses and nobody defines, with the number of rules that name them first.
const UNDEFINED: [(&str, usize); 20] = [
    ("Administrators", 2),
    ("Admins_Workstations", 2),
    ("ApprovedUserUpn", 1),
    ("Approved_Inviters", 1),
    ("DC-MACHINE-NAME", 1),
    ("HomeTenantID", 1),
    ("Important_AppIds", 1),
    ("KNOWN_LOCATION", 1),
    ("Known_Location", 1),
    ("Legitimate_Countries", 1),
    ("ServerSystems", 1),
    ("UnLegitCountries", 1),
    ("Workstations", 1),
    ("dc_machine_accounts", 3),
    ("domain_controller_hostnames", 1),
    ("internal_domains", 1),
    ("known_cdcs", 2),
    ("legit_ips", 1),
    ("legtimate_identifiers", 1),
    ("userdomain", 1),
];

/// Placeholders that stand only behind one of [`UNDEFINED`] in the same rule.
const HIDDEN: [&str; 5] =
    ["DomainControllers", "Legitimate_IP_Ranges", "UnApprovedDevice", "UnApprovedIp", "dc_ip_addresses"];

#[test]
fn every_public_rule_loads_but_those_whose_placeholders_nobody_defined() {
    let Some((good, bad)) = load(&Placeholders::default()) else { return };
    let mut found = BTreeMap::new();
    for error in bad {
        let Problem::Placeholder { name } = &error.problem else { panic!("{error}") };
        *found.entry(name.clone()).or_insert(0) += 1;
    }
    let found: Vec<(&str, usize)> = found.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(found, UNDEFINED);
    assert_eq!(good.len(), FILES - 25);
}

#[test]
fn with_placeholders_defined_every_public_rule_loads() {
    let mut placeholders = Placeholders::default();
    for name in UNDEFINED.iter().map(|(name, _)| *name).chain(HIDDEN) {
        placeholders.insert(name, ["10.0.0.1".to_owned()]);
    }
    let Some((good, bad)) = load(&placeholders) else { return };
    assert_eq!(bad, []);
    assert_eq!(good.len(), FILES);
}

/// Prints the time a rule takes; run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn time_per_rule() {
    let Some(root) = corpus() else { return };
    let start = std::time::Instant::now();
    let mut files = Vec::new();
    rule_files(root, &mut files, root);
    let read = start.elapsed();
    for _ in 0..5 {
        let start = std::time::Instant::now();
        let documents: usize = files.iter().map(|(name, text)| parse_documents(text, name).len()).sum();
        let parse = start.elapsed();
        println!("read {read:?}, parse {parse:?} = {:?} a document", parse / documents as u32);
    }
}
