//! Server-sent events over real connections.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hinomi_access::{Principal, Role, Secret};
use hinomi_server::pages::{PagesAt, PagesSetup, Serving};

use crate::world::{Browser, HOST, World, world};

const PATIENCE: Duration = Duration::from_mins(1);

struct Served {
    serving: Serving,
    changes: Arc<AtomicU64>,
}

fn serve(world: World) -> (Served, Left) {
    let World { pages, gate, clock, changes, .. } = world;
    let at = PagesAt { at: ([127, 0, 0, 1], 0).into(), origin: None };
    let serving = PagesSetup { at, tls: None, provider: None }.bind().unwrap().start(pages).unwrap();
    (Served { serving, changes }, Left { gate, clock })
}

/// What is left of a world whose pages are served.
struct Left {
    gate: Arc<std::sync::Mutex<hinomi_access::Gate>>,
    clock: Arc<hinomi_testkit::seeded::ManualClock>,
}

impl Left {
    fn now(&self) -> hinomi_access::Moment {
        use hinomi_model::Clock as _;
        self.clock.now().into()
    }
}

/// A connection that follows.
struct Follower {
    lines: BufReader<TcpStream>,
    status: u16,
}

fn follow(at: SocketAddr, browser: &Browser, last: Option<&str>) -> Follower {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
    let head =
        format!("GET /api/v1/events HTTP/1.1\r\nhost: {HOST}\r\ncookie: {}\r\n{last}\r\n", browser.header());
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream);
    let mut status = String::new();
    lines.read_line(&mut status).unwrap();
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    Follower { lines, status }
}

impl Follower {
    /// The next line of which something is a part; `None` when it ends before.
    fn until(&mut self, wanted: &str) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            // The last chunk ends the answer; the connection stays for a while.
            if self.lines.read_line(&mut line).ok()? == 0 || line == "0\r\n" {
                return None;
            }
            if line.contains(wanted) {
                return Some(line.trim_end().to_owned());
            }
        }
    }

    /// The id and the part of the next event.
    fn event(&mut self) -> Option<(String, String)> {
        let id = self.until("id: ")?.trim_start_matches("id: ").to_owned();
        let data = self.until("data: ")?;
        assert!(data.starts_with("data: {\"what\":\"") && data.ends_with("\",\"id\":null}"), "{data}");
        Some((id, data[15..].split('"').next().unwrap().to_owned()))
    }

    fn greeted(mut self) -> Self {
        assert_eq!(self.status, 200);
        self.until("retry: ").unwrap();
        self
    }
}

#[test]
fn two_hundred_followers_hear_of_a_change_and_one_too_many_is_told_to_wait() {
    let world = world();
    let people: Vec<Browser> =
        (0..13).map(|number| world.somebody(&format!("p{number}"), &[Role::Viewer]).0).collect();
    let (served, _) = serve(world);
    let at = served.serving.address();
    let mut followers = Vec::new();
    for person in &people {
        followers.extend((0..16).map(|_| follow(at, person, None).greeted()));
    }
    assert_eq!(followers.len(), 208);
    let refused = follow(at, &people[0], None);
    assert_eq!(refused.status, 429, "the seventeenth of an account");
    served.changes.store(1, Ordering::Relaxed);
    for follower in &mut followers {
        let topics: Vec<String> = (0..2).map(|_| follower.event().unwrap().1).collect();
        assert_eq!(topics, ["incidents", "today"]);
    }
    // One goes, and there is room again.
    drop(followers.remove(0));
    let begun = Instant::now();
    while follow(at, &people[0], None).status == 429 {
        assert!(begun.elapsed() < PATIENCE, "the place of one that went is never free");
        served.changes.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(100));
    }
    // The server stops although all of them are there, and they see the end.
    let begun = Instant::now();
    drop(served);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let last = followers.last_mut().unwrap();
    while last.event().is_some() {}
}

#[test]
fn whoever_comes_again_hears_what_came_between_and_from_another_run_everything() {
    let world = world();
    let (person, _) = world.somebody("aoki", &[Role::Viewer]);
    let (served, _) = serve(world);
    let at = served.serving.address();
    let mut first = follow(at, &person, None).greeted();
    served.changes.store(1, Ordering::Relaxed);
    let (_, topic) = first.event().unwrap();
    let (id, _) = first.event().unwrap();
    assert_eq!(topic, "incidents");
    drop(first);
    served.changes.store(2, Ordering::Relaxed);
    let mut again = follow(at, &person, Some(&id));
    assert_eq!(again.event().unwrap().1, "incidents");
    for strange in ["00000000-1", "", "x", "\u{7f}", &"9".repeat(5_000), "0-99999999999999999999999"] {
        let mut other = follow(at, &person, Some(strange));
        if other.status != 200 {
            assert_eq!(other.status, 400, "{strange:.20}");
            continue;
        }
        let mut topics: Vec<String> = (0..5).map(|_| other.event().unwrap().1).collect();
        topics.sort();
        assert_eq!(topics, ["alerts", "incidents", "ledger", "sources", "today"], "{strange:.20}");
    }
}

#[test]
fn following_ends_with_the_session_the_account_and_the_time_and_keeps_no_session_open() {
    let world = world();
    let (out, _) = world.somebody("out", &[Role::Viewer]);
    let (disabled, _) = world.somebody("disabled", &[Role::Viewer]);
    let (idle, _) = world.somebody("idle", &[Role::Viewer]);
    let (served, world) = serve(world);
    let at = served.serving.address();
    assert_eq!(follow(at, &Browser::default(), None).status, 401);
    let mut followers: Vec<Follower> =
        [&out, &disabled, &idle].into_iter().map(|browser| follow(at, browser, None).greeted()).collect();
    {
        let mut gate = world.gate.lock().unwrap();
        let secret = Secret::brought(out.session().unwrap());
        let principal = gate.by_session(&secret, world.now()).unwrap();
        gate.sign_out(&principal, &secret, world.now()).unwrap();
        let root = Principal::command_line(None);
        let account = gate.registry().named("disabled").unwrap().id;
        gate.disable(&root, (account, None), world.now()).unwrap();
    }
    assert!(followers[0].until("never").is_none() && followers[1].until("never").is_none());
    served.changes.store(1, Ordering::Relaxed);
    assert_eq!(followers[2].event().unwrap().1, "incidents", "the others go on");
    // Half an hour without a request: it was followed all the time.
    world.clock.advance(29 * 60 * 1_000_000_000);
    served.changes.store(2, Ordering::Relaxed);
    assert!(followers[2].event().is_some());
    world.clock.advance(2 * 60 * 1_000_000_000);
    assert!(followers[2].until("never").is_none());
    assert_eq!(follow(at, &idle, None).status, 401);
}
