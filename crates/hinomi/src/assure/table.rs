//! A row per verdict, for spreadsheets: as text, and as a workbook with suppliers and exceptions beside.

use hinomi_assure::Outcome;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use super::configuration::{self, Mask};
use super::model::AssureReport;
use super::sentence;
use crate::args::Lang;
use crate::render::csv_row;

/// Columns of the table.
const COLUMNS: [&str; 9] =
    ["claim", "title", "entity", "outcome", "days", "reasons", "evidence", "list", "source"];

/// Makes the table. Accounts are named only if asked for.
pub fn table(report: &AssureReport, lang: Lang, show_names: bool) -> String {
    let head = csv_row(COLUMNS.into_iter().map(str::to_owned));
    let rows = rows(report, lang, show_names);
    rows.into_iter().fold(head, |out, cells| out + &csv_row(cells.into_iter()))
}

/// A row per verdict, judgement of configuration and disagreement.
fn rows(report: &AssureReport, lang: Lang, show_names: bool) -> Vec<[String; 9]> {
    let pick = |text: hinomi_assure::Bilingual| if lang == Lang::Ja { text.ja } else { text.en };
    let mut out = Vec::new();
    for claim in &report.claims {
        for verdict in &claim.verdicts {
            let ground = verdict.grounds.iter().find(|g| g.outcome == verdict.outcome);
            let reasons = ground.iter().flat_map(|g| &g.reasons);
            let reasons: Vec<String> =
                reasons.filter(|r| show_names || !r.names_accounts()).map(|r| pick(r.text.clone())).collect();
            let evidence: Vec<&str> =
                ground.iter().flat_map(|g| &g.evidence).filter_map(|e| e.reference.as_deref()).collect();
            let list = ground.and_then(|g| g.list.as_ref()).map(|(file, line)| format!("{file}:{line}"));
            let hidden = claim.about == "account" && !show_names;
            let days =
                verdict.days.iter().filter(|d| d.outcome == verdict.outcome && d.day.is_some()).count();
            let cells = [
                claim.id.clone(),
                pick(claim.title.clone()),
                if hidden { String::new() } else { verdict.entity.clone() },
                pick(sentence::outcome(verdict.outcome)),
                days.to_string(),
                reasons.join("; "),
                evidence.join(" "),
                list.filter(|_| !hidden).unwrap_or_default(),
                "evidence".to_owned(),
            ];
            out.push(cells);
        }
    }
    for cells in configuration::rows(&report.configuration, lang, Mask { show_names }) {
        out.push(cells);
    }
    for entry in &report.disagreements {
        let hidden = entry.shows.about == "account" && !show_names;
        let references = entry.shows.evidence.iter().filter_map(|e| e.reference.as_deref());
        let places = entry.says.places.iter().map(|p| match (&p.pointer, p.line) {
            (Some(pointer), _) => format!("{}#{pointer}", p.document),
            (None, line) => format!("{}:{}", p.document, line.unwrap_or_default()),
        });
        let cells = [
            entry.shows.claim.clone(),
            pick(entry.text.clone()),
            if hidden { String::new() } else { entry.shows.entity.clone() },
            pick(sentence::outcome(entry.shows.outcome)),
            String::new(),
            String::new(),
            references.collect::<Vec<_>>().join(" "),
            if hidden && entry.says.kind == "list" {
                String::new()
            } else {
                places.collect::<Vec<_>>().join(" ")
            },
            "disagreement".to_owned(),
        ];
        out.push(cells);
    }
    out
}

