//! What people are told, in Japanese.

use std::fmt::Write as _;

use hinomi_model::Level;

use super::{Told, clean};
use crate::delivery::Purpose;
use crate::{Alert, Kind, State};

pub(super) fn subject(told: &Told<'_>) -> String {
    let (site, count) = (clean(&told.site.name), told.alerts.len() as u64);
    match (&told.delivery.purpose, told.single()) {
        (Purpose::Alert { round, .. }, Some(alert)) => {
            let again = if *round > 0 { "(未確認)" } else { "" };
            format!("[Hinomi] 【{}】{} {}{again}", level(alert.level), alert.id, headline(alert))
        }
        (Purpose::Test { .. }, _) => format!("[Hinomi] 【試験】{site} からの送信試験です"),
        (Purpose::HandOver { rota, more }, _) => {
            format!("[Hinomi] 当番開始({}): 未確認の警報 {} 件", clean(rota), count + more)
        }
        (Purpose::Summary { more }, _) => format!("[Hinomi] まとめ: 警報 {} 件", count + more),
        (Purpose::Alert { .. }, None) => format!("[Hinomi] {site} からの警報"),
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Informational => "参考",
        Level::Low => "低",
        Level::Medium => "中",
        Level::High => "高",
        Level::Critical => "緊急",
    }
}

fn title(alert: &Alert) -> String {
    clean(alert.title_ja.as_ref().unwrap_or(&alert.title))
}

/// Title and place.
fn headline(alert: &Alert) -> String {
    if alert.host.is_empty() { title(alert) } else { format!("{}({})", title(alert), clean(&alert.host)) }
}

pub(super) fn text(told: &Told<'_>) -> String {
    let mut out = String::new();
    match (&told.delivery.purpose, told.single()) {
        (Purpose::Test { by }, _) => {
            let _ = writeln!(
                out,
                "これは {} が依頼した送信試験です。何も起きていませんので、対応は不要です。\n\
                 このメッセージは送信先 {} に届きました。",
                clean(by),
                told.delivery.to.sink
            );
        }
        (Purpose::Alert { rung, round, instead_of }, Some(alert)) => {
            why_you(told, *rung, *round, instead_of.as_deref(), &mut out);
            one(told, alert, &mut out);
        }
        (Purpose::HandOver { rota, more }, _) => {
            let _ = writeln!(
                out,
                "当番の時間になりました({})。次の警報はまだ誰も確認していません。\n",
                clean(rota)
            );
            list(told, *more, &mut out);
        }
        (Purpose::Summary { more }, _) => {
            let _ = writeln!(
                out,
                "次の警報は、静かな時間が終わるまで待てるもの、またはこの送信先の上限を超えたものとして、\
                 ここまで保留されていました。\n"
            );
            list(told, *more, &mut out);
        }
        (Purpose::Alert { .. }, None) => {
            let _ = writeln!(out, "この警報はすでにここにはありません。判断の台帳に記録があります。");
        }
    }
    let site = clean(&told.site.name);
    let _ = writeln!(out, "\n-- \n{site} の Hinomi より。使われた認証情報は、人物を指すものではありません。");
    out
}

fn why_you(told: &Told<'_>, rung: usize, round: u64, instead_of: Option<&str>, out: &mut String) {
    let to = &told.delivery.to;
    if let Some(rota) = instead_of {
        let whom = clean(to.person.as_ref().unwrap_or(&to.sink));
        let _ = writeln!(out, "{} に当番がいないため、{whom} に引き渡します。", clean(rota));
    }
    if rung > 1 || round > 0 {
        let times = if round > 0 { format!("、{} 回目", round + 1) } else { String::new() };
        let _ = writeln!(out, "この警報はまだ誰も確認していません(手順の {rung} 段目{times})。");
    }
    if !out.is_empty() {
        out.push('\n');
    }
}

