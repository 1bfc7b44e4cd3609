//! Live detection equals detection afterwards: one ledger in one pass, in random batches with restarts, killed while it is
//! written, under changing rules, and as `investigate` reads it.

mod recording;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hinomi::live::{Follower, Options, PackSources, Signals, Summary, Told, replay};
use hinomi::rulebook::RuleSource;
use serde_json::Value;

use crate::support::{hinomi, list, report, root, text};
use recording::{Dice, Recording, decided, delayed, lines_of};

pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("live").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The recorded case in a ledger of its own, each line received up to 30 s after its time.
pub(crate) fn case(name: &str, seed: u64) -> PathBuf {
    let data = scratch(name);
    let mut dice = Dice(seed);
    let lines = delayed(lines_of(&root().join("examples/case")), 30, &mut dice);
    assert!(lines.len() > 3000);
    let mut recording = Recording::create(&data);
    recording.take(&lines, 60, &mut dice);
    recording.pause(7200);
    recording.close();
    data
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

pub(crate) fn options(data: &Path) -> Options {
    Options { once: true, watch: None, ..Options::new(data.to_owned()) }
}

/// Follows to the end, or to the leaf that the options name.
pub(crate) fn follow(options: Options) -> Summary {
    let mut tell = |told: Told<'_>| assert!(!matches!(told, Told::Differs(_)), "{told:?}");
    let mut follower = Follower::open(options, &mut tell).unwrap();
    let summary = follower.run(&Signals::default(), &mut tell).unwrap();
    follower.close().unwrap();
    summary
}

fn ids(decided: &[(u64, u64, String)]) -> BTreeSet<String> {
    decided.iter().map(|(_, _, id)| id.clone()).collect()
}

fn state(data: &Path) -> PathBuf {
    data.join("derived/live/state")
}

/// In random steps, each a process of its own as far as state goes; now and then with an older state, as a crash leaves it,
/// or with none.
fn follow_in_steps(data: &Path, seed: u64, longest: u64, mut before_each: impl FnMut(&mut Dice)) -> u64 {
    let mut dice = Dice(seed);
    let older = data.join("older-state");
    let mut leaf = 0;
    let mut runs = 0;
    loop {
        runs += 1;
        before_each(&mut dice);
        leaf += 1 + dice.below(longest);
        let summary = follow(Options { until: Some(leaf), ..options(data) });
        match dice.below(6) {
            0 => drop(std::fs::copy(state(data), &older)),
            1 if older.exists() => drop(std::fs::copy(&older, state(data)).unwrap()),
            2 if dice.below(3) == 0 => std::fs::remove_file(state(data)).unwrap(),
            3 => {
                // A file that is damaged counts for nothing.
                let mut bytes = std::fs::read(state(data)).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(state(data), bytes).unwrap();
            }
            _ => {}
        }
        if summary.position < leaf {
            return runs;
        }
    }
}

#[test]
fn batches_restarts_and_lost_states_change_nothing_and_investigate_finds_the_same() {
    let data = case("whole", 1);
    let pieces = [3, 4].map(|seed| {
        let to = data.with_file_name(format!("pieces-{seed}"));
        let _ = std::fs::remove_dir_all(&to);
        copy(&data, &to);
        (to, seed)
    });
    let summary = follow(options(&data));
    assert_eq!((summary.tally.late, summary.unreadable_blocks), (0, 0), "{summary:?}");
    let whole = decided(&data);
    assert!(whole.len() > 20 && summary.detections == whole.len() as u64, "{summary:?}");
    for (to, seed) in pieces {
        let runs = follow_in_steps(&to, seed, 70, |_| {});
        assert!(runs > 4, "{runs} runs are no restarts");
        assert_eq!(decided(&to), whole, "seed {seed}: places and ids");
        let again = replay(&to).unwrap();
        assert_eq!((again.same, again.unwritten, again.differences), (whole.len() as u64, 0, vec![]));
    }
    // Nothing was late, so correlating everything at once finds the same.
    let report = report(&[data.to_str().unwrap(), "--tz", "UTC"]);
    let detections = list(&report, "detections");
    let expected: BTreeSet<String> = detections.iter().map(|d| text(d, "id").to_owned()).collect();
    assert_eq!(ids(&whole), expected);
    let correlated = detections.iter().filter(|d| d.get("first_time").is_some()).count();
    assert!(correlated >= 3, "{correlated} correlations fired: too few to show anything");
    cited_alike(&data, detections);
}

/// The logs of a scenario in a ledger, received up to 30 s after their times, in leaves of so many seconds; live and
/// `investigate` find the same, in one run and in random ones.
fn scenario_is_found_alike(scenario: &str, options_of_render: &[&str], together: i64) -> usize {
    let logs = scratch(&format!("scenario-{scenario}"));
    std::fs::remove_dir(&logs).unwrap();
    let out = ["scenario", "render", scenario, "--out", logs.to_str().unwrap(), "--without-background"];
    let rendered = hinomi(&[&out[..], options_of_render].concat());
    assert_eq!(rendered.status.code(), Some(0), "{}", String::from_utf8_lossy(&rendered.stderr));
    let mut dice = Dice(31);
    let lines = delayed(lines_of(&logs), 30, &mut dice);
    let data = scratch(&format!("ledger-{scenario}"));
    let mut recording = Recording::create(&data);
    recording.gather(together);
    recording.take(&lines, 4_000, &mut dice);
    recording.pause(86_400);
    recording.close();
    let in_steps = data.with_file_name(format!("steps-{scenario}"));
    let _ = std::fs::remove_dir_all(&in_steps);
    copy(&data, &in_steps);
    let summary = follow(options(&data));
    let whole = decided(&data);
    let report = report(&[data.to_str().unwrap(), "--tz", "UTC"]);
    let detections = list(&report, "detections");
    let expected: BTreeSet<String> = detections.iter().map(|d| text(d, "id").to_owned()).collect();
    let correlated = detections.iter().filter(|d| d.get("first_time").is_some()).count();
    println!(
        "{scenario}: {} lines, {} leaves, {} detections, {correlated} of them correlations; {} late",
        lines.len(),
        summary.position,
        whole.len(),
        summary.tally.late
    );
    assert_eq!(ids(&whole), expected);
    cited_alike(&data, detections);
    let runs = follow_in_steps(&in_steps, 6, summary.position / 4, |_| {});
    assert!(runs > 4, "{runs} runs are no restarts");
    assert_eq!(decided(&in_steps), whole, "places and ids");
    correlated
}

#[test]
fn rendered_attacks_are_found_alike_while_they_arrive_and_afterwards() {
    let correlated = scenario_is_found_alike("quiet-contractor", &[], 20);
    assert!(correlated > 20, "{correlated}");
}

#[test]
#[ignore = "minutes: part of `make soak`"]
fn other_rendered_attacks_are_found_alike_while_they_arrive_and_afterwards() {
    let correlated: usize =
        ["supplier-cloud", "web-break-in"].map(|s| scenario_is_found_alike(s, &[], 20)).iter().sum();
    assert!(correlated > 3, "{correlated}");
}

/// Every reference that a live detection cites is one that the investigation cites for it.
fn cited_alike(data: &Path, detections: &[Value]) {
    for written in recording::detections(data) {
        let same = detections.iter().find(|d| d["id"] == written["id"]).unwrap();
        let known: Vec<&str> = list(same, "evidence").iter().map(|e| text(e, "reference")).collect();
        let first = text(&written["evidence"][0], "reference");
        assert!(known.contains(&first), "{first} is not among {known:?}");
    }
}

const RULE: &str = "title: sign-in\nid: live-test\nlogsource: {product: linux}\ndetection: {k: [Accepted], condition: k}\nlevel: low\n";

#[test]
fn reloads_are_recorded_and_a_replay_knows_which_rules_held() {
    let data = case("reloads", 2);
    let rules = data.join("rules");
    std::fs::create_dir(&rules).unwrap();
    copy(&root().join("rules/linux"), &rules.join("linux"));
    copy(&root().join("rules/identity"), &rules.join("identity"));
    std::fs::write(rules.join("own.yml"), RULE).unwrap();
    let sources = PackSources { rules: vec![RuleSource::Path(rules.clone())], ..PackSources::default() };
    let mut dice = Dice(5);
    let (mut leaf, mut version) = (0, 0);
    loop {
        if dice.below(3) == 0 {
            version += 1;
            let level = if version % 2 == 0 { "low" } else { "medium" };
            let text = RULE
                .replace("live-test", &format!("live-test-{}", version % 3))
                .replace("level: low", &format!("level: {level}"));
            std::fs::write(rules.join("own.yml"), text).unwrap();
        }
        leaf += 1 + dice.below(50);
        let step = Options { until: Some(leaf), sources: sources.clone(), ..options(&data) };
        if dice.below(4) == 0 {
            let _ = std::fs::remove_file(state(&data));
        }
        if follow(step).position < leaf {
            break;
        }
    }
    assert!(version > 3);
    let written = decided(&data);
    let again = replay(&data).unwrap();
    assert_eq!((again.same, again.unwritten, again.differences), (written.len() as u64, 0, vec![]));
    let kinds: BTreeSet<String> =
        recording::detections(&data).iter().map(|d| text(d, "rule_id").to_owned()).collect();
    assert!(kinds.iter().filter(|id| id.starts_with("live-test-")).count() > 1, "{kinds:?}");
}

#[test]
fn rules_that_cannot_be_used_leave_those_in_force() {
    let data = case("refused", 3);
    let rules = data.join("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("own.yml"), RULE).unwrap();
    let sources = PackSources { rules: vec![RuleSource::Path(rules.clone())], ..PackSources::default() };
    let watching = Options { sources, watch: Some(Duration::ZERO), once: false, ..options(&data) };
    let signals = Signals::default();
    let (mut refused, mut activated, mut ends) = (0, Vec::new(), 0);
    let mut tell = |told: Told<'_>| match told {
        Told::Refused(error) => {
            refused += 1;
            assert!(error.to_string().contains("own.yml"), "{error}");
            std::fs::write(rules.join("own.yml"), RULE.replace("live-test", "mended")).unwrap();
        }
        Told::Activated { from_leaf, rules, .. } => activated.push((from_leaf, rules)),
        Told::CaughtUp(_) => {
            ends += 1;
            if ends == 1 {
                std::fs::write(rules.join("own.yml"), "title: broken\ndetection: {").unwrap();
            } else {
                signals.stop.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        }
        _ => {}
    };
    let mut follower = Follower::open(watching, &mut tell).unwrap();
    let summary = follower.run(&signals, &mut tell).unwrap();
    follower.close().unwrap();
    assert_eq!((refused, activated), (1, vec![(0, 1), (summary.position, 1)]));
}

/// The program, following.
fn start(data: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_hinomi"))
        .args(["detect", "follow", "--json", "--data"])
        .arg(data)
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_process_that_is_killed_while_records_arrive_writes_everything_once() {
    let data = scratch("killed");
    let mut dice = Dice(11);
    let lines = delayed(lines_of(&root().join("examples/case")), 30, &mut dice);
    let mut recording = Recording::create(&data);
    recording.take(&lines[..1], 1, &mut dice);
    let (to, mut kills) = (data.clone(), 0);
    let writer = std::thread::spawn(move || {
        for part in lines[1..].chunks(60) {
            recording.take(part, 20, &mut dice);
            std::thread::sleep(Duration::from_millis(40));
        }
        recording.pause(7200);
        recording.close();
    });
    let mut dice = Dice(12);
    while !writer.is_finished() || kills < 10 {
        let mut child = start(&to);
        std::thread::sleep(Duration::from_millis(150 + dice.below(500)));
        // SIGKILL: nothing is saved and nothing said.
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    writer.join().unwrap();
    let output = hinomi(&["detect", "follow", "--once", "--data", to.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let written = decided(&to);
    let places: BTreeSet<(u64, u64)> = written.iter().map(|(leaf, index, _)| (*leaf, *index)).collect();
    assert_eq!((places.len(), ids(&written).len()), (written.len(), written.len()), "written twice");
    let output = hinomi(&["detect", "replay", "--data", to.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    // One process that never died, over the same leaves.
    for derived in ["decisions", "derived", "keys/decisions"] {
        std::fs::remove_dir_all(to.join(derived)).unwrap();
    }
    follow(options(&to));
    assert_eq!(decided(&to), written, "after {kills} kills");
}

/// Everything was received a day after it happened: behind a first record that set the watermark, or from the first leaf on, as
/// where old logs are the first that a ledger gets.
#[test]
fn what_comes_late_is_marked_and_still_meets_rules() {
    for opened in [true, false] {
        let data = scratch(if opened { "late" } else { "late-from-the-first" });
        let mut dice = Dice(21);
        let lines = delayed(lines_of(&root().join("examples/case")), 30, &mut dice);
        let mut recording = Recording::create(&data);
        let first = usize::from(opened);
        recording.take(&lines[..first], 1, &mut dice);
        recording.later(86_400);
        recording.take(&lines[first..], 400, &mut dice);
        recording.pause(7200);
        recording.close();
        let summary = follow(options(&data));
        assert!(summary.tally.late > 50, "{summary:?}");
        let found = recording::detections(&data);
        let (late, on_time): (Vec<&Value>, Vec<&Value>) = found.iter().partition(|d| d["late"] == true);
        let timed = on_time.iter().filter(|d| !d["time"].is_null()).count();
        assert!(timed <= 2 * first && late.len() > 20, "{} late, {timed} with a time on time", late.len());
        // The import falls quiet as a whole, so that correlations find what they find at once.
        let report = report(&[data.to_str().unwrap(), "--tz", "UTC"]);
        let expected: BTreeSet<&str> = list(&report, "detections").iter().map(|d| text(d, "id")).collect();
        assert_eq!(found.iter().map(|d| text(d, "id")).collect::<BTreeSet<_>>(), expected);
    }
}

#[test]
fn another_decision_than_the_evidence_gives_is_found_by_a_replay() {
    let data = case("tampered", 4);
    follow(options(&data));
    // The evidence loses a source: another ledger takes its place under the same decisions.
    let other = scratch("tampered-other");
    let mut dice = Dice(4);
    let lines = delayed(lines_of(&root().join("examples/case")), 30, &mut dice);
    let fewer: Vec<_> = lines.into_iter().filter(|line| !line.source.contains("auth.log")).collect();
    let mut recording = Recording::create(&other);
    recording.take(&fewer, 400, &mut dice);
    recording.pause(7200);
    recording.close();
    for part in ["decisions", "keys/decisions"] {
        copy(&data.join(part), &other.join(part));
    }
    let output = hinomi(&["detect", "replay", "--json", "--data", other.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(4));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!list(&said, "differences").is_empty());
}
