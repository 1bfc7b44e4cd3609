// The ledger: what it has signed, who else saw it, and what could still be unmade.
import { useState } from "preact/hooks";
import { useGet } from "../api/use";
import type { Ledger as Model } from "../api/types";
import { bytes, count, grouped } from "../lib/figures";
import { say, t } from "../lib/language";
import { zoneLabel } from "../lib/time";
import { verdictName } from "../lib/words";
import { Known, When, StatedDay } from "../parts/marks";
import { Empty, Show } from "../parts/states";
import { AnchorField, readAnchor } from "../parts/verify";
import { agrees } from "../lib/anchor";
import type { Anchor } from "../lib/proof";

const COSIGNER: Record<string, [string, string]> = {
  following: ["follows", "追随"],
  behind: ["behind", "遅れ"],
  silent: ["silent", "沈黙"],
  alarm: ["ALARM", "警報"],
  unknown: ["unknown", "不明"],
};

/** Compares what was noted outside with what this server says: only the outside can say who is right. */
function Compare({ ledger }: { ledger: Model }) {
  const [anchor, setAnchor] = useState<Anchor | null>(readAnchor());
  const same = anchor === null ? null : agrees(anchor, ledger);
  return (
    <div class="compare">
      <AnchorField onChange={setAnchor} />
      {same === true && (
        <p class="verdict verdict-holds" role="status">
          {t("The same. Proofs on these pages are checked against your note.", "一致。この画面の検証は控えの値で行われます。")}
        </p>
      )}
      {same === false && (
        <p class="verdict verdict-fails" role="alert">
          {t(
            "DIFFERENT. Either your note is of another ledger, or this is not the ledger that it was. Ask the vault.",
            "不一致。別の台帳の控えか、台帳がすり替わっています。ボールトで確認してください。",
          )}
        </p>
      )}
    </div>
  );
}

