//! Putting the parts together, and taking them apart again.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hinomi_ledger::Ledger;
use hinomi_model::Clock;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::timeout;

use super::admin::Admin;
use super::board::Board;
use super::configuration::{Configuration, LimitsSection, ListenSection, Protocol};
use super::journal::Journal;
use super::watched::WatchSection;
use crate::error::ServerError;
use crate::http::{Conversation, Running, Server};
use crate::listen::{Bounds, Listener, TlsInForce};
use crate::receive::syslog::Streams;
use crate::receive::watch::{Figures, Setting, start as watch_files};
use crate::receive::web::upload::Uploads;
use crate::receive::web::{Web, WebBounds};
use crate::receive::{
    Budget, Counted, Intake, Port, Receiving, Sources, State, Tokens, TokensInForce, Uploading, Workers,
    receive_datagrams,
};

/// How long connections may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(10);
const MIB: usize = 1 << 20;

/// A listener at work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listening {
    /// Its name.
    pub name: String,
    /// What it speaks.
    pub protocol: &'static str,
    /// Where; the port is a real one when 0 was asked for.
    pub address: SocketAddr,
}

/// What is listened to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Started {
    /// Health and figures.
    pub admin: SocketAddr,
    /// Receivers.
    pub listening: Vec<Listening>,
}

/// A server at work.
pub struct Service {
    receiving: Arc<Receiving>,
    workers: Workers,
    runtime: Runtime,
    stop: watch::Sender<bool>,
    admin: Running,
    tokens: TokensInForce,
    /// Certificates by listener and protocol.
    certificates: Vec<(String, Protocol, TlsInForce)>,
    configuration: Configuration,
    followers: Vec<JoinHandle<()>>,
    board: Board,
    started: Started,
}

/// What was read again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renewed {
    /// Listeners with certificates, which new connections are shown from now on.
    pub certificates: usize,
    /// What differs and waits for the next start.
    pub waits: Vec<String>,
}

/// A receiver that is bound and does not receive yet.
enum Bound {
    Datagrams(UdpSocket),
    Syslog(Listener),
    Http(Listener, String),
}

impl Bound {
    /// The listener's name and what new connections are shown, if that is anything.
    fn certificate(&self, at: &Listening) -> Option<(String, Protocol, TlsInForce)> {
        let (listener, protocol) = match self {
            Self::Datagrams(_) => return None,
            Self::Syslog(listener) => (listener, Protocol::SyslogTls),
            Self::Http(listener, _) => (listener, Protocol::Https),
        };
        listener.tls().map(|tls| (at.name.clone(), protocol, tls.clone()))
    }
}

/// What listeners are made of.
struct Parts<'c> {
    configuration: &'c Configuration,
    receiving: Arc<Receiving>,
    tokens: TokensInForce,
    uploads: Option<Arc<Uploads>>,
}

impl Service {
    /// Binds all listeners and begins to receive into `ledger`; files are taken where somebody takes them apart.
    ///
    /// # Errors
    /// [`ServerError`] of the first listener that cannot be had; nothing was received then.
    pub fn start(
        configuration: &Configuration,
        tokens: Tokens,
        ledger: Arc<Ledger>,
        (clock, journal): (Arc<dyn Clock>, Journal),
        uploading: Option<Uploading>,
    ) -> Result<Self, ServerError> {
        let limits = configuration.limits.as_ref();
        let failed = |source| ServerError::Network { action: "start", peer: "threads".to_owned(), source };
        let (intake, workers) = Intake::start(ledger.clone()).map_err(failed)?;
        let budget = Budget::new(limits.memory_mib << 20, limits.source_memory_mib << 20);
        let sources = Sources::new(limits.sources);
        let receiving = Arc::new(Receiving { intake, sources, budget, clock, journal });
        let tokens = TokensInForce::new(tokens);
        let uploads = uploading.map(|uploading| {
            Uploads::new(receiving.clone(), ledger.places().clone(), uploading, limits.of_uploads())
        });
        let uploads = uploads.transpose().map_err(failed)?;
        let parts = Parts { configuration, receiving: receiving.clone(), tokens: tokens.clone(), uploads };
        let runtime = runtime().map_err(failed)?;
        let bound = parts.bind()?;
        let ready = Arc::new(AtomicBool::new(false));
        let watches = parts.watches();
        let board = Board::default();
        let admin = parts.admin(&bound, &watches, (board.clone(), ready.clone()));
        // On threads of its own: it answers also when the receivers are busy.
        let admin = Server::bind(configuration.admin.as_ref().at, None, Bounds::default(), Arc::new(admin))?
            .start()?;
        let listening: Vec<Listening> = bound.iter().map(|(listening, ..)| listening.clone()).collect();
        let (stop, stopped) = watch::channel(false);
        let certificates = bound.iter().filter_map(|(at, _, bound)| bound.certificate(at)).collect();
        for (_, port, bound) in bound {
            parts.begin(&runtime, port, bound, stopped.clone())?;
        }
        let follow = |(setting, port, figures)| {
            watch_files(setting, receiving.clone(), port, figures, ledger.clone(), stopped.clone())
        };
        let followers = watches.into_iter().map(follow).collect::<Result<_, _>>()?;
        ready.store(true, Ordering::Release);
        let started = Started { admin: admin.address(), listening };
        let configuration = configuration.clone();
        Ok(Self {
            receiving,
            workers,
            runtime,
            stop,
            admin,
            tokens,
            certificates,
            configuration,
            followers,
            board,
            started,
        })
    }

