// Accounts, one's own factors, and requests to show names: asked by one, approved by another.
import { useState } from "preact/hooks";
import { get, post, remove } from "../api/client";
import { useGet } from "../api/use";
import type { Account, FactorKind, MadeLink, Role, Unmask } from "../api/types";
import { t } from "../lib/language";
import { createPasskey } from "../lib/passkey";
import { may, useSession } from "../lib/session";
import { zoneLabel } from "../lib/time";
import { roleName } from "../lib/words";
import { When } from "../parts/marks";
import { Empty, Show } from "../parts/states";
import { ProviderButton } from "./provider";
import { Act } from "../parts/step-up";

const ROLES: Role[] = ["viewer", "analyst", "responder", "auditor", "administrator", "privacy_officer"];
const tagOf = (thing: { version: number | string }): string => `"${thing.version}"`;

function Link({ made }: { made: MadeLink | null }) {
  if (!made) return null;
  return (
    <p class="banner" role="status">
      {t(
        "Give this link to that person by a way that you trust. It is shown this once and holds until",
        "このリンクを信頼できる方法で本人に渡してください。表示は一度だけです。期限：",
      )}{" "}
      <When at={made.expires} /> {zoneLabel()}
      <br />
      <code class="link-once">{made.link}</code>
    </p>
  );
}

function Invite({ onDone }: { onDone: (made: MadeLink) => void }) {
  const [name, setName] = useState("");
  const [display, setDisplay] = useState("");
  const [roles, setRoles] = useState<Role[]>(["viewer"]);
  const toggle = (role: Role) => setRoles(roles.includes(role) ? roles.filter((one) => one !== role) : [...roles, role]);
  const invite = async () => {
    const result = await post("/api/v1/accounts", { body: { name, display, roles } });
    if (result.ok) onDone(result.value);
    return result;
  };
  return (
    <details>
      <summary>{t("Invite somebody", "招待する")}</summary>
      <div class="form-row">
        <label>
          {t("Name to sign in with", "サインイン名")}
          <input value={name} pattern="[a-z0-9][a-z0-9._\-]*" onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          {t("Displayed name", "表示名")}
          <input value={display} onInput={(event) => setDisplay(event.currentTarget.value)} />
        </label>
      </div>
      <fieldset>
        <legend>{t("Roles", "役割")}</legend>
        {ROLES.map((role) => (
          <label key={role} class="check">
            <input type="checkbox" checked={roles.includes(role)} onChange={() => toggle(role)} /> {roleName(role)}
          </label>
        ))}
      </fieldset>
      <Act
        label={t("Make a one-time link", "一回限りのリンクを作成")}
        disabled={!name || !display || roles.length === 0}
        act={invite}
        onDone={() => {
          setName("");
          setDisplay("");
        }}
      />
    </details>
  );
}

function AccountLine({ of, onChange, onLink }: { of: Account; onChange: () => void; onLink: (made: MadeLink) => void }) {
  const signed = useSession();
  const states = {
    invited: t("invited: no rights yet", "招待中（権限なし）"),
    active: t("active", "有効"),
    must_enrol: t("its secrets are lost: must enrol again", "認証情報が失われています（再登録が必要）"),
    disabled: t("disabled", "無効"),
  };
  const again = async () => {
    const result = await post("/api/v1/accounts/{account}/link", { path: { account: of.id }, ifMatch: tagOf(of) });
    if (result.ok) onLink(result.value);
    return result;
  };
  return (
    <tr>
      <td>
        <b>{of.display}</b> <code>{of.name}</code>
      </td>
      <td>{states[of.state]}</td>
      <td>{of.roles.map(roleName).join(t(", ", "・"))}</td>
      <td>{of.factors.length === 0 ? <span class="dim">{t("none yet", "未登録")}</span> : of.factors.map(kindName).join(t(", ", "・"))}</td>
      <td>
        <When
          at={of.last_sign_in}
          precision="minute"
          none={of.id === signed?.session.account ? t("signed in now", "サインイン中") : t("never", "なし")}
        />
      </td>
      <td>
        {may(signed, "accounts_manage") && of.id !== signed?.session.account && (
          <span class="actions">
            <Act label={t("Enrol anew", "再登録リンク")} act={again} onDone={onChange} />
            {of.state !== "disabled" && (
              <Act
                label={t("Disable", "無効化")}
                act={() => post("/api/v1/accounts/{account}/disable", { path: { account: of.id }, ifMatch: tagOf(of) })}
                onDone={onChange}
              />
            )}
          </span>
        )}
      </td>
    </tr>
  );
}

