//! Cookies: the session, what a device is known by, and the ticket of somebody on their way to an identity provider.

use hinomi_access::{ABSOLUTE, Opened, Secret};

use crate::http::Request;

/// Which cookie.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Session,
    Device,
    Provider,
}

/// Seconds a device keeps its cookie.
const DEVICE: i64 = 180 * 86_400;
/// Seconds for the way to an identity provider and back.
const PROVIDER: i64 = 600;

/// How cookies are called and guarded here: with TLS they are bound to the host (`__Host-`) and leave encrypted only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cookies {
    secure: bool,
}

impl Cookies {
    pub(super) fn new(secure: bool) -> Self {
        Self { secure }
    }

    fn name(self, kind: Kind) -> &'static str {
        match (self.secure, kind) {
            (true, Kind::Session) => "__Host-hinomi",
            (true, Kind::Device) => "__Host-hinomi-device",
            (true, Kind::Provider) => "__Host-hinomi-provider",
            (false, Kind::Session) => "hinomi",
            (false, Kind::Device) => "hinomi-device",
            (false, Kind::Provider) => "hinomi-provider",
        }
    }

    fn set(self, kind: Kind, value: &str, seconds: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", self.name(kind))
    }

    /// A new session.
    pub(super) fn session(self, session: &Secret) -> String {
        self.set(Kind::Session, session.reveal(), ABSOLUTE)
    }

    /// A new session, and a known device.
    pub(super) fn opened(self, opened: &Opened) -> [String; 2] {
        [self.session(&opened.session), self.set(Kind::Device, &opened.device, DEVICE)]
    }

    /// The session is over.
    pub(super) fn over(self) -> String {
        self.set(Kind::Session, "", 0)
    }

    /// Somebody is on their way to the provider, or is asked for a factor here.
    pub(super) fn provider(self, ticket: &Secret) -> String {
        self.set(Kind::Provider, ticket.reveal(), PROVIDER)
    }

    /// They are back.
    pub(super) fn provider_over(self) -> String {
        self.set(Kind::Provider, "", 0)
    }

    /// The ticket that a request shows.
    pub(super) fn read_provider(self, request: &Request) -> Option<&str> {
        self.read(request, Kind::Provider)
    }

    /// The session that a request shows.
    pub(super) fn read_session(self, request: &Request) -> Option<Secret> {
        self.read(request, Kind::Session).map(Secret::brought)
    }

    /// The device that a request shows.
    pub(super) fn read_device(self, request: &Request) -> Option<String> {
        self.read(request, Kind::Device).map(str::to_owned)
    }

    /// The one cookie of the name: two of them are a trick.
    fn read(self, request: &Request, kind: Kind) -> Option<&str> {
        let name = self.name(kind);
        let pairs = request.header("cookie")?.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
        let value = values.next()?;
        (values.next().is_none() && value.len() <= 200).then_some(value)
    }
}
