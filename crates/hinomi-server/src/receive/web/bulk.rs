//! `_bulk`: pairs of lines, what to do and the document to do it with. A record is the document's line, as it came.
//!
//! Only `index` and `create` keep something; evidence is not updated or deleted, and whoever tries is told so, item by
//! item. Whether a document is JSON is left to its readers.

use std::borrow::Cow;
use std::fmt::Write as _;

use hyper::body::Bytes;
use serde::Deserialize;

use super::{Delivery, asked};
use crate::http::{Reply, Request};

/// What a line of the first kind says.
#[derive(Deserialize)]
struct Action<'l> {
    #[serde(borrow)]
    index: Option<Target<'l>>,
    #[serde(borrow)]
    create: Option<Target<'l>>,
    #[serde(borrow)]
    update: Option<Target<'l>>,
    #[serde(borrow)]
    delete: Option<Target<'l>>,
}

#[derive(Deserialize)]
struct Target<'l> {
    #[serde(rename = "_index", borrow)]
    index: Option<Cow<'l, str>>,
    #[serde(rename = "_id", borrow)]
    id: Option<Cow<'l, str>>,
}

/// What becomes of an item.
struct Item<'l> {
    verb: &'static str,
    target: Target<'l>,
    /// Why it is not kept.
    refused: Option<&'static str>,
}

/// Reads a body; `None` when what should say what to do does not.
fn read(body: &[u8]) -> Option<(Vec<Item<'_>>, Vec<Vec<u8>>)> {
    let mut lines = body.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let (mut items, mut documents) = (Vec::new(), Vec::new());
    while let Some(line) = lines.next() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let action: Action<'_> = serde_json::from_slice(line).ok()?;
        let (verb, target, keeps) = match action {
            Action { index: Some(target), .. } => ("index", target, true),
            Action { create: Some(target), .. } => ("create", target, true),
            Action { update: Some(target), .. } => ("update", target, false),
            Action { delete: Some(target), .. } => ("delete", target, false),
            _ => return None,
        };
        let document = if verb == "delete" { None } else { lines.next() };
        let refused = match document.filter(|document| !document.is_empty()) {
            _ if !keeps => Some("evidence is neither changed nor deleted"),
            None => Some("the document is missing"),
            Some(document) => {
                documents.push(document.to_vec());
                None
            }
        };
        items.push(Item { verb, target, refused });
    }
    Some((items, documents))
}

pub(super) fn receive(delivery: Delivery<'_>, request: &Request, body: &Bytes) -> Reply {
    let Some((items, documents)) = read(body) else {
        return delivery.refuse(request, "a line that says what to do is not what it should be");
    };
    let path = request.path.trim_matches('/').strip_suffix("_bulk").unwrap_or_default();
    let answer = results(&items, path.trim_matches('/'));
    drop(items);
    delivery.keep(request, documents, move || asked::json(200, answer))
}

/// The answer, if everything that can be kept is.
fn results(items: &[Item<'_>], index: &str) -> String {
    let errors = items.iter().any(|item| item.refused.is_some());
    let mut text = format!("{{\"took\":1,\"errors\":{errors},\"items\":[");
    for (at, Item { verb, target, refused }) in items.iter().enumerate() {
        let index = target.index.as_deref().unwrap_or(index);
        let quoted = |value: &str| serde_json::Value::from(value).to_string();
        let (index, id) = (quoted(index), target.id.as_deref().map_or_else(|| format!("\"{at}\""), quoted));
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{{\"{verb}\":{{\"_index\":{index},\"_id\":{id},");
        let _ = match refused {
            None => write!(
                text,
                "\"_version\":1,\"result\":\"created\",\"_shards\":{{\"total\":1,\"successful\":1,\"failed\":0}},\
                 \"_seq_no\":{at},\"_primary_term\":1,\"status\":201}}}}"
            ),
            Some(why) => write!(
                text,
                "\"status\":400,\"error\":{{\"type\":\"illegal_argument_exception\",\"reason\":\"{why}\"}}}}}}"
            ),
        };
    }
    text.push_str("]}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(body: &str) -> Option<(Vec<Option<&'static str>>, Vec<String>)> {
        let (items, documents) = read(body.as_bytes())?;
        let documents = documents.into_iter().map(|d| String::from_utf8(d).unwrap()).collect();
        Some((items.iter().map(|item| item.refused).collect(), documents))
    }

    #[test]
    fn documents_are_kept_as_they_came() {
        let body =
            "{\"index\":{}}\n{ \"a\" : 1 }\r\n\n{\"create\":{\"_index\":\"x\",\"_id\":\"7\"}}\nnot json\n";
        let (refused, documents) = read_text(body).unwrap();
        assert_eq!(refused, [None, None]);
        assert_eq!(documents, ["{ \"a\" : 1 }", "not json"]);
    }

    #[test]
    fn what_is_not_kept_is_said_item_by_item() {
        let body = "{\"index\":{}}\n{}\n{\"delete\":{\"_id\":\"1\"}}\n{\"update\":{\"_id\":\"\\\"2\"}}\n{\"doc\":{}}\n{\"index\":{}}";
        let (items, documents) = read(body.as_bytes()).unwrap();
        assert_eq!(documents.len(), 1);
        let answer: serde_json::Value = serde_json::from_str(&results(&items, "logs-x")).unwrap();
        assert_eq!(answer["errors"], true);
        let status = |at: usize, verb: &str| answer["items"][at][verb]["status"].as_u64();
        assert_eq!(
            [status(0, "index"), status(1, "delete"), status(2, "update"), status(3, "index")]
                .map(Option::unwrap),
            [201, 400, 400, 400]
        );
        assert_eq!(answer["items"][0]["index"]["_index"], "logs-x");
        assert_eq!(answer["items"][2]["update"]["_id"], "\"2");
    }

    #[test]
    fn a_line_that_says_nothing_refuses_the_body() {
        for bad in ["{}\n{}\n", "[]\n", "{\"index\":7}\n{}\n", "x", "{\"index\":{\"_id\":{}}}\n{}\n"] {
            assert_eq!(read_text(bad), None, "{bad}");
        }
        assert_eq!(read_text("\n"), Some((vec![], vec![])));
    }
}
