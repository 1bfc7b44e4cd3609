//! What a provider says about itself (`OpenID` Connect Discovery 1.0).

use hinomi_access::ProviderFault;
use serde::Deserialize;

use super::credential::SecretIn;
use super::talk::encoded;
use crate::client::{Client, Trust};

/// Longest address.
const LONGEST: usize = 2_000;

/// Where things are at a provider.
#[derive(Debug)]
pub(super) struct Description {
    authorization: String,
    pub(super) token: Endpoint,
    pub(super) keys: Endpoint,
    pub(super) secret_in: SecretIn,
    /// It says who it is when people come back (RFC 9207).
    pub(super) names_itself: bool,
}

/// An address of a provider: its server, and the path there.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) client: Client,
    pub(super) path: String,
    pub(super) address: String,
}

/// What is sent along with somebody.
pub(super) struct Sent<'a> {
    pub(super) client: &'a str,
    pub(super) back: &'a str,
    pub(super) state: &'a str,
    pub(super) nonce: &'a str,
    /// SHA-256 of the verifier, in base64url.
    pub(super) challenge: &'a str,
    /// Values of `acr` to ask for, with spaces between.
    pub(super) acr: &'a str,
    /// The person has to be asked now.
    pub(super) anew: bool,
}

#[derive(Deserialize)]
struct Read {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Endpoint {
    /// An address with TLS, without anything that would change whom is asked.
    pub(super) fn parse(address: &str, trust: &Trust) -> Result<Self, ProviderFault> {
        let wrong = ProviderFault::Description;
        if !is_address(address) {
            return Err(wrong);
        }
        let after = address.get("https://".len()..).ok_or(wrong)?;
        let server = after.find(['/', '?']).unwrap_or(after.len()) + "https://".len();
        let (base, path) = address.split_at_checked(server).ok_or(wrong)?;
        let client = Client::quick(base, trust.clone()).map_err(|_| wrong)?;
        Ok(Self { client, path: path.to_owned(), address: address.to_owned() })
    }
}

fn is_address(address: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}@".contains(&byte);
    address.len() <= LONGEST && address.starts_with("https://") && address.bytes().all(good)
}

impl Description {
    /// Reads what a provider says about itself: it has to be about whom was asked.
    pub(super) fn parse(bytes: &[u8], issuer: &str, trust: &Trust) -> Result<Self, ProviderFault> {
        let wrong = ProviderFault::Description;
        let read: Read = serde_json::from_slice(bytes).map_err(|_| wrong)?;
        // A provider that says that it does not know PKCE would leave codes without their owner.
        let methods = read.code_challenge_methods_supported;
        let knows = methods.is_none_or(|methods| methods.iter().any(|method| method == "S256"));
        if read.issuer != issuer || !knows || !is_address(&read.authorization_endpoint) {
            return Err(wrong);
        }
        let ways = read.token_endpoint_auth_methods_supported;
        let takes = |way: &str| ways.as_ref().is_some_and(|ways| ways.iter().any(|one| one == way));
        let form_only = takes("client_secret_post") && !takes("client_secret_basic");
        Ok(Self {
            authorization: read.authorization_endpoint,
            token: Endpoint::parse(&read.token_endpoint, trust)?,
            keys: Endpoint::parse(&read.jwks_uri, trust)?,
            secret_in: if form_only { SecretIn::Form } else { SecretIn::Header },
            names_itself: read.authorization_response_iss_parameter_supported,
        })
    }

    /// Where the browser goes.
    pub(super) fn way(&self, sent: &Sent<'_>) -> String {
        let mut fields = vec![
            ("response_type", "code"),
            ("client_id", sent.client),
            ("redirect_uri", sent.back),
            ("scope", "openid"),
            ("state", sent.state),
            ("nonce", sent.nonce),
            ("code_challenge", sent.challenge),
            ("code_challenge_method", "S256"),
        ];
        if sent.anew {
            fields.extend([("prompt", "login"), ("max_age", "0")]);
        }
        if !sent.acr.is_empty() {
            fields.push(("acr_values", sent.acr));
        }
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let joint = if self.authorization.contains('?') { '&' } else { '?' };
        format!("{}{joint}{}", self.authorization, fields.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://id.example.jp/a";

    fn good() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example.jp/a/auth?tenant=1",
            "token_endpoint": "https://token.example.jp:8443/a/token",
            "jwks_uri": "https://id.example.jp/a/jwks?x=y",
        })
    }

    fn parse(value: &Value) -> Result<Description, ProviderFault> {
        Description::parse(value.to_string().as_bytes(), ISSUER, &Trust::Roots(Vec::new()))
    }

    #[test]
    fn a_description_is_about_whom_was_asked_and_names_addresses_with_tls() {
        let read = parse(&good()).unwrap();
        assert_eq!(
            (read.token.client.base(), read.token.path.as_str()),
            ("https://token.example.jp:8443", "/a/token")
        );
        assert_eq!(
            (read.keys.client.base(), read.keys.path.as_str()),
            ("https://id.example.jp", "/a/jwks?x=y")
        );
        for (name, value) in [
            ("issuer", json!("https://id.example.jp/a/")),
            ("issuer", json!("https://evil.example")),
            ("issuer", Value::Null),
            ("token_endpoint", json!("http://id.example.jp/token")),
            ("token_endpoint", json!("https://id.example.jp@evil.example/token")),
            ("token_endpoint", json!("https://id.example.jp/token#x")),
            ("token_endpoint", json!("file:///etc/passwd")),
            ("jwks_uri", json!("https://id.example.jp/ jwks")),
            ("jwks_uri", json!(format!("https://id.example.jp/{}", "x".repeat(2_000)))),
            ("authorization_endpoint", json!("javascript:alert(1)")),
            ("authorization_endpoint", json!("http://id.example.jp/auth")),
            ("authorization_endpoint", json!("https://id.example.jp/\r\nx: y")),
            ("code_challenge_methods_supported", json!(["plain"])),
        ] {
            let mut bent = good();
            bent[name] = value.clone();
            assert_eq!(parse(&bent).err(), Some(ProviderFault::Description), "{name} {value}");
        }
    }

    #[test]
    fn what_is_sent_along_is_encoded_and_added_to_what_is_there() {
        let sent = Sent {
            client: "a&b=c",
            back: "https://hinomi.example.jp/oidc",
            state: "s",
            nonce: "n",
            challenge: "c",
            acr: "urn:a urn:b",
            anew: true,
        };
        assert_eq!(
            parse(&good()).unwrap().way(&sent),
            "https://id.example.jp/a/auth?tenant=1&response_type=code&client_id=a%26b%3Dc&\
             redirect_uri=https%3A%2F%2Fhinomi.example.jp%2Foidc&scope=openid&state=s&nonce=n&code_challenge=c&\
             code_challenge_method=S256&prompt=login&max_age=0&acr_values=urn%3Aa%20urn%3Ab"
        );
    }

    #[test]
    fn a_secret_goes_where_the_provider_takes_it() {
        let with = |ways: Value| {
            let mut description = good();
            description["token_endpoint_auth_methods_supported"] = ways;
            parse(&description).unwrap().secret_in
        };
        assert_eq!(with(Value::Null), SecretIn::Header);
        assert_eq!(with(json!(["client_secret_post"])), SecretIn::Form);
        assert_eq!(with(json!(["client_secret_post", "client_secret_basic"])), SecretIn::Header);
    }
}
