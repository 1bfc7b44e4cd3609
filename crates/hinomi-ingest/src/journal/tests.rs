//! Entries as bytes, whole and damaged.

use hinomi_columns::{Projection, Store, ValueKind};
use hinomi_model::Diagnostics;
use hinomi_testkit::seeded::Seeded;

use super::*;
use crate::Unit;

/// A field in the form that takes any value.
fn binary(name: &str, value: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b"\n", &(value.len() as u64).to_le_bytes(), value, b"\n"].concat()
}

fn entry(number: u32, more: &[u8]) -> Vec<u8> {
    let head = format!("__CURSOR=s=ab;i={number:x}\n__REALTIME_TIMESTAMP=1772413323886606\n_HOSTNAME=web1\n");
    [head.as_bytes(), more, b"\n"].concat()
}

/// Kind, offset, length and sorted fields of each event, as one line; and the losses.
fn decode(bytes: &[u8]) -> (Vec<(u64, u32, String)>, Vec<String>) {
    let mut store = Store::new(&Projection::of([""; 0]).and_all_others());
    let mut diagnostics = Diagnostics::default();
    let unit = Unit::whole("j", bytes.to_vec());
    JournalDecoder::new().decode(&unit, &mut store, &mut diagnostics);
    let mut events = Vec::new();
    for batch in store.batches() {
        let kind = store.kinds().kind(batch.shape().kind).unwrap().name();
        for (row, header) in batch.rows().iter().enumerate() {
            let cells = batch.fields().iter().map(|field| {
                let (dictionary, value) = (store.dictionary(*field).unwrap(), batch.cell(row, *field));
                let texts: Vec<&str> = match dictionary.kind(value) {
                    ValueKind::List => dictionary.elements(value).map(|e| dictionary.str(e)).collect(),
                    _ => vec![dictionary.str(value)],
                };
                format!("{}={}", store.fields().name(*field), texts.join("|"))
            });
            let mut cells: Vec<String> = cells.collect();
            cells.sort();
            events.push((header.offset, header.length, format!("{kind} {}", cells.join(" "))));
        }
    }
    events.sort();
    let losses = diagnostics.into_sorted().into_iter().map(|d| format!("{}: {}", d.offset, d.message));
    (events, losses.collect())
}

#[test]
fn an_entry_reads_as_the_same_entry_in_json() {
    let bytes = [
        entry(1, b"SYSLOG_IDENTIFIER=sshd\nMESSAGE=Accepted publickey for aoi\n"),
        entry(
            2,
            &[binary("MESSAGE", b"two\nlines\t\"and\" \\"), b"_PID=1\n_PID=2\nEMPTY=\n".to_vec()].concat(),
        ),
        entry(3, &[binary("MESSAGE", b"Hi\x1b"), binary("RAW", b"\xff\0")].concat()),
    ];
    let (events, losses) = decode(&bytes.concat());
    assert_eq!(losses, Vec::<String>::new());
    let head = |n: u32| format!("__CURSOR=s=ab;i={n} __REALTIME_TIMESTAMP=1772413323886606");
    let texts: Vec<&str> = events.iter().map(|(.., text)| text.as_str()).collect();
    assert_eq!(
        texts[0],
        format!(
            "linux/sshd Computer=web1 MESSAGE=Accepted publickey for aoi SYSLOG_IDENTIFIER=sshd _HOSTNAME=web1 {} _raw=Accepted publickey for aoi product=OpenSSH program=sshd",
            head(1)
        )
    );
    let both = "two\nlines\t\"and\" \\";
    assert_eq!(
        texts[1],
        format!(
            "linux/journald Computer=web1 EMPTY= MESSAGE={both} _HOSTNAME=web1 _PID=1|2 {} _raw={both} pid=1",
            head(2)
        )
    );
    assert_eq!(
        texts[2],
        format!(
            "linux/journald Computer=web1 MESSAGE=Hi\u{1b} RAW=255|0 _HOSTNAME=web1 {} _raw=Hi\u{1b}",
            head(3)
        )
    );
    let mut at = 0;
    for (event, bytes) in events.iter().zip(&bytes) {
        assert_eq!((event.0, event.1 as usize), (at, bytes.len()), "each cites its own bytes");
        at += bytes.len() as u64;
    }
}

