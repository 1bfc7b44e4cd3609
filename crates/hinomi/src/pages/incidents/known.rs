//! The newest detections of the decision ledger, as they come.

use std::collections::VecDeque;
use std::path::Path;

use super::MOST;
use crate::live::{DecisionReader, Leaves, LiveDetection};
use crate::pages::Refused;

/// Leaves that are looked at once for detections, from the end back, when reading begins.
const MOST_LEAVES: u64 = 500_000;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Detected {
    reader: Option<DecisionReader>,
    /// First leaf that was not looked at.
    position: u64,
    /// In the order of their decision.
    all: VecDeque<LiveDetection>,
    /// Older ones are left out.
    cut: bool,
    /// Records whose form is not known.
    strange: u64,
}

/// What a look brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Came {
    pub(super) any: bool,
    pub(super) activated: bool,
}

impl Detected {
    /// The detections, in the order of their decision.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &LiveDetection> + ExactSizeIterator {
        self.all.iter()
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Takes in what the ledger gained.
    pub(super) fn read_on(&mut self, data: &Path) -> Result<Came, Refused> {
        if self.reader.is_none() {
            self.reader = DecisionReader::open(data)?;
        }
        let Some(reader) = self.reader.as_mut() else { return Ok(Came::default()) };
        let size = reader.size()?;
        let (from, mut came) = (self.position, Came::default());
        let mut parts: Vec<Vec<LiveDetection>> = Vec::new();
        let mut held = 0;
        // From the end back: of many only the newest are needed.
        for leaf in (from.max(size.saturating_sub(MOST_LEAVES))..size).rev() {
            match reader.leaf(leaf)? {
                Leaves::Detections(found, strange) if held < MOST => {
                    held += found.len();
                    self.strange += strange as u64;
                    parts.push(found);
                }
                Leaves::Detections(..) => {
                    self.cut = true;
                    break;
                }
                Leaves::Activation => came.activated = true,
                Leaves::Other => {}
            }
        }
        self.cut |= size.saturating_sub(from) > MOST_LEAVES;
        came.any = held > 0;
        self.all.extend(parts.into_iter().rev().flatten());
        while self.all.len() > MOST {
            self.all.pop_front();
            self.cut = true;
        }
        self.position = size;
        Ok(came)
    }
}
