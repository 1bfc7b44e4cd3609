// Signing in, and the one-time link at which an account gets its factors. No account has only one.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { post, type Trouble } from "../api/client";
import type { Enrolment, Session, TotpOffer } from "../api/types";
import { t } from "../lib/language";
import { canPasskey, createPasskey, usePasskey } from "../lib/passkey";
import { show, zoneLabel } from "../lib/time";
import { ProviderButton, providerRefused } from "./provider";
import { Choices } from "../parts/shell";
import { Loading } from "../parts/states";

export function Frame({ onChange, children }: { onChange: () => void; children: ComponentChildren }) {
  return (
    <main class="alone" id="main">
      <p class="mark">
        <span lang="ja" aria-hidden="true">
          火の見
        </span>
        <span>Hinomi</span>
      </p>
      {children}
      <Choices onChange={onChange} />
    </main>
  );
}

export function refused(trouble: Trouble): string {
  switch (trouble.code) {
    case "sign_in_failed":
      return t("Name, password or code is not right.", "名前・パスワード・コードのいずれかが正しくありません。");
    case "challenge_failed":
      return t("The passkey's proof does not hold. Begin again.", "パスキーの検証に失敗しました。もう一度お試しください。");
    case "link_unknown":
      return t(
        "The link was used, has expired, or was replaced by a newer one.",
        "このリンクは使用済み・期限切れ、または新しいリンクに置き換えられました。",
      );
    case "password_too_weak":
      return t("Too short, or one of those that everybody tries first.", "短すぎるか、よく使われるパスワードです。");
    case "too_many":
      return t(
        `Too many tries. Wait ${trouble.retryAfter ?? 60} seconds.`,
        `試行回数が多すぎます。${trouble.retryAfter ?? 60} 秒お待ちください。`,
      );
    case "provider_refused":
    case "provider_unavailable":
      return providerRefused(trouble);
    case "unreachable":
      return t("The server does not answer.", "サーバーから応答がありません。");
    default:
      return trouble.detail ?? trouble.title;
  }
}

export function Wrong({ text }: { text: string | null }) {
  return text ? (
    <p class="wrong" role="alert">
      {text}
    </p>
  ) : null;
}

const ABANDONED = () =>
  t(
    "The passkey was not used: it was cancelled, or none fits this address.",
    "パスキーが使われませんでした（中止されたか、このアドレス用のパスキーがありません）。",
  );

function PasswordForm({ onDone }: { onDone: () => void }) {
  const [wrong, setWrong] = useState<string | null>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body = {
      name: String(form.get("name")),
      password: String(form.get("password")),
      code: String(form.get("code")).replaceAll(/\s/g, ""),
    };
    const result = await post("/api/v1/session/password", { body });
    if (result.ok) onDone();
    else setWrong(refused(result.trouble));
  };
  return (
    <form class="sign-form" onSubmit={(event) => void submit(event)}>
      <label>
        {t("Name", "名前")}
        <input name="name" autocomplete="username" required />
      </label>
      <label>
        {t("Password", "パスワード")}
        <input name="password" type="password" autocomplete="current-password" required />
      </label>
      <label>
        {t("Six digits of the generator", "認証アプリの6桁")}
        <input name="code" inputMode="numeric" autocomplete="one-time-code" pattern="[0-9 ]{6,7}" required />
      </label>
      <Wrong text={wrong} />
      <button>{t("Sign in", "サインイン")}</button>
    </form>
  );
}

export function SignIn({ session, onDone, onChange }: { session: Session; onDone: () => void; onChange: () => void }) {
  const [wrong, setWrong] = useState<string | null>(null);
  const passkey = async () => {
    setWrong(null);
    const options = await post("/api/v1/session/passkey/options", {});
    if (!options.ok) return setWrong(refused(options.trouble));
    try {
      const assertion = await usePasskey(options.value);
      if (!assertion) return setWrong(ABANDONED());
      const result = await post("/api/v1/session/passkey", { body: assertion });
      if (result.ok) onDone();
      else setWrong(refused(result.trouble));
    } catch {
      setWrong(ABANDONED());
    }
  };
  return (
    <Frame onChange={onChange}>
      <h1>{t("Sign in", "サインイン")}</h1>
      <p class="dim">{session.site}</p>
      {session.first_start && (
        <p class="banner">
          {t(
            "Nobody is an administrator yet. On the server, this prints a one-time link: hinomi access first --data DIR",
            "管理者がまだいません。サーバー上で hinomi access first --data DIR を実行すると、一回限りのリンクが表示されます。",
          )}
        </p>
      )}
      {session.sign_in.includes("passkey") && (
        <>
          <button type="button" class="primary wide" disabled={!canPasskey()} onClick={() => void passkey()}>
            {t("Use a passkey", "パスキーを使う")}
          </button>
          {!canPasskey() && (
            <p class="dim">
              {t("Passkeys need HTTPS, or this machine itself (localhost).", "パスキーには HTTPS か localhost での接続が必要です。")}
            </p>
          )}
        </>
      )}
      {session.provider !== null && <ProviderButton name={session.provider} wish="sign_in" />}
      <Wrong text={wrong} />
      {session.sign_in.includes("password_totp") && (
        <details open={!session.sign_in.includes("passkey")}>
          <summary>{t("With password and code", "パスワードとコードで")}</summary>
          <PasswordForm onDone={onDone} />
        </details>
      )}
    </Frame>
  );
}

