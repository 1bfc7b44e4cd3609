//! The published results of a configuration audit against our claims over the same exports. The corpus is not part of the
//! project: without it the test says so and passes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use hinomi_assure::Outcome;
use hinomi_assure::posture::{Document, Judgement, Pack};
use hinomi_model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

const STUBS: &str = "PowerShell/ScubaGear/Testing/Unit/PowerShell";

/// The export that the published results belong to.
const TENANT: &str = "CreateReport/CreateReportStubs";
/// The export without published results.
const SECOND_TENANT: &str = "RunRego/RunRegoStubs";
/// Rows that list, by name, the roles that do not meet them.
const LISTING: [&str; 4] = ["MS.AAD.7.4v1", "MS.AAD.7.5v1", "MS.AAD.7.7v1", "MS.AAD.7.9v1"];

#[derive(Deserialize)]
struct Exclusions {
    exclusions: Vec<Exclusion>,
}

#[derive(Deserialize)]
struct Exclusion {
    rows: Vec<Value>,
}

impl Exclusions {
    fn rows(self) -> BTreeSet<String> {
        let rows = self.exclusions.into_iter().flat_map(|exclusion| exclusion.rows);
        rows.map(|row| row.as_str().map_or_else(|| row.to_string(), str::to_owned)).collect()
    }
}

/// A row without a policy number: the claim that answers it, for which of the policies, or why none does.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unnumbered {
    row: usize,
    #[serde(default)]
    claim: Option<String>,
    #[serde(default)]
    default: Option<bool>,
    #[serde(default)]
    unanswered: Option<String>,
}

#[derive(Deserialize)]
struct Disagreements {
    disagreements: Vec<Disagreement>,
}

#[derive(Deserialize)]
struct Disagreement {
    row: String,
    claim: String,
    judged: Outcome,
    #[expect(dead_code, reason = "read by people")]
    reason: String,
}

fn claims_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../claims/cloud")
}

fn pack() -> Pack {
    let mut files: Vec<(String, String)> = Vec::new();
    for entry in std::fs::read_dir(claims_folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        files.push((name, std::fs::read_to_string(path).unwrap()));
    }
    files.sort();
    let borrowed: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Pack::parse(&borrowed).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// The corpus's folder, unpacked once into the build's scratch folder; or nothing, said loudly.
fn corpus() -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(unpacked).clone()
}

fn unpacked() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let folder =
        std::env::var_os("HINOMI_CORPORA").map_or_else(beside, PathBuf::from).join("n_control_audit");
    let target =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("n_control_audit-{}", std::process::id()));
    for archive in ["scubagear_m365_exports.tar.zst", "scubagoggles_policy_api.tar.zst"] {
        let packed = folder.join(archive);
        if !packed.is_file() {
            println!("SKIPPED: {} is not there; set HINOMI_CORPORA", packed.display());
            return None;
        }
        std::fs::create_dir_all(&target).unwrap();
        let mut tar = Command::new("tar");
        let done = tar.args(["-I", "zstd", "-xf"]).arg(&packed).arg("-C").arg(&target).status();
        if !done.is_ok_and(|status| status.success()) {
            println!("SKIPPED: tar or zstd could not unpack {}", packed.display());
            return None;
        }
    }
    Some(target)
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn yaml<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/posture");
    serde_yaml_ng::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

/// A published row: its policy number or place, and whether the requirement was met.
struct Row {
    name: String,
    product: String,
    met: bool,
    listed: BTreeSet<String>,
}

fn rows(folder: &Path) -> Vec<Row> {
    let results = read(folder, &format!("{STUBS}/CreateReport/CreateReportStubs/TestResults.json"));
    let results =
        serde_json::from_slice::<Vec<Value>>(results.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&results));
    let row = |(place, row): (usize, Value)| {
        let name = row["PolicyId"].as_str().map_or_else(|| place.to_string(), str::to_owned);
        let product = match name.split('.').nth(1) {
            Some(product) => product.to_owned(),
            None => row["Control"].as_str().unwrap().rsplit_once(' ').unwrap().0.to_uppercase(),
        };
        let listed = row["ActualValue"].as_array().into_iter().flatten();
        let listed = listed.filter_map(Value::as_str).map(str::to_owned).collect();
        Row { name, product, met: row["RequirementMet"].as_bool().unwrap(), listed }
    };
    results.unwrap().into_iter().enumerate().map(row).collect()
}

fn export(folder: &Path, tenant: &str) -> Document {
    let name = format!("{STUBS}/{tenant}/ProviderSettingsExport.json");
    Document::parse(tenant, &read(folder, &name)).unwrap()
}

