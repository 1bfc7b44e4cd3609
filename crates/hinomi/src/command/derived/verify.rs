//! `hinomi verify derived`.

use std::path::Path;
use std::sync::Arc;

use hinomi_query::derive::LaneLimits;
use hinomi_query::{Archive, DerivedFile, Input, Manifest, Mapping};
use serde_json::json;

use super::opening::{check_registered, folder};
use super::{failure, losses};
use crate::args::{Lang, VerifyDerived};
use crate::clock;
use crate::command::investigate::{inputs, language, with_progress, zone};
use crate::command::{ledger, print};
use crate::derived::{Derived, Job, derive as run};
use crate::exit::{Exit, Failure};
use crate::recorded::Recorded;

pub(crate) fn verify(args: &VerifyDerived) -> Result<Exit, Failure> {
    let lang = args.at.lang.unwrap_or_else(language);
    let folder = folder(&args.at);
    let archive = Archive::open(&folder).map_err(failure)?;
    let mut faults = Vec::new();
    let is_ledger = Recorded::is_at(&args.at.folder);
    if is_ledger && let Err(error) = check_registered(&args.at.folder) {
        faults.push(error.message);
    }
    for file in archive.files() {
        if let Err(error) = file.check() {
            faults.push(error.to_string());
        }
    }
    if args.rebuild && faults.is_empty() {
        rebuild(args, &archive, lang, &mut faults)?;
    }
    let files = archive.files().len();
    let rows = archive.manifest().rows();
    let exit = if faults.is_empty() { Exit::Clean } else { Exit::Failed };
    if args.json {
        let document = json!({"schema_version": "1.0", "files": files, "rows": rows, "rebuilt": args.rebuild, "faults": faults});
        print(format!("{document:#}\n").as_bytes())?;
        return Ok(exit);
    }
    let mut text: String = faults.iter().map(|f| format!("{f}\n")).collect();
    if faults.is_empty() {
        text = match (lang, args.rebuild) {
            (Lang::En, false) => format!("{files} files with {rows} events are what was registered\n"),
            (Lang::En, true) => format!(
                "{files} files with {rows} events are what was registered and what the evidence gives again\n"
            ),
            (Lang::Ja, false) => format!("{files} ファイル（イベント {rows} 件）は登録内容と一致します\n"),
            (Lang::Ja, true) => format!(
                "{files} ファイル（イベント {rows} 件）は登録内容とも、証拠からの再作成結果とも一致します\n"
            ),
        };
    }
    print(text.as_bytes())?;
    Ok(exit)
}

/// Derives everything again beside what is there and compares.
fn rebuild(
    args: &VerifyDerived,
    archive: &Archive,
    lang: Lang,
    faults: &mut Vec<String>,
) -> Result<(), Failure> {
    let manifest = archive.manifest();
    if archive.rows_of_other_mappings() > 0 {
        return Err(Failure::new(Exit::Unreadable, "derived with another mapping than this program's")
            .hint("use the program that derived it, or derive again"));
    }
    let mut beside = archive.folder().as_os_str().to_owned();
    beside.push(".rebuild");
    let beside = Path::new(&beside);
    if beside.exists() {
        return Err(Failure::new(Exit::Usage, format!("{}: exists already", beside.display()))
            .hint("remove it; it is left from a comparison that was interrupted"));
    }
    let made = again(args, manifest, beside, lang);
    // Nothing of it is needed any more, whatever came out.
    let removed = std::fs::remove_dir_all(beside);
    let made = made?;
    removed.map_err(|e| Failure::new(Exit::Internal, format!("{}: {e}", beside.display())))?;
    let unlike = |file: &&DerivedFile| !manifest.files.contains(file);
    faults.extend(
        made.files.iter().filter(unlike).map(|f| format!("{}: the evidence gives something else", f.path)),
    );
    let lost = |file: &&DerivedFile| !made.files.iter().any(|f| f.path == file.path);
    faults.extend(
        manifest.files.iter().filter(lost).map(|f| format!("{}: the evidence does not give it", f.path)),
    );
    if losses(&made.diagnostics) != manifest.losses() {
        faults.push(format!(
            "{} places could not be read, {} when it was derived",
            losses(&made.diagnostics),
            manifest.losses()
        ));
    }
    Ok(())
}

fn again(args: &VerifyDerived, manifest: &Manifest, beside: &Path, lang: Lang) -> Result<Derived, Failure> {
    let mapping = Arc::new(Mapping::bundled().map_err(failure)?);
    let mut all = Derived::default();
    let zone_name = match &manifest.input {
        Input::Paths { zone, .. } | Input::Ledger { zone, .. } => zone.clone(),
    };
    let mut jobs = Vec::new();
    for (range, stored) in manifest.ranges() {
        let name = manifest.prefix(stored.to).unwrap_or("a").to_owned();
        let (roots, ledger) = match &manifest.input {
            Input::Ledger { .. } => {
                let recorded = Recorded::open_range(&args.at.folder, range).map_err(ledger::failure)?;
                (Vec::new(), Some(recorded))
            }
            Input::Paths { paths, .. } => (inputs(paths)?.1, None),
        };
        jobs.push((stored.to, roots, ledger, name));
    }
    for (to, roots, ledger, name) in jobs {
        let mut reading = hinomi_ingest::intake::Options::at(clock::now());
        reading.zone = zone(Some(&zone_name), lang)?.1;
        let job = Job {
            roots,
            ledger,
            reading,
            lanes: manifest.lanes,
            folder: beside.to_owned(),
            prefix: name,
            mapping: Arc::clone(&mapping),
            limits: LaneLimits::default(),
            stop: Arc::default(),
        };
        let mut derived =
            with_progress(args.at.quiet, lang, |progress| run(job, progress)).map_err(failure)?;
        derived.files.iter_mut().for_each(|file| file.run = to);
        all.files.append(&mut derived.files);
        all.diagnostics.append(&mut derived.diagnostics);
    }
    Ok(all)
}
