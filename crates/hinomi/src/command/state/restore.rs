//! `hinomi state restore`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hinomi_ledger::{FileDisk, LedgerError, Places, SealedReader, SystemEntropy, note_restored};
use hinomi_model::Entropy as _;
use serde_json::{Value, json};

use super::super::print;
use super::archive::{ArchiveError, ArchiveReader, Heading, Manifest, Next};
use super::gather::OUTSIDE;
use super::marker::{self, RESTORING, Restored};
use super::{check, recovery_key};
use crate::args::{Lang, StateRestore};
use crate::command::doctor::outcome::{self, Check, State};
use crate::command::ledger::{VAULTS, read_vaults};
use crate::exit::{Exit, Failure};
use crate::live::DECISIONS;
use crate::recorded::EVIDENCE;

/// The longest text that the leaf about a restore takes.
const MAX_FROM: usize = 255;

pub(super) fn run(args: &StateRestore) -> Result<Exit, Failure> {
    let key = recovery_key::read(&args.key)?;
    let at = |e: &dyn std::fmt::Display| format!("{}: {e}", args.from.display());
    let file = File::open(&args.from).map_err(|e| Failure::new(Exit::Unreadable, at(&e)))?;
    let unreadable = |error: ArchiveError| Failure { message: at(&error), ..failure(error) };
    let sealed = SealedReader::new(BufReader::with_capacity(1 << 20, file), &args.from, &key)
        .map_err(|e| unreadable(e.into()))?;
    let archive = ArchiveReader::new(sealed).map_err(unreadable)?;
    let scratch = Scratch::make(args)?;
    let (heading, manifest) = unpack(archive, &scratch.path).map_err(unreadable)?;
    let checks = check::look(&scratch.path, &manifest);
    let holds = !checks.iter().any(|check| check.state == State::Fail);
    let settled = match &args.data {
        Some(data) if holds || args.anyway => {
            let waits = settle(&scratch.path, data, &heading, &manifest)?;
            scratch.move_into(data)?;
            Some(waits)
        }
        _ => None,
    };
    let told = Told { heading: &heading, manifest: &manifest, checks: &checks, settled, holds };
    let lang = args.lang.unwrap_or_else(super::language);
    let text = if args.json { told.as_json(args) } else { told.as_text(args, lang) };
    print(text.as_bytes())?;
    Ok(if holds { Exit::Clean } else { Exit::Failed })
}

fn failure(error: ArchiveError) -> Failure {
    let exit = match &error {
        ArchiveError::Sealed(LedgerError::Refused { .. }) => Exit::Usage,
        ArchiveError::Write { .. } => Exit::Internal,
        ArchiveError::Escapes { .. } => Exit::Failed,
        _ => Exit::Unreadable,
    };
    let cause = match &error {
        ArchiveError::Sealed(inner) => std::error::Error::source(inner).map(|s| format!(": {s}")),
        _ => None,
    };
    let failure = Failure::new(exit, format!("{error}{}", cause.unwrap_or_default()));
    match error {
        ArchiveError::Newer { .. } | ArchiveError::Sealed(LedgerError::Newer { .. }) => {
            failure.hint("use the newer program").japanese(
                "より新しいバージョンで作成されたバックアップです",
                "新しいバージョンの hinomi を使ってください",
            )
        }
        ArchiveError::Sealed(LedgerError::Refused { .. }) => failure
            .hint("give the other recovery key")
            .japanese("この復旧鍵では開けません", "別の復旧鍵を指定してください"),
        ArchiveError::Write { .. } => failure,
        _ => {
            let japanese = format!("バックアップを読み取れません：{}", failure.message);
            failure
                .hint("nothing was put in place; try another copy of the backup")
                .japanese(japanese, "復元先は変更していません。バックアップの別の写しで試してください")
        }
    }
}

