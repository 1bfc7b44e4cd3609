//! The configuration file of the server (TOML).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hinomi_ledger::MAX_NAME;
use hinomi_model::Digest;
use serde::Deserialize;

use super::alert_sinks::{HeartbeatSection, SinkSection};
use super::alerting::{AlertsSection, PersonSection, PolicySection, RotaSection};
use super::assure_section::AssureSection;
use super::journal::JournalFormat;
use super::page_section::PagesSection;
use super::watched::WatchSection;
use crate::error::ServerError;
use crate::listen::ServerTls;
use crate::receive::web::upload::UploadBounds;
use crate::receive::{Rate, Token, Tokens};

/// An example with every key.
pub const EXAMPLE: &str = include_str!("example.toml");

/// What is wrong with a configuration.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ConfigurationError {
    /// Where, counted from 1.
    pub line: usize,
    /// What, with the key.
    pub what: String,
}

/// What a server does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Lines about the server itself.
    #[serde(default)]
    pub log: LogSection,
    #[serde(default = "unwritten")]
    pub(crate) admin: toml::Spanned<AdminSection>,
    #[serde(default = "unwritten")]
    pub(crate) limits: toml::Spanned<LimitsSection>,
    /// What is looked for while records arrive.
    #[serde(default)]
    pub detection: DetectionSection,
    #[serde(default)]
    pub(crate) listen: Vec<toml::Spanned<ListenSection>>,
    #[serde(default)]
    pub(crate) watch: Vec<toml::Spanned<WatchSection>>,
    #[serde(default)]
    pub(crate) token: Vec<toml::Spanned<TokenSection>>,
    pub(crate) alerts: Option<toml::Spanned<AlertsSection>>,
    #[serde(default)]
    pub(crate) sink: Vec<toml::Spanned<SinkSection>>,
    #[serde(default)]
    pub(crate) person: Vec<toml::Spanned<PersonSection>>,
    #[serde(default)]
    pub(crate) rota: Vec<toml::Spanned<RotaSection>>,
    #[serde(default)]
    pub(crate) policy: Vec<toml::Spanned<PolicySection>>,
    #[serde(default)]
    pub(crate) heartbeat: Vec<toml::Spanned<HeartbeatSection>>,
    pub(crate) pages: Option<toml::Spanned<PagesSection>>,
    #[serde(default = "unwritten")]
    pub(crate) assure: toml::Spanned<AssureSection>,
}

/// `[log]`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSection {
    /// Shape of the lines.
    #[serde(default)]
    pub format: JournalFormat,
}

/// `[detection]`. What is left out is what the command line says, or its default.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectionSection {
    /// Files and folders of rules; `bundled` for those of the program.
    pub rules: Vec<PathBuf>,
    /// Files with values for the placeholders of rules.
    pub placeholders: Vec<PathBuf>,
    /// Lists of indicators.
    pub indicators: Vec<PathBuf>,
    /// How much later than its own time, in seconds, an event may be received and still be correlated with others of that time.
    pub lateness_seconds: Option<u32>,
    /// Zone of times that state none, by its IANA name.
    pub zone: Option<String>,
}

/// The word for the rules of the program itself.
pub const BUNDLED: &str = "bundled";

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AdminSection {
    pub(crate) at: SocketAddr,
    pub(crate) plain: bool,
}

