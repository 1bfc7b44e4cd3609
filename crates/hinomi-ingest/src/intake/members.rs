//! Members as bytes, for whoever keeps them instead of reading their events.

use std::io::Read;
use std::sync::Arc;

use hinomi_model::Diagnostics;

use super::class::Class;
use super::layers::{Layers, Step};
use super::options::{Options, Root};
use crate::Member;

/// A file or a member of an archive, unpacked but not transcoded.
pub struct OpenMember {
    /// Which.
    pub member: Arc<Member>,
    /// What it looks like.
    pub class: Class,
    /// Its bytes; `None` when it could not be opened or is packed in a way that is not read.
    pub bytes: Option<Box<dyn Read + Send>>,
}

/// Walks roots as [`super::Intake`] does, in the same order and under the same limits.
pub struct Members {
    layers: Layers,
}

impl Members {
    /// Prepares to walk.
    pub fn new(roots: Vec<Root>, options: Options) -> Self {
        Self { layers: Layers::new(roots, options).untranscoded() }
    }

    /// The losses since the last call.
    pub fn take_diagnostics(&mut self) -> Diagnostics {
        self.layers.losses.take()
    }
}

impl Iterator for Members {
    type Item = OpenMember;

    fn next(&mut self) -> Option<OpenMember> {
        loop {
            match self.layers.next() {
                Some(Step::Leaf(leaf)) => {
                    let bytes = leaf.stream;
                    return Some(OpenMember { member: leaf.member, class: leaf.class, bytes });
                }
                Some(Step::File(_)) => {}
                None => {
                    self.layers.losses.close();
                    return None;
                }
            }
        }
    }
}
