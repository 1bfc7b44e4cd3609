//! What observations and sign-ins say of hosts, once it is known which host each name means.

use std::sync::Arc;

use hinomi_model::Timestamp;

use super::rows::Scene;
use crate::inventory::Resolved;
use crate::{Observation, ObservationKind, Session};

/// One thing that was said of a host.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct HostFact {
    /// The host; for flows the sender, which may be an address only.
    pub(super) host: Arc<str>,
    pub(super) time: Timestamp,
    pub(super) event: usize,
    pub(super) word: Word,
}

/// What was said.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Word {
    /// Another, or a log that is not its sensor's, saw it.
    Sighting,
    /// Its sensor is alive.
    Sensor,
    /// Its sensor is said to be alive from an address that is another host's.
    Elsewhere,
    /// An account is an administrator of it.
    Administrator(Arc<str>),
    /// It sent bytes.
    Flow(Box<Observation>),
}

/// What a sign-in says: the hosts that were entered, and the one it came from, were alive.
pub(super) fn of_session<'s>(
    session: &'s Session,
    from: Option<&'s Resolved>,
) -> impl Iterator<Item = HostFact> + 's {
    let (time, event) = (session.time, session.events.first().copied().unwrap_or_default());
    let hosts = session.devices.iter().chain(from).map(|host| Arc::clone(&host.id));
    hosts.map(move |host| HostFact { host, time, event, word: Word::Sighting })
}

/// What an observation says of a host; `None` for those of accounts only, and where no host is known.
pub(super) fn of_observation(scene: &Scene<'_>, seen: Observation) -> Option<HostFact> {
    let names = &scene.names;
    let kind = scene.material.specs.get(seen.rule)?.kind;
    let (time, event) = (seen.time, seen.event);
    let at = || names.host_at(seen.address.as_deref()?, time).map(|h| h.id);
    let device = || seen.device.as_deref().map(|d| names.host(d).id);
    let (host, word) = match kind {
        ObservationKind::Sighting => (device().or_else(at)?, Word::Sighting),
        ObservationKind::Sensor => {
            // It counts for its host unless it came from an address that is another's.
            let (host, sender) = (device()?, at());
            let is_foreign = sender.is_some_and(|s| s != host);
            (host, if is_foreign { Word::Elsewhere } else { Word::Sensor })
        }
        ObservationKind::Administrator => {
            let account = names.account(seen.account.as_deref()?, seen.account_id.as_deref()).id;
            (device()?, Word::Administrator(account))
        }
        ObservationKind::Flow => {
            let origin = seen.origin.as_deref().map(|o| names.host(o).id);
            let host = origin.or_else(at).or_else(|| seen.address.as_deref().map(Arc::from))?;
            (host, Word::Flow(Box::new(seen)))
        }
        _ => return None,
    };
    Some(HostFact { host, time, event, word })
}
