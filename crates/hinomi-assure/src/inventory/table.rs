//! Which columns of which lists mean what: data, so that a list can be read as it was exported.

use std::collections::BTreeMap;

use hinomi_model::Timestamp;
use serde::Deserialize;

use super::csv::Row;
use super::{Entity, EntityKind, ListKind, MergeRules, Place};

/// Columns of lists and words in them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportTable {
    /// Version of the table.
    #[expect(dead_code, reason = "tables state it")]
    version: u32,
    lists: Vec<List>,
    /// Attribute → word → what claims call it.
    words: BTreeMap<String, BTreeMap<String, String>>,
    /// Attributes that list several values.
    several: Vec<String>,
    /// How the statements of several lists become one.
    pub(super) merge: MergeRules,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    kind: EntityKind,
    /// Headers of the column that names the entity; the list is of this kind if it has one.
    id: Vec<String>,
    /// Attribute → headers.
    columns: BTreeMap<String, Vec<String>>,
}

/// A list, or the table of columns, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The table of columns does not parse.
    #[error("table of list columns: {0}")]
    Table(#[from] serde_yaml_ng::Error),
    /// The shape of an export cannot be used, which a test excludes for those that ship.
    #[error("{origin}: {at}: {problem}")]
    Shape {
        /// The file of shapes.
        origin: String,
        /// The shape.
        at: String,
        /// What is wrong.
        problem: String,
    },
    /// Reading failed.
    #[error("{document}: {source}")]
    Unreadable {
        /// The list.
        document: String,
        /// Why.
        source: std::io::Error,
    },
    /// Records of a form that is known, and none of a kind that is.
    #[error("{document}: {form}, but no record in it is of a known kind; {said}")]
    UnknownRecords {
        /// The list.
        document: String,
        /// Its form.
        form: &'static str,
        /// What was found instead.
        said: String,
    },
    /// No row.
    #[error("{document}: empty")]
    Empty {
        /// The list.
        document: String,
    },
    /// No column says what the list is of.
    #[error(
        "{document}: no column names accounts, hosts, services, suppliers, segments, sources, copies or exceptions; its columns are: {columns}"
    )]
    Unrecognised {
        /// The list.
        document: String,
        /// Its header.
        columns: String,
    },
}

/// Attributes that are kept apart from the others.
const ALIASES: &str = "aliases";
const VALID_FROM: &str = "valid_from";
const VALID_UNTIL: &str = "valid_until";
const KNOWN_FROM: &str = "known_from";

impl ImportTable {
    /// The table that ships with the program.
    ///
    /// # Errors
    /// When it does not parse, which a test excludes.
    pub(super) fn bundled() -> Result<Self, ImportError> {
        Ok(serde_yaml_ng::from_str(include_str!("../../../../mappings/inventory/lists.yaml"))?)
    }

    /// The entities of the rows of a list, and what could not be read in them, by line.
    ///
    /// # Errors
    /// When the list is empty or of no known kind.
    pub(super) fn entities(&self, document: &str, rows: &[Row]) -> Result<Rows, ImportError> {
        let Some((header, rows)) = rows.split_first() else {
            return Err(ImportError::Empty { document: document.to_owned() });
        };
        let columns: Vec<String> = header.cells.iter().map(|c| normal(c)).collect();
        let list = self.recognise(&columns).ok_or_else(|| ImportError::Unrecognised {
            document: document.to_owned(),
            columns: header.cells.join(", "),
        })?;
        let places = Columns::of(list, &columns);
        let mut read = Rows { entities: Vec::new(), refused: 0, problems: Vec::new() };
        for row in rows {
            let place = Place { document: document.to_owned(), line: row.line };
            if let Some(entity) = self.entity(list, &places, row, place, &mut read.problems) {
                read.entities.push(entity);
            } else {
                read.refused += 1;
                read.problems.push((row.line, "no name in this row".to_owned()));
            }
        }
        let known = places.by_attribute.values().copied().chain([places.id]);
        let known: Vec<usize> = known.collect();
        let unused =
            header.cells.iter().enumerate().filter(|(at, name)| !known.contains(at) && !name.is_empty());
        read.problems.extend(unused.map(|(_, name)| (header.line, format!("column {name:?} is not used"))));
        Ok(read)
    }

