//! Strongly connected parts: nodes that reach each other (Tarjan 1972, without recursion).

use super::super::total::{at, number, set, starts};

/// For every node the number of its part.
#[derive(Debug)]
pub(in crate::graph) struct Components {
    of: Vec<u32>,
    count: usize,
}

const UNSEEN: u32 = u32::MAX;

impl Components {
    /// Parts of a graph of `nodes` nodes; parts are numbered so that edges lead to lower numbers.
    pub(in crate::graph) fn of(nodes: usize, edges: &[(u32, u32)]) -> Self {
        let start = starts(nodes, edges.iter().map(|e| e.0));
        let mut next = start.clone();
        let mut heads = vec![0; edges.len()];
        for (from, to) in edges {
            let place = at(&next, *from);
            set(&mut heads, place, *to);
            set(&mut next, *from, place + 1);
        }
        let mut search = Search {
            start,
            heads,
            cursor: vec![0; nodes],
            index: vec![UNSEEN; nodes],
            low: vec![0; nodes],
            open: Vec::new(),
            of: vec![UNSEEN; nodes],
            seen: 0,
            count: 0,
        };
        for root in 0..number(nodes) {
            if at(&search.index, root) == UNSEEN {
                search.from(root);
            }
        }
        Self { of: search.of, count: search.count as usize }
    }

    pub(in crate::graph) fn count(&self) -> usize {
        self.count
    }

    pub(in crate::graph) fn of_node(&self, node: u32) -> u32 {
        at(&self.of, node)
    }
}

struct Search {
    start: Vec<u32>,
    heads: Vec<u32>,
    cursor: Vec<u32>,
    index: Vec<u32>,
    low: Vec<u32>,
    open: Vec<u32>,
    of: Vec<u32>,
    seen: u32,
    count: u32,
}

impl Search {
    fn from(&mut self, root: u32) {
        let mut path = vec![root];
        self.enter(root);
        while let Some(node) = path.last().copied() {
            let cursor = at(&self.cursor, node);
            if cursor < at(&self.start, node + 1) {
                set(&mut self.cursor, node, cursor + 1);
                let head = at(&self.heads, cursor);
                if at(&self.index, head) == UNSEEN {
                    self.enter(head);
                    path.push(head);
                } else if at(&self.of, head) == UNSEEN {
                    self.lower(node, at(&self.index, head));
                }
                continue;
            }
            path.pop();
            if at(&self.low, node) == at(&self.index, node) {
                self.close(node);
            }
            if let Some(parent) = path.last().copied() {
                self.lower(parent, at(&self.low, node));
            }
        }
    }

    fn enter(&mut self, node: u32) {
        set(&mut self.index, node, self.seen);
        set(&mut self.low, node, self.seen);
        set(&mut self.cursor, node, at(&self.start, node));
        self.seen += 1;
        self.open.push(node);
    }

    fn lower(&mut self, node: u32, low: u32) {
        let low = at(&self.low, node).min(low);
        set(&mut self.low, node, low);
    }

    fn close(&mut self, root: u32) {
        while let Some(node) = self.open.pop() {
            set(&mut self.of, node, self.count);
            if node == root {
                break;
            }
        }
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_fall_together_and_chains_do_not() {
        let edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 3), (5, 0)];
        let parts = Components::of(6, &edges);
        assert_eq!(parts.count(), 3);
        assert!(parts.of_node(0) == parts.of_node(1) && parts.of_node(1) == parts.of_node(2));
        assert!(parts.of_node(3) == parts.of_node(4) && parts.of_node(3) < parts.of_node(0));
        assert!(parts.of_node(5) > parts.of_node(0), "edges lead to lower numbers");
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let edges: Vec<(u32, u32)> = (0..200_000).map(|n| (n, n + 1)).collect();
        assert_eq!(Components::of(200_001, &edges).count(), 200_001);
    }
}
