//! Damaged input: no panic, and every line that is still an object is read at its place.

use serde_json::Value;

use crate::naive::{decode, flatten, same};

/// Numbers of a fixed sequence (Knuth's MMIX generator), so that a failure can be repeated.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit.max(1)
    }
}

fn lines() -> Vec<String> {
    let mut lines: Vec<String> = (0..12)
        .map(|n| format!("{{\"n\":{n},\"path\":\"C:\\\\a\\\\\",\"say\":\"\\\"{{[\\n\",\"o\":{{\"p\":[1,{{\"q\":null}}]}}}}"))
        .collect();
    lines.push(
        "{\"Event\":{\"System\":{\"EventID\":1,\"Channel\":\"Security\"},\"EventData\":{\"A\":\"b\"}}}"
            .into(),
    );
    lines.push("{\"id\":{\"applicationName\":\"x\",\"uniqueQualifier\":\"1\"},\"events\":[{\"name\":\"a\"},{\"name\":\"b\"}]}".into());
    lines.push("{\"Records\":[{\"eventSource\":\"s\",\"eventName\":\"n\",\"awsRegion\":\"r\"}]}".into());
    lines.push("{\"CreationTime\":\"\",\"Operation\":\"o\",\"Workload\":\"w\",\"Parameters\":[{\"Name\":\"k\",\"Value\":\"v\"}]}".into());
    lines
}

/// Every line that the independent parser takes for an object with an `n` must be among the events.
fn check(bytes: &[u8], seed: u64) -> usize {
    let (events, _) = decode(bytes);
    let mut start = 0;
    let mut intact = 0;
    for line in bytes.split(|b| *b == b'\n') {
        let value = serde_json::from_slice::<Value>(line).unwrap_or_default();
        if value.get("n").is_some() && value.get("o").is_some() {
            intact += 1;
            let lead = line.iter().take_while(|b| b.is_ascii_whitespace()).count();
            let event = events.iter().find(|e| e.offset == start + lead);
            let shown = String::from_utf8_lossy(bytes);
            assert!(event.is_some(), "seed {seed}: {value} is lost in\n{shown}");
            for (name, values) in flatten(&value) {
                let found = event.and_then(|e| e.fields.get(&name));
                assert!(found.is_some_and(|f| same(f, &values)), "seed {seed}: {name} of {value}");
            }
        }
        start += line.len() + 1;
    }
    intact
}

#[test]
fn truncated_at_every_byte() {
    let text = lines().join("\n");
    for end in 0..text.len() {
        check(&text.as_bytes()[..end], end as u64);
        check(&text.as_bytes()[end..], end as u64);
    }
}

#[test]
fn flipped_bits_cost_the_damaged_lines_only() {
    let text = lines().join("\n").into_bytes();
    let mut intact = 0;
    for seed in 0..3000 {
        let mut random = Sequence(seed);
        let mut damaged = text.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(damaged.len());
            damaged[at] ^= 1 << random.below(8);
        }
        intact += check(&damaged, seed);
    }
    assert!(intact > 3000 * 7, "{intact}");
}

#[test]
fn pieces_put_together_at_random() {
    let text = lines().join("\n").into_bytes();
    for seed in 0..1000 {
        let mut random = Sequence(seed ^ 0xabcd);
        let mut mixed = Vec::new();
        for _ in 0..6 {
            let from = random.below(text.len());
            let to = (from + random.below(400)).min(text.len());
            mixed.extend_from_slice(&text[from..to]);
            mixed.push([b'\n', b'{', b'"', 0, 0xff][random.below(5)]);
        }
        // No promise about lines here: a piece may open a container that a later one closes.
        decode(&mixed);
    }
}

#[test]
fn deep_and_long_input_is_bounded() {
    for open in ["[", "{\"a\":", "[{\"a\":["] {
        decode(open.repeat(100_000).as_bytes());
    }
    let (events, _) = decode(format!("{}\n{{\"n\":1}}", "[".repeat(10_000)).as_bytes());
    assert_eq!(events.len(), 1);
}
