//! Every kind of JSON log the program knows, compiled for reading.
//!
//! # Invariants
//! - The last kind recognises everything.
//! - Conditions become bits: whether an event is of a kind depends on the bits its fields set, so that equal sets
//!   of bits need one decision only.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::mapping::{Condition, Convert, Mapping, OneOrMany, Scalar, Source, TimeSource};

/// The mapping files, in order of recognition.
const FILES: [&str; 29] = [
    include_str!("../../mappings/json/windows_beats.yaml"),
    include_str!("../../mappings/json/windows_beats6.yaml"),
    include_str!("../../mappings/json/windows_tree.yaml"),
    include_str!("../../mappings/json/windows_powershell.yaml"),
    include_str!("../../mappings/json/windows_provider.yaml"),
    include_str!("../../mappings/json/windows_collector.yaml"),
    include_str!("../../mappings/json/windows_export.yaml"),
    include_str!("../../mappings/json/aws_cloudtrail.yaml"),
    include_str!("../../mappings/json/gcp_audit.yaml"),
    include_str!("../../mappings/json/google_workspace.yaml"),
    include_str!("../../mappings/json/entra_signin.yaml"),
    include_str!("../../mappings/json/azure_audit.yaml"),
    include_str!("../../mappings/json/azure_activity.yaml"),
    include_str!("../../mappings/json/m365_audit.yaml"),
    include_str!("../../mappings/json/okta.yaml"),
    include_str!("../../mappings/json/duo.yaml"),
    include_str!("../../mappings/json/kubernetes.yaml"),
    include_str!("../../mappings/json/zeek_stream.yaml"),
    include_str!("../../mappings/json/zeek.yaml"),
    include_str!("../../mappings/json/suricata.yaml"),
    include_str!("../../mappings/json/journald.yaml"),
    include_str!("../../mappings/json/auditd.yaml"),
    include_str!("../../mappings/json/samba.yaml"),
    include_str!("../../mappings/json/slack.yaml"),
    include_str!("../../mappings/json/github.yaml"),
    include_str!("../../mappings/json/onelogin.yaml"),
    include_str!("../../mappings/json/auth0.yaml"),
    include_str!("../../mappings/json/wazuh.yaml"),
    include_str!("../../mappings/json/generic.yaml"),
];

/// All kinds.
pub(super) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mappings = FILES.iter().filter_map(|text| serde_yaml_ng::from_str(text).ok()).collect();
    Catalogue::compile(mappings)
});

/// Kinds in order of recognition.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) kinds: Vec<Kind>,
}

/// One compiled mapping.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) mapping: Mapping,
    /// What to do at which path.
    pub(super) watches: HashMap<String, Watch>,
    /// Bits, one set per member of [`Mapping::kinds`].
    pub(super) variants: Vec<u128>,
    /// Slot and source of times.
    pub(super) times: Vec<TimeSlots>,
    pub(super) host: Vec<u16>,
    pub(super) sequence: Vec<u16>,
    pub(super) service: Option<u16>,
    /// Slots of program, process number and text.
    pub(super) message: Option<[Vec<u16>; 3]>,
    pub(super) derives: Vec<DeriveRule>,
    /// Names of the fields that `derives` set.
    pub(super) derived_names: Vec<String>,
    all: u128,
    any: Vec<u128>,
    none: Vec<u128>,
}

/// Slots of one [`TimeSource`].
#[derive(Debug)]
pub(super) struct TimeSlots {
    /// Position in [`Mapping::time`].
    pub(super) source: usize,
    pub(super) slot: u16,
    pub(super) local: Option<u16>,
    pub(super) utc: Option<u16>,
}

/// What a field means besides being a value.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Bits of recognition that the field's presence sets.
    pub(super) global: u128,
    /// Bits of the kind that the field's presence sets.
    pub(super) local: u128,
    /// Bits that its value may set.
    pub(super) tests: Vec<Test>,
    /// Where its value is kept for the end of the event.
    pub(super) slot: Option<u16>,
    pub(super) convert: Option<Convert>,
    /// Position in [`Mapping::pairs`].
    pub(super) pairs: Option<usize>,
    pub(super) split: bool,
    /// Elements are fields of their own, numbered.
    pub(super) indexed: bool,
    pub(super) also: Vec<String>,
}

/// Bits set by a value.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) patterns: Vec<Pattern>,
    pub(super) global: u128,
    pub(super) local: u128,
}

/// A value with an optional `*` at either end.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: Vec<u8>,
    open_start: bool,
    open_end: bool,
}

/// A compiled [`super::mapping::Derive`].
#[derive(Debug)]
pub(super) struct DeriveRule {
    pub(super) when: u128,
    /// Position in [`Kind::derived_names`] and sources.
    pub(super) set: Vec<(usize, Vec<Origin>)>,
}

