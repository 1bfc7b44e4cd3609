//! Gists of leaves that are not derived, in a bounded room: made once for all searches.
//!
//! # Invariants
//! - Groups do not overlap, and a group has every waiting leaf between its first and its last.
//! - All gists take [`MOST_BYTES`] at most, rows of coverage included, and there are [`MOST_PLACES`] names at most. When there is no room the oldest goes, or is not taken.

use std::collections::{BTreeMap, HashMap};

use hinomi_query::CoverageRow;
use hinomi_query::derive::Gist;

use crate::derived::Outline;

/// Bytes of all gists.
const MOST_BYTES: usize = 64 << 20;
/// Names of kind, host and day that are known as long as there are groups. Whoever sends events names hosts: events of further ones are
/// not counted, so that their days are said to be missing.
const MOST_PLACES: usize = 65_536;

type Place = (String, String, String);

/// The gist of a group of leaves.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) last: u64,
    pub(super) gist: Gist,
    losses: u64,
    /// Places and events there.
    coverage: Box<[(u32, u32)]>,
    /// What was derived of these leaves is searched in place of it.
    pub(super) is_held: bool,
}

impl Group {
    fn bytes(&self) -> usize {
        self.gist.bytes() + size_of_val(&*self.coverage) + size_of::<Self>()
    }
}

/// Those that are kept, by the first leaf.
#[derive(Debug, Default)]
pub(super) struct Gists {
    groups: BTreeMap<u64, Group>,
    bytes: usize,
    numbers: HashMap<Place, u32>,
    places: Vec<Place>,
    /// Grows with every change.
    pub(super) version: u64,
}

impl Gists {
    /// The group of a leaf, and its first.
    pub(super) fn of(&self, leaf: u64) -> Option<(u64, &Group)> {
        let (first, group) = self.groups.range(..=leaf).next_back()?;
        (leaf <= group.last).then_some((*first, group))
    }

    /// Keeps the gist of a group, if there is room. Says which leaves lost theirs: first and last of groups that had to go.
    pub(super) fn keep(
        &mut self,
        (first, last): (u64, u64),
        outline: Outline,
    ) -> Result<Vec<(u64, u64)>, Outline> {
        let rows = outline.gist.coverage.len();
        let wanted = outline.gist.bytes() + rows * size_of::<(u32, u32)>() + size_of::<Group>();
        let mut gone = Vec::new();
        while self.bytes + wanted > MOST_BYTES {
            let Some((&oldest, _)) = self.groups.first_key_value().filter(|(oldest, _)| **oldest < first)
            else {
                return Err(outline);
            };
            gone.extend(self.remove(oldest).map(|group| (oldest, group.last)));
        }
        let Outline { mut gist, losses } = outline;
        let rows = std::mem::take(&mut gist.coverage);
        let coverage = rows.into_iter().filter_map(|row| self.number(row)).collect();
        let group = Group { last, gist, losses, coverage, is_held: false };
        self.bytes += group.bytes();
        self.groups.insert(first, group);
        self.version += 1;
        Ok(gone)
    }

    fn number(&mut self, row: CoverageRow) -> Option<(u32, u32)> {
        let events = u32::try_from(row.events).unwrap_or(u32::MAX);
        let place = (row.kind, row.host, row.day);
        if let Some(number) = self.numbers.get(&place) {
            return Some((*number, events));
        }
        let number = u32::try_from(self.places.len()).ok().filter(|n| (*n as usize) < MOST_PLACES)?;
        self.places.push(place.clone());
        self.numbers.insert(place, number);
        Some((number, events))
    }

    /// Says whether what was derived of a group is searched in place of its gist.
    pub(super) fn hold(&mut self, first: u64, is_held: bool) {
        if let Some(group) = self.groups.get_mut(&first) {
            group.is_held = is_held;
        }
    }

