//! A letter as a message of mail: RFC 5322 with MIME, so that any language arrives.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hinomi_alert::{Letter, Moment};
use hinomi_model::Level;

/// Bytes of text in an encoded word: with its frame it stays below 75 characters (RFC 2047, 2).
const WORD: usize = 42;

/// The whole message, lines ended by CR LF.
pub(super) fn write(letter: &Letter, from: &str, to: &[String], domain: &str, now: Moment) -> String {
    let date = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
    let date = date.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let urgent = if letter.level >= Level::High { "X-Priority: 1\r\nImportance: high\r\n" } else { "" };
    let mut out = format!(
        "From: Hinomi <{from}>\r\nTo: {}\r\nSubject: {}\r\nDate: {date}\r\nMessage-ID: <{}@{domain}>\r\n\
         Auto-Submitted: auto-generated\r\n{urgent}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n",
        to.join(",\r\n "),
        header(&letter.subject),
        letter.id,
    );
    let text = letter.text.replace("\r\n", "\n").replace('\n', "\r\n");
    let encoded = STANDARD.encode(text);
    for line in encoded.as_bytes().chunks(76) {
        let _ = write!(out, "{}\r\n", String::from_utf8_lossy(line));
    }
    out
}

/// A value of a header: as it is when it is printable ASCII and short, otherwise as encoded words.
fn header(text: &str) -> String {
    let plain = text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if plain && text.len() <= 60 && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        // No character is cut in two.
        if word.len() + c.len_utf8() > WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encoded: Vec<String> =
        words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word))).collect();
    encoded.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_in_any_language() {
        assert_eq!(header("[Hinomi] HIGH A1: a"), "[Hinomi] HIGH A1: a");
        let subject = "[Hinomi] 【緊急】A17 ドメインの複製を要求する認証情報が使われました(dc01.example.jp)";
        let lines: Vec<String> = header(subject).split("\r\n ").map(str::to_owned).collect();
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= 75), "{lines:?}");
        let decoded = lines.iter().map(|line| {
            let inner = line.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap();
            String::from_utf8(STANDARD.decode(inner).unwrap()).unwrap()
        });
        assert_eq!(decoded.collect::<String>(), subject);
        assert!(!header("a\r\nBcc: x@example.jp").contains("Bcc"));
    }
}