/// Where a derived value comes from.
#[derive(Debug)]
pub(super) enum Origin {
    Copy(u16),
    /// The address of a text such as `ipv4:192.0.2.1:445`.
    Address(u16),
    Constant(Scalar),
    Table {
        slot: u16,
        exact: HashMap<Vec<u8>, Scalar>,
        patterns: Vec<(Pattern, Scalar)>,
        otherwise: Option<Scalar>,
    },
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let (open_start, rest) = text.strip_prefix('*').map_or((false, text), |r| (true, r));
        let (open_end, rest) = rest.strip_suffix('*').map_or((false, rest), |r| (true, r));
        Self { text: rest.as_bytes().to_vec(), open_start, open_end }
    }

    pub(super) fn holds(&self, value: &[u8]) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => value == self.text,
            (false, true) => value.starts_with(&self.text),
            (true, false) => value.ends_with(&self.text),
            (true, true) => memchr::memmem::find(value, &self.text).is_some(),
        }
    }

    fn is_exact(&self) -> bool {
        !self.open_start && !self.open_end
    }
}

impl Catalogue {
    /// Compiles mappings; the order is that of recognition.
    pub(super) fn compile(mappings: Vec<Mapping>) -> Self {
        let mut global = Bits::default();
        let recognition: Vec<_> = mappings
            .iter()
            .map(|m| {
                let all = m.recognise.all.iter().fold(0, |bits, c| bits | global.condition(c));
                let any: Vec<u128> = m.recognise.any.iter().map(|c| global.condition(c)).collect();
                let none: Vec<u128> = m.recognise.none.iter().map(|c| global.condition(c)).collect();
                (all, any, none)
            })
            .collect();
        let kinds = mappings.into_iter().zip(recognition).map(|(mapping, (all, any, none))| {
            let mut kind = Compiler::default().kind(mapping);
            (kind.all, kind.any, kind.none) = (all, any, none);
            global.watch(&mut kind.watches, true);
            kind
        });
        Self { kinds: kinds.collect() }
    }

    /// The kind of an event that set these bits of recognition.
    pub(super) fn recognise(&self, bits: u128) -> usize {
        let holds = |k: &Kind| {
            bits & k.all == k.all
                && (k.any.is_empty() || k.any.iter().any(|any| bits & any == *any))
                && !k.none.iter().any(|none| bits & none == *none)
        };
        self.kinds.iter().position(holds).unwrap_or(self.kinds.len().saturating_sub(1))
    }
}

/// Gives every atomic condition a bit.
#[derive(Debug, Default)]
struct Bits {
    atoms: Vec<(String, Option<Vec<String>>)>,
}

impl Bits {
    fn condition(&mut self, condition: &Condition) -> u128 {
        match condition {
            Condition::Has(path) => self.bit(path, None),
            Condition::Is(values) => values.iter().fold(0, |bits, (path, v)| bits | self.bit(path, Some(v))),
        }
    }

    /// Past 128 atoms the bit is 0: the condition then always holds. A test keeps the files below that.
    fn bit(&mut self, path: &str, values: Option<&OneOrMany>) -> u128 {
        let atom = (path.to_owned(), values.map(|v| v.iter().map(str::to_owned).collect()));
        let at = self.atoms.iter().position(|a| *a == atom).unwrap_or_else(|| {
            self.atoms.push(atom);
            self.atoms.len() - 1
        });
        u32::try_from(at).ok().and_then(|at| 1u128.checked_shl(at)).unwrap_or(0)
    }

    fn watch(&self, watches: &mut HashMap<String, Watch>, is_global: bool) {
        for (at, (path, values)) in self.atoms.iter().enumerate().take(128) {
            let bit = 1u128 << at;
            let (global, local) = if is_global { (bit, 0) } else { (0, bit) };
            let watch = watches.entry(path.clone()).or_default();
            match values {
                None => {
                    watch.global |= global;
                    watch.local |= local;
                }
                Some(values) => {
                    let patterns = values.iter().map(|v| Pattern::new(v)).collect();
                    watch.tests.push(Test { patterns, global, local });
                }
            }
        }
    }
}

#[derive(Default)]
struct Compiler {
    watches: HashMap<String, Watch>,
    bits: Bits,
    slots: u16,
    derived_names: Vec<String>,
}

