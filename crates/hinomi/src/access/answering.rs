//! Questions to a server at work, over its socket, or to the accounts of a folder where none is: one line of JSON each way.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use hinomi_access::{
    Account, Factor, Gate, Identity, MadeLink, Moment, Name, Permission, Principal, Refusal, Registry, Role,
    Roles, Standing,
};
use hinomi_model::Entropy;
use serde::{Deserialize, Serialize};

use super::socket;
use super::words::japanese;

/// Longest answer.
const LONGEST_ANSWER: u64 = 16 << 20;
/// Time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// Who has accounts.
    List,
    /// The link for the first administrator.
    First,
    /// To invite somebody.
    Invite {
        /// What one signs in with.
        name: String,
        /// What is shown.
        display: String,
        /// Names of roles.
        roles: Vec<String>,
    },
    /// A new link for somebody: to come, or to enrol anew.
    Link {
        /// Whose.
        name: String,
    },
    /// Who may come as an identity of the provider, without a link.
    Expect {
        /// Whose account.
        name: String,
        /// The provider.
        issuer: String,
        /// What it calls them.
        subject: String,
    },
    /// To end an account.
    Revoke {
        /// Which.
        name: String,
    },
    /// A token for a program.
    Token {
        /// Whose.
        name: String,
        /// What it is called.
        token: String,
        /// Names of scopes.
        scopes: Vec<String>,
        /// For how many days.
        days: i64,
    },
    /// A code for the envelope.
    Seal,
}

/// An account, as it is listed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// What one signs in with.
    pub name: String,
    /// What is shown.
    pub display: String,
    /// `invited`, `active`, `must_enrol` or `disabled`.
    pub state: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// Kinds of factors.
    pub factors: Vec<String>,
    /// Who it is at an identity provider, or may come as: issuer and subject.
    #[serde(default)]
    pub identities: Vec<[String; 2]>,
    /// When somebody signed in last: RFC 3339, UTC.
    pub last_sign_in: Option<String>,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The accounts.
    Accounts {
        /// By id.
        accounts: Vec<Listed>,
    },
    /// A link, shown this once.
    Link {
        /// The whole address.
        address: String,
        /// Until when: RFC 3339, UTC.
        expires: String,
    },
    /// A token, shown this once.
    Token {
        /// Its text.
        secret: String,
        /// Until when.
        expires: String,
    },
    /// It was done.
    Done,
    /// It was not done.
    Refused {
        /// Why.
        why: String,
        /// The same in Japanese.
        #[serde(default)]
        why_ja: String,
    },
}

/// RFC 3339, to the second, as it is kept.
fn time(moment: Moment) -> String {
    hinomi_model::Timestamp::from(moment).to_string().replace(".000000000", "")
}

/// Answers for somebody at the command line.
pub(super) fn answer(
    gate: &mut Gate,
    (uid, question): (Option<u32>, &Question),
    now: Moment,
    entropy: &dyn Entropy,
) -> Answer {
    let root = Principal::command_line(uid);
    let done = match question {
        Question::List => Ok(Answer::Accounts { accounts: list(gate.registry()) }),
        Question::First => first(gate, &root, now, entropy),
        Question::Invite { name, display, roles } => {
            invite(gate, &root, (name, display, roles), (now, entropy))
        }
        Question::Link { name } => of_name(gate, name).and_then(|id| {
            let made = gate.link(&root, (id, None), now, entropy)?;
            Ok(link(gate, &made))
        }),
        Question::Expect { name, issuer, subject } => of_name(gate, name).and_then(|id| {
            let identity = Identity::new(issuer, subject)
                .map_err(|_| Refusal::Senseless("issuer, subject: 1 to 255 visible characters"))?;
            gate.expect_identity(&root, (id, &identity), now)?;
            Ok(Answer::Done)
        }),
        Question::Revoke { name } => of_name(gate, name).and_then(|id| {
            gate.disable(&root, (id, None), now)?;
            Ok(Answer::Done)
        }),
        Question::Token { name, token, scopes, days } => of_name(gate, name).and_then(|id| {
            let named: Option<BTreeSet<Permission>> =
                scopes.iter().map(|scope| Permission::named(scope)).collect();
            let scopes =
                named.ok_or(Refusal::Senseless("scopes: read, search, audit_read, accounts_read"))?;
            let made = gate.make_token((&root, id), (token, &scopes, *days), now, entropy)?;
            let secret = made.text.reveal().to_owned();
            Ok(Answer::Token { secret, expires: time(made.token.expires) })
        }),
        Question::Seal => gate.seal(&root, now, entropy).map(|made| link(gate, &made)),
    };
    done.unwrap_or_else(|refusal| Answer::Refused { why: refusal.to_string(), why_ja: japanese(&refusal) })
}

