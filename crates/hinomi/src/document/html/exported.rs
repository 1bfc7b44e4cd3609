//! One incident as a file by itself: what happened, what people did, the cited records with their proofs, and the program that
//! checks them, which needs neither a server nor a network.

use super::super::markup::{both, embedded, escape, word};
use super::super::model::Document;
use super::{Claims, SCRIPT, Said2, banner, citations, files_and_rules, hash, incident, opening, terms};
use hinomi_detect::story::StoryTable;
use hinomi_model::Timestamp;

/// What people did, as rows of a table.
#[derive(Debug, Default)]
pub struct Done {
    /// When, or from when it counts.
    pub at: Option<Timestamp>,
    /// When it is over, for a deadline.
    pub due: Option<Timestamp>,
    /// Whose.
    pub by: String,
    /// What kind of act.
    pub kind: Said2,
    /// What they did or wrote.
    pub text: Said2,
    /// Why.
    pub reason: String,
    /// Records that it rests on.
    pub evidence: Vec<String>,
}

/// A cited record with its proof.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Proof {
    /// The reference.
    pub reference: String,
    /// Length of the event in its record, where that is known.
    pub length: Option<u64>,
    /// Bundles as JSON: one.
    pub bundles: Vec<String>,
}

/// Proofs of cited records.
#[derive(Debug)]
pub enum Proofs {
    /// Those that are in the file, and how many are not.
    Here {
        /// They.
        proofs: Vec<Proof>,
        /// Further cited records.
        more: u64,
    },
    /// Records have names as logs have them, and whoever saved the file may not see these.
    Withheld,
}

/// What goes into the file.
#[derive(Debug)]
pub struct Exported<'a> {
    /// The incident; names are masked in it where they have to be.
    pub document: &'a Document,
    /// Stages and their names.
    pub table: &'a StoryTable,
    /// Who saved it.
    pub by: &'a str,
    /// When.
    pub at: Timestamp,
    /// How far it was.
    pub state: Said2,
    /// What people did, oldest first.
    pub done: &'a [Done],
    /// Proofs.
    pub proofs: &'a Proofs,
    /// The program that checks them, if it is there.
    pub verifier: Option<&'a str>,
}

/// Renders the file.
///
/// # Errors
/// When the proofs cannot be written as JSON.
pub fn exported(what: &Exported<'_>) -> Result<String, serde_json::Error> {
    let claims = Claims::new(what.document, what.table);
    let verifier = what.verifier.map(|script| script.replace("</script", "<\\/script"));
    let scripts = [Some(hash(SCRIPT)), verifier.as_deref().map(hash)].into_iter().flatten();
    let scripts = scripts.collect::<Vec<_>>().join(" ");
    let mut out = opening(what.document, &scripts);
    head(&claims, what, &mut out);
    for (number, one) in what.document.incidents.iter().enumerate() {
        incident::incident(&claims, number, one, &mut out);
    }
    people(&claims, what.done, &mut out);
    proofs(what, &mut out);
    citations(&claims, &cited_note(what.proofs), &mut out);
    files_and_rules(what.document, &mut out);
    if let Proofs::Here { proofs, .. } = what.proofs {
        let data = embedded(&serde_json::to_string(&serde_json::json!({ "proofs": proofs }))?);
        out.push_str(&format!("<script type=\"application/json\" id=\"proof\">{data}</script>\n"));
    }
    out.push_str(&format!("<script>{SCRIPT}</script>\n"));
    if let (Some(verifier), Proofs::Here { .. }) = (&verifier, what.proofs) {
        out.push_str(&format!("<script>{verifier}</script>\n"));
    }
    out.push_str("</body>\n</html>\n");
    Ok(out)
}

fn head(claims: &Claims<'_>, what: &Exported<'_>, out: &mut String) {
    let zone = escape(&what.document.settings.zone);
    banner("Incident", "インシデント", out);
    out.push_str(&format!(
        "<p class=\"dim\">{} {} · {} · {} · {}</p>\n",
        word("Saved", "出力"),
        claims.time(Some(what.at)),
        escape(what.by),
        word(&format!("all times {zone}"), &format!("時刻はすべて {zone}")),
        both(&what.state),
    ));
    out.push_str(&format!(
        "<div class=\"card\"><p class=\"dim\">{}</p><p>{}</p></div>\n",
        terms(),
        both(&names(what.proofs))
    ));
}

fn names(proofs: &Proofs) -> Said2 {
    match proofs {
        Proofs::Here { .. } => Said2::new(
            "This file holds records as they were received: with names. Keep it as you keep the logs.",
            "このファイルには受信したままの記録（名前を含む）が入っています。ログと同じように管理してください。",
        ),
        Proofs::Withheld => Said2::new(
            "Accounts are pseudonyms in this file. Records are not in it, because they have names; their references are, with the digest of each.",
            "このファイルではアカウントは仮名です。名前を含む記録そのものは入れず、その参照とダイジェストのみを載せています。",
        ),
    }
}

fn people(claims: &Claims<'_>, done: &[Done], out: &mut String) {
    out.push_str(&format!("<h2 id=\"people\">{}</h2>\n", word("What people did", "対応の記録")));
    if done.is_empty() {
        out.push_str(&format!("<p class=\"dim\">{}</p>\n", word("Nothing yet.", "まだありません。")));
        return;
    }
    out.push_str("<table><tbody>\n");
    for one in done {
        let reason =
            if one.reason.is_empty() { String::new() } else { format!("<br>{}", escape(&one.reason)) };
        let due = one.due.map(|due| format!("<br>{} {}", word("due", "期限"), claims.time(Some(due))));
        let due = due.unwrap_or_default();
        let cited: String =
            one.evidence.iter().map(|reference| format!("<br><code>{}</code>", escape(reference))).collect();
        out.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}{due}{reason}{cited}</td></tr>\n",
            claims.time(one.at),
            escape(&one.by),
            both(&one.kind),
            both(&one.text),
        ));
    }
    out.push_str("</tbody></table>\n");
}

fn proofs(what: &Exported<'_>, out: &mut String) {
    let Proofs::Here { proofs, more } = what.proofs else { return };
    out.push_str(&format!("<h2>{}</h2>\n", word("Records and their proofs", "記録とその証明")));
    let count = proofs.len();
    out.push_str(&format!(
        "<p class=\"dim\">{}</p>\n",
        word(
            &format!("{count} cited records are in this file; {more} further ones are not."),
            &format!("引用した記録のうち {count} 件を収録し、{more} 件は収録していません。"),
        )
    ));
    let missing = word(
        "The program that checks proofs is not in this file. Each proof is a bundle: hinomi verify bundle checks it.",
        "検証プログラムはこのファイルに入っていません。各証明はバンドルであり、hinomi verify bundle で検証できます。",
    );
    let here = if what.verifier.is_some() { String::new() } else { format!("<p>{missing}</p>") };
    out.push_str(&format!("<div id=\"proofs\">{here}</div>\n"));
}

fn cited_note(proofs: &Proofs) -> Said2 {
    match proofs {
        Proofs::Here { .. } => Said2::new(
            "Each statement above leads to one of these records. A reference ends with the SHA-256 of its event.",
            "上の各文はこれらの記録に基づきます。参照の末尾は記録の SHA-256 です。",
        ),
        Proofs::Withheld => Said2::new(
            "Each statement above leads to one of these records. A reference ends with the SHA-256 of its event; hinomi prove makes the proof of one where the ledger is.",
            "上の各文はこれらの記録に基づきます。参照の末尾は記録の SHA-256 です。台帳のある場所で hinomi prove により証明を作れます。",
        ),
    }
}
