//! Values that stand for `%name%` under the `expand` modifier.

use std::collections::BTreeMap;

use super::error::{Fault, Problem};
use super::pattern::MAX_ALTERNATIVES;
use super::yaml;

/// Placeholder values by name. Values are Sigma values: wildcards and their escapes count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placeholders {
    values: BTreeMap<String, Vec<String>>,
}

impl Placeholders {
    /// Adds the values of one name to those it has.
    pub fn insert(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        self.values.entry(name.to_owned()).or_default().extend(values);
    }

    /// Reads a placeholder file: a YAML map of names to a value or a list of values.
    ///
    /// # Errors
    /// The first problem, with its line.
    pub fn read(&mut self, text: &str) -> Result<(), (Option<u32>, Problem)> {
        self.read_documents(text).map_err(|fault| (fault.line, fault.problem))
    }

    fn read_documents(&mut self, text: &str) -> Result<(), Fault> {
        for document in yaml::documents(text) {
            let document = document?;
            let shape =
                |line, key: &str, expected| Fault::at(line, Problem::Shape { key: key.to_owned(), expected });
            let entries = document.map().ok_or_else(|| shape(document.line, "placeholders", "a map"))?;
            for entry in entries {
                let not_text = || shape(entry.line, &entry.key, "a value or a list of values");
                let texts =
                    entry.value.elements().iter().map(|node| node.scalar().map(|s| s.text.to_string()));
                let texts: Option<Vec<String>> = texts.collect();
                self.insert(&entry.key, texts.ok_or_else(not_text)?);
            }
        }
        Ok(())
    }

    /// Every text that `text` stands for. `\%` is a plain percent sign.
    pub(crate) fn expand(&self, text: &str) -> Result<Vec<String>, Problem> {
        let mut all = vec![String::new()];
        let mut rest = text;
        while let Some(at) = rest.find(['%', '\\']) {
            let (before, tail) = rest.split_at(at);
            append(&mut all, before);
            if let Some(escaped) = tail.strip_prefix('\\') {
                let (kept, after) = escape(escaped);
                append(&mut all, kept);
                rest = after;
                continue;
            }
            let Some((name, after)) = name_of(tail) else {
                append(&mut all, "%");
                rest = tail.get(1..).unwrap_or_default();
                continue;
            };
            let unknown = || Problem::Placeholder { name: name.to_owned() };
            let values = self.values.get(name).ok_or_else(unknown)?;
            if all.len() * values.len() > MAX_ALTERNATIVES {
                return Err(Problem::TooLarge { what: "values of placeholders", limit: MAX_ALTERNATIVES });
            }
            all = all.iter().flat_map(|start| values.iter().map(move |v| format!("{start}{v}"))).collect();
            rest = after;
        }
        append(&mut all, rest);
        Ok(all)
    }
}

fn append(all: &mut [String], text: &str) {
    all.iter_mut().for_each(|one| one.push_str(text));
}

/// What a backslash followed by `rest` contributes, and what follows it. Escapes of wildcards are left for later.
fn escape(rest: &str) -> (&'static str, &str) {
    match rest.as_bytes().first() {
        Some(b'%') => ("%", rest.get(1..).unwrap_or_default()),
        Some(b'\\') => (r"\\", rest.get(1..).unwrap_or_default()),
        _ => (r"\", rest),
    }
}

/// The name of a placeholder at the start of `text`, and what follows it.
fn name_of(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('%')?.split_once('%')?;
    let ok = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    ok.then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_every_value() {
        let mut names = Placeholders::default();
        names.read("servers: [srv*, 'db1']\nuser: adm\nnone: []").unwrap();
        let check =
            |text: &str, expected: &[&str]| assert_eq!(names.expand(text).unwrap(), expected, "{text}");
        check("%servers%", &["srv*", "db1"]);
        check("%user%@%servers%", &["adm@srv*", "adm@db1"]);
        check(r"\%plain%user%", &["%plainadm"]);
        check("100 % of %", &["100 % of %"]);
        check(r"C:\x\*\\%user%", &[r"C:\x\*\\adm"]);
        check("%none%", &[]);
        assert_eq!(names.expand("%who%"), Err(Problem::Placeholder { name: "who".into() }));
    }
}
