//! Tables with a header, separated by comma, semicolon or tab (RFC 4180 and its relatives).

use std::borrow::Cow;

/// Text of a list, whatever it is encoded in: UTF-8 with or without a mark, UTF-16 with one, otherwise CP932. The second
/// part says whether bytes had to be replaced.
pub fn decode_text(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        let (text, lost) = encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default());
        return (text, lost);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => encoding_rs::SHIFT_JIS.decode_without_bom_handling(bytes),
    }
}

/// One row and the line it starts on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) cells: Vec<String>,
}

/// Most cells of a row, and most characters of a cell, that are read; more is no list of an organisation.
const MOST_CELLS: usize = 1024;
const LONGEST_CELL: usize = 64 << 10;

/// Splits a text into rows. The separator is the one of tab, semicolon and comma that stands in the first line most.
/// Rows without any text are left out.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let head = text.lines().next().unwrap_or_default();
    let separator = [',', ';', '\t'].into_iter().max_by_key(|s| head.matches(*s).count()).unwrap_or(',');
    let mut rows = Vec::new();
    let mut row = Row { line: 1, cells: Vec::new() };
    let mut cell = String::new();
    let (mut quoted, mut line) = (false, 1u64);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                keep(&mut cell, '"');
            }
            '"' if quoted || cell.trim().is_empty() => {
                quoted = !quoted;
                if quoted {
                    cell.clear();
                }
            }
            '\n' if !quoted => {
                line += 1;
                end_cell(&mut row, &mut cell);
                end_row(&mut rows, &mut row, line);
            }
            '\r' if !quoted => {}
            c if c == separator && !quoted => end_cell(&mut row, &mut cell),
            c => {
                line += u64::from(c == '\n');
                keep(&mut cell, c);
            }
        }
    }
    end_cell(&mut row, &mut cell);
    end_row(&mut rows, &mut row, line);
    rows
}

fn keep(cell: &mut String, c: char) {
    if cell.len() < LONGEST_CELL {
        cell.push(c);
    }
}

fn end_cell(row: &mut Row, cell: &mut String) {
    let text = std::mem::take(cell);
    if row.cells.len() < MOST_CELLS {
        row.cells.push(text.trim().to_owned());
    }
}

fn end_row(rows: &mut Vec<Row>, row: &mut Row, next_line: u64) {
    let done = std::mem::replace(row, Row { line: next_line, cells: Vec::new() });
    if done.cells.iter().any(|c| !c.is_empty()) {
        rows.push(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<(u64, Vec<String>)> {
        rows(text).into_iter().map(|r| (r.line, r.cells)).collect()
    }

    #[test]
    fn quotes_line_breaks_and_separators() {
        let text = "a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\n\n , \nlast,";
        let want = [
            (1, vec!["a".to_owned(), "b".to_owned()]),
            (2, vec!["x, \"y\"".to_owned(), "two\nlines".to_owned()]),
            (6, vec!["last".to_owned(), String::new()]),
        ];
        assert_eq!(cells(text), want);
        assert_eq!(cells("a;b\n1,5;2")[1].1, ["1,5", "2"]);
        assert_eq!(cells("a\tb\n1\t2")[1].1, ["1", "2"]);
        assert_eq!(cells("\"never closed\n,x")[0].1, ["never closed\n,x"]);
    }

    #[test]
    fn lists_in_any_usual_encoding_are_read() {
        let text = "アカウント,担当";
        let (sjis, _, _) = encoding_rs::SHIFT_JIS.encode(text);
        let utf16: Vec<u8> =
            [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
        for bytes in [text.as_bytes(), &sjis, &utf16, &marked] {
            assert_eq!(decode_text(bytes), (Cow::Borrowed(text), false));
        }
        assert!(decode_text(b"\x81\x00\xff").1);
    }
}
