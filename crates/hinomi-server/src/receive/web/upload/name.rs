//! Names of uploaded files and of the logs in them, fit to be names of sources.

use hinomi_ledger::MAX_NAME;
use hinomi_model::Digest;

/// The longest name of an uploaded file.
const LONGEST: usize = 255;
/// What a name of a source that is too long keeps of its end.
const END: usize = 60;

/// The name in a path `/upload/NAME`; `None` when there is none, or none that can be used.
pub(in super::super) fn of_path(path: &str) -> Option<String> {
    let name = decoded(path.strip_prefix("/upload/")?)?;
    let plain = |c: char| if c.is_control() || c == '/' || c == '\\' { '_' } else { c };
    let name: String = name.chars().map(plain).collect();
    let is_name = !name.trim().is_empty() && name.len() <= LONGEST;
    is_name.then_some(name)
}

/// A part of a path without `%XX`.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            // A folder is no part of a name.
            b'/' => return None,
            b'%' => {
                let mut digit = || (bytes.next()? as char).to_digit(16);
                out.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

/// The name of the source of a log; one that is too long loses its middle, for which a digest of the whole stands.
pub(super) fn of_source(sender: &str, log: &str) -> String {
    let name = format!("{sender}/{log}");
    if name.len() <= MAX_NAME {
        return name;
    }
    let digest = Digest::of(name.as_bytes()).to_string();
    let digest = digest.get(..16).unwrap_or_default();
    let end = name.ceil_char_boundary(name.len() - END);
    let start = name.floor_char_boundary(MAX_NAME - END - digest.len() - 6);
    let (start, end) = (name.get(..start).unwrap_or_default(), name.get(end..).unwrap_or_default());
    format!("{start}\u{2026}{digest}\u{2026}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_part_of_a_path_and_text() {
        for (path, expected) in [
            ("/upload/Security.evtx", Some("Security.evtx")),
            ("/upload/a%20b%2fc%0a.zip", Some("a b_c_.zip")),
            ("/upload/%e3%83%ad%e3%82%b0.zip", Some("\u{30ed}\u{30b0}.zip")),
            ("/upload/..", Some("..")),
            ("/upload/", None),
            ("/upload/%20", None),
            ("/upload/a/b", None),
            ("/upload/%zz", None),
            ("/upload/%", None),
            ("/upload/%ff", None),
            ("/ndjson", None),
        ] {
            assert_eq!(of_path(path).as_deref(), expected, "{path}");
        }
        assert_eq!(of_path(&format!("/upload/{}", "a".repeat(255))).map(|name| name.len()), Some(255));
        assert_eq!(of_path(&format!("/upload/{}", "a".repeat(256))), None);
    }

    #[test]
    fn long_names_stay_two_names() {
        assert_eq!(of_source("h/upload/ir@192.0.2.1", "a.zip!x"), "h/upload/ir@192.0.2.1/a.zip!x");
        let long = |n: u32| of_source("h", &format!("a.zip!{}{n}/Security.evtx", "\u{5c71}/".repeat(300)));
        assert!(long(1).len() <= MAX_NAME && long(1).ends_with("1/Security.evtx"));
        assert_ne!(long(1), of_source("h", &format!("a.zip!{}1/Security.evtx", "\u{5c71}/".repeat(301))));
    }
}
