//! Message templates: literal text with named captures, `Accepted <method:word> for <user> from <ip:ip>`.
//!
//! `<name>` takes text up to the next literal (the shortest that lets the rest match), `<name:kind>` restricts
//! it, `[…]` is optional, `<name:a|b>` is one of the words, `<*>` skips anything, `\` escapes. A template
//! matches a whole message.
//!
//! # Invariants
//! - Matching one message takes at most [`MAX_STEPS`] steps, whatever the message.
//! - Captures are byte ranges of the message on character boundaries.

use memchr::memmem;

use super::names::{Names, Slot};
use super::stamp;

/// Steps after which a match is given up: far above what an honest message needs.
const MAX_STEPS: u32 = 20_000;

/// What a capture may take.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Anything, the shortest first.
    Text,
    /// Anything, the longest first: for names an intruder chooses, followed by text the program chose.
    Last,
    /// No white space, not empty; all of it unless literal text follows.
    Word,
    /// Decimal digits, after optional spaces.
    Int,
    /// An IPv4 or IPv6 address.
    Ip,
    /// Everything that is left.
    Rest,
    /// Up to a quotation mark that no backslash escapes.
    Quoted,
    /// A point in time.
    Time,
    /// One of these words, the longest first.
    OneOf(Vec<Box<str>>),
}

#[derive(Debug, Clone)]
enum Step {
    Literal(Box<str>),
    Capture(Option<Slot>, Kind),
    /// Try the next step; when that fails, go on at the index.
    Fork(usize),
}

/// A compiled template.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    steps: Vec<Step>,
}

/// A template that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template {template:?}: {reason}")]
pub struct TemplateError {
    template: String,
    reason: &'static str,
}

/// Ranges captured by a match.
pub(crate) type Captures = Vec<(Slot, usize, usize)>;

impl Template {
    /// Compiles `text`, giving every capture a slot in `names`.
    pub(crate) fn compile(text: &str, names: &mut Names) -> Result<Self, TemplateError> {
        let bad = |reason| TemplateError { template: text.to_owned(), reason };
        let mut steps: Vec<Step> = Vec::new();
        let mut literal = String::new();
        let mut forks: Vec<usize> = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => literal.push(chars.next().ok_or(bad("it ends in a backslash"))?),
                '<' => {
                    flush(&mut literal, &mut steps);
                    let inner: String = chars.by_ref().take_while(|&c| c != '>').collect();
                    steps.push(capture(&inner, names).map_err(bad)?);
                }
                '[' => {
                    flush(&mut literal, &mut steps);
                    forks.push(steps.len());
                    steps.push(Step::Fork(0));
                }
                ']' => {
                    flush(&mut literal, &mut steps);
                    let open = forks.pop().ok_or(bad("a ] without ["))?;
                    let end = steps.len();
                    if let Some(Step::Fork(to)) = steps.get_mut(open) {
                        *to = end;
                    }
                }
                other => literal.push(other),
            }
        }
        flush(&mut literal, &mut steps);
        if !forks.is_empty() {
            return Err(bad("a [ without ]"));
        }
        Ok(Self { steps })
    }

    /// The text every matching message starts with; empty when it starts with a capture.
    pub(crate) fn prefix(&self) -> &str {
        match self.steps.first() {
            Some(Step::Literal(text)) => text,
            _ => "",
        }
    }

    /// The longest literal outside optional parts: every matching message contains it.
    pub(crate) fn necessary(&self) -> &str {
        let mut best = "";
        let mut optional_until = 0;
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                Step::Fork(to) => optional_until = optional_until.max(*to),
                Step::Literal(text) if at >= optional_until && text.len() > best.len() => best = text,
                _ => {}
            }
        }
        best
    }

    /// Matches the whole of `text`. `captures` is only meaningful when the answer is true.
    pub(crate) fn matches(&self, text: &str, captures: &mut Captures) -> bool {
        captures.clear();
        Matcher { steps: &self.steps, text, captures, left: MAX_STEPS }.run(0, 0)
    }
}

fn flush(literal: &mut String, steps: &mut Vec<Step>) {
    if !literal.is_empty() {
        steps.push(Step::Literal(std::mem::take(literal).into()));
    }
}

