//! What a directory implies without stating it: memberships of everybody, and rights that give control only together.
//!
//! # Invariants
//! - Edges added here are marked as implied and cite no document.
//! - What is implied is bounded: an export that names endless domains is cut off, and [`super::Dropped`] says so.
//! - Rights together become one edge per topmost holder: whoever is a member of a holder reaches it through that membership.

use super::build::{IMPLIED, Row};
use super::catalogue::{Implied, Together};
use super::cut::components::Components;
use super::store::{Edges, Graph, ends_with_any};
use super::total::{at, number, set, slice};

/// Edges that one rule of implied edges may add.
const MOST_IMPLIED: usize = 1 << 20;
/// Nodes on which rights together are looked for.
const MOST_TARGETS: usize = 1 << 10;

impl Graph {
    /// The graph with everything that it implies.
    pub(super) fn complete(mut self) -> Self {
        let catalogue = std::sync::Arc::clone(&self.catalogue);
        let mut rows = Vec::new();
        for rule in &catalogue.implied {
            rows.extend(self.implied(rule));
        }
        self.add(std::mem::take(&mut rows));
        for rule in &catalogue.together {
            rows.extend(self.together(rule));
        }
        self.add(rows);
        self
    }

    fn add(&mut self, new: Vec<Row>) {
        if new.is_empty() {
            return;
        }
        let mut rows = self.edges.to_rows();
        rows.extend(new);
        self.edges = Edges::from_rows(self.node_count(), rows);
    }

    fn implied(&mut self, implied: &Implied) -> Vec<Row> {
        let ending = |endings: &[String]| -> Vec<u32> {
            let nodes = 0..number(self.node_count());
            nodes.filter(|n| ends_with_any(self.nodes.ids.text(*n), endings)).collect()
        };
        let (from, to) = (ending(&implied.from), ending(&implied.to));
        let all = from.len() as u64 * to.len() as u64;
        self.dropped.edges += all.saturating_sub(MOST_IMPLIED as u64);
        let row = |from: u32, to: u32| Row { from, to, kind: implied.kind, flags: IMPLIED, origin: 0 };
        from.iter().flat_map(|f| to.iter().map(move |t| row(*f, *t))).take(MOST_IMPLIED).collect()
    }

    /// Edges of every node that holds all rights on the same target.
    fn together(&mut self, rule: &Together) -> Vec<Row> {
        let Some((first, rest)) = rule.all.split_first() else { return Vec::new() };
        let mut targets: Vec<u32> = self.ends_of(*first);
        targets.retain(|node| at(&self.nodes.kind, *node) == rule.on);
        targets.sort_unstable();
        targets.dedup();
        self.dropped.edges += targets.len().saturating_sub(MOST_TARGETS) as u64;
        targets.truncate(MOST_TARGETS);
        let mut rows = Vec::new();
        for target in targets {
            let mut holders = self.holders(target, *first, rule.through);
            for right in rest {
                let others = self.holders(target, *right, rule.through);
                holders.retain(|node| others.binary_search(node).is_ok());
            }
            let row = |from| Row { from, to: target, kind: rule.kind, flags: IMPLIED, origin: 0 };
            rows.extend(self.topmost(&holders, rule.through).into_iter().map(row));
        }
        rows
    }

    fn ends_of(&self, kind: u16) -> Vec<u32> {
        let ends = self.edges.kind.iter().zip(&self.edges.to);
        ends.filter(|(k, _)| **k == kind).map(|(_, to)| *to).collect()
    }

    /// Everybody who has a right on a target, directly or through memberships, in order.
    fn holders(&self, target: u32, right: u16, through: u16) -> Vec<u32> {
        let sources = |node: u32, kind: u16| {
            let edges = self.edges.incoming(node).iter();
            edges.filter(move |e| at(&self.edges.kind, **e) == kind).map(|e| at(&self.edges.from, *e))
        };
        let mut known: Vec<u32> = Vec::new();
        let mut is_known = vec![false; self.node_count()];
        for node in sources(target, right) {
            if !at(&is_known, node) {
                set(&mut is_known, node, true);
                known.push(node);
            }
        }
        let mut next = 0;
        while let Some(node) = known.get(next).copied() {
            next += 1;
            for member in sources(node, through) {
                if !at(&is_known, member) {
                    set(&mut is_known, member, true);
                    known.push(member);
                }
            }
        }
        known.sort_unstable();
        known
    }

    /// Holders that are in no other holder, and of groups that contain each other the first.
    fn topmost(&self, holders: &[u32], through: u16) -> Vec<u32> {
        let local = |node: u32| holders.binary_search(&node).ok().map(number);
        let mut edges: Vec<(u32, u32)> = Vec::new();
        for (index, node) in (0u32..).zip(holders) {
            let memberships = self.edges.out(*node).filter(|e| at(&self.edges.kind, *e) == through);
            edges.extend(memberships.filter_map(|e| local(at(&self.edges.to, e))).map(|to| (index, to)));
        }
        let components = Components::of(holders.len(), &edges);
        let mut is_inner = vec![false; components.count()];
        for (from, to) in &edges {
            let (from, to) = (components.of_node(*from), components.of_node(*to));
            if from != to {
                set(&mut is_inner, from, true);
            }
        }
        let mut top = Vec::new();
        for (index, node) in (0u32..).zip(slice(holders, 0..number(holders.len()))) {
            let component = components.of_node(index);
            if !at(&is_inner, component) {
                set(&mut is_inner, component, true);
                top.push(*node);
            }
        }
        top
    }
}
