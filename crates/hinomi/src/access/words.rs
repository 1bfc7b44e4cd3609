//! Refusals in Japanese. English is what [`Refusal`] itself says.

use hinomi_access::{PasswordFault, Refusal};

/// Texts of refusals that carry one.
const TEXTS: [(&str, &str); 22] = [
    ("it was made with a sealed code", "封印コードで作られたアカウントです"),
    ("this identity belongs to an account already", "この ID はすでに別のアカウントに登録されています"),
    ("a sealed code is used with a passkey", "封印コードはパスキーでのみ使えます"),
    ("accounts", "アカウント"),
    ("an account of an hour has no tokens", "1 時間限りのアカウントではトークンを発行できません"),
    ("an account of an hour has one passkey", "1 時間限りのアカウントのパスキーは 1 つだけです"),
    ("days: 1 to 366", "日数は 1 から 366 までです"),
    ("factors of this account", "このアカウントの認証手段"),
    ("roles: at least one", "ロールを 1 つ以上指定してください"),
    (
        "roles: viewer, analyst, responder, auditor, administrator, privacy_officer",
        "ロールは viewer, analyst, responder, auditor, administrator, privacy_officer のいずれかです",
    ),
    (
        "scopes: at least one of those that tokens can have",
        "トークンに使えるスコープを 1 つ以上指定してください",
    ),
    (
        "scopes: read, search, audit_read, accounts_read",
        "スコープは read, search, audit_read, accounts_read のいずれかです",
    ),
    ("the account is disabled", "このアカウントは無効化されています"),
    ("there is an account of this name", "同じ名前のアカウントがすでにあります"),
    ("there is an administrator already", "管理者はすでにいます"),
    ("this identity belongs to another account", "この ID は別のアカウントに登録されています"),
    (
        "the account is no invitation any more: its owner links the identity, signed in",
        "このアカウントは招待中ではありません。ID の連携は、本人がサインインして行います",
    ),
    (
        "issuer, subject: 1 to 255 visible characters",
        "発行者（issuer）と主体（subject）は、表示できる ASCII 文字 1 から 255 字です",
    ),
    ("tokens of this account", "このアカウントのトークン"),
    (
        "NAME: small letters, digits, dots, dashes and underscores",
        "名前に使えるのは、英小文字・数字・. - _ です",
    ),
    ("name: a line of at most 64 characters", "名前は 64 字以内の 1 行です"),
    ("display: a line of at most 100 characters", "表示名は 100 字以内の 1 行です"),
];

fn text(english: &'static str) -> &'static str {
    TEXTS.iter().find(|(known, _)| *known == english).map_or(english, |(_, japanese)| japanese)
}

/// A refusal, for whoever reads Japanese.
pub(super) fn japanese(refusal: &Refusal) -> String {
    let fixed = match refusal {
        Refusal::SignInFailed => "サインインできませんでした",
        Refusal::LinkUnknown => "リンクが無効か、使用済みか、期限切れです",
        Refusal::Challenge(_) => "認証器の応答を確認できませんでした",
        Refusal::Password(PasswordFault::Short) => "パスワードが短すぎます",
        Refusal::Password(_) => "このパスワードは使えません",
        Refusal::Provider(_) => "ID プロバイダーによる本人確認が完了しませんでした",
        Refusal::Code => "コードが正しくありません",
        Refusal::Forbidden => "この操作の権限がありません",
        Refusal::StepUpNeeded => "本人確認をもう一度行ってください",
        Refusal::NotFound => "見つかりません",
        Refusal::Conflict(english) | Refusal::Senseless(english) => text(english),
        Refusal::LastAdministrator => "最後の管理者は外せません",
        Refusal::LastFactor => "最後の認証手段は削除できません",
        Refusal::SecondPerson => "別の担当者の承認が必要です",
        Refusal::Changed => "ほかの人が先に変更しました",
        Refusal::TooMany(seconds) => {
            return format!("試行回数が多すぎます。{seconds} 秒後にもう一度お試しください");
        }
        Refusal::Full(what) => return format!("{}の数が上限に達しています", text(what)),
        Refusal::NotKept => "書き込めないため、実行しませんでした",
        Refusal::NoEntropy => "OS から乱数を取得できません",
        other => return other.to_string(),
    };
    fixed.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever can be refused at the command line is said in Japanese, too.
    #[test]
    fn each_text_that_commands_refuse_with_has_a_japanese_one() {
        let sources =
            [include_str!("answering.rs"), include_str!("../../../hinomi-access/src/registry/change.rs")];
        let refused =
            sources.iter().flat_map(|source| source.split("Refusal::").skip(1)).filter_map(|part| {
                let kind =
                    ["Conflict(", "Senseless(", "Full("].iter().find(|kind| part.starts_with(**kind))?;
                part.get(kind.len()..)?.trim_start().strip_prefix('"')?.split('"').next()
            });
        let mut checked = 0;
        for english in refused {
            // These are refused on pages only.
            let pages = [
                "hours:",
                "it is decided",
                "this was asked",
                "requests that wait",
                "the account is over",
                "scope:",
                "reason:",
            ];
            if pages.iter().any(|page| english.starts_with(page)) {
                continue;
            }
            assert_ne!(text(Box::leak(english.to_owned().into_boxed_str())), english);
            checked += 1;
        }
        assert!(checked > 10, "{checked}");
    }
}
