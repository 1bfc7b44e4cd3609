//! Questions to a server at work, over its socket: one line of JSON each way.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use hinomi_alert::{Acknowledgement, AlertId};
use serde::{Deserialize, Serialize};

use super::{AlertsError, socket};

/// Longest name and note that are taken, in characters.
pub(super) const LONGEST_NAME: usize = 100;
pub(super) const LONGEST_NOTE: usize = 1_000;
/// Longest answer.
const LONGEST_ANSWER: u64 = 64 * 1024;
/// Time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// To note that somebody takes care.
    Acknowledge {
        /// Of which alert.
        alert: AlertId,
        /// Who.
        by: String,
        /// What they write.
        note: String,
    },
    /// To send a test message.
    Test {
        /// To which sink.
        sink: String,
        /// Who asks.
        by: String,
    },
    /// What became of a message.
    Delivery {
        /// Which.
        id: u64,
    },
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The acknowledgement counts.
    Acknowledged,
    /// Somebody else did before.
    Before {
        /// Who and when.
        who: Acknowledgement,
    },
    /// There is no such alert, sink or message.
    Unknown,
    /// The test message is on its way.
    Queued {
        /// Its number.
        delivery: u64,
    },
    /// The message is on its way.
    OnItsWay,
    /// It arrived.
    Arrived,
    /// It was given up.
    GivenUp {
        /// Why.
        why: String,
    },
    /// The question makes no sense.
    Refused {
        /// Why.
        why: String,
    },
}

/// Asks the server at work on a data directory.
///
/// # Errors
/// [`AlertsError::Door`] when none answers.
pub fn ask(data: &Path, question: &Question) -> Result<Answer, AlertsError> {
    let path = socket(data);
    let fault = |source| AlertsError::Door { path: path.clone(), source };
    let mut stream = UnixStream::connect(&path).map_err(fault)?;
    let told = (|| {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let question = serde_json::to_string(question)?;
        stream.write_all(format!("{question}\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new((&stream).take(LONGEST_ANSWER)).read_line(&mut line)?;
        serde_json::from_str(&line).map_err(io::Error::other)
    })();
    told.map_err(fault)
}
