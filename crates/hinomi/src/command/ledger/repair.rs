//! `hinomi ledger repair`: damaged files from a vault's copy.

use std::path::{Path, PathBuf};

use hinomi_ledger::{Repaired, repair};
use serde_json::json;

use super::super::print;
use super::super::state::recovery_key;
use super::{failure, lang, opening, places, surroundings};
use crate::args::{Lang, LedgerRepair};
use crate::exit::{Exit, Failure};
use crate::render::harmless;

/// Longest name that a leaf holds.
const MAX_NAME: usize = 255;

pub(super) fn run(args: &LedgerRepair) -> Result<Exit, Failure> {
    let copy = evidence_of(&args.from)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of(&args.from),
    };
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Failure::new(Exit::Usage, "the name of a copy has 1 to 255 bytes").hint("give --name"));
    }
    let (around, places) = (surroundings(), places(&args.at.data));
    let options = opening::options(&opening::vaults(&args.at.data)?);
    let keys = match (&args.keys, &args.key) {
        (Some(keys), Some(key)) => Some(recovery_key::unseal(keys, &recovery_key::read(key)?)?),
        _ => None,
    };
    let keys = keys.as_ref().map(|keys| keys.as_slice());
    let done = repair(&around, &places, &options, &copy, &name, keys, args.dry_run).map_err(failure)?;
    let text = if args.at.json { as_json(&done, args.dry_run) } else { as_text(&done, args) };
    print(text.as_bytes())?;
    Ok(if done.left.is_empty() && done.recorded { Exit::Clean } else { Exit::Failed })
}

/// The copy in a vault's folder, or the folder itself.
fn evidence_of(from: &Path) -> Result<PathBuf, Failure> {
    let inside = from.join("evidence");
    match [inside, from.to_owned()]
        .into_iter()
        .find(|f| f.join("log").is_dir() || f.join("segments").is_dir())
    {
        Some(folder) => Ok(folder),
        None => {
            Err(Failure::new(Exit::Unreadable, format!("{}: there is no copy of a ledger", from.display()))
                .hint("give the folder of a vault, or a copy of its folder evidence"))
        }
    }
}

/// The name that a vault cosigns under, else the folder.
fn name_of(from: &Path) -> String {
    let vault = std::fs::read_to_string(from.join("name")).unwrap_or_default();
    let vault = vault.trim_end_matches('\n');
    if vault.is_empty() || vault.len() > MAX_NAME { from.display().to_string() } else { vault.to_owned() }
}

/// A digest in hexadecimal; none for a file that is not there.
fn digest(bytes: [u8; 32]) -> Option<String> {
    (bytes != [0; 32]).then(|| bytes.iter().map(|b| format!("{b:02x}")).collect())
}

fn as_json(done: &Repaired, dry_run: bool) -> String {
    let files: Vec<_> = done
        .files
        .iter()
        .map(
            |f| json!({"file": f.file, "before": digest(f.before), "after": digest(f.after), "from": f.from}),
        )
        .collect();
    let left: Vec<_> = done.left.iter().map(|(path, what)| json!({"file": path, "what": what})).collect();
    let body = json!({"schema_version": "1.0", "dry_run": dry_run, "files": files, "left": left,
        "keys": done.keys, "kept_in": done.kept_in, "recorded": done.recorded && !dry_run});
    format!("{body:#}\n")
}

fn as_text(done: &Repaired, args: &LedgerRepair) -> String {
    let lang = lang(&args.at);
    let mut text = String::new();
    if done.keys > 0 {
        text.push_str(&match lang {
            Lang::En => format!("{} data keys taken over\n", done.keys),
            Lang::Ja => format!("データ鍵 {} 個を取り込んだ\n", done.keys),
        });
    }
    for file in &done.files {
        let what = match (file.after == [0; 32], args.dry_run, lang) {
            (true, false, Lang::En) => "put aside",
            (true, true, Lang::En) => "would put aside",
            (true, _, Lang::Ja) => "退避",
            (false, false, Lang::En) => "replaced",
            (false, true, Lang::En) => "would replace",
            (false, _, Lang::Ja) => "置換",
        };
        text.push_str(&format!("{what}  {}\n", harmless(&file.file)));
    }
    for (path, what) in &done.left {
        text.push_str(&format!("✗ {}: {}\n", harmless(&path.display().to_string()), harmless(what)));
    }
    let (count, left, kept) = (done.files.len(), done.left.len(), done.kept_in.display());
    text.push_str(&match (args.dry_run, lang) {
        (true, Lang::En) => format!("would repair {count} files; {left} cannot be mended from this copy\n"),
        (true, Lang::Ja) => {
            format!("修復できるファイル {count} 件、この写しでは修復できない {left} 件（試行のみ）\n")
        }
        (false, Lang::En) => format!("{count} files repaired; {left} cannot be mended from this copy\n"),
        (false, Lang::Ja) => format!("修復 {count} 件、この写しでは修復できない {left} 件\n"),
    });
    if !args.dry_run && count > 0 {
        text.push_str(&match (done.recorded, lang) {
            (true, Lang::En) => format!("what was there is kept in {kept}; the log has a leaf for each\n"),
            (true, Lang::Ja) => format!("元のファイルは {kept} に保管、台帳に記録済み\n"),
            (false, Lang::En) => format!(
                "what was there is kept in {kept}; the ledger does not open yet, its next opening records the repairs\n"
            ),
            (false, Lang::Ja) => {
                format!("元のファイルは {kept} に保管。台帳がまだ開けないため、次に開いたとき記録されます\n")
            }
        });
    }
    text
}
