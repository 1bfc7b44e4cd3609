//! Opening a ledger for writing, with the vaults that its new keys are sealed to.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use hinomi_ledger::vault::is_vault;
use hinomi_ledger::{FileDisk, Ledger, Options, Recovery};
use hinomi_server::publication::Credentials;

use super::{failure, places, surroundings};
use crate::exit::{Exit, Failure};

/// The file in a data directory that names its vaults: a line each, as `hinomi vault init` prints it.
pub(in super::super) const VAULTS: &str = "vaults.txt";

/// The vaults of the ledger in a data directory.
pub(super) fn vaults(data: &Path) -> Result<Credentials, Failure> {
    let path = data.join(VAULTS);
    let at = |e: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("{}: {e}", path.display()));
    let mode = match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Credentials::default()),
        other => other.map_err(|e| at(&e))?.permissions().mode(),
    };
    // Whoever writes here receives the keys of all that comes.
    if mode & 0o022 != 0 {
        return Err(at(&"others can write to it, and would be given keys").hint("chmod go-w"));
    }
    read(&path)
}

/// Reads a file of vaults.
pub(in super::super) fn read(path: &Path) -> Result<Credentials, Failure> {
    let at = |e: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("{}: {e}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| at(&e))?;
    Credentials::parse(path, &text).map_err(|e| {
        Failure::new(Exit::Usage, e).hint("one credential a line, as hinomi vault init prints it")
    })
}

/// How a ledger works whose keys are sealed to these vaults.
pub(super) fn options(vaults: &Credentials) -> Options {
    Options { vaults: vaults.iter().map(|vault| vault.recipient).collect(), ..Options::default() }
}

/// Opens a ledger for writing.
pub(super) fn open(data: &Path) -> Result<(Ledger, Recovery), Failure> {
    open_with(data, &vaults(data)?)
}

/// Opens a ledger for writing, its new keys sealed to these vaults.
pub(super) fn open_with(data: &Path, vaults: &Credentials) -> Result<(Ledger, Recovery), Failure> {
    if is_vault(&FileDisk, data) {
        let text = format!("{}: a vault holds a copy that only its own pulls add to", data.display());
        return Err(Failure::new(Exit::Usage, text).hint("give the data directory of the primary"));
    }
    super::super::state::refuse_unsettled(data)?;
    Ledger::open(surroundings(), places(data), options(vaults)).map_err(failure)
}
