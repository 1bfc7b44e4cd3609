//! The token in an `Authorization` header, in the forms that senders know.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest header that is looked at.
const LONGEST: usize = 1_024;

/// The token: `Bearer T`, `Splunk T`, `ApiKey T` (also in Base64, with a name before it), or the password of `Basic`.
pub(super) fn token(header: &str) -> Option<String> {
    let (scheme, value) = header.split_once(' ')?;
    let value = value.trim();
    if value.len() > LONGEST {
        return None;
    }
    let decoded = || STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let after_colon = |pair: String| pair.split_once(':').map(|(_, secret)| secret.to_owned());
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "splunk" => Some(value.to_owned()),
        "basic" => decoded().and_then(after_colon),
        "apikey" => decoded().and_then(after_colon).or_else(|| Some(value.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_leads_to_the_token() {
        let basic = STANDARD.encode("anyone:t0:ken");
        for header in ["Bearer t0:ken", "Splunk t0:ken", "bearer  t0:ken", &format!("Basic {basic}")] {
            assert_eq!(token(header).as_deref(), Some("t0:ken"), "{header}");
        }
        assert_eq!(token(&format!("ApiKey {basic}")).as_deref(), Some("t0:ken"));
        assert_eq!(token("ApiKey 0123abcd").as_deref(), Some("0123abcd"));
        for none in ["", "Bearer", "Digest x", "Basic ???", &format!("Basic {}", STANDARD.encode("name"))] {
            assert_eq!(token(none), None, "{none}");
        }
        assert_eq!(token(&format!("Bearer {}", "a".repeat(LONGEST + 1))), None);
    }
}
