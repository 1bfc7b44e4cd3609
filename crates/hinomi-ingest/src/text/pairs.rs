//! `key=value` text, CEF and LEEF.

use std::borrow::Cow;

use super::event::{Event, Value};
use super::names::Names;

/// True when `text` starts with at least `least` pairs.
pub(crate) fn looks_like_pairs(text: &str, least: usize) -> bool {
    let mut rest = text;
    for _ in 0..least {
        let Some((key, _, after)) = next_pair(rest) else { return false };
        if key.is_empty() {
            return false;
        }
        rest = after;
    }
    true
}

/// Adds every pair of `text` to `event`. Text between pairs is passed over.
pub(crate) fn split<'a>(text: &'a str, names: &Names, event: &mut Event<'a>) {
    let mut rest = text;
    while !rest.is_empty() {
        match next_pair(rest) {
            Some((key, value, after)) => {
                if !key.is_empty() {
                    event.push_named(names, key, Value::of(value));
                }
                rest = after;
            }
            None => rest = skip_word(rest),
        }
    }
}

/// Adds every `key:"value"; ` of `text` to `event`.
pub(crate) fn split_labels<'a>(text: &'a str, names: &Names, event: &mut Event<'a>) {
    let mut rest = text;
    while let Some(at) = rest.find(":\"") {
        let key = rest.get(..at).unwrap_or_default();
        let key = key.rsplit([' ', ';', '[']).next().unwrap_or_default();
        let after = rest.get(at + 2..).unwrap_or_default();
        let Some((value, tail)) = quoted(after, '"') else { return };
        if !key.is_empty() && key.chars().all(is_key) {
            event.push_named(names, key, Value::of(value));
        }
        rest = tail;
    }
}

fn skip_word(text: &str) -> &str {
    let end = text.find(is_separator).map_or(text.len(), |at| at + 1);
    // A separator is ASCII, so the next byte starts a character.
    text.get(end..).unwrap_or_default()
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\t' | ',' | ';' | '\u{1d}')
}

fn is_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '#' | '$')
}

/// The pair at the start of `text` and what follows it.
fn next_pair(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    let text = text.trim_start_matches(|c: char| is_separator(c) || matches!(c, '(' | '{'));
    let equals = text.find(|c: char| !is_key(c))?;
    let after = text.get(equals..)?.strip_prefix('=')?;
    let key = text.get(..equals)?;
    for quote in ['"', '\''] {
        if let Some(inner) = after.strip_prefix(quote)
            && let Some((value, rest)) = quoted(inner, quote)
        {
            return Some((key, value, rest));
        }
    }
    let end = value_end(after);
    let value = after.get(..end)?.trim_end_matches([',', ';', ' ']);
    Some((key, Cow::Borrowed(value), after.get(end..)?))
}

/// End of a bare value: white space, or a comma that ends it.
fn value_end(text: &str) -> usize {
    let space = text.find([' ', '\t', '\u{1d}']).unwrap_or(text.len());
    comma_end(text.get(..space + 1).unwrap_or(text), text).min(space)
}

/// First comma or semicolon in `window` that is followed by a key, or ends the `text`.
fn comma_end(window: &str, text: &str) -> usize {
    let mut from = 0;
    while let Some(at) = window.get(from..).and_then(|t| t.find([',', ';'])) {
        let at = from + at;
        let tail = text.get(at + 1..).unwrap_or_default().trim_start_matches(' ');
        let key = tail.find(|c: char| !is_key(c)).and_then(|end| tail.get(end..));
        if tail.is_empty() || key.is_some_and(|k| k.starts_with('=')) {
            return at;
        }
        from = at + 1;
    }
    text.len()
}

/// The text up to an unescaped quote, unescaped, and what follows.
fn quoted(text: &str, quote: char) -> Option<(Cow<'_, str>, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            let inner = text.get(..at)?;
            return Some((unescape_quotes(inner, quote), text.get(at + 1..)?));
        }
    }
    None
}

