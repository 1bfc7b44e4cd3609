//! AWS Signature Version 4, for requests with headers.

use std::fmt::Write as _;

use hinomi_model::{Digest, Timestamp};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::S3Keys;

/// A request to be signed.
pub(super) struct Signing<'a> {
    pub keys: &'a S3Keys,
    pub now: Timestamp,
    pub method: &'a str,
    /// Path of unreserved characters and slashes.
    pub path: &'a str,
    /// Encoded and sorted.
    pub query: &'a str,
}

fn mac(key: &[u8], message: &str) -> [u8; 32] {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Everything but unreserved characters as `%XX`.
pub(super) fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

impl Signing<'_> {
    /// The headers to send, with the signature, except `Host`.
    pub(super) fn headers(
        &self,
        host: &str,
        extra: &[(&str, String)],
        sha256: &Digest,
    ) -> Vec<(String, String)> {
        let ((year, month, day), (hour, minute, second), _) = self.now.to_civil();
        let date = format!("{year:04}{month:02}{day:02}");
        let stamp = format!("{date}T{hour:02}{minute:02}{second:02}Z");
        let mut headers: Vec<(String, String)> =
            extra.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        headers.push(("host".to_owned(), host.to_owned()));
        headers.push(("x-amz-content-sha256".to_owned(), sha256.to_string()));
        headers.push(("x-amz-date".to_owned(), stamp.clone()));
        headers.sort();
        let signed = headers.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(";");
        let lines: String = headers.iter().map(|(n, v)| format!("{n}:{}\n", v.trim())).collect();
        let canonical =
            format!("{}\n{}\n{}\n{lines}\n{signed}\n{sha256}", self.method, self.path, self.query);
        let scope = format!("{date}/{}/s3/aws4_request", self.keys.region);
        let message = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", Digest::of(canonical.as_bytes()));
        let secret = zeroize::Zeroizing::new(format!("AWS4{}", *self.keys.secret));
        let key = [date.as_str(), &self.keys.region, "s3", "aws4_request"]
            .iter()
            .fold(None, |key: Option<[u8; 32]>, part| {
                Some(mac(key.as_ref().map_or(secret.as_bytes(), |k| k.as_slice()), part))
            })
            .unwrap_or_default();
        let signature: String = mac(&key, &message).iter().map(|b| format!("{b:02x}")).collect();
        let access = &self.keys.access;
        headers.retain(|(name, _)| name != "host");
        headers.push((
            "authorization".to_owned(),
            format!(
                "AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={signed}, Signature={signature}"
            ),
        ));
        headers
    }
}