function Cosigners({ ledger }: { ledger: Model }) {
  if (ledger.cosigners.length === 0) {
    return (
      <div class="empty empty-warn">
        <p class="empty-title">{t("Nobody outside keeps a copy or cosigns.", "外部に複製も連署もありません。")}</p>
        <p>
          {t(
            "Whoever has root here could make another history of everything. docs/anchors.md sets up a vault or a witness in some minutes:",
            "この機器の root は履歴全体を作り直せます。設定方法：docs/anchors.md",
          )}{" "}
          <code>hinomi vault init</code>
        </p>
      </div>
    );
  }
  return (
    <table class="list">
      <thead>
        <tr>
          <th>{t("Name", "名前")}</th>
          <th>{t("Kind", "種別")}</th>
          <th>{t("State", "状態")}</th>
          <th class="num">{t("Has seen", "確認済み")}</th>
          <th>{t("At", "時刻")}</th>
        </tr>
      </thead>
      <tbody>
        {ledger.cosigners.map((one) => (
          <tr key={one.name}>
            <td>
              <code>{one.name}</code>
            </td>
            <td>{one.kind === "vault" ? t("vault", "ボールト") : t("witness", "立会人")}</td>
            <td>
              <span class={`health health-${one.state === "following" ? "well" : one.state}`}>
                {t(...(COSIGNER[one.state] ?? ["?", "?"]))}
              </span>
              {one.text && <small> {say(one.text)}</small>}
            </td>
            <td class="num">
              {count(one.size)} / {count(ledger.size)}
            </td>
            <td>
              <When at={one.at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Verification({ ledger }: { ledger: Model }) {
  const { verification } = ledger;
  if (!verification)
    return (
      <Empty title={t("It was never verified as a whole, or nobody recorded it.", "全体検証の記録がありません。")}>
        <p>
          <code>hinomi verify ledger --data DIR --anchor checkpoint.saved</code>
        </p>
      </Empty>
    );
  return (
    <dl class="facts">
      <dt>{t("Verdict", "判定")}</dt>
      <dd>
        <b class={verification.anchored_size === null ? "unknown" : ""}>{verdictName(verification.verdict)}</b>
      </dd>
      <dt>{t("When", "日時")}</dt>
      <dd>
        <When at={verification.at} /> {zoneLabel()}
      </dd>
      <dt>{t("Read", "検証範囲")}</dt>
      <dd>
        {count(verification.blocks)} {t("blocks", "ブロック")}, {count(verification.records)} {t("records", "件")}
        {verification.erased_blocks > 0 && `, ${count(verification.erased_blocks)} ${t("erased by order", "命令により消去")}`}
      </dd>
      <dt>{t("Anchored up to", "外部控えで確認")}</dt>
      <dd>
        {verification.anchored_size === null ? (
          <span class="unknown">{t("nothing: no note from outside was given", "なし：外部の控えなしの検証")}</span>
        ) : (
          count(verification.anchored_size)
        )}
      </dd>
      <dt>{t("Findings", "所見")}</dt>
      <dd>
        {verification.findings.length === 0 ? (
          t("none", "なし")
        ) : (
          <ul>
            {verification.findings.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        )}
      </dd>
    </dl>
  );
}

function Checkpoints() {
  const asked = useGet("/api/v1/ledger/checkpoints", { query: { limit: 50 } });
  return (
    <Show of={asked} lines={3}>
      {(list) =>
        list.items.length === 0 ? (
          <Empty title={t("None kept.", "保存なし")} />
        ) : (
          <table class="list">
            <thead>
              <tr>
                <th class="num">{t("Size", "サイズ")}</th>
                <th>{t("Root", "ルート")}</th>
                <th>
                  {t("At", "時刻")} ({zoneLabel()})
                </th>
                <th>{t("Cosigned by", "連署")}</th>
              </tr>
            </thead>
            <tbody>
              {list.items.map((one) => (
                <tr key={one.size}>
                  <td class="num">{count(one.size)}</td>
                  <td>
                    <code>{one.root}</code>
                  </td>
                  <td>
                    <When at={one.at} />
                  </td>
                  <td>{one.cosigned_by.join(", ") || <span class="unknown">{t("nobody", "なし")}</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )
      }
    </Show>
  );
}

function Own({ ledger }: { ledger: Model }) {
  return (
    <dl class="facts">
      <dt>{t("Name", "名前")}</dt>
      <dd>
        <code>{ledger.origin}</code>
      </dd>
      <dt>{t("Fingerprint", "フィンガープリント")}</dt>
      <dd>
        <code class="digest">{grouped(ledger.fingerprint)}</code>
      </dd>
      <dt>{t("Signed so far", "署名済み")}</dt>
      <dd>
        {count(ledger.checkpoint.size)} {t("leaves", "リーフ")} · <When at={ledger.checkpoint.at} /> {zoneLabel()} · {count(ledger.records)}{" "}
        {t("records", "件")} · {bytes(ledger.bytes)}
      </dd>
      <dt>{t("Root", "ルート")}</dt>
      <dd>
        <code>{ledger.checkpoint.root}</code>
      </dd>
    </dl>
  );
}

export function Ledger() {
  const asked = useGet("/api/v1/ledger", { on: ["ledger"] });
  return (
    <>
      <header class="page-head">
        <h1>{t("Ledger", "台帳")}</h1>
      </header>
      <Show of={asked}>
        {(ledger) => (
          <div class="ledger">
            <section aria-labelledby="key">
              <h2 id="key">{t("Its key, and yours", "台帳の鍵と控え")}</h2>
              <Own ledger={ledger} />
              <Compare ledger={ledger} />
            </section>
            <section aria-labelledby="others">
              <h2 id="others">{t("Who else saw it", "外部の連署")}</h2>
              <Cosigners ledger={ledger} />
            </section>
            <section aria-labelledby="exposure">
              <h2 id="exposure">{t("What could still be unmade", "まだ取り消され得る範囲")}</h2>
              <p class="exposure">
                <Known value={ledger.exposure.records} why={ledger.exposure.why_unknown ? say(ledger.exposure.why_unknown) : ""}>
                  <b>{t(`${count(ledger.exposure.records)} records`, `${count(ledger.exposure.records)} 件`)}</b> (
                  {bytes(ledger.exposure.bytes)})
                  {t(", acknowledged and in no checked copy elsewhere, the oldest from", "：受領済みで、外部の検査済み複製がない。最古は")}{" "}
                  <StatedDay at={ledger.exposure.since} /> (UTC)
                </Known>
              </p>
            </section>
            <section aria-labelledby="verified">
              <h2 id="verified">{t("Last verification", "最後の検証")}</h2>
              <Verification ledger={ledger} />
            </section>
            <section aria-labelledby="holds">
              <h2 id="holds">{t("Legal holds", "消去保留")}</h2>
              {ledger.holds.length === 0 ? (
                <p class="dim">{t("None stand.", "なし")}</p>
              ) : (
                <ul>
                  {ledger.holds.map((hold) => (
                    <li key={hold.name}>
                      <b>{hold.name}</b> — {hold.reason} ({hold.owner}, <When at={hold.since} precision="day" />)
                    </li>
                  ))}
                </ul>
              )}
            </section>
            <section aria-labelledby="points">
              <h2 id="points">{t("Checkpoints", "チェックポイント")}</h2>
              <Checkpoints />
            </section>
          </div>
        )}
      </Show>
    </>
  );
}
