//! What was read and what is missing.

use super::super::claim::Claims;
use super::super::markup::{both, escape, word};
use super::super::model::SourceDoc;
use super::super::unread::{kind_ja, sentence_ja};
use super::timeline;

pub(super) fn sources(claims: &Claims<'_>, out: &mut String) {
    let document = claims.document;
    out.push_str(&format!(
        "<section><h2 id=\"sources\">{}</h2>\n",
        word("What is missing", "欠けているもの")
    ));
    out.push_str(&timeline::overview(claims, document));
    out.push_str(&timeline::legend());
    if !document.absent.is_empty() {
        out.push_str(&format!(
            "<p>{}</p><ul class=\"plain\">",
            word(
                "Hosts of this kind have these channels; they were not collected, or were removed:",
                "この種のホストにあるはずの次のチャネルがありません。未収集か、削除されています:",
            )
        ));
        document
            .absent
            .iter()
            .for_each(|a| out.push_str(&format!("<li>{} — {}</li>", escape(&a.host), escape(&a.channel))));
        out.push_str("</ul>\n");
    }
    let heads = [
        ("Host", "ホスト"),
        ("Channel", "チャネル"),
        ("From", "開始"),
        ("Until", "終了"),
        ("Expected", "期待"),
        ("Seen", "読込"),
        ("Missing", "欠落"),
        ("Known holes", "既知の穴"),
    ];
    out.push_str("<table><thead><tr>");
    heads.iter().for_each(|(en, ja)| out.push_str(&format!("<th>{}</th>", word(en, ja))));
    out.push_str("</tr></thead><tbody>\n");
    document.sources.iter().for_each(|s| source(claims, s, out));
    out.push_str("</tbody></table>\n");
    if document.more_sources > 0 {
        let n = document.more_sources;
        out.push_str(&format!(
            "<p class=\"dim\">{}</p>\n",
            word(
                &format!("{n} further sources without known holes are only in the JSON output."),
                &format!("ほか {n} 個の提供元は JSON 出力にのみ含まれます。")
            )
        ));
    }
    out.push_str(&format!("<p class=\"dim\">{}</p>\n", word(
        "Where nothing is expected, the source does not number its events: whether any are missing cannot be known. Sources that were never collected are not listed.",
        "期待数のない提供元は番号を付けないため、欠落の有無は分かりません。収集されなかった提供元は載っていません。",
    )));
    unread(claims, out);
    out.push_str("</section>\n");
}

fn source(claims: &Claims<'_>, s: &SourceDoc, out: &mut String) {
    let expected = s.expected.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let missing = if s.expected.is_some() { s.missing.to_string() } else { "?".to_owned() };
    let holes: Vec<String> = s
        .holes
        .iter()
        .take(6)
        .map(|h| {
            let cite = h.cite.map(|c| format!(" <a href=\"#c{c}\">[{}]</a>", c + 1)).unwrap_or_default();
            format!("<div>{}{cite}</div>", both(&claims.hole(h)))
        })
        .collect();
    let more = s.holes.len().saturating_sub(6);
    let more = if more > 0 { format!("<div class=\"dim\">+{more}</div>") } else { String::new() };
    out.push_str(&format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{expected}</td><td class=\"n\">{}</td><td class=\"n\">{missing}</td><td>{}{more}</td></tr>\n",
        escape(if s.host.is_empty() { "—" } else { &s.host }),
        escape(&s.channel),
        claims.time(s.first),
        claims.time(s.last),
        s.seen,
        holes.join(""),
    ));
}

fn unread(claims: &Claims<'_>, out: &mut String) {
    let document = claims.document;
    if !document.unread.is_empty() {
        out.push_str(&format!(
            "<details><summary>{} ({})</summary><table><tbody>",
            word("What could not be read, and what was assumed", "読めなかったもの・仮定したもの"),
            document.unread.len() as u64 + document.more_unread
        ));
        for loss in &document.unread {
            out.push_str(&format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
                word(&loss.kind, kind_ja(&loss.kind)),
                escape(&loss.place),
                word(&loss.message, &sentence_ja(&loss.message))
            ));
        }
        out.push_str("</tbody></table></details>\n");
    }
    if !document.suppressions.is_empty() {
        out.push_str(&format!(
            "<h3>{}</h3><table><tbody>",
            word("Hidden by suppressions", "抑止により非表示")
        ));
        for s in &document.suppressions {
            out.push_str(&format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>",
                escape(&s.name),
                escape(&s.owner),
                escape(&s.reason),
                s.hidden
            ));
        }
        out.push_str("</tbody></table>\n");
    }
}
