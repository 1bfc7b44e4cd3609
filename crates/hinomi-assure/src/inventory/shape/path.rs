//! Paths into a record: steps through objects by name, and silently through lists.
//!
//! `profile/login` begins at the record, `^/OwnerId` at the object around it, `//start` at the document. `Tags[Key=Owner]/Value` takes
//! those entries of a list whose field says so, and `flags&16` says whether a bit of a number is set.

use std::borrow::Cow;

use serde_json::Value;

/// More steps are refused.
const MOST_STEPS: usize = 16;
/// More values of one path are left out.
const MOST_VALUES: usize = 4096;

/// A path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::inventory) struct Path {
    from: Start,
    steps: Vec<Step>,
    bit: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    Record,
    Around,
    Document,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Step {
    key: String,
    /// Field of an entry, and what it must be.
    only: Option<(String, String)>,
}

/// What paths are answered from.
#[derive(Clone, Copy)]
pub(in crate::inventory) struct View<'r> {
    pub(in crate::inventory) record: &'r Value,
    pub(in crate::inventory) around: &'r Value,
    pub(in crate::inventory) document: &'r Value,
}

impl Path {
    /// Reads a path; the error says what is wrong with it.
    pub(in crate::inventory) fn parse(text: &str) -> Result<Self, &'static str> {
        let (from, rest) = match (text.strip_prefix("//"), text.strip_prefix("^/")) {
            (Some(rest), _) => (Start::Document, rest),
            (_, Some(rest)) => (Start::Around, rest),
            _ => (Start::Record, text),
        };
        let (rest, bit) = match rest.rsplit_once('&') {
            Some((rest, bit)) => (rest, Some(bit.parse().map_err(|_| "the bit after & is no number")?)),
            None => (rest, None),
        };
        let steps = rest.split('/').map(step).collect::<Result<Vec<Step>, _>>()?;
        if steps.len() > MOST_STEPS {
            return Err("too many steps");
        }
        Ok(Self { from, steps, bit })
    }

    /// The first name, if the path begins at the record.
    pub(in crate::inventory) fn first(&self) -> Option<&str> {
        self.steps.first().filter(|_| self.from == Start::Record).map(|s| s.key.as_str())
    }

    /// What stands there, entries of lists one by one.
    pub(in crate::inventory) fn values<'r>(&self, view: View<'r>) -> Vec<&'r Value> {
        let mut leaves = Vec::new();
        self.ends(view).into_iter().for_each(|value| spread(value, &mut leaves));
        leaves
    }

    /// Whether it leads anywhere, be it to an empty list.
    pub(in crate::inventory) fn is_there(&self, view: View<'_>) -> bool {
        !self.ends(view).is_empty()
    }

    fn ends<'r>(&self, view: View<'r>) -> Vec<&'r Value> {
        let start = match self.from {
            Start::Record => view.record,
            Start::Around => view.around,
            Start::Document => view.document,
        };
        let mut at = vec![start];
        for step in &self.steps {
            let mut next = Vec::new();
            at.iter().for_each(|value| step.take(value, &mut next));
            at = next;
        }
        at
    }

    /// The words that stand there: texts, numbers, `yes` and `no`.
    pub(in crate::inventory) fn texts<'r>(&self, view: View<'r>) -> Vec<Cow<'r, str>> {
        let texts = self.values(view).into_iter().filter_map(word);
        match self.bit {
            None => texts.collect(),
            Some(bit) => texts
                .filter_map(|t| t.parse::<i64>().ok())
                .map(|n| Cow::Borrowed(if n as u64 & bit == 0 { "no" } else { "yes" }))
                .collect(),
        }
    }
}

fn step(text: &str) -> Result<Step, &'static str> {
    let Some((key, rest)) = text.split_once('[') else {
        return match text {
            "" => Err("an empty step"),
            key => Ok(Step { key: key.to_owned(), only: None }),
        };
    };
    let condition = rest.strip_suffix(']').and_then(|c| c.split_once('='));
    let (field, wanted) = condition.ok_or("a condition is written [field=word]")?;
    Ok(Step { key: key.to_owned(), only: Some((field.to_owned(), wanted.to_owned())) })
}

impl Step {
    fn take<'r>(&self, value: &'r Value, found: &mut Vec<&'r Value>) {
        match value {
            Value::Array(entries) => entries.iter().for_each(|entry| self.take(entry, found)),
            Value::Object(fields) => {
                let Some(inner) = fields.get(&self.key) else { return };
                let Some((field, wanted)) = &self.only else { return push(found, inner) };
                let fits =
                    |entry: &Value| entry.get(field).and_then(word).is_some_and(|w| w == wanted.as_str());
                match inner {
                    Value::Array(entries) => {
                        entries.iter().filter(|e| fits(e)).for_each(|entry| push(found, entry));
                    }
                    entry if fits(entry) => push(found, entry),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn push<'r>(found: &mut Vec<&'r Value>, value: &'r Value) {
    if found.len() < MOST_VALUES {
        found.push(value);
    }
}

/// Entries of lists, one by one.
fn spread<'r>(value: &'r Value, found: &mut Vec<&'r Value>) {
    match value {
        Value::Array(entries) => entries.iter().for_each(|entry| spread(entry, found)),
        Value::Null => {}
        other => push(found, other),
    }
}

/// A bare value as a word.
fn word(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text.trim())).filter(|t| !t.is_empty()),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "yes" } else { "no" })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(path: &str) -> Vec<String> {
        let record = json!({
            "a": {"b": [" x ", null, 3, true, ""]}, "uac": "66050",
            "tags": [{"k": "owner", "v": "it"}, {"k": "os", "v": "linux"}, 7],
            "one": {"k": "owner", "v": "alone"}
        });
        let (around, document) = (json!({"id": 9}), json!({"start": 1}));
        let view = View { record: &record, around: &around, document: &document };
        Path::parse(path).unwrap().texts(view).into_iter().map(Cow::into_owned).collect()
    }

    #[test]
    fn steps_go_through_lists_and_take_what_fits() {
        assert_eq!(texts("a/b"), ["x", "3", "yes"]);
        assert_eq!(texts("tags[k=owner]/v"), ["it"]);
        assert_eq!(texts("one[k=owner]/v"), ["alone"]);
        assert_eq!(texts("tags/v"), ["it", "linux"]);
        assert_eq!((texts("^/id"), texts("//start")), (vec!["9".to_owned()], vec!["1".to_owned()]));
        assert_eq!((texts("uac&2"), texts("uac&16")), (vec!["yes".to_owned()], vec!["no".to_owned()]));
        assert!(texts("a").is_empty() && texts("none/of/it").is_empty() && texts("a/b/c").is_empty());
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "a//b", "a[b", "a[b]", "a&x", &"a/".repeat(20)] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
