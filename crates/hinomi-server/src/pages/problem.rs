//! Errors as they are told (RFC 9457).

use hinomi_access::{ProviderFault, Refusal};
use serde_json::json;

use crate::http::Response;

/// What went wrong, for programs. A code keeps its meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Code {
    /// It makes no sense.
    BadRequest,
    /// Nobody is signed in.
    NotSignedIn,
    /// A proof does not hold; which part is not told.
    SignInFailed,
    /// A link is unknown, used up or too old.
    LinkUnknown,
    /// What an authenticator or generator gave does not hold.
    ChallengeFailed,
    /// A password that is not taken.
    PasswordTooWeak,
    /// Not with these rights.
    Forbidden,
    /// Not without a fresh proof.
    StepUpNeeded,
    /// Not from a page of this origin.
    CrossSite,
    /// There is no such thing.
    NotFound,
    /// Not with this method.
    MethodNotAllowed,
    /// It contradicts what is there.
    Conflict,
    /// The last administrator stays.
    LastAdministrator,
    /// The last factor stays.
    LastFactor,
    /// A second person decides.
    SecondPersonNeeded,
    /// If-Match is missing.
    IfMatchNeeded,
    /// If-Match does not hold.
    ChangedMeanwhile,
    /// The body is too large.
    BodyTooLarge,
    /// The body is no JSON.
    MediaType,
    /// The request was meant for another host.
    WrongHost,
    /// Too many attempts.
    TooMany,
    /// What an identity provider said does not count.
    ProviderRefused,
    /// An identity provider does not answer, or wrongly.
    ProviderUnavailable,
    /// This server does not have it.
    NotAvailable,
    /// It is still being worked out.
    NotYet,
    /// It cannot be kept.
    Unavailable,
}

/// Code, name, status, title in English and Japanese.
const TABLE: [(Code, &str, u16, &str, &str); 26] = [
    (
        Code::BadRequest,
        "bad_request",
        400,
        "The request makes no sense",
        "リクエストの内容が正しくありません",
    ),
    (Code::NotSignedIn, "not_signed_in", 401, "Nobody is signed in", "サインインしていません"),
    (Code::SignInFailed, "sign_in_failed", 401, "Signing in failed", "サインインできませんでした"),
    (
        Code::LinkUnknown,
        "link_unknown",
        404,
        "The link is unknown, used up or too old",
        "リンクが無効か、使用済みか、期限切れです",
    ),
    (
        Code::ChallengeFailed,
        "challenge_failed",
        401,
        "What the authenticator or generator gave does not hold",
        "認証器またはコードを確認できませんでした",
    ),
    (
        Code::PasswordTooWeak,
        "password_too_weak",
        400,
        "This password is not taken",
        "このパスワードは使えません",
    ),
    (Code::Forbidden, "forbidden", 403, "The account may not do this", "この操作の権限がありません"),
    (
        Code::StepUpNeeded,
        "step_up_needed",
        403,
        "Prove anew who is there",
        "本人確認をもう一度行ってください",
    ),
    (
        Code::CrossSite,
        "cross_site",
        403,
        "Not from a page of this server",
        "このサーバーのページからの操作ではありません",
    ),
    (Code::NotFound, "not_found", 404, "There is no such thing", "見つかりません"),
    (Code::MethodNotAllowed, "method_not_allowed", 405, "Not with this method", "このメソッドは使えません"),
    (Code::Conflict, "conflict", 409, "It contradicts what is there", "現在の状態と矛盾します"),
    (
        Code::LastAdministrator,
        "last_administrator",
        409,
        "The last administrator stays",
        "最後の管理者は外せません",
    ),
    (Code::LastFactor, "last_factor", 409, "The last factor stays", "最後の認証手段は削除できません"),
    (
        Code::SecondPersonNeeded,
        "second_person_needed",
        409,
        "A second person has to decide",
        "別の担当者の承認が必要です",
    ),
    (Code::IfMatchNeeded, "if_match_needed", 428, "If-Match is needed", "If-Match が必要です"),
    (
        Code::ChangedMeanwhile,
        "changed_meanwhile",
        412,
        "It was changed meanwhile; read it again",
        "他の人が変更しました。読み直してください",
    ),
    (Code::BodyTooLarge, "body_too_large", 413, "The body is too large", "本文が大きすぎます"),
    (
        Code::MediaType,
        "media_type",
        415,
        "The body has to be application/json",
        "本文は application/json にしてください",
    ),
    (Code::WrongHost, "wrong_host", 421, "This server has another name", "サーバーの名前が違います"),
    (
        Code::ProviderRefused,
        "provider_refused",
        401,
        "The identity provider's word does not count",
        "IDプロバイダーによる本人確認が完了しませんでした",
    ),
    (
        Code::ProviderUnavailable,
        "provider_unavailable",
        503,
        "The identity provider does not answer as it should",
        "IDプロバイダーから正しい応答がありません",
    ),
    (Code::TooMany, "too_many", 429, "Too many attempts", "試行回数が多すぎます"),
    (Code::NotAvailable, "not_available", 501, "This server does not have it", "このサーバーにはありません"),
    (Code::NotYet, "not_yet", 503, "This is still being worked out", "まだ判定・集計の途中です"),
    (
        Code::Unavailable,
        "unavailable",
        503,
        "It cannot be kept, so it was not done",
        "保存できないため、実行しませんでした",
    ),
];

