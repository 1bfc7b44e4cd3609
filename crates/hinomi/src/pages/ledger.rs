//! The ledger itself: what it holds, its checkpoint, who outside keeps it.

use hinomi_ledger::Leaf;
use hinomi_ledger::Reader;
use hinomi_ledger::checkpoint::Checkpoint;
use hinomi_model::Timestamp;
use hinomi_server::publication::Credentials;
use serde::Serialize;

use super::evidence::Evidence;
use super::{Asked, Refused, Text, page, received, time};
use crate::clock;
use crate::live::DECISIONS;
use crate::render::calendar::date;

/// The file in a data directory that names its vaults.
const VAULTS: &str = "vaults.txt";
/// Days that are listed, the newest.
const MOST_DAYS: usize = 3_660;
/// Leaves at the end among which the last block is looked for.
const LAST: u64 = 64;

/// The page.
#[derive(Debug, Serialize)]
pub(super) struct LedgerPage {
    origin: String,
    verifier_key: String,
    fingerprint: String,
    size: u64,
    records: Option<u64>,
    bytes: Option<u64>,
    checkpoint: CheckpointNow,
    cosigners: Vec<Cosigner>,
    exposure: Exposure,
    /// The server verifies nothing by itself, and knows of nobody who did.
    verification: Option<()>,
    days: Vec<DayRow>,
    holds: Vec<HoldRow>,
}

#[derive(Debug, Serialize)]
struct CheckpointNow {
    note: String,
    size: u64,
    root: String,
    at: Option<String>,
}

#[derive(Debug, Serialize)]
struct Cosigner {
    name: String,
    kind: &'static str,
    key: String,
    size: Option<u64>,
    at: Option<String>,
    state: &'static str,
    text: Option<Text>,
}

/// What root on this machine could still unmake.
#[derive(Debug, Serialize)]
pub(super) struct Exposure {
    pub(super) records: Option<u64>,
    bytes: Option<u64>,
    since: Option<String>,
    why_unknown: Option<Text>,
}

#[derive(Debug, Serialize)]
struct DayRow {
    day: String,
    records: u64,
    bytes: u64,
    erased_blocks: u64,
}

#[derive(Debug, Serialize)]
struct HoldRow {
    name: String,
    reason: String,
    owner: String,
    since: String,
}

/// A page of checkpoints.
#[derive(Debug, Serialize)]
pub(super) struct Checkpoints {
    items: Vec<CheckpointRow>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct CheckpointRow {
    size: u64,
    root: String,
    at: Option<String>,
    cosigned_by: Vec<String>,
}

/// The ledger as of now.
pub(super) fn ledger(evidence: &Evidence) -> Result<LedgerPage, Refused> {
    let credentials = vaults(evidence)?;
    evidence.with(|opened| {
        opened.counted()?;
        let sums = opened.holdings.sums();
        let reader = &opened.reader;
        let identity = reader.identity();
        let days: Vec<DayRow> = opened
            .holdings
            .days()
            .map(|(day, sum)| DayRow {
                day: date(day),
                records: sum.records,
                bytes: sum.bytes,
                erased_blocks: sum.erased_blocks,
            })
            .collect();
        let signer = reader.checkpoint_signer()?;
        let old = days.len().saturating_sub(MOST_DAYS);
        Ok(LedgerPage {
            origin: identity.origin.to_string(),
            verifier_key: signer.to_string(),
            fingerprint: signer.fingerprint(),
            size: reader.size(),
            records: sums.map(|(records, _)| records),
            bytes: sums.map(|(_, bytes)| bytes),
            checkpoint: checkpoint(reader),
            cosigners: credentials.iter().map(|vault| cosigner(&vault.name, &vault.recipient.0)).collect(),
            exposure: exposure(&credentials, sums, opened.holdings.days().next().map(|(day, _)| day.start())),
            verification: None,
            days: days.into_iter().skip(old).collect(),
            holds: opened.holdings.in_force().into_iter().flat_map(|force| holds(&force.retention)).collect(),
        })
    })
}

fn vaults(evidence: &Evidence) -> Result<Credentials, Refused> {
    let path = evidence.data().join(VAULTS);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Credentials::default()),
        Err(error) => return Err(Refused::Failed(format!("{}: {error}", path.display()))),
    };
    Credentials::parse(&path, &text).map_err(|error| Refused::Failed(error.to_string()))
}

fn holds(retention: &hinomi_ledger::retention::Retention) -> Vec<HoldRow> {
    let open = retention.holds.iter().filter(|(_, hold)| hold.lifted.is_none());
    let row = |(name, hold): (&String, &hinomi_ledger::retention::Hold)| HoldRow {
        name: name.clone(),
        reason: hold.reason.clone(),
        owner: hold.owner.clone(),
        since: time(hold.placed.start()),
    };
    open.map(row).collect()
}

