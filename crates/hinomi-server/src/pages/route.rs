//! The table of what can be asked. What is not in it does not exist.

use hinomi_access::Permission;

use super::answer::Answer;
use super::asked::Asked;
use super::problem::Problem;
use super::service::Pages;
use super::{accounts, audit, enrolment, factors, provider, session, tokens, unmask};

/// What an endpoint needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Needs {
    /// Nothing.
    Anyone,
    /// A session of any account.
    SignedIn,
    /// A right; a token with this scope does, too.
    Right(Permission),
}

/// What answers.
#[derive(Clone, Copy)]
pub(super) enum Does {
    /// A function of this crate.
    Here(fn(&Pages, &Asked<'_>) -> Result<Answer, Problem>),
    /// The read model.
    Reads,
    /// An answer that goes on: events.
    Follows,
}

/// A row.
#[derive(Clone, Copy)]
pub(super) struct Route {
    pub(super) method: &'static str,
    /// As in the contract: `{name}` is one part.
    pub(super) path: &'static str,
    /// `operationId` of the contract.
    pub(super) operation: &'static str,
    pub(super) needs: Needs,
    pub(super) does: Does,
}

const fn here(
    method: &'static str,
    path: &'static str,
    operation: &'static str,
    needs: Needs,
    does: fn(&Pages, &Asked<'_>) -> Result<Answer, Problem>,
) -> Route {
    Route { method, path, operation, needs, does: Does::Here(does) }
}

/// A row that the read model answers; it needs a right.
const fn reads(
    method: &'static str,
    path: &'static str,
    operation: &'static str,
    right: Permission,
) -> Route {
    Route { method, path, operation, needs: Needs::Right(right), does: Does::Reads }
}

use Needs::{Anyone, Right, SignedIn};
use Permission::{
    AccountsManage, AccountsRead, AuditRead, Investigate, Read, Respond, Search, TokensOwn, UnmaskApprove,
    UnmaskAsk,
};

/// Endpoints of evidence: rows made with [`reads`].
const EVIDENCE: [Route; 38] = [
    reads("GET", "/api/v1/today", "readToday", Read),
    reads("GET", "/api/v1/questions", "readAnswers", Read),
    reads("GET", "/api/v1/incidents", "listIncidents", Read),
    reads("GET", "/api/v1/incidents/{id}", "readIncident", Read),
    reads("PATCH", "/api/v1/incidents/{id}", "changeIncident", Respond),
    reads("GET", "/api/v1/incidents/{id}/detections", "listIncidentDetections", Read),
    reads("POST", "/api/v1/incidents/{id}/notes", "addNote", Investigate),
    reads("POST", "/api/v1/incidents/{id}/decisions", "addDecision", Respond),
    reads("POST", "/api/v1/incidents/{id}/clocks", "startClock", Respond),
    reads("POST", "/api/v1/incidents/{id}/clocks/{clock}/closing", "closeClock", Respond),
    reads("GET", "/api/v1/incidents/{id}/export", "exportIncident", Read),
    reads("GET", "/api/v1/records", "readRecord", Search),
    reads("GET", "/api/v1/proofs", "readProof", Search),
    reads("GET", "/api/v1/search", "search", Search),
    reads("GET", "/api/v1/search/histogram", "readHistogram", Search),
    reads("POST", "/api/v1/query", "query", Search),
    reads("GET", "/api/v1/hunts", "listHunts", Search),
    reads("POST", "/api/v1/hunts", "saveHunt", Search),
    reads("DELETE", "/api/v1/hunts/{id}", "removeHunt", Search),
    reads("GET", "/api/v1/sources", "listSources", Read),
    reads("GET", "/api/v1/sources/rhythm", "readRhythm", Read),
    reads("GET", "/api/v1/rules", "listRules", Read),
    reads("GET", "/api/v1/rules/{id}", "readRule", Read),
    reads("GET", "/api/v1/suppressions", "listSuppressions", Read),
    reads("POST", "/api/v1/suppressions", "addSuppression", Investigate),
    reads("POST", "/api/v1/suppressions/{id}/end", "endSuppression", Investigate),
    reads("GET", "/api/v1/coverage", "readCoverage", Read),
    reads("GET", "/api/v1/claims", "listClaims", Read),
    reads("GET", "/api/v1/claims/{id}", "readClaim", Read),
    reads("GET", "/api/v1/exceptions", "listExceptions", Read),
    reads("GET", "/api/v1/suppliers", "listSuppliers", Read),
    reads("GET", "/api/v1/board", "readBoard", Read),
    reads("GET", "/api/v1/ledger", "readLedger", Read),
    reads("GET", "/api/v1/ledger/checkpoints", "listCheckpoints", Read),
    reads("GET", "/api/v1/alerts", "listAlerts", Read),
    reads("POST", "/api/v1/alerts/{id}/acknowledgement", "acknowledgeAlert", Respond),
    reads("GET", "/api/v1/health", "readHealth", Read),
    Route {
        method: "GET",
        path: "/api/v1/events",
        operation: "followEvents",
        needs: Needs::Right(Read),
        does: Does::Follows,
    },
];

/// Endpoints of access.
const ACCESS: [Route; 36] = [
    here("GET", "/api/v1/session", "readSession", Anyone, session::read),
    here("DELETE", "/api/v1/session", "signOut", SignedIn, session::sign_out),
    here("POST", "/api/v1/session/passkey/options", "signInOptions", Anyone, session::options),
    here("POST", "/api/v1/session/passkey", "signInPasskey", Anyone, session::passkey),
    here("POST", "/api/v1/session/password", "signInPassword", Anyone, session::password),
    here("POST", "/api/v1/session/provider", "beginProvider", Anyone, provider::begin),
    here("POST", "/api/v1/session/provider/return", "finishProvider", Anyone, provider::finish),
    here(
        "POST",
        "/api/v1/session/provider/factor/options",
        "providerFactorOptions",
        Anyone,
        provider::second_options,
    ),
    here("POST", "/api/v1/session/provider/factor", "proveProviderFactor", Anyone, provider::second),
    here("POST", "/api/v1/session/step-up/options", "stepUpOptions", SignedIn, session::step_up_options),
    here("POST", "/api/v1/session/step-up", "stepUp", SignedIn, session::step_up),
    here("POST", "/api/v1/enrolment", "readEnrolment", Anyone, enrolment::read),
    here("POST", "/api/v1/enrolment/passkey/options", "enrolPasskeyOptions", Anyone, enrolment::options),
    here("POST", "/api/v1/enrolment/passkey", "enrolPasskey", Anyone, enrolment::passkey),
    here("POST", "/api/v1/enrolment/password/options", "enrolPasswordOptions", Anyone, enrolment::generator),
    here("POST", "/api/v1/enrolment/password", "enrolPassword", Anyone, enrolment::password),
    here("GET", "/api/v1/factors", "listFactors", SignedIn, factors::list),
    here("POST", "/api/v1/factors/passkey/options", "addPasskeyOptions", SignedIn, factors::options),
    here("POST", "/api/v1/factors/passkey", "addPasskey", SignedIn, factors::add),
    here("DELETE", "/api/v1/factors/{factor}", "removeFactor", SignedIn, factors::remove),
    here("GET", "/api/v1/accounts", "listAccounts", Right(AccountsRead), accounts::list),
    here("POST", "/api/v1/accounts", "invite", Right(AccountsManage), accounts::invite),
    here("GET", "/api/v1/accounts/{account}", "readAccount", Right(AccountsRead), accounts::read),
    here("PATCH", "/api/v1/accounts/{account}", "changeAccount", Right(AccountsManage), accounts::change),
    here(
        "POST",
        "/api/v1/accounts/{account}/disable",
        "disableAccount",
        Right(AccountsManage),
        accounts::disable,
    ),
    here("POST", "/api/v1/accounts/{account}/link", "reEnrol", Right(AccountsManage), accounts::link),
    here("GET", "/api/v1/tokens", "listTokens", Right(TokensOwn), tokens::list),
    here("POST", "/api/v1/tokens", "makeToken", Right(TokensOwn), tokens::make),
    here("DELETE", "/api/v1/tokens/{token}", "revokeToken", Right(TokensOwn), tokens::revoke),
    here("GET", "/api/v1/unmask", "listUnmask", SignedIn, unmask::list),
    here("POST", "/api/v1/unmask", "askUnmask", Right(UnmaskAsk), unmask::ask),
    here("POST", "/api/v1/unmask/{unmask}/decision", "decideUnmask", Right(UnmaskApprove), unmask::decide),
    here("GET", "/api/v1/audit", "listAudit", Right(AuditRead), audit::list),
    here("GET", "/api/v1/openapi.json", "readContract", Anyone, audit::contract),
    // A HEAD is answered as a GET without its body.
    here("HEAD", "/api/v1/session", "", Anyone, session::read),
    here("HEAD", "/api/v1/openapi.json", "", Anyone, audit::contract),
];

/// A row of the table, for whoever compares it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Listed {
    /// `GET` …
    pub method: &'static str,
    /// As in the contract.
    pub path: &'static str,
    /// `operationId` of the contract.
    pub operation: &'static str,
    /// `anyone`, `signed_in`, or the name of a right.
    pub needs: &'static str,
}

fn rows() -> impl Iterator<Item = &'static Route> {
    ACCESS.iter().chain(&EVIDENCE)
}

/// The table, without its functions.
pub fn routes() -> impl Iterator<Item = Listed> {
    rows().filter(|route| !route.operation.is_empty()).map(|route| {
        let needs = match route.needs {
            Anyone => "anyone",
            SignedIn => "signed_in",
            Right(right) => right.name(),
        };
        Listed { method: route.method, path: route.path, operation: route.operation, needs }
    })
}

/// Whether a request is for an answer that goes on.
pub(super) fn follows(method: &str, path: &str) -> bool {
    find(method, path).is_ok_and(|(route, _)| matches!(route.does, Does::Follows))
}

/// Parts of a path that a route names.
pub(super) type Parts<'p> = Vec<(&'static str, &'p str)>;

/// The row of a request, or why there is none.
pub(super) fn find<'p>(method: &str, path: &'p str) -> Result<(&'static Route, Parts<'p>), Problem> {
    let mut others = Vec::new();
    for route in rows() {
        let Some(parts) = matched(route.path, path) else { continue };
        if route.method == method {
            return Ok((route, parts));
        }
        others.push(route.method);
    }
    if others.is_empty() {
        return Err(Problem::new(super::problem::Code::NotFound));
    }
    others.sort_unstable();
    others.dedup();
    Err(Problem::method(others.join(", ")))
}

fn matched<'p>(pattern: &'static str, path: &'p str) -> Option<Parts<'p>> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut parts = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parts),
            (Some(want), Some(part)) => {
                match want.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                    Some(name) if !part.is_empty() => parts.push((name, part)),
                    None if want == part => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}
