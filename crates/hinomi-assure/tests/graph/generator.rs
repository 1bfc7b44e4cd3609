//! Directories of any size, drawn from a seed: departments with users and workstations, nested groups, servers, a help
//! desk, three tiers, sessions, local administrators, access lists with the noise that years leave behind, and a few dozen
//! of the mistakes that lead to the top.

use std::sync::Arc;

use hinomi_assure::graph::{Bounds, Builder, Catalogue, Graph, NodeId, PlaceId};

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub nodes: u32,
    pub edges: u32,
    pub seed: u64,
}

/// Parts of a directory, as ranges of its nodes.
#[derive(Clone, Copy, Debug)]
struct Parts {
    users: u32,
    workstations: u32,
    servers: u32,
    groups: u32,
    services: u32,
    admins: u32,
    units: u32,
}

const TOP_ADMINS: u32 = 12;
const CONTROLLERS: u32 = 6;
const BACKUPS: u32 = 8;

/// `SplitMix64` (Steele, Lea and Flood 2014).
pub struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound.max(1))) >> 32) as u32
    }

    fn one_in(&mut self, chance: u32) -> bool {
        self.below(chance) == 0
    }

    /// Small numbers much more often than large ones, as popular groups are.
    fn skewed(&mut self, bound: u32) -> u32 {
        let bound = self.below(bound) + 1;
        self.below(bound)
    }
}

struct Directory {
    builder: Builder,
    draw: Draw,
    parts: Parts,
    place: PlaceId,
    left: u32,
}

/// Builds the directory; not finished yet, so that the caller can measure that.
pub fn directory(shape: Shape) -> Builder {
    let mut builder = Builder::new(Arc::new(Catalogue::bundled().unwrap()), Bounds::default());
    let document = builder.document("generated");
    let place = builder.place(document, 0);
    let n = shape.nodes.max(1000);
    let groups = n / 12;
    let parts = Parts {
        users: n / 100 * 60,
        workstations: n / 100 * 26,
        servers: n / 50,
        groups,
        services: n / 100,
        admins: n / 500,
        units: n / 100,
    };
    let draw = Draw(shape.seed);
    let mut directory = Directory { builder, draw, parts, place, left: shape.edges };
    directory.nodes();
    directory.structure();
    directory.memberships();
    directory.hosts();
    directory.top();
    directory.noise();
    directory.builder
}

/// Ordinary users, and what nobody of them may reach.
pub fn users_and_jewels(graph: &Graph) -> (Vec<NodeId>, Vec<NodeId>) {
    let ordinary = |n: &NodeId| graph.node(*n).id.starts_with("user");
    (graph.nodes().filter(ordinary).collect(), graph.crown_jewels())
}

impl Directory {
    fn nodes(&mut self) {
        let p = self.parts;
        let kinds = [
            ("user", "account", p.users),
            ("ws", "host", p.workstations),
            ("srv", "host", p.servers),
            ("group", "group", p.groups),
            ("svc", "account", p.services),
            ("adm", "account", p.admins),
            ("ou", "unit", p.units),
            ("top", "account", TOP_ADMINS),
            ("dc", "host", CONTROLLERS),
            ("backup", "backup-copy", BACKUPS),
        ];
        for (name, kind, count) in kinds {
            for number in 0..count {
                let id = format!("{name}{number}");
                let shown = format!("{}@EXAMPLE.TEST", id.to_uppercase());
                assert!(self.builder.describe(&id, kind, &shown, false));
            }
        }
        for (id, kind) in
            [("dom", "domain"), ("dom-512", "group"), ("dom-513", "group"), ("dom-516", "group")]
        {
            assert!(self.builder.describe(id, kind, id, false));
        }
    }

    fn edge(&mut self, from: String, kind: &str, to: String) {
        self.builder.edge(&from, kind, &to, kind == "has-session", self.place);
        self.left = self.left.saturating_sub(1);
    }

    /// A group for a purpose: departments first, then servers' administrators, then the help desk.
    fn department(&mut self, of: u32, all: u32) -> u32 {
        let departments = self.parts.groups / 2;
        (u64::from(of) * u64::from(departments) / u64::from(all.max(1))) as u32
    }

