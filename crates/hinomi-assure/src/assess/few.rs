//! The first few events of many.

use hinomi_model::Timestamp;

/// Events kept.
const MOST: usize = 3;

/// The first few of all events that were added, whatever their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Few(Vec<(Timestamp, usize)>);

impl Few {
    pub(super) fn add(&mut self, time: Timestamp, event: usize) {
        let new = (time, event);
        let at = self.0.partition_point(|known| *known <= new);
        if at < MOST {
            self.0.insert(at, new);
            self.0.truncate(MOST);
        }
    }

    pub(super) fn events(&self) -> Vec<usize> {
        self.0.iter().map(|(_, event)| *event).collect()
    }
}