/// The folder that a backup is unpacked into; it goes unless its content was moved.
struct Scratch {
    path: PathBuf,
    /// The data directory, when this run made it.
    made: Option<PathBuf>,
    moved: bool,
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

impl Scratch {
    fn make(args: &StateRestore) -> Result<Self, Failure> {
        let failed =
            |path: &Path, e: io::Error| Failure::new(Exit::Internal, format!("{}: {e}", path.display()));
        let Some(data) = &args.data else {
            let mut number = [0; 8];
            SystemEntropy.fill(&mut number).map_err(|e| failed(Path::new("random bytes"), e))?;
            let folder = args.scratch.clone().unwrap_or_else(std::env::temp_dir);
            let path = folder.join(format!("hinomi-restore-{:016x}", u64::from_be_bytes(number)));
            make_folder(&path).map_err(|e| failed(&path, e))?;
            return Ok(Self { path, made: None, moved: false });
        };
        let path = data.join(RESTORING);
        let mut made = None;
        match fs::read_dir(data) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(|e| failed(data, e))?;
                made = Some(data.clone());
            }
            Err(e) => return Err(failed(data, e)),
            Ok(names) => {
                let others = |name: &io::Result<fs::DirEntry>| {
                    name.as_ref().is_ok_and(|n| n.file_name() != RESTORING && n.file_name() != "lost+found")
                };
                if names.into_iter().any(|name| others(&name)) {
                    let text = format!("{}: it is not empty", data.display());
                    let japanese = format!("{}：空ではありません", data.display());
                    let failure = Failure::new(Exit::Usage, text)
                        .hint("move what is there away first: what is damaged is evidence, too");
                    return Err(failure
                        .japanese(japanese, "今ある内容を別の場所へ移してください。壊れたデータも証拠です"));
                }
            }
        }
        // Left by a run that was interrupted before anything was moved.
        match fs::remove_dir_all(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(&path, e)),
            _ => {}
        }
        make_folder(&path).map_err(|e| failed(&path, e))?;
        Ok(Self { path, made, moved: false })
    }

    /// Moves everything into the data directory. The folder itself, which keeps a server from starting, goes last.
    fn move_into(mut self, data: &Path) -> Result<(), Failure> {
        let failed = |path: &Path, e: io::Error| {
            let text = format!("{}: {e}", path.display());
            Failure::new(Exit::Internal, text).hint("empty the data directory and restore again")
        };
        self.moved = true;
        for entry in fs::read_dir(&self.path).map_err(|e| failed(&self.path, e))? {
            let from = entry.map_err(|e| failed(&self.path, e))?.path();
            let to = data.join(from.file_name().unwrap_or_default());
            fs::rename(&from, &to).map_err(|e| failed(&to, e))?;
        }
        sync_all(data).map_err(|e| failed(data, e))?;
        fs::remove_dir(&self.path).map_err(|e| failed(&self.path, e))?;
        sync_all(data).map_err(|e| failed(data, e))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.moved {
            // What remains is said by the next run, which removes it.
            let _ = fs::remove_dir_all(&self.path);
            let _ = self.made.as_ref().map(fs::remove_dir);
        }
    }
}

/// Makes everything on the file system of a folder durable.
fn sync_all(folder: &Path) -> io::Result<()> {
    let folder = File::open(folder)?;
    Ok(rustix::fs::syncfs(&folder)?)
}

/// Writes the files of an archive below a folder.
fn unpack<R: io::Read>(
    mut archive: ArchiveReader<R>,
    folder: &Path,
) -> Result<(Heading, Manifest), ArchiveError> {
    let manifest = loop {
        let entry = match archive.next()? {
            Next::End(manifest) => break manifest,
            Next::File(entry) => entry,
        };
        let path = folder.join(&entry.path);
        let failed = |source| ArchiveError::Write { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        // A name that comes twice is refused, and a link cannot be in a folder of our own.
        let opened = options.write(true).create_new(true).mode(entry.mode & 0o600).open(&path);
        let mut file = opened.map_err(failed)?;
        archive.body(&entry, &mut |part| file.write_all(part).map_err(failed))?;
    };
    let mut ledgers = Vec::new();
    if manifest.with_evidence {
        ledgers.push(EVIDENCE);
    }
    if manifest.decisions.is_some() {
        ledgers.push(DECISIONS);
    }
    for path in
        ledgers.iter().flat_map(|ledger| ["wal", "segments", "log"].map(|f| folder.join(ledger).join(f)))
    {
        let failed = |source| ArchiveError::Write { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed)?;
    }
    let failed = |source| ArchiveError::Write { path: folder.to_owned(), source };
    sync_all(folder).map_err(failed)?;
    Ok((archive.heading.clone(), *manifest))
}

/// Sees to it that a restored ledger says so, or that it waits where somebody outside may know more. Whether it waits.
fn settle(folder: &Path, data: &Path, heading: &Heading, manifest: &Manifest) -> Result<bool, Failure> {
    let vaults = folder.join(VAULTS);
    // A list that cannot be read may name somebody.
    let named = vaults.exists() && read_vaults(&vaults).map_or(true, |all| all.iter().count() > 0);
    let failed = |e: &dyn std::fmt::Display| Failure::new(Exit::Internal, format!("{}: {e}", data.display()));
    if named || !manifest.with_evidence {
        let facts = &manifest.evidence;
        let restored = Restored {
            backup: heading.created.clone(),
            checkpoint: facts.checkpoint.clone(),
            size: facts.size,
        };
        marker::write(&folder.join(marker::RESTORED), &restored).map_err(|e| failed(&e))?;
        return Ok(true);
    }
    let places = Places::in_data_dir(folder, EVIDENCE);
    said_in_log(&places, &heading.created, "no vault is named").map_err(|e| failed(&e))?;
    Ok(false)
}

/// Has the next opening of the ledger record that it was restored.
pub(super) fn said_in_log(places: &Places, created: &str, how: &str) -> Result<(), LedgerError> {
    let mut from = format!("backup of {created}; {how}");
    while from.len() > MAX_FROM {
        from.pop();
    }
    let checkpoint = places.evidence.join("log").join("checkpoint");
    note_restored(&FileDisk, places, &checkpoint, &from)
}

/// What is said in the end.
struct Told<'a> {
    heading: &'a Heading,
    manifest: &'a Manifest,
    checks: &'a [Check],
    /// Put in place; whether the ledger waits.
    settled: Option<bool>,
    holds: bool,
}

