//! The document as one HTML file: no outside resource, no script but the one named by its hash.
//!
//! # Invariants
//! - The bytes are a function of the document alone; verification renders again and compares.
//! - Every text goes through `markup::escape`; nothing from a log becomes markup, style or script.

mod exported;
mod graph;
mod incident;
mod sources;
mod timeline;

use hinomi_detect::story::StoryTable;
use hinomi_model::{EvidencePlace, EvidenceRef};
use sha2::{Digest as _, Sha256};

use super::claim::{Claims, Said2, level};
use super::markup::{base64, both, embedded, escape, word};
use super::model::{Content, Document};

pub use exported::{Done, Exported, Proof, Proofs, exported};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// What stands before and after the embedded data.
pub(super) const DATA_OPENS: &str = "<script type=\"application/json\" id=\"hinomi-data\">";
pub(super) const DATA_CLOSES: &str = "</script>";

/// Renders the document.
///
/// # Errors
/// When the data cannot be written as JSON.
pub fn html(document: &Document, table: &StoryTable) -> Result<String, serde_json::Error> {
    let claims = Claims::new(document, table);
    let mut out = opening(document, &hash(SCRIPT));
    head(&claims, &mut out);
    for (number, incident) in document.incidents.iter().enumerate() {
        incident::incident(&claims, number, incident, &mut out);
    }
    sources::sources(&claims, &mut out);
    foot(&claims, &mut out);
    out.push_str(DATA_OPENS);
    out.push_str(&embedded(&serde_json::to_string(document)?));
    out.push_str(DATA_CLOSES);
    out.push_str(&format!("\n<script>{SCRIPT}</script>\n</body>\n</html>\n"));
    Ok(out)
}

/// A hash as policies name it.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())))
}

/// The page until its body, with these scripts and no others.
fn opening(document: &Document, scripts: &str) -> String {
    let lang = if document.settings.lang == "ja" { "ja" } else { "en" };
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {scripts}; base-uri 'none'; form-action 'none'",
        hash(STYLE)
    );
    let mut out = String::with_capacity(1 << 20);
    out.push_str(&format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\" data-lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>Hinomi 火の見</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    ));
    out
}

fn banner(en: &str, ja: &str, out: &mut String) {
    out.push_str(&format!(
        "<header><h1>Hinomi 火の見 · {}</h1><span class=\"screen\"><button id=\"lang\" type=\"button\">日本語 / English</button> \
         <button id=\"theme\" type=\"button\">{}</button></span></header>\n",
        word(en, ja),
        word("Light / dark", "明 / 暗"),
    ));
}

/// What words of certainty mean.
fn terms() -> String {
    both(&Said2::new(
        "An account is a credential that was used, not a person. «Confirmed» means that cited events state it; «estimated» that it is inferred; «unknown» that no complete log would have shown it.",
        "アカウントは使われた資格情報を指し、人を指すものではありません。「確認」は引用した記録がそう述べているもの、「推定」は推論、「不明」はそれを示すはずの完全なログがないものです。",
    ))
}

fn head(claims: &Claims<'_>, out: &mut String) {
    let document = claims.document;
    let totals = &document.totals;
    banner("Incident report", "インシデント報告", out);
    let zone = escape(&document.settings.zone);
    out.push_str(&format!(
        "<p class=\"dim\">{} {} · {} {} → {} · {}</p>\n",
        word("Read", "読込"),
        claims.time(document.made),
        word("events from", "イベントの期間"),
        claims.time(totals.first),
        claims.time(totals.last),
        word(&format!("all times {zone}"), &format!("時刻はすべて {zone}")),
    ));
    let settings = &document.settings;
    if settings.since.or(settings.until).is_some() {
        out.push_str(&format!(
            "<p class=\"dim\">{} {} → {}</p>\n",
            word("Asked for:", "対象期間:"),
            claims.time(settings.since),
            claims.time(settings.until)
        ));
    }
    out.push_str(&format!("<div class=\"card\"><p class=\"headline\">{}</p>", both(&verdict(document))));
    out.push_str(&format!("<p>{}</p>", both(&read(document))));
    out.push_str(&format!("<p class=\"dim\">{}</p></div>\n", terms()));
    contents(claims, out);
}