impl Compiler {
    fn kind(mut self, mapping: Mapping) -> Kind {
        let when = |bits: &mut Bits, all: &[Condition]| all.iter().fold(0, |b, c| b | bits.condition(c));
        let variants = mapping.kinds.iter().map(|v| when(&mut self.bits, &v.when)).collect();
        let times = mapping.time.iter().enumerate().map(|(n, t)| self.time(n, t)).collect();
        let host = mapping.host.iter().map(|path| self.slot(path)).collect();
        let sequence = mapping.sequence.iter().map(|path| self.slot(path)).collect();
        let service = mapping.service_from.as_ref().map(|from| self.slot(&from.field));
        let message = mapping.message.as_ref().map(|from| {
            [&from.program, &from.pid, &from.text]
                .map(|paths| paths.iter().map(|path| self.slot(path)).collect())
        });
        let derives = mapping.derive.iter().map(|rule| DeriveRule {
            when: when(&mut self.bits, &rule.when),
            set: rule.set.iter().map(|(name, from)| self.derived(name, from.iter())).collect(),
        });
        let derives = derives.collect();
        for (path, names) in &mapping.also {
            self.watch(path).also.extend(names.iter().map(str::to_owned));
        }
        for (path, convert) in &mapping.convert {
            self.watch(path).convert = Some(*convert);
        }
        for (at, pairs) in mapping.pairs.iter().enumerate() {
            self.watch(&pairs.array).pairs = Some(at);
        }
        for path in &mapping.indexed {
            self.watch(path).indexed = true;
        }
        if let Some(path) = &mapping.split {
            self.watch(path).split = true;
        }
        self.bits.watch(&mut self.watches, false);
        Kind {
            mapping,
            watches: self.watches,
            variants,
            times,
            host,
            sequence,
            service,
            message,
            derives,
            derived_names: self.derived_names,
            all: 0,
            any: Vec::new(),
            none: Vec::new(),
        }
    }

    fn watch(&mut self, path: &str) -> &mut Watch {
        self.watches.entry(path.to_owned()).or_default()
    }

    fn slot(&mut self, path: &str) -> u16 {
        let fresh = self.slots;
        let slot = *self.watch(path).slot.get_or_insert(fresh);
        if slot == fresh {
            self.slots += 1;
        }
        slot
    }

    fn time(&mut self, source: usize, time: &TimeSource) -> TimeSlots {
        TimeSlots {
            source,
            slot: self.slot(&time.field),
            local: time.local.as_ref().map(|path| self.slot(path)),
            utc: time.utc.as_ref().map(|path| self.slot(path)),
        }
    }

    fn derived<'a>(&mut self, name: &str, sources: impl Iterator<Item = &'a Source>) -> (usize, Vec<Origin>) {
        let at = self.derived_names.iter().position(|n| n == name).unwrap_or_else(|| {
            self.derived_names.push(name.to_owned());
            self.derived_names.len() - 1
        });
        (at, sources.map(|source| self.origin(source)).collect())
    }

    fn origin(&mut self, source: &Source) -> Origin {
        match source {
            Source::Field(path) => Origin::Copy(self.slot(path)),
            Source::Address(address) => Origin::Address(self.slot(&address.field)),
            Source::Constant(constant) => Origin::Constant(constant.value.clone()),
            Source::Mapped(mapped) => {
                let table = || mapped.map.iter().map(|(text, to)| (Pattern::new(text), to.clone()));
                Origin::Table {
                    slot: self.slot(&mapped.from),
                    exact: table().filter(|(p, _)| p.is_exact()).map(|(p, to)| (p.text, to)).collect(),
                    patterns: table().filter(|(p, _)| !p.is_exact()).collect(),
                    otherwise: mapped.otherwise.clone(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_the_bits_suffice() {
        let mut bits = Bits::default();
        for text in FILES {
            let mapping: Mapping = serde_yaml_ng::from_str(text).unwrap();
            assert!(mapping.version >= 1 && !mapping.product.is_empty(), "{}", mapping.id);
            let conditions = [&mapping.recognise.all, &mapping.recognise.any, &mapping.recognise.none];
            for condition in conditions.into_iter().flatten() {
                bits.condition(condition);
            }
            let mut local = Compiler::default();
            for variant in &mapping.kinds {
                variant.when.iter().for_each(|c| _ = local.bits.condition(c));
            }
            for rule in &mapping.derive {
                rule.when.iter().for_each(|c| _ = local.bits.condition(c));
            }
            assert!(local.bits.atoms.len() <= 128, "{}", mapping.id);
        }
        assert!(bits.atoms.len() <= 128, "{}", bits.atoms.len());
        assert_eq!(CATALOGUE.kinds.len(), FILES.len());
    }

    #[test]
    fn patterns_are_open_where_a_star_stands() {
        let check = |pattern: &str, value: &str, expected: bool| {
            assert_eq!(Pattern::new(pattern).holds(value.as_bytes()), expected, "{pattern} {value}");
        };
        check("abc", "abc", true);
        check("abc", "abcd", false);
        check("abc*", "abcd", true);
        check("*abc", "xabc", true);
        check("*abc", "abcx", false);
        check("*b*", "abc", true);
    }
}
