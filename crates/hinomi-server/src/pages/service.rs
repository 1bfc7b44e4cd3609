//! From a request to its answer.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hinomi_access::{Gate, Moment, Origin, Secret};
use hinomi_model::{Clock, Entropy};

use super::answer::Answer;
use super::asked::Asked;
use super::cookie::Cookies;
use super::embedded::Files;
use super::events::{Follower, Hub};
use super::guard;
use super::headers::{self, Keeping};
use super::passwords::Places;
use super::problem::{Code, Problem};
use super::provider::Provider;
use super::read::{Question, ReadModel};
use super::route::{self, Does, Needs, Route};
use super::setting::Place;
use crate::http::{Admission, Reply, Request, Response, Service};

/// A page says with it that it asks by itself: nobody is there because of that.
const UNATTENDED: &str = "x-hinomi-unattended";
/// Seconds between two looks at what has ended.
const LOOK: i64 = 60;

/// What pages need of the rest of the program.
#[derive(Clone)]
pub struct Around {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random numbers.
    pub entropy: Arc<dyn Entropy>,
    /// What is read.
    pub reads: Arc<dyn ReadModel>,
}

/// Pages and the interface behind them.
pub struct Pages {
    gate: Arc<Mutex<Gate>>,
    place: Place,
    cookies: Cookies,
    around: Around,
    places: Places,
    provider: Option<Provider>,
    files: Files,
    looked: AtomicI64,
    hub: Arc<Hub>,
}

impl Pages {
    /// Pages at a place, behind a gate.
    pub fn new(gate: Arc<Mutex<Gate>>, place: Place, around: Around) -> Self {
        let (cookies, places, files) = (Cookies::new(place.secure), Places::default(), Files::built());
        let shared = (around.reads.clone(), &*around.entropy);
        let hub = Arc::new(Hub::new(gate.clone(), around.clock.clone(), shared));
        let (provider, looked) = (None, AtomicI64::new(i64::MIN));
        Self { gate, place, cookies, around, places, provider, files, looked, hub }
    }

    /// People can come through this provider, too.
    #[must_use]
    pub fn with_provider(self, provider: Option<Provider>) -> Self {
        Self { provider, ..self }
    }

    pub(super) fn provider(&self) -> Option<&Provider> {
        self.provider.as_ref()
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn entropy(&self) -> &dyn Entropy {
        &*self.around.entropy
    }

    pub(super) fn cookies(&self) -> Cookies {
        self.cookies
    }

    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    pub(super) fn origin(&self) -> &str {
        &self.place.origin
    }

    fn now(&self) -> Moment {
        self.around.clock.now().into()
    }

    /// The answer to a whole request.
    pub fn handle(&self, request: &Request) -> Response {
        if request.path.starts_with("/api/") {
            let response = match self.api(request) {
                Ok(answer) => answer.response(),
                Err(problem) => problem.response(is_japanese(request)),
            };
            let bodyless = request.method == "HEAD";
            let response = if bodyless { Response { body: Vec::new(), ..response } } else { response };
            return headers::guard(response, Keeping::Never, self.place.secure);
        }
        let (response, keeping) = self.file(request);
        headers::guard(response, keeping, self.place.secure)
    }

    fn file(&self, request: &Request) -> (Response, Keeping) {
        let refused = |problem: Problem| (problem.response(is_japanese(request)), Keeping::Never);
        if !guard::is_safe(&request.method) {
            return refused(Problem::method("GET, HEAD".to_owned()));
        }
        if guard::meant_for(request, &self.place.authority).is_err() {
            // People who typed the address come to the name; passkeys work there only.
            let there = format!("{}/", self.place.origin);
            let text = format!("{there}\n");
            return (Response::text(307, text).with("location", there), Keeping::Never);
        }
        self.files.answer(request).unwrap_or_else(|| refused(Problem::new(Code::NotFound)))
    }

    fn api(&self, request: &Request) -> Result<Answer, Problem> {
        let (route, asked) = self.let_in(request)?;
        match route.does {
            Does::Here(answer) => answer(self, &asked),
            Does::Reads => self.reads(route, &asked),
            Does::Follows => Err(Problem::because(Code::BadRequest, "only a connection carries events")),
        }
    }

    /// Events for whoever may read, as long as they are in.
    fn follow(&self, request: &Request) -> Result<Follower, Problem> {
        let (_, asked) = self.let_in(request)?;
        let session = asked.session.as_ref().map(Secret::digest);
        let principal = asked.principal()?.clone();
        self.hub.join((principal, session), request.header("last-event-id"))
    }

    /// The row of a request, and the request, from somebody who may ask it.
    fn let_in<'r>(&self, request: &'r Request) -> Result<(&'static Route, Asked<'r>), Problem> {
        guard::meant_for(request, &self.place.authority)?;
        let (route, parts) = route::find(&request.method, &request.path)?;
        let now = self.now();
        self.look(now)?;
        let mut asked = Asked {
            request,
            parts,
            now,
            from: Origin::of(request.address),
            principal: None,
            session: None,
            device: self.cookies.read_device(request),
        };
        self.identify(&mut asked, route)?;
        // Whoever brings a token brings it themselves: no browser adds it.
        if !guard::is_safe(&request.method) && request.header("authorization").is_none() {
            guard::same_site(request, &self.place.origin)?;
        }
        match route.needs {
            Needs::Anyone => {}
            Needs::SignedIn => drop(asked.session()?),
            Needs::Right(right) => asked.needs(right)?,
        }
        Ok((route, asked))
    }

