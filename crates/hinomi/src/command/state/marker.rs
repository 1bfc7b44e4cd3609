//! What backups and restores leave in a data directory, for whoever comes next.
//!
//! | file | says |
//! |---|---|
//! | `last-backup.json` | when a backup was made last, and where to |
//! | `restored.json` | a restored ledger must not go on before it was compared with what others have seen |
//! | `.restoring` | a folder: a restore is at work here, or was interrupted |

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

pub(super) const LAST_BACKUP: &str = "last-backup.json";
pub(super) const RESTORED: &str = "restored.json";
pub(super) const RESTORING: &str = ".restoring";

/// The last backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::command) struct LastBackup {
    /// RFC 3339.
    pub(in crate::command) at: String,
    /// Its file.
    pub(in crate::command) to: String,
    /// Leaves of the evidence at that time.
    pub(in crate::command) leaves: u64,
}

/// What a ledger was restored from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Restored {
    /// When the backup was made (RFC 3339).
    pub(super) backup: String,
    /// The signed checkpoint of then.
    pub(super) checkpoint: String,
    /// Leaves that it covers.
    pub(super) size: u64,
}

/// Writes a small file whole or not at all.
pub(super) fn write(path: &Path, value: &impl Serialize) -> std::io::Result<()> {
    let next = path.with_extension("json.new");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&next)?;
    file.write_all(&serde_json::to_vec_pretty(value)?)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&next, path)
}

/// When a backup was made last; `None` when nothing says so.
pub(in crate::command) fn last_backup(data: &Path) -> Option<LastBackup> {
    serde_json::from_slice(&std::fs::read(data.join(LAST_BACKUP)).ok()?).ok()
}

/// What a data directory was restored from, if that was not settled yet.
pub(super) fn restored(data: &Path) -> Result<Option<Restored>, Failure> {
    let path = data.join(RESTORED);
    let at = |e: &dyn std::fmt::Display| Failure::new(Exit::Failed, format!("{}: {e}", path.display()));
    match std::fs::read(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => serde_json::from_slice(&other.map_err(|e| at(&e))?).map(Some).map_err(|e| at(&e)),
    }
}

/// Refuses to write to a ledger that was restored and not compared with what others have seen: it could sign another history
/// than they hold.
pub(in crate::command) fn refuse_unsettled(data: &Path) -> Result<(), Failure> {
    if data.join(RESTORING).exists() {
        let text = format!("{}: a restore is at work here, or was interrupted", data.display());
        let japanese = format!("{}：復元の途中か、中断されたままです", data.display());
        let failure = Failure::new(Exit::Usage, text).hint("empty the folder and restore again");
        return Err(failure.japanese(japanese, "フォルダーを空にして、もう一度復元してください"));
    }
    let Some(restored) = restored(data)? else { return Ok(()) };
    let (backup, size) = (&restored.backup, restored.size);
    let text = format!(
        "{}: it was restored from a backup of {backup} with {size} leaves, and somebody outside may have seen more",
        data.display()
    );
    let japanese = format!(
        "{}：{backup} のバックアップ（{size} リーフ）から復元したままで、その後の記録を外部が見ている可能性があります",
        data.display()
    );
    let (hint, in_japanese) = if data.join("evidence").join("format").exists() {
        (
            "hinomi state resume --data DIR --anchor VAULT compares it with a vault; docs/backup.md",
            "hinomi state resume --data DIR --anchor ボールト で照合してください（docs/backup.md）",
        )
    } else {
        (
            "bring the evidence from a vault: hinomi ledger repair --data DIR --from VAULT; then hinomi state resume",
            "hinomi ledger repair --data DIR --from ボールト で証拠を戻してから、hinomi state resume を実行してください",
        )
    };
    Err(Failure::new(Exit::Usage, text).hint(hint).japanese(japanese, in_japanese))
}