    /// Where whatever runs beside it puts its figures.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// What is listened to.
    pub fn started(&self) -> &Started {
        &self.started
    }

    /// Says, whenever it is called, whether what is sent is taken.
    pub fn readiness(&self) -> impl Fn() -> bool + Clone + Send + Sync + use<> {
        let receiving = self.receiving.clone();
        move || receiving.intake.state() == State::Ready
    }

    /// Accepts these tokens and no others from now on, and shows new connections the certificates that are in the files now.
    ///
    /// # Errors
    /// [`ServerError`] of the first file that cannot be used; everything stays as it was then.
    pub fn renew(&self, configuration: &Configuration, tokens: Tokens) -> Result<Renewed, ServerError> {
        let mut loaded = Vec::new();
        for (name, protocol, in_force) in &self.certificates {
            let section = configuration.listeners().find(|listen| listen.name == *name);
            if let Some(tls) = section.and_then(|listen| listen.tls.as_ref()) {
                loaded.push((in_force, tls.files().load(protocol.inside())?));
            }
        }
        let certificates = loaded.len();
        loaded.into_iter().for_each(|(in_force, config)| in_force.replace(config));
        self.tokens.replace(tokens);
        Ok(Renewed { certificates, waits: self.configuration.waits_for_start(configuration) })
    }

    /// For how long the ledger has taken nothing, if that is so; it may take something again, when its disk has space.
    pub fn takes_nothing(&self) -> Option<Duration> {
        match self.receiving.intake.state() {
            State::Stuck(since) => Some(since),
            _ => None,
        }
    }

    /// Why the ledger takes nothing any more, if that is so: then only a new start helps.
    pub fn failure(&self) -> Option<String> {
        match self.receiving.intake.state() {
            State::Failed(reason) => Some(reason),
            _ => None,
        }
    }

    /// Stops listening, answers what was received, and waits until that is durable; for space on the disk it waits some seconds
    /// only. Why something that was received was not kept, if that is so: its senders were not told that it was.
    pub fn stop(self) -> Option<String> {
        self.stop.send_replace(true);
        // What was read is handed in before the last connection has ended.
        let ended = self.runtime.block_on(async { timeout(FAREWELL, self.stop.closed()).await });
        if ended.is_err() {
            self.receiving.journal.warn("connections were broken off", &[]);
        }
        // Their last lines are waited for; the workers answer them.
        for follower in self.followers {
            let _ = follower.join();
        }
        let lost = self.workers.stop();
        self.runtime.shutdown_background();
        drop(self.admin);
        lost
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("started", &self.started).finish_non_exhaustive()
    }
}

/// The threads of receivers.
fn runtime() -> std::io::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.thread_name("receive").worker_threads(2).max_blocking_threads(16).enable_all().build()
}

/// A watch that has not begun.
type Watched = (Setting, Arc<Port>, Arc<Figures>);

