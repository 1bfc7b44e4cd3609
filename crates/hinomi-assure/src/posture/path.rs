//! Paths into documents: JSON pointers with wildcards, and where they begin.
//!
//! `/State` begins at the item that is being judged, `$subject/State` at the subject of the claim, and `$roles/*` at the
//! part named `roles`. `*` goes over the elements of a list or the members of an object. Nothing (`null`) holds nothing,
//! and a bare value stands for a list of one, because exporting shells unwrap such lists.

use serde_json::Value;

/// More segments are refused.
const MAX_SEGMENTS: usize = 24;

/// Where a path begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Root {
    /// The item at hand.
    Item,
    /// What the claim is judged for.
    Subject,
    /// A named part of the documents.
    Part(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Segment {
    Key(String),
    Every,
}

/// A parsed path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Path {
    pub(super) root: Root,
    pub(super) segments: Vec<Segment>,
    /// As it was written.
    pub(super) text: String,
}

/// Why a text is no path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum PathError {
    #[error("a path begins with / or with $ and a name")]
    Start,
    #[error("~ must be followed by 0 or 1")]
    Escape,
    #[error("more than {MAX_SEGMENTS} segments")]
    TooLong,
}

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, PathError> {
        let (root, rest) = match text.strip_prefix('$') {
            None => (Root::Item, text),
            Some(named) => {
                let (name, rest) = named.split_at(named.find('/').unwrap_or(named.len()));
                match name {
                    "" => return Err(PathError::Start),
                    "subject" => (Root::Subject, rest),
                    part => (Root::Part(part.to_owned()), rest),
                }
            }
        };
        let segments = match rest {
            "" if root == Root::Item => return Err(PathError::Start),
            "" | "/" => Vec::new(),
            rest => {
                let keys = rest.strip_prefix('/').ok_or(PathError::Start)?;
                keys.split('/').map(segment).collect::<Result<Vec<_>, _>>()?
            }
        };
        if segments.len() > MAX_SEGMENTS {
            return Err(PathError::TooLong);
        }
        Ok(Self { root, segments, text: text.to_owned() })
    }

    /// The item itself.
    pub(super) fn item() -> Self {
        Self { root: Root::Item, segments: Vec::new(), text: "/".to_owned() }
    }

    /// Whether it may lead to several places.
    pub(super) fn is_many(&self) -> bool {
        self.segments.contains(&Segment::Every)
    }
}

fn segment(text: &str) -> Result<Segment, PathError> {
    if text == "*" {
        return Ok(Segment::Every);
    }
    let mut key = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '~' => match chars.next() {
                Some('0') => key.push('~'),
                Some('1') => key.push('/'),
                _ => return Err(PathError::Escape),
            },
            c => key.push(c),
        }
    }
    Ok(Segment::Key(key))
}

/// A place in a document.
#[derive(Clone, Debug)]
pub(super) struct Node<'d> {
    /// Which document.
    pub(super) document: usize,
    /// The JSON pointer to it.
    pub(super) pointer: String,
    pub(super) value: &'d Value,
    /// Names of members are compared without regard to case.
    pub(super) fold_case: bool,
}

/// What a path leads to, at one end of it.
#[derive(Clone, Debug)]
pub(super) enum Found<'d> {
    Value(Node<'d>),
    /// The document does not say: this is where something was looked for.
    Absent {
        document: usize,
        pointer: String,
    },
}

impl<'d> Node<'d> {
    fn member(&self, key: &str) -> Option<(String, &'d Value)> {
        if let Value::Array(items) = self.value {
            return items.get(key.parse::<usize>().ok()?).map(|value| (key.to_owned(), value));
        }
        let members = self.value.as_object()?;
        if let Some((key, value)) = members.get_key_value(key) {
            return Some((key.clone(), value));
        }
        let folded = || members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        self.fold_case.then(folded).flatten().map(|(name, value)| (name.clone(), value))
    }

    fn child(&self, key: &str, value: &'d Value) -> Self {
        let pointer = format!("{}/{}", self.pointer, escaped(key));
        Self { document: self.document, pointer, value, fold_case: self.fold_case }
    }

    fn children(&self) -> Vec<Self> {
        match self.value {
            Value::Null => Vec::new(),
            Value::Array(items) => {
                let known = |(_, value): &(usize, &Value)| !value.is_null();
                items.iter().enumerate().filter(known).map(|(i, v)| self.child(&i.to_string(), v)).collect()
            }
            Value::Object(members) => members.iter().map(|(key, value)| self.child(key, value)).collect(),
            _ => vec![self.clone()],
        }
    }

