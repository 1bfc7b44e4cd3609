//! One self-contained page with an answer. No script, nothing from outside, printable.

use super::model::ReachReport;
use super::part::Part;
use super::terminal::{change_lines, unknown_targets};
use crate::args::Lang;
use crate::document::escape;
use crate::render::style::group_digits;

/// Makes the page from a report whose nodes are called as they are to be shown.
pub fn page(report: &ReachReport, lang: Lang, show_names: bool) -> String {
    let mut part = Part::new(lang, show_names);
    head(&mut part, report, lang);
    if !show_names {
        let note = part.say(
            "Accounts are numbered: ways to what is protected are a map for an intruder. --show-names prints their names.",
            "アカウントは番号で示しています(守る対象への経路は侵入者の地図になります)。--show-names で名前を表示します。",
        );
        part.push(&format!("<p class=\"small dim\">{note}</p>"));
    }
    for line in unknown_targets(&report.targets, lang) {
        part.push(&format!("<p class=\"o-unknown\">{}</p>", escape(&line)));
    }
    tiles(&mut part, report);
    part.heading(part.say("What to cut", "断つべきつながり"));
    part.cut(&report.answer);
    part.heading(part.say("Blast radius", "影響範囲"));
    part.radius(&report.answer.radius, report.answer.sources);
    part.secrets(&report.secrets);
    if let Some(change) = &report.change {
        part.heading(part.say("Since the earlier exports", "以前のエクスポートとの比較"));
        // Names of sources stand in these lines; their numbers do not carry over between two imports.
        let lines = change_lines(change, lang);
        let shown = lines.iter().map(|line| match line.split_once("  ") {
            Some((count, _)) if !show_names => count.to_owned(),
            _ => line.clone(),
        });
        let items: String = shown.map(|line| format!("<li>{}</li>", escape(&line))).collect();
        part.push(&format!("<ul>{items}</ul>"));
    }
    read(&mut part, report);
    let mut html = part.into_html();
    html.push_str("</body></html>\n");
    html
}

fn head(part: &mut Part, report: &ReachReport, lang: Lang) {
    let language = part.say("en", "ja");
    let title = part.say("Who can reach what is protected", "守る対象に誰が到達できるか");
    let css = include_str!("../assure/page.css");
    let asked = match lang {
        Lang::En => format!("from {} to {}", report.from.join(", "), report.to.join(", ")),
        Lang::Ja => format!("起点 {} → 守る対象 {}", report.from.join("、"), report.to.join("、")),
    };
    part.push(&format!(
        "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{title} · Hinomi</title><style>{css}</style></head><body>\
         <p class=\"dim small\">Hinomi 火の見</p><h1>{title}</h1><p class=\"dim\">{}</p>",
        escape(&asked)
    ));
}

fn tiles(part: &mut Part, report: &ReachReport) {
    let figures = report.answer.exposure;
    let of = |a: u64, b: u64| format!("{} / {}", group_digits(a), group_digits(b));
    let unknown = report.answer.targets == 0;
    let dash = || "–".to_owned();
    let cut = report.answer.cut.as_ref().map_or_else(dash, |c| c.edges.len().to_string());
    let tiles = [
        (
            if unknown { dash() } else { of(figures.reaching as u64, figures.sources as u64) },
            part.say("sources reach something protected", "守る対象に到達できる起点"),
        ),
        (
            figures.shortest.map_or_else(dash, |s| s.to_string()),
            part.say("steps of the shortest way", "最短経路の手数"),
        ),
        (
            if unknown { dash() } else { cut },
            part.say("cuts that close every way", "すべての経路を閉じる箇所"),
        ),
        (
            group_digits(report.secrets.entries.len() as u64 + report.secrets.beyond),
            part.say("secrets on hosts", "ホスト上の秘密情報"),
        ),
    ];
    let tiles: String =
        tiles.iter().map(|(n, text)| format!("<div class=\"tile\"><b>{n}</b>{text}</div>")).collect();
    part.push(&format!("<div class=\"tiles\">{tiles}</div>"));
}

/// What the answer rests on, and what it lacks.
fn read(part: &mut Part, report: &ReachReport) {
    part.heading(part.say("What was read", "読み込んだもの"));
    let counts = format!(
        "{} {} · {} {} · {} {}",
        group_digits(report.graph.nodes),
        part.say("nodes", "対象"),
        group_digits(report.graph.edges),
        part.say("edges", "つながり"),
        group_digits(report.events),
        part.say("events", "イベント")
    );
    part.push(&format!("<p class=\"small\">{counts}</p>"));
    let lacking = part.say("not collected, so unknown", "収集されておらず不明");
    let items: String = report
        .imports
        .iter()
        .map(|import| {
            let missing: Vec<&str> = import.not_collected.keys().map(String::as_str).collect();
            let missing = if missing.is_empty() {
                String::new()
            } else {
                format!(" <span class=\"o-unknown\">{lacking}: {}</span>", escape(&missing.join(", ")))
            };
            format!(
                "<li><code>{}</code> {}{missing}</li>",
                escape(&import.document),
                group_digits(import.objects)
            )
        })
        .collect();
    let problems: String =
        report.diagnostics.iter().take(20).map(|d| format!("<li>{}</li>", escape(d))).collect();
    part.push(&format!("<ul class=\"small\">{items}{problems}</ul>"));
}
