//! What nodes are called in pages: accounts have numbers unless names were asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;

use hinomi_assure::graph::{Graph, NodeId};

use crate::args::Lang;

/// Kinds of nodes whose names help an intruder.
const HIDDEN: [&str; 2] = ["account", "cloud-account"];

/// Calls nodes by name or number; one number for one account wherever it stands on a page.
pub(crate) struct Names<'g> {
    graph: &'g Graph,
    lang: Lang,
    show_names: bool,
    numbers: RefCell<BTreeMap<String, usize>>,
}

impl<'g> Names<'g> {
    /// `numbers` are those that a page has given already, by name in lower case.
    pub(crate) fn new(
        graph: &'g Graph,
        lang: Lang,
        show_names: bool,
        numbers: BTreeMap<String, usize>,
    ) -> Self {
        Self { graph, lang, show_names, numbers: RefCell::new(numbers) }
    }

    /// What a node is called.
    pub(crate) fn of(&self, node: NodeId) -> String {
        let shown = self.graph.node(node);
        if self.show_names || !HIDDEN.contains(&shown.kind) {
            return shown.name.to_owned();
        }
        let mut numbers = self.numbers.borrow_mut();
        let known = [shown.id, shown.name].iter().find_map(|n| numbers.get(&n.to_lowercase()).copied());
        let number = known.unwrap_or_else(|| {
            let next = numbers.values().max().copied().unwrap_or(0) + 1;
            numbers.insert(shown.id.to_lowercase(), next);
            next
        });
        match self.lang {
            Lang::En => format!("account {number}"),
            Lang::Ja => format!("アカウント {number}"),
        }
    }
}
