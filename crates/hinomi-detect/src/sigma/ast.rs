//! What a parsed Sigma document says, after modifiers, wildcards and conditions are resolved.

use std::collections::BTreeMap;

use hinomi_model::Level;

/// A document of a rule file.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// An ordinary rule.
    Rule(Rule),
    /// A correlation of other rules.
    Correlation(Correlation),
    /// A filter applied to other rules.
    Filter(Filter),
}

/// Who wrote a rule and how it is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// `id`, or `name`, or the title when the document has neither.
    pub id: String,
    /// `name`, by which other documents refer to this one (they may also use the id).
    pub name: Option<String>,
    /// `title`.
    pub title: String,
    /// `author`.
    pub author: String,
    /// `license`; empty when the document states none.
    pub license: String,
    /// `description`.
    pub description: String,
    /// `level`; informational when absent.
    pub level: Level,
    /// `status`.
    pub status: String,
    /// `tags`, as written.
    pub tags: Vec<String>,
    /// `falsepositives`.
    pub false_positives: Vec<String>,
    /// `references`.
    pub references: Vec<String>,
    /// Text of our own extension `hinomi.title_ja` and its siblings, by key (`title_ja`, `description_ja`,
    /// `explain_en`, `explain_ja`).
    pub extension: BTreeMap<String, String>,
    /// File and document number, for messages.
    pub origin: String,
}

/// A rule over single events.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Description of the rule.
    pub meta: Meta,
    /// Which events it reads.
    pub logsource: LogSource,
    /// One tree per condition; the rule matches when any of them holds.
    pub conditions: Vec<Search>,
    /// `fields`, worth showing with a match.
    pub fields: Vec<String>,
}

/// `logsource`: an attribute that is `None` is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogSource {
    /// Event category.
    pub category: Option<String>,
    /// Product.
    pub product: Option<String>,
    /// Service.
    pub service: Option<String>,
}

/// A boolean expression over one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Search {
    /// All hold; true when empty.
    All(Vec<Search>),
    /// Any holds; false when empty.
    Any(Vec<Search>),
    /// Does not hold.
    Not(Box<Search>),
    /// A named field is tested. A list value holds when any element does; an absent field holds only for
    /// [`Test::Absent`] and `Exists(false)`.
    Field(String, Test),
    /// Any value of the event (or its raw text) is tested with the patterns; one pattern suffices.
    Keyword(Patterns),
    /// Any value of the event (or its raw text) matches the regular expression.
    KeywordRegex(Regex),
}

/// A regular expression in the syntax of Rust's `regex`, after translation; it may match anywhere in the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Regex {
    /// The expression.
    pub pattern: String,
    /// `i`: upper and lower case are the same.
    pub ignore_case: bool,
    /// `m`: `^` and `$` also match at line breaks.
    pub multi_line: bool,
    /// `s`: `.` also matches a line break.
    pub dot_all: bool,
}

/// How a field is tested.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// The text matches any of the patterns.
    Match(Patterns),
    /// The text matches the regular expression anywhere.
    Regex(Regex),
    /// The text is an IP address inside any of the networks.
    Cidr(Vec<Network>),
    /// The field exists (even when null), or does not.
    Exists(bool),
    /// `null`: absent or null.
    Absent,
    /// The text is a number that compares so with the operand.
    Compare(Comparison, f64),
    /// The text relates to the text of another field of the same event.
    FieldRef {
        /// Name of the other field.
        other: String,
        /// Where the other's text must stand in this one's.
        place: Place,
        /// Whether case matters.
        cased: bool,
    },
    /// The text is a time whose part, in UTC, compares so with the number; `None` means that it equals it.
    TimePart(TimePart, Option<Comparison>, i64),
}

/// Number comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `lt`
    Less,
    /// `lte`
    LessOrEqual,
    /// `gt`
    Greater,
    /// `gte`
    GreaterOrEqual,
}

/// Position of one text in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The whole text.
    Whole,
    /// At its start.
    Start,
    /// At its end.
    End,
    /// Anywhere.
    Anywhere,
}

/// Parts of a time (`minute`, `hour`, `day`, `week`, `month`, `year`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimePart {
    /// 0–59
    Minute,
    /// 0–23
    Hour,
    /// Day of the month, 1–31
    Day,
    /// ISO 8601 week, 1–53
    Week,
    /// 1–12
    Month,
    /// Year
    Year,
}