/// Only `\"` and `\\` are escapes here: other backslashes belong to Windows paths and accounts.
fn unescape_quotes(text: &str, quote: char) -> Cow<'_, str> {
    let escape: String = ['\\', quote].iter().collect();
    if !text.contains(&escape) && !text.contains("\\\\") {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(&escape, quote.encode_utf8(&mut [0; 4])).replace("\\\\", "\\"))
}

/// Header fields of a CEF message, and its extension.
pub(crate) struct Cef<'a> {
    /// Vendor, product, version, signature id, name, severity.
    pub(crate) header: [Cow<'a, str>; 6],
    pub(crate) extension: &'a str,
}

/// Names under which the header of CEF is stored.
pub(crate) const CEF_HEADER: [&str; 6] =
    ["deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "severity"];

/// Reads `CEF:0|vendor|product|version|id|name|severity|extension` («Common Event Format», rev. 25).
pub(crate) fn cef(text: &str) -> Option<Cef<'_>> {
    let body = text.strip_prefix("CEF:")?;
    let (_, mut rest) = body.split_once('|')?;
    let mut header: [Cow<'_, str>; 6] = Default::default();
    for (index, slot) in header.iter_mut().enumerate() {
        let end = unescaped(rest, b'|').or((index == 5).then_some(rest.len()))?;
        *slot = unescape(rest.get(..end)?);
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    Some(Cef { header, extension: rest })
}

/// Adds the extension pairs of CEF to `event`: a value runs to the last space before the next `key=`.
pub(crate) fn cef_extension<'a>(text: &'a str, names: &Names, event: &mut Event<'a>) {
    let mut rest = text.trim_start();
    while let Some(equals) = unescaped(rest, b'=') {
        let key = rest.get(..equals).unwrap_or_default().trim();
        let after = rest.get(equals + 1..).unwrap_or_default();
        let end = unescaped(after, b'=').map_or(after.len(), |next| {
            let before = after.get(..next).unwrap_or_default();
            before.rfind(' ').unwrap_or(before.len())
        });
        let value = after.get(..end).unwrap_or_default().trim();
        let plain = !key.is_empty() && key.chars().all(|c| is_key(c) || matches!(c, '[' | ']'));
        if plain {
            event.push_named(names, key, Value::of(unescape(value)));
        }
        rest = after.get(end..).unwrap_or_default().trim_start();
        if end == 0 && unescaped(rest, b'=').is_none() {
            break;
        }
    }
    labelled(names, event);
}

/// `cs1Label=Rule cs1=x` also becomes `Rule: x`.
fn labelled(names: &Names, event: &mut Event<'_>) {
    let mut extra: Vec<(String, String)> = Vec::new();
    let name_of = |key: &super::event::Key<'_>| match key {
        super::event::Key::Slot(slot) => names.name(*slot).to_owned(),
        super::event::Key::Name(name) => name.to_string(),
    };
    for (key, value) in event.fields() {
        let name = name_of(key);
        if let Some(base) = name.strip_suffix("Label") {
            let found = event.fields().iter().find(|(k, _)| name_of(k) == base);
            if let Some((_, labelled)) = found {
                extra.push((value.text().to_owned(), labelled.text().to_owned()));
            }
        }
    }
    for (name, value) in extra {
        event.push_named(names, name, Value::of(Cow::Owned(value)));
    }
}

fn unescaped(text: &str, wanted: u8) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let hit = byte == wanted && !escaped;
        escaped = byte == b'\\' && !escaped;
        hit
    })
}

