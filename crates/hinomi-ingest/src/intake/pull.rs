//! The reader as its owner sees it.

use std::sync::Arc;

use hinomi_model::{DiagnosticKind, Diagnostics, Timestamp};

use super::buffer::Pool;
use super::class::Class;
use super::cutter::Cutter;
use super::item::{Item, MemberDone, Progress};
use super::layers::{Layers, Leaf, Step};
use super::options::{Options, Root};
use crate::{Clocks, Member, Unit};

/// Reads roots to their end, one [`Item`] per call.
///
/// It holds one unit being filled; what it has handed out belongs to the caller, who may return buffers with
/// [`Intake::recycle`].
pub struct Intake {
    layers: Layers,
    current: Option<Current>,
    pool: Pool,
    ordinal: u64,
}

struct Current {
    cutter: Cutter,
    member: Arc<Member>,
    place: String,
    class: Class,
    modified: Option<Timestamp>,
    joined: bool,
    clocks: Arc<Clocks>,
}

impl Intake {
    /// Prepares to read `roots` in the given order. Walks the folders once to know how much there is.
    pub fn new(roots: Vec<Root>, options: Options) -> Self {
        let mut layers = Layers::new(roots, options);
        layers.survey();
        Self { layers, current: None, pool: Pool::default(), ordinal: 0 }
    }

    /// Reads on until there is something to hand out; `None` when all is read.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would forbid the other methods between items"
    )]
    pub fn next(&mut self) -> Option<Item> {
        if let Some(mut current) = self.current.take() {
            return Some(match self.unit(&mut current) {
                Some(item) => {
                    self.current = Some(current);
                    item
                }
                None => self.end(&current),
            });
        }
        match self.layers.next() {
            Some(Step::File(done)) => Some(Item::File(done)),
            Some(Step::Leaf(leaf)) => Some(self.begin(leaf)),
            None => {
                self.layers.losses.close();
                None
            }
        }
    }

    /// Says that something in that outer file will be cited: it is hashed while it is read instead of read twice.
    pub fn hash_along(&mut self, file: u32) {
        self.layers.hash_along(file);
    }

    /// Takes back the buffer of a unit that is no longer needed.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        self.pool.give(buffer, &self.layers.options().limits);
    }

    /// The losses since the last call.
    pub fn take_diagnostics(&mut self) -> Diagnostics {
        self.layers.losses.take()
    }

    /// How far reading has come.
    pub fn progress(&self) -> Progress {
        let mut progress = self.layers.progress();
        if let Some(current) = &self.current {
            progress.place.clone_from(&current.place);
        }
        progress
    }

    fn begin(&mut self, leaf: Leaf) -> Item {
        let Leaf { member, class, modified, size, is_whole, joined, stream } = leaf;
        let leaf_bytes = is_whole.then_some(size);
        match (class, stream) {
            (Class::Log(format), Some(stream)) => {
                let options = self.layers.options();
                let latest = modified.map_or(options.now, |time| time.min(options.now));
                let clocks = Arc::new(Clocks { zone: options.zone.clone(), latest });
                let cutter = Cutter::new(format, stream, leaf_bytes);
                let place = member.place();
                let mut current = Current { cutter, member, place, class, modified, joined, clocks };
                let item = self.unit(&mut current);
                let item = item.unwrap_or_else(|| self.end(&current));
                if matches!(item, Item::Unit(..)) {
                    self.current = Some(current);
                }
                item
            }
            (class, _) => {
                if class == Class::Unrecognised {
                    let message =
                        format!("no log format was recognised; {size} bytes or more are not searched");
                    self.layers.losses.push(&member.place(), 0, DiagnosticKind::Unrecognised, message);
                }
                self.layers.count_member();
                Item::Member(MemberDone { member, class, bytes: size, modified })
            }
        }
    }

    fn unit(&mut self, current: &mut Current) -> Option<Item> {
        let Class::Log(format) = current.class else { return None };
        let limits = self.layers.options().limits.clone();
        let piece = current.cutter.next(&limits, &mut self.pool, &current.place, &mut self.layers.losses)?;
        let unit = Unit {
            member: Arc::clone(&current.member),
            ordinal: self.ordinal,
            offset: piece.offset,
            bytes: piece.bytes,
            preamble: piece.preamble,
            clocks: Arc::clone(&current.clocks),
        };
        self.ordinal += 1;
        Some(Item::Unit(format, unit))
    }

    fn end(&mut self, current: &Current) -> Item {
        if current.cutter.is_inside_an_array() && !current.joined {
            let message = "the array does not end: entries may be missing";
            let at = current.cutter.position();
            self.layers.losses.push(&current.place, at, DiagnosticKind::Truncated, message);
        }
        self.layers.count_member();
        Item::Member(MemberDone {
            member: Arc::clone(&current.member),
            class: current.class,
            bytes: current.cutter.position(),
            modified: current.modified,
        })
    }
}
