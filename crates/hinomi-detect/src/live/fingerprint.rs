//! What a correlation is, with all it refers to, as one name.

use hinomi_model::Digest;

use crate::Engine;
use crate::sigma::{Correlation, Meta};

/// Correlations may refer to each other in circles, which are refused when they are evaluated.
const MOST_LEVELS: usize = 40;

/// A name for each correlation of an engine: equal when the correlation and the rules behind it decide alike.
pub fn fingerprints(engine: &Engine) -> Vec<String> {
    engine.correlations().iter().map(|c| Digest::of(text(engine, c, 0).as_bytes()).to_string()).collect()
}

fn text(engine: &Engine, correlation: &Correlation, level: usize) -> String {
    let Correlation { meta, kind, rules, group_by, timespan_ns, aliases, generate } = correlation;
    let mut text = format!("{:?}", (&meta.id, kind, rules, group_by, timespan_ns, aliases, generate));
    if level > MOST_LEVELS {
        return text;
    }
    let named = |meta: &Meta, name: &String| meta.id == *name || meta.name.as_ref() == Some(name);
    for name in rules {
        match engine.correlations().iter().find(|c| named(&c.meta, name)) {
            // Named by digest, so that towers of correlations do not grow without bound.
            Some(inner) => {
                text.push_str(&Digest::of(self::text(engine, inner, level + 1).as_bytes()).to_string());
            }
            None => {
                for rule in engine.rules().iter().filter(|rule| named(&rule.meta, name)) {
                    text.push_str(&format!("{:?}", (&rule.meta.id, &rule.logsource, &rule.conditions)));
                }
            }
        }
    }
    text
}
