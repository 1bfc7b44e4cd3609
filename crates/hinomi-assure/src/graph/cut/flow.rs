//! Greatest flow through a network of arcs with whole capacities (Dinic 1970).
//!
//! Distances are measured from the sink, so that a search that starts at the source only walks arcs that lead on; every
//! phase saturates all shortest ways at once. With small capacities the number of phases grows with the length of the ways,
//! which in directories are short.
//!
//! # Invariants
//! - Work is counted in arcs looked at; above the bound the search gives up instead of running on a network that was made
//!   for it.

use super::super::total::{at, number, set, starts};

/// Capacity that no cut can pay for.
pub(super) const UNBOUNDED: u64 = u64::MAX / 4;
const FAR: u32 = u32::MAX;

/// A network and the flow through it.
#[derive(Debug)]
pub(super) struct Network {
    start: Vec<u32>,
    head: Vec<u32>,
    /// What still fits through an arc.
    rest: Vec<u64>,
    /// The arc the other way.
    twin: Vec<u32>,
    source: u32,
    sink: u32,
    level: Vec<u32>,
    cursor: Vec<u32>,
    /// Arcs looked at.
    pub(super) steps: u64,
    pub(super) phases: u32,
}

/// The work that was allowed is done.
#[derive(Debug)]
pub(super) struct TooMuchWork;

impl Network {
    /// A network of arcs (from, to, capacity).
    pub(super) fn new(nodes: usize, arcs: &[(u32, u32, u64)], source: u32, sink: u32) -> Self {
        let ends = arcs.iter().flat_map(|(from, to, _)| [*from, *to]);
        let start = starts(nodes, ends);
        let mut next = start.clone();
        let mut place = |node: u32| {
            let place = at(&next, node);
            set(&mut next, node, place + 1);
            place
        };
        let length = arcs.len() * 2;
        let (mut head, mut rest, mut twin) = (vec![0; length], vec![0; length], vec![0; length]);
        for (from, to, capacity) in arcs {
            let (there, back) = (place(*from), place(*to));
            set(&mut head, there, *to);
            set(&mut head, back, *from);
            set(&mut rest, there, *capacity);
            set(&mut twin, there, back);
            set(&mut twin, back, there);
        }
        let (level, cursor) = (vec![FAR; nodes], vec![0; nodes]);
        Self { start, head, rest, twin, source, sink, level, cursor, steps: 0, phases: 0 }
    }

    /// Pushes as much as fits; its value.
    pub(super) fn fill(&mut self, most_steps: u64) -> Result<u64, TooMuchWork> {
        let mut flow = 0u64;
        loop {
            self.measure(true);
            if at(&self.level, self.source) == FAR {
                return Ok(flow);
            }
            self.phases += 1;
            let nodes = self.level.len();
            self.cursor.copy_from_slice(self.start.get(..nodes).unwrap_or_default());
            flow += self.block(most_steps)?;
        }
    }

    /// For every node whether it can still send to the sink; the sink's side of the cut that lies nearest to it.
    pub(super) fn sink_side(&mut self) -> Vec<bool> {
        self.measure(false);
        self.level.iter().map(|level| *level != FAR).collect()
    }

    /// Distances to the sink over arcs that still take something.
    fn measure(&mut self, stops_at_source: bool) {
        self.level.fill(FAR);
        set(&mut self.level, self.sink, 0);
        let mut queue = vec![self.sink];
        let mut next = 0;
        while let Some(node) = queue.get(next).copied() {
            next += 1;
            let level = at(&self.level, node) + 1;
            let arcs = at(&self.start, node)..at(&self.start, node + 1);
            self.steps += u64::from(arcs.end - arcs.start);
            for arc in arcs {
                let tail = at(&self.head, arc);
                if at(&self.level, tail) == FAR && at(&self.rest, at(&self.twin, arc)) > 0 {
                    set(&mut self.level, tail, level);
                    if stops_at_source && tail == self.source {
                        return;
                    }
                    queue.push(tail);
                }
            }
        }
    }