    fn structure(&mut self) {
        let p = self.parts;
        for (name, count) in [
            ("user", p.users),
            ("ws", p.workstations),
            ("srv", p.servers),
            ("svc", p.services),
            ("adm", p.admins),
        ] {
            for number in 0..count {
                // Units hold neighbours; servers and administrators sit in the first ones.
                let spread = if matches!(name, "user" | "ws") { p.units } else { p.units / 20 + 1 };
                let unit = (u64::from(number) * u64::from(spread) / u64::from(count)) as u32;
                self.edge(format!("ou{unit}"), "contains", format!("{name}{number}"));
            }
        }
        for unit in 1..p.units {
            let parent = self.draw.below(unit.min(p.units / 20 + 1));
            self.edge(format!("ou{parent}"), "contains", format!("ou{unit}"));
        }
        self.edge("dom".into(), "contains", "ou0".into());
    }

    fn memberships(&mut self) {
        let p = self.parts;
        for user in 0..p.users {
            self.edge(format!("user{user}"), "member-of", "dom-513".into());
            let department = self.department(user, p.users);
            self.edge(format!("user{user}"), "member-of", format!("group{department}"));
            for _ in 0..2 {
                let group = self.draw.skewed(p.groups / 2);
                self.edge(format!("user{user}"), "member-of", format!("group{group}"));
            }
        }
        for group in 0..p.groups {
            if self.draw.one_in(3) {
                // Mostly upwards; one in fifty goes back, so that circles exist.
                let other = if self.draw.one_in(50) { self.draw.below(p.groups) } else { group / 2 };
                self.edge(format!("group{group}"), "member-of", format!("group{other}"));
            }
        }
        // Service accounts and administrators are in the upper half, which ordinary users are not in.
        let upper = p.groups / 2;
        for (name, count) in [("svc", p.services), ("adm", p.admins)] {
            for number in 0..count {
                for _ in 0..3 {
                    let group = upper + self.draw.below(p.groups - upper);
                    self.edge(format!("{name}{number}"), "member-of", format!("group{group}"));
                }
            }
        }
    }

    fn hosts(&mut self) {
        let p = self.parts;
        let upper = p.groups / 2;
        for host in 0..p.workstations {
            let user = (u64::from(host) * u64::from(p.users) / u64::from(p.workstations)) as u32;
            self.edge(format!("ws{host}"), "has-session", format!("user{user}"));
            if self.draw.one_in(4) {
                let other = self.draw.below(p.users);
                self.edge(format!("ws{host}"), "has-session", format!("user{other}"));
            }
            if self.draw.one_in(12) {
                self.edge(format!("user{user}"), "admin-of", format!("ws{host}"));
            }
            // The help desk signs in everywhere.
            if self.draw.one_in(30) {
                let admin = self.draw.below(p.admins);
                self.edge(format!("ws{host}"), "has-session", format!("adm{admin}"));
            }
            let desk = p.groups - 1 - self.draw.skewed(upper / 8);
            self.edge(format!("group{desk}"), "admin-of", format!("ws{host}"));
        }
        for host in 0..p.servers {
            for _ in 0..3 {
                let group = upper + self.draw.below(upper / 2);
                self.edge(format!("group{group}"), "admin-of", format!("srv{host}"));
            }
            for _ in 0..2 {
                let service = self.draw.below(p.services);
                self.edge(format!("srv{host}"), "has-session", format!("svc{service}"));
            }
            if self.draw.one_in(3) {
                let group = self.draw.below(upper);
                self.edge(format!("group{group}"), "can-rdp", format!("srv{host}"));
            }
            if self.draw.one_in(5) {
                let admin = self.draw.below(p.admins);
                self.edge(format!("srv{host}"), "has-session", format!("adm{admin}"));
            }
        }
    }

