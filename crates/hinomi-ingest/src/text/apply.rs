//! Runs a mapping over a message: captures, copies, translations, constants.

use std::borrow::Cow;
use std::net::IpAddr;

use hinomi_model::LogKind;

use super::catalogue::{Catalogue, Columns, Mapping, Pattern, When};
use super::csv;
use super::event::{Event, Value};
use super::mapping::Body;
use super::names::{Names, Slot, fixed};
use super::pairs;
use super::template::Captures;

/// Takes `message` apart as `mapping` says and adds what it means to `event`. The kind of the event, or `None`
/// (and `event` unchanged) when the mapping does not fit: `strict` asks for a pattern that matches.
pub(crate) fn message<'a, 'm: 'a>(
    mapping: &'m Mapping,
    names: &Names,
    message: &'a str,
    strict: bool,
    event: &mut Event<'a>,
    captures: &mut Captures,
) -> Option<&'m LogKind> {
    if !strict && !mapping.keep {
        return None;
    }
    let mut chosen = None;
    let mut body = Event::default();
    match mapping.body {
        Body::Text => {}
        Body::Pairs => pairs::split(message, names, &mut body),
        Body::Labels => pairs::split_labels(message, names, &mut body),
        Body::Values => chosen = values(mapping, message, &mut body),
    }
    if mapping.keys.iter().any(|&key| body.get(key).is_none()) {
        return None;
    }
    if mapping.body == Body::Values && chosen.is_none() {
        return None;
    }
    let mut message = message;
    if let Some(head) = &mapping.head
        && head.matches(message, captures)
    {
        let rest =
            captures.iter().find(|c| c.0 == fixed::REST).and_then(|&(_, from, to)| message.get(from..to));
        add_captures(message, names, captures, &mut body);
        message = rest.unwrap_or(message);
    }
    let pattern = find_pattern(mapping, message, captures);
    if strict && pattern.is_none() && !mapping.patterns.is_empty() {
        return None;
    }
    event.append(body);
    let mut kind = chosen.and_then(|c| c.kind.as_ref()).unwrap_or(&mapping.kind);
    if let Some(columns) = chosen {
        set_all(&columns.set, event);
    }
    if let Some(pattern) = pattern {
        add_captures(message, names, captures, event);
        set_all(&pattern.set, event);
        kind = pattern.kind.as_ref().unwrap_or(kind);
    }
    for pattern in &mapping.also {
        if pattern_matches(pattern, message, captures) {
            add_captures(message, names, captures, event);
            set_all(&pattern.set, event);
        }
    }
    Some(meaning(mapping, kind, event))
}

/// Copies, translations and constants, for a body that is already split. The kind of the event.
pub(crate) fn meaning<'a, 'm: 'a>(
    mapping: &'m Mapping,
    kind: &'m LogKind,
    event: &mut Event<'a>,
) -> &'m LogKind {
    let mut kind = kind;
    for (target, sources) in &mapping.fields {
        copy(*target, sources, event);
    }
    for translation in &mapping.values {
        let source = translation.from.iter().find_map(|&slot| event.stated(slot));
        let Some(source) = source else { continue };
        let key = source.text().to_lowercase();
        let found = translation.map.get(&key).or(translation.default.as_ref());
        if let Some(text) = found {
            event.set_default(translation.target, Value::Text(Cow::Borrowed(text)));
        }
    }
    for when in &mapping.when {
        if holds(when, event) {
            set_all(&when.set, event);
            kind = when.kind.as_ref().unwrap_or(kind);
        }
    }
    for (slot, value) in &mapping.set {
        event.set_default(*slot, value.borrowed());
    }
    finish(event);
    kind
}

fn set_all<'a>(set: &'a [(Slot, Value<'static>)], event: &mut Event<'a>) {
    for (slot, value) in set {
        event.set(*slot, value.borrowed());
    }
}

fn find_pattern<'a>(mapping: &'a Mapping, message: &str, captures: &mut Captures) -> Option<&'a Pattern> {
    let head = message.as_bytes().first_chunk::<4>();
    let by_prefix = head.and_then(|h| mapping.by_prefix.get(h)).map_or(&[][..], Vec::as_slice);
    let (mut a, mut b) = (by_prefix.iter().peekable(), mapping.others.iter().peekable());
    // Both lists ascend: merge them, so that the order of the file decides.
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x < y => a.next(),
            (Some(_), None) => a.next(),
            _ => b.next(),
        }?;
        let pattern = mapping.patterns.get(usize::from(*next))?;
        if pattern_matches(pattern, message, captures) {
            return Some(pattern);
        }
    }
}

fn pattern_matches(pattern: &Pattern, message: &str, captures: &mut Captures) -> bool {
    pattern.templates.iter().any(|(template, necessary)| {
        message.starts_with(template.prefix())
            && necessary.find(message.as_bytes()).is_some()
            && template.matches(message, captures)
    })
}

fn add_captures<'a>(message: &'a str, names: &Names, captures: &Captures, event: &mut Event<'a>) {
    for &(slot, from, to) in captures {
        let text = message.get(from..to).unwrap_or_default();
        match slot {
            fixed::PAIRS => pairs::split(text, names, event),
            fixed::USER | fixed::SRC_IP | fixed::DST_IP if text.is_empty() => {}
            _ => event.set(slot, Value::of(text)),
        }
    }
}

