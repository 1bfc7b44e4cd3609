//! The modifiers after a field name, checked against each other.

use super::ast::{Comparison, Place, TimePart};
use super::error::Problem;
use super::pattern::Utf16;

/// A change of the value, applied in the written order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Transform {
    Windash,
    Utf16(Utf16),
    Base64,
    Base64Offset,
    Place(Place),
}

/// What kind of test the values become.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Text,
    Regex,
    Cidr,
    Exists,
    FieldRef,
    Compare(Comparison),
    Time(TimePart, Option<Comparison>),
}

/// All modifiers of one key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Modifiers {
    pub kind: Kind,
    pub transforms: Vec<Transform>,
    /// How many of the values must hold.
    pub join: Join,
    /// The whole test is negated.
    pub negated: bool,
    pub cased: bool,
    pub expand: bool,
    pub regex: RegexFlags,
}

/// How many values of a list must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    Any,
    All,
}

/// `i`, `m` and `s` after `re`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RegexFlags {
    pub ignore_case: bool,
    pub multi_line: bool,
    pub dot_all: bool,
}

impl Modifiers {
    /// Where a placing modifier puts the value.
    pub(crate) fn place(&self) -> Place {
        let place = self.transforms.iter().find_map(|t| match t {
            Transform::Place(place) => Some(*place),
            _ => None,
        });
        place.unwrap_or(Place::Whole)
    }

    /// Reads the part of `key` after the field name: `|name` any number of times.
    pub(crate) fn parse(key: &str, names: &str) -> Result<Self, Problem> {
        let mut this = Self {
            kind: Kind::Text,
            transforms: Vec::new(),
            join: Join::Any,
            negated: false,
            cased: false,
            expand: false,
            regex: RegexFlags::default(),
        };
        let conflict = |reason| Problem::Modifiers { key: key.to_owned(), reason };
        let mut seen: Vec<&str> = Vec::new();
        for name in names.split('|').skip(1) {
            if seen.contains(&name) {
                return Err(conflict("a modifier is repeated"));
            }
            seen.push(name);
            this.add(name).map_err(|refused| match refused {
                Refused::Unknown => Problem::UnknownModifier { modifier: name.to_owned() },
                Refused::Conflict(reason) => conflict(reason),
            })?;
        }
        this.check().map_err(conflict)?;
        Ok(this)
    }

    fn add(&mut self, name: &str) -> Result<(), Refused> {
        if let Some(transform) = transform(name) {
            self.transforms.push(transform);
            return Ok(());
        }
        if let Some(kind) = kind(name) {
            return self.add_kind(kind);
        }
        let flag = match name {
            "all" => {
                self.join = Join::All;
                return Ok(());
            }
            "neq" => &mut self.negated,
            "cased" => &mut self.cased,
            "expand" => &mut self.expand,
            "i" | "m" | "s" if self.kind != Kind::Regex => {
                return Err(Refused::Conflict("i, m and s stand after re"));
            }
            "i" => &mut self.regex.ignore_case,
            "m" => &mut self.regex.multi_line,
            "s" => &mut self.regex.dot_all,
            _ => return Err(Refused::Unknown),
        };
        *flag = true;
        Ok(())
    }

    fn add_kind(&mut self, new: Kind) -> Result<(), Refused> {
        self.kind = match (self.kind, new) {
            (Kind::Text, new) => new,
            (Kind::Time(part, None), Kind::Compare(c)) | (Kind::Compare(c), Kind::Time(part, None)) => {
                Kind::Time(part, Some(c))
            }
            _ => return Err(Refused::Conflict("they ask for two kinds of test")),
        };
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        let is_place = |t: &&Transform| matches!(t, Transform::Place(_));
        let places = self.transforms.iter().filter(is_place).count();
        if places > 1 {
            return Err("contains, startswith and endswith exclude each other");
        }
        match self.kind {
            Kind::Text => {}
            Kind::FieldRef if places == self.transforms.len() => {}
            Kind::FieldRef => return Err("the name of a field is not encoded"),
            _ if self.transforms.is_empty() => {}
            _ => return Err("text modifiers apply to text only"),
        }
        if self.cased && !matches!(self.kind, Kind::Text | Kind::FieldRef) {
            return Err("cased applies to text only (regular expressions are cased already)");
        }
        if self.expand && !matches!(self.kind, Kind::Text | Kind::Cidr) {
            return Err("placeholders stand in text and networks only");
        }
        if self.kind == Kind::Exists && (self.join == Join::All || self.negated) {
            return Err("exists takes one truth value and nothing else");
        }
        self.check_order()
    }

    /// Encodings come after `windash`, before `contains` and its like, and UTF-16 before Base64.
    fn check_order(&self) -> Result<(), &'static str> {
        let rank = |t: &Transform| match t {
            Transform::Windash => 0,
            Transform::Utf16(_) => 1,
            Transform::Base64 | Transform::Base64Offset => 2,
            Transform::Place(_) => 3,
        };
        let encodings: Vec<u8> = self.transforms.iter().map(rank).filter(|r| matches!(r, 1 | 2)).collect();
        if !encodings.is_sorted_by(|a, b| a < b) {
            return Err("a value is encoded in UTF-16 at most once and then in Base64 at most once");
        }
        let encoded_from = self.transforms.iter().position(|t| matches!(rank(t), 1 | 2));
        let Some(first) = encoded_from else { return Ok(()) };
        let last = self.transforms.iter().rposition(|t| matches!(rank(t), 1 | 2)).unwrap_or(first);
        let before = self.transforms.get(..first).unwrap_or_default();
        let after = self.transforms.get(last..).unwrap_or_default();
        if before.iter().any(|t| rank(t) == 3) {
            return Err("contains, startswith and endswith stand after an encoding");
        }
        if self.transforms.iter().skip(first).any(|t| rank(t) == 0) || after.iter().any(|t| rank(t) == 0) {
            return Err("windash stands before an encoding");
        }
        Ok(())
    }
}

enum Refused {
    Unknown,
    Conflict(&'static str),
}

fn transform(name: &str) -> Option<Transform> {
    Some(match name {
        "contains" => Transform::Place(Place::Anywhere),
        "startswith" => Transform::Place(Place::Start),
        "endswith" => Transform::Place(Place::End),
        "windash" => Transform::Windash,
        "base64" => Transform::Base64,
        "base64offset" => Transform::Base64Offset,
        "wide" | "utf16le" => Transform::Utf16(Utf16::Little),
        "utf16be" => Transform::Utf16(Utf16::Big),
        "utf16" => Transform::Utf16(Utf16::Marked),
        _ => return None,
    })
}

fn kind(name: &str) -> Option<Kind> {
    let time = |part| Kind::Time(part, None);
    Some(match name {
        "re" => Kind::Regex,
        "cidr" => Kind::Cidr,
        "exists" => Kind::Exists,
        "fieldref" => Kind::FieldRef,
        "lt" => Kind::Compare(Comparison::Less),
        "lte" => Kind::Compare(Comparison::LessOrEqual),
        "gt" => Kind::Compare(Comparison::Greater),
        "gte" => Kind::Compare(Comparison::GreaterOrEqual),
        "minute" => time(TimePart::Minute),
        "hour" => time(TimePart::Hour),
        "day" => time(TimePart::Day),
        "week" => time(TimePart::Week),
        "month" => time(TimePart::Month),
        "year" => time(TimePart::Year),
        _ => return None,
    })
}
