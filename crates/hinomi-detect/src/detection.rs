//! The id of a detection.

use hinomi_model::{Digest, Hashing};

/// Length of an id.
const DIGITS: usize = 32;

/// Hash of (rule id, group key, event hashes in order of value, occurrence): equal for live, restarted and later runs.
///
/// The events of a correlation are those it fired with: what extends an occurrence afterwards does not change its id.
pub fn detection_id(
    rule: &str,
    group: &[(String, String)],
    events: &mut [Digest],
    occurrence: u64,
) -> String {
    let mut group: Vec<String> = group.iter().map(|(field, value)| format!("{field}\u{1}{value}")).collect();
    group.sort();
    events.sort_unstable();
    let mut hash = Hashing::default();
    for part in [rule, &group.join("\u{2}")] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    events.iter().for_each(|event| hash.update(event.as_bytes()));
    hash.update(&occurrence.to_be_bytes());
    let mut id = hash.finish().to_string();
    id.truncate(DIGITS);
    id
}
