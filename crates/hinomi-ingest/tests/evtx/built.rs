//! Chunks of known content.

use hinomi_columns::{Projection, Store, ValueKind};
use hinomi_model::{DiagnosticKind, Diagnostics, Timestamp};

use crate::builder::{
    self, Body, CHUNK, Chunk, Element, Part, Value, element, event, string, text, utf16, values,
};
use crate::corpus::{decode, unit};
use crate::differential::rows;
use crate::reference::{self, Fields};
use hinomi_ingest::{Decode, EvtxDecoder, evtx_cut};

/// 2021-06-01T00:00:00Z.
const TIME: u64 = 132_669_792_000_000_000;

fn everything() -> Store {
    Store::new(&Projection::of([""; 0]).and_all_others())
}

/// Decodes one file and returns its rows and what was reported.
fn read(bytes: &[u8]) -> (Vec<Fields>, Vec<DiagnosticKind>) {
    let mut store = everything();
    let diagnostics = decode(bytes, 1 << 22, &mut store);
    let kinds = diagnostics.entries().iter().map(|d| d.kind).collect();
    (rows(&store).into_iter().map(|(_, fields)| fields).collect(), kinds)
}

/// The payload fields of one record: those of `event` are checked by [`the_system_part`].
fn payload(template: Element, more: impl IntoIterator<Item = Value>) -> Vec<(String, Vec<String>)> {
    let mut chunk = Chunk::new();
    chunk.record(1, TIME, &Body::Template(event(template), values(7, 1, TIME, more)));
    let bytes = builder::file(&[chunk.finish()]);
    let (mut found, reported) = read(&bytes);
    assert_eq!(reported, [], "a sound file has nothing to report");
    let (theirs, failed) = reference::read(&bytes);
    assert_eq!((failed, &theirs), (0, &found), "the independent reader must agree on the fixture");
    let known = ["Provider_Name", "EventID", "TimeCreated", "EventRecordID", "Channel", "Computer"];
    found.remove(0).into_iter().filter(|(name, _)| !known.contains(&name.as_str())).collect()
}

fn data(name: &str, value: Part) -> Element {
    element("Data").attribute("Name", text(name)).with(value)
}

/// One `Data` element around value 3.
fn one(ty: u8, raw: &[u8]) -> Vec<String> {
    let template = element("EventData").child(data("X", Part::Value(3, false)));
    payload(template, [Value::Raw(ty, raw.to_vec())]).pop().map(|(_, values)| values).unwrap_or_default()
}

#[test]
fn the_system_part() {
    let mut chunk = Chunk::new();
    let start =
        chunk.record(41, TIME, &Body::Template(event(element("EventData")), values(4624, 42, TIME, [])));
    let bytes = builder::file(&[chunk.finish()]);
    let mut store = everything();
    assert!(decode(&bytes, 1 << 22, &mut store).is_empty());
    let batch = store.batches().next().unwrap();
    let row = batch.rows()[0];
    assert_eq!(row.sequence, Some(42), "the number of the system part, not the one of the record header");
    assert_eq!(row.time.map(Timestamp::as_nanos), Some(1_622_505_600_000_000_000));
    assert_eq!(row.offset as usize, 4096 + start);
    let end = row.offset as usize + row.length as usize;
    assert_eq!(&bytes[row.offset as usize..][..4], b"**\0\0");
    assert_eq!(bytes[end - 4..end], row.length.to_le_bytes());
    let expected = [
        ("Channel", "Fixture"),
        ("Computer", "host.example"),
        ("EventID", "4624"),
        ("EventRecordID", "42"),
        ("Provider_Name", "Fixture-Provider"),
        ("TimeCreated", "2021-06-01T00:00:00.0000000Z"),
    ];
    let expected: Fields = expected.map(|(n, v)| (n.to_owned(), vec![v.to_owned()])).into();
    assert_eq!(rows(&store)[0].1, expected);
    assert_eq!(store.kinds().kind(batch.shape().kind).unwrap().product, "windows");
}

