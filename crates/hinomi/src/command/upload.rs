//! `hinomi upload`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use hinomi_server::{Answered, Client};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::investigate::language;
use super::print;
use super::trust::{patient_client, server_failure};
use crate::args::{Lang, Upload};
use crate::exit::{Exit, Failure};
use crate::render::{Percent, harmless};

/// Longest answer: it names a thousand sources and a hundred remarks.
const ANSWER: u64 = 4 << 20;
/// Longest file of a token.
const TOKEN: u64 = 4096;
/// How often a server that asks to come again is asked again, and how long that may take.
const ATTEMPTS: u32 = 20;
const LONGEST_WAIT: u64 = 120;

/// What a server answers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    error: Option<String>,
    upload: Uploaded,
    not_read: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Uploaded {
    sha256: String,
    kept_records: u64,
    sources: u64,
    not_read: u64,
    kept_before: Option<Before>,
}

#[derive(Deserialize)]
struct Before {
    at: String,
}

pub(super) fn run(args: &Upload) -> Result<Exit, Failure> {
    let token = token(&args.token_file)?;
    let client = patient_client(&args.to, args.tls_ca.as_deref(), args.plain_http)?;
    let authorization = Zeroizing::new(format!("Bearer {}", token.trim()));
    let mut exit = Exit::Clean;
    for path in &args.files {
        let answer = upload(&client, &authorization, path, args.json)?;
        let said: Said = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status != 200 {
            let why = said.error.as_deref().unwrap_or("it gives no reason");
            let text = format!("{}: the server answers {}: {}", path.display(), answer.status, harmless(why));
            return Err(Failure::new(Exit::Failed, text));
        }
        if said.upload.not_read > 0 {
            exit = exit.and(Exit::Unreadable);
        }
        if args.json {
            print(&answer.body)?;
            continue;
        }
        let text = shown(path, &said, args.lang.unwrap_or_else(language));
        print(text.as_bytes())?;
    }
    Ok(exit)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Unreadable, format!("{}: {error}", path.display()))
}

fn token(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut token = Zeroizing::new(String::new());
    let read = File::open(path).and_then(|file| file.take(TOKEN).read_to_string(&mut token));
    read.map_err(|e| unreadable(path, &e))?;
    let plain = |c: char| c.is_ascii_graphic();
    if token.trim().is_empty() || !token.trim().chars().all(plain) {
        return Err(Failure::new(
            Exit::Usage,
            format!("{}: one token is expected, and nothing else", path.display()),
        ));
    }
    Ok(token)
}

/// Sends a file, again if the server asks to come later.
fn upload(client: &Client, authorization: &str, path: &Path, quiet: bool) -> Result<Answered, Failure> {
    let name = path.file_name().unwrap_or(path.as_os_str()).as_encoded_bytes();
    let at = format!("/upload/{}", encoded(name));
    let mut attempt = 1;
    loop {
        let file = File::open(path).map_err(|e| unreadable(path, &e))?;
        let metadata = file.metadata().map_err(|e| unreadable(path, &e))?;
        if !metadata.is_file() {
            return Err(Failure::new(Exit::Usage, format!("{}: only files are uploaded", path.display())));
        }
        let length = metadata.len();
        let mut body = Counted { inner: file, read: 0, total: length, percent: Percent::new(quiet) };
        // A server that refuses says so before it is sent anything.
        let headers = [("authorization", authorization), ("expect", "100-continue")];
        let sent = client.upload("PUT", &at, &headers, (&mut body, length), ANSWER);
        drop(body);
        let answer = sent.map_err(server_failure)?;
        let wait = answer.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
        match wait {
            Some(seconds) if matches!(answer.status, 429 | 503) && attempt < ATTEMPTS => {
                attempt += 1;
                std::thread::sleep(Duration::from_secs(seconds.min(LONGEST_WAIT)));
            }
            _ => return Ok(answer),
        }
    }
}

/// A name as a part of an address.
fn encoded(name: &[u8]) -> String {
    let mut out = String::new();
    for &byte in name {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}

/// A file that is read, and how far.
struct Counted {
    inner: File,
    read: u64,
    total: u64,
    percent: Percent,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        self.percent.at(self.read, self.total);
        Ok(read)
    }
}

fn shown(path: &Path, said: &Said, lang: Lang) -> String {
    let Uploaded { sha256, kept_records, sources, not_read, kept_before } = &said.upload;
    let (path, sha256) = (path.display(), harmless(sha256));
    let mut text = match lang {
        Lang::En => format!("{path}: {kept_records} records of {sources} logs are kept; SHA-256 {sha256}\n"),
        Lang::Ja => {
            format!("{path}：ログ {sources} 個、{kept_records} 件を保存しました（SHA-256 {sha256}）\n")
        }
    };
    if let Some(Before { at }) = kept_before {
        let at = harmless(at);
        text.push_str(&match lang {
            Lang::En => format!("  the same file was uploaded before, at {at}; its records are kept twice\n"),
            Lang::Ja => {
                format!("  同じファイルは {at} にもアップロードされています（二重に保存されました）\n")
            }
        });
    }
    if *not_read > 0 {
        text.push_str(&match lang {
            Lang::En => format!("  {not_read} parts were not read, or not whole:\n"),
            Lang::Ja => format!("  読めなかった部分、途中までの部分：{not_read} 件\n"),
        });
        let remarks = said.not_read.iter().map(|remark| format!("    {}\n", harmless(remark)));
        text.extend(remarks);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parts_of_addresses() {
        assert_eq!(encoded("a b/\u{706b}.zip".as_bytes()), "a%20b%2f%e7%81%ab.zip");
    }

    #[test]
    fn what_was_kept_is_said_in_both_languages() {
        let said = serde_json::json!({"upload": {"kept_records": 3, "sources": 2, "not_read": 1, "sha256": "ab",
            "kept_before": {"at": "2026-11-22"}}, "not_read": ["x\u{1b}[1m"]});
        let said: Said = serde_json::from_value(said).unwrap();
        let text = shown(Path::new("a.zip"), &said, Lang::En);
        assert!(
            text.starts_with("a.zip: 3 records of 2 logs are kept")
                && text.contains("uploaded before, at 2026-11-22")
        );
        assert!(!text.contains('\u{1b}'));
        assert!(shown(Path::new("a.zip"), &said, Lang::Ja).contains("3 件"));
    }
}
