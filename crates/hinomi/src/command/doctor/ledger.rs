//! The ledger: can it be read, is it going on, is somebody outside, how old are its keys, do its rules work, who is silent.

use std::path::Path;
use std::time::SystemTime;

use hinomi_ledger::health::State as Health;
use hinomi_ledger::{Leaf, Reader};
use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use hinomi_server::serve::Configuration;

use super::machine::each;
use super::outcome::{Check, both};
use crate::access::known_accounts;
use crate::command::ledger::{VAULTS, plans, read_vaults};
use crate::command::state::refuse_unsettled;
use crate::live::{PackSources, saved_health, usable};
use crate::recorded::open_reader;

/// Seconds after which a ledger at work that wrote nothing is not at work: its clock ticks every minute.
const STALE: i64 = 300;
/// Leaves that detection may be behind.
const BEHIND: u64 = 2_000;
/// Days after which a signing key should be changed.
const KEY_DAYS: u64 = 400;
/// Hours after which a backup is old: a week.
const BACKUP_HOURS: i64 = 168;
/// Leaves at the end among which the last block is looked for.
const LAST: u64 = 64;

pub(super) fn look(data: &Path, (now, at_work): (Timestamp, bool), checks: &mut Vec<Check>) {
    checks.extend(waits_for_resume(data));
    checks.extend(accounts(data));
    match open_reader(data) {
        Ok(reader) => {
            checks.push(going_on(&reader, now, at_work));
            let unknown = |name| {
                Check::unknown(
                    name,
                    both("no state of detection is saved yet", "検知の状態がまだ保存されていない"),
                )
            };
            checks.push(detection(data, &reader, at_work).unwrap_or_else(|| unknown("detection")));
            checks.push(sources(data, &reader, now).unwrap_or_else(|| unknown("sources")));
        }
        Err(error) => {
            let text = error.to_string();
            let hint =
                both("hinomi verify ledger --data DIR says more", "hinomi verify ledger --data DIR で確認");
            checks.push(Check::fail("ledger", both(&text, &text), hint));
        }
    }
    checks.push(outside(data));
    checks.push(key_age(data));
    checks.push(backup(data, now));
    checks.push(planned(data));
}

/// A restored folder that nobody compared with what others have seen: a server refuses it.
fn waits_for_resume(data: &Path) -> Option<Check> {
    let refused = refuse_unsettled(data).err()?;
    let hint = both(
        "bring the evidence there (hinomi ledger repair), then: hinomi state resume --data DIR --anchor VAULT",
        "hinomi ledger repair で証拠を戻し、hinomi state resume --data DIR --anchor ボールト を実行する",
    );
    let found = both(
        &refused.message,
        "バックアップから復元したままで、ボールトとの照合（state resume）が済んでいない。サーバーは起動しない",
    );
    Some(Check::fail("restored", found, hint))
}

/// Accounts of the pages, where there are any.
fn accounts(data: &Path) -> Option<Check> {
    match known_accounts(data) {
        Ok(None) => None,
        Ok(Some((count, lost))) if !lost.is_empty() => Some(must_enrol(count, &lost)),
        Ok(Some((count, _))) => Some(Check::ok(
            "accounts",
            both(&format!("{count} accounts can be read"), &format!("アカウント {count} 件を読み取れる")),
        )),
        Err(error) => {
            let hint = both(
                "there are no pages until DIR/access is put back from a backup",
                "DIR/access をバックアップから戻すまで、画面は使えない",
            );
            Some(Check::fail("accounts", both(&error.to_string(), &format!("読み取れない：{error}")), hint))
        }
    }
}

/// Accounts whose secrets are lost: only the decision ledger knew them.
fn must_enrol(count: usize, lost: &[String]) -> Check {
    let (some, more) = (lost.iter().take(10).cloned().collect::<Vec<_>>().join(", "), lost.len());
    let found = each(|ja| {
        if ja {
            format!("アカウント {count} 件のうち {more} 件は認証情報が失われ、サインインできない：{some}")
        } else {
            format!("{more} of {count} accounts cannot sign in, their secrets are lost: {some}")
        }
    });
    let hint = both(
        "put DIR/access back from a backup, or: hinomi access link NAME, for each",
        "DIR/access をバックアップから戻すか、アカウントごとに hinomi access link NAME で再登録リンクを発行",
    );
    Check::fail("accounts", found, hint)
}