#[test]
fn numbers_are_decimal() {
    assert_eq!(one(0x03, &[0x80]), ["-128"]);
    assert_eq!(one(0x04, &[0xff]), ["255"]);
    assert_eq!(one(0x05, &(-2_i16).to_le_bytes()), ["-2"]);
    assert_eq!(one(0x06, &65_535_u16.to_le_bytes()), ["65535"]);
    assert_eq!(one(0x07, &(-3_i32).to_le_bytes()), ["-3"]);
    assert_eq!(one(0x08, &4_000_000_000_u32.to_le_bytes()), ["4000000000"]);
    assert_eq!(one(0x09, &i64::MIN.to_le_bytes()), ["-9223372036854775808"]);
    assert_eq!(one(0x0a, &u64::MAX.to_le_bytes()), ["18446744073709551615"]);
    assert_eq!(one(0x0b, &1.5_f32.to_le_bytes()), ["1.5"]);
    assert_eq!(one(0x0c, &(-0.25_f64).to_le_bytes()), ["-0.25"]);
}

#[test]
fn truth_values_and_what_providers_store_in_their_place() {
    assert_eq!(one(0x0d, &[0, 0, 0, 0]), ["false"]);
    assert_eq!(one(0x0d, &[1, 0, 0, 0]), ["true"]);
    assert_eq!(one(0x0d, &[6, 0, 0, 0]), ["6"]);
}

