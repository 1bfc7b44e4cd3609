//! Headers of every answer.

use crate::http::Response;

/// Nothing from elsewhere, no frames, no forms, no text that becomes script.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
require-trusted-types-for 'script'; trusted-types 'none'";
const PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), \
publickey-credentials-get=(self), publickey-credentials-create=(self)";

/// How long an answer may be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keeping {
    /// Not at all.
    Never,
    /// For good: its name changes with its content.
    Forever,
}

/// Adds them.
pub(super) fn guard(response: Response, keeping: Keeping, secure: bool) -> Response {
    let kept = match keeping {
        Keeping::Never => "no-store",
        Keeping::Forever => "public, max-age=31536000, immutable",
    };
    let response = response
        .with("content-security-policy", POLICY)
        .with("x-content-type-options", "nosniff")
        .with("referrer-policy", "no-referrer")
        .with("cross-origin-opener-policy", "same-origin")
        .with("cross-origin-resource-policy", "same-origin")
        .with("permissions-policy", PERMISSIONS)
        .with("x-frame-options", "DENY")
        .with("cache-control", kept);
    if secure { response.with("strict-transport-security", "max-age=31536000") } else { response }
}