/// Alternatives of one test.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Patterns {
    /// Any of these.
    pub any: Vec<Pattern>,
    /// Upper and lower case differ (`cased`).
    pub cased: bool,
}

/// A text with wildcards, anchored at both ends: `contains` is `*x*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(pub Vec<Token>);

/// Part of a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Token {
    /// Exactly this text.
    Literal(String),
    /// `*`: any text, also none.
    Many,
    /// `?`: exactly one character.
    One,
}

/// An IP network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// Network address.
    pub address: std::net::IpAddr,
    /// Prefix length in bits.
    pub prefix: u8,
}

/// A correlation rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// Description of the rule.
    pub meta: Meta,
    /// What is counted or ordered.
    pub kind: CorrelationKind,
    /// Referred rules, by id or name, in order.
    pub rules: Vec<String>,
    /// Fields whose values must be equal among the events of one group.
    pub group_by: Vec<String>,
    /// Window length in nanoseconds.
    pub timespan_ns: i64,
    /// alias → (rule reference → field).
    pub aliases: BTreeMap<String, BTreeMap<String, String>>,
    /// `generate`: the referred rules also alert on their own.
    pub generate: bool,
}

impl Correlation {
    /// Every field of an event that the correlation reads, under all its aliases.
    pub fn fields(&self) -> Vec<String> {
        let mut fields = self.group_by.clone();
        fields.extend(self.aliases.values().flat_map(|map| map.values().cloned()));
        match &self.kind {
            CorrelationKind::ValueCount { fields: counted, .. } => fields.extend(counted.iter().cloned()),
            CorrelationKind::ValueSum(field, _)
            | CorrelationKind::ValueAverage(field, _)
            | CorrelationKind::ValuePercentile(field, _, _) => fields.push(field.clone()),
            CorrelationKind::EventCount(_)
            | CorrelationKind::Temporal(_)
            | CorrelationKind::TemporalOrdered(_) => {}
        }
        fields
    }
}

/// Type and condition of a [`Correlation`].
#[derive(Clone, Debug, PartialEq)]
pub enum CorrelationKind {
    /// `event_count`
    EventCount(CountCondition),
    /// `value_count` of distinct values of a field (several fields: of tuples)
    ValueCount {
        /// The counted fields.
        fields: Vec<String>,
        /// The condition on the count.
        condition: CountCondition,
    },
    /// `temporal`: rules occur within the window, in any order
    Temporal(TemporalCondition),
    /// `temporal_ordered`: in the order of [`Correlation::rules`]
    TemporalOrdered(TemporalCondition),
    /// `value_sum`
    ValueSum(String, CountCondition),
    /// `value_avg`
    ValueAverage(String, CountCondition),
    /// `value_percentile`: percentile 0–100 of a field
    ValuePercentile(String, f64, CountCondition),
}

/// A conjunction of number comparisons (`gte: 10`, `lt: 20`, …).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CountCondition {
    /// Bounds by comparison.
    pub bounds: Vec<(Comparison, f64)>,
    /// `eq`
    pub equals: Option<f64>,
    /// `neq`
    pub not_equals: Option<f64>,
}

/// Which of the rules must occur.
#[derive(Clone, Debug, PartialEq)]
pub enum TemporalCondition {
    /// Every one.
    All,
    /// The number of different rules that occurred meets the condition.
    Count(CountCondition),
    /// The expression over rules holds.
    Expression(RuleExpression),
}

/// Condition of a temporal correlation over the occurrence of rules.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleExpression {
    /// The referred rule occurred.
    Rule(String),
    /// All of them.
    All(Vec<RuleExpression>),
    /// Any of them.
    Any(Vec<RuleExpression>),
    /// It did not.
    Not(Box<RuleExpression>),
}

/// A filter: events of the rules that match `exclude` are dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Description of the filter.
    pub meta: Meta,
    /// Applies to events of this source.
    pub logsource: LogSource,
    /// Referred rules by id or name; empty means any rule of the log source.
    pub rules: Vec<String>,
    /// What must hold for the rule's match to stand (the filter's condition as written, which the specification
    /// combines with the rule's by `and`).
    pub condition: Search,
}
