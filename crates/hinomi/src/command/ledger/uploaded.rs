//! Uploaded files, taken apart as `hinomi ledger append` does.

use std::io;
use std::path::Path;

use hinomi_ingest::intake::{Members, Options as Reading, Root};
use hinomi_ledger::SystemClock;
use hinomi_model::{Clock as _, DiagnosticKind, Diagnostics};
use hinomi_server::receive::{Keep, NotRead, Piece, TakeApart, Uploading};

use super::numbers::{Numbers, Place};
use crate::apart;
use crate::framing;
use crate::render::harmless;

/// The folder in a data directory where uploaded files are until they were taken apart.
const FOLDER: &str = "uploads";
/// Members of one file that are taken: each is a source of its own.
const MEMBERS: u64 = 20_000;
/// Remarks that are told.
const REMARKS: usize = 100;

/// Uploads into the ledger of a data directory.
pub(in super::super) fn uploading(data: &Path) -> Uploading {
    Uploading { folder: data.join(FOLDER), apart: Box::new(ByContent) }
}

/// Takes files apart by what is in them.
struct ByContent;

/// Remarks, the first of them in words.
#[derive(Default)]
struct Remarks(NotRead);

impl Remarks {
    fn add(&mut self, remark: &str) {
        self.0.count += 1;
        if self.0.remarks.len() < REMARKS {
            self.0.remarks.push(harmless(remark));
        }
    }

    /// Losses, with the name of the file in place of where it is.
    fn add_losses(&mut self, losses: &Diagnostics, file: &str, name: &str) {
        for loss in losses.entries() {
            // That a file holds no known format matters to whoever reads it, not to whoever keeps it.
            if loss.kind != DiagnosticKind::Unrecognised {
                self.add(&loss.to_string().replacen(file, name, 1));
                self.0.count += loss.repeated;
            }
        }
    }
}

impl TakeApart for ByContent {
    fn take_apart(&self, file: &Path, name: &str, unpacked: u64, keep: Keep<'_>) -> io::Result<NotRead> {
        let mut reading = Reading::at(SystemClock.now());
        let limits = &mut reading.limits;
        (limits.file_bytes, limits.members) = (unpacked, MEMBERS);
        limits.member_bytes = limits.member_bytes.min(unpacked);
        let members = Members::new(vec![Root::Path(file.to_owned())], reading);
        let remarks = std::cell::RefCell::new(Remarks::default());
        let shown = file.display().to_string();
        apart::each_log(
            members,
            |member, bytes| {
                let log = apart::name(name, &member.inner);
                let mut refused = None;
                let read = bytes.and_then(|bytes| frames(bytes, &log, keep, &mut refused));
                if let Some(error) = refused {
                    return Err(error);
                }
                if let Err(error) = read {
                    remarks.borrow_mut().add(&format!("{log}: {error}"));
                }
                Ok(())
            },
            |losses| remarks.borrow_mut().add_losses(losses, &shown, name),
        )?;
        Ok(remarks.into_inner().0)
    }
}

/// Hands the records of a log to `keep`; what that refused is told apart from what could not be read.
fn frames(
    bytes: Box<dyn io::Read>,
    log: &str,
    keep: Keep<'_>,
    refused: &mut Option<io::Error>,
) -> io::Result<()> {
    let mut numbers = Numbers::new(&Place::None);
    framing::frames(bytes, |batch| {
        let piece = |bytes: Vec<u8>| Piece { sequence: numbers.of(&bytes), bytes };
        keep(log, batch.into_iter().map(piece).collect()).map_err(|error| {
            *refused = Some(error);
            io::ErrorKind::Other.into()
        })
    })
}
