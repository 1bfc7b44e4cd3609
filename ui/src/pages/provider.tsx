// Coming through an identity provider: the button, the way back, and the factor that is asked here when the provider did not
// say that it verified two.
import { useEffect, useState } from "preact/hooks";
import { post, type Trouble } from "../api/client";
import type { ProviderFactorOptions } from "../api/types";
import { t } from "../lib/language";
import { canPasskey, usePasskey } from "../lib/passkey";
import { Loading } from "../parts/states";
import { Frame, refused, Wrong } from "./sign-in";

type Wish = "sign_in" | "anew" | "enrol" | "link";

/** Whether somebody came back from a provider just now. */
export const cameBack = (): boolean => location.pathname === "/oidc";

/** Why the word of a provider does not count, and what to do. */
export function providerRefused(trouble: Trouble): string {
  switch (trouble.reason) {
    case "no_answer":
      return t(
        "The identity provider does not answer. Sign in with what you enrolled here.",
        "IDプロバイダーから応答がありません。Hinomi に登録した認証手段でサインインしてください。",
      );
    case "denied":
      return t("Signing in there was cancelled or refused.", "IDプロバイダーでのサインインが中止されたか、拒否されました。");
    case "second_factor":
      return t(
        "The identity provider did not confirm a second factor, and you have none here. Ask an administrator for a link.",
        "IDプロバイダーで二要素認証が確認できず、Hinomi にも認証手段が登録されていません。管理者に登録リンクを依頼してください。",
      );
    case "not_linked":
      return t(
        "No active account here belongs to this identity. Accounts are made by invitation only.",
        "この ID に対応する有効なアカウントがありません。アカウントは招待によってのみ作成されます。",
      );
    case "not_anew":
      return t(
        "The identity provider did not ask you again, so this is no fresh proof.",
        "IDプロバイダーで再認証が行われなかったため、本人確認として扱えません。",
      );
    case "time":
      return t(
        "The clocks of this server and of the identity provider differ. Tell an administrator.",
        "このサーバーと IDプロバイダーの時刻がずれています。管理者に連絡してください。",
      );
    default:
      return t(
        `What the identity provider said does not hold (${trouble.reason ?? trouble.code}). Nobody was signed in; tell an administrator.`,
        `IDプロバイダーの応答を検証できませんでした（${trouble.reason ?? trouble.code}）。サインインは行われていません。管理者に連絡してください。`,
      );
  }
}

/** Goes to the provider. */
export function ProviderButton({ name, wish, link }: { name: string; wish: Wish; link?: string }) {
  const [wrong, setWrong] = useState<string | null>(null);
  const leave = async () => {
    setWrong(null);
    const begun = await post("/api/v1/session/provider", { body: link === undefined ? { wish } : { wish, link } });
    if (begun.ok) location.assign(begun.value.address);
    else setWrong(refused(begun.trouble));
  };
  const text = wish === "link" ? t(`Link ${name}`, `${name} と連携する`) : t(`Continue with ${name}`, `${name} で続ける`);
  return (
    <>
      <button type="button" class="wide" onClick={() => void leave()}>
        {text}
      </button>
      <Wrong text={wrong} />
    </>
  );
}

/** The way back is taken once: what it holds leaves the address before anything else happens. */
let taken: URLSearchParams | null = null;
function take(): URLSearchParams {
  if (taken) return taken;
  taken = new URLSearchParams(location.search);
  history.replaceState(null, "", "/oidc");
  return taken;
}

function Second({ options, onDone }: { options: ProviderFactorOptions; onDone: () => void }) {
  const [wrong, setWrong] = useState<string | null>(null);
  const passkey = async () => {
    setWrong(null);
    if (!options.passkey) return;
    try {
      const assertion = await usePasskey(options.passkey);
      if (!assertion) return;
      const result = await post("/api/v1/session/provider/factor", { body: { assertion } });
      if (result.ok) onDone();
      else setWrong(refused(result.trouble));
    } catch {
      setWrong(t("The passkey was not used.", "パスキーが使われませんでした。"));
    }
  };
  const code = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body = { code: String(form.get("code")).replaceAll(/\s/g, "") };
    const result = await post("/api/v1/session/provider/factor", { body });
    if (result.ok) onDone();
    else setWrong(refused(result.trouble));
  };
  return (
    <>
      <p>
        {t(
          "The identity provider did not confirm a second factor. Use one that you enrolled here.",
          "IDプロバイダーで二要素認証が確認できませんでした。Hinomi に登録した認証手段で確認してください。",
        )}
      </p>
      {options.passkey && (
        <button type="button" class="primary wide" disabled={!canPasskey()} onClick={() => void passkey()}>
          {t("Use a passkey", "パスキーを使う")}
        </button>
      )}
      {options.code && (
        <form class="sign-form" onSubmit={(event) => void code(event)}>
          <label>
            {t("Six digits of the generator", "認証アプリの6桁")}
            <input name="code" inputMode="numeric" autocomplete="one-time-code" pattern="[0-9 ]{6,7}" required />
          </label>
          <button>{t("Sign in", "サインイン")}</button>
        </form>
      )}
      <Wrong text={wrong} />
    </>
  );
}

/** The page at /oidc. */
export function CameBack({ onChange }: { onChange: () => void }) {
  const [wrong, setWrong] = useState<string | null>(null);
  const [second, setSecond] = useState<ProviderFactorOptions | null>(null);
  // The whole page is loaded anew, so that nothing of the way back is left.
  const home = (to: string) => location.replace(to);
  const challenge = async () => {
    const options = await post("/api/v1/session/provider/factor/options", {});
    if (options.ok) setSecond(options.value);
    else setWrong(refused(options.trouble));
  };
  useEffect(() => {
    const back = take();
    const field = (name: string) => (back.has(name) ? { [name]: back.get(name) ?? "" } : {});
    const body = { state: back.get("state") ?? "", ...field("code"), ...field("iss"), ...field("error") };
    void post("/api/v1/session/provider/return", { body }).then((result) => {
      if (!result.ok) setWrong(refused(result.trouble));
      else if (result.value.outcome === "second_factor") void challenge();
      else home(result.value.outcome === "linked" ? "/#/access" : "/#/today");
    });
  }, []);
  return (
    <Frame onChange={onChange}>
      <h1>{t("Sign in", "サインイン")}</h1>
      {!wrong && !second && <Loading lines={2} />}
      {second && <Second options={second} onDone={() => home("/#/today")} />}
      <Wrong text={wrong} />
      {wrong && (
        <p>
          <a href="/">{t("Back to signing in", "サインイン画面に戻る")}</a>
        </p>
      )}
    </Frame>
  );
}