    /// As [`Node::walk`], from a part; where that is a list, one map stands for a list of one.
    pub(super) fn walk_part(
        &self,
        segments: &[Segment],
        list: bool,
        steps: &mut Steps,
    ) -> Result<Vec<Found<'d>>, OutOfSteps> {
        match segments.split_first() {
            Some((Segment::Every, rest)) if list && self.value.is_object() => self.walk(rest, steps),
            _ => self.walk(segments, steps),
        }
    }

    /// Everything that `segments` lead to, in document order; every visit costs a step.
    pub(super) fn walk(&self, segments: &[Segment], steps: &mut Steps) -> Result<Vec<Found<'d>>, OutOfSteps> {
        steps.take(1)?;
        let Some((first, rest)) = segments.split_first() else {
            return Ok(vec![Found::Value(self.clone())]);
        };
        match first {
            Segment::Key(key) => match self.member(key) {
                Some((name, value)) => self.child(&name, value).walk(rest, steps),
                // Nothing is set here, and the document says so.
                None if self.value.is_null() && rest.contains(&Segment::Every) => Ok(Vec::new()),
                None if self.value.is_null() => Ok(vec![Found::Value(self.clone())]),
                None => {
                    let pointer = format!("{}/{}", self.pointer, escaped(key));
                    Ok(vec![Found::Absent { document: self.document, pointer }])
                }
            },
            Segment::Every => {
                let mut found = Vec::new();
                for child in self.children() {
                    found.extend(child.walk(rest, steps)?);
                }
                Ok(found)
            }
        }
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// How much work is left: a claim can neither loop nor explode.
#[derive(Debug)]
pub(super) struct Steps(u64);

/// The bound on work was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OutOfSteps;

impl Steps {
    pub(super) fn new(steps: u64) -> Self {
        Self(steps)
    }

    pub(super) fn take(&mut self, steps: u64) -> Result<(), OutOfSteps> {
        self.0 = self.0.checked_sub(steps).ok_or(OutOfSteps)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ends(value: &Value, path: &str) -> Vec<String> {
        let path = Path::parse(path).unwrap();
        let node = Node { document: 0, pointer: String::new(), value, fold_case: false };
        let found = node.walk(&path.segments, &mut Steps::new(1000)).unwrap();
        let shown = |found| match found {
            Found::Value(Node { pointer, value, .. }) => format!("{pointer}={value}"),
            Found::Absent { pointer, .. } => format!("{pointer} absent"),
        };
        found.into_iter().map(shown).collect()
    }

    #[test]
    fn wildcards_go_over_lists_and_members_and_name_what_is_absent() {
        let value = json!({"a": [{"b": 1}, {}, null, {"b": null}], "m": {"x/y": 2, "~": 3}, "one": "v", "none": null});
        assert_eq!(ends(&value, "/a/*/b"), ["/a/0/b=1", "/a/1/b absent", "/a/3/b=null"]);
        assert_eq!(
            ends(&value, "/none/x/y"),
            ["/none=null"],
            "a member of nothing is nothing, and said to be"
        );
        assert_eq!(ends(&value, "/none/x/*"), [""; 0]);
        assert_eq!(ends(&value, "/a/1/b/c"), ["/a/1/b absent"]);
        assert_eq!(ends(&value, "/m/*"), ["/m/x~1y=2", "/m/~0=3"]);
        assert_eq!(ends(&value, "/m/x~1y"), ["/m/x~1y=2"]);
        assert_eq!(ends(&value, "/one/*"), ["/one=\"v\""], "an unwrapped list of one");
        assert_eq!(ends(&value, "/none/*"), [""; 0]);
        assert_eq!(ends(&value, "/gone/*/b"), ["/gone absent"]);
    }

    #[test]
    fn roots_and_mistakes() {
        assert_eq!(Path::parse("$roles/*").unwrap().root, Root::Part("roles".to_owned()));
        assert_eq!(Path::parse("$subject").unwrap().root, Root::Subject);
        assert!(Path::parse("/").unwrap().segments.is_empty(), "the item itself");
        assert_eq!(Path::parse("State").unwrap_err(), PathError::Start);
        assert_eq!(Path::parse("$/a").unwrap_err(), PathError::Start);
        assert_eq!(Path::parse("/a~2").unwrap_err(), PathError::Escape);
        assert_eq!(Path::parse(&"/a".repeat(25)).unwrap_err(), PathError::TooLong);
    }

    #[test]
    fn members_may_be_compared_without_case_and_work_is_bounded() {
        let value = json!({"Conditions": {"users": ["a", "b", "c"]}});
        let node = Node { document: 0, pointer: String::new(), value: &value, fold_case: true };
        let path = Path::parse("/conditions/Users/*").unwrap();
        assert_eq!(node.walk(&path.segments, &mut Steps::new(100)).unwrap().len(), 3);
        assert!(node.walk(&path.segments, &mut Steps::new(4)).is_err());
    }
}
