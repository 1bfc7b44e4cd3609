//! What an endpoint answers.

use serde_json::Value;

use crate::http::Response;

/// An answer that is no problem.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    body: Option<Value>,
    etag: Option<u64>,
    cookies: Vec<String>,
}

impl Answer {
    /// What the read model told.
    pub(super) fn told(told: super::read::Told) -> Self {
        Self { status: told.status, body: told.body, etag: told.version, cookies: Vec::new() }
    }

    /// 200 with a body.
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body), etag: None, cookies: Vec::new() }
    }

    /// 201 with a body.
    pub(super) fn made(body: Value) -> Self {
        Self { status: 201, ..Self::ok(body) }
    }

    /// 204.
    pub(super) fn nothing() -> Self {
        Self { status: 204, body: None, etag: None, cookies: Vec::new() }
    }

    /// With the version of what is told.
    pub(super) fn version(self, version: u64) -> Self {
        Self { etag: Some(version), ..self }
    }

    /// With cookies to set.
    pub(super) fn cookies(self, cookies: impl IntoIterator<Item = String>) -> Self {
        Self { cookies: cookies.into_iter().collect(), ..self }
    }

    pub(super) fn response(self) -> Response {
        let mut response = match self.body {
            Some(body) => Response::json(self.status, body.to_string()),
            None => Response::json(self.status, Vec::new()),
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