impl Default for AdminSection {
    fn default() -> Self {
        Self { at: ([127, 0, 0, 1], 9180).into(), plain: false }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsSection {
    pub(crate) memory_mib: u64,
    pub(crate) source_memory_mib: u64,
    pub(crate) sources: usize,
    pub(crate) connections: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) message_kib: usize,
    pub(crate) body_mib: usize,
    pub(crate) unpacked_mib: usize,
    pub(crate) idle_seconds: u64,
    pub(crate) acknowledge_seconds: u64,
    pub(crate) upload_mib: u64,
    pub(crate) upload_unpacked_mib: u64,
    pub(crate) upload_minutes: u64,
}

impl LimitsSection {
    /// Bounds of uploaded files, and how long the ledger may take.
    pub(crate) fn of_uploads(&self) -> (UploadBounds, Duration) {
        let bounds = UploadBounds {
            bytes: self.upload_mib << 20,
            unpacked: self.upload_unpacked_mib << 20,
            time: Duration::from_secs(self.upload_minutes * 60),
        };
        (bounds, Duration::from_secs(self.acknowledge_seconds))
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            memory_mib: 256,
            source_memory_mib: 96,
            sources: 10_000,
            connections: 1_024,
            connections_per_address: 64,
            message_kib: 256,
            body_mib: 16,
            unpacked_mib: 32,
            idle_seconds: 3_600,
            acknowledge_seconds: 30,
            upload_mib: 4_096,
            upload_unpacked_mib: 65_536,
            upload_minutes: 60,
        }
    }
}

/// What a listener speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Protocol {
    SyslogUdp,
    Netflow,
    SyslogTcp,
    SyslogTls,
    Http,
    Https,
}

impl Protocol {
    fn is_encrypted(self) -> bool {
        matches!(self, Self::SyslogTls | Self::Https)
    }

    pub(crate) fn is_datagram(self) -> bool {
        matches!(self, Self::SyslogUdp | Self::Netflow)
    }

    pub(crate) fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// What is spoken inside TLS (ALPN), if that has a name.
    pub(crate) fn inside(self) -> Option<&'static [u8]> {
        self.is_http().then_some(b"http/1.1")
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SyslogUdp => "syslog-udp",
            Self::Netflow => "netflow",
            Self::SyslogTcp => "syslog-tcp",
            Self::SyslogTls => "syslog-tls",
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// `[[listen]]`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenSection {
    pub(crate) name: String,
    pub(crate) at: SocketAddr,
    pub(crate) receive: Vec<Protocol>,
    #[serde(default = "default_class")]
    pub(crate) class: String,
    #[serde(default)]
    pub(crate) tls: Option<TlsSection>,
    #[serde(default = "yes")]
    pub(crate) by_address: bool,
    #[serde(default)]
    pub(crate) events_per_second: u64,
    #[serde(default)]
    pub(crate) bytes_per_second: u64,
    #[serde(default)]
    pub(crate) plain: bool,
    #[serde(default = "default_version")]
    pub(crate) bulk_version: String,
}

pub(super) fn default_class() -> String {
    hinomi_ledger::retention::SECURITY_EVIDENCE.to_owned()
}

fn default_version() -> String {
    "8.17.0".to_owned()
}

fn unwritten<T: Default>() -> toml::Spanned<T> {
    toml::Spanned::new(0..0, T::default())
}

