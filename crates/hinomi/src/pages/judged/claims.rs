//! Claims, and one of them entity by entity.

use std::collections::BTreeMap;

use hinomi_assure::Outcome;
use hinomi_assure::claim::Question;
use serde::Serialize;

use super::super::{Asked, Refused, Shown, Text, page};
use super::{ACCOUNT, Judged, needed, shown};
use crate::judge::{Claim, Disagreement, Evidence, Ground, Known, Reason, Verdict};

/// Grounds of a verdict, and events of a ground, that are listed.
const MOST_GROUNDS: usize = 20;
const MOST_EVIDENCE: usize = 10;
/// Reasons why a claim cannot be decided that are listed.
const MOST_UNKNOWN: usize = 20;

/// Claims.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct ClaimList {
    as_of: String,
    judged: Judged,
    items: Vec<ClaimRow>,
    disagreements: Vec<DisagreementRow>,
}

/// A claim.
#[derive(Debug, Serialize)]
pub(super) struct ClaimRow {
    id: String,
    about: String,
    questions: Vec<Question>,
    title: Text,
    why: Text,
    remedy: Text,
    outcome: &'static str,
    entities: BTreeMap<Outcome, u64>,
    unknown: Vec<Unknown>,
    standards: Vec<String>,
}

/// Something that is not known.
#[derive(Clone, Debug, Serialize)]
pub(in crate::pages) struct Unknown {
    pub(super) what: Text,
    pub(super) reason: &'static str,
    pub(super) settled_by: Option<Text>,
}

#[derive(Debug, Serialize)]
struct DisagreementRow {
    entity: String,
    text: Text,
    owner: String,
    evidence: Vec<EvidenceRow>,
}

#[derive(Debug, Serialize)]
struct EvidenceRow {
    reference: String,
    place: String,
    time: Option<String>,
}

/// A claim entity by entity.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct VerdictList {
    claim: ClaimRow,
    items: Vec<VerdictRow>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct VerdictRow {
    entity: String,
    outcome: Outcome,
    exceptions: Vec<String>,
    days: Vec<DayRow>,
    grounds: Vec<GroundRow>,
}

#[derive(Debug, Serialize)]
struct DayRow {
    day: Option<String>,
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
struct GroundRow {
    time: Option<String>,
    text: Text,
    evidence: Vec<EvidenceRow>,
}

/// Name of an outcome; a claim that applies to nothing has none.
pub(super) fn outcome(of: Option<Outcome>) -> &'static str {
    match of {
        Some(Outcome::Contradicted) => "contradicted",
        Some(Outcome::ExpiredException) => "expired-exception",
        Some(Outcome::Unknown) => "unknown",
        Some(Outcome::Excepted) => "excepted",
        Some(Outcome::Supported) => "supported",
        None => "not-applicable",
    }
}

/// What a list of this kind is called.
fn list_name(kind: &str) -> Text {
    match kind {
        "account" => Text::new("a list of accounts", "アカウント台帳"),
        "host" => Text::new("a list of hosts", "ホスト台帳"),
        "supplier" => Text::new("a list of suppliers", "委託先台帳"),
        "segment" => Text::new("a list of networks", "ネットワーク一覧"),
        "source" => Text::new("a list of logs", "ログ一覧"),
        "copy" => Text::new("a list of backup copies", "バックアップ一覧"),
        "exposure" => Text::new("a list or scan of exposed services", "公開サービスの一覧・スキャン結果"),
        "weakness" => Text::new("a list of weaknesses", "脆弱性の一覧"),
        "grant" => Text::new("an export of granted rights", "付与された権限のエクスポート"),
        other => Text::new(format!("a list of kind {other}"), format!("{other} の一覧")),
    }
}

/// What keeps a claim from being decided as a whole.
pub(super) fn unknowns(claim: &Claim) -> Vec<Unknown> {
    let unseen = claim.unseen.iter().map(|log| Unknown {
        what: Text::from(&claim.title),
        reason: "no-log",
        settled_by: Some(Text::from(log)),
    });
    let unlisted = claim.unlisted.iter().map(|kind| Unknown {
        what: Text::from(&claim.title),
        reason: "no-list",
        settled_by: Some(list_name(kind)),
    });
    unseen.chain(unlisted).take(MOST_UNKNOWN).collect()
}

