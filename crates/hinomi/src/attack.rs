//! Official names of ATT&CK techniques, pinned to one version.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The pinned version of ATT&CK for Enterprise.
pub const VERSION: &str = "18.1";

static TECHNIQUES: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let table = include_str!("../../../mappings/attack-techniques.tsv");
    table.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once('\t')).collect()
});

static TACTICS: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let table = include_str!("../../../mappings/attack-tactics.tsv");
    table.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once('\t')).collect()
});

/// Tactics of a technique or sub-technique by its id.
pub fn tactics(id: &str) -> impl Iterator<Item = &'static str> {
    TACTICS.get(id).copied().unwrap_or_default().split(' ').filter(|t| !t.is_empty())
}

/// Name of a technique or sub-technique by its id, `None` when the pinned version does not have it (any more).
pub fn technique_name(id: &str) -> Option<&'static str> {
    TECHNIQUES.get(id).copied()
}

/// Every technique: id and name.
pub fn techniques() -> impl Iterator<Item = (&'static str, &'static str)> {
    TECHNIQUES.iter().map(|(id, name)| (*id, *name))
}