    /// Drops the group that begins with a leaf.
    fn remove(&mut self, first: u64) -> Option<Group> {
        let group = self.groups.remove(&first)?;
        self.bytes = self.bytes.saturating_sub(group.bytes());
        if self.groups.is_empty() {
            // Days go on: names that no group has would take the room of new ones.
            self.numbers.clear();
            self.places.clear();
        }
        self.version += 1;
        Some(group)
    }

    /// Drops groups that have leaves before one, and says which: first and last.
    pub(super) fn drop_before(&mut self, leaf: u64) -> Vec<(u64, u64)> {
        let firsts: Vec<u64> = self.groups.range(..leaf).map(|(first, _)| *first).collect();
        firsts.into_iter().filter_map(|first| Some((first, self.remove(first)?.last))).collect()
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        *self = Self { version: self.version + 1, ..Self::default() };
    }

    /// What groups hold that nothing else is searched of: events by kind, host and day, and what could not be read.
    pub(super) fn coverage(&self) -> (Vec<CoverageRow>, u64) {
        let mut events: Vec<u64> = vec![0; self.places.len()];
        let mut losses = 0;
        for group in self.groups.values().filter(|group| !group.is_held) {
            losses += group.losses;
            for (place, count) in &group.coverage {
                if let Some(sum) = events.get_mut(*place as usize) {
                    *sum += u64::from(*count);
                }
            }
        }
        let row = |((kind, host, day), events): (&Place, u64)| CoverageRow {
            kind: kind.clone(),
            host: host.clone(),
            day: day.clone(),
            events,
        };
        (self.places.iter().zip(events).filter(|(_, events)| *events > 0).map(row).collect(), losses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(rows: usize) -> Outline {
        let row = |n: usize| CoverageRow {
            kind: "k".to_owned(),
            host: format!("h{n}"),
            day: "2026-11-02".to_owned(),
            events: 2,
        };
        let mut outline = Outline { losses: 1, ..Outline::default() };
        outline.gist.coverage = (0..rows).map(row).collect();
        outline
    }

    #[test]
    fn groups_are_found_by_their_leaves_and_go_where_derived_data_comes() {
        let mut gists = Gists::default();
        gists.keep((10, 14), outline(2)).unwrap();
        gists.keep((20, 20), outline(1)).unwrap();
        let of = |gists: &Gists, leaf| gists.of(leaf).map(|(first, _)| first);
        let found: Vec<Option<u64>> = [9, 10, 14, 15, 20, 21].map(|leaf| of(&gists, leaf)).to_vec();
        assert_eq!(found, [None, Some(10), Some(10), None, Some(20), None]);
        let (rows, losses) = gists.coverage();
        assert_eq!((rows.iter().map(|row| row.events).collect::<Vec<_>>(), losses), (vec![4, 2], 2));
        gists.hold(10, true);
        assert_eq!(gists.coverage().0.len(), 1);
        assert_eq!(gists.drop_before(12), [(10, 14)]);
        assert_eq!(of(&gists, 12), None);
        assert_eq!(gists.places.len(), 2, "a group is left");
        assert_eq!(gists.drop_before(30), [(20, 20)]);
        assert!(gists.places.is_empty() && gists.numbers.is_empty());
        gists.keep((30, 31), outline(1)).unwrap();
        assert_eq!(gists.coverage().0.len(), 1);
        gists.clear();
        assert!(gists.coverage().0.is_empty() && of(&gists, 20).is_none() && gists.bytes == 0);
    }

    #[test]
    fn when_there_is_no_room_the_oldest_goes_or_is_not_taken() {
        let mut gists = Gists { bytes: MOST_BYTES - 10, ..Gists::default() };
        assert!(gists.keep((5, 5), outline(0)).is_err());
        gists.bytes = MOST_BYTES - 2 * size_of::<Group>() - outline(0).gist.bytes();
        gists.keep((5, 6), outline(0)).unwrap();
        assert!(gists.keep((3, 4), outline(0)).is_err());
        assert_eq!(gists.keep((8, 9), outline(0)).unwrap(), [(5, 6)]);
        assert!(gists.of(5).is_none() && gists.of(9).is_some());
    }
}
