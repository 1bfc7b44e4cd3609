//! Cookies: the session, and what a device is known by.

use hinomi_access::{ABSOLUTE, Opened, Secret};

use crate::http::Request;

/// Seconds a device keeps its cookie.
const DEVICE: i64 = 180 * 86_400;

/// How cookies are called and guarded here: with TLS they are bound to the host (`__Host-`) and leave encrypted only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cookies {
    secure: bool,
}

impl Cookies {
    pub(super) fn new(secure: bool) -> Self {
        Self { secure }
    }

    fn name(self, device: bool) -> &'static str {
        match (self.secure, device) {
            (true, false) => "__Host-hinomi",
            (true, true) => "__Host-hinomi-device",
            (false, false) => "hinomi",
            (false, true) => "hinomi-device",
        }
    }

    fn set(self, device: bool, value: &str, seconds: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", self.name(device))
    }

    /// A new session.
    pub(super) fn session(self, session: &Secret) -> String {
        self.set(false, session.reveal(), ABSOLUTE)
    }

    /// A new session, and a known device.
    pub(super) fn opened(self, opened: &Opened) -> [String; 2] {
        [self.session(&opened.session), self.set(true, &opened.device, DEVICE)]
    }

    /// The session is over.
    pub(super) fn over(self) -> String {
        self.set(false, "", 0)
    }

    /// The session that a request shows.
    pub(super) fn read_session(self, request: &Request) -> Option<Secret> {
        self.read(request, false).map(Secret::brought)
    }

    /// The device that a request shows.
    pub(super) fn read_device(self, request: &Request) -> Option<String> {
        self.read(request, true).map(str::to_owned)
    }

    /// The one cookie of the name: two of them are a trick.
    fn read(self, request: &Request, device: bool) -> Option<&str> {
        let name = self.name(device);
        let pairs = request.header("cookie")?.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
        let value = values.next()?;
        (values.next().is_none() && value.len() <= 200).then_some(value)
    }
}
