//! Datagrams made by hand after the specifications.

use std::collections::BTreeMap;
use std::sync::Arc;

use hinomi_columns::{Projection, Store};
use hinomi_model::Diagnostics;

use super::*;
use crate::Unit;

/// Numbers that are the same in each run (xorshift).
struct Seeded(u64);

impl Seeded {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }

    fn index(&mut self, bound: usize) -> usize {
        self.below(bound as u64) as usize
    }
}

type Event = BTreeMap<String, String>;

/// 2026-01-31 12:00:00 UTC.
const NOON: u32 = 1_769_860_800;

fn decode_with(preamble: &[u8], bytes: &[u8]) -> (Vec<Event>, Vec<String>) {
    let unit = Unit { preamble: Arc::from(preamble), ..Unit::whole("a", bytes.to_vec()) };
    let mut store = Store::new(&Projection::of(["x"]).and_all_others());
    let mut diagnostics = Diagnostics::default();
    FlowDecoder.decode(&unit, &mut store, &mut diagnostics);
    let mut events = Vec::new();
    for batch in store.batches() {
        for (row, header) in batch.rows().iter().enumerate() {
            assert!((header.offset + u64::from(header.length)) as usize <= bytes.len());
            let cell = |f: &hinomi_columns::FieldId| {
                (store.fields().name(*f).to_owned(), store.text(*f, batch.cell(row, *f)).to_owned())
            };
            let mut event: Event = batch.fields().iter().map(cell).collect();
            event.insert("@time".to_owned(), header.time.map_or(String::new(), |t| t.to_string()));
            event.insert("@at".to_owned(), format!("{:06}", header.offset));
            events.push(event);
        }
    }
    events.sort_by(|a, b| a["@at"].cmp(&b["@at"]));
    events.iter_mut().for_each(|event| drop(event.remove("@at")));
    (events, diagnostics.entries().iter().map(|d| d.message.clone()).collect())
}

fn decode(bytes: &[u8]) -> (Vec<Event>, Vec<String>) {
    decode_with(b"", bytes)
}

