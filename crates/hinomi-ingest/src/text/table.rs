//! Lines whose columns a header names: Zeek logs, W3C extended logs, CSV.

use std::borrow::Cow;

use super::csv;

/// What the header lines said.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) enum Table {
    /// None were there: every line speaks for itself.
    #[default]
    None,
    Zeek(ZeekHeader),
    W3c(W3cHeader),
    Csv(CsvHeader),
}

/// `#separator`, `#set_separator`, `#empty_field`, `#unset_field`, `#path`, `#fields`, `#types` of a Zeek log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ZeekHeader {
    pub(crate) separator: char,
    pub(crate) set_separator: String,
    pub(crate) empty: String,
    pub(crate) unset: String,
    pub(crate) path: String,
    pub(crate) fields: Vec<String>,
    pub(crate) types: Vec<String>,
}

impl Default for ZeekHeader {
    fn default() -> Self {
        Self {
            separator: '\t',
            set_separator: ",".to_owned(),
            empty: "(empty)".to_owned(),
            unset: "-".to_owned(),
            path: String::new(),
            fields: Vec::new(),
            types: Vec::new(),
        }
    }
}

/// `#Fields` of a W3C extended log (<https://www.w3.org/TR/WD-logfile>).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct W3cHeader {
    pub(crate) software: String,
    /// `#Date`, for logs whose lines hold the time of day only.
    pub(crate) date: String,
    pub(crate) fields: Vec<String>,
}

/// The first line of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct CsvHeader {
    pub(crate) delimiter: u8,
    pub(crate) line: String,
    pub(crate) columns: Vec<String>,
}

impl Table {
    /// Reads the header lines kept with a unit.
    pub(crate) fn of_preamble(preamble: &str) -> Self {
        let mut table = Self::None;
        for line in preamble.lines() {
            if !table.directive(line)
                && let Some(header) = csv_header(line)
            {
                table = Self::Csv(header);
            }
        }
        table
    }

    /// Takes in a line if it is a header line of a Zeek or W3C log.
    pub(crate) fn directive(&mut self, line: &str) -> bool {
        let Some(directive) = line.trim_start_matches('\u{feff}').strip_prefix('#') else { return false };
        if directive.starts_with("separator ") {
            *self = Self::Zeek(ZeekHeader::default());
        } else if let Some(fields) = directive.strip_prefix("fields\t")
            && !matches!(self, Self::Zeek(_))
        {
            let fields = fields.split('\t').map(str::to_owned).collect();
            *self = Self::Zeek(ZeekHeader { fields, ..ZeekHeader::default() });
            return true;
        } else if is_w3c_directive(directive) && !matches!(self, Self::W3c(_)) {
            *self = Self::W3c(W3cHeader::default());
        }
        match self {
            Self::Zeek(header) => zeek_directive(directive, header),
            Self::W3c(header) => w3c_directive(directive, header),
            Self::None | Self::Csv(_) => false,
        }
    }

    /// True when the names of the columns are known.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::None => false,
            Self::Zeek(header) => !header.fields.is_empty(),
            Self::W3c(header) => !header.fields.is_empty(),
            Self::Csv(header) => !header.columns.is_empty(),
        }
    }
}

fn zeek_directive(directive: &str, header: &mut ZeekHeader) -> bool {
    if let Some(separator) = directive.strip_prefix("separator ") {
        let code = separator.trim().strip_prefix("\\x").and_then(|h| u32::from_str_radix(h, 16).ok());
        let written = separator.chars().next().unwrap_or('\t');
        header.separator = code.and_then(char::from_u32).unwrap_or(written);
        return true;
    }
    let mut parts = directive.split(header.separator);
    let name = parts.next().unwrap_or_default();
    let mut value = || parts.next().unwrap_or_default().to_owned();
    match name {
        "set_separator" => header.set_separator = value(),
        "empty_field" => header.empty = value(),
        "unset_field" => header.unset = value(),
        "path" => header.path = value(),
        "fields" => header.fields = parts.map(str::to_owned).collect(),
        "types" => header.types = parts.map(str::to_owned).collect(),
        "open" | "close" => {}
        _ => return false,
    }
    true
}

fn is_w3c_directive(directive: &str) -> bool {
    ["Version:", "Fields:", "Software:", "Date:", "Start-Date:", "End-Date:", "Remark:"]
        .iter()
        .any(|name| directive.starts_with(name))
}

fn w3c_directive(directive: &str, header: &mut W3cHeader) -> bool {
    let Some((name, value)) = directive.split_once(':') else { return false };
    match name {
        "Fields" => header.fields = value.split_whitespace().map(str::to_owned).collect(),
        "Software" => value.trim().clone_into(&mut header.software),
        "Date" => value.trim().clone_into(&mut header.date),
        "Version" | "Start-Date" | "End-Date" | "Remark" => {}
        _ => return false,
    }
    true
}

/// Reads a line as the header of a CSV file.
pub(crate) fn csv_header(line: &str) -> Option<CsvHeader> {
    let line = line.trim_start_matches('\u{feff}').trim_end();
    let delimiter = csv::header_delimiter(line)?;
    let columns = csv::cells(line, delimiter).into_iter().map(|c| c.trim().to_owned()).collect();
    Some(CsvHeader { delimiter, line: line.to_owned(), columns })
}

/// Values of a W3C line: separated by spaces, quoted values may hold some.
pub(crate) fn w3c_cells(line: &str) -> Vec<Cow<'_, str>> {
    let separator = if line.contains('\t') { b'\t' } else { b' ' };
    if memchr::memchr(b'"', line.as_bytes()).is_some() {
        return csv::cells(line, separator);
    }
    line.split(char::from(separator)).filter(|c| !c.is_empty()).map(Cow::Borrowed).collect()
}

/// Undoes the `\xhh` escapes of a Zeek value.
pub(crate) fn zeek_unescape(text: &str) -> Cow<'_, str> {
    if !text.contains("\\x") {
        return Cow::Borrowed(text);
    }
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = (byte == b'\\' && bytes.get(at + 1) == Some(&b'x'))
            .then(|| u8::from_str_radix(text.get(at + 2..at + 4)?, 16).ok())
            .flatten();
        if let Some(code) = code {
            out.push(code);
            at += 4;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeek_headers() {
        let text = "#separator \\x09\n#set_separator\t;\n#empty_field\tE\n#unset_field\tU\n#path\tconn\n#open\tx\n\
                    #fields\tts\tuid\n#types\ttime\tstring\n";
        let Table::Zeek(header) = Table::of_preamble(text) else { panic!() };
        assert_eq!((header.separator, header.path.as_str()), ('\t', "conn"));
        assert_eq!(
            (header.set_separator.as_str(), header.empty.as_str(), header.unset.as_str()),
            (";", "E", "U")
        );
        assert_eq!(header.fields, ["ts", "uid"]);
        assert_eq!(zeek_unescape("a\\x09b\\xe7\\x81\\xab\\xzz"), "a\tb火\\xzz");
    }

    #[test]
    fn w3c_and_csv_headers() {
        let text = "#Software: Some Server 10\n#Fields: date time c-ip\n";
        let Table::W3c(header) = Table::of_preamble(text) else { panic!() };
        assert_eq!(header.fields, ["date", "time", "c-ip"]);
        let Table::Csv(header) = Table::of_preamble("time,user,ip\n") else { panic!() };
        assert_eq!(header.columns, ["time", "user", "ip"]);
        assert_eq!(w3c_cells("a \"b c\" d"), ["a", "b c", "d"]);
        assert_eq!(Table::of_preamble("nothing"), Table::None);
    }
}