impl Code {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(code, ..)| *code)
    }

    fn row(self) -> (&'static str, u16, &'static str, &'static str) {
        let row = TABLE.iter().find(|(code, ..)| *code == self);
        row.map_or(("internal", 500, "", ""), |(_, name, status, en, ja)| (*name, *status, *en, *ja))
    }

    /// As in the contract.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// HTTP status.
    pub fn status(self) -> u16 {
        self.row().1
    }
}

/// An error as it is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What.
    pub code: Code,
    /// More, in English, for whoever writes a program.
    pub detail: Option<String>,
    /// Why the word of an identity provider does not count.
    reason: Option<&'static str>,
    retry_after: Option<i64>,
    allow: Option<String>,
}

impl Problem {
    /// Without more.
    pub fn new(code: Code) -> Self {
        Self { code, detail: None, reason: None, retry_after: None, allow: None }
    }

    /// With more.
    pub fn because(code: Code, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::new(code) }
    }

    /// Asking again after so many seconds makes sense.
    #[must_use]
    pub fn after(self, seconds: i64) -> Self {
        Self { retry_after: Some(seconds.max(1)), ..self }
    }

    /// Another method would do.
    pub(super) fn method(allow: String) -> Self {
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed) }
    }

    /// Whoever asks has to wait.
    pub fn wait(seconds: i64) -> Self {
        Self::new(Code::TooMany).after(seconds)
    }

    /// An identity provider, or whoever stands between.
    fn provider(fault: ProviderFault) -> Self {
        let code = match fault {
            ProviderFault::NoAnswer | ProviderFault::Description => Code::ProviderUnavailable,
            _ => Code::ProviderRefused,
        };
        Self { reason: Some(fault.name()), ..Self::because(code, fault.to_string()) }
    }

    /// The answer, its title in Japanese or English.
    pub(super) fn response(&self, japanese: bool) -> Response {
        let (name, status, en, ja) = self.code.row();
        let title = if japanese { ja } else { en };
        let mut body = json!({ "type": "about:blank", "title": title, "status": status, "code": name });
        if let Some(body) = body.as_object_mut() {
            body.extend(self.detail.as_ref().map(|detail| ("detail".to_owned(), json!(detail))));
            body.extend(self.reason.map(|reason| ("reason".to_owned(), json!(reason))));
            body.extend(self.retry_after.map(|wait| ("retry_after_seconds".to_owned(), json!(wait))));
        }
        let mut response = Response::json(status, body.to_string());
        response.content_type = "application/problem+json";
        if let Some(wait) = self.retry_after {
            response = response.with("retry-after", wait.to_string());
        }
        if let Some(allow) = &self.allow {
            response = response.with("allow", allow.clone());
        }
        if status == 401 {
            response = response.with("www-authenticate", "Bearer");
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        if let Refusal::Provider(fault) = &refusal {
            return Self::provider(*fault);
        }
        let code = match &refusal {
            Refusal::SignInFailed => return Self::new(Code::SignInFailed),
            Refusal::TooMany(wait) => return Self::wait(*wait),
            Refusal::LinkUnknown => Code::LinkUnknown,
            Refusal::Challenge(_) | Refusal::Code => Code::ChallengeFailed,
            Refusal::Password(_) => Code::PasswordTooWeak,
            Refusal::Forbidden => Code::Forbidden,
            Refusal::StepUpNeeded => Code::StepUpNeeded,
            Refusal::NotFound => Code::NotFound,
            Refusal::Conflict(_) | Refusal::Full(_) => Code::Conflict,
            Refusal::LastAdministrator => Code::LastAdministrator,
            Refusal::LastFactor => Code::LastFactor,
            Refusal::SecondPerson => Code::SecondPersonNeeded,
            Refusal::Changed => Code::ChangedMeanwhile,
            Refusal::Senseless(_) => Code::BadRequest,
            _ => Code::Unavailable,
        };
        Self::because(code, refusal.to_string())
    }
}
