//! What a vault says, in both languages.

use hinomi_ledger::vault::{Lost, Trouble};
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use crate::args::Lang;

const NINE_HOURS: i64 = 9 * 3600 * NANOS_PER_SECOND;

/// A time for people: JST in Japanese, UTC in English.
pub(super) fn time(ns: u64, lang: Lang) -> String {
    if ns == 0 {
        return match lang {
            Lang::En => "never".to_owned(),
            Lang::Ja => "なし".to_owned(),
        };
    }
    let ns = i64::try_from(ns).unwrap_or(i64::MAX);
    let (shift, zone) = match lang {
        Lang::En => (0, "UTC"),
        Lang::Ja => (NINE_HOURS, "JST"),
    };
    let ((year, month, day), (hour, minute, second), _) =
        Timestamp::from_nanos(ns.saturating_add(shift)).to_civil();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} {zone}")
}

fn interval(lost: &Lost, lang: Lang) -> String {
    let (from, to) = (time(lost.first_ns, lang), time(lost.last_ns, lang));
    let (first, end, records) = (lost.first_leaf, lost.end_leaf, lost.records);
    match (lang, lost.records) {
        (Lang::En, 0) => format!("leaves {first} to {end}, which hold no records"),
        (Lang::Ja, 0) => format!("リーフ {first}〜{end}（レコードなし）"),
        (Lang::En, _) => format!("{records} records received from {from} to {to} (leaves {first} to {end})"),
        (Lang::Ja, _) => format!("{from}〜{to} に受信した {records} 件（リーフ {first}〜{end}）"),
    }
}

/// What is wrong, in a sentence, with what it concerns.
pub(super) fn trouble(trouble: &Trouble, lang: Lang) -> String {
    match lang {
        Lang::En => english(trouble),
        Lang::Ja => japanese(trouble),
    }
}

fn english(trouble: &Trouble) -> String {
    let lang = Lang::En;
    match trouble {
        Trouble::Rollback { held, shown, lost } => format!(
            "ROLLBACK: the primary shows {shown} leaves, {held} are held. Missing there: {}. They are safe here",
            interval(lost, lang)
        ),
        Trouble::Fork { held, shown, lost, evidence } => format!(
            "FORK: the primary shows another history ({shown} leaves, {held} are held). Different or missing there: {}. \
             They are safe here; the contradicting signed checkpoint is kept in {evidence}",
            interval(lost, lang)
        ),
        Trouble::Silence { since_ns } => {
            format!("SILENCE: the log has not grown since {}", time(*since_ns, lang))
        }
        Trouble::Unreachable { since_ns, what } => {
            format!("OUT OF REACH: no answer since {}: {what}", time(*since_ns, lang))
        }
        Trouble::NotTheLog { what } => format!("NOT THE LOG: the checkpoint shown is refused: {what}"),
        Trouble::Withheld { leaf, what } => format!("WITHHELD: leaf {leaf} is signed, but {what}"),
        Trouble::Damaged { file, offset, what } => format!("DAMAGED: {file} at byte {offset}: {what}"),
        Trouble::Backdated { leaf, blocks, claimed_ns, absent_ns } => format!(
            "BACKDATED: {blocks} new blocks from leaf {leaf} on claim receipt as early as {}, but were not there at {}",
            time(*claimed_ns, lang),
            time(*absent_ns, lang)
        ),
        Trouble::Postdated { leaf, blocks, claimed_ns } => format!(
            "CLOCK: {blocks} new blocks from leaf {leaf} on claim receipt in the future, up to {}",
            time(*claimed_ns, lang)
        ),
        Trouble::NotSealed { leaf } => format!(
            "NOT SEALED: the key of leaf {leaf} is not sealed to this vault, so records under it cannot be checked here"
        ),
        Trouble::ErasurePending { leaf, scope, due_ns } => format!(
            "ERASURE: the approved erasure of {scope} (leaf {leaf}) will destroy this vault's key at {}; \
             `hinomi vault object` stops it",
            time(*due_ns, lang)
        ),
        Trouble::ErasureNotApproved { leaf, scope, what } => {
            format!("ERASURE WITHOUT APPROVAL: {scope} (leaf {leaf}): {what}. The records are safe here")
        }
        Trouble::SplitView { witness, what } => {
            format!("SPLIT VIEW: witness {witness} saw another history: {what}")
        }
        Trouble::DiskLow { free } => format!("DISK: {free} bytes are free here; pulling has stopped"),
        other => format!("{other:?}"),
    }
}

fn japanese(trouble: &Trouble) -> String {
    let lang = Lang::Ja;
    match trouble {
        Trouble::Rollback { held, shown, lost } => format!(
            "巻き戻し: 本体は {shown} リーフを示していますが、ここには {held} リーフあります。本体で失われたもの: {}。ここには残っています",
            interval(lost, lang)
        ),
        Trouble::Fork { held, shown, lost, evidence } => format!(
            "分岐: 本体が別の履歴を示しています（{shown} リーフ、保管 {held}）。本体で異なる、または失われたもの: {}。\
             ここには残っています。矛盾する署名済みチェックポイントは {evidence} にあります",
            interval(lost, lang)
        ),
        Trouble::Silence { since_ns } => format!("沈黙: ログが {} から増えていません", time(*since_ns, lang)),
        Trouble::Unreachable { since_ns, what } => {
            format!("接続不可: {} から応答がありません: {what}", time(*since_ns, lang))
        }
        Trouble::NotTheLog { what } => format!("別のログ: 示されたチェックポイントを拒否しました: {what}"),
        Trouble::Withheld { leaf, what } => format!("不提示: リーフ {leaf} は署名済みですが、{what}"),
        Trouble::Damaged { file, offset, what } => format!("破損: {file} の {offset} バイト目: {what}"),
        Trouble::Backdated { leaf, blocks, claimed_ns, absent_ns } => format!(
            "日時の遡り: リーフ {leaf} 以降の新しい {blocks} ブロックが {} の受信を主張していますが、{} の時点では存在しませんでした",
            time(*claimed_ns, lang),
            time(*absent_ns, lang)
        ),
        Trouble::Postdated { leaf, blocks, claimed_ns } => format!(
            "時計: リーフ {leaf} 以降の新しい {blocks} ブロックが未来（最大 {}）の受信を主張しています",
            time(*claimed_ns, lang)
        ),
        Trouble::NotSealed { leaf } => format!(
            "封緘なし: リーフ {leaf} の鍵はこのボールト向けに封緘されておらず、その下のレコードを検証できません"
        ),
        Trouble::ErasurePending { leaf, scope, due_ns } => format!(
            "消去予定: 承認済みの消去 {scope}（リーフ {leaf}）により {} にこのボールトの鍵を破棄します。`hinomi vault object` で止められます",
            time(*due_ns, lang)
        ),
        Trouble::ErasureNotApproved { leaf, scope, what } => {
            format!("承認のない消去: {scope}（リーフ {leaf}）: {what}。レコードはここに残っています")
        }
        Trouble::SplitView { witness, what } => {
            format!("見解の相違: 立会人 {witness} は別の履歴を見ています: {what}")
        }
        Trouble::DiskLow { free } => format!("ディスク: 空きは {free} バイトです。取得を止めました"),
        other => format!("{other:?}"),
    }
}