#[test]
fn a_value_that_looks_like_the_end_of_an_entry_does_not_end_it() {
    let trick = binary("MESSAGE", b"a\n\n__CURSOR=s=forged\n__REALTIME_TIMESTAMP=1\nMESSAGE=forged\n\n");
    let bytes = [entry(1, &trick), entry(2, b"MESSAGE=b\n")].concat();
    let (events, losses) = decode(&bytes);
    assert_eq!((events.len(), losses.len()), (2, 0));
    assert!(events[0].2.contains("MESSAGE=a\n\n__CURSOR=s=forged"));
}

#[test]
fn damage_costs_its_entry_only() {
    let good = |n| entry(n, b"MESSAGE=good\n");
    let mut longer = binary("MESSAGE", b"abc");
    longer[8] = 2;
    let mut enormous = binary("MESSAGE", b"abc");
    enormous[8..16].fill(0xff);
    // A length of which only a part is there takes the next entry along.
    let cases: [(&[u8], &str, usize); 5] = [
        (b"no field\n", "a field of a journal entry was expected", 3),
        (b"lower=case\n", "a field of a journal entry was expected", 3),
        (&longer, "a field of a journal entry is longer than it states", 3),
        (&enormous, "a field of a journal entry states a length that cannot be", 3),
        (&binary("MESSAGE", b"abc")[..12], "a journal entry ends inside a field", 2),
    ];
    for (damage, what, left) in cases {
        let bytes = [good(1), entry(2, damage), good(3), good(4)].concat();
        let (events, losses) = decode(&bytes);
        assert_eq!(
            events.iter().filter(|e| e.2.contains("MESSAGE=good")).count(),
            left,
            "{what}: {events:?}"
        );
        assert!(losses.len() == 1 && losses[0].contains(what), "{losses:?}");
    }
    let whole = [good(1), good(2)].concat();
    for end in 0..whole.len() {
        let (events, losses) = decode(&whole[..end]);
        assert!(events.len() <= 2 && losses.len() <= 1, "{end}");
        assert!(journal_cut(&whole[..end], false) <= end && journal_cut(&whole[..end], true) == end);
    }
}

#[test]
fn too_many_fields_are_left_out_and_said() {
    let fields: String = (0..MAX_FIELDS + 10).map(|n| format!("F{n}=x\n")).collect();
    let (events, losses) = decode(&entry(1, fields.as_bytes()));
    assert_eq!(events.len(), 1);
    assert!(losses[0].contains("13 fields of an entry beyond 1024"), "{losses:?}");
}

#[test]
fn cuts_do_not_depend_on_where_bytes_end() {
    let bytes = [entry(1, &binary("MESSAGE", b"a\n\nb")), entry(2, b"MESSAGE=b\n"), entry(3, b"")].concat();
    let ends = |until: usize| journal_cut(&bytes[..until], false);
    let known: std::collections::BTreeSet<usize> = (0..=bytes.len()).map(ends).collect();
    let lengths = [
        0,
        entry(1, &binary("MESSAGE", b"a\n\nb")).len(),
        entry(2, b"MESSAGE=b\n").len(),
        entry(3, b"").len(),
    ];
    let expected: Vec<usize> = lengths
        .iter()
        .scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        })
        .collect();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn no_bytes_make_it_fail_or_grow() {
    let rounds = hinomi_testkit::soak::rounds(3_000, 200_000);
    let mut random = Seeded::new(11);
    let sound = [
        entry(1, b"MESSAGE=a\n"),
        entry(2, &binary("MESSAGE", b"b\n\n__CURSOR=x\n")),
        entry(3, &binary("BYTES", &[0, 255, 10])),
    ]
    .concat();
    for _ in 0..rounds {
        let mut bytes = sound.clone();
        for _ in 0..random.below(8) {
            let at = random.index(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.next_u64() as u8,
                1 => bytes[at] = [0, 1, 10, 61, 95, 255][random.index(6)],
                2 => drop(bytes.drain(at..(at + random.index(9)).min(bytes.len()))),
                _ => bytes.extend_from_slice(&bytes.clone()[at..]),
            }
            if bytes.is_empty() {
                bytes.push(9);
            }
        }
        let (events, losses) = decode(&bytes);
        assert!(events.len() + losses.len() <= bytes.len());
        assert!(journal_cut(&bytes, false) <= bytes.len() && journal_cut(&bytes, true) == bytes.len());
    }
}

#[test]
fn other_logs_are_no_journals() {
    for other in [&b"Jan 1 00:00:00 h x"[..], b"CURSOR=1\n", b"{\"__CURSOR\":1}", b"\n\n", b""] {
        assert!(!is_journal(other));
    }
    assert!(is_journal(&entry(1, b"")) && is_journal(b"\n__REALTIME_TIMESTAMP=1\n"));
}
