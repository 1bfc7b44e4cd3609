//! Claims: are they judged, and how old is the last judgement.

use std::path::Path;

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use hinomi_server::serve::Configuration;

use super::outcome::{Check, both};
use crate::judge::{Run, last_run};

/// Times the wanted interval after which a judgement is late, and the least that is waited for.
const LATE: i64 = 3;
const LEAST_MINUTES: i64 = 60;

/// Nothing is said where there are no pages.
pub(super) fn look(configuration: Option<&Configuration>, data: &Path, now: Timestamp) -> Option<Check> {
    let configuration = configuration?;
    configuration.pages()?;
    let every = i64::from(configuration.assure().every_minutes);
    if every == 0 {
        let found = both(
            "the pages judge no claims: assure.every_minutes is 0",
            "要件の判定は行わない設定（assure.every_minutes = 0）",
        );
        return Some(Check::ok("claims", found));
    }
    Some(match last_run(data) {
        Ok(Some(run)) => aged(&run, every, now),
        Ok(None) => {
            Check::unknown("claims", both("they were never judged yet", "要件はまだ一度も判定されていない"))
        }
        Err(why) => {
            let hint = both("it is made again while the server works", "サーバーの稼働中に作り直される");
            Check::warn("claims", both(&why, &why), hint)
        }
    })
}

fn aged(run: &Run, every: i64, now: Timestamp) -> Check {
    let minutes = now.as_nanos().saturating_sub(run.begun().as_nanos()) / (60 * NANOS_PER_SECOND);
    let found = both(
        &format!("they were judged {minutes} minutes ago, in {} s", run.seconds()),
        &format!("{minutes} 分前に判定（所要 {} 秒）", run.seconds()),
    );
    if minutes > (LATE * every).max(LEAST_MINUTES) {
        let hint = both(
            "the server's log says why there is no newer judgement, or it does not run",
            "サーバーのログで、新しい判定がない理由を確認（未稼働の可能性もある）",
        );
        return Check::warn("claims", found, hint);
    }
    Check::ok("claims", found)
}