fn yes() -> bool {
    true
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSection {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    #[serde(default)]
    pub(crate) clients: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenSection {
    pub(crate) name: String,
    pub(crate) sha256: String,
}

impl TlsSection {
    pub(crate) fn files(&self) -> ServerTls<'_> {
        ServerTls { certificate: &self.certificate, key: &self.key, clients: self.clients.as_deref() }
    }
}

impl ListenSection {
    pub(crate) fn rate(&self) -> Rate {
        Rate { events: self.events_per_second, bytes: self.bytes_per_second }
    }
}

/// A fault and the bytes of the text that it is in.
pub(super) type Fault = (Range<usize>, String);

impl Configuration {
    /// Reads and checks a configuration. Relative paths in it are meant from `folder`.
    ///
    /// # Errors
    /// [`ConfigurationError`] with the line and the key.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ConfigurationError> {
        let at = |(place, what): Fault| ConfigurationError { line: line_of(text, place.start), what };
        let read: Result<Self, _> = toml::from_str(text);
        let mut read = read.map_err(|e| at((e.span().unwrap_or_default(), e.message().to_owned())))?;
        read.check(folder).map_err(at)?;
        read.watch.iter_mut().for_each(|watch| watch.as_mut().anchor(folder));
        for listen in &mut read.listen {
            if let Some(tls) = &mut listen.as_mut().tls {
                for path in [&mut tls.certificate, &mut tls.key].into_iter().chain(&mut tls.clients) {
                    *path = folder.join(&*path);
                }
            }
        }
        let detection = &mut read.detection;
        let named = detection.rules.iter_mut().filter(|path| path.as_os_str() != BUNDLED);
        for path in named.chain(&mut detection.placeholders).chain(&mut detection.indicators) {
            *path = folder.join(&*path);
        }
        read.place_alert_files(folder);
        read.pages.iter_mut().for_each(|pages| pages.as_mut().anchor(folder));
        read.assure.as_mut().anchor(folder);
        Ok(read)
    }

    /// The files and folders that it names: certificates, keys, secrets, rules. Whoever moves a server needs them.
    pub fn named_files(&self) -> Vec<PathBuf> {
        let tls = self.listeners().filter_map(|listen| listen.tls.as_ref());
        let mut all: Vec<PathBuf> = tls
            .flat_map(|tls| [Some(&tls.certificate), Some(&tls.key), tls.clients.as_ref()])
            .flatten()
            .cloned()
            .collect();
        let DetectionSection { rules, placeholders, indicators, .. } = &self.detection;
        let rules = rules.iter().filter(|path| path.as_os_str() != BUNDLED);
        all.extend(rules.chain(placeholders).chain(indicators).cloned());
        all.extend(self.alert_files());
        all.extend(self.assure.as_ref().paths().cloned());
        all.sort();
        all.dedup();
        all
    }

    /// What differs in `new` and cannot change while a server works: names of sections and listeners.
    pub(crate) fn waits_for_start(&self, new: &Self) -> Vec<String> {
        let mut waits: Vec<String> = Vec::new();
        let sections = [
            ("[log]", self.log != new.log),
            ("[admin]", self.admin.as_ref() != new.admin.as_ref()),
            ("[limits]", self.limits.as_ref() != new.limits.as_ref()),
            ("[[watch]]", !self.watch.iter().map(AsRef::as_ref).eq(new.watch.iter().map(AsRef::as_ref))),
            ("[alerts], which begins or ends with a start", self.alerts.is_some() != new.alerts.is_some()),
            ("[pages]", self.pages.as_ref().map(AsRef::as_ref) != new.pages.as_ref().map(AsRef::as_ref)),
        ];
        waits.extend(sections.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()));
        let listener = |of: &Self, name: &str| of.listeners().find(|l| l.name == name).cloned();
        let names: BTreeSet<&str> =
            self.listeners().chain(new.listeners()).map(|l| l.name.as_str()).collect();
        let changed = names.into_iter().filter(|name| listener(self, name) != listener(new, name));
        waits.extend(changed.map(|name| format!("listen {name}")));
        waits
    }

    pub(crate) fn listeners(&self) -> impl Iterator<Item = &ListenSection> {
        self.listen.iter().map(AsRef::as_ref)
    }

    /// What a server does that nobody has configured: it listens on this machine only.
    ///
    /// # Errors
    /// [`ConfigurationError`], which a test rules out.
    pub fn without_file() -> Result<Self, ConfigurationError> {
        Self::parse(
            "[[listen]]\nname = \"syslog\"\nat = \"127.0.0.1:5514\"\nreceive = [\"syslog-udp\", \"syslog-tcp\"]\n\
             [[listen]]\nname = \"http\"\nat = \"127.0.0.1:9200\"\nreceive = [\"http\"]\n[pages]\n",
            Path::new(""),
        )
    }

    /// Reads the files that are named.
    ///
    /// # Errors
    /// [`ServerError::Credential`] or [`ServerError::Tls`] of the first that cannot be used.
    pub fn check_files(&self) -> Result<(), ServerError> {
        self.listeners()
            .filter_map(|listen| listen.tls.as_ref())
            .try_for_each(|tls| tls.files().load(None).map(drop))?;
        self.pages().map_or(Ok(()), |pages| pages.check_files())?;
        self.assure.as_ref().check_files()?;
        self.alerting().map_or(Ok(()), |alerting| alerting.check_files())
    }

    /// Whether senders need tokens.
    pub fn needs_tokens(&self) -> bool {
        self.listen.iter().map(AsRef::as_ref).any(|listen| {
            let certificates = listen.tls.as_ref().is_some_and(|tls| tls.clients.is_some());
            listen.receive.iter().any(|p| p.is_http()) && !certificates
        })
    }

    /// The tokens in the configuration.
    ///
    /// # Errors
    /// [`ConfigurationError`], which [`Configuration::parse`] has ruled out.
    pub fn tokens(&self) -> Result<Vec<Token>, ConfigurationError> {
        self.read_tokens().map_err(|(_, what)| ConfigurationError { line: 1, what })
    }

    fn read_tokens(&self) -> Result<Vec<Token>, Fault> {
        let token = |section: &toml::Spanned<TokenSection>| {
            let TokenSection { name, sha256 } = section.as_ref();
            let digest: Digest = sha256
                .parse()
                .map_err(|_| (section.span(), format!("token.sha256: {sha256} is not a SHA-256")))?;
            Ok(Token { name: name.clone(), sha256: digest })
        };
        self.token.iter().map(token).collect()
    }

    fn check(&self, folder: &Path) -> Result<(), Fault> {
        if self.listen.is_empty() && self.watch.is_empty() {
            return Err((
                0..0,
                "listen: nothing is received; give at least one [[listen]] or [[watch]]".to_owned(),
            ));
        }
        let admin = self.admin.as_ref();
        if !admin.at.ip().is_loopback() && !admin.plain {
            let what = "admin.at: names of sources would be shown to others; admin.plain = true allows it";
            return Err((self.admin.span(), what.to_owned()));
        }
        self.check_limits()?;
        for (number, listen) in self.listen.iter().enumerate() {
            let fault = |what: String| (listen.span(), what);
            let section = listen.as_ref();
            check_listener(section).map_err(fault)?;
            let same = |other: &toml::Spanned<ListenSection>| other.as_ref().name == section.name;
            if self.listen.iter().take(number).any(same) {
                return Err(fault(format!("listen.name: there are two listeners {}", section.name)));
            }
        }
        self.check_addresses()?;
        let zone = self.detection.zone.as_deref().filter(|zone| jiff::tz::TimeZone::get(zone).is_err());
        if let Some(zone) = zone {
            return Err((0..0, format!("detection.zone: {zone:?} is no name of the IANA database")));
        }
        if self.detection.lateness_seconds.is_some_and(|seconds| seconds > 86_400) {
            return Err((0..0, "detection.lateness_seconds: at most 86400, a day".to_owned()));
        }
        self.check_watches(folder)?;
        if let Some(pages) = &self.pages {
            pages.as_ref().check().map_err(|what| (pages.span(), what))?;
        }
        self.assure.as_ref().check().map_err(|what| (self.assure.span(), what))?;
        self.read_alerting()?;
        let tokens = self.read_tokens()?;
        let at = self.token.first().map(toml::Spanned::span).unwrap_or_default();
        Tokens::new(tokens).map(drop).map_err(|e| (at, format!("token: {e}")))
    }

    fn check_watches(&self, folder: &Path) -> Result<(), Fault> {
        for (number, watch) in self.watch.iter().enumerate() {
            let fault = |what: String| (watch.span(), what);
            watch.as_ref().check(folder).map_err(fault)?;
            let name = &watch.as_ref().name;
            let before = self.watch.iter().take(number).map(|other| &other.as_ref().name);
            if before.chain(self.listen.iter().map(|listen| &listen.as_ref().name)).any(|other| other == name)
            {
                return Err(fault(format!("watch.name: there are two sections {name}")));
            }
        }
        Ok(())
    }

    /// No two listeners may want the same port of the same kind at the same address.
    fn check_addresses(&self) -> Result<(), Fault> {
        let mut taken: Vec<(&str, SocketAddr, bool)> = Vec::new();
        for listen in &self.listen {
            let section = listen.as_ref();
            let (name, at) = (section.name.as_str(), section.at);
            for datagrams in section.receive.iter().map(|p| p.is_datagram()).collect::<BTreeSet<bool>>() {
                let meets =
                    |ip: std::net::IpAddr| ip == at.ip() || ip.is_unspecified() || at.ip().is_unspecified();
                let same = |(_, other, kind): &&(&str, SocketAddr, bool)| {
                    at.port() != 0 && *kind == datagrams && other.port() == at.port() && meets(other.ip())
                };
                if let Some((other, ..)) = taken.iter().find(same) {
                    return Err((
                        listen.span(),
                        format!("listen.at: {at} is that of the listener {other}, too"),
                    ));
                }
                taken.push((name, at, datagrams));
            }
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), Fault> {
        let limits = self.limits.as_ref();
        let fault = |what: &str| Err((self.limits.span(), format!("limits.{what}")));
        let largest = (limits.body_mib + limits.unpacked_mib) as u64;
        // The last quarter is left to sources that hold little.
        if limits.source_memory_mib > limits.memory_mib - limits.memory_mib / 4 {
            return fault("source_memory_mib: more than three quarters of memory_mib");
        }
        // A record of few bytes takes some tens more while it is on its way.
        if limits.source_memory_mib < largest * 2 {
            return fault("source_memory_mib: one body has to fit: twice body_mib and unpacked_mib together");
        }
        let largest = 16 << 20;
        if limits.upload_mib > largest
            || limits.upload_unpacked_mib > largest
            || limits.upload_minutes > 10_080
        {
            return fault("upload_mib, upload_unpacked_mib: at most 16777216; upload_minutes: at most 10080");
        }
        if limits.unpacked_mib > 128 || limits.body_mib > 128 || limits.message_kib > 8 * 1024 {
            return fault("body_mib, unpacked_mib: at most 128; message_kib: at most 8192");
        }
        let positive = [
            limits.body_mib,
            limits.unpacked_mib,
            limits.message_kib,
            limits.sources,
            limits.connections,
            limits.connections_per_address,
        ];
        let seconds = [limits.idle_seconds, limits.acknowledge_seconds, limits.upload_minutes];
        let uploads = [limits.upload_mib, limits.upload_unpacked_mib];
        if positive.contains(&0) || seconds.contains(&0) || uploads.contains(&0) {
            return fault("*: a limit of 0 lets nothing in");
        }
        Ok(())
    }
}

