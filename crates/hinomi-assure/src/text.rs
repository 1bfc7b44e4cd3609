//! Texts in both languages.

use serde::{Deserialize, Serialize};

/// A text of content, in English and Japanese; both are required.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// English.
    pub en: String,
    /// Japanese.
    pub ja: String,
}