fn capture(inner: &str, names: &mut Names) -> Result<Step, &'static str> {
    if inner == "*" {
        return Ok(Step::Capture(None, Kind::Text));
    }
    let (name, kind) = inner.split_once(':').unwrap_or((inner, "text"));
    let slot = if name.is_empty() || name == "_" { None } else { Some(names.slot(name)) };
    let kind = match kind {
        "text" => Kind::Text,
        "last" => Kind::Last,
        "word" => Kind::Word,
        "int" => Kind::Int,
        "ip" => Kind::Ip,
        "rest" => Kind::Rest,
        "quoted" => Kind::Quoted,
        "time" => Kind::Time,
        list if list.contains('|') => {
            let mut words: Vec<Box<str>> = list.split('|').map(Into::into).collect();
            words.sort_by_key(|w| std::cmp::Reverse(w.len()));
            Kind::OneOf(words)
        }
        _ => return Err("unknown kind of capture"),
    };
    Ok(Step::Capture(slot, kind))
}

struct Matcher<'a> {
    steps: &'a [Step],
    text: &'a str,
    captures: &'a mut Captures,
    left: u32,
}

impl Matcher<'_> {
    /// True when the steps from `step` on match the text from `at` on.
    fn run(&mut self, mut step: usize, mut at: usize) -> bool {
        loop {
            if self.left == 0 {
                return false;
            }
            self.left -= 1;
            let rest = self.text.get(at..).unwrap_or_default();
            match self.steps.get(step) {
                None => return rest.is_empty(),
                Some(Step::Literal(literal)) => {
                    if !rest.starts_with(&**literal) {
                        return false;
                    }
                    at += literal.len();
                }
                Some(Step::Fork(to)) => {
                    let (to, kept) = (*to, self.captures.len());
                    if self.run(step + 1, at) {
                        return true;
                    }
                    self.captures.truncate(kept);
                    step = to;
                    continue;
                }
                Some(Step::Capture(slot, kind)) => match fixed_length(kind, rest) {
                    Fixed::Takes(skip, length) => {
                        if let Some(slot) = slot {
                            self.captures.push((*slot, at + skip, at + skip + length));
                        }
                        at += skip + length;
                    }
                    Fixed::Fails => return false,
                    Fixed::Varies => return self.vary(step, at, *slot, kind),
                },
            }
            step += 1;
        }
    }

    fn vary(&mut self, step: usize, at: usize, slot: Option<Slot>, kind: &Kind) -> bool {
        let rest = self.text.get(at..).unwrap_or_default();
        let limit = match kind {
            Kind::Word => rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len()),
            _ => rest.len(),
        };
        let least = usize::from(*kind == Kind::Word);
        let kept = self.captures.len();
        let attempt = |this: &mut Self, end: usize| {
            if end < least || !rest.is_char_boundary(end) {
                return false;
            }
            this.captures.truncate(kept);
            if let Some(slot) = slot {
                this.captures.push((slot, at, at + end));
            }
            this.run(step + 1, at + end)
        };
        match self.steps.get(step + 1) {
            None => attempt(self, limit),
            Some(Step::Literal(literal)) => {
                let window = rest.get(..(limit + literal.len()).min(rest.len()));
                let window = window.unwrap_or(rest).as_bytes();
                if *kind == Kind::Last {
                    let finder = memmem::FinderRev::new(literal.as_bytes());
                    finder.rfind_iter(window).any(|end| attempt(self, end))
                } else {
                    memmem::find_iter(window, literal.as_bytes())
                        .take_while(|&end| end <= limit)
                        .any(|end| attempt(self, end))
                }
            }
            Some(_) if *kind != Kind::Text => (0..=limit).rev().any(|end| attempt(self, end)),
            Some(_) => (0..=limit).any(|end| attempt(self, end)),
        }
    }
}

enum Fixed {
    /// Bytes to skip, bytes to take.
    Takes(usize, usize),
    Fails,
    Varies,
}

fn fixed_length(kind: &Kind, rest: &str) -> Fixed {
    let found = |length: Option<usize>| length.map_or(Fixed::Fails, |l| Fixed::Takes(0, l));
    match kind {
        Kind::Text | Kind::Last | Kind::Word => Fixed::Varies,
        Kind::Rest => Fixed::Takes(0, rest.len()),
        Kind::Int => {
            let skip = rest.bytes().take_while(|&b| b == b' ').count();
            let digits = rest.bytes().skip(skip).take_while(u8::is_ascii_digit).count();
            if digits == 0 { Fixed::Fails } else { Fixed::Takes(skip, digits) }
        }
        Kind::Ip => found(address_length(rest)),
        Kind::Quoted => found(quoted_length(rest)),
        Kind::Time => found(stamp::leading(rest.as_bytes()).map(|(_, length)| length)),
        Kind::OneOf(words) => found(words.iter().find(|w| rest.starts_with(&***w)).map(|w| w.len())),
    }
}

