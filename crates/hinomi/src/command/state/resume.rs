//! `hinomi state resume`: a restored ledger is compared with what others have seen of it, and may be written to again.

use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::{Anchor, AnchorResult, FileDisk, Places, Reader, Verification, VerifyOptions, verify};
use serde_json::json;

use super::super::print;
use super::{check, marker, restore};
use crate::args::{Lang, StateResume};
use crate::command::ledger::failure;
use crate::exit::{Exit, Failure};
use crate::recorded::EVIDENCE;
use crate::render::harmless;

pub(super) fn run(args: &StateResume) -> Result<Exit, Failure> {
    let data = &args.data;
    let Some(restored) = marker::restored(data)? else {
        let text = format!("{}: it was not restored, or goes on already", data.display());
        return Err(Failure::new(Exit::Usage, text));
    };
    let reason = args.without_anchor.as_deref().map(str::trim);
    if reason.is_some_and(|reason| reason.is_empty() || reason.chars().any(char::is_control)) {
        return Err(Failure::new(Exit::Usage, "--without-anchor: a line of text is needed"));
    }
    let places = Places::in_data_dir(data, EVIDENCE);
    let hint = "hinomi ledger repair --data DIR --from VAULT brings the evidence back";
    let reader = Reader::open(Arc::new(FileDisk), places.clone(), true).map_err(|e| failure(e).hint(hint))?;
    let own = format!("backup of {}", restored.backup);
    let mut anchors = vec![check::anchor(&reader, &own, restored.checkpoint.as_bytes()).map_err(failure)?];
    for path in &args.anchor {
        anchors.push(read_anchor(&reader, path)?);
    }
    drop(reader);
    let options = VerifyOptions { anchors, ..VerifyOptions::default() };
    let found = verify(Arc::new(FileDisk), &places, &options, &mut |_| {}).map_err(failure)?;
    let holds = found.findings.is_empty() && found.anchors.iter().all(|anchor| anchor.holds);
    if holds {
        let names: Vec<&str> = found.anchors.iter().skip(1).map(|anchor| anchor.name.as_str()).collect();
        let how = reason.map_or_else(
            || format!("compared with {}", names.join(", ")),
            |reason| format!("compared with nobody: {reason}"),
        );
        restore::said_in_log(&places, &restored.backup, &how).map_err(failure)?;
        let path = data.join(marker::RESTORED);
        std::fs::remove_file(&path)
            .map_err(|e| Failure::new(Exit::Internal, format!("{}: {e}", path.display())))?;
    }
    let lang = args.lang.unwrap_or_else(super::language);
    let text = if args.json { as_json(&found, holds) } else { as_text(&found, holds, lang) };
    print(text.as_bytes())?;
    Ok(if holds { Exit::Clean } else { Exit::Failed })
}

/// What somebody outside has seen last.
fn read_anchor(reader: &Reader, path: &Path) -> Result<Anchor, Failure> {
    let file = if path.is_dir() { path.join("evidence/log/checkpoint") } else { path.to_owned() };
    let at = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let bytes = std::fs::read(&file).map_err(|e| Failure::new(Exit::Unreadable, at(&e)))?;
    check::anchor(reader, &path.display().to_string(), &bytes).map_err(|e| {
        Failure::new(Exit::Failed, at(&e))
            .hint("give the folder of a vault of this ledger, or a checkpoint that it signed")
    })
}

fn as_json(found: &Verification, holds: bool) -> String {
    let anchors: Vec<_> =
        found.anchors.iter().map(|a| json!({"name": a.name, "size": a.size, "holds": a.holds})).collect();
    let findings: Vec<_> = found.findings.iter().map(|f| json!({"path": f.path, "what": f.what})).collect();
    let body = json!({"schema_version": "1.0", "leaves": found.size, "goes_on": holds, "anchors": anchors,
        "findings": findings});
    format!("{body:#}\n")
}

/// What an anchor means for whoever wants to go on.
fn sentence(anchor: &AnchorResult, size: u64, lang: Lang) -> String {
    let (name, seen) = (harmless(&anchor.name), anchor.size);
    match (anchor.holds, seen > size, lang) {
        (true, _, Lang::En) => format!("✓ {name}: {seen} leaves seen, all of them are here"),
        (true, _, Lang::Ja) => format!("✓ {name}：確認済みの {seen} リーフがすべてここにある"),
        (false, true, Lang::En) => format!(
            "✗ ROLLBACK: {name} has seen {seen} leaves, {size} are here. To go on would be another history: \
             hinomi ledger repair --from VAULT brings the rest"
        ),
        (false, true, Lang::Ja) => format!(
            "✗ 巻き戻し：{name} は {seen} リーフまで見ているが、ここには {size} しかない。このまま続けると別の履歴になる。\
             hinomi ledger repair --from VAULT で残りを戻す"
        ),
        (false, false, Lang::En) => format!("✗ FORK: {name} has seen another history"),
        (false, false, Lang::Ja) => format!("✗ 分岐：{name} は別の履歴を見ている"),
    }
}

fn as_text(found: &Verification, holds: bool, lang: Lang) -> String {
    let mut text = String::new();
    for anchor in &found.anchors {
        text.push_str(&format!("{}\n", sentence(anchor, found.size, lang)));
    }
    for finding in found.findings.iter().take(20) {
        text.push_str(&format!("✗ {}\n", harmless(&finding.what)));
    }
    text.push_str(match (holds, lang) {
        (true, Lang::En) => "the ledger may go on; its log will say that it was restored\n",
        (true, Lang::Ja) => "台帳を再開できる。復元されたことはログに記録される\n",
        (false, Lang::En) => "the ledger does not go on\n",
        (false, Lang::Ja) => "台帳は再開していない\n",
    });
    text
}