    /// Tier 0, the backups, and the mistakes that lead there.
    fn top(&mut self) {
        let p = self.parts;
        for top in 0..TOP_ADMINS {
            self.edge(format!("top{top}"), "member-of", "dom-512".into());
        }
        for dc in 0..CONTROLLERS {
            self.edge(format!("dc{dc}"), "member-of", "dom-516".into());
            self.edge(format!("dc{dc}"), "dc-for", "dom".into());
            self.edge("dom-512".into(), "admin-of", format!("dc{dc}"));
        }
        self.edge("dom-512".into(), "generic-all", "dom".into());
        let mistakes = 40 + p.servers / 100;
        for mistake in 0..mistakes {
            let top = self.draw.below(TOP_ADMINS);
            let server = self.draw.below(p.servers);
            let service = self.draw.below(p.services);
            let upper = p.groups / 2 + self.draw.below(p.groups / 2);
            match mistake % 6 {
                0 => self.edge(format!("srv{server}"), "has-session", format!("top{top}")),
                1 => self.edge(format!("group{upper}"), "can-reset-password", format!("top{top}")),
                2 => self.edge(format!("svc{service}"), "write-dacl", "dom-512".into()),
                3 => {
                    let backup = self.draw.below(BACKUPS);
                    self.edge(format!("svc{service}"), "can-delete", format!("backup{backup}"));
                }
                4 => {
                    let dc = self.draw.below(CONTROLLERS);
                    self.edge(format!("group{upper}"), "can-rdp", format!("dc{dc}"));
                }
                _ => self.edge(format!("svc{service}"), "generic-write", "ou0".into()),
            }
        }
    }

    /// Access lists, until the number of edges is reached: half of them tier 0's on everything, the rest delegations,
    /// owners, and rights that nobody remembers.
    fn noise(&mut self) {
        let p = self.parts;
        let rights =
            ["generic-all", "generic-write", "write-dacl", "write-owner", "can-reset-password", "add-member"];
        let upper = p.groups / 2;
        while self.left > 0 {
            let right = rights[self.draw.below(rights.len() as u32) as usize];
            let target = match self.draw.below(100) {
                0..=59 => format!("user{}", self.draw.below(p.users)),
                60..=84 => format!("ws{}", self.draw.below(p.workstations)),
                85..=94 => format!("group{}", self.draw.below(p.groups)),
                95..=97 => format!("srv{}", self.draw.below(p.servers)),
                98 => format!("svc{}", self.draw.below(p.services)),
                _ => format!("ou{}", 1 + self.draw.below(p.units - 1)),
            };
            match self.draw.below(1000) {
                0..=299 => self.edge("dom-512".into(), right, target),
                300..=899 => {
                    let group = upper + self.draw.below(upper);
                    self.edge(format!("group{group}"), right, target);
                }
                900..=989 => {
                    let admin = self.draw.below(p.admins);
                    self.edge(format!("adm{admin}"), right, target);
                }
                // Ordinary groups hold rights too, mostly on each other.
                _ => {
                    let group = self.draw.below(upper);
                    self.edge(format!("group{group}"), right, target);
                }
            }
        }
    }
}

#[test]
fn a_generated_directory_is_cut_and_the_cut_is_proven() {
    use hinomi_assure::graph::{CutQuestion, Passage};
    let shape = Shape { nodes: 5_000, edges: 40_000, seed: 1 };
    let (graph, diagnostics) = directory(shape).finish();
    assert!(diagnostics.is_empty());
    let (users, jewels) = users_and_jewels(&graph);
    let question = CutQuestion::new(&users, &jewels);
    let answer = graph.minimum_cut(&question).unwrap();
    assert!(answer.cost > 10 && answer.inseparable.is_empty(), "{answer:?}");
    assert_eq!(answer.cost, answer.flow);
    assert!(graph.separates(&answer.edges, &users, &jewels, Passage::default()));
    let ways = graph.ways_through(&answer.edges, &question);
    assert!(ways.iter().all(|way| !way.is_empty()), "every edge of the cut is needed");
    let (again, _) = directory(shape).finish();
    assert_eq!(graph.difference(&again), hinomi_assure::graph::Difference::default());
}
