//! Exports, and the graph of everything that is known, for the commands that need them.

use std::path::PathBuf;
use std::sync::Arc;

use hinomi_assure::estate::{CloudTable, Estate, Material, SecretTable, StoredSecret};
use hinomi_assure::graph::{Builder, Catalogue, DirectoryFormat};
use hinomi_assure::inventory::Inventory;
use hinomi_assure::posture::Pack;
use hinomi_model::Timestamp;

use crate::assure::{Content, Gathered};
use crate::exit::{Exit, Failure};
use crate::exports::{Connections, Exports, Reader};

/// What exports are read with.
pub(super) struct Readers {
    catalogue: Arc<Catalogue>,
    format: DirectoryFormat,
    table: SecretTable,
    cloud: CloudTable,
}

impl Readers {
    pub(super) fn bundled() -> Result<Self, Failure> {
        let internal = |e: &dyn std::fmt::Display| Failure::new(Exit::Internal, e);
        let catalogue = Arc::new(Catalogue::bundled().map_err(|e| internal(&e))?);
        let format = DirectoryFormat::bundled(&catalogue).map_err(|e| internal(&e))?;
        let table = SecretTable::bundled().map_err(|e| internal(&e))?;
        let cloud = CloudTable::bundled().map_err(|e| internal(&e))?;
        Ok(Self { catalogue, format, table, cloud })
    }

    /// Exports among logs and those given as such.
    pub(super) fn find(&self, pack: &Pack, paths: &[PathBuf], given: &[PathBuf]) -> Result<Exports, Failure> {
        let reader = Reader { pack, format: &self.format, cloud: &self.cloud };
        reader.read(paths, given).map_err(|(path, error)| {
            Failure::new(Exit::Unreadable, format!("--exports {}: {error}", path.display()))
        })
    }

    /// What they say of who can reach what.
    pub(super) fn connections(&self, exports: Exports) -> Connections {
        let mut read =
            exports.connections(Arc::clone(&self.catalogue), &self.format, (&self.table, &self.cloud));
        read.unread.extend(exports.unread);
        read
    }
}

/// What is known beside the exports.
pub(super) struct Known<'k> {
    pub(super) content: &'k Content,
    pub(super) gathered: &'k Gathered,
    pub(super) inventory: &'k Inventory,
    pub(super) now: Timestamp,
}

impl Known<'_> {
    /// One graph of everything.
    pub(super) fn estate(&self, builder: Builder, secrets: &[StoredSecret]) -> Estate {
        let place = |event: usize| {
            let event = self.gathered.events.get(event)?;
            Some((event.member.place(), event.offset))
        };
        let material = Material {
            specs: &self.content.specs,
            observations: &self.gathered.observations,
            logs: &self.gathered.logs,
            inventory: self.inventory,
            secrets,
            now: self.now,
            place: &place,
        };
        Estate::build(builder, &material)
    }
}
