//! What an endpoint answers.

use serde_json::Value;

use super::read::{File, Told};
use crate::http::Response;

/// An answer that is no problem.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    body: Option<Value>,
    etag: Option<u64>,
    cookies: Vec<String>,
    file: Option<File>,
}

impl Answer {
    /// What the read model told.
    pub(super) fn told(told: Told) -> Self {
        let Told { status, body, version, file, .. } = told;
        Self { status, body, etag: version, cookies: Vec::new(), file }
    }

    /// 200 with a body.
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body), etag: None, cookies: Vec::new(), file: None }
    }

    /// 201 with a body.
    pub(super) fn made(body: Value) -> Self {
        Self { status: 201, ..Self::ok(body) }
    }

    /// 204.
    pub(super) fn nothing() -> Self {
        Self { status: 204, body: None, etag: None, cookies: Vec::new(), file: None }
    }

    /// With the version of what is told.
    pub(super) fn version(self, version: u64) -> Self {
        Self { etag: Some(version), ..self }
    }

    /// With cookies to set.
    pub(super) fn cookies(self, cookies: impl IntoIterator<Item = String>) -> Self {
        Self { cookies: cookies.into_iter().collect(), ..self }
    }

    /// With one more cookie.
    pub(super) fn with_cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// With its body within another.
    pub(super) fn wrapped(self, around: impl FnOnce(Value) -> Value) -> Self {
        Self { body: self.body.map(around), ..self }
    }

    pub(super) fn response(self) -> Response {
        let mut response = match (self.file, self.body) {
            (Some(File { name, html }), _) => {
                let kept = format!("attachment; filename=\"{name}\"");
                let response = Response::bytes(self.status, html).with("content-disposition", kept);
                Response { content_type: "text/html; charset=utf-8", ..response }
            }
            (None, Some(body)) => Response::json(self.status, body.to_string()),
            (None, None) => Response::json(self.status, Vec::new()),
        };
        if let Some(version) = self.etag {
            response = response.with("etag", format!("\"{version}\""));
        }
        for cookie in self.cookies {
            response = response.with("set-cookie", cookie);
        }
        response
    }
}
