//! The HTTP event collector: events as JSON objects one after the other, or raw lines; and its acknowledgements.
//!
//! A record is one event object, or one line of a raw body, as it came. An acknowledgement number is given after what it
//! stands for is durable, so that every number that was ever given is acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::StreamDeserializer;
use serde_json::de::SliceRead;

use super::{Delivery, lines};
use crate::http::{Reply, Request, Response};
use crate::receive::State;

/// Numbers of acknowledgements.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// An answer with the collector's own code.
pub(super) fn error(status: u16, why: &str, event: Option<usize>) -> Response {
    let code = match status {
        401 => 2,
        413 => 27,
        429 | 503 => 9,
        _ => 6,
    };
    let event = event.map_or_else(String::new, |number| format!(",\"invalid-event-number\":{number}"));
    Response::json(status, format!("{{\"text\":\"{why}\",\"code\":{code}{event}}}"))
}

pub(super) fn health(state: &State) -> Response {
    match state {
        State::Ready => Response::json(200, "{\"text\":\"HEC is healthy\",\"code\":17}"),
        _ => Response::json(503, "{\"text\":\"HEC is unhealthy, queues are full\",\"code\":18}"),
    }
}

/// Which of the numbers asked for are acknowledged.
pub(super) fn acknowledged(request: &Request) -> Response {
    #[derive(Deserialize)]
    struct Asked {
        acks: Vec<u64>,
    }
    let Ok(asked) = serde_json::from_slice::<Asked>(&request.body) else {
        return error(400, "acks are missing", None);
    };
    let answers: Vec<String> = asked.acks.iter().map(|number| format!("\"{number}\":true")).collect();
    Response::json(200, format!("{{\"acks\":{{{}}}}}", answers.join(",")))
}

fn kept(request: &Request) -> impl FnOnce() -> Response + Send + 'static {
    let asks = request.header("x-splunk-request-channel").is_some()
        || request.query.split('&').any(|pair| pair.starts_with("channel="));
    move || {
        let number = asks.then(|| format!(",\"ackId\":{}", NUMBERS.fetch_add(1, Ordering::Relaxed)));
        Response::json(200, format!("{{\"text\":\"Success\",\"code\":0{}}}", number.unwrap_or_default()))
    }
}

/// An event, of which only this much is looked at.
#[derive(Deserialize)]
struct Event {
    event: Option<IgnoredAny>,
}

/// The events one after the other, or the number of the first that is none.
fn split(body: &[u8]) -> Result<Vec<Vec<u8>>, usize> {
    let mut stream = StreamDeserializer::<_, Event>::new(SliceRead::new(body));
    let (mut events, mut from) = (Vec::new(), 0);
    while let Some(event) = stream.next() {
        let has_content = event.map_err(|_| events.len())?.event.is_some();
        let end = stream.byte_offset();
        let bytes = body.get(from..end).unwrap_or_default().trim_ascii_start();
        if !has_content || bytes.first() != Some(&b'{') {
            return Err(events.len());
        }
        events.push(bytes.to_vec());
        from = end;
    }
    Ok(events)
}

pub(super) fn events(delivery: Delivery<'_>, request: &Request, body: &Bytes) -> Reply {
    match split(body) {
        Ok(events) if events.is_empty() => delivery.refuse(request, "no data"),
        Ok(events) => delivery.keep(request, events, kept(request)),
        Err(number) => {
            // Counted and told as every malformed body; the answer says which event it was.
            drop(delivery.refuse(request, "an event is not what it should be"));
            Reply::Now(error(400, "Invalid data format", Some(number)))
        }
    }
}

pub(super) fn raw(delivery: Delivery<'_>, request: &Request, body: &Bytes) -> Reply {
    let lines = lines(body);
    if lines.is_empty() {
        return delivery.refuse(request, "no data");
    }
    delivery.keep(request, lines, kept(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart_without_separators() {
        let body = b" {\"event\": \"a}{\"}{\"time\":1,\"event\":{\"x\":[1]}}\n\n{\"event\":7}";
        let events: Vec<String> =
            split(body).unwrap().into_iter().map(|e| String::from_utf8(e).unwrap()).collect();
        assert_eq!(events, ["{\"event\": \"a}{\"}", "{\"time\":1,\"event\":{\"x\":[1]}}", "{\"event\":7}"]);
        assert!(split(b" \n").unwrap().is_empty());
    }

    #[test]
    fn the_first_event_that_is_none_is_named() {
        for (body, number) in [
            ("{\"event\":1}{\"time\":2}", 1),
            ("{\"event\":1}{\"event\":2}{\"event\"", 2),
            ("[{\"event\":1}]", 0),
            ("{\"event\":null}", 0),
            ("[[[1]]]", 0),
            ("\"a\"", 0),
        ] {
            assert_eq!(split(body.as_bytes()), Err(number), "{body}");
        }
        let deep = format!("{{\"event\":{}", "[".repeat(100_000));
        assert_eq!(split(deep.as_bytes()), Err(0));
    }
}