    /// Who asks: a token if there is one, else the session of a cookie. What nobody asked for by hand keeps no session open.
    fn identify(&self, asked: &mut Asked<'_>, route: &Route) -> Result<(), Problem> {
        if let Some(header) = asked.request.header("authorization") {
            let token = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            let token = token.ok_or(Problem::new(Code::NotSignedIn))?.1.trim();
            let principal = self.gate().by_token(&Secret::brought(token), &asked.from, asked.now)?;
            asked.principal = Some(principal);
            return Ok(());
        }
        asked.session = self.cookies.read_session(asked.request);
        if let Some(session) = &asked.session {
            let by_itself = matches!(route.does, Does::Follows) || asked.request.header(UNATTENDED).is_some();
            asked.principal = if by_itself {
                self.gate().seen_session(session, asked.now)
            } else {
                self.gate().by_session(session, asked.now)
            };
        }
        Ok(())
    }

    /// What answers about evidence.
    pub(super) fn model(&self) -> &dyn ReadModel {
        &*self.around.reads
    }

    fn reads(&self, route: &Route, asked: &Asked<'_>) -> Result<Answer, Problem> {
        let principal = asked.principal()?;
        if !asked.request.body.is_empty() && !guard::is_safe(&asked.request.method) {
            asked.is_json()?;
        }
        let names = self.gate().names(principal, asked.now);
        let question = Question {
            operation: route.operation,
            principal,
            names: &names,
            parts: &asked.parts,
            query: &asked.request.query,
            body: &asked.request.body,
            version: asked.request.header("if-match").map(|_| asked.version()).transpose()?,
            japanese: is_japanese(asked.request),
        };
        let answer = self.around.reads.read(&question)?;
        // Before it leaves: what cannot be written down does not leave.
        if let Some(what) = &answer.sought {
            self.gate().sought(principal, (route.operation, what), asked.now)?;
        }
        self.gate().shown(principal, &names, asked.now)?;
        Ok(Answer::told(answer))
    }

    fn look(&self, now: Moment) -> Result<(), Problem> {
        let last = self.looked.load(Ordering::Relaxed);
        let seconds = now.as_seconds();
        if seconds.saturating_sub(last) < LOOK {
            return Ok(());
        }
        self.looked.store(seconds, Ordering::Relaxed);
        Ok(self.gate().tick(now)?)
    }
}

/// Whether Japanese is wanted before English.
fn is_japanese(request: &Request) -> bool {
    let wanted = request.header("accept-language").unwrap_or_default();
    let first = wanted.split(',').map(str::trim).find(|tag| tag.starts_with("ja") || tag.starts_with("en"));
    first.is_some_and(|tag| tag.starts_with("ja"))
}

impl Service for Pages {
    type Room = ();

    fn admit(&self, _: &Request) -> Result<Admission<()>, Response> {
        Ok(Admission::Whole(()))
    }

    fn no_room(&self, (): &()) -> Response {
        self.too_large()
    }

    fn too_large(&self) -> Response {
        let response = Problem::new(Code::BodyTooLarge).response(false);
        headers::guard(response, Keeping::Never, self.place.secure)
    }

    fn answer(&self, request: Request, (): ()) -> Reply {
        if !route::follows(&request.method, &request.path) {
            return Reply::Now(self.handle(&request));
        }
        let guarded = |response| headers::guard(response, Keeping::Never, self.place.secure);
        match self.follow(&request) {
            Ok(follower) => {
                let head = Response { content_type: "text/event-stream", ..Response::bytes(200, Vec::new()) };
                // What stands in between must not hold events back.
                Reply::Going(guarded(head.with("x-accel-buffering", "no")), Box::new(follower))
            }
            Err(problem) => Reply::Now(guarded(problem.response(is_japanese(&request)))),
        }
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("place", &self.place).finish_non_exhaustive()
    }
}
