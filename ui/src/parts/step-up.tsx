// A change that needs a fresh proof asks for it where it is made, and then goes on.
import { useState } from "preact/hooks";
import { post, type Result, type Trouble } from "../api/client";
import { t } from "../lib/language";
import { canPasskey, usePasskey } from "../lib/passkey";
import { TroubleNote } from "./states";

/** Asks for a passkey, or for password and code; `onDone` when the server took it. */
function Proof({ onDone, onCancel }: { onDone: () => void; onCancel: () => void }) {
  const [wrong, setWrong] = useState(false);
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const passkey = async () => {
    const options = await post("/api/v1/session/step-up/options", {});
    try {
      const assertion = options.ok ? await usePasskey(options.value) : null;
      const proof = assertion ? await post("/api/v1/session/step-up", { body: { assertion } }) : null;
      if (proof?.ok) return onDone();
    } catch {
      // Cancelled, or none that fits.
    }
    setWrong(true);
  };
  const secret = async () => {
    const proof = await post("/api/v1/session/step-up", { body: { password, code: code.replaceAll(/\s/g, "") } });
    if (proof.ok) onDone();
    else setWrong(true);
  };
  return (
    <div class="proof" role="group" aria-label={t("A fresh proof", "再認証")}>
      <p>
        <b>{t("This needs a fresh proof that it is you.", "この操作には再認証が必要です。")}</b>
      </p>
      <p class="actions">
        {canPasskey() && (
          <button type="button" class="primary" onClick={() => void passkey()}>
            {t("Use a passkey", "パスキーを使う")}
          </button>
        )}
        <label>
          {t("Password", "パスワード")}
          <br />
          <input
            type="password"
            autocomplete="current-password"
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <label>
          {t("Six digits", "6桁")}
          <br />
          <input
            inputMode="numeric"
            autocomplete="one-time-code"
            size={8}
            value={code}
            onInput={(event) => setCode(event.currentTarget.value)}
          />
        </label>
        <button type="button" disabled={!password || !code} onClick={() => void secret()}>
          {t("Prove", "認証する")}
        </button>
        <button type="button" onClick={onCancel}>
          {t("Cancel", "中止")}
        </button>
      </p>
      {wrong && (
        <p class="wrong" role="alert">
          {t("That was not taken.", "認証できませんでした。")}
        </p>
      )}
    </div>
  );
}

interface Props {
  label: string;
  primary?: boolean;
  disabled?: boolean;
  act: () => Promise<Result<unknown>>;
  onDone: () => void;
}

/** A button that does one change and says how it went. */
export function Act({ label, primary, disabled, act, onDone }: Props) {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const run = async () => {
    setBusy(true);
    const result = await act();
    setBusy(false);
    setTrouble(result.ok ? null : result.trouble);
    if (result.ok) onDone();
  };
  return (
    <>
      <button type="button" class={primary ? "primary" : ""} disabled={busy || disabled} onClick={() => void run()}>
        {busy ? t("Working …", "処理中…") : label}
      </button>
      {trouble?.code === "step_up_needed" && <Proof onDone={() => void run()} onCancel={() => setTrouble(null)} />}
      {trouble && trouble.code !== "step_up_needed" && <TroubleNote trouble={trouble} />}
    </>
  );
}