impl ClaimRow {
    pub(super) fn of(claim: &Claim) -> Self {
        let standard = |(framework, controls): (&String, &Vec<String>)| {
            controls.iter().map(|control| format!("{framework} {control}")).collect::<Vec<_>>()
        };
        Self {
            id: claim.id.clone(),
            about: claim.about.clone(),
            questions: claim.questions.clone(),
            title: Text::from(&claim.title),
            why: Text::from(&claim.why),
            remedy: Text::from(&claim.remedy),
            outcome: outcome(claim.outcome),
            entities: claim.entities.clone(),
            unknown: unknowns(claim),
            standards: claim.controls.iter().flat_map(standard).collect(),
        }
    }
}

/// Events that can be cited.
fn evidence(of: &[Evidence]) -> Vec<EvidenceRow> {
    let row = |one: &Evidence| {
        let reference = one.reference.clone()?;
        Some(EvidenceRow { reference, place: one.place.clone(), time: one.time.clone() })
    };
    of.iter().filter_map(row).take(MOST_EVIDENCE).collect()
}

/// A reason, with accounts as they are shown.
fn reason(of: &Reason, names: &dyn Shown) -> Text {
    let value = of.value.as_deref().filter(|value| !value.is_empty());
    // As on the board page of `hinomi assure`: these attributes have names of accounts as values.
    let is_named = [ACCOUNT, "host.administrators"].contains(&of.attribute.as_str());
    let Some(value) = value.filter(|_| is_named) else { return Text::from(&of.text) };
    let list: Vec<String> = value.split(", ").map(|name| names.account(name, None)).collect();
    let with = |text: &str, joiner: &str| text.replace(value, &list.join(joiner));
    Text::new(with(&of.text.en, ", "), with(&of.text.ja, "、"))
}

/// Why, as one sentence.
pub(super) fn because(ground: &Ground, names: &dyn Shown) -> Text {
    let all: Vec<Text> = ground.reasons.iter().map(|one| reason(one, names)).collect();
    if all.is_empty() {
        return Text::new("observed", "観測されています");
    }
    let joined = |of: fn(&Text) -> &str, joiner: &str| all.iter().map(of).collect::<Vec<_>>().join(joiner);
    Text::new(joined(|text| &text.en, "; "), joined(|text| &text.ja, "、"))
}

impl VerdictRow {
    fn of(verdict: &Verdict, about: &str, names: &dyn Shown) -> Self {
        let ground = |ground: &Ground| GroundRow {
            time: ground.time.clone(),
            text: because(ground, names),
            evidence: evidence(&ground.evidence),
        };
        let days = verdict.days.iter().map(|day| DayRow { day: day.day.clone(), outcome: day.outcome });
        Self {
            entity: shown(names, about, &verdict.entity),
            outcome: verdict.outcome,
            exceptions: verdict.exceptions.clone(),
            days: days.collect(),
            grounds: verdict.grounds.iter().take(MOST_GROUNDS).map(ground).collect(),
        }
    }
}

/// All claims.
pub(in crate::pages) fn claims(known: &Known, asked: &Asked<'_>) -> Result<ClaimList, Refused> {
    let (last, judged) = needed(known)?;
    let disagreement = |one: &Disagreement| DisagreementRow {
        entity: shown(asked.names, &one.shows.about, &one.shows.entity),
        text: Text::from(&one.text),
        owner: one.owner.clone().unwrap_or_default(),
        evidence: evidence(&one.shows.evidence),
    };
    Ok(ClaimList {
        as_of: judged.as_of.clone(),
        judged,
        items: last.report.claims.iter().map(ClaimRow::of).collect(),
        disagreements: last.report.disagreements.iter().map(disagreement).collect(),
    })
}

/// One claim.
pub(in crate::pages) fn claim(known: &Known, asked: &Asked<'_>) -> Result<VerdictList, Refused> {
    let (last, _) = needed(known)?;
    let id = asked.part("id")?;
    let claim = last.report.claims.iter().find(|claim| claim.id == id).ok_or(Refused::NotFound)?;
    let (part, next) = page(claim.verdicts.iter().collect(), asked)?;
    let items = part.into_iter().map(|verdict| VerdictRow::of(verdict, &claim.about, asked.names)).collect();
    Ok(VerdictList { claim: ClaimRow::of(claim), items, next })
}
