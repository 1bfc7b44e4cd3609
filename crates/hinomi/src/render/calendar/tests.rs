//! The picture against pages drawn by hand.

use super::*;
use hinomi_ledger::completeness::FINDING_VERSION;
use hinomi_model::NANOS_PER_SECOND;

/// 2026-10-30, a Friday: the shown days cross into November.
const FIRST: i32 = 20_756;

fn cell(day: i32, state: DayState, basis: Basis, doubt: Option<Doubt>) -> DayCell {
    DayCell { day: Day(FIRST + day), state, basis, doubt, records: 4, missing: 0, erased: false }
}

fn calendar() -> Calendar {
    let at = |day: i32| Timestamp::from_nanos(Day(FIRST + day).start().as_nanos() + 3 * NANOS_PER_SECOND);
    let cells = vec![
        cell(0, DayState::Present, Basis::Numbers, None),
        DayCell { missing: 50, ..cell(1, DayState::Partial, Basis::Numbers, None) },
        DayCell { records: 0, ..cell(2, DayState::Missing, Basis::Heartbeat, None) },
        cell(3, DayState::Unknown, Basis::None, Some(Doubt::NotOver)),
        DayCell { erased: true, ..cell(4, DayState::Present, Basis::Numbers, None) },
    ];
    let unknown =
        |day| DayCell { records: 0, ..cell(day, DayState::Unknown, Basis::None, Some(Doubt::NothingToGoBy)) };
    let row = |source: &str, cells| Row { source: source.to_owned(), declared: None, summary: None, cells };
    let gap = What::Gap { first: 101, last: 150, missing: 50, after: at(1), before: at(1) };
    let finding =
        Finding { schema_version: FINDING_VERSION, source: "fw01".to_owned(), found: at(1), what: gap };
    Calendar {
        origin: "logs.example.jp/evidence".to_owned(),
        as_of: at(4),
        seen: None,
        from: Day(FIRST),
        to: Day(FIRST + 4),
        rows: vec![row("fw01", cells), row("監査\u{1b}[2J", (0..5).map(unknown).collect())],
        findings: vec![Cited { number: Some(3), finding, reference: Some("log:o/7/0.0@x".to_owned()) }],
        health: None,
        untracked: 0,
    }
}

fn page(lang: Lang, color: bool, columns: usize) -> String {
    picture(&calendar(), CalendarView { lang, color, columns })
}

#[test]
fn the_picture_is_a_row_per_source_and_a_column_per_day() {
    let page = page(Lang::En, false, 100);
    let table: Vec<&str> = page.lines().skip(3).take(4).collect();
    assert_eq!(
        table,
        [
            "             2026-10  2026-11",
            "source       30 31 01 02 03",
            "fw01          ✓  ~  ✗  ?  E",
            "監査<1B>[2J   ?  ?  ?  ?  ?",
        ]
    );
}

#[test]
fn narrow_terminals_get_several_tables() {
    let page = page(Lang::Ja, false, 20);
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("fw01  ")).collect();
    assert_eq!(rows[..3], ["fw01          ✓  ~", "fw01          ✗  ?", "fw01          E"]);
    assert!(
        page.lines().take_while(|l| !l.contains("完全  ")).all(|l| !l.contains('✓') || width(l) <= 20),
        "{page}"
    );
}

#[test]
fn every_state_has_its_reason_in_both_languages() {
    let english = page(Lang::En, false, 100);
    for expected in [
        "  ✓ 2026-10-30  present: by its numbers; 4 records\n",
        "  ~ 2026-10-31  partial: by its numbers; 4 records; 50 numbers missing\n",
        "  ✗ 2026-11-01  missing: by its promise to be heard\n",
        "  ? 2026-11-02  unknown: the day is not over; 4 records\n",
        "  E 2026-11-03  present: by its numbers; 4 records; erased\n",
        "  ? 2026-10-30 – 2026-11-03  unknown: no numbers and no promise to go by\n",
        "    - numbers 101 to 150 never came (50 missing), between 2026-10-31T00:00:03Z and 2026-10-31T00:00:03Z\n      log:o/7/0.0@x\n",
    ] {
        assert!(english.contains(expected), "{expected}\n{english}");
    }
    let japanese = page(Lang::Ja, false, 100);
    for expected in [
        "  ~ 2026-10-31  一部：番号による、4 件、50 個の番号が欠落\n",
        "  ✗ 2026-11-01  欠落：受信の約束による\n",
        "  ? 2026-11-02  不明：その日がまだ終わっていない、4 件\n",
        "番号 101～150 が届いていない（欠落 50 個",
    ] {
        assert!(japanese.contains(expected), "{expected}\n{japanese}");
    }
}

#[test]
fn colours_add_nothing_that_signs_do_not_say() {
    let plain = page(Lang::En, false, 100);
    let mut stripped = String::new();
    let coloured = page(Lang::En, true, 100);
    assert!(coloured.contains("\x1b[1;31m✗\x1b[0m"));
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        stripped.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}
