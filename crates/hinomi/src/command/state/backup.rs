//! `hinomi state backup`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hinomi_ledger::{SealedWriter, SystemEntropy, VaultRecipient};
use hinomi_model::Timestamp;
use serde_json::json;

use super::super::print;
use super::archive::{ArchiveWriter, Manifest};
use super::gather::Gathering;
use super::{marker, recovery_key};
use crate::args::{Lang, StateBackup};
use crate::clock;
use crate::command::ledger::VAULTS;
use crate::exit::{Exit, Failure};
use crate::render::harmless;

const ENDING: &str = "hnb";

pub(super) fn run(args: &StateBackup) -> Result<Exit, Failure> {
    let recipients = recovery_key::recipients(&args.recipient, &args.data)?;
    let now = clock::now();
    let to = target(&args.to, now)?;
    let unfinished = Unfinished::begin(&to)?;
    let manifest = fill(&unfinished, args, &recipients, now)?;
    let bytes = unfinished.finish(&to)?;
    let last = marker::LastBackup {
        at: now.to_string(),
        to: to.display().to_string(),
        leaves: manifest.evidence.size,
    };
    let noted = marker::write(&args.data.join(marker::LAST_BACKUP), &last);
    let text = if args.json {
        as_json(&to, bytes, &manifest, &recipients, now)
    } else {
        let kept_elsewhere = args.data.join(VAULTS).exists();
        as_text(&to, bytes, &manifest, kept_elsewhere, args.lang.unwrap_or_else(super::language))
    };
    print(text.as_bytes())?;
    // The backup is there; only its age will not be known.
    noted.map_err(|e| {
        let path = args.data.join(marker::LAST_BACKUP);
        Failure::new(Exit::Unreadable, format!("the backup is written, but not {}: {e}", path.display()))
    })?;
    Ok(Exit::Clean)
}

/// The file to write.
fn target(to: &Path, now: Timestamp) -> Result<PathBuf, Failure> {
    let to = if to.is_dir() {
        let digits: String =
            now.to_string().chars().take(19).filter(|c| c.is_ascii_digit() || *c == 'T').collect();
        to.join(format!("hinomi-{digits}Z.{ENDING}"))
    } else {
        to.to_owned()
    };
    if to.symlink_metadata().is_ok() {
        let text = format!("{}: it is there already", to.display());
        let japanese = format!("{}：すでに存在します", to.display());
        let failure = Failure::new(Exit::Usage, text).hint("a backup never takes the place of another");
        return Err(failure.japanese(japanese, "既存のバックアップは上書きしません"));
    }
    Ok(to)
}

/// A file that has not its name yet, and goes when nobody finishes it.
struct Unfinished {
    path: PathBuf,
    file: File,
    finished: bool,
}

impl Unfinished {
    fn begin(to: &Path) -> Result<Self, Failure> {
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let path = to.with_file_name(format!(".{name}.partial"));
        let failed = |e: io::Error| Failure::new(Exit::Internal, format!("{}: {e}", path.display()));
        // Left by a run that was killed.
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        Ok(Self { path, file, finished: false })
    }

    /// Gives it its name once all of it is on the disk. Its length.
    fn finish(mut self, to: &Path) -> Result<u64, Failure> {
        let failed = |e: io::Error| Failure::new(Exit::Internal, format!("{}: {e}", to.display()));
        self.file.sync_all().map_err(failed)?;
        let bytes = self.file.metadata().map_err(failed)?.len();
        std::fs::rename(&self.path, to).map_err(failed)?;
        self.finished = true;
        let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(bytes)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished {
            // What is left under this name is overwritten by the next run.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn fill(
    unfinished: &Unfinished,
    args: &StateBackup,
    recipients: &[VaultRecipient],
    now: Timestamp,
) -> Result<Manifest, Failure> {
    let failed = |e: &dyn std::fmt::Display| {
        Failure::new(Exit::Internal, format!("{}: {e}", unfinished.path.display()))
    };
    let out = BufWriter::with_capacity(1 << 20, &unfinished.file);
    let sealed = SealedWriter::new(out, recipients, &SystemEntropy).map_err(|e| failed(&e))?;
    let archive = ArchiveWriter::new(sealed, &now.to_string()).map_err(|e| failed(&e))?;
    let gathering = Gathering { archive, data: &args.data, left_out: Vec::new() };
    let (out, manifest) = gathering.run(args.config.as_deref(), args.with_evidence)?;
    out.into_inner().map_err(|e| failed(&e))?;
    Ok(manifest)
}

fn as_json(
    to: &Path,
    bytes: u64,
    manifest: &Manifest,
    recipients: &[VaultRecipient],
    now: Timestamp,
) -> String {
    let recipients: Vec<String> = recipients.iter().map(recovery_key::text_of).collect();
    let body = json!({"schema_version": "1.0", "file": to, "bytes": bytes, "created": now.to_string(),
        "recipients": recipients, "files": manifest.files, "content_bytes": manifest.bytes,
        "with_evidence": manifest.with_evidence, "left_out": manifest.left_out,
        "evidence_leaves": manifest.evidence.size, "checkpoint": manifest.evidence.checkpoint,
        "decision_leaves": manifest.decisions.as_ref().map(|d| d.size)});
    format!("{body:#}\n")
}

fn as_text(to: &Path, bytes: u64, manifest: &Manifest, kept_elsewhere: bool, lang: Lang) -> String {
    let (path, files, leaves) = (to.display(), manifest.files, manifest.evidence.size);
    let mut text = match (lang, manifest.with_evidence) {
        (Lang::En, true) => {
            format!("{path}: {files} files, {bytes} bytes sealed, with the evidence up to leaf {leaves}\n")
        }
        (Lang::En, false) => format!(
            "{path}: {files} files, {bytes} bytes sealed. The evidence is not in it ({leaves} leaves): that is what vaults keep\n"
        ),
        (Lang::Ja, true) => {
            format!("{path}: {files} ファイル、封印後 {bytes} バイト。証拠（{leaves} リーフまで）を含む\n")
        }
        (Lang::Ja, false) => format!(
            "{path}: {files} ファイル、封印後 {bytes} バイト。証拠（{leaves} リーフ）は含まれない（ボールトが保管する）\n"
        ),
    };
    if !manifest.with_evidence && !kept_elsewhere {
        text.push_str(match lang {
            Lang::En => {
                "  WARNING: no vault is named in vaults.txt: if this machine is lost, so is the evidence (--with-evidence takes it along)\n"
            }
            Lang::Ja => {
                "  警告：vaults.txt にボールトがない。この端末を失うと証拠も失われる（--with-evidence で含められる）\n"
            }
        });
    }
    for line in &manifest.left_out {
        let line = harmless(line);
        text.push_str(&match lang {
            Lang::En => format!("  not taken: {line}\n"),
            Lang::Ja => format!("  対象外: {line}\n"),
        });
    }
    text
}