fn day(text: &str) -> Timestamp {
    Timestamp::parse_iso(format!("{text}T00:00:00Z").as_bytes(), true).unwrap()
}

/// The judgements by claim.
fn by_claim(judged: Vec<Judgement>) -> BTreeMap<String, Vec<Judgement>> {
    let mut claims: BTreeMap<String, Vec<Judgement>> = BTreeMap::new();
    judged
        .into_iter()
        .for_each(|judgement| claims.entry(judgement.claim.clone()).or_default().push(judgement));
    claims
}

fn whole(judged: &[Judgement]) -> Outcome {
    judged.iter().map(|judgement| judgement.outcome).reduce(Outcome::and).unwrap()
}

/// Met is supported or excepted, not met is contradicted; unknown agrees with neither.
fn agrees(met: bool, outcome: Outcome) -> bool {
    match outcome {
        Outcome::Supported | Outcome::Excepted => met,
        Outcome::Contradicted | Outcome::ExpiredException => !met,
        Outcome::Unknown => false,
    }
}

/// The claim that answers a row: by the policy's number.
fn claim_of(pack: &Pack, row: &str) -> Option<String> {
    let numbered = pack.claims().iter().find(|claim| claim.answers("reference").iter().any(|id| id == row));
    numbered.map(|claim| claim.id().to_owned())
}

/// The claim for a row and what we judged; `None` when no claim answers it.
fn judged_for(
    pack: &Pack,
    judged: &BTreeMap<String, Vec<Judgement>>,
    row: &str,
    unnumbered: &[Unnumbered],
) -> Option<(String, Vec<Judgement>)> {
    if let Some(claim) = claim_of(pack, row) {
        let judgements = judged[&claim].clone();
        return Some((claim, judgements));
    }
    let listed = unnumbered.iter().find(|one| one.row.to_string() == row)?;
    let claim = listed.claim.clone()?;
    // The default policies are named so by the vendor; the others are presets and those of the tenant.
    let is_default = |judgement: &&Judgement| judgement.subject.label.ends_with("Default");
    let chosen =
        judged[&claim].iter().filter(|one| listed.default.is_none_or(|wanted| is_default(one) == wanted));
    Some((claim.clone(), chosen.cloned().collect()))
}

/// Verdicts compared, by product.
#[derive(Default)]
struct Tally {
    agreed: BTreeMap<String, u32>,
    compared: BTreeMap<String, u32>,
    unanswered: BTreeSet<String>,
    disagreements: BTreeSet<(String, String, Outcome)>,
}

fn tally(folder: &Path) -> Tally {
    let pack = pack();
    let judged = by_claim(pack.judge(&[export(folder, TENANT)], &[], day("2023-08-23")));
    let excluded: BTreeSet<String> = yaml::<Exclusions>("exclusions.yaml").rows();
    let unnumbered: Vec<Unnumbered> = yaml("unnumbered.yaml");
    let rows = rows(folder);
    assert_eq!((rows.len(), excluded.len()), (225, 128));
    let mut tally = Tally::default();
    for row in rows.iter().filter(|row| !excluded.contains(&row.name)) {
        *tally.compared.entry(row.product.clone()).or_default() += 1;
        let Some((claim, judgements)) = judged_for(&pack, &judged, &row.name, &unnumbered) else {
            tally.unanswered.insert(row.name.clone());
            continue;
        };
        let outcome = whole(&judgements);
        if agrees(row.met, outcome) {
            *tally.agreed.entry(row.product.clone()).or_default() += 1;
            continue;
        }
        println!("{} {claim}: published {}, judged {outcome:?}", row.name, row.met);
        for judgement in judgements.iter().filter(|judgement| judgement.outcome == outcome).take(3) {
            println!("    {}: {:?}", judgement.subject.label, judgement.because.first());
        }
        tally.disagreements.insert((row.name.clone(), claim, outcome));
    }
    tally
}

#[test]
fn published_verdicts_are_ours_but_for_the_listed_disagreements() {
    let Some(folder) = corpus() else { return };
    let found = tally(&folder);
    println!("agreed {:?} of {:?}; unanswered {:?}", found.agreed, found.compared, found.unanswered);
    let listed = yaml::<Disagreements>("disagreements.yaml").disagreements;
    let listed: BTreeSet<_> = listed.into_iter().map(|one| (one.row, one.claim, one.judged)).collect();
    assert_eq!(found.disagreements, listed, "computed, and listed with reasons");
    let unanswered = yaml::<Vec<Unnumbered>>("unnumbered.yaml");
    let unanswered = unanswered.into_iter().filter(|one| one.unanswered.is_some());
    let unanswered: BTreeSet<String> = unanswered.map(|one| one.row.to_string()).collect();
    assert_eq!(found.unanswered, unanswered, "unanswered, and listed with reasons");
    let share = |product: &str| f64::from(found.agreed[product]) / f64::from(found.compared[product]);
    assert!(share("AAD") >= 0.95, "identity: {}", share("AAD"));
    let (agreed, compared): (u32, u32) = (found.agreed.values().sum(), found.compared.values().sum());
    // All products together: 86 of 97 at the first evaluation, and nothing was changed to agree since.
    assert!(f64::from(agreed) >= 0.88 * f64::from(compared), "{agreed} of {compared}");
}