fn values<'a, 'm>(mapping: &'m Mapping, message: &'a str, event: &mut Event<'a>) -> Option<&'m Columns> {
    let cells = csv::cells(message, b',');
    let chosen = mapping.columns.iter().find(|columns| {
        columns.when.iter().all(|(at, accepted)| {
            cells.get(*at).is_some_and(|cell| accepted.iter().any(|a| a.eq_ignore_ascii_case(cell)))
        })
    })?;
    for (cell, name) in cells.into_iter().zip(&chosen.names) {
        if let Some(slot) = name
            && !cell.is_empty()
        {
            event.push(super::event::Key::Slot(*slot), Value::of(cell));
        }
    }
    Some(chosen)
}

fn copy(target: Slot, sources: &[Slot], event: &mut Event<'_>) {
    if event.stated(target).is_some() {
        return;
    }
    let other = match target {
        fixed::SRC_IP => Some(fixed::SRC_HOST),
        fixed::DST_IP => Some(fixed::DST_HOST),
        _ => None,
    };
    for &source in sources {
        let Some(value) = event.stated(source).cloned() else { continue };
        let Some(other) = other else {
            event.set(target, value);
            return;
        };
        if address(value.text()).is_some() {
            event.set(target, value);
            return;
        }
        event.set_default(other, value);
    }
}

/// The address in `text`: brackets, a zone, a port and the IPv4-in-IPv6 prefix removed.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_start_matches('/');
    let inner = text.strip_prefix('[').and_then(|t| t.split_once(']')).map_or(text, |(a, _)| a);
    let inner = inner.split_once('%').map_or(inner, |(a, _)| a);
    // `address:port` and `address:port:interface`.
    let parsed = inner
        .parse::<IpAddr>()
        .ok()
        .or_else(|| inner.split_once(':')?.0.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4))?;
    Some(parsed.to_canonical())
}

fn holds(when: &When, event: &Event<'_>) -> bool {
    when.conditions.iter().all(|(slot, accepted)| {
        let value = event.get(*slot).map(|v| v.text().to_lowercase()).unwrap_or_default();
        accepted.iter().any(|pattern| wildcard(pattern, &value))
    })
}

fn wildcard(pattern: &str, value: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => {
            pattern.len() > 1 && value.contains(pattern.trim_matches('*'))
                || pattern == "*" && !value.is_empty()
        }
        (Some(end), None) => value.ends_with(end),
        (None, Some(start)) => value.starts_with(start),
        (None, None) => value == pattern,
    }
}

/// Tidies what every event has: addresses in one form, the parts of a URI, the host.
fn finish(event: &mut Event<'_>) {
    for (slot, other) in [(fixed::SRC_IP, fixed::SRC_HOST), (fixed::DST_IP, fixed::DST_HOST)] {
        let Some(value) = event.get(slot).cloned() else { continue };
        if let Some(address) = address(value.text()) {
            let text = address.to_string();
            if text != value.text() {
                event.set(slot, Value::Text(text.into()));
            }
            continue;
        }
        event.remove(slot);
        if !matches!(value.text(), "" | "-" | "?" | "(null)") {
            event.set_default(other, value);
        }
    }
    if matches!(event.get(fixed::USER).map(Value::text), Some("" | "-")) {
        event.remove(fixed::USER);
    }
    uri(event);
}

/// `c-uri` into `cs-uri-stem`, `cs-uri-query` and `cs-host` (Sigma taxonomy for proxies and web servers).
fn uri(event: &mut Event<'_>) {
    let Some(whole) = event.get(fixed::C_URI).cloned() else { return };
    let whole = whole.text();
    // A path may carry a URL of its own, for instance in its query.
    let after_scheme =
        whole.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?'])).map(|(_, rest)| rest);
    let (authority, path) = match after_scheme {
        Some(rest) => rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at)),
        // `CONNECT host:port`.
        None if !whole.starts_with('/')
            && whole.rsplit_once(':').is_some_and(|(_, p)| p.parse::<u16>().is_ok()) =>
        {
            (whole, "")
        }
        None => ("", whole),
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    let host = host.rsplit_once(':').filter(|(_, p)| p.parse::<u16>().is_ok()).map_or(host, |(h, _)| h);
    if !host.is_empty() {
        event.set_default(fixed::CS_HOST, Value::Text(host.to_owned().into()));
    }
    let (stem, query) = path.split_once('?').unwrap_or((path, ""));
    if !stem.is_empty() {
        event.set_default(fixed::URI_STEM, Value::Text(stem.to_owned().into()));
    }
    if !query.is_empty() {
        event.set_default(fixed::URI_QUERY, Value::Text(query.to_owned().into()));
    }
}

/// Chooses among the mappings of a line and applies the first that fits.
pub(crate) fn choose<'a, 'm: 'a>(
    catalogue: &'m Catalogue,
    program: &str,
    text: &'a str,
    event: &mut Event<'a>,
    scratch: &mut (Captures, Vec<u16>),
) -> Option<(&'m LogKind, &'m Mapping)> {
    let (captures, by_text) = scratch;
    let mut attempt = |index: u16, strict: bool, event: &mut Event<'a>| {
        let mapping = catalogue.mapping(index)?;
        let kind = message(mapping, &catalogue.names, text, strict, event, captures)?;
        Some((kind, mapping))
    };
    let by_program = catalogue.of_program(program);
    if let Some(found) = by_program.iter().find_map(|&index| attempt(index, true, event)) {
        return Some(found);
    }
    catalogue.of_text(text, by_text);
    if let Some(found) = by_text.iter().find_map(|&index| attempt(index, true, event)) {
        return Some(found);
    }
    by_program.iter().chain(by_text.iter()).find_map(|&index| attempt(index, false, event))
}