#[test]
fn identifiers_times_and_bytes() {
    let guid = [0x78, 0x56, 0x34, 0x12, 0xbc, 0x9a, 0xf0, 0xde, 1, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(one(0x0f, &guid), ["{12345678-9abc-def0-0102-030405060708}"]);
    let sid = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
    assert_eq!(one(0x13, &sid), ["S-1-5-32-544"]);
    assert_eq!(one(0x14, &0xc000_006d_u32.to_le_bytes()), ["0xc000006d"]);
    assert_eq!(one(0x15, &0_u64.to_le_bytes()), ["0x0"]);
    assert_eq!(one(0x10, &0x1f_u64.to_le_bytes()), ["0x1f"]);
    assert_eq!(one(0x0e, &[0x00, 0xab, 0x7f]), ["00AB7F"]);
    // One tick (100 ns) before 2021-06-01.
    assert_eq!(one(0x11, &(TIME - 1).to_le_bytes()), ["2021-05-31T23:59:59.9999999Z"]);
    assert_eq!(one(0x11, &0_u64.to_le_bytes()), ["1601-01-01T00:00:00.0000000Z"]);
    let system: Vec<u8> = [2020_u16, 2, 6, 29, 13, 5, 9, 45].iter().flat_map(|p| p.to_le_bytes()).collect();
    assert_eq!(one(0x12, &system), ["2020-02-29T13:05:09.0450000Z"]);
    assert_eq!(one(0x12, &[0; 16]), ["1601-01-01T00:00:00.0000000Z"]);
}

#[test]
fn text_in_both_encodings() {
    assert_eq!(one(0x01, &utf16("火の見 \u{1f525}")), ["火の見 \u{1f525}"]);
    assert_eq!(one(0x01, &utf16("padded\0\0")), ["padded"]);
    assert_eq!(one(0x02, b"caf\xe9 \x80\0"), ["café €"]);
    assert_eq!(one(0x01, &[]), [""; 0], "an empty text is no value to compare with the independent reader");
}

#[test]
fn arrays_are_lists() {
    assert_eq!(one(0x81, &utf16("a\0\u{3042}\0c\0")), ["a", "\u{3042}", "c"]);
    assert_eq!(one(0x86, &[1, 0, 2, 0]), ["1", "2"]);
    assert_eq!(one(0x81, &utf16("single\0")), ["single"]);
}

#[test]
fn unnamed_data_is_one_list() {
    let template = element("EventData")
        .child(element("Data").with(Part::Value(3, false)))
        .child(element("Binary").with(Part::Value(4, false)));
    let values = [Value::Raw(0x81, utf16("one\0two\0")), Value::Raw(0x0e, vec![0xff])];
    let expected = [("Binary", vec!["FF"]), ("Data", vec!["one", "two"])];
    assert_eq!(payload(template, values), own(&expected));
}

fn own(fields: &[(&str, Vec<&str>)]) -> Vec<(String, Vec<String>)> {
    let owned = |v: &Vec<&str>| v.iter().map(|&s| s.to_owned()).collect();
    fields.iter().map(|(n, v)| ((*n).to_owned(), owned(v))).collect()
}

#[test]
fn fragments_inside_values_and_a_payload_in_the_name_of_the_system() {
    let inner = element("Report")
        .attribute("xmlns", text("http://schemas.example/report"))
        .child(element("Channel").with(Part::Value(0, false)))
        .child(element("Path").attribute("Kind", Part::Value(1, false)).with(Part::Value(2, false)));
    let inner = Body::Template(inner, vec![string("Security"), string("dir"), string("C:\\x")]);
    let template = element("UserData").with(Part::Value(3, false));
    let expected =
        [("Path", vec!["C:\\x"]), ("Path_Kind", vec!["dir"]), ("UserData_Channel", vec!["Security"])];
    assert_eq!(payload(template, [Value::Fragment(inner)]), own(&expected));
}

#[test]
fn constants_entities_and_values_in_one_text() {
    let both = element("Data")
        .attribute("Name", text("X"))
        .with(text("a "))
        .with(Part::Entity("lt".to_owned()))
        .with(Part::Value(3, false))
        .with(text("!"));
    let template = element("EventData").child(both);
    assert_eq!(payload(template, [Value::Raw(0x08, vec![9, 0, 0, 0])]), own(&[("X", vec!["a <9!"])]));
}

#[test]
fn a_null_value_is_a_null_cell_and_takes_the_element_that_depends_on_it_along() {
    let template = element("EventData")
        .child(data("Gone", Part::Value(3, true)).depends_on(3))
        .child(data("Constant", text("only with value 3")).depends_on(3))
        .child(data("Stays", Part::Value(4, true)));
    let values = values(7, 1, TIME, [Value::Raw(0, Vec::new()), string("here")]);
    let mut chunk = Chunk::new();
    chunk.record(1, TIME, &Body::Template(event(template), values));
    let mut store = everything();
    decode(&builder::file(&[chunk.finish()]), 1 << 22, &mut store);
    let kind = |name| {
        let field = store.fields().known(name).unwrap();
        let cell = store.batches().next().unwrap().cell(0, field);
        (cell.is_absent(), store.dictionary(field).unwrap().kind(cell))
    };
    assert_eq!(kind("Gone"), (false, ValueKind::Null));
    assert_eq!(kind("Constant"), (false, ValueKind::Null));
    assert_eq!(kind("Stays"), (false, ValueKind::Text));
}

#[test]
fn a_record_without_template() {
    let plain = |n: &str| {
        element("Event")
            .child(
                element("System")
                    .child(element("EventID").with(text("4104")))
                    .child(element("TimeCreated").attribute("SystemTime", text("2021-06-01T00:00:01.5Z")))
                    .child(element("EventRecordID").with(text(n))),
            )
            .child(element("EventData").child(data("X", text(n))).child(data("Empty", text(""))))
    };
    let mut chunk = Chunk::new();
    chunk.record(1, TIME, &Body::Plain(plain("90")));
    chunk.record(2, TIME, &Body::Plain(plain("91")));
    let mut store = everything();
    assert!(decode(&builder::file(&[chunk.finish()]), 1 << 22, &mut store).is_empty());
    let batch = store.batches().next().unwrap();
    assert_eq!(store.batches().count(), 1, "records of one structure share a shape");
    assert_eq!(batch.rows().iter().map(|r| r.sequence).collect::<Vec<_>>(), [Some(90), Some(91)]);
    assert_eq!(batch.rows()[0].time.map(Timestamp::as_nanos), Some(1_622_505_601_500_000_000));
    let found = rows(&store);
    assert_eq!(found[1].1["X"], ["91"]);
    assert_eq!(found[1].1["EventID"], ["4104"]);
}

#[test]
fn only_what_is_read_is_decoded() {
    let template = element("EventData").child(data("X", Part::Value(3, false))).child(data("Y", text("y")));
    let mut chunk = Chunk::new();
    chunk.record(1, TIME, &Body::Template(event(template), values(7, 1, TIME, [string("x")])));
    let mut store = Store::new(&Projection::of(["Y"]));
    decode(&builder::file(&[chunk.finish()]), 1 << 22, &mut store);
    let names: Vec<&str> =
        store.batches().next().unwrap().fields().iter().map(|f| store.fields().name(*f)).collect();
    assert_eq!(names, ["Channel", "Provider_Name", "EventID", "Computer", "Y"]);
}

/// A chunk of `count` records that share a template; `tag` differs per chunk.
fn numbered(tag: &str, first: u64, count: u64) -> Vec<u8> {
    let mut chunk = Chunk::new();
    for number in first..first + count {
        let template = event(element("EventData").child(data("X", Part::Value(3, false))));
        let value = string(&format!("{tag}{number}"));
        chunk.record(number, TIME, &Body::Template(template, values(7, number, TIME, [value])));
    }
    chunk.finish()
}

fn texts(found: &[Fields]) -> Vec<&str> {
    found.iter().map(|f| f["X"][0].as_str()).collect()
}

#[test]
fn one_guid_with_two_definitions_is_two_templates() {
    let named = |name: &str| {
        let template = event(element("EventData").child(data(name, Part::Value(3, false))));
        let mut chunk = Chunk::new();
        chunk.record(1, TIME, &Body::Template(template, values(7, 1, TIME, [string("v")])));
        chunk.finish()
    };
    let (found, _) = read(&builder::file(&[named("A"), named("B"), named("A")]));
    let has = |at: usize, name: &str| found[at].contains_key(name);
    assert!(has(0, "A") && has(1, "B") && has(2, "A") && !has(1, "A") && !has(2, "B"));
}

#[test]
fn a_reset_store_is_filled_anew() {
    let bytes = builder::file(&[numbered("a", 1, 3)]);
    let mut store = everything();
    let mut decoder = EvtxDecoder::default();
    let mut diagnostics = Diagnostics::default();
    decoder.decode(&unit(0, &bytes), &mut store, &mut diagnostics);
    let before = rows(&store);
    store.reset();
    decoder.decode(&unit(0, &bytes), &mut store, &mut diagnostics);
    assert_eq!(rows(&store), before);
}

#[test]
fn a_wrong_checksum_is_reported_and_costs_no_record() {
    let mut chunk = numbered("a", 1, 3);
    let at = chunk.windows(4).position(|w| w == [b'a', 0, b'2', 0]).unwrap();
    chunk[at] = b'b';
    let (found, reported) = read(&builder::file(&[chunk]));
    assert_eq!(texts(&found), ["a1", "b2", "a3"]);
    assert_eq!(reported, [DiagnosticKind::ChecksumMismatch]);
}

#[test]
fn a_chunk_without_header_is_searched_for_records() {
    let mut chunk = numbered("a", 1, 3);
    chunk[..512].fill(0xcc);
    let (found, reported) = read(&builder::file(&[chunk, numbered("b", 4, 2)]));
    assert_eq!(texts(&found), ["a1", "a2", "a3", "b4", "b5"]);
    assert_eq!(reported, [DiagnosticKind::Malformed]);
}

#[test]
fn records_without_chunk_header_are_read_wherever_their_chunk_began() {
    let chunk = numbered("a", 1, 300);
    let second = chunk.windows(4).enumerate().filter(|(_, w)| w == b"**\0\0").nth(1).unwrap().0;
    // Behind foreign bytes, off the grid; cut off right before the first record; and both.
    for (foreign, from) in [(1000, 0), (0, 512), (777, 512)] {
        let mut bytes = vec![0x5a; foreign];
        let mut damaged = chunk.clone();
        damaged[..512].fill(0xcc);
        bytes.extend_from_slice(&damaged[from..]);
        let (found, _) = read(&bytes);
        assert_eq!(found.len(), 300, "{foreign} foreign bytes, from {from}");
        assert_eq!(found[299]["X"], ["a300"]);
    }
    // Without the record that carries the template the others say that it is missing.
    let (found, reported) = read(&chunk[second..]);
    assert_eq!(found.len(), 0);
    assert!(reported.len() > 1);
}

#[test]
fn chunks_are_found_anywhere() {
    let mut bytes = vec![0x5a; 1234];
    bytes.extend(numbered("a", 1, 3));
    bytes.extend([0x5a; 77]);
    bytes.extend(numbered("b", 4, 2));
    let (found, _) = read(&bytes);
    assert_eq!(texts(&found), ["a1", "a2", "a3", "b4", "b5"]);
}

#[test]
fn a_chunk_cut_short_by_the_next_file_loses_only_what_is_missing() {
    let whole = builder::file(&[numbered("a", 1, 20)]);
    let third = whole.windows(4).enumerate().filter(|(_, w)| w == b"**\0\0").nth(2).unwrap().0;
    let mut bytes = whole[..third + 50].to_vec();
    bytes.extend(builder::file(&[numbered("b", 4, 2)]));
    let (found, reported) = read(&bytes);
    assert_eq!(texts(&found), ["a1", "a2", "b4", "b5"]);
    assert!(!reported.is_empty());
}

#[test]
fn a_record_whose_lengths_differ_is_read_and_those_behind_it_too() {
    for at in [4, 5] {
        let mut chunk = numbered("a", 1, 4);
        let second = chunk.windows(4).enumerate().filter(|(_, w)| w == b"**\0\0").nth(1).unwrap().0;
        chunk[second + at] ^= 0x04;
        let (found, reported) = read(&builder::file(&[chunk]));
        assert_eq!(texts(&found), ["a1", "a2", "a3", "a4"]);
        assert!(reported.contains(&DiagnosticKind::Malformed), "{reported:?}");
    }
}

#[test]
fn a_lost_template_is_said_per_record() {
    let mut chunk = numbered("a", 1, 3);
    // The definition of the template: its size reaches beyond the chunk.
    chunk[512 + 24 + 4 + 10 + 20 + 3] = 0xff;
    let (found, reported) = read(&builder::file(&[chunk]));
    assert_eq!(found.len(), 0);
    assert_eq!(reported.iter().filter(|k| **k == DiagnosticKind::Malformed).count(), 3);
}

#[test]
fn a_damaged_fragment_costs_its_fields_only() {
    let inner = Body::Template(
        element("Report").child(element("Leaf").with(Part::Value(0, false))),
        vec![string("v")],
    );
    let template = event(element("UserData").with(Part::Value(3, false)));
    let mut chunk = Chunk::new();
    chunk.record(1, TIME, &Body::Template(template, values(7, 1, TIME, [Value::Fragment(inner)])));
    let mut chunk = chunk.finish();
    let definition =
        chunk.windows(4).enumerate().filter(|(_, w)| w == &[0x11, 0x22, 0x33, 0x44]).nth(3).unwrap().0;
    chunk[definition + 19] = 0xff;
    let (found, reported) = read(&builder::file(&[chunk]));
    assert_eq!((found.len(), found[0]["EventID"][0].as_str()), (1, "7"));
    assert!(!found[0].contains_key("Leaf"));
    assert_eq!(reported, [DiagnosticKind::ChecksumMismatch, DiagnosticKind::Malformed]);
}

#[test]
fn records_behind_a_stale_header_are_read() {
    let mut chunk = numbered("a", 1, 4);
    let third = chunk.windows(4).enumerate().filter(|(_, w)| w == b"**\0\0").nth(2).unwrap().0 as u32;
    chunk[48..52].copy_from_slice(&third.to_le_bytes());
    let (found, _) = read(&builder::file(&[chunk]));
    assert_eq!(texts(&found), ["a1", "a2", "a3", "a4"]);
}

#[test]
fn a_text_that_looks_like_a_chunk_is_a_text() {
    let template = event(element("EventData").child(data("X", Part::Value(3, false))));
    let mut chunk = Chunk::new();
    let mut fake = b"ElfChnk\0**\0\0".to_vec();
    fake.extend([0; 600]);
    let values = values(7, 1, TIME, [Value::Raw(0x0e, fake)]);
    chunk.record(1, TIME, &Body::Template(template.clone(), values.clone()));
    chunk.record(2, TIME, &Body::Template(template, values));
    let (found, reported) = read(&builder::file(&[chunk.finish(), numbered("b", 3, 1)]));
    assert_eq!(found.len(), 3);
    assert_eq!(reported, []);
}

#[test]
fn nesting_and_expansion_are_bounded() {
    let mut deep = element("Leaf").with(Part::Value(3, false));
    for _ in 0..200 {
        deep = element("Level").child(deep);
    }
    // Each level names the fragment below it a hundred times: 100^6 elements if nobody counted.
    let wide = |width: usize| (0..width).fold(element("Wide"), |e, _| e.with(Part::Value(0, false)));
    let mut bomb = Body::Template(wide(100), vec![string("x")]);
    for _ in 0..5 {
        bomb = Body::Template(wide(100), vec![Value::Fragment(bomb)]);
    }
    let bomb_event = event(element("UserData").with(Part::Value(3, false)));
    let mut chunk = Chunk::new();
    chunk.record(
        1,
        TIME,
        &Body::Template(event(element("UserData").child(deep)), values(7, 1, TIME, [string("x")])),
    );
    chunk.record(2, TIME, &Body::Template(bomb_event, values(7, 2, TIME, [Value::Fragment(bomb)])));
    let sound = event(element("EventData").child(data("X", Part::Value(3, false))));
    chunk.record(3, TIME, &Body::Template(sound, values(7, 3, TIME, [string("sound")])));
    let (found, reported) = read(&builder::file(&[chunk.finish()]));
    assert_eq!(texts(&found), ["sound"]);
    assert_eq!(reported.len(), 2);
}

#[test]
fn work_that_yields_no_field_is_bounded_too() {
    let declared = |e: Element, n: usize| e.attribute(&format!("xmlns:{n}"), text("u"));
    let inner = (0..500).fold(element("Wide"), declared);
    let outer = (0..1000).fold(element("UserData"), |e, _| e.with(Part::Value(3, false)));
    let fragment = Value::Fragment(Body::Template(inner, Vec::new()));
    let mut chunk = Chunk::new();
    chunk.record(1, TIME, &Body::Template(event(outer), values(7, 1, TIME, [fragment])));
    let (found, reported) = read(&builder::file(&[chunk.finish()]));
    assert_eq!((found.len(), reported), (0, vec![DiagnosticKind::LimitExceeded]));
}

#[test]
fn cuts_fall_between_chunks() {
    let bytes = builder::file(&[numbered("a", 1, 2), numbered("b", 3, 2), numbered("c", 5, 2)]);
    assert_eq!(evtx_cut(&bytes[..4096 + CHUNK - 1], false), 0, "the chunk behind the header is not whole");
    assert_eq!(evtx_cut(&bytes[..4096 + CHUNK + 8], false), 4096 + CHUNK);
    assert_eq!(evtx_cut(&bytes, true), bytes.len());
    let whole = read(&bytes).0;
    for step in [70_000, 100_000, 131_072] {
        let mut store = everything();
        decode(&bytes, step, &mut store);
        assert_eq!(store.row_count(), whole.len(), "in steps of {step}");
    }
}

/// A flipped bit must not show as quintillions of missing records.
#[test]
fn damage_makes_no_record_numbers() {
    let mut chunk = Chunk::new();
    let numbers = [100_u64, 101, 102];
    let starts = numbers.map(|number| {
        let body = Body::Template(event(element("EventData")), values(4624, number, TIME, []));
        4096 + chunk.record(number, TIME, &body)
    });
    let sound = builder::file(&[chunk.finish()]);
    let sequences = |flipped: Option<usize>| {
        let mut bytes = sound.clone();
        flipped.into_iter().for_each(|at| bytes[at] ^= 0x10);
        let mut store = everything();
        let reported = decode(&bytes, 1 << 22, &mut store);
        let rows = store.batches().flat_map(|batch| batch.rows().iter().map(|row| row.sequence));
        (rows.collect::<Vec<_>>(), reported.entries().len())
    };
    let all = numbers.map(Some).to_vec();
    assert_eq!(sequences(None), (all.clone(), 0));
    // The number in the frame of the record, and the one in its text.
    let (frame, rest) = (starts[1] + 8, &sound[starts[1] + 16..starts[2]]);
    let own = starts[1] + 16 + rest.windows(8).position(|w| w == 101_u64.to_le_bytes()).unwrap();
    assert_eq!(sequences(Some(frame + 7)), (all, 1), "the header and the text agree");
    assert_eq!(sequences(Some(own + 7)), (vec![Some(100), None, Some(102)], 1));
}