/// Undoes `\|`, `\=`, `\\`, `\n`, `\r`.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(next @ ('|' | '=' | '\\'))) => {
                out.push(next);
                chars.next();
            }
            ('\\', Some('n' | 'r')) => {
                out.push('\n');
                chars.next();
            }
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Vendor, product, version, event id and attributes of
/// `LEEF:1.0|vendor|product|version|id|…` or `LEEF:2.0|vendor|product|version|id|delimiter|…`
/// (IBM, «Log Event Extended Format»).
pub(crate) fn leef<'a>(text: &'a str, names: &Names, event: &mut Event<'a>) -> Option<(&'a str, &'a str)> {
    let body = text.strip_prefix("LEEF:")?;
    let mut parts = body.splitn(6, '|');
    let version = parts.next()?;
    let (vendor, product) = (parts.next()?, parts.next()?);
    let (_, id, mut rest) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
    let mut delimiter = '\t';
    if version.starts_with('2')
        && let Some((spec, attributes)) = rest.split_once('|')
        && spec.len() <= 6
    {
        let code = spec.trim_start_matches("0x").trim_start_matches('x');
        let by_code = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
        delimiter = match spec.chars().count() {
            0 => '\t',
            1 => spec.chars().next().unwrap_or('\t'),
            _ => by_code.unwrap_or('\t'),
        };
        rest = attributes;
    }
    event.push_named(names, "deviceVendor", Value::Text(vendor.into()));
    event.push_named(names, "deviceProduct", Value::Text(product.into()));
    event.push_named(names, "deviceEventClassId", Value::of(id));
    for pair in rest.split(delimiter) {
        if let Some((key, value)) = pair.split_once('=') {
            event.push_named(names, key.trim(), Value::of(value.trim()));
        }
    }
    Some((vendor, product))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::event::Key;

    fn list(event: &Event<'_>) -> Vec<(String, String)> {
        let name = |key: &Key<'_>| match key {
            Key::Slot(slot) => Names::default().name(*slot).to_owned(),
            Key::Name(name) => name.to_string(),
        };
        event.fields().iter().map(|(k, v)| (name(k), v.text().to_owned())).collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn pairs_bare_and_quoted() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let mut event = Event::default();
            split(text, &Names::default(), &mut event);
            assert_eq!(list(&event), owned(expected), "{text}");
        };
        check("a=1 b=\"two words\" c='x y' d=", &[("a", "1"), ("b", "two words"), ("c", "x y"), ("d", "")]);
        check("a=1, b=2,c=3;d=4", &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
        check("deny a=x,y z=1", &[("a", "x,y"), ("z", "1")]);
        check("u=\"CORP\\\\bob\" p=\"C:\\Temp\"", &[("u", "CORP\\bob"), ("p", "C:\\Temp")]);
        check("q=\"say \\\"hi\\\"\"", &[("q", "say \"hi\"")]);
        check("q=\"never closed", &[("q", "\"never")]);
        check(
            "logname= uid=0 rhost=192.0.2.1  user=root",
            &[("logname", ""), ("uid", "0"), ("rhost", "192.0.2.1"), ("user", "root")],
        );
    }

    #[test]
    fn cef_values_run_to_the_next_key() {
        let text = r"CEF:0|Acme \| Co|Gate|1.0|100|Login|5|src=192.0.2.1 msg=a b\=c d suser=bob cs1Label=Rule cs1=r 1";
        let parsed = cef(text).unwrap();
        assert_eq!(parsed.header[0], "Acme | Co");
        assert_eq!(parsed.header[5], "5");
        let mut event = Event::default();
        cef_extension(parsed.extension, &Names::default(), &mut event);
        assert_eq!(
            list(&event),
            owned(&[
                ("src", "192.0.2.1"),
                ("msg", "a b=c d"),
                ("suser", "bob"),
                ("cs1Label", "Rule"),
                ("cs1", "r 1"),
                ("Rule", "r 1"),
            ])
        );
    }

    #[test]
    fn leef_attributes() {
        let mut event = Event::default();
        let text = "LEEF:2.0|Acme|Gate|1|7|^|usrName=bob^src=192.0.2.1";
        assert_eq!(leef(text, &Names::default(), &mut event), Some(("Acme", "Gate")));
        assert!(list(&event).contains(&("usrName".to_owned(), "bob".to_owned())));
    }
}
