//! ATT&CK Navigator layer (format 4.5) of techniques that were executed: the score is the share detected.

use serde_json::{Value, json};

use super::figures::Figures;

/// The layer. Only techniques that a trial executed are in it; those whose trial fired have a score above zero.
pub fn navigator_layer(name: &str, figures: &Figures) -> Value {
    let technique = |(id, share): (&String, &super::Share)| {
        let score = share.detected * 100 / share.executed.max(1);
        json!({
            "techniqueID": id,
            "score": score,
            "comment": format!("{} of {} procedures detected", share.detected, share.executed),
            "enabled": true,
        })
    };
    json!({
        "name": name,
        "versions": {"attack": "18", "navigator": "5.1.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": format!(
            "Share of executed procedures that were detected; what no trial executed is not coloured. Rules {}",
            figures.rules_sha256.get(..12).unwrap_or_default()
        ),
        "gradient": {"colors": ["#ff6666", "#ffe766", "#8ec843"], "minValue": 0, "maxValue": 100},
        "techniques": figures.by_technique.iter().map(technique).collect::<Vec<Value>>(),
    })
}
