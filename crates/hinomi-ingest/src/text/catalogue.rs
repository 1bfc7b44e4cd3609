//! Mappings compiled: which mapping a line may belong to, found without trying them all.
//!
//! # Invariants
//! - The cost of a line grows with the mappings its program or text selects, not with all mappings.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_model::LogKind;
use memchr::memmem::Finder;

use super::event::Value;
use super::mapping::{
    Body, ColumnsSource, Constant, LogsourceSource, MappingFile, MappingSource, OneOrMany, PatternSource,
    WhenSource,
};
use super::names::{Names, Slot, fixed};
use super::template::{Template, TemplateError};

/// The mapping files, in order: earlier mappings are tried first.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("linux.yaml", include_str!("../../../../mappings/text/linux.yaml")),
    ("firewall.yaml", include_str!("../../../../mappings/text/firewall.yaml")),
    ("cisco.yaml", include_str!("../../../../mappings/text/cisco.yaml")),
    ("vpn.yaml", include_str!("../../../../mappings/text/vpn.yaml")),
    ("virtual.yaml", include_str!("../../../../mappings/text/virtual.yaml")),
    ("services.yaml", include_str!("../../../../mappings/text/services.yaml")),
    ("web.yaml", include_str!("../../../../mappings/text/web.yaml")),
];

/// A mapping file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// Not the YAML that mappings are made of.
    #[error("mapping file {file}: {source}")]
    Yaml {
        /// Name of the file.
        file: String,
        /// What the YAML reader says.
        source: serde_yaml_ng::Error,
    },
    /// A template is malformed.
    #[error("mapping {mapping}: {source}")]
    Template {
        /// Name of the mapping.
        mapping: String,
        /// What is wrong.
        source: TemplateError,
    },
    /// The texts that select mappings cannot be searched for.
    #[error("the texts that select mappings: {0}")]
    Selection(String),
}