fn check_listener(listen: &ListenSection) -> Result<(), String> {
    if !crate::receive::is_name(&listen.name) {
        let name = &listen.name;
        return Err(format!("listen.name: {name:?}: 1 to 64 letters, digits, dots, dashes and underscores"));
    }
    check_class(&listen.class).map_err(|why| format!("listen.{why}"))?;
    let encrypted = listen.receive.iter().filter(|p| p.is_encrypted()).count();
    // One port speaks one thing over TCP, and datagrams besides.
    let streams = listen.receive.iter().filter(|p| !p.is_datagram()).count();
    if listen.receive.is_empty() || streams > 1 || listen.receive.len() - streams > 1 {
        return Err(
            "listen.receive: at most one of syslog-tcp, syslog-tls, http and https, and at most one of syslog-udp and netflow"
                .to_owned(),
        );
    }
    if encrypted == 0 && listen.tls.is_some() {
        return Err("listen.tls: nothing in receive uses it".to_owned());
    }
    if encrypted > 0 && listen.tls.is_none() {
        return Err("listen.tls: a certificate and a key are needed".to_owned());
    }
    if encrypted < listen.receive.len() && !listen.at.ip().is_loopback() && !listen.plain {
        let at = listen.at;
        return Err(format!(
            "listen.at: {at} is not this machine, and without TLS; listen.plain = true allows it"
        ));
    }
    Ok(())
}

