//! Says when the ledger takes nothing, as long as it lasts, and when it takes something again.

use std::time::Duration;

use hinomi_server::serve::Journal;

use crate::alerting::{Fault, Faults};

/// Time after which the same is said again.
const AGAIN: Duration = Duration::from_mins(1);

/// What is known of it.
pub(super) struct Intake {
    faults: Option<Faults>,
    journal: Journal,
    /// How long nothing was taken when that was said last; `None` while all is well.
    said: Option<Duration>,
}

impl Intake {
    pub(super) fn new(faults: Option<Faults>, journal: Journal) -> Self {
        Self { faults, journal, said: None }
    }

    /// Takes note of how it is: for how long nothing was taken, if that is so.
    pub(super) fn look(&mut self, stuck: Option<Duration>) {
        match (stuck, self.said) {
            (None, None) => {}
            (None, Some(_)) => {
                self.said = None;
                self.journal.info("the ledger takes records again", &[]);
            }
            (Some(since), Some(said)) if since >= said && since.saturating_sub(said) < AGAIN => {}
            (Some(since), _) => {
                self.said = Some(since);
                let seconds = since.as_secs().to_string();
                let hint = "requests are answered with 503 and have to be sent again; is the disk full?";
                let what = "the ledger takes nothing";
                self.journal.warn(what, &[("for_seconds", &seconds), ("hint", hint)]);
                self.tell(&format!("nothing was taken for {seconds} s; its disk may be full"));
            }
        }
    }

    /// It will take nothing before the next start.
    pub(super) fn failed(&self, reason: &str) {
        self.tell(reason);
    }

    fn tell(&self, why: &str) {
        if let Some(faults) = &self.faults {
            faults.tell(Fault::Ledger, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use hinomi_ledger::SystemClock;
    use hinomi_server::serve::JournalFormat;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn it_is_said_at_once_each_minute_and_when_it_is_over() {
        let kept = Kept::default();
        let journal = Journal::new(JournalFormat::default(), Arc::new(SystemClock), Box::new(kept.clone()));
        let mut intake = Intake::new(None, journal);
        let lines = || String::from_utf8_lossy(&kept.0.lock().unwrap()).lines().count();
        intake.look(None);
        assert_eq!(lines(), 0);
        for seconds in 5..130 {
            intake.look(Some(Duration::from_secs(seconds)));
        }
        assert_eq!(lines(), 3);
        intake.look(None);
        intake.look(None);
        assert_eq!(lines(), 4);
        // Another time, shorter than the one before.
        intake.look(Some(Duration::from_secs(5)));
        assert_eq!(lines(), 5);
    }
}