pub(crate) type Constants = Vec<(Slot, Value<'static>)>;

pub(crate) struct Pattern {
    pub(crate) templates: Vec<(Template, Finder<'static>)>,
    pub(crate) set: Constants,
    pub(crate) kind: Option<LogKind>,
}

pub(crate) struct Columns {
    pub(crate) when: Vec<(usize, Vec<String>)>,
    pub(crate) names: Vec<Option<Slot>>,
    pub(crate) set: Constants,
    pub(crate) kind: Option<LogKind>,
}

pub(crate) struct When {
    pub(crate) conditions: Vec<(Slot, Vec<String>)>,
    pub(crate) set: Constants,
    pub(crate) kind: Option<LogKind>,
}

pub(crate) struct Translation {
    pub(crate) target: Slot,
    pub(crate) from: Vec<Slot>,
    pub(crate) map: HashMap<String, String, RandomState>,
    pub(crate) default: Option<String>,
}

/// A compiled mapping.
pub(crate) struct Mapping {
    pub(crate) name: String,
    pub(crate) kind: LogKind,
    pub(crate) head: Option<Template>,
    pub(crate) body: Body,
    pub(crate) columns: Vec<Columns>,
    pub(crate) patterns: Vec<Pattern>,
    /// Patterns by the first four bytes of their only template, and those that begin otherwise.
    pub(crate) by_prefix: HashMap<[u8; 4], Vec<u16>, RandomState>,
    pub(crate) others: Vec<u16>,
    pub(crate) also: Vec<Pattern>,
    pub(crate) fields: Vec<(Slot, Vec<Slot>)>,
    pub(crate) values: Vec<Translation>,
    pub(crate) when: Vec<When>,
    pub(crate) set: Constants,
    pub(crate) time: Vec<Vec<Slot>>,
    pub(crate) zone: Option<Slot>,
    pub(crate) keys: Vec<Slot>,
    pub(crate) header: Vec<String>,
    pub(crate) keep: bool,
}

/// All mappings.
pub(crate) struct Catalogue {
    pub(crate) names: Names,
    pub(crate) mappings: Vec<Mapping>,
    programs: HashMap<String, Vec<u16>, RandomState>,
    cef: HashMap<String, u16, RandomState>,
    contains: Option<AhoCorasick>,
    contains_of: Vec<u16>,
}

static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();

impl Catalogue {
    /// The bundled mappings. A file that cannot be read is left out; a test proves that there is none.
    pub(crate) fn bundled() -> &'static Self {
        CATALOGUE.get_or_init(|| {
            let whole = Self::compile(FILES);
            whole.unwrap_or_else(|_| {
                let good: Vec<_> = FILES.iter().copied().filter(|f| Self::compile(&[*f]).is_ok()).collect();
                Self::compile(&good).unwrap_or_else(|_| Self::empty())
            })
        })
    }

    fn empty() -> Self {
        Self {
            names: Names::default(),
            mappings: Vec::new(),
            programs: HashMap::default(),
            cef: HashMap::default(),
            contains: None,
            contains_of: Vec::new(),
        }
    }

    /// Compiles `files`, each a name and its text.
    pub(crate) fn compile(files: &[(&str, &str)]) -> Result<Self, MappingError> {
        let mut catalogue = Self::empty();
        let mut texts: Vec<String> = Vec::new();
        for (file, text) in files {
            let parsed: MappingFile = serde_yaml_ng::from_str(text)
                .map_err(|source| MappingError::Yaml { file: (*file).to_owned(), source })?;
            for source in parsed.mappings {
                catalogue.add(source, &mut texts)?;
            }
        }
        if !texts.is_empty() {
            let built = AhoCorasick::new(&texts).map_err(|e| MappingError::Selection(e.to_string()))?;
            catalogue.contains = Some(built);
        }
        Ok(catalogue)
    }

    fn add(&mut self, source: MappingSource, texts: &mut Vec<String>) -> Result<(), MappingError> {
        let index = self.mappings.len() as u16;
        for program in &source.matcher.program {
            self.programs.entry(program.clone()).or_default().push(index);
        }
        for text in &source.matcher.contains {
            texts.push(text.clone());
            self.contains_of.push(index);
        }
        for name in &source.matcher.cef {
            self.cef.entry(name.to_lowercase()).or_insert(index);
        }
        let name = source.name.clone();
        let mapping = compile_mapping(source, &mut self.names)
            .map_err(|source| MappingError::Template { mapping: name, source })?;
        self.mappings.push(mapping);
        Ok(())
    }

    /// Mappings that name this program, or the part of it before the first `/`.
    pub(crate) fn of_program(&self, program: &str) -> &[u16] {
        let found = self.programs.get(program);
        let found = found.or_else(|| self.programs.get(program.split_once('/')?.0));
        let found = found.or_else(|| self.programs.get(program.rsplit_once('/')?.1));
        found.map_or(&[], Vec::as_slice)
    }

    /// Mappings whose text the message contains, in order of the files.
    pub(crate) fn of_text(&self, message: &str, out: &mut Vec<u16>) {
        out.clear();
        let Some(contains) = &self.contains else { return };
        for hit in contains.find_overlapping_iter(message) {
            if let Some(&mapping) = self.contains_of.get(hit.pattern().as_usize())
                && !out.contains(&mapping)
            {
                out.push(mapping);
            }
        }
        out.sort_unstable();
    }

    /// The mapping of a CEF or LEEF vendor and product.
    pub(crate) fn of_cef(&self, vendor: &str, product: &str) -> Option<&Mapping> {
        let exact = format!("{vendor}|{product}").to_lowercase();
        let index = self.cef.get(&exact).or_else(|| self.cef.get(&vendor.to_lowercase()))?;
        self.mappings.get(usize::from(*index))
    }

    /// The mapping of a table with these columns.
    pub(crate) fn of_header(&self, columns: &[&str]) -> Option<&Mapping> {
        self.mappings.iter().find(|m| {
            let has = |wanted: &String| columns.iter().any(|c| c.eq_ignore_ascii_case(wanted));
            !m.header.is_empty() && m.header.iter().all(has)
        })
    }

    /// The mapping of a table: `name` with the path of its log behind a `/`, or `name` alone.
    pub(crate) fn of_table(&self, name: &str, path: &str) -> Option<&Mapping> {
        let exact = self
            .mappings
            .iter()
            .find(|m| m.name.strip_prefix(name).and_then(|n| n.strip_prefix('/')) == Some(path));
        exact.or_else(|| self.mappings.iter().find(|m| m.name == name))
    }

    /// A mapping by number.
    pub(crate) fn mapping(&self, index: u16) -> Option<&Mapping> {
        self.mappings.get(usize::from(index))
    }
}

fn compile_mapping(source: MappingSource, names: &mut Names) -> Result<Mapping, TemplateError> {
    let matcher = source.matcher;
    let keep = source.keep.unwrap_or(!matcher.program.is_empty() || source.patterns.is_empty());
    let mut set = constants(source.set, names);
    if !source.product.is_empty() {
        set.push((fixed::PRODUCT, Value::Text(source.product.into())));
    }
    let patterns = patterns(source.patterns, names)?;
    let mut by_prefix: HashMap<[u8; 4], Vec<u16>, RandomState> = HashMap::default();
    let mut others = Vec::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let head = match pattern.templates.as_slice() {
            [(only, _)] => only.prefix().as_bytes().first_chunk::<4>(),
            _ => None,
        };
        match head {
            Some(head) => by_prefix.entry(*head).or_default().push(index as u16),
            None => others.push(index as u16),
        }
    }
    let slots =
        |list: Vec<String>, names: &mut Names| -> Vec<Slot> { list.iter().map(|n| names.slot(n)).collect() };
    Ok(Mapping {
        kind: kind(&source.logsource),
        name: source.name,
        head: source.head.map(|text| Template::compile(&text, names)).transpose()?,
        body: source.body,
        columns: source.columns.into_iter().map(|c| columns(c, names)).collect(),
        patterns,
        by_prefix,
        others,
        also: self::patterns(source.also, names)?,
        fields: source
            .fields
            .into_iter()
            .map(|(t, from)| (names.slot(&t), slots(from.into_vec(), names)))
            .collect(),
        values: source
            .values
            .into_iter()
            .map(|(target, v)| Translation {
                target: names.slot(&target),
                from: slots(v.from.into_vec(), names),
                map: v.map.into_iter().map(|(k, v)| (k.to_lowercase(), v)).collect(),
                default: v.default,
            })
            .collect(),
        when: source.when.into_iter().map(|w| when(w, names)).collect(),
        set,
        time: source.time.into_iter().map(|list| slots(list, names)).collect(),
        zone: source.zone.map(|z| names.slot(&z)),
        keys: slots(matcher.keys, names),
        header: matcher.header,
        keep,
    })
}