/// When the last block was received, by the last leaves.
fn last_received(reader: &Reader) -> Option<i64> {
    let size = reader.size();
    let leaves = (size.saturating_sub(LAST)..size).rev();
    leaves.filter_map(|leaf| reader.leaf(leaf).ok()).find_map(|leaf| match leaf {
        Leaf::Block(block) => i64::try_from(block.last_ns).ok(),
        _ => None,
    })
}

fn going_on(reader: &Reader, now: Timestamp, at_work: bool) -> Check {
    let name = "ledger";
    let leaves = reader.size();
    let Some(last) = last_received(reader) else {
        return Check::ok(
            name,
            each(|ja| if ja { format!("{leaves} リーフ") } else { format!("{leaves} leaves") }),
        );
    };
    let seconds = now.as_nanos().saturating_sub(last) / NANOS_PER_SECOND;
    let found = each(|ja| {
        if ja {
            format!("{leaves} リーフ、最後の受信は {seconds} 秒前")
        } else {
            format!("{leaves} leaves, the last received {seconds} s ago")
        }
    });
    if seconds < -5 {
        let hint = both(
            "this machine's clock went back, or was ahead: hinomi ledger sources tells when",
            "このマシンの時刻が巻き戻されたか、以前進んでいた。時期は hinomi ledger sources で確認できる",
        );
        return Check::fail(name, found, hint);
    }
    if at_work && seconds > STALE {
        let hint = both(
            "the server's journal says why; /readyz names a full disk",
            "サーバーのログと /readyz を確認",
        );
        return Check::fail(name, found, hint);
    }
    Check::ok(name, found)
}

fn detection(data: &Path, reader: &Reader, at_work: bool) -> Option<Check> {
    let (_, position) = saved_health(data, reader.identity().origin.as_str())?;
    let behind = reader.size().saturating_sub(position);
    let found = each(|ja| {
        if ja {
            format!("保存済みの検知状態は最新より {behind} リーフ遅れている")
        } else {
            format!("its saved state is {behind} leaves behind")
        }
    });
    if at_work && behind > BEHIND {
        let hint = both(
            "too many events for the rules: fewer rules, or a faster machine",
            "ルールを減らすか、より高速なマシンに移す",
        );
        return Some(Check::warn("detection", found, hint));
    }
    Some(Check::ok("detection", found))
}

fn sources(data: &Path, reader: &Reader, now: Timestamp) -> Option<Check> {
    let (health, _) = saved_health(data, reader.identity().origin.as_str())?;
    let bad = |state| !matches!(state, Health::Learning | Health::Usual | Health::Planned);
    let all: Vec<_> = health.status(now).collect();
    let named: Vec<&str> = all.iter().filter(|s| bad(s.state)).map(|s| s.source).collect();
    let count = all.len();
    let learning = all.iter().filter(|s| matches!(s.state, Health::Learning)).count();
    if named.is_empty() && learning > 0 {
        let found = each(|ja| {
            if ja {
                format!("{count} 件中 {learning} 件は学習中のため不明")
            } else {
                format!("of {count}, {learning} are still being learnt: unknown")
            }
        });
        return Some(Check::unknown("sources", found));
    }
    if named.is_empty() {
        let found = each(|ja| {
            if ja {
                format!("{count} 件、いずれも通常どおり受信")
            } else {
                format!("{count}, as usual")
            }
        });
        return Some(Check::ok("sources", found));
    }
    let shown = named.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    let found = each(|ja| {
        let bad = named.len();
        if ja {
            format!("{count} 件中 {bad} 件に異変：{shown}")
        } else {
            format!("{bad} of {count} are not as usual: {shown}")
        }
    });
    let hint = both(
        "hinomi ledger sources --data DIR says how, and what settles it",
        "hinomi ledger sources --data DIR で確認",
    );
    Some(Check::warn("sources", found, hint))
}

