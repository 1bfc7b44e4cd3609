//! Markdown, ATT&CK Navigator layer and CSV of the document.

use std::collections::BTreeMap;

use hinomi_detect::story::StoryTable;
use hinomi_model::Level;
use serde_json::json;

use super::claim::{Claims, Said2, certainty, level, severity_reason};
use super::html::verdict;
use super::model::Document;
use crate::attack;
use crate::render::harmless;

/// Markdown in the document's first language. Text from logs is escaped.
pub fn markdown(document: &Document, table: &StoryTable) -> String {
    let ja = document.settings.lang == "ja";
    let claims = Claims::new(document, table);
    let pick = |said: Said2| escape(if ja { &said.ja } else { &said.en });
    let word = |en: &'static str, jp: &'static str| if ja { jp } else { en };
    let title = word("incident report", "インシデント報告");
    let (read, made) = (word("Read", "読込"), claims.time(document.made));
    let zone = escape(&document.settings.zone);
    let said = pick(verdict(document));
    let mut out = format!("# Hinomi 火の見: {title}\n\n{read} {made} ({zone})\n\n{said}\n");
    for (number, incident) in document.incidents.iter().enumerate() {
        let severity = level(incident.severity);
        out.push_str(&format!(
            "\n## {} {} — {}\n\n**{}**\n\n{}\n\n",
            word("Incident", "インシデント"),
            number + 1,
            pick(severity),
            pick(claims.headline(incident)),
            pick(severity_reason(&incident.severity_reason))
        ));
        for step in &incident.steps {
            let whys: Vec<String> = step.why.iter().map(|w| pick(claims.why(step, w))).collect();
            let whys = if whys.is_empty() { String::new() } else { format!(" ({})", whys.join(", ")) };
            let cites: Vec<String> = step.cites.iter().map(|c| format!("[^c{}]", c + 1)).collect();
            out.push_str(&format!(
                "- {} — {} *{}{whys}* {}\n",
                claims.time(claims.span(step).0),
                pick(claims.step(step)),
                pick(certainty(&step.certainty)),
                cites.join("")
            ));
        }
        if !incident.lost_records.is_empty() {
            out.push_str(&format!("\n### {}\n\n", word("Records that are missing", "欠けている記録")));
            for lost in &incident.lost_records {
                out.push_str(&format!("- {} {}\n", escape(&lost.host), pick(claims.lost(lost))));
            }
        }
        if !incident.unseen.is_empty() {
            out.push_str(&format!("\n### {}\n\n", word("What this does not show", "示されていないこと")));
            for u in &incident.unseen {
                out.push_str(&format!("- {}: {}\n", pick(claims.stage(&u.stage)), pick(claims.unseen(u))));
            }
        }
    }
    out.push_str(&format!("\n## {}\n\n", word("What is missing", "欠けているもの")));
    for source in document.sources.iter().filter(|s| !s.holes.is_empty()) {
        for hole in &source.holes {
            out.push_str(&format!(
                "- {} {}: {}\n",
                escape(&source.host),
                escape(&source.channel),
                pick(claims.hole(hole))
            ));
        }
    }
    out.push('\n');
    for (number, cite) in document.citations.iter().enumerate() {
        let path = document.files.get(cite.file).map_or("", |f| f.path.as_str());
        out.push_str(&format!(
            "[^c{}]: {} `{}`\n",
            number + 1,
            escape(path),
            code(&cite.reference.to_string())
        ));
    }
    out
}

/// Text that is no Markdown and no HTML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

fn code(text: &str) -> String {
    harmless(text).replace('`', "'")
}

/// A layer for ATT&CK Navigator 4.5: every technique of a step of at least medium level, scored by its level.
pub fn navigator(document: &Document) -> serde_json::Value {
    let mut scores: BTreeMap<&str, (Level, u64)> = BTreeMap::new();
    for step in document.incidents.iter().flat_map(|i| &i.steps).filter(|s| !s.weak) {
        let Some(rule) = document.rules.get(step.rule) else { continue };
        for id in &rule.techniques {
            let entry = scores.entry(id).or_insert((rule.level, 0));
            entry.0 = entry.0.max(rule.level);
            entry.1 += step.events;
        }
    }
    let score = |level: Level| Level::ALL.iter().position(|l| *l == level).unwrap_or(0) as u64 * 25;
    let techniques: Vec<_> = scores
        .into_iter()
        .map(|(id, (level, events))| {
            json!({"techniqueID": id, "score": score(level), "enabled": true,
                   "comment": format!("{} · {level} · {events} events", attack::technique_name(id).unwrap_or_default())})
        })
        .collect();
    json!({
        "name": "Hinomi", "domain": "enterprise-attack",
        "versions": {"attack": attack::VERSION.split('.').next().unwrap_or_default(), "navigator": "4.9.1", "layer": "4.5"},
        "description": "Techniques that detections of the incidents name. A technique without score was not seen; that says nothing of whether it would have been.",
        "gradient": {"colors": ["#fff2cc", "#e06666", "#990000"], "minValue": 0, "maxValue": 100},
        "techniques": techniques
    })
}

/// A row per step, RFC 4180.
pub fn csv(document: &Document, table: &StoryTable) -> String {
    let claims = Claims::new(document, table);
    let mut out = crate::render::csv_row(
        [
            "incident",
            "severity",
            "first",
            "last",
            "level",
            "certainty",
            "why",
            "host",
            "account",
            "title",
            "title_ja",
            "techniques",
            "stages",
            "events",
            "evidence",
        ]
        .iter()
        .map(|s| (*s).to_owned()),
    );
    for incident in &document.incidents {
        for step in &incident.steps {
            let (first, last) = claims.span(step);
            let time = |t: Option<hinomi_model::Timestamp>| t.map(|t| t.to_string()).unwrap_or_default();
            let rule = document.rules.get(step.rule);
            let title = claims.title(step);
            let cited = step.cites.first().and_then(|&c| document.citations.get(c));
            let reference = cited.map(|c| c.reference.to_string());
            let cells = [
                incident.id.clone(),
                incident.severity.to_string(),
                time(first),
                time(last),
                rule.map(|r| r.level.to_string()).unwrap_or_default(),
                step.certainty.clone(),
                step.why.join(" "),
                claims.hosts(step).join(" "),
                claims.accounts(step).join(" "),
                title.en,
                title.ja,
                rule.map(|r| r.techniques.join(" ")).unwrap_or_default(),
                step.stages.join(" "),
                step.events.to_string(),
                reference.unwrap_or_default(),
            ];
            out.push_str(&crate::render::csv_row(cells.into_iter()));
        }
    }
    out
}