fn quoted_length(rest: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// Length of the address `text` starts with.
pub(crate) fn address_length(text: &str) -> Option<usize> {
    let run = |accept: fn(&u8) -> bool| text.bytes().take(48).take_while(accept).count();
    let v4 = run(|b| b.is_ascii_digit() || *b == b'.');
    let v4_text = text.get(..v4)?.trim_end_matches('.');
    if v4_text.parse::<std::net::Ipv4Addr>().is_ok() {
        return Some(v4_text.len());
    }
    let v6 = run(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':'));
    let v6_text = text.get(..v6)?;
    let candidates = [v6_text, v6_text.trim_end_matches('.'), v6_text.strip_suffix(':').unwrap_or(v6_text)];
    let good = candidates.into_iter().find(|t| t.parse::<std::net::Ipv6Addr>().is_ok())?;
    let zone = text.get(good.len()..).and_then(|t| t.strip_prefix('%'));
    let zone = zone.map_or(0, |z| z.bytes().take_while(u8::is_ascii_alphanumeric).count() + 1);
    Some(good.len() + zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, text: &str, expected: Option<&[(&str, &str)]>) {
        let mut names = Names::default();
        let compiled = Template::compile(template, &mut names).unwrap();
        let mut captures = Captures::new();
        let matched = compiled.matches(text, &mut captures);
        let found: Vec<_> = captures.iter().map(|&(s, a, b)| (names.name(s), &text[a..b])).collect();
        assert_eq!(matched.then_some(found.as_slice()), expected, "{template} on {text}");
    }

    #[test]
    fn captures_take_the_shortest_text_or_the_longest() {
        check(
            "for <user> from <ip:ip>",
            "for root from 10.0.0.1",
            Some(&[("user", "root"), ("ip", "10.0.0.1")]),
        );
        let hostile = "for x from 10.9.9.9 from 10.0.0.1 port 5";
        check("for <u:last> from <ip:ip> port <p:int>", hostile, {
            Some(&[("u", "x from 10.9.9.9"), ("ip", "10.0.0.1"), ("p", "5")])
        });
        check("for <user> from", "for root from here", None);
        check("a<x>", "a", Some(&[("x", "")]));
        check("a<x:word>", "a", None);
    }

    #[test]
    fn optional_parts_and_words() {
        let template = "Failed <how:none|password> for [invalid user ]<u:last> from <_:word>[ ssh2]";
        check(template, "Failed password for invalid user bob from h ssh2", {
            Some(&[("how", "password"), ("u", "bob")])
        });
        check(template, "Failed none for bob from h", Some(&[("how", "none"), ("u", "bob")]));
        check(template, "Failed key for bob from h", None);
        check(r"from=\<<a>\>[, \[<b>\]]<*>", "from=<x@y>, [z] and", Some(&[("a", "x@y"), ("b", "z")]));
    }

    #[test]
    fn addresses_times_and_quotes() {
        check("<a:ip>:<p:int>", "192.0.2.1:80", Some(&[("a", "192.0.2.1"), ("p", "80")]));
        check("<a:ip> x", "fe80::1%eth0 x", Some(&[("a", "fe80::1%eth0")]));
        check("<a:ip>: x", "2001:db8::5: x", Some(&[("a", "2001:db8::5")]));
        check("<a:ip>", "999.1.1.1", None);
        check(r#""<q:quoted>" <n:int>"#, r#""a \" b"   7"#, Some(&[("q", r#"a \" b"#), ("n", "7")]));
        check(r"\[<@time:time>\] <m>", "[31/Jan/2026:12:00:00 +0900] hi", {
            Some(&[("@time", "31/Jan/2026:12:00:00 +0900"), ("m", "hi")])
        });
    }

    #[test]
    fn a_hostile_message_is_given_up() {
        let text = "a ".repeat(3000);
        check("<a> <b> <c> <d> <e> <f> <g> !", &text, None);
    }

    #[test]
    fn malformed_templates_are_refused() {
        for text in ["a]", "[a", "<a:colour>", "a\\"] {
            assert!(Template::compile(text, &mut Names::default()).is_err(), "{text}");
        }
    }
}
