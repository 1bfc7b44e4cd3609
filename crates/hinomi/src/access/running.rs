//! Accounts beside a server: the gate, the pages, and the socket.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hinomi_access::{Fact, Gate, MadeLink, Purpose, Step};
use hinomi_ledger::SystemClock;
use hinomi_model::Entropy;
use hinomi_server::LocalServer;
use hinomi_server::pages::{Around, Pages, PagesAt, PagesSetup, Place, Provider, ReadModel, Serving};
use hinomi_server::serve::Journal;

use super::answering::{Answer, Question, answer};
use super::store::{self, Found};
use super::{AccessError, socket};
use crate::alerting::{Faults, pseudonym_secret};
use crate::clock;
use crate::live::Notes;
use crate::outbox::Outbox;

/// What accounts need of the rest of the program.
pub struct Surroundings {
    /// Data directory.
    pub data: PathBuf,
    /// Name of the ledger.
    pub site: String,
    /// Where lines about the program go. Secrets never do.
    pub journal: Journal,
    /// Who hears of what is loud.
    pub faults: Option<Faults>,
    /// Source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What pages show.
    pub reads: Arc<dyn ReadModel>,
}

/// Accounts and pages at work.
pub struct Access {
    gate: Arc<Mutex<Gate>>,
    pages: Serving,
    origin: String,
    outbox: Arc<Outbox<Step>>,
    entropy: Arc<dyn Entropy>,
    // Closes the socket when it is dropped.
    _door: Option<LocalServer>,
}

impl Access {
    /// Opens what was kept, and listens.
    ///
    /// # Errors
    /// [`AccessError`]: then there are no pages, and nothing was changed.
    pub fn start(setup: &PagesSetup, around: &Surroundings) -> Result<Self, AccessError> {
        let (journal, faults) = (around.journal.clone(), around.faults.clone());
        let heard = Box::new(move |step: &Step| hear(&journal, faults.as_ref(), step));
        let Found { store, registry, key, outbox, caught_up } =
            store::open(&around.data, &*around.entropy, heard)?;
        if caught_up > 0 {
            let steps = caught_up.to_string();
            around.journal.warn("accounts were made whole from the decision ledger", &[("steps", &steps)]);
        }
        // Bound first: the name of the place holds the port.
        let listener = setup.bind()?;
        let place = Place::of(&setup.at, listener.address()).map_err(AccessError::Place)?;
        let pseudonyms = pseudonym_secret(&around.data, &*around.entropy)?;
        let gate = Gate::new(registry, place.site(&around.site), key, pseudonyms, Box::new(store));
        let gate = Arc::new(Mutex::new(gate));
        let (clock, entropy, reads) = (Arc::new(SystemClock), around.entropy.clone(), around.reads.clone());
        let origin = place.origin.clone();
        let provider = setup.provider.clone();
        let provider = provider.map(|setup| Provider::new(setup, &origin, Some(around.journal.clone())));
        let pages = Pages::new(gate.clone(), place, Around { clock, entropy: entropy.clone(), reads });
        let pages = pages.with_provider(provider);
        let pages = listener.start(pages)?;
        let door = open_door(around, &gate);
        Ok(Self { gate, pages, origin, outbox, entropy, _door: door })
    }

    /// As long as nobody looks after accounts: a link for the first one. The one before is void.
    ///
    /// # Errors
    /// [`AccessError::Refused`].
    pub fn first_link(&self) -> Result<Option<String>, AccessError> {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let made: Option<MadeLink> = gate.first_link(None, clock::now().into(), &*self.entropy)?;
        Ok(made.map(|made| made.address(&self.origin)))
    }

    /// Whether somebody looks after accounts.
    pub fn has_administrator(&self) -> bool {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner).registry().has_administrator()
    }

    /// Shows new connections the certificate that is in the files now.
    ///
    /// # Errors
    /// [`AccessError::Listener`]; everything stays as it was then.
    pub fn renew(&self, setup: &PagesSetup) -> Result<(), AccessError> {
        Ok(self.pages.renew(setup)?)
    }

    /// Where pages are.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The address that is listened to.
    pub fn address(&self) -> std::net::SocketAddr {
        self.pages.address()
    }

    /// Steps on their way into the decision ledger.
    pub fn notes(&self) -> Arc<dyn Notes> {
        self.outbox.clone()
    }
}

/// What is loud reaches the journal, and whoever alerts reach.
fn hear(journal: &Journal, faults: Option<&Faults>, step: &Step) {
    if !step.fact.is_loud() {
        return;
    }
    let account = step.fact.account().map(|id| id.to_string()).unwrap_or_default();
    let why = match &step.fact {
        Fact::SignInFailed { why: Some(why), .. } => why.name(),
        _ => "",
    };
    let (what, grave) = match &step.fact {
        Fact::Enrolled { purpose: Purpose::BreakGlass, .. } => ("the sealed code was used", true),
        Fact::CounterWentBack { .. } => ("a passkey counts backwards: there may be a copy of it", true),
        Fact::Enrolled { purpose: Purpose::FirstAdministrator, .. } => {
            ("the first administrator is there", false)
        }
        Fact::Enrolled { .. } => ("somebody enrolled anew", false),
        Fact::SignInFailed { .. } => ("what an identity provider said does not hold", false),
        Fact::LinkMade { link } if link.purpose == Purpose::BreakGlass => ("a sealed code was made", false),
        _ => ("a link to enrol anew was made", false),
    };
    let fields = [("account", account.as_str()), ("why", why)];
    let fields: Vec<_> =
        fields.into_iter().filter(|(name, text)| *name == "account" || !text.is_empty()).collect();
    journal.warn(what, &fields);
    if let (true, Some(faults)) = (grave, faults) {
        faults.access(what, &account);
    }
}

/// The socket; without it pages work all the same.
fn open_door(around: &Surroundings, gate: &Arc<Mutex<Gate>>) -> Option<LocalServer> {
    let (gate, entropy) = (gate.clone(), around.entropy.clone());
    let answering = move |uid: Option<u32>, question: &str| {
        let said = match serde_json::from_str::<Question>(question) {
            Ok(question) => {
                let mut gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
                answer(&mut gate, (uid, &question), clock::now().into(), &*entropy)
            }
            Err(error) => Answer::Refused { why: error.to_string(), why_ja: error.to_string() },
        };
        serde_json::to_string(&said).unwrap_or_default()
    };
    let path = socket(&around.data);
    match LocalServer::open(&path, Arc::new(answering)) {
        Ok(door) => Some(door),
        Err(error) => {
            let (path, why) = (path.display().to_string(), error.to_string());
            around.journal.warn("nobody can ask for accounts here", &[("socket", &path), ("why", &why)]);
            None
        }
    }
}

/// Answers where no server is at work. `origin` begins the links that are made.
///
/// # Errors
/// [`AccessError`].
pub fn offline(
    data: &Path,
    origin: Option<&str>,
    question: &Question,
    entropy: &dyn Entropy,
) -> Result<Answer, AccessError> {
    let setting = PagesAt { origin: origin.map(str::to_owned), ..PagesAt::default() };
    let place = Place::of(&setting, setting.at).map_err(AccessError::Place)?;
    let Found { store, registry, key, .. } = store::open(data, entropy, Box::new(|_| {}))?;
    let mut gate = Gate::new(registry, place.site(""), key, [0; 32], Box::new(store));
    let uid = rustix::process::getuid().as_raw();
    Ok(answer(&mut gate, (Some(uid), question), clock::now().into(), entropy))
}