fn patterns(sources: Vec<PatternSource>, names: &mut Names) -> Result<Vec<Pattern>, TemplateError> {
    let compile = |source: PatternSource, names: &mut Names| {
        let templates: Result<Vec<_>, TemplateError> = source
            .template
            .into_vec()
            .iter()
            .map(|text| {
                let template = Template::compile(text, names)?;
                let finder = Finder::new(template.necessary()).into_owned();
                Ok((template, finder))
            })
            .collect();
        Ok(Pattern {
            templates: templates?,
            set: constants(source.set, names),
            kind: source.logsource.as_ref().map(kind),
        })
    };
    sources.into_iter().map(|source| compile(source, names)).collect()
}

fn columns(source: ColumnsSource, names: &mut Names) -> Columns {
    let slot = |name: &String| (name != "_").then_some(name.clone());
    let wanted: Vec<Option<String>> = source.names.iter().map(slot).collect();
    Columns {
        when: source.when.into_iter().map(|(at, list)| (at, OneOrMany::into_vec(list))).collect(),
        names: wanted.into_iter().map(|n| n.map(|n| names.slot(&n))).collect(),
        set: constants(source.set, names),
        kind: source.logsource.as_ref().map(kind),
    }
}

fn when(source: WhenSource, names: &mut Names) -> When {
    let lower = |list: OneOrMany| list.into_vec().into_iter().map(|v| v.to_lowercase()).collect();
    When {
        conditions: source.conditions.into_iter().map(|(n, list)| (names.slot(&n), lower(list))).collect(),
        set: constants(source.set, names),
        kind: source.logsource.as_ref().map(kind),
    }
}

fn constants(source: BTreeMap<String, Constant>, names: &mut Names) -> Constants {
    let value = |constant| match constant {
        Constant::Bool(value) => Value::Bool(value),
        Constant::Number(number) => Value::Number(number.to_string().into()),
        Constant::Text(text) => Value::Text(text.into()),
        Constant::List(list) => {
            Value::List(list.into_iter().map(Into::into).collect::<Vec<Box<str>>>().into())
        }
    };
    source.into_iter().map(|(name, constant)| (names.slot(&name), value(constant))).collect()
}

fn kind(source: &LogsourceSource) -> LogKind {
    LogKind {
        product: source.product.clone(),
        service: source.service.clone(),
        categories: source.categories.clone(),
    }
}
