//! Who is told of what, when, and who after that: signals become alerts, alerts climb policies until somebody
//! acknowledges them, and every step is a fact that is written down.
//!
//! # Invariants
//! - [`Desk::step`] is a function of the desk, the plan, the time it is given and the event. It reads no clock and draws
//!   nothing.
//! - A desk is the sum of its steps: [`Desk::apply`] over all of them gives the same desk, also under another plan.
//! - An alert of level high or critical waits for no quiet hours. What is held back is counted and told in a summary.
//! - Everything is bounded: open alerts, closed ones that are kept, messages on their way and items of a summary.
//!
//! # Not here
//! Sending (`hinomi-server`); keeping steps on disk, reading detections and the socket (`hinomi`).

mod alert;
mod delivery;
mod desk;
mod moment;
mod plan;
mod quiet;
mod rota;
mod signal;
mod step;
mod text;

pub use alert::{Acknowledgement, Alert, AlertId, AlertIdError, Ladder, State};
pub use delivery::{Address, Delivery, Held, Outcome, Purpose};
pub use desk::{Acknowledged, Cursors, Desk, Event, MOST_OPEN, MOST_PENDING};
pub use moment::Moment;
pub use plan::{Language, Person, Plan, PlanError, Policy, Rung, Sink, Target};
pub use quiet::Quiet;
pub use rota::{Days, Override, Rota, Shift};
pub use signal::{Key, Kind, Signal};
pub use step::{Fact, Step};
pub use text::{Letter, Site, compose};