/// The answer in one sentence.
pub(super) fn verdict(document: &Document) -> Said2 {
    let count = |l: &str| document.totals.incidents.get(l).copied().unwrap_or(0);
    let (grave, medium) = (count("critical") + count("high"), count("medium"));
    if document.totals.events == 0 {
        return Said2::new(
            "No event was read: nothing can be said.",
            "イベントを一件も読めませんでした。何も判断できません。",
        );
    }
    let settings = &document.settings;
    if document.totals.first.is_none() && settings.since.or(settings.until).is_some() {
        return Said2::new(
            "No event with a readable time lies in the span that was asked for: nothing can be said of it.",
            "指定した期間には時刻の読めるイベントがありません。何も判断できません。",
        );
    }
    match (grave, medium) {
        (0, 0) => Said2::new(
            "No incident was found in the logs that were read. What the missing logs would have shown is unknown.",
            "読み込んだログにインシデントは見つかりません。欠けているログに何があったかは不明です。",
        ),
        (0, n) => Said2::new(
            format!(
                "No grave incident was found. {n} of medium severity should be looked at when there is time."
            ),
            format!(
                "重大なインシデントは見つかりません。中程度のもの {n} 件は時間のあるときに確認してください。"
            ),
        ),
        (g, 0) => Said2::new(
            format!("{g} grave {} attention now.", if g == 1 { "incident needs" } else { "incidents need" }),
            format!("今すぐ対応すべき重大なインシデントが {g} 件あります。"),
        ),
        (g, n) => Said2::new(
            format!(
                "{g} grave {} attention now; {n} of medium severity can wait.",
                if g == 1 { "incident needs" } else { "incidents need" }
            ),
            format!("今すぐ対応すべき重大なインシデントが {g} 件、後でよい中程度のものが {n} 件あります。"),
        ),
    }
}

fn read(document: &Document) -> Said2 {
    let t = &document.totals;
    let holes = document.sources.iter().filter(|s| !s.holes.is_empty()).count();
    let all = document.sources.len() as u64 + document.more_sources;
    Said2::new(
        format!(
            "{} events in {} logs were put to {} rules. {holes} of {all} sources lack something; {} losses while reading.",
            t.events,
            t.logs,
            t.rules,
            document.unread.len() as u64 + document.more_unread
        ),
        format!(
            "{} 個のログの {} 件のイベントを {} 個のルールで調べました。{all} 個の提供元のうち {holes} 個に欠落があり、読込中の損失は {} 件です。",
            t.logs,
            t.events,
            t.rules,
            document.unread.len() as u64 + document.more_unread
        ),
    )
}

fn contents(claims: &Claims<'_>, out: &mut String) {
    let document = claims.document;
    if document.incidents.is_empty() {
        return;
    }
    out.push_str("<nav><table><tbody>\n");
    for (number, incident) in document.incidents.iter().enumerate() {
        out.push_str(&format!(
            "<tr><td><span class=\"lv {}\">{}</span></td><td><a href=\"#i{number}\">{}</a></td></tr>\n",
            incident.severity,
            both(&level(incident.severity)),
            both(&claims.headline(incident)),
        ));
    }
    out.push_str("</tbody></table></nav>\n");
    if document.more_incidents > 0 {
        let n = document.more_incidents;
        out.push_str(&format!(
            "<p class=\"dim\">{}</p>",
            word(
                &format!("{n} further incidents of lower rank are only in the JSON output."),
                &format!("順位の低い {n} 件のインシデントは JSON 出力にのみ含まれます。"),
            )
        ));
    }
}