fn link(gate: &Gate, made: &MadeLink) -> Answer {
    Answer::Link { address: made.address(&gate.site().origin), expires: time(made.expires) }
}

fn first(gate: &mut Gate, root: &Principal, now: Moment, entropy: &dyn Entropy) -> Result<Answer, Refusal> {
    let made = gate.first_link(Some(root), now, entropy)?;
    let made = made.ok_or(Refusal::Conflict("there is an administrator already"))?;
    Ok(link(gate, &made))
}

fn of_name(gate: &Gate, name: &str) -> Result<hinomi_access::AccountId, Refusal> {
    gate.registry().named(name).map(|account| account.id).ok_or(Refusal::NotFound)
}

fn invite(
    gate: &mut Gate,
    root: &Principal,
    (name, display, roles): (&str, &str, &[String]),
    (now, entropy): (Moment, &dyn Entropy),
) -> Result<Answer, Refusal> {
    let what = "NAME: small letters, digits, dots, dashes and underscores";
    let name: Name = name.parse().map_err(|_| Refusal::Senseless(what))?;
    let roles: Option<Roles> = roles.iter().map(|role| Role::named(role)).collect();
    let roles = roles.ok_or(Refusal::Senseless(
        "roles: viewer, analyst, responder, auditor, administrator, privacy_officer",
    ))?;
    let made = gate.invite(root, (&name, display, &roles), now, entropy)?;
    Ok(link(gate, &made))
}

fn list(registry: &Registry) -> Vec<Listed> {
    registry.accounts().map(|account| listed(registry, account)).collect()
}

fn identities(account: &Account) -> Vec<[String; 2]> {
    let linked = account.factors().into_iter().flat_map(hinomi_access::Factors::iter);
    let linked = linked.filter_map(|factor| match factor {
        Factor::Provider(provider) => Some(provider.identity()),
        _ => None,
    });
    let text = |identity: &Identity| [identity.issuer().to_owned(), identity.subject().to_owned()];
    linked.chain(&account.expected).map(text).collect()
}

fn listed(registry: &Registry, account: &Account) -> Listed {
    let state = match &account.standing {
        _ if registry.must_enrol(account) => "must_enrol",
        Standing::Invited => "invited",
        Standing::Active { .. } => "active",
        Standing::Disabled => "disabled",
    };
    let factors = account.factors().into_iter().flat_map(hinomi_access::Factors::iter);
    Listed {
        id: account.id.to_string(),
        name: account.name.to_string(),
        display: account.display.clone(),
        state: state.to_owned(),
        roles: account.roles.iter().map(|role| role.name().to_owned()).collect(),
        factors: factors.map(|factor| factor.kind().name().to_owned()).collect(),
        identities: identities(account),
        last_sign_in: account.last_sign_in.map(time),
    }
}

/// Asks the server at work on a data directory; `None` when none is.
///
/// # Errors
/// What the socket says.
pub fn ask(data: &Path, question: &Question) -> io::Result<Option<Answer>> {
    let mut stream = match UnixStream::connect(socket(data)) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let question = serde_json::to_string(question)?;
    stream.write_all(format!("{question}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new((&stream).take(LONGEST_ANSWER)).read_line(&mut line)?;
    serde_json::from_str(&line).map(Some).map_err(io::Error::other)
}