    /// Saturates all shortest ways of one phase.
    fn block(&mut self, most_steps: u64) -> Result<u64, TooMuchWork> {
        let mut flow = 0;
        let mut path: Vec<u32> = Vec::new();
        let mut node = self.source;
        loop {
            if self.steps > most_steps {
                return Err(TooMuchWork);
            }
            if node == self.sink {
                flow += self.push(&mut path);
                node = path.last().map_or(self.source, |arc| at(&self.head, *arc));
            } else if let Some(arc) = self.advance(node) {
                path.push(arc);
                node = at(&self.head, arc);
            } else if let Some(arc) = path.pop() {
                // A dead end: nobody needs to try it again in this phase.
                set(&mut self.level, node, FAR);
                node = at(&self.head, at(&self.twin, arc));
            } else {
                return Ok(flow);
            }
        }
    }

    /// The next arc of a node that leads nearer to the sink.
    #[inline]
    fn advance(&mut self, node: u32) -> Option<u32> {
        let level = at(&self.level, node);
        let end = at(&self.start, node + 1);
        let mut arc = at(&self.cursor, node);
        while arc < end {
            self.steps += 1;
            let head = at(&self.level, at(&self.head, arc));
            if head != FAR && head + 1 == level && at(&self.rest, arc) > 0 {
                set(&mut self.cursor, node, arc);
                return Some(arc);
            }
            arc += 1;
        }
        set(&mut self.cursor, node, end);
        None
    }

    /// Pushes through a whole way and shortens it to its first full arc.
    fn push(&mut self, path: &mut Vec<u32>) -> u64 {
        let amount = path.iter().map(|arc| at(&self.rest, *arc)).min().unwrap_or(0);
        self.steps += path.len() as u64;
        let mut keep = path.len();
        for (index, arc) in path.iter().enumerate().rev() {
            let (there, back) = (at(&self.rest, *arc) - amount, at(&self.twin, *arc));
            set(&mut self.rest, *arc, there);
            let returned = at(&self.rest, back) + amount;
            set(&mut self.rest, back, returned);
            if there == 0 {
                keep = index;
            }
        }
        path.truncate(keep);
        amount
    }
}

/// Joins arcs between the same nodes; their capacities add up, but never to more than [`UNBOUNDED`].
pub(super) fn join_parallel(arcs: &mut Vec<(u32, u32, u64)>) {
    arcs.sort_unstable();
    arcs.dedup_by(|next, kept| {
        let is_same = (next.0, next.1) == (kept.0, kept.1);
        if is_same {
            kept.2 = kept.2.saturating_add(next.2).min(UNBOUNDED);
        }
        is_same
    });
    debug_assert!(number(arcs.len()) < u32::MAX / 2, "bounded by the number of edges");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(nodes: usize, arcs: &[(u32, u32, u64)]) -> (u64, Vec<bool>) {
        let mut network = Network::new(nodes, arcs, 0, number(nodes) - 1);
        let value = network.fill(u64::MAX).unwrap();
        (value, network.sink_side())
    }

    /// The network of Ford and Fulkerson 1956 as textbooks print it: 23.
    #[test]
    fn a_textbook_network() {
        let arcs = [
            (0, 1, 16),
            (0, 2, 13),
            (1, 3, 12),
            (2, 1, 4),
            (2, 4, 14),
            (3, 2, 9),
            (3, 5, 20),
            (4, 3, 7),
            (4, 5, 4),
        ];
        let (value, side) = flow(6, &arcs);
        assert_eq!(value, 23);
        assert_eq!(side, [false, false, false, true, false, true]);
    }

    #[test]
    fn flow_that_went_the_wrong_way_is_taken_back() {
        // The shortest way 0-1-3-4 blocks both longer ones unless it is undone.
        let arcs = [(0, 1, 1), (1, 3, 1), (3, 6, 1), (0, 2, 1), (2, 3, 1), (1, 4, 1), (4, 5, 1), (5, 6, 1)];
        assert_eq!(flow(7, &arcs).0, 2);
    }

    #[test]
    fn parallel_arcs_add_up() {
        let mut arcs = vec![(0, 1, 2), (0, 1, 3), (0, 1, UNBOUNDED), (1, 2, 4), (1, 2, 3)];
        join_parallel(&mut arcs);
        assert_eq!(arcs, [(0, 1, UNBOUNDED), (1, 2, 7)]);
        assert_eq!(flow(3, &arcs), (7, vec![false, false, true]));
    }

    #[test]
    fn work_is_bounded() {
        let arcs: Vec<_> = (0..999).map(|n| (n, n + 1, 1)).collect();
        let mut network = Network::new(1000, &arcs, 0, 999);
        assert!(network.fill(100).is_err());
    }
}