fn event(pairs: &[(&str, &str)]) -> Event {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn words(all: &[u16]) -> Vec<u8> {
    all.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn longs(all: &[u32]) -> Vec<u8> {
    all.iter().flat_map(|long| long.to_be_bytes()).collect()
}

/// A set with its number and length.
fn set(id: u16, body: &[u8]) -> Vec<u8> {
    [words(&[id, body.len() as u16 + 4]), body.to_vec()].concat()
}

fn v5(sequence: u32, records: u16) -> Vec<u8> {
    // Count, uptime of 100 s, time, half a second, sequence, engine 0/7, one of 100 packets.
    let mut bytes = [words(&[5, records]), longs(&[100_000, NOON, 500_000_000, sequence])].concat();
    bytes.extend(words(&[7, 0x4000 | 0x64]));
    for record in 0..records {
        bytes.extend([192, 0, 2, 10, 198, 51, 100, 7, 0, 0, 0, 0]);
        bytes.extend(words(&[3, 4]));
        // Packets, bytes, first at 90 s, last at 95.5 s.
        bytes.extend(longs(&[12, 3_456, 90_000, 95_500]));
        bytes.extend(words(&[40_000 + record, 443]));
        bytes.extend([0, 0x1b, 6, 0]);
        bytes.extend(words(&[64_500, 64_501, 0x1818, 0]));
    }
    bytes
}

fn v9(sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let count = sets.len() as u16;
    [words(&[9, count]), longs(&[100_000, NOON, sequence, 5]), sets.concat()].concat()
}

fn ipfix(sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let body = sets.concat();
    [words(&[10, body.len() as u16 + 16]), longs(&[NOON, sequence, 9]), body].concat()
}

/// Addresses, ports, protocol, bytes, packets, first and last switched.
fn v9_template(id: u16) -> Vec<u8> {
    set(0, &words(&[id, 9, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4, 2, 4, 22, 4, 21, 4]))
}

fn v9_data(id: u16, port: u16) -> Vec<u8> {
    let mut body = vec![192, 0, 2, 10, 198, 51, 100, 7];
    body.extend(words(&[40_000, port]));
    body.push(17);
    body.extend(longs(&[100, 2, 99_000, 99_250]));
    body.extend([0; 3]);
    set(id, &body)
}

#[test]
fn version_5_is_read_with_times_and_sampling() {
    let (events, losses) = decode(&v5(1_000, 2));
    assert!(losses.is_empty(), "{losses:?}");
    let mut expected = event(&[
        ("@time", "2026-01-31T11:59:50.500000000Z"),
        ("start", "2026-01-31T11:59:50.500000000Z"),
        ("end", "2026-01-31T11:59:56.000000000Z"),
        ("duration_ms", "5500"),
        ("src_ip", "192.0.2.10"),
        ("dst_ip", "198.51.100.7"),
        ("next_hop", "0.0.0.0"),
        ("src_port", "40000"),
        ("dst_port", "443"),
        ("proto", "tcp"),
        ("tcp_flags", "27"),
        ("tos", "0"),
        ("bytes_out", "3456"),
        ("packets", "12"),
        ("input", "3"),
        ("output", "4"),
        ("src_as", "64500"),
        ("dst_as", "64501"),
        ("sampling_interval", "100"),
        ("domain", "7"),
    ]);
    assert_eq!(events[0], expected);
    expected.insert("src_port".to_owned(), "40001".to_owned());
    assert_eq!(events[1], expected);
}

#[test]
fn version_9_needs_its_template_and_says_when_it_has_not_come() {
    let early = v9(1, &[v9_data(300, 53)]);
    let all = [early, v9(2, &[v9_template(300)]), v9(3, &[v9_data(300, 53), v9_data(300, 123)])].concat();
    let (events, losses) = decode(&all);
    assert_eq!(losses, ["32 bytes of flows whose template 300 has not come are unknown"]);
    assert_eq!(events.len(), 2);
    let shown: Vec<_> =
        ["src_ip", "dst_port", "proto", "bytes_out", "packets", "start", "duration_ms", "domain"]
            .iter()
            .map(|name| events[1][*name].as_str())
            .collect();
    let expected = ["192.0.2.10", "123", "udp", "100", "2", "2026-01-31T11:59:59.000000000Z", "250", "5"];
    assert_eq!(shown, expected);
}

#[test]
fn templates_travel_with_what_follows_them() {
    let first = [v9(1, &[v9_template(300)]), b"\n".to_vec()].concat();
    let rest = v9(2, &[v9_data(300, 53)]);
    let context = flow_context(b"", &first);
    let (events, losses) = decode_with(&context, &rest);
    assert_eq!((events.len(), losses.len()), (1, 0), "{losses:?}");
    // Nonsense in their place is no context, and no fault.
    for length in 0..context.len() {
        let (events, _) = decode_with(&context[..length], &rest);
        assert!(events.len() <= 1);
    }
    assert_eq!(flow_context(&context, b""), context);
}

#[test]
fn ipfix_has_long_times_variable_fields_and_numbers_of_enterprises() {
    let template = [
        words(&[400, 7, 27, 16, 28, 16, 153, 8, 152, 8, 82, 0xffff, 0x8000 | 1, 8]),
        longs(&[29_305]),
        words(&[0x8000 | 0x4d, 2]),
        longs(&[4_242]),
    ]
    .concat();
    let mut data = Vec::new();
    for host in [1_u8, 2] {
        let mut address = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host];
        data.extend(address);
        address[15] = 99;
        data.extend(address);
        data.extend((u64::from(NOON) * 1000 + 250).to_be_bytes());
        data.extend((u64::from(NOON) * 1000 - 750).to_be_bytes());
        // A name of four bytes, in both ways to state it.
        data.extend(if host == 1 { vec![4] } else { vec![255, 0, 4] });
        data.extend(b"eth0");
        data.extend(77_u64.to_be_bytes());
        data.extend(words(&[513]));
    }
    let (events, losses) = decode(&ipfix(0, &[set(2, &template), set(400, &data)]));
    assert!(losses.is_empty(), "{losses:?}");
    let expected = event(&[
        ("@time", "2026-01-31T11:59:59.250000000Z"),
        ("start", "2026-01-31T11:59:59.250000000Z"),
        ("end", "2026-01-31T12:00:00.250000000Z"),
        ("duration_ms", "1000"),
        ("src_ip", "2001:db8::2"),
        ("dst_ip", "2001:db8::63"),
        ("interface", "eth0"),
        ("bytes_in", "77"),
        ("field_4242_77", "513"),
        ("domain", "9"),
    ]);
    assert_eq!((events.len(), &events[1]), (2, &expected));
}

#[test]
fn what_the_exporter_counted_and_did_not_come_is_said() {
    let (events, losses) = decode(&[v5(100, 2), v5(102, 1), v5(110, 1)].concat());
    assert_eq!(events.len(), 4);
    assert_eq!(losses, ["7 flows that the exporter has counted did not come (domain 7)"]);
    let (_, losses) = decode(&[v9(7, &[v9_template(300)]), v9(9, &[v9_data(300, 1)])].concat());
    assert_eq!(losses, ["1 datagrams that the exporter has counted did not come (domain 5)"]);
    // IPFIX counts what came before, or what is in the datagram, too; a loss is one in both.
    let (template, data) =
        (set(2, &words(&[400, 1, 7, 2])), |n: u16| set(400, &words(&vec![1; usize::from(n)])));
    let three = |second, third| {
        let first = ipfix(10, &[template.clone(), data(2)]);
        decode(&[first, ipfix(second, &[data(3)]), ipfix(third, &[data(4)])].concat()).1
    };
    assert!(three(12, 15).is_empty() && three(13, 17).is_empty());
    assert_eq!(three(12, 20), ["4 flows that the exporter has counted did not come (domain 9)"]);
    // An exporter that begins anew has lost nothing.
    assert!(decode(&[v5(1_000_000_000, 1), v5(0, 1)].concat()).1.is_empty());
}

#[test]
fn options_state_the_sampling_of_what_follows_and_withdrawn_templates_are_gone() {
    // Scope: one field of 4 bytes; option 34, sampling interval, of 4 bytes.
    let options = set(3, &words(&[500, 2, 1, 149, 4, 34, 4]));
    let stated = set(500, &longs(&[9, 64]));
    let template = set(2, &words(&[400, 1, 7, 2]));
    let withdrawn = set(2, &words(&[400, 0]));
    let data = set(400, &words(&[1]));
    let all =
        [ipfix(0, &[options, stated, template, data.clone()]), ipfix(2, &[withdrawn]), ipfix(2, &[data])]
            .concat();
    let (events, losses) = decode(&all);
    assert_eq!((events.len(), events[0]["sampling_interval"].as_str()), (1, "64"));
    assert_eq!(losses, ["2 bytes of flows whose template 400 has not come are unknown"]);
}

#[test]
fn ipfix_that_counts_from_its_start_says_when_that_was() {
    // The start, and a flow that began before it and one 49.7 days after it, when the count began anew.
    let options = set(3, &words(&[256, 2, 1, 143, 4, 160, 8]));
    let template = set(2, &words(&[400, 2, 22, 4, 21, 4]));
    let times = |start_ms: u64, from: u32, to: u32| {
        let mut stated = longs(&[1]);
        stated.extend(start_ms.to_be_bytes());
        let data = set(400, &longs(&[from, to]));
        let (events, losses) =
            decode(&ipfix(0, &[options.clone(), set(256, &stated), template.clone(), data]));
        assert!(losses.is_empty(), "{losses:?}");
        (events[0]["start"].clone(), events[0]["end"].clone())
    };
    let noon_ms = u64::from(NOON) * 1_000;
    let expected = ("2026-01-31T11:59:58.000000000Z".to_owned(), "2026-01-31T11:59:59.000000000Z".to_owned());
    assert_eq!(times(noon_ms, 0_u32.wrapping_sub(2_000), 0_u32.wrapping_sub(1_000)), expected);
    assert_eq!(times(noon_ms - (1 << 32) - 5_000, 3_000, 4_000), expected);
    // Nobody says when it started: the time of export stands for it.
    let alone = decode(&ipfix(0, &[template, set(400, &longs(&[1, 2]))])).0;
    assert_eq!((alone[0]["@time"].as_str(), alone[0].get("start")), ("2026-01-31T12:00:00.000000000Z", None));
}

/// Joined as a ledger joins them.
fn joined(datagrams: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for datagram in datagrams {
        out.extend(datagram);
        if datagram.last() != Some(&b'\n') {
            out.push(b'\n');
        }
    }
    out
}

fn many() -> Vec<Vec<u8>> {
    (0..40)
        .map(|n| match n % 4 {
            0 => v9(n, &[v9_template(300 + n as u16 % 3)]),
            1 => v9(n, &[v9_data(300, 10 + n as u16), v9_data(301, 10)]),
            2 => v5(n, 1 + n as u16 % 5),
            _ => ipfix(n, &[set(2, &words(&[400, 1, 7, 2])), set(400, &words(&[n as u16]))]),
        })
        .collect()
}

#[test]
fn runs_of_datagrams_give_what_all_of_them_give_wherever_they_are_cut() {
    let bytes = joined(&many());
    let whole = decode(&bytes).0;
    assert!(whole.len() > 40);
    let mut random = Seeded::new(5);
    for _ in 0..50 {
        let (mut at, mut end, mut context, mut events) = (0, 0, Vec::new(), Vec::new());
        while at < bytes.len() {
            end = (end + 1 + random.index(700)).min(bytes.len());
            let length = flow_cut(&bytes[at..end], end == bytes.len());
            let run = &bytes[at..at + length];
            events.extend(decode_with(&context, run).0);
            context = flow_context(&context, run);
            at += length;
        }
        assert_eq!(events.len(), whole.len());
        assert_eq!(events, whole);
    }
}

#[test]
fn garbage_between_datagrams_costs_nothing_else() {
    let bytes = [v5(1, 1), b"no datagram at all".to_vec(), v5(2, 1)].concat();
    let (events, losses) = decode(&bytes);
    assert_eq!((events.len(), losses), (2, vec!["18 bytes are no datagram of flows".to_owned()]));
    let (events, losses) = decode(&v5(1, 2)[..100]);
    assert_eq!((events.len(), losses.len()), (0, 1));
    assert!(losses[0].contains("ends after 100 of 120 bytes"));
}

#[test]
fn no_bytes_make_it_fail_or_grow() {
    let rounds = hinomi_testkit::soak::rounds(3_000, 200_000);
    let mut random = Seeded::new(9);
    let sound = joined(&many());
    for _ in 0..rounds {
        let from = random.index(sound.len());
        let mut bytes = sound[from..(from + 1_500).min(sound.len())].to_vec();
        for _ in 0..random.below(8) {
            let at = random.index(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.next_u64() as u8,
                1 => bytes[at] = [0, 1, 2, 3, 9, 10, 255][random.index(7)],
                2 => drop(bytes.drain(at..(at + random.index(9)).min(bytes.len()))),
                _ => bytes.extend_from_slice(&bytes.clone()[at..]),
            }
            if bytes.is_empty() {
                bytes.push(9);
            }
        }
        let (_, _) = decode(&bytes);
        let context = flow_context(&bytes, &bytes);
        assert!(context.len() < 200_000);
        assert!(flow_cut(&bytes, false) <= bytes.len() && flow_cut(&bytes, true) == bytes.len());
    }
}

#[test]
fn other_logs_are_no_flows() {
    for other in
        [&b"Jan 1 00:00:00 h x"[..], b"{\"a\":1}", b"\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0", b"\0\x0a", b""]
    {
        assert!(!is_flow(other));
    }
    assert!(is_flow(&v5(1, 1)) && is_flow(&v9(1, &[v9_template(300)])) && is_flow(&ipfix(1, &[])));
}
