//! Suppliers: what was seen of their accounts, and what these can reach. Words that accuse nobody.

use hinomi_assure::Outcome;
use serde::Serialize;

use super::super::incidents::Fact;
use super::super::{Refused, Text};
use super::{Judged, needed};
use crate::judge::{Known, ReachOf, Report, Sessions, Supplier};

/// Suppliers, those with most open first.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct SupplierList {
    judged: Judged,
    items: Vec<SupplierRow>,
}

#[derive(Debug, Serialize)]
pub(super) struct SupplierRow {
    name: String,
    registered: bool,
    owner: String,
    contract: String,
    until: Option<String>,
    accounts: u64,
    sessions: Sessions,
    claims: Vec<ClaimOf>,
    days: Vec<DayOf>,
    reaches: Vec<Fact>,
}

#[derive(Debug, Serialize)]
struct ClaimOf {
    id: String,
    title: Text,
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
struct DayOf {
    day: String,
    outcome: Outcome,
}

/// What the credentials of a supplier have reached and can reach. No way that was found is no proof that there is none.
fn reaches(report: &Report, supplier: &str) -> Vec<Fact> {
    let Some(reach) = report.reach.as_ref() else { return Vec::new() };
    let own = |of: &&ReachOf| of.source.kind == "supplier" && of.source.name == supplier;
    let (targets, found) = (reach.answer.targets, reach.answer.radius.iter().find(own));
    let text = match found {
        _ if targets == 0 => Text::new(
            "What its accounts reach is not known: no list or export says what is to be protected.",
            "到達範囲は不明です：守るべき対象を示す台帳・エクスポートがありません。",
        ),
        None => Text::new(
            "What its accounts reach is not known: nothing says what they may use.",
            "到達範囲は不明です：利用できる範囲を示すものがありません。",
        ),
        Some(of) if of.targets_possible == 0 => Text::new(
            format!("In what was read, no way leads from its accounts to any of {targets} protected things."),
            format!("読み取った範囲では、保護対象 {targets} 件のいずれにも経路は見つかっていません。"),
        ),
        Some(of) => {
            let (fact, possible) = (of.targets_in_fact, of.targets_possible);
            Text::new(
                format!(
                    "With its accounts, {fact} of {targets} protected things were reached, and {possible} can be reached."
                ),
                format!(
                    "このアカウントで、保護対象 {targets} 件中 {fact} 件に到達した記録があり、{possible} 件に到達可能です。"
                ),
            )
        }
    };
    vec![Fact { text, link: None, evidence: Vec::new() }]
}

/// The suppliers of a report.
pub(super) fn rows(report: &Report) -> Vec<SupplierRow> {
    let title = |id: &str| {
        let known = report.claims.iter().find(|claim| claim.id == id);
        known.map_or_else(|| Text::new(id, id), |claim| Text::from(&claim.title))
    };
    let row = |of: &Supplier| SupplierRow {
        name: of.name.clone(),
        registered: of.registered,
        owner: of.owner.clone().unwrap_or_default(),
        contract: of.contract.clone().unwrap_or_default(),
        until: of.until.clone(),
        accounts: of.accounts.len() as u64,
        sessions: of.sessions,
        claims: of
            .claims
            .iter()
            .map(|(id, outcome)| ClaimOf { id: id.clone(), title: title(id), outcome: *outcome })
            .collect(),
        days: of.days.iter().map(|(day, outcome)| DayOf { day: day.clone(), outcome: *outcome }).collect(),
        reaches: reaches(report, &of.name),
    };
    report.suppliers.iter().map(row).collect()
}

/// All suppliers.
pub(in crate::pages) fn suppliers(known: &Known) -> Result<SupplierList, Refused> {
    let (last, judged) = needed(known)?;
    Ok(SupplierList { judged, items: rows(&last.report) })
}