impl Parts<'_> {
    fn admin(
        &self,
        bound: &[(Listening, Arc<Port>, Bound)],
        watches: &[Watched],
        (board, started): (Board, Arc<AtomicBool>),
    ) -> Admin {
        let ports = bound.iter().map(|(_, port, _)| port).chain(watches.iter().map(|(_, port, _)| port));
        let figures = watches.iter().map(|(.., figures)| figures.clone());
        let receiving = self.receiving.clone();
        Admin { receiving, ports: ports.cloned().collect(), watches: figures.collect(), board, started }
    }

    fn limits(&self) -> &LimitsSection {
        self.configuration.limits.as_ref()
    }

    fn bounds(&self) -> Bounds {
        let limits = self.limits();
        Bounds {
            connections: limits.connections,
            connections_per_address: limits.connections_per_address,
            head: Duration::from_secs(30),
            body: Duration::from_mins(1),
            connection: Duration::from_hours(1),
            body_bytes: limits.body_mib * MIB,
            ..Bounds::default()
        }
    }

    fn watches(&self) -> Vec<Watched> {
        let longest = self.limits().message_kib * 1024;
        let of = |section: &toml::Spanned<WatchSection>| {
            let section = section.as_ref();
            (section.setting(longest), section.port(), Figures::new(&section.name))
        };
        self.configuration.watch.iter().map(of).collect()
    }

    fn bind(&self) -> Result<Vec<(Listening, Arc<Port>, Bound)>, ServerError> {
        let mut all = Vec::new();
        for section in &self.configuration.listen {
            let section = section.as_ref();
            // With a port chosen by the system, datagrams come to the same one.
            let mut at = section.at;
            let streams_first = |p: &&Protocol| p.is_datagram();
            let mut protocols: Vec<&Protocol> = section.receive.iter().collect();
            protocols.sort_by_key(streams_first);
            for protocol in protocols {
                let (address, bound) = self.bind_one(section, *protocol, at)?;
                at = address;
                let listening = Listening { name: section.name.clone(), protocol: protocol.name(), address };
                all.push((listening, Arc::new(port(section, *protocol)), bound));
            }
        }
        Ok(all)
    }

    fn bind_one(
        &self,
        section: &ListenSection,
        protocol: Protocol,
        at: SocketAddr,
    ) -> Result<(SocketAddr, Bound), ServerError> {
        if protocol.is_datagram() {
            let failed = |source| ServerError::Network { action: "listen on", peer: at.to_string(), source };
            let socket = UdpSocket::bind(at).map_err(failed)?;
            socket.set_nonblocking(true).map_err(failed)?;
            return Ok((socket.local_addr().map_err(failed)?, Bound::Datagrams(socket)));
        }
        let tls = section.tls.as_ref().map(|tls| tls.files().load(protocol.inside()));
        let listener = Listener::bind(at, tls.transpose()?, self.bounds())?;
        let address = listener.address();
        let bound = if protocol.is_http() {
            Bound::Http(listener, section.bulk_version.clone())
        } else {
            Bound::Syslog(listener)
        };
        Ok((address, bound))
    }

    fn begin(
        &self,
        runtime: &Runtime,
        port: Arc<Port>,
        bound: Bound,
        stop: watch::Receiver<bool>,
    ) -> Result<(), ServerError> {
        let (receiving, limits) = (self.receiving.clone(), self.limits());
        let _within = runtime.enter();
        match bound {
            Bound::Datagrams(socket) => {
                let failed =
                    |source| ServerError::Network { action: "listen on", peer: port.name.clone(), source };
                let socket = tokio::net::UdpSocket::from_std(socket).map_err(failed)?;
                runtime.spawn(receive_datagrams(receiving, port, socket, stop));
            }
            Bound::Syslog(listener) => {
                let (longest, idle) = (limits.message_kib * 1024, Duration::from_secs(limits.idle_seconds));
                runtime.spawn(listener.accept(stop, Arc::new(Streams { receiving, port, longest, idle })));
            }
            Bound::Http(listener, version) => {
                let bounds = WebBounds {
                    unpacked: limits.unpacked_mib * MIB,
                    acknowledge: Duration::from_secs(limits.acknowledge_seconds),
                    longest: limits.message_kib * 1024,
                };
                let (tokens, uploads) = (self.tokens.clone(), self.uploads.clone());
                let web = Web { receiving, port, tokens, bounds, uploads, version };
                let conversation = Conversation { bounds: self.bounds(), service: Arc::new(web) };
                runtime.spawn(listener.accept(stop, Arc::new(conversation)));
            }
        }
        Ok(())
    }
}

fn port(section: &ListenSection, protocol: Protocol) -> Port {
    Port {
        name: section.name.clone(),
        kind: protocol.name(),
        class: section.class.clone(),
        by_address: section.by_address,
        acknowledges: protocol.is_http(),
        rate: section.rate(),
        counted: Counted::default(),
    }
}
