//! A row per verdict, for spreadsheets.

use super::configuration::{self, Mask};
use super::model::AssureReport;
use super::sentence;
use crate::args::Lang;
use crate::render::csv_row;

/// Makes the table. Accounts are named only if asked for.
pub fn table(report: &AssureReport, lang: Lang, show_names: bool) -> String {
    let pick = |text: hinomi_assure::Bilingual| if lang == Lang::Ja { text.ja } else { text.en };
    let head = ["claim", "title", "entity", "outcome", "days", "reasons", "evidence", "list", "source"];
    let mut out = csv_row(head.into_iter().map(str::to_owned));
    for claim in &report.claims {
        for verdict in &claim.verdicts {
            let ground = verdict.grounds.iter().find(|g| g.outcome == verdict.outcome);
            let reasons = ground.iter().flat_map(|g| &g.reasons);
            let reasons: Vec<String> =
                reasons.filter(|r| show_names || !r.names_accounts()).map(|r| pick(r.text.clone())).collect();
            let evidence: Vec<&str> =
                ground.iter().flat_map(|g| &g.evidence).filter_map(|e| e.reference.as_deref()).collect();
            let list = ground.and_then(|g| g.list.as_ref()).map(|(file, line)| format!("{file}:{line}"));
            let hidden = claim.about == "account" && !show_names;
            let days =
                verdict.days.iter().filter(|d| d.outcome == verdict.outcome && d.day.is_some()).count();
            let cells = [
                claim.id.clone(),
                pick(claim.title.clone()),
                if hidden { String::new() } else { verdict.entity.clone() },
                pick(sentence::outcome(verdict.outcome)),
                days.to_string(),
                reasons.join("; "),
                evidence.join(" "),
                list.filter(|_| !hidden).unwrap_or_default(),
                "evidence".to_owned(),
            ];
            out.push_str(&csv_row(cells.into_iter()));
        }
    }
    for cells in configuration::rows(&report.configuration, lang, Mask { show_names }) {
        out.push_str(&csv_row(cells.into_iter()));
    }
    for entry in &report.disagreements {
        let hidden = entry.shows.about == "account" && !show_names;
        let references = entry.shows.evidence.iter().filter_map(|e| e.reference.as_deref());
        let places = entry.says.places.iter().map(|p| match (&p.pointer, p.line) {
            (Some(pointer), _) => format!("{}#{pointer}", p.document),
            (None, line) => format!("{}:{}", p.document, line.unwrap_or_default()),
        });
        let cells = [
            entry.shows.claim.clone(),
            pick(entry.text.clone()),
            if hidden { String::new() } else { entry.shows.entity.clone() },
            pick(sentence::outcome(entry.shows.outcome)),
            String::new(),
            String::new(),
            references.collect::<Vec<_>>().join(" "),
            if hidden && entry.says.kind == "list" {
                String::new()
            } else {
                places.collect::<Vec<_>>().join(" ")
            },
            "disagreement".to_owned(),
        ];
        out.push_str(&csv_row(cells.into_iter()));
    }
    out
}
