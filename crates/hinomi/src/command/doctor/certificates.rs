//! Certificates that the configuration names: can they be used, how long, and for which names.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use hinomi_server::serve::{Configuration, Inspection};

use super::machine::each;
use super::outcome::{Check, both};

/// Days before the end at which to say so.
const SOON: i64 = 30;
const DAY_NS: i64 = 86_400 * NANOS_PER_SECOND;

pub(super) fn look(
    configuration: &Configuration,
    inspection: &Inspection,
    now: Timestamp,
    checks: &mut Vec<Check>,
) {
    let name = "certificates";
    if let Err(error) = configuration.check_files() {
        let text = error.to_string();
        let hint = both(
            "certificate chain and key in PEM, readable by the server's user, that belong together",
            "PEM 形式の証明書チェーンと対応する鍵を、サーバーの実行ユーザーが読める場所に置く",
        );
        checks.push(Check::fail(name, both(&text, &text), hint));
        return;
    }
    for certificate in &inspection.certificates {
        let path = certificate.path.display();
        let Some((from, to)) = certificate.valid else {
            let found = each(|ja| {
                if ja {
                    format!("{path}：有効期限を読み取れない")
                } else {
                    format!("{path}: no dates")
                }
            });
            checks.push(Check::unknown(name, found));
            continue;
        };
        let days = to.as_nanos().saturating_sub(now.as_nanos()).div_euclid(DAY_NS);
        let (until, since) = (date(to), date(from));
        let renew = both("renew it, then systemctl reload (SIGHUP)", "更新後に systemctl reload（SIGHUP）");
        let found = |en: String, ja: String| each(|j| format!("{path}: {}", if j { &ja } else { &en }));
        checks.push(if now >= to {
            Check::fail(name, found(format!("expired on {until}"), format!("{until} に期限切れ")), renew)
        } else if now < from {
            let text =
                found(format!("not valid before {since}"), format!("{since} から有効（まだ有効期間前）"));
            Check::fail(name, text, both("is this machine's clock right?", "このマシンの時計は正しいか"))
        } else if certificate.authority {
            Check::ok(name, found(format!("authority until {until}"), format!("認証局、{until} まで")))
        } else if days < SOON {
            let text =
                found(format!("{days} days left, until {until}"), format!("残り {days} 日（{until} まで）"));
            Check::warn(name, text, renew)
        } else if certificate.names.is_empty() {
            let text = found("it names no host".to_owned(), "ホスト名の記載がない".to_owned());
            let hint = both("senders check subjectAltName", "接続する側は subjectAltName を検証する");
            Check::warn(name, text, hint)
        } else {
            let names = certificate.names.join(", ");
            Check::ok(name, found(format!("until {until}, for {names}"), format!("{until} まで、{names}")))
        });
    }
}

fn date(at: Timestamp) -> String {
    at.to_string().get(..10).unwrap_or_default().to_owned()
}