fn foot(claims: &Claims<'_>, out: &mut String) {
    let note = Said2::new(
        "Each statement above leads to one of these events. «hinomi verify report FILE PATH» reads each again, evaluates its rule again, and makes every sentence again from what it reads.",
        "上の各文はこれらのイベントに基づきます。「hinomi verify report ファイル パス」は各イベントを再読込し、ルールを再評価し、読み取った内容から全文を作り直して照合します。",
    );
    citations(claims, &note, out);
    files_and_rules(claims.document, out);
}

fn citations(claims: &Claims<'_>, note: &Said2, out: &mut String) {
    let document = claims.document;
    out.push_str(&format!("<h2 id=\"citations\">{}</h2>\n", word("Citations", "引用")));
    out.push_str(&format!("<p class=\"dim\">{}</p>\n", both(note)));
    out.push_str("<table><tbody>\n");
    for (number, cite) in document.citations.iter().enumerate() {
        let place = document.files.get(cite.file).map_or("", |f| f.path.as_str());
        let inner = match &cite.reference.place {
            EvidencePlace::File { member, .. } if !member.is_empty() => format!(" ! {member}"),
            _ => String::new(),
        };
        let reference = short(&cite.reference);
        out.push_str(&format!(
            "<tr id=\"c{number}\"><td class=\"n\">[{}]</td><td>{}{}<br><code>{}</code></td><td>{}</td></tr>\n",
            number + 1,
            escape(place),
            escape(&inner),
            escape(&reference),
            claims.time(cite.time),
        ));
    }
    out.push_str("</tbody></table>\n");
}

/// A reference without the member, which stands beside it, and with a short digest of the file.
fn short(reference: &EvidenceRef) -> String {
    let EvidenceRef { place, offset, sub, event } = reference;
    match place {
        EvidencePlace::File { file, .. } => {
            let file = file.to_string();
            format!("file:{}…#{offset}.{sub}@{event}", file.get(..16).unwrap_or_default())
        }
        EvidencePlace::Piece(_) | EvidencePlace::Log { .. } => reference.to_string(),
    }
}

fn files_and_rules(document: &Document, out: &mut String) {
    out.push_str(&format!("<h2>{}</h2><table><tbody>\n", word("Cited files", "引用したファイル")));
    for file in &document.files {
        let (size, identity) = match &file.content {
            Content::File { bytes, sha256, .. } => (format!("{bytes} B"), sha256.to_string()),
            Content::Ledger { origin, verifier_key, size, root } => (
                word(&format!("{size} leaves"), &format!("リーフ {size} 枚")),
                format!("{origin} {root} {verifier_key}"),
            ),
        };
        out.push_str(&format!(
            "<tr><td>{}</td><td class=\"n\">{size}</td><td><code>{}</code></td></tr>\n",
            escape(&file.path),
            escape(&identity)
        ));
    }
    out.push_str(&format!(
        "</tbody></table>\n<h2>{}</h2><table><tbody>\n",
        word("Rules and their authors", "ルールと作者")
    ));
    for rule in &document.rules {
        let title =
            Said2::new(&rule.title, if rule.title_ja.is_empty() { &rule.title } else { &rule.title_ja });
        out.push_str(&format!(
            "<tr><td><span class=\"lv {}\">{}</span></td><td>{}<br><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            rule.level,
            both(&level(rule.level)),
            both(&title),
            escape(&rule.id),
            escape(&rule.techniques.join(" ")),
            escape(&rule.author),
            escape(&rule.license),
        ));
    }
    out.push_str(&format!(
        "</tbody></table>\n<p class=\"dim\">Hinomi {} · {}</p>\n",
        escape(&document.program),
        word(
            "ATT&CK® is a registered trademark of The MITRE Corporation.",
            "ATT&CK® は The MITRE Corporation の登録商標です。",
        )
    ));
}
