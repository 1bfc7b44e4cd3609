// One report for the board, made to be printed: open incidents, four answers, what is contradicted, exceptions, suppliers, restores.
import type { ComponentChildren } from "preact";
import { useGet } from "../api/use";
import type { Board as Model } from "../api/types";
import { count } from "../lib/figures";
import { t } from "../lib/language";
import { zone, zoneLabel } from "../lib/time";
import { Answers, JudgedNote } from "../parts/answers";
import { IncidentTable } from "../parts/incident-table";
import { StatedDay, When } from "../parts/marks";
import { Show } from "../parts/states";
import { ClaimTable, ExceptionTable, SupplierPart } from "./claims";

/** A table that scrolls by itself where the window is narrow. */
function Wide({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="scroll" role="region" tabIndex={0} aria-label={label}>
      {children}
    </div>
  );
}

function Copies({ of }: { of: Model["copies"] }) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th>{t("Copy", "複製")}</th>
          <th>{t("Owner", "責任者")}</th>
          <th>{t("Last restore that really ran", "最後に実施した復元")}</th>
        </tr>
      </thead>
      <tbody>
        {of.map((copy) => (
          <tr key={copy.name}>
            <td>{copy.name}</td>
            <td>{copy.owner}</td>
            <td>
              {copy.last_restore ? (
                <StatedDay at={copy.last_restore} />
              ) : (
                <span class="unknown">{t("unknown: none is recorded", "不明：記録なし")}</span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A board that reads only this page learns of what is open. */
function OpenIncidents() {
  const asked = useGet("/api/v1/incidents", { query: { state: "open", limit: 5, zone: zone() } });
  return (
    <section>
      <h2>{t("Open incidents", "終了していないインシデント")}</h2>
      <Show of={asked} lines={2}>
        {(list) =>
          list.items.length === 0 ? (
            <p>{t("None, as far as logs were heard.", "受信した記録の限り、ありません。")}</p>
          ) : (
            <>
              <Wide label={t("Open incidents", "終了していないインシデント")}>
                <IncidentTable rows={list.items} />
              </Wide>
              {list.next && <p class="dim">{t("There are further ones.", "ほかにもあります。")}</p>}
            </>
          )
        }
      </Show>
    </section>
  );
}

function Sheet({ of }: { of: Model }) {
  const open = of.claims.filter(
    (claim) => claim.outcome === "contradicted" || claim.outcome === "expired-exception" || claim.outcome === "unknown",
  );
  const rest = of.claims.length - open.length;
  return (
    <>
      <JudgedNote of={of.judged} />
      <section>
        <h2>{t("The four questions", "四つの問い")}</h2>
        <Answers of={of.answers} />
      </section>
      <section>
        <h2>{t("What evidence contradicts, or leaves unknown", "反証・不明の要件")}</h2>
        <Wide label={t("Claims", "要件")}>
          <ClaimTable claims={open} linked={false} />
        </Wide>
        <p class="dim">
          {t(`${rest} further claims are supported, excepted or do not apply.`, `ほか ${rest} 件は裏付けあり・例外・該当なし。`)}
        </p>
      </section>
      <section>
        <h2>{t("Exceptions", "例外")}</h2>
        <Wide label={t("Exceptions", "例外")}>
          <ExceptionTable items={of.exceptions} />
        </Wide>
      </section>
      <section>
        <h2>{t("Suppliers", "委託先")}</h2>
        {of.suppliers.map((one) => (
          <SupplierPart key={one.name} of={one} />
        ))}
      </section>
      <section>
        <h2>{t("Backups", "バックアップ")}</h2>
        <Wide label={t("Backups", "バックアップ")}>
          <Copies of={of.copies} />
        </Wide>
      </section>
      <section>
        <h2>{t("Sources", "情報源")}</h2>
        <p>
          {t(
            `${count(of.sources.heard)} heard as usual, ${count(of.sources.silent)} silent, ${count(of.sources.unjudged)} that nobody can judge.`,
            `通常 ${count(of.sources.heard)}、途絶 ${count(of.sources.silent)}、判定不能 ${count(of.sources.unjudged)}。`,
          )}
        </p>
      </section>
    </>
  );
}

export function Board() {
  const asked = useGet("/api/v1/board", { query: { zone: zone() } });
  return (
    <article class="board">
      <header class="page-head">
        <h1>{t("For the board", "経営報告")}</h1>
        <p class="dim">
          {asked.value && (
            <>
              {t("As of", "時点：")} <When at={asked.value.as_of} precision="minute" /> {zoneLabel()}
            </>
          )}
        </p>
        <button type="button" class="no-print" onClick={() => print()}>
          {t("Print", "印刷")}
        </button>
      </header>
      <p class="board-note">
        {t(
          "Unknown is an answer: it is hatched, stays in every total, and is never shown as fine. Nobody is accused: credentials were used.",
          "「不明」も答えです。斜線で示し、合計から除かず、「問題なし」とは扱いません。人を非難するものではなく、資格情報の使用を示します。",
        )}
      </p>
      <OpenIncidents />
      <Show of={asked} lines={12}>
        {(board) => <Sheet of={board} />}
      </Show>
    </article>
  );
}