function Accounts() {
  const asked = useGet("/api/v1/accounts", { query: { limit: 500 } });
  const [made, setMade] = useState<MadeLink | null>(null);
  const signed = useSession();
  return (
    <section aria-labelledby="accounts">
      <h2 id="accounts">{t("Accounts", "アカウント")}</h2>
      <Link made={made} />
      <Show of={asked} lines={3}>
        {(list) => (
          <div class="scroll" role="region" tabIndex={0} aria-label={t("List of accounts", "アカウント一覧")}>
            <table class="list">
              <thead>
                <tr>
                  <th>{t("Who", "利用者")}</th>
                  <th>{t("State", "状態")}</th>
                  <th>{t("Roles", "役割")}</th>
                  <th>{t("Factors", "認証手段")}</th>
                  <th>{t("Last sign-in", "最終サインイン")}</th>
                  <th>{t("Change", "変更")}</th>
                </tr>
              </thead>
              <tbody>
                {list.items.map((one) => (
                  <AccountLine key={one.id} of={one} onChange={asked.reload} onLink={setMade} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Show>
      {may(signed, "accounts_manage") && (
        <Invite
          onDone={(link) => {
            setMade(link);
            asked.reload();
          }}
        />
      )}
    </section>
  );
}

function kindName(kind: FactorKind): string {
  const names = {
    passkey: t("passkey", "パスキー"),
    password_totp: t("password and code", "パスワード＋コード"),
    provider: t("identity provider", "IDプロバイダー"),
  };
  return names[kind];
}

function Factors() {
  const signed = useSession();
  const asked = useGet("/api/v1/factors");
  const add = async () => {
    const options = await post("/api/v1/factors/passkey/options", {});
    if (!options.ok) return options;
    try {
      const attestation = await createPasskey(options.value);
      if (attestation) return await post("/api/v1/factors/passkey", { body: { attestation } });
    } catch {
      // Cancelled, or none that fits: the list stays as it is.
    }
    return get("/api/v1/factors", {});
  };
  return (
    <section aria-labelledby="factors">
      <h2 id="factors">{t("Your own factors", "自分の認証手段")}</h2>
      <Show of={asked} lines={2}>
        {(list) => (
          <>
            <ul class="factor-list">
              {list.items.map((one) => (
                <li key={one.id}>
                  {kindName(one.kind)} {one.label}{" "}
                  <span class="dim">
                    {t("last used", "最終使用")} <When at={one.last_used} precision="minute" none={t("never", "なし")} />
                  </span>
                  {list.items.length > 1 && (
                    <Act
                      label={t("Remove", "削除")}
                      act={() => remove("/api/v1/factors/{factor}", { path: { factor: one.id } })}
                      onDone={asked.reload}
                    />
                  )}
                </li>
              ))}
            </ul>
            {list.items.length === 1 && (
              <p class="unknown-note">
                {t(
                  "Only one: if it is lost, an administrator has to enrol you anew.",
                  "一つだけです。紛失すると管理者による再登録が必要になります。",
                )}
              </p>
            )}
            <Act label={t("Add a passkey", "パスキーを追加")} act={add} onDone={asked.reload} />
            {signed?.session.provider != null && !list.items.some((one) => one.kind === "provider") && (
              <ProviderButton name={signed.session.provider} wish="link" />
            )}
          </>
        )}
      </Show>
    </section>
  );
}

const SCOPES = ["read", "search", "audit_read", "accounts_read"] as const;

function MakeToken({ onMade }: { onMade: (secret: string) => void }) {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<(typeof SCOPES)[number]>("read");
  const [days, setDays] = useState(30);
  const make = async () => {
    const result = await post("/api/v1/tokens", { body: { name, scopes: [scope], days } });
    if (result.ok) onMade(result.value.secret);
    return result;
  };
  return (
    <details>
      <summary>{t("Make a token", "トークンを作成")}</summary>
      <div class="form-row">
        <label>
          {t("Name", "名前")}
          <br />
          <input value={name} maxLength={64} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          {t("May", "権限")}
          <br />
          <select value={scope} onChange={(event) => setScope(event.currentTarget.value as (typeof SCOPES)[number])}>
            {SCOPES.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("Days", "日数")}
          <br />
          <input type="number" min={1} max={366} value={days} onInput={(event) => setDays(Number(event.currentTarget.value))} />
        </label>
      </div>
      <Act label={t("Make", "作成")} disabled={!name.trim() || !(days >= 1 && days <= 366)} act={make} onDone={() => setName("")} />
    </details>
  );
}

/** Tokens for programs: scoped, and they end. */
function Tokens() {
  const asked = useGet("/api/v1/tokens", { query: { limit: 200 } });
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <section aria-labelledby="tokens">
      <h2 id="tokens">{t("Tokens for programs", "プログラム用トークン")}</h2>
      {secret && (
        <p class="banner" role="status">
          {t("Shown this once:", "表示は一度だけです：")} <code class="link-once">{secret}</code>
        </p>
      )}
      <Show of={asked} lines={2}>
        {(list) =>
          list.items.length === 0 ? (
            <p class="dim">{t("None.", "ありません。")}</p>
          ) : (
            <ul>
              {list.items.map((one) => (
                <li key={one.id} class="actions">
                  <b>{one.name}</b> <code>{one.scopes.join(" ")}</code>{" "}
                  <span class="dim">
                    {t("until", "期限")} <When at={one.expires} precision="day" /> ·{" "}
                    {one.first_used ? (
                      <>
                        {t("first used", "初回使用")} <When at={one.first_used} precision="minute" />
                      </>
                    ) : (
                      t("never used", "未使用")
                    )}
                  </span>
                  <Act
                    label={t("Revoke", "失効")}
                    act={() => remove("/api/v1/tokens/{token}", { path: { token: one.id } })}
                    onDone={asked.reload}
                  />
                </li>
              ))}
            </ul>
          )
        }
      </Show>
      <MakeToken
        onMade={(made) => {
          setSecret(made);
          asked.reload();
        }}
      />
    </section>
  );
}

function UnmaskLine({ of, onChange }: { of: Unmask; onChange: () => void }) {
  const signed = useSession();
  const [reason, setReason] = useState("");
  const what = of.scope.kind === "account" ? of.scope.pseudonym : `${t("incident", "インシデント")} ${of.scope.incident.slice(0, 8)}`;
  const states = {
    asked: t("waits for a second person", "承認待ち"),
    approved: t("approved", "承認済み"),
    refused: t("refused", "却下"),
    expired: t("expired", "期限切れ"),
  };
  const mine = of.asked_by === signed?.session.account;
  const decide = (decision: "approve" | "refuse") => () =>
    post("/api/v1/unmask/{unmask}/decision", { path: { unmask: of.id }, body: { decision, reason }, ifMatch: tagOf(of) });
  return (
    <li>
      <b>{what}</b> — {of.reason}{" "}
      <span class="dim">
        {of.asked_by} <When at={of.asked} precision="minute" />
      </span>{" "}
      · {states[of.state]}
      {of.state === "asked" &&
        may(signed, "unmask_approve") &&
        (mine ? (
          <span class="dim"> {t("(you asked; somebody else decides)", "（依頼者本人は承認できません）")}</span>
        ) : (
          <div class="actions">
            <label>
              {t("Reason", "理由")}
              <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
            </label>
            <Act label={t("Approve", "承認")} disabled={!reason} act={decide("approve")} onDone={onChange} />
            <Act label={t("Refuse", "却下")} disabled={!reason} act={decide("refuse")} onDone={onChange} />
          </div>
        ))}
    </li>
  );
}

function Names() {
  const asked = useGet("/api/v1/unmask");
  return (
    <section aria-labelledby="names">
      <h2 id="names">{t("Requests to show names", "実名表示の依頼")}</h2>
      <Show of={asked} lines={2}>
        {(list) =>
          list.items.length === 0 ? (
            <Empty title={t("None.", "ありません。")} />
          ) : (
            <ul>
              {list.items.map((one) => (
                <UnmaskLine key={one.id} of={one} onChange={asked.reload} />
              ))}
            </ul>
          )
        }
      </Show>
    </section>
  );
}

export function Access() {
  const signed = useSession();
  return (
    <>
      <header class="page-head">
        <h1>{t("Access", "アクセス権")}</h1>
        <p class="dim">{t("No account has fewer than two factors.", "二要素のないアカウントは存在しません。")}</p>
      </header>
      <Factors />
      {may(signed, "accounts_read") && <Accounts />}
      <Names />
      {may(signed, "tokens_own") && <Tokens />}
    </>
  );
}