    /// The list with an id column here, and most other columns.
    fn recognise(&self, columns: &[String]) -> Option<&List> {
        let has = |names: &[String]| names.iter().any(|n| columns.contains(&normal(n)));
        let fitting = self.lists.iter().filter(|list| has(&list.id));
        fitting.rev_max_by_key(|list| list.columns.values().filter(|names| has(names)).count())
    }

    fn entity(
        &self,
        list: &List,
        places: &Columns,
        row: &Row,
        place: Place,
        problems: &mut Vec<(u64, String)>,
    ) -> Option<Entity> {
        let id = row.cells.get(places.id).filter(|id| !id.is_empty())?.clone();
        let mut entity = Entity::new(list.kind, id, place, ListKind::default());
        for (attribute, at) in &places.by_attribute {
            let Some(text) = row.cells.get(*at).filter(|t| !t.is_empty()) else { continue };
            let mut date = |slot: &mut Option<Timestamp>, next_day: bool| match day(text, next_day) {
                Some(time) => *slot = Some(time),
                None => {
                    problems.push((row.line, format!("{attribute}: {text:?} is no date (write 2026-01-31)")));
                }
            };
            match attribute.as_str() {
                ALIASES => entity.aliases = several(text),
                VALID_FROM => date(&mut entity.valid.from, false),
                VALID_UNTIL => date(&mut entity.valid.until, true),
                KNOWN_FROM => date(&mut entity.known_from, false),
                name => {
                    let values = self.values(name, text);
                    entity.attributes.insert(name.to_owned(), values);
                }
            }
        }
        Some(entity)
    }

    /// What claims call a word of a list.
    pub(super) fn meaning(&self, attribute: &str, value: String) -> String {
        let words = self.words.get(attribute);
        words.and_then(|w| w.get(&value.to_lowercase())).cloned().unwrap_or(value)
    }

    fn values(&self, attribute: &str, text: &str) -> Vec<String> {
        let word = |value: String| self.meaning(attribute, value);
        if self.several.iter().any(|s| s == attribute) {
            several(text).into_iter().map(word).collect()
        } else {
            vec![word(text.to_owned())]
        }
    }
}

/// What the rows of a list hold.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) entities: Vec<Entity>,
    /// Rows that name nothing.
    pub(super) refused: u64,
    /// Line and problem.
    pub(super) problems: Vec<(u64, String)>,
}

/// Which cell is which.
struct Columns {
    id: usize,
    by_attribute: BTreeMap<String, usize>,
}

impl Columns {
    fn of(list: &List, columns: &[String]) -> Self {
        let at = |names: &[String]| names.iter().find_map(|n| columns.iter().position(|c| *c == normal(n)));
        let by_attribute =
            list.columns.iter().filter_map(|(name, headers)| Some((name.clone(), at(headers)?)));
        Self { id: at(&list.id).unwrap_or(0), by_attribute: by_attribute.collect() }
    }
}