fn one(told: &Told<'_>, alert: &Alert, out: &mut String) {
    let _ = writeln!(out, "警報:   {}({})", alert.id, level(alert.level));
    let _ = writeln!(out, "内容:   {}", title(alert));
    let _ = writeln!(out, "時刻:   {}", when(told, alert));
    let what = if alert.kind == Kind::Source { "記録元: " } else { "ホスト: " };
    let _ = writeln!(out, "{what}{}", known(clean(&alert.host)));
    if alert.kind == Kind::Detection {
        let account = told.account(alert);
        let about = if account.is_empty() { "" } else { "(誰が使ったかは不明)" };
        let _ = writeln!(out, "使われた認証情報: {}{about}", known(account));
    }
    let _ = writeln!(out, "規則:   {}", clean(&alert.rule));
    for evidence in &alert.evidence {
        let _ = writeln!(out, "証拠:   {}", clean(evidence));
    }
    look(told, alert, out);
    if let State::Acknowledged(who) = &alert.state {
        let _ = writeln!(out, "\n{} に {} が確認しました。", told.moment(who.at), clean(&who.by));
        return;
    }
    if alert.state == State::Told {
        return;
    }
    let _ = writeln!(out, "\n確認したら:\n  {}", told.acknowledge(alert));
    if let Some((at, step, steps)) = told.next(alert) {
        let _ = writeln!(out, "確認がなければ、{at} に {steps} 段中 {step} 段目へ進みます。");
    }
}

fn known(text: String) -> String {
    if text.is_empty() { "不明".to_owned() } else { text }
}

fn when(told: &Told<'_>, alert: &Alert) -> String {
    let last = alert.last.as_deref().map(|t| told.time(t));
    let first = alert.first.as_deref().map(|t| told.time(t));
    match (first, last) {
        (Some(first), Some(last)) if alert.count > 1 => {
            format!("{first} から {} 回、最後は {last}", alert.count)
        }
        (Some(first), _) => first,
        _ => format!("記録に時刻がありません。気づいた時刻は {}", told.moment(alert.made)),
    }
}

fn look(told: &Told<'_>, alert: &Alert, out: &mut String) {
    let command = told.investigate(alert, "ja");
    let _ = match alert.kind {
        Kind::Detection => writeln!(
            out,
            "\n次に見るもの:\n  1. その場所で他に起きたこと: {command}\n  2. 予定された作業で説明できるか。ホストの担当者に、\
             その認証情報で読めない経路で確認してください。\n  3. その後、同じ認証情報が他で使われたか。"
        ),
        Kind::Source => writeln!(
            out,
            "\n次に見るもの:\n  1. 送信側が動いていて、このサーバーに届くか。センサーは誰かに止められた可能性もあります。\n  \
             2. いつからか: hinomi ledger sources --data {}\n  3. 同じ時間に、同じホストについて他の記録元が示すこと。",
            super::quoted(&told.site.data)
        ),
        Kind::Program => writeln!(
            out,
            "\n次に見るもの:\n  1. hinomi serve が自身について書いた行。\n  2. このサーバーのディスクとメモリ。\n  \
             3. 直るまで、届いた記録は保存されますが、検知されないことがあります。"
        ),
    };
}

fn list(told: &Told<'_>, more: u64, out: &mut String) {
    for alert in &told.alerts {
        let state = match &alert.state {
            State::Open => "未確認",
            State::Acknowledged(_) => "確認済み",
            State::Told => "通知済み",
        };
        let (id, level, count) = (alert.id, level(alert.level), alert.count);
        let since = alert.first.as_deref().map_or_else(|| told.moment(alert.made), |t| told.time(t));
        let _ = writeln!(out, "{id}  {level}  {state}  {count} 回  {since}  {}", headline(alert));
    }
    if more > 0 {
        let _ = writeln!(out, "他に {more} 件あり、ここには載せていません。");
    }
    let data = super::quoted(&told.site.data);
    let _ = writeln!(
        out,
        "\nすべて: hinomi alert list --data {data}\n一件ずつ: hinomi alert show ID --data {data}"
    );
}
