//! `[[sink]]` and `[[heartbeat]]`: ways out, and which keys belong to which kind.

use std::path::PathBuf;
use std::time::Duration;

use hinomi_alert::{Language, Sink};
use serde::Deserialize;

use crate::alert::{
    Encryption, Heartbeat, MailSetup, SecretSource, Server, Setup, Shape, SyslogSetup, Transport,
    WebhookSetup, is_mail_address,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Webhook,
    Mail,
    Syslog,
}

/// `[[sink]]`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SinkSection {
    pub(super) name: String,
    kind: Kind,
    #[serde(default)]
    language: Language,
    #[serde(default = "yes")]
    names: bool,
    #[serde(default = "default_rate")]
    per_ten_minutes: usize,
    #[serde(default)]
    plain: bool,
    ca: Option<PathBuf>,
    // Of webhooks.
    url: Option<String>,
    url_file: Option<PathBuf>,
    url_env: Option<String>,
    shape: Option<Shape>,
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
    // Of mail and syslog.
    server: Option<String>,
    // Of mail.
    tls: Option<Encryption>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    from: Option<String>,
    #[serde(default)]
    to: Vec<String>,
    // Of syslog.
    transport: Option<Transport>,
}

/// `[[heartbeat]]`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeartbeatSection {
    pub(super) name: String,
    url: Option<String>,
    url_file: Option<PathBuf>,
    url_env: Option<String>,
    #[serde(default = "default_beat")]
    every_minutes: u64,
    #[serde(default)]
    plain: bool,
    ca: Option<PathBuf>,
}

fn yes() -> bool {
    true
}

fn default_rate() -> usize {
    20
}

fn default_beat() -> u64 {
    5
}

/// At most one of several places of a secret.
fn one_source(
    key: &str,
    given: Option<&String>,
    file: Option<&PathBuf>,
    environment: Option<&String>,
) -> Result<Option<SecretSource>, String> {
    let mut all = Vec::new();
    all.extend(given.cloned().map(SecretSource::Given));
    all.extend(file.cloned().map(SecretSource::File));
    all.extend(environment.cloned().map(SecretSource::Environment));
    if all.len() > 1 {
        return Err(format!("{key}: it is given more than once"));
    }
    Ok(all.pop())
}

impl SinkSection {
    pub(super) fn sink(&self) -> Result<Sink, String> {
        let per_ten_minutes = self.per_ten_minutes;
        if !(1..=1_000).contains(&per_ten_minutes) {
            return Err("per_ten_minutes: 1 to 1000".to_owned());
        }
        Ok(Sink { language: self.language, names: self.names, per_ten_minutes })
    }

    pub(super) fn setup(&self) -> Result<Setup, String> {
        self.check_kind()?;
        match self.kind {
            Kind::Webhook => self.webhook().map(Setup::Webhook),
            Kind::Mail => self.mail().map(Setup::Mail),
            Kind::Syslog => self.syslog().map(Setup::Syslog),
        }
    }

    /// Keys of another kind would have no effect.
    fn check_kind(&self) -> Result<(), String> {
        let (webhook, mail, syslog) = (Kind::Webhook, Kind::Mail, Kind::Syslog);
        let keys: [(&str, bool, &[Kind]); 14] = [
            ("url", self.url.is_some(), &[webhook]),
            ("url_file", self.url_file.is_some(), &[webhook]),
            ("url_env", self.url_env.is_some(), &[webhook]),
            ("shape", self.shape.is_some(), &[webhook]),
            ("secret_file", self.secret_file.is_some(), &[webhook]),
            ("secret_env", self.secret_env.is_some(), &[webhook]),
            ("server", self.server.is_some(), &[mail, syslog]),
            ("tls", self.tls.is_some(), &[mail]),
            ("user", self.user.is_some(), &[mail]),
            ("password_file", self.password_file.is_some(), &[mail]),
            ("password_env", self.password_env.is_some(), &[mail]),
            ("from", self.from.is_some(), &[mail]),
            ("to", !self.to.is_empty(), &[mail]),
            ("transport", self.transport.is_some(), &[syslog]),
        ];
        match keys.iter().find(|(_, given, kinds)| *given && !kinds.contains(&self.kind)) {
            Some((key, ..)) => Err(format!("{key}: a sink of this kind has no such key")),
            None => Ok(()),
        }
    }

    fn webhook(&self) -> Result<WebhookSetup, String> {
        let url = one_source("url", self.url.as_ref(), self.url_file.as_ref(), self.url_env.as_ref())?;
        let url = url.ok_or("url: say where, with url, url_file or url_env")?;
        let secret = one_source("secret_file", None, self.secret_file.as_ref(), self.secret_env.as_ref())?;
        let shape = self.shape.unwrap_or_default();
        Ok(WebhookSetup { url, shape, secret, ca: self.ca.clone(), plain: self.plain })
    }

    fn mail(&self) -> Result<MailSetup, String> {
        let tls = self.tls.unwrap_or_default();
        let server = self.server(if tls == Encryption::Implicit { 465 } else { 587 })?;
        let password =
            one_source("password_file", None, self.password_file.as_ref(), self.password_env.as_ref())?;
        let login = match (&self.user, password) {
            (Some(user), Some(password)) => Some((user.clone(), password)),
            (None, None) => None,
            _ => return Err("user: user and password_file (or password_env) belong together".to_owned()),
        };
        let from = self.from.clone().ok_or("from: say who it comes from")?;
        if let Some(wrong) = self.to.iter().chain([&from]).find(|text| !is_mail_address(text)) {
            return Err(format!("to: {wrong:?} is no address of mail"));
        }
        let to = self.to.clone();
        Ok(MailSetup { server, tls, login, from, to, plain: self.plain })
    }

    fn syslog(&self) -> Result<SyslogSetup, String> {
        let transport = self.transport.ok_or("transport: udp, tcp or tls")?;
        let server = self.server(if transport == Transport::Tls { 6514 } else { 514 })?;
        Ok(SyslogSetup { server, transport, plain: self.plain })
    }

    /// `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.
    fn server(&self, default_port: u16) -> Result<Server, String> {
        let text = self.server.as_deref().ok_or("server: say where")?;
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| format!("server: {port:?} is no port"))?)
            }
            _ => (text, default_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
            return Err("server: it names no host".to_owned());
        }
        Ok(Server { host, port, ca: self.ca.clone() })
    }

    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let all = [&mut self.ca, &mut self.url_file, &mut self.secret_file, &mut self.password_file];
        all.into_iter().flatten()
    }
}

impl HeartbeatSection {
    pub(super) fn heartbeat(&self) -> Result<Heartbeat, String> {
        let url = one_source("url", self.url.as_ref(), self.url_file.as_ref(), self.url_env.as_ref())?;
        let url = url.ok_or("url: say where, with url, url_file or url_env")?;
        if !(1..=1_440).contains(&self.every_minutes) {
            return Err("every_minutes: 1 to 1440".to_owned());
        }
        let every = Duration::from_secs(self.every_minutes * 60);
        Ok(Heartbeat { name: self.name.clone(), url, every, ca: self.ca.clone(), plain: self.plain })
    }

    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.ca, &mut self.url_file].into_iter().flatten()
    }
}