pub(super) fn check_class(class: &str) -> Result<(), String> {
    if (1..=MAX_NAME).contains(&class.len()) { Ok(()) } else { Err(format!("class: 1 to {MAX_NAME} bytes")) }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|b| *b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTEN: &str = "[[listen]]\nname = \"a\"\nat = \"127.0.0.1:1\"\nreceive = [\"syslog-tcp\"]\n";

    fn fault(text: &str) -> String {
        Configuration::parse(text, Path::new("/etc/hinomi")).unwrap_err().to_string()
    }

    #[test]
    fn the_example_and_the_default_are_valid() {
        let example = Configuration::parse(EXAMPLE, Path::new("/etc/hinomi")).unwrap();
        let tls = example.listen.iter().find_map(|l| l.as_ref().tls.clone()).unwrap();
        assert!(tls.certificate.starts_with("/etc/hinomi"));
        let default = Configuration::without_file().unwrap();
        assert!(default.listen.iter().all(|l| l.as_ref().at.ip().is_loopback()));
        assert!(default.needs_tokens());
    }

    #[test]
    fn faults_name_the_line_and_the_key() {
        for (text, line, key) in [
            ("", 1, "listen"),
            ("x = 1\n", 1, "x"),
            ("[limits]\nmemory = 3\n", 2, "memory"),
            ("[limits]\nmemory_mib = \"a\"\n", 2, "invalid type"),
            (&format!("{LISTEN}colour = 1\n"), 5, "colour"),
            (&LISTEN.replace("syslog-tcp", "syslog"), 4, "syslog"),
            (&format!("# one\n{}", LISTEN.replace("syslog-tcp", "syslog-tls")), 2, "listen.tls"),
            (&LISTEN.replace("127.0.0.1:1", "0.0.0.0:1"), 1, "listen.at"),
            (&LISTEN.replace("127.0.0.1:1", "localhost"), 3, "invalid socket address"),
            (&format!("{LISTEN}{LISTEN}"), 5, "listen.name"),
            (&LISTEN.replace("\"a\"", "\"a/b\""), 1, "listen.name"),
            (&LISTEN.replace("\"syslog-tcp\"", "\"syslog-tcp\", \"http\""), 1, "listen.receive"),
            (&format!("{LISTEN}[[token]]\nname = \"t\"\nsha256 = \"12\"\n"), 5, "token.sha256"),
            (&format!("{LISTEN}[limits]\nsource_memory_mib = 8\n"), 5, "limits.source_memory_mib"),
            (&format!("{LISTEN}[limits]\nmemory_mib = 100\n"), 5, "limits.source_memory_mib"),
            (&format!("{LISTEN}[limits]\nconnections = 0\n"), 5, "limits.*"),
            (&format!("{LISTEN}[admin]\nat = \"0.0.0.0:1\"\n"), 5, "admin.at"),
            (&format!("{LISTEN}class = \"\"\n"), 1, "listen.class"),
            ("[[watch]]\nname = \"a\"\npaths = []\n", 1, "watch.paths"),
            ("[[watch]]\nname = \"a\"\npaths = [\"/var/log/**\"]\n", 1, "watch.paths"),
            (&format!("{LISTEN}[[watch]]\nname = \"a\"\npaths = [\"/x\"]\n"), 5, "watch.name"),
            ("[[watch]]\nname = \"a\"\npaths = [\"/x\"]\nclass = \"\"\n", 1, "watch.class"),
            (&format!("{LISTEN}{}", LISTEN.replace("\"a\"", "\"b\"")), 5, "listen.at"),
            (
                &format!(
                    "{LISTEN}{}",
                    LISTEN
                        .replace("\"a\"", "\"b\"")
                        .replace("127.0.0.1:", "0.0.0.0:")
                        .replace("tcp\"]", "tcp\"]\nplain = true")
                ),
                5,
                "listen.at",
            ),
            (&format!("{LISTEN}[detection]\nzone = \"JST\"\n"), 1, "detection.zone"),
            ("[[listen]\n", 1, ""),
        ] {
            let said = fault(text);
            assert!(said.starts_with(&format!("line {line}: ")) && said.contains(key), "{said:?} for {text}");
        }
    }
}
