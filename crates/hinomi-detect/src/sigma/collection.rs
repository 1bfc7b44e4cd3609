//! Collections of the first specification: `action: global`, `repeat` and `reset`.

use super::error::{Fault, Problem};
use super::yaml::{Content, Entry, Node};

/// Most nodes that `global` and `repeat` may copy within one file.
const MAX_COPIES: usize = 200_000;

/// Applies the actions to a file's documents; documents without an action pass, completed by the global one.
#[derive(Default)]
pub(crate) struct Collection<'a> {
    global: Option<Node<'a>>,
    previous: Option<Node<'a>>,
    copied: usize,
}

impl<'a> Collection<'a> {
    /// The document to read, or `None` when it only acts on later ones.
    pub(crate) fn apply(&mut self, mut document: Node<'a>) -> Result<Option<Node<'a>>, Fault> {
        let Some(action) = take_action(&mut document) else {
            if self.global.is_none() {
                return Ok(Some(document));
            }
            let global = self.global.clone();
            let completed = self.merge(global, document)?;
            self.previous = Some(completed.clone());
            return Ok(Some(completed));
        };
        match action.as_str() {
            "global" => {
                let global = self.global.take();
                self.global = Some(self.merge(global, document)?);
                Ok(None)
            }
            "reset" => {
                self.global = None;
                self.previous = None;
                Ok(None)
            }
            "repeat" => {
                let previous = self.previous.clone();
                let repeated = self.merge(previous, document)?;
                self.previous = Some(repeated.clone());
                Ok(Some(repeated))
            }
            _ => Err(Fault::at(document.line, Problem::Action { action })),
        }
    }

    fn merge(&mut self, base: Option<Node<'a>>, over: Node<'a>) -> Result<Node<'a>, Fault> {
        let Some(base) = base else { return Ok(over) };
        self.copied += base.size();
        if self.copied > MAX_COPIES {
            let problem = Problem::TooLarge { what: "values copied in a collection", limit: MAX_COPIES };
            return Err(Fault::at(over.line, problem));
        }
        Ok(overlay(base, over))
    }
}

fn take_action(document: &mut Node<'_>) -> Option<String> {
    let Content::Map(entries) = &mut document.content else { return None };
    let at = entries.iter().position(|entry| entry.key == "action" && entry.value.scalar().is_some())?;
    entries.remove(at).value.scalar().map(|scalar| scalar.text.to_string())
}

/// `over` wins; maps are merged key by key.
fn overlay<'a>(base: Node<'a>, over: Node<'a>) -> Node<'a> {
    match (base.content, over.content) {
        (Content::Map(mut entries), Content::Map(newer)) => {
            for Entry { key, line, value } in newer {
                let Some(at) = entries.iter().position(|entry| entry.key == key) else {
                    entries.push(Entry { key, line, value });
                    continue;
                };
                let old = entries.remove(at);
                entries.insert(at, Entry { key, line, value: overlay(old.value, value) });
            }
            Node { line: over.line, content: Content::Map(entries) }
        }
        (_, content) => Node { line: over.line, content },
    }
}
