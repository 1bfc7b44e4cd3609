//! What happened, as it is written down.

use serde::{Deserialize, Serialize};

use crate::delivery::{Address, Delivery};
use crate::{Acknowledgement, Alert, AlertId, Moment};

/// A fact, its number and its time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Counted from 0 without gaps.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

/// Something that happened to alerts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Fact {
    /// An alert was made.
    Made {
        /// It.
        alert: Box<Alert>,
    },
    /// More signals of an alert.
    Joined {
        /// Which.
        alert: AlertId,
        /// How many.
        count: u64,
        /// Time of the last.
        last: Option<String>,
        /// Ids, as far as there is room.
        signals: Vec<String>,
        /// Where their events stand.
        evidence: Vec<String>,
    },
    /// A step of the policy was taken.
    Climbed {
        /// Of which alert.
        alert: AlertId,
        /// The policy; another than before if the configuration changed.
        policy: String,
        /// Steps that were taken in this round.
        taken: usize,
        /// The round.
        round: u64,
        /// When the round began.
        began: Moment,
        /// When the next step is due.
        next: Option<Moment>,
        /// Who is told.
        told: Vec<Address>,
    },
    /// Nothing of a step arrives, so that the next one is due now.
    Hastened {
        /// Of which alert.
        alert: AlertId,
    },
    /// No acknowledgement is expected.
    Told {
        /// Of which alert.
        alert: AlertId,
    },
    /// Somebody takes care.
    Acknowledged {
        /// Of which alert.
        alert: AlertId,
        /// Who.
        who: Acknowledgement,
    },
    /// A message was made.
    Queued {
        /// It.
        delivery: Delivery,
    },
    /// An alert waits for a summary: of quiet hours, or because there are too many messages.
    Held {
        /// For whom.
        to: Address,
        /// Which.
        alert: AlertId,
        /// Until when.
        until: Moment,
    },
    /// What was held is in a message now.
    Released {
        /// For whom.
        to: Address,
    },
    /// An attempt failed.
    Failed {
        /// Which message.
        delivery: u64,
        /// To which sink.
        sink: String,
        /// Why.
        why: String,
        /// When it is tried again.
        next: Moment,
    },
    /// A message arrived.
    Sent {
        /// Which.
        delivery: u64,
        /// To whom.
        to: Address,
        /// What it told of.
        alerts: Vec<AlertId>,
    },
    /// A message is given up for good.
    GivenUp {
        /// Which.
        delivery: u64,
        /// To whom.
        to: Address,
        /// What it told of.
        alerts: Vec<AlertId>,
        /// Why.
        why: String,
    },
    /// A message is no longer needed.
    Withdrawn {
        /// Which.
        delivery: u64,
    },
    /// Others are on shift.
    OnShift {
        /// In which rota.
        rota: String,
        /// Who.
        people: Vec<String>,
    },
    /// The clock went back; timers go with it.
    ClockBack {
        /// By how much.
        millis: u64,
    },
    /// Closed alerts that are no longer kept here.
    Forgotten {
        /// Which.
        alerts: Vec<AlertId>,
    },
}
