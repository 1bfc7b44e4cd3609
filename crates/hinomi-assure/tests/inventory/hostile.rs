//! Documents that are cut off, flipped, or of something else.

use hinomi_assure::inventory::{Formats, Importer};
use proptest::prelude::*;

use super::*;

const DOCUMENTS: [&str; 4] = [
    include_str!("fixtures/directory.ldif"),
    include_str!("fixtures/scan.xml"),
    r#"{"Reservations":[{"OwnerId":"1","Instances":[{"InstanceId":"i-1","State":{"Name":"running"},"LaunchTime":"2025-12-01T00:00:00Z",
        "Tags":[{"Key":"Name","Value":"web"}]},{"InstanceId":"i-2"}]},{"Instances":[]}]}"#,
    r#"[{"id":"1","status":"ACTIVE","lastLogin":"2026-01-16T00:00:00.000Z","profile":{"login":"a@b"},"_embedded":{"factors":[{"status":"ACTIVE"}]}},
        {"id":"2","status":"STAGED","profile":{"login":"c@d"}}]"#,
];

#[test]
fn what_is_of_no_known_kind_is_an_error_that_says_what_it_saw() {
    let of_json = error(r#"{"value":[{"colour":"red","price":1}]}"#);
    assert!(
        of_json
            .contains("JSON, but no record in it is of a known kind; the first has the fields colour, price"),
        "{of_json}"
    );
    assert!(error("dn: x\nobjectClass: device\n").contains("LDIF"), "an entry of another directory");
    assert!(error("<html><body/></html>\n<").contains("XML"));
    assert!(error("price,colour\n1,red\n").contains("no column names accounts"));
    assert!(error("").contains("empty"));
}

#[test]
fn an_empty_export_is_a_list_of_nothing() {
    let (inventory, imported) = read(&[("x.json", r#"{"@odata.context":"users","value":[]}"#)]);
    assert_eq!((rows(&imported[0]), imported[0].refused), (vec![], 0));
    assert!(inventory.documents().is_empty());
}

/// Nothing a document says dates it into the future, where nobody would ever read it.
#[test]
fn a_moment_in_the_future_dates_nothing() {
    let text =
        "dn: CN=x,DC=a\nobjectClass: user\nsAMAccountName: x\nlastLogonTimestamp: 157469184000000000\n";
    let (_, imported) = read(&[("x.ldif", text)]);
    assert_eq!(imported[0].known_from, None);
    assert_eq!(problems(&imported[0]), ["1: x@a: it speaks of a moment in the future"]);
}

#[test]
fn problems_are_bounded_and_counted() {
    let text = "dn: CN=x,DC=a\nobjectClass: user\nsAMAccountName: x\npwdLastSet: bad\n\n".repeat(1000);
    let (_, imported) = read(&[("x.ldif", &text)]);
    assert_eq!((imported[0].problems.len(), imported[0].more_problems), (200, 800));
}

fn survives(bytes: &[u8]) {
    let formats = Formats::bundled().unwrap();
    let mut importer = Importer::new(&formats, present());
    let whole = importer.read("x", bytes);
    let inventory = importer.finish();
    let kinds = [EntityKind::Account, EntityKind::Host, EntityKind::Exposure, EntityKind::Copy];
    let rows: usize = kinds.iter().map(|kind| inventory.versions(*kind).count()).sum();
    if let Ok(imported) = whole {
        assert_eq!(rows as u64, imported.rows.values().sum::<u64>());
    }
}

#[test]
fn every_document_that_is_cut_off_is_read_up_to_there() {
    for document in DOCUMENTS {
        (0..document.len()).step_by(37).for_each(|end| survives(&document.as_bytes()[..end]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn flipped_bytes_harm_nobody(which in 0..DOCUMENTS.len(), flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut bytes = DOCUMENTS[which].as_bytes().to_vec();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= byte;
        }
        survives(&bytes);
    }
}