/// Makes a workbook of three sheets. Accounts are named only if asked for. Cells are texts and numbers, never formulas.
///
/// # Errors
/// What the library says, for instance of more rows than a sheet has.
pub fn workbook(report: &AssureReport, lang: Lang, show_names: bool) -> Result<Vec<u8>, XlsxError> {
    let say = |en: &'static str, ja: &'static str| if lang == Lang::Ja { ja } else { en };
    let mut book = Workbook::new();
    // The same report gives the same bytes: no time of writing.
    let begin = ExcelDateTime::from_ymd(2000, 1, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&begin));
    let verdicts = rows(report, lang, show_names);
    let verdicts = verdicts.iter().map(|cells| cells.iter().map(String::as_str).map(Cell::from).collect());
    sheet(
        &mut book,
        say("Verdicts", "判定"),
        if lang == Lang::Ja { &COLUMNS_JA } else { &COLUMNS },
        verdicts.collect(),
    )?;
    let suppliers = report.suppliers.iter().map(|s| {
        let open = s.claims.iter().filter(|(_, outcome)| *outcome != Outcome::Supported).count();
        let text = |t: &Option<String>| Cell::from(t.as_deref().unwrap_or_default());
        let until = s.until.map(|t| t.to_string()).unwrap_or_default();
        let counts = [s.sessions.proven, s.sessions.disproven, s.sessions.unknown, open as u64];
        let cells = [Cell::from(s.name.as_str()), text(&s.owner), text(&s.contract), Cell::Text(until)];
        cells.into_iter().chain(counts.map(Cell::Number)).collect()
    });
    let columns = [
        say("supplier", "委託先"),
        say("owner in the house", "社内責任者"),
        say("contract", "契約"),
        say("contract ends", "契約終了"),
        say("sign-ins with a second factor", "二要素目を確認したサインイン"),
        say("without", "二要素目なし"),
        say("not known", "不明"),
        say("claims not supported", "裏付けのない要件"),
    ];
    sheet(&mut book, say("Suppliers", "委託先"), &columns, suppliers.collect())?;
    let exceptions = report.exceptions.iter().map(|e| {
        let about = report.claims.iter().find(|c| c.id == e.claim).map_or("", |c| c.about.as_str());
        let hidden = about == "account" && !show_names && e.entity != "*";
        let until = e.until.map(|t| t.to_string()).unwrap_or_default();
        let entity = if hidden { "" } else { e.entity.as_str() };
        let texts = [e.id.as_str(), e.claim.as_str(), entity, &e.owner, &e.reason, &e.compensation, &until];
        let counts = [e.covers, e.after_end].map(Cell::Number);
        texts.into_iter().map(Cell::from).chain(counts).collect()
    });
    let columns = [
        say("exception", "例外"),
        say("claim", "要件"),
        say("entity", "対象"),
        say("owner", "承認者"),
        say("reason", "理由"),
        say("compensating control", "代替策"),
        say("valid until", "期限"),
        say("contradictions covered", "対象となった反証"),
        say("contradictions after its end", "期限後の反証"),
    ];
    sheet(&mut book, say("Exceptions", "例外"), &columns, exceptions.collect())?;
    book.save_to_buffer()
}

/// Columns of the table in Japanese.
const COLUMNS_JA: [&str; 9] = ["要件", "内容", "対象", "判定", "日数", "理由", "証拠", "台帳", "区分"];

/// What a cell holds.
enum Cell {
    Text(String),
    Number(u64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        // A sheet takes no longer texts.
        Self::Text(text.chars().take(32_767).collect())
    }
}

fn sheet(book: &mut Workbook, name: &str, head: &[&str], rows: Vec<Vec<Cell>>) -> Result<(), XlsxError> {
    let sheet = book.add_worksheet().set_name(name)?;
    let bold = Format::new().set_bold();
    for (column, title) in (0..).zip(head) {
        sheet.write_string_with_format(0, column, *title, &bold)?;
    }
    for (number, cells) in (1..).zip(&rows) {
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Cell::Text(text) => sheet.write_string(number, column, text)?,
                Cell::Number(count) => sheet.write_number(number, column, *count as f64)?,
            };
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    if let (Some(last), false) =
        (u16::try_from(head.len()).ok().and_then(|n| n.checked_sub(1)), rows.is_empty())
    {
        sheet.autofilter(0, 0, u32::try_from(rows.len()).unwrap_or(u32::MAX), last)?;
    }
    sheet.autofit();
    Ok(())
}
