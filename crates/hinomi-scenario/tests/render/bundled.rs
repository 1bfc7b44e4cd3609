//! The scenarios of this repository.

use std::path::{Path, PathBuf};

use hinomi_scenario::{Library, Request, StepKind, render};

use super::{NoRecordings, Nowhere, cited, rendered};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

fn library(name: &str) -> Library {
    Library::load(name, &|file| std::fs::read_to_string(folder().join(file)).ok())
        .unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn cases() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.ends_with(".yaml"))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

#[test]
fn every_case_renders_and_its_truth_holds() {
    for name in cases() {
        let library = library(&name);
        let request = Request { seed: 1, without_background: true, ..Request::default() };
        let (files, truth) = rendered(&library, &request);
        let attack: Vec<_> = truth.steps.iter().filter(|s| s.kind == StepKind::Attack).collect();
        assert!(attack.len() > 5, "{name}: {}", attack.len());
        for step in &truth.steps {
            assert!(step.visible || step.lost > 0, "{name} {}: neither seen nor lost", step.id);
            assert!(!step.what.is_empty() && !step.what_ja.is_empty(), "{name} {}", step.id);
            for evidence in &step.evidence {
                let line = cited(&files, evidence);
                if evidence.file.ends_with(".ndjson") {
                    serde_json::from_str::<serde_json::Value>(line)
                        .unwrap_or_else(|e| panic!("{name} {}: {e}: {line}", step.id));
                }
            }
        }
        // Every step of the case has ordinary work beside it, and every twin names a step that exists.
        let twins: Vec<&String> =
            truth.steps.iter().filter(|s| s.kind == StepKind::Twin).flat_map(|s| &s.twin_of).collect();
        for step in &attack {
            assert!(twins.contains(&&step.id), "{name}: step {} has no benign twin", step.id);
        }
        for of in twins {
            assert!(attack.iter().any(|s| s.id == *of), "{name}: a twin of {of}, which is no step");
        }
    }
}

#[test]
fn a_day_of_background_is_well_formed_and_every_host_logs() {
    for name in cases() {
        let request = Request { seed: 3, days: Some(1), ..Request::default() };
        let (files, truth) = rendered(&library(&name), &request);
        assert!(truth.hosts.len() >= 100, "{name}: {} hosts", truth.hosts.len());
        for (path, bytes) in files.iter().filter(|(p, _)| p.ends_with(".ndjson")) {
            for line in std::str::from_utf8(bytes).unwrap().lines() {
                serde_json::from_str::<serde_json::Value>(line)
                    .unwrap_or_else(|e| panic!("{name} {path}: {e}: {line}"));
            }
        }
        for host in &truth.hosts {
            let logs = truth.files.iter().filter(|f| f.path.starts_with(&format!("{}/", host.name)));
            assert!(logs.map(|f| f.events).sum::<u64>() > 0, "{name}: {} logs nothing", host.name);
        }
    }
}

/// Prints how fast rendering is; run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn speed() {
    let library = library("quiet-contractor.yaml");
    let request = Request { seed: 1, days: Some(30), ..Request::default() };
    let begun = std::time::Instant::now();
    let mut sink = Nowhere::default();
    let truth = render(&library, &request, &mut NoRecordings, &mut sink).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} lines, {} bytes, {} hosts in {seconds:.2} s: {:.0} lines/s",
        truth.events,
        sink.0,
        truth.hosts.len(),
        truth.events as f64 / seconds
    );
    assert_eq!(sink.0, truth.bytes);
}
