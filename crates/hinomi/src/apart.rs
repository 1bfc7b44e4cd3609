//! Files and archives, taken apart into the logs in them: for whoever keeps logs instead of reading their events.

use std::fs::File;
use std::io::{self, Read};

use hinomi_ingest::Member;
use hinomi_ingest::intake::{Members, OpenMember};
use hinomi_model::Diagnostics;

/// What a log is called: as its file, and behind `!` the way to it in an archive.
pub(crate) fn name(file: &str, inner: &str) -> String {
    if inner.is_empty() { file.to_owned() } else { format!("{file}!{inner}") }
}

/// Hands out every log in order, and between them what was lost. A file that is packed in a way that is not read is handed
/// out as it is.
pub(crate) fn each_log<E>(
    mut members: Members,
    mut take: impl FnMut(&Member, io::Result<Box<dyn Read>>) -> Result<(), E>,
    mut tell: impl FnMut(&Diagnostics),
) -> Result<(), E> {
    while let Some(OpenMember { member, bytes, .. }) = members.next() {
        match bytes {
            Some(bytes) => take(&member, Ok(bytes))?,
            None if member.inner.is_empty() => {
                take(&member, File::open(&member.path).map(|file| Box::new(file) as Box<dyn Read>))?;
            }
            None => {}
        }
        tell(&members.take_diagnostics());
    }
    tell(&members.take_diagnostics());
    Ok(())
}
