//! Why a document was refused.

use hinomi_model::LevelError;

/// A document of a rule file that is not used, and why.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{origin}{}: {problem}", line_suffix(*line))]
pub struct RuleError {
    /// File and document number.
    pub origin: String,
    /// Line in the file, from 1, where it can be told.
    pub line: Option<u32>,
    /// `title` of the document, when it could be read.
    pub title: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

impl RuleError {
    /// What the author could do about it.
    pub fn hint(&self) -> &'static str {
        self.problem.hint()
    }
}

fn line_suffix(line: Option<u32>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The text is not YAML.
    #[error("not valid YAML: {message}")]
    Yaml {
        /// The parser's words.
        message: String,
    },
    /// A bound on size, depth or number was exceeded.
    #[error("too large: more than {limit} {what}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// How many are accepted.
        limit: usize,
    },
    /// A key stands twice in one map.
    #[error("key {key:?} is written twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A mandatory key is missing.
    #[error("{key:?} is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A value has the wrong shape.
    #[error("{key:?} must be {expected}")]
    Shape {
        /// The key.
        key: String,
        /// What is expected there.
        expected: &'static str,
    },
    /// The document is neither a rule nor a correlation nor a filter.
    #[error("the document has none of detection, correlation and filter")]
    NoKind,
    /// A level the specification does not know.
    #[error(transparent)]
    Level(#[from] LevelError),
    /// An `action` of a rule collection that is not known.
    #[error("unknown collection action {action:?}")]
    Action {
        /// As written.
        action: String,
    },
    /// A modifier the specification does not know.
    #[error("unknown modifier {modifier:?}")]
    UnknownModifier {
        /// As written.
        modifier: String,
    },
    /// Modifiers that cannot stand together.
    #[error("the modifiers of {key:?} do not go together: {reason}")]
    Modifiers {
        /// Field and modifiers as written.
        key: String,
        /// Which rule is broken.
        reason: &'static str,
    },
    /// A value that its modifiers cannot take.
    #[error("{key:?} cannot take the value {value:?}: {reason}")]
    Value {
        /// Field and modifiers as written.
        key: String,
        /// The value as written.
        value: String,
        /// What the modifier asks for.
        reason: &'static str,
    },
    /// A placeholder nobody defined.
    #[error("placeholder %{name}% is not defined")]
    Placeholder {
        /// Its name.
        name: String,
    },
    /// A regular expression that uses what cannot be evaluated in linear time.
    #[error("regular expression {pattern:?} uses {feature}")]
    RegexFeature {
        /// The expression as written.
        pattern: String,
        /// The feature.
        feature: &'static str,
    },
    /// A malformed regular expression.
    #[error("regular expression {pattern:?} is malformed: {reason}")]
    Regex {
        /// The expression as written.
        pattern: String,
        /// The parser's words.
        reason: String,
    },
    /// A condition that does not follow the grammar.
    #[error("condition {condition:?}: {reason}")]
    Condition {
        /// As written (cut when long).
        condition: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// The pipe of the old aggregation language.
    #[error("condition {condition:?} uses an aggregation expression")]
    Aggregation {
        /// As written (cut when long).
        condition: String,
    },
    /// A condition names a selection that does not exist.
    #[error("the condition refers to {name:?}, which the detection does not define")]
    MissingSelection {
        /// Name or pattern.
        name: String,
    },
    /// A time span that cannot be read.
    #[error("timespan {text:?} is not a positive number followed by s, m, h, d, w, M or y")]
    Timespan {
        /// As written.
        text: String,
    },
    /// A correlation type that is not known.
    #[error("unknown correlation type {name:?}")]
    CorrelationType {
        /// As written.
        name: String,
    },
    /// A correlation condition that makes no sense.
    #[error("correlation condition: {reason}")]
    CorrelationCondition {
        /// Which rule is broken.
        reason: &'static str,
    },
}

impl Problem {
    /// What the author could do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Yaml { .. } => "check indentation, quotes and tabs near the line",
            Self::TooLarge { .. } => "split the rule",
            Self::DuplicateKey { .. } => "merge the two values into one list, or use a second selection",
            Self::Missing { .. } | Self::Shape { .. } => {
                "see the Sigma specification for the expected layout"
            }
            Self::NoKind => "add a detection, or remove the document",
            Self::Level(_) => "choose one of the five levels",
            Self::Action { .. } => "use global, repeat or reset, or write separate documents",
            Self::UnknownModifier { .. } => "check the spelling against the modifiers of Sigma 2.1",
            Self::Modifiers { .. } => "split the test into two selections",
            Self::Value { .. } => "change the value or the modifier",
            Self::Placeholder { .. } => "give its values in a placeholder file",
            Self::RegexFeature { .. } => {
                "rewrite it without the feature, for instance as a second selection joined by `and not`"
            }
            Self::Regex { .. } => "quote the expression with single quotes and check its brackets",
            Self::Condition { .. } => "use selections, and, or, not, parentheses, `1 of x*` and `all of x*`",
            Self::Aggregation { .. } => "write a correlation document (event_count, value_count, temporal …)",
            Self::MissingSelection { .. } => "define the selection or correct its name",
            Self::Timespan { .. } => "write for instance 90m",
            Self::CorrelationType { .. } => {
                "use event_count, value_count, value_sum, value_avg, value_percentile, temporal or temporal_ordered"
            }
            Self::CorrelationCondition { .. } => "write for instance `condition: {gte: 10}`",
        }
    }
}

/// A problem with its line, before the document it belongs to is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub line: Option<u32>,
    pub problem: Problem,
}

impl Fault {
    pub(crate) fn at(line: u32, problem: Problem) -> Self {
        Self { line: Some(line), problem }
    }
}

/// The first characters of a text, for messages.
pub(crate) fn excerpt(text: &str) -> String {
    let mut out: String = text.chars().take(120).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}