#[test]
fn the_roles_that_the_published_rows_list_are_those_that_we_find() {
    let Some(folder) = corpus() else { return };
    let pack = pack();
    let judged = by_claim(pack.judge(&[export(&folder, TENANT)], &[], day("2023-08-23")));
    let mut compared = 0;
    for row in rows(&folder).iter().filter(|row| LISTING.contains(&row.name.as_str())) {
        let claim = claim_of(&pack, &row.name).unwrap();
        let contradicted =
            judged[&claim].iter().filter(|judgement| judgement.outcome == Outcome::Contradicted);
        let found: BTreeSet<String> = contradicted.map(|judgement| judgement.subject.label.clone()).collect();
        assert_eq!(found, row.listed, "{}", row.name);
        compared += 1;
    }
    assert_eq!(compared, LISTING.len());
}

#[test]
fn the_second_tenant_is_judged_as_read_by_hand() {
    let Some(folder) = corpus() else { return };
    let judged = by_claim(pack().judge(&[export(&folder, SECOND_TENANT)], &[], day("2022-12-09")));
    let expected: BTreeMap<String, Outcome> = yaml("second-tenant.yaml");
    let found: BTreeMap<String, Outcome> =
        expected.keys().map(|claim| (claim.clone(), whole(&judged[claim]))).collect();
    assert_eq!(found, expected);
}

/// The name of a unit or group as the published answers write it.
fn published_name(answer: &Value, label: &str) -> String {
    let (unit, group) = label.split_once(" / ").map_or((label, None), |(unit, group)| (unit, Some(group)));
    let unit = answer["orgunits"][unit.strip_prefix("orgUnits/").unwrap()]["name"].as_str().unwrap();
    let group = group.map(|group| answer["groups"][group.strip_prefix("groups/").unwrap()].as_str().unwrap());
    group.map_or_else(|| unit.to_owned(), |group| format!("{unit} (group {group})"))
}

/// The published policy in force, per unit or group: whether super administrators may recover their accounts.
fn published_recovery(answer: &Value) -> BTreeMap<String, bool> {
    let mut published = BTreeMap::new();
    for (name, settings) in answer["results"].as_object().unwrap() {
        if let Some(allowed) =
            settings["security_super_admin_account_recovery"]["enableAccountRecovery"].as_bool()
        {
            published.insert(name.clone(), allowed);
        }
        if let Some((unit, "security_super_admin_account_recovery")) = name.rsplit_once('/') {
            let allowed = settings["setting"]["value"]["enableAccountRecovery"].as_bool().unwrap();
            published.insert(unit.to_owned(), allowed);
        }
    }
    published
}

#[test]
fn workspace_sign_in_policies_in_force_are_the_published_ones() {
    let Some(folder) = corpus() else { return };
    let pack = pack();
    let mut compared = 0;
    for name in ["policyapi_get_policies1", "policyapi_get_policies2", "policyapi_reducer2"] {
        let bytes = read(&folder, &format!("scubagoggles/Testing/Unit/Python/data/{name}.json"));
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        let judged = by_claim(pack.judge(&[Document::parse(name, &bytes).unwrap()], &[], day("2025-01-01")));
        let found: BTreeMap<String, bool> = judged["workspace-super-admin-recovery-off"]
            .iter()
            .map(|one| (published_name(&answer, &one.subject.label), one.outcome == Outcome::Contradicted))
            .collect();
        assert_eq!(found, published_recovery(&answer), "{name}");
        compared += found.len();
        let enrolment = whole(&judged["workspace-second-factor-offered"]);
        let expected = if name.ends_with("policies1") { Outcome::Supported } else { Outcome::Unknown };
        assert_eq!(enrolment, expected, "{name}");
        assert_eq!(
            whole(&judged["workspace-second-factor-enforced"]),
            Outcome::Unknown,
            "{name}: not in any answer"
        );
    }
    assert_eq!(compared, 9);
}