/// A vault tells this machine nothing: it asks, and keeps what it was given.
fn cosigner(name: &str, recipient: &[u8; 32]) -> Cosigner {
    Cosigner {
        name: name.to_owned(),
        kind: "vault",
        key: recipient.iter().map(|byte| format!("{byte:02x}")).collect(),
        size: None,
        at: None,
        state: "unknown",
        text: Some(Text::new(
            "it answers to nobody here; hinomi vault status on its own machine says how far it is",
            "このマシンには何も報告しません。進み具合は vault 側の hinomi vault status で確認してください",
        )),
    }
}

/// Without anybody outside everything can be unmade; with somebody, only he knows what.
fn exposure(credentials: &Credentials, sums: Option<(u64, u64)>, since: Option<Timestamp>) -> Exposure {
    if credentials.iter().next().is_none() {
        let (records, bytes) = sums.unzip();
        return Exposure { records, bytes, since: since.map(time), why_unknown: None };
    }
    let why = Text::new(
        "how far the vaults are is known on their machines only: hinomi vault status",
        "vault の進み具合は vault 側でしか分かりません（hinomi vault status）",
    );
    Exposure { records: None, bytes: None, since: None, why_unknown: Some(why) }
}

/// What root could unmake, for other pages.
pub(super) fn exposed(evidence: &Evidence) -> Result<Exposure, Refused> {
    let credentials = vaults(evidence)?;
    evidence.with(|opened| {
        let counted = opened.counted()?;
        let since = counted.days().next().map(|(day, _)| day.start());
        Ok(exposure(&credentials, counted.sums(), since))
    })
}

/// When the last block before the checkpoint was received.
pub(super) fn last_block(reader: &Reader) -> Option<String> {
    let size = reader.size();
    let leaves = (size.saturating_sub(LAST)..size).rev();
    leaves.filter_map(|leaf| reader.leaf(leaf).ok()).find_map(|leaf| match leaf {
        Leaf::Block(block) => Some(received(block.last_ns)),
        _ => None,
    })
}

fn checkpoint(reader: &Reader) -> CheckpointNow {
    CheckpointNow {
        note: reader.note().to_string(),
        size: reader.size(),
        root: reader.root().to_string(),
        at: last_block(reader),
    }
}

/// The checkpoints that are kept here: the published one. Older ones are with those who looked.
pub(super) fn checkpoints(evidence: &Evidence, asked: &Asked<'_>) -> Result<Checkpoints, Refused> {
    let row = evidence.with(|opened| {
        let reader = &opened.reader;
        let own = reader.checkpoint_signer()?;
        let text: Checkpoint = reader.note().unverified_text().parse()?;
        let others = reader.note().signatures().iter().filter(|line| line.id() != own.id());
        Ok(CheckpointRow {
            size: text.size,
            root: text.root.to_string(),
            at: last_block(reader),
            cosigned_by: others.map(|line| line.name().as_str().to_owned()).collect(),
        })
    })?;
    let (items, next) = page(vec![row], asked)?;
    Ok(Checkpoints { items, next })
}

/// Whether detection follows what arrives.
#[derive(Debug, Serialize)]
pub(super) struct Following {
    pub(super) state: &'static str,
    pub(super) leaves_behind: Option<u64>,
    pub(super) watermark: Option<String>,
    pub(super) why: Option<Text>,
}

/// Leaves that detection may be behind: its state is saved about once a minute.
const BEHIND: u64 = 2_000;
/// Time after which a ledger without a new leaf is not at work: its clock ticks every minute.
const STALE_NS: i64 = 300_000_000_000;

/// Whether detection follows, as far as what it saved last says.
pub(super) fn following(evidence: &Evidence) -> Result<Following, Refused> {
    let data = evidence.data();
    evidence.with(|opened| {
        let saved = opened.saved(data, clock::now());
        let reader = &opened.reader;
        let unknown =
            |why| Following { state: "unknown", leaves_behind: None, watermark: None, why: Some(why) };
        if !data.join(DECISIONS).join("format").is_file() {
            return Ok(unknown(Text::new(
                "no rules were ever evaluated here",
                "このデータではまだルールが一度も評価されていません",
            )));
        }
        let Some((position, received)) = saved.position else {
            return Ok(unknown(Text::new(
                "no state of detection is saved yet",
                "検知の状態がまだ保存されていません",
            )));
        };
        let behind = reader.size().saturating_sub(position);
        let watermark = received.map(time);
        let silent = received.is_some_and(|at| clock::now().as_nanos() - at.as_nanos() > STALE_NS);
        let (state, why) = match (behind > BEHIND, silent) {
            (true, true) => ("stopped", Some(stopped())),
            (true, false) => ("behind", Some(slow())),
            (false, _) => ("following", None),
        };
        Ok(Following { state, leaves_behind: Some(behind), watermark, why })
    })
}

fn stopped() -> Text {
    Text::new(
        "records arrive and detection has not moved for five minutes: the server's journal says why",
        "受信は続いていますが、検知が 5 分以上進んでいません。サーバーのログを確認してください",
    )
}

fn slow() -> Text {
    Text::new(
        "more arrives than the rules can take: fewer rules, or a faster machine",
        "受信量がルールの処理能力を上回っています。ルールを減らすか、より速いマシンが必要です",
    )
}