impl Told<'_> {
    fn as_json(&self, args: &StateRestore) -> String {
        let checks: Value = serde_json::from_str(&outcome::as_json(self.checks)).unwrap_or_default();
        let (heading, manifest) = (self.heading, self.manifest);
        let body = json!({"schema_version": "1.0", "backup": heading.created, "program": heading.program,
            "with_evidence": manifest.with_evidence, "evidence_leaves": manifest.evidence.size,
            "left_out": manifest.left_out, "holds": self.holds, "restored_to": self.settled.and(args.data.as_ref()),
            "waits_for_resume": self.settled, "checks": checks.get("checks")});
        format!("{body:#}\n")
    }

    fn as_text(&self, args: &StateRestore, lang: Lang) -> String {
        let created = &self.heading.created;
        let mut text = match lang {
            Lang::En => format!("backup of {created}\n"),
            Lang::Ja => format!("{created} のバックアップ\n"),
        };
        text.push_str(&outcome::table(self.checks, lang));
        let data = args.data.as_ref().map(|data| data.display().to_string()).unwrap_or_default();
        text.push_str(&match (self.settled, lang) {
            (None, Lang::En) if args.verify => "a rehearsal: nothing was put in place\n".to_owned(),
            (None, Lang::Ja) if args.verify => "確認のみ。復元先は変更していない\n".to_owned(),
            (None, Lang::En) => "nothing was put in place; --anyway does it all the same\n".to_owned(),
            (None, Lang::Ja) => "復元していない（--anyway で強行できる）\n".to_owned(),
            (Some(false), Lang::En) => format!("restored to {data}\n"),
            (Some(false), Lang::Ja) => format!("{data} に復元した\n"),
            (Some(true), lang) => self.waiting(&data, lang),
        });
        if self.settled.is_some() && self.manifest.configuration.is_some() {
            text.push_str(&match lang {
                Lang::En => format!("the configuration and what it names are below {data}/{OUTSIDE}: put them where they were\n"),
                Lang::Ja => format!("設定と関連ファイルは {data}/{OUTSIDE} の下にある。元の場所へ移すこと\n"),
            });
        }
        text
    }

    /// What has to be done before the ledger goes on.
    fn waiting(&self, data: &str, lang: Lang) -> String {
        match (self.manifest.with_evidence, lang) {
            (true, Lang::En) => format!(
                "restored to {data}; the ledger waits, because vaults may have seen more of it:\n  \
                 hinomi state resume --data {data} --anchor VAULT\n"
            ),
            (true, Lang::Ja) => format!(
                "{data} に復元した。ボールトがより先の記録を持つ可能性があるため、台帳は確認待ち：\n  \
                 hinomi state resume --data {data} --anchor VAULT\n"
            ),
            (false, Lang::En) => format!(
                "restored to {data}; the evidence comes from a vault:\n  hinomi ledger repair --data {data} --from VAULT\n  \
                 hinomi state resume --data {data} --anchor VAULT\n"
            ),
            (false, Lang::Ja) => format!(
                "{data} に復元した。証拠はボールトから戻す：\n  hinomi ledger repair --data {data} --from VAULT\n  \
                 hinomi state resume --data {data} --anchor VAULT\n"
            ),
        }
    }
}
