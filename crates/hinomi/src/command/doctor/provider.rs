//! The identity provider of the pages: does it answer as it should, and do the clocks agree.

use hinomi_access::ProviderFault;
use hinomi_model::Timestamp;
use hinomi_server::pages::Provider;
use hinomi_server::serve::Configuration;

use super::machine::each;
use super::outcome::{Check, both};

const NAME: &str = "provider";
/// Seconds that clocks may differ: beyond the first tokens may be refused soon, beyond the second they are.
const SOON: u64 = 30;
const TOO_FAR: u64 = 60;

/// Asks the provider what everybody may ask it, where one is configured.
pub(super) fn look(configuration: &Configuration, now: Timestamp, checks: &mut Vec<Check>) {
    let Some(setup) = configuration.pages().and_then(|pages| pages.provider) else { return };
    let issuer = setup.issuer.clone();
    checks.push(match Provider::new(setup, "", None).look(now.into()) {
        Ok(seen) => clock(&issuer, seen.clock_ahead),
        Err(fault) => {
            let (en, ja) = match fault {
                ProviderFault::NoAnswer => (
                    "does not answer, or its certificate does not end in pages.oidc.ca",
                    "応答がないか、証明書を pages.oidc.ca で検証できない",
                ),
                _ => (
                    "describes itself otherwise than pages.oidc.issuer says",
                    "設定（.well-known/openid-configuration）の内容が pages.oidc.issuer と合わない",
                ),
            };
            let found = each(|j| if j { format!("{issuer}：{ja}") } else { format!("{issuer}: {en}") });
            let hint = both(
                "curl --cacert CA ISSUER/.well-known/openid-configuration shows it; meanwhile people sign in with passkeys",
                "curl --cacert CA ISSUER/.well-known/openid-configuration で確認。その間もパスキーではサインインできる",
            );
            Check::fail(NAME, found, hint)
        }
    });
}

fn clock(issuer: &str, ahead: Option<i64>) -> Check {
    let Some(ahead) = ahead else {
        let found = each(|j| {
            if j {
                format!("{issuer}：応答あり。時刻は不明")
            } else {
                format!("{issuer}: answers, and does not say what time it is")
            }
        });
        return Check::unknown(NAME, found);
    };
    let found = each(|j| {
        if j {
            format!("{issuer}：応答あり。時刻の差は {} 秒", ahead.unsigned_abs())
        } else {
            format!("{issuer}: answers; the clocks differ by {} s", ahead.unsigned_abs())
        }
    });
    let hint = both(
        "its tokens are refused beyond 60 s: chronyc tracking, here and there",
        "60 秒を超えるとトークンを受け付けない。双方の時刻同期を確認（chronyc tracking）",
    );
    match ahead.unsigned_abs() {
        difference if difference > TOO_FAR => Check::fail(NAME, found, hint),
        difference if difference > SOON => Check::warn(NAME, found, hint),
        _ => Check::ok(NAME, found),
    }
}