/// Headers differ in case, spaces and signs only by accident.
pub(super) fn normal(header: &str) -> String {
    header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn several(text: &str) -> Vec<String> {
    let parts = text.split([';', '、', '\n', '|']).map(str::trim);
    parts.filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

/// `2026-01-31`, `2026/1/31` or an RFC 3339 time. Dates are days in UTC; with `next_day`, the day is included.
pub(crate) fn day(text: &str, next_day: bool) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let mut parts =
        text.split(['-', '/', '.', '年', '月', '日']).filter(|p| !p.is_empty()).map(str::parse::<u32>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    if parts.next().is_some() {
        return None;
    }
    let start = Timestamp::from_civil((i32::try_from(year).ok()?, month, day), (0, 0, 0), 0)?;
    let length = if next_day { 86_400 * hinomi_model::NANOS_PER_SECOND } else { 0 };
    Some(Timestamp::from_nanos(start.as_nanos().checked_add(length)?))
}

/// The first of the greatest, where the standard library gives the last.
trait FirstMax: Iterator + Sized {
    fn rev_max_by_key<K: Ord>(self, key: impl Fn(&Self::Item) -> K) -> Option<Self::Item>;
}

impl<I: Iterator> FirstMax for I {
    fn rev_max_by_key<K: Ord>(self, key: impl Fn(&Self::Item) -> K) -> Option<Self::Item> {
        self.fold(None, |best: Option<Self::Item>, item| match best {
            Some(best) if key(&best) >= key(&item) => Some(best),
            _ => Some(item),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Inventory, csv};
    use super::*;

    fn import(text: &str) -> (Inventory, Rows) {
        let read = ImportTable::bundled().unwrap().entities("list.csv", &csv::rows(text)).unwrap();
        let mut inventory = Inventory::default();
        read.entities.iter().cloned().for_each(|entity| inventory.add(entity));
        (inventory, read)
    }

    fn attribute(inventory: &Inventory, kind: EntityKind, id: &str, name: &str) -> Vec<String> {
        let now = Timestamp::from_nanos(1_790_000_000 * hinomi_model::NANOS_PER_SECOND);
        inventory.believed(kind, id, now, now).map(|e| e.values(name).to_vec()).unwrap_or_default()
    }

    #[test]
    fn a_japanese_list_of_accounts_is_read_like_an_english_one() {
        let english = "Account,Owner,Type,Supplier,Privileged,Networks\nctr-adm01,sales,supplier,Acme,yes,198.51.100.0/24; 192.0.2.0/25\n";
        let japanese = "アカウント名,管理責任者,種別,委託先,特権,許可ネットワーク\nctr-adm01,sales,委託先,Acme,有,198.51.100.0/24、192.0.2.0/25\n";
        for text in [english, japanese] {
            let (inventory, imported) = import(text);
            assert_eq!(imported.entities.len(), 1);
            assert!(imported.problems.is_empty(), "{:?}", imported.problems);
            let of = |name| attribute(&inventory, EntityKind::Account, "CTR-ADM01", name);
            assert_eq!(of("owner"), ["sales"]);
            assert_eq!(of("kind"), ["supplier"]);
            assert_eq!(of("privileged"), ["yes"]);
            assert_eq!(of("networks"), ["198.51.100.0/24", "192.0.2.0/25"]);
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_line() {
        let (inventory, imported) = import("account,owner,colour,valid until\na,x,red,soon\n,y,,\n");
        assert_eq!((imported.entities.len(), imported.refused), (1, 1));
        let said: Vec<_> = imported.problems.iter().map(|(line, text)| format!("{line}: {text}")).collect();
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[0].starts_with("2: valid_until: \"soon\""));
        assert!(said[1].starts_with("3: no name"));
        assert!(said[2].contains("\"colour\""));
        assert_eq!(attribute(&inventory, EntityKind::Account, "a", "owner"), ["x"]);
    }

    #[test]
    fn a_list_of_nothing_known_is_refused_with_its_columns() {
        let error = ImportTable::bundled().unwrap().entities("x.csv", &csv::rows("price,colour\n1,red"));
        assert!(error.unwrap_err().to_string().contains("price, colour"));
    }

    #[test]
    fn dates_of_lists() {
        let civil = |y, m, d| Timestamp::from_civil((y, m, d), (0, 0, 0), 0);
        assert_eq!(day("2026/1/31", false), civil(2026, 1, 31));
        assert_eq!(day("2026年1月31日", true), civil(2026, 2, 1));
        assert_eq!(day("31.1.2026", false), None);
        assert_eq!(day("2026-02-30", false), None);
    }
}
