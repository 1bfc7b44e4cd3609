//! The one place that asks what time it is.

use hinomi_model::Timestamp;

/// Now.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the command line is where ambient time enters")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