fn outside(data: &Path) -> Check {
    let name = "vaults";
    let path = data.join(VAULTS);
    let hint = both(
        "hinomi vault init on another machine: alone, this one proves nothing against its own root",
        "別のマシンで hinomi vault init を実行する（このマシンだけでは、root を奪われた場合に何も証明できない）",
    );
    if !path.exists() {
        return Check::warn(name, both("nobody outside keeps a copy", "ほかのマシンに写しがない"), hint);
    }
    match read_vaults(&path) {
        Ok(vaults) => {
            let count = vaults.iter().count();
            let found = each(|ja| {
                if ja {
                    format!("{count} 台（遅れは各 vault の status で確認）")
                } else {
                    format!("{count} named; their own status says how far they are")
                }
            });
            if count == 0 { Check::warn(name, found, hint) } else { Check::ok(name, found) }
        }
        Err(failure) => Check::fail(name, both(&failure.message, &failure.message), hint),
    }
}

/// How old the signing key is, in days.
fn key_days(data: &Path) -> Option<u64> {
    let path = data.join("keys").join("evidence").join("signer");
    let changed = std::fs::metadata(&path).and_then(|meta| meta.modified()).ok()?;
    let now = u64::try_from(crate::clock::now().as_nanos()).ok()? / 1_000_000_000;
    let seconds = now.checked_sub(changed.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())?;
    Some(seconds / 86_400)
}

fn key_age(data: &Path) -> Check {
    let name = "key-age";
    let Some(days) = key_days(data) else {
        return Check::unknown(name, both("the signing key cannot be looked at", "署名鍵を確認できない"));
    };
    let found = each(|ja| {
        if ja && days == 0 {
            "署名鍵は今日作成したもの".to_owned()
        } else if ja {
            format!("署名鍵を作成してから {days} 日")
        } else {
            format!("the signing key is {days} days old")
        }
    });
    if days > KEY_DAYS {
        let hint = both("hinomi ledger rotate-key", "hinomi ledger rotate-key");
        return Check::warn(name, found, hint);
    }
    Check::ok(name, found)
}

/// How old the last backup is that `hinomi state backup` made.
fn backup(data: &Path, now: Timestamp) -> Check {
    let name = "backup";
    let hint = both(
        "hinomi state backup --data DIR --to FOLDER, daily; restore --verify tries it",
        "hinomi state backup --data DIR --to FOLDER を毎日実行し、restore --verify で確認",
    );
    let last = crate::command::state::last_backup(data);
    let made = last.as_ref().and_then(|last| Some((last, last.at.parse::<Timestamp>().ok()?)));
    let Some((last, at)) = made else {
        let found = both("none was made here", "このマシンではバックアップを一度も作成していない");
        // A new installation is not wrong for it.
        let new = key_days(data).is_none_or(|days| days * 24 <= BACKUP_HOURS.unsigned_abs());
        return if new { Check::unknown(name, found) } else { Check::warn(name, found, hint) };
    };
    let hours = now.as_nanos().saturating_sub(at.as_nanos()) / NANOS_PER_SECOND / 3_600;
    let found = each(|ja| {
        let to = &last.to;
        if ja { format!("{hours} 時間前（{to}）") } else { format!("{hours} hours ago, to {to}") }
    });
    if hours > BACKUP_HOURS { Check::warn(name, found, hint) } else { Check::ok(name, found) }
}

fn planned(data: &Path) -> Check {
    let name = "sources.yaml";
    match plans(data) {
        Ok(_) => {
            Check::ok(name, both("it makes sense, or there is none", "内容に誤りはない（または未作成）"))
        }
        Err(failure) => {
            let hint = both("docs/sources.md shows its form", "書式は docs/sources.md を参照");
            Check::fail(name, both(&failure.message, &failure.message), hint)
        }
    }
}

/// Those that the configuration names, else the bundled ones.
pub(super) fn rules(configuration: Option<&Configuration>) -> Check {
    let name = "rules";
    let sources =
        configuration.map_or_else(PackSources::default, |c| crate::command::detect::pack(&c.detection));
    match usable(&sources) {
        Ok((rules, 0)) => Check::ok(
            name,
            each(|ja| if ja { format!("{rules} 件") } else { format!("{rules} can be used") }),
        ),
        Ok((rules, rejected)) => {
            let found = each(|ja| {
                if ja {
                    format!("{rules} 件、うち使用不可 {rejected} 件")
                } else {
                    format!("{rules}, and {rejected} that cannot be used")
                }
            });
            Check::warn(name, found, both("hinomi rules check says why", "hinomi rules check で確認"))
        }
        Err(error) => {
            let text = error.to_string();
            Check::fail(
                name,
                both(&text, &text),
                both("hinomi rules check says why", "hinomi rules check で確認"),
            )
        }
    }
}