function Purpose({ of }: { of: Enrolment }) {
  const texts = {
    first_administrator: t("You become the first administrator.", "最初の管理者として登録します。"),
    invitation: t("You were invited. Choose how you prove that it is you.", "招待されました。本人確認の方法を選んでください。"),
    re_enrolment: t(
      "An administrator had you enrol anew. What proved you before no longer does.",
      "管理者により再登録となりました。以前の認証手段は無効です。",
    ),
    break_glass: t(
      "Break-glass: everybody is told, all is recorded, and it ends after an hour.",
      "緊急アクセス：全員に通知され、すべて記録され、1 時間で終了します。",
    ),
  };
  return <p class={of.purpose === "break_glass" ? "banner banner-glass" : ""}>{texts[of.purpose]}</p>;
}

function PasswordEnrolment({ link, onDone }: { link: string; onDone: () => void }) {
  const [offer, setOffer] = useState<TotpOffer | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const begin = async () => {
    const result = await post("/api/v1/enrolment/password/options", { body: { link } });
    if (result.ok) setOffer(result.value);
    else setWrong(refused(result.trouble));
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body = { link, password: String(form.get("password")), code: String(form.get("code")).replaceAll(/\s/g, "") };
    const result = await post("/api/v1/enrolment/password", { body });
    if (result.ok) onDone();
    else setWrong(refused(result.trouble));
  };
  if (!offer)
    return (
      <>
        <button type="button" onClick={() => void begin()}>
          {t("Use a password and a code generator instead", "パスワードと認証アプリを使う")}
        </button>
        <Wrong text={wrong} />
      </>
    );
  return (
    <form class="sign-form" onSubmit={(event) => void submit(event)}>
      <p>
        {t("Enter this secret in the code generator:", "認証アプリにこの値を登録してください：")}
        <br />
        <code class="digest">{offer.secret.match(/.{4}/g)?.join(" ")}</code>
        <br />
        <a href={offer.uri}>{t("open the generator on this machine", "この端末の認証アプリで開く")}</a>
      </p>
      <label>
        {t("New password, 12 characters or more", "新しいパスワード（12 文字以上）")}
        <input name="password" type="password" autocomplete="new-password" minLength={12} required />
      </label>
      <label>
        {t("Six digits that it shows now", "表示された6桁")}
        <input name="code" inputMode="numeric" autocomplete="one-time-code" pattern="[0-9 ]{6,7}" required />
      </label>
      <Wrong text={wrong} />
      <button class="primary">{t("Enrol", "登録する")}</button>
    </form>
  );
}

/** The secret of a one-time link: `#/enrol/SECRET`. */
const secret = (): string => decodeURIComponent(location.hash.replace(/^#\/enrol\/?/, ""));

export function Enrol({ onDone, onChange }: { onDone: () => void; onChange: () => void }) {
  const [link] = useState(secret);
  const [found, setFound] = useState<Enrolment | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  useEffect(() => {
    // The secret leaves the address, so that no history keeps it.
    history.replaceState(null, "", "#/enrol");
    void post("/api/v1/enrolment", { body: { link } }).then((result) => {
      if (result.ok) setFound(result.value);
      else setWrong(refused(result.trouble));
    });
  }, []);
  const passkey = async () => {
    setWrong(null);
    const options = await post("/api/v1/enrolment/passkey/options", { body: { link } });
    if (!options.ok) return setWrong(refused(options.trouble));
    try {
      const attestation = await createPasskey(options.value);
      if (!attestation) return setWrong(ABANDONED());
      const result = await post("/api/v1/enrolment/passkey", { body: { link, attestation } });
      if (result.ok) onDone();
      else setWrong(refused(result.trouble));
    } catch {
      setWrong(ABANDONED());
    }
  };
  return (
    <Frame onChange={onChange}>
      <h1>{t("Enrol", "登録")}</h1>
      {!found && !wrong && <Loading lines={3} />}
      {found && (
        <>
          <p>
            <b>{found.display}</b> <code>{found.name}</code>
          </p>
          <Purpose of={found} />
          <p class="dim">
            {t("The link holds until", "リンクの期限")} {show(found.expires)} {zoneLabel()}
          </p>
          {found.methods.includes("passkey") && (
            <button type="button" class="primary wide" disabled={!canPasskey()} onClick={() => void passkey()}>
              {t("Make a passkey", "パスキーを作成する")}
            </button>
          )}
          {found.methods.includes("provider") && (
            <ProviderButton name={t("the identity provider", "IDプロバイダー")} wish="enrol" link={link} />
          )}
          {found.methods.includes("password_totp") && <PasswordEnrolment link={link} onDone={onDone} />}
        </>
      )}
      <Wrong text={wrong} />
    </Frame>
  );
}
