//! Whether a request was sent by a page of this server, to this server.

use super::problem::{Code, Problem};
use crate::http::Request;

/// The header that every change carries. Forms cannot set it, and scripts of other origins are not allowed to.
const HEADER: &str = "x-hinomi";

/// The request names this server. A name that somebody else points here (DNS rebinding) is none of ours.
pub(super) fn meant_for(request: &Request, authority: &str) -> Result<(), Problem> {
    let named = request.header("host").is_some_and(|host| host.eq_ignore_ascii_case(authority));
    if named { Ok(()) } else { Err(Problem::new(Code::WrongHost)) }
}

/// A change was sent by a page of this origin: the browser says so, and the header that only such a page can set is there.
pub(super) fn same_site(request: &Request, origin: &str) -> Result<(), Problem> {
    let site = request.header("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let from = request.header("origin").is_none_or(|from| from == origin);
    let marked = request.header(HEADER) == Some("1");
    if site && from && marked { Ok(()) } else { Err(Problem::new(Code::CrossSite)) }
}

/// Methods that change nothing.
pub(super) fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}
