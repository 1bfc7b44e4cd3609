//! The files of the pages, as they were built into this program; without them a page that says so.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::headers::Keeping;
use crate::http::{Request, Response};

/// Path and content of each file; made by `build.rs` from `ui/dist`.
type Built = &'static [(&'static str, &'static [u8])];

const BUILT: Built = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

const INDEX: &str = "/index.html";
/// What is shown when no pages were built.
const EXPLAINED: Built = &[(INDEX, include_bytes!("without-pages.html"))];

/// The program that checks proofs in a file by itself, if pages were built in.
pub fn verifier() -> Option<&'static str> {
    let (_, bytes) = BUILT.iter().find(|(path, _)| *path == "/verifier.js")?;
    std::str::from_utf8(bytes).ok()
}

/// A file, twice.
#[derive(Debug)]
struct File {
    path: &'static str,
    plain: &'static [u8],
    packed: Vec<u8>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Files(Vec<File>);

impl Files {
    /// Those that were built in.
    pub(super) fn built() -> Self {
        Self::of(BUILT)
    }

    fn of(files: Built) -> Self {
        let files = if files.iter().any(|(path, _)| *path == INDEX) { files } else { EXPLAINED };
        let file = |(path, plain): &(&'static str, &'static [u8])| {
            let mut packed = GzEncoder::new(Vec::new(), Compression::best());
            // Writing to memory does not fail; an empty one is never the smaller one below.
            let packed = packed.write_all(plain).and_then(|()| packed.finish()).unwrap_or_default();
            File { path, plain, packed }
        };
        Self(files.iter().map(file).collect())
    }

    /// The file of a path. `/` is the page; there are no others, its parts stand behind #. Whoever comes back from an identity
    /// provider comes to `/oidc`, which is the same page.
    pub(super) fn answer(&self, request: &Request) -> Option<(Response, Keeping)> {
        let path = if matches!(request.path.as_str(), "/" | "/oidc") { INDEX } else { request.path.as_str() };
        let file = self.0.iter().find(|file| file.path == path)?;
        let packs = request.header("accept-encoding").is_some_and(|accepted| {
            accepted.split(',').any(|one| one.trim().split(';').next() == Some("gzip"))
        });
        let packs = packs && !file.packed.is_empty() && file.packed.len() < file.plain.len();
        let body = if packs { file.packed.clone() } else { file.plain.to_vec() };
        let head = request.method == "HEAD";
        let mut response = Response::bytes(200, if head { Vec::new() } else { body });
        response.content_type = content_type(path);
        response = response.with("vary", "accept-encoding");
        if packs {
            response = response.with("content-encoding", "gzip");
        }
        let keeping = if is_hashed(path) { Keeping::Forever } else { Keeping::Never };
        Some((response, keeping))
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json" | "map" | "webmanifest") => "application/json",
        Some("wasm") => "application/wasm",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Whether a name changes with its content: `name-HASH.ending`, the hash of eight characters or more, below `/assets/`.
fn is_hashed(path: &str) -> bool {
    let Some(name) = path.strip_prefix("/assets/") else { return false };
    let stem = name.split('.').next().unwrap_or_default();
    let hash = stem.get(stem.len().saturating_sub(8)..).unwrap_or_default();
    let dash = stem.len().checked_sub(9).and_then(|at| stem.as_bytes().get(at));
    hash.len() == 8
        && dash == Some(&b'-')
        && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_hash_are_kept_and_others_are_not() {
        assert!(is_hashed("/assets/index-Dk3f9Zq_.js") && is_hashed("/assets/style-0a1b2c3d.css"));
        for other in ["/index.html", "/assets/index.js", "/assets/x.js", "/favicon-0a1b2c3d.ico", "/assets/"]
        {
            assert!(!is_hashed(other), "{other}");
        }
    }
}
