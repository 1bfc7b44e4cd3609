//! `[pages]` of the configuration: where pages are, and what they are called.

use std::net::SocketAddr;

use hinomi_access::Site;

/// The port without configuration.
const PORT: u16 = 9080;

/// Where pages listen, and how the place is called from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PagesAt {
    /// Address.
    pub at: SocketAddr,
    /// `https://host[:port]` as people type it; without it `http://localhost:PORT`.
    pub origin: Option<String>,
}

impl Default for PagesAt {
    fn default() -> Self {
        Self { at: ([127, 0, 0, 1], PORT).into(), origin: None }
    }
}

/// An origin in its parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// `https://host[:port]` or `http://localhost[:port]`.
    pub origin: String,
    /// `host[:port]`, as in the header Host.
    pub authority: String,
    /// The host alone.
    pub host: String,
    /// Whether people come with TLS.
    pub secure: bool,
}

impl Place {
    /// The place of an origin.
    ///
    /// # Errors
    /// What is wrong with it: passkeys need a name, and TLS unless the name is `localhost`.
    pub fn parse(origin: &str) -> Result<Self, &'static str> {
        let (secure, authority) = match origin.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err("it begins with https://"),
        };
        let (host, port) =
            authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        let label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if !host.split('.').all(label) || host.len() > 253 {
            return Err("a name in small letters, without path");
        }
        if host.parse::<std::net::Ipv4Addr>().is_ok() {
            return Err("passkeys need a name, an address is none");
        }
        let usual = if secure { 443 } else { 80 };
        match port.map(str::parse::<u16>) {
            Some(Err(_) | Ok(0)) => return Err("the port is none"),
            Some(Ok(port)) if port == usual => return Err("browsers leave the usual port out"),
            _ => {}
        }
        if !secure && host != "localhost" {
            return Err("without TLS passkeys work at localhost only");
        }
        let (origin, authority, host) = (origin.to_owned(), authority.to_owned(), host.to_owned());
        Ok(Self { origin, authority, host, secure })
    }

    /// The place of pages that listen at an address.
    ///
    /// # Errors
    /// As [`Place::parse`].
    pub fn of(setting: &PagesAt, at: SocketAddr) -> Result<Self, &'static str> {
        match &setting.origin {
            Some(origin) => Self::parse(origin),
            None => Self::parse(&format!("http://localhost:{}", at.port())),
        }
    }

    /// As the gate knows it.
    pub fn site(&self, name: &str) -> Site {
        Site { name: name.to_owned(), origin: self.origin.clone(), relying_party: self.host.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_those_that_browsers_name() {
        let place = Place::parse("https://hinomi.example.jp:8443").unwrap();
        assert_eq!(
            (place.authority.as_str(), place.host.as_str()),
            ("hinomi.example.jp:8443", "hinomi.example.jp")
        );
        assert!(place.secure && !Place::parse("http://localhost:9080").unwrap().secure);
        for bad in [
            "hinomi.example.jp",
            "http://hinomi.example.jp",
            "https://192.0.2.1",
            "https://Hinomi.example.jp",
            "https://hinomi.example.jp/",
            "https://hinomi.example.jp:443",
            "https://user@host",
            "https://",
            "https://a..b",
            "https://a:99999",
        ] {
            assert!(Place::parse(bad).is_err(), "{bad}");
        }
    }
}
