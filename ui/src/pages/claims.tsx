// Claims and what evidence says of them; the register of exceptions; suppliers.
import { useGet } from "../api/use";
import type { Claim, ClaimList, Exception, Supplier, Verdict } from "../api/types";
import { count } from "../lib/figures";
import { say, t } from "../lib/language";
import { amend, type Place } from "../lib/route";
import { OUTCOME_ORDER, outcomeName } from "../lib/words";
import { FactLine, JudgedNote, Unknowns } from "../parts/answers";
import { Outcome, StatedDay, When } from "../parts/marks";
import { Empty, Show } from "../parts/states";

/** How many entities have which verdict, as one bar: unknown is hatched, never empty. */
export function Shares({ of }: { of: Record<string, number> }) {
  const parts = OUTCOME_ORDER.map((outcome) => [outcome, of[outcome] ?? 0] as const).filter(([, n]) => n > 0);
  const total = parts.reduce((sum, [, n]) => sum + n, 0);
  const label = parts.map(([outcome, n]) => `${outcomeName(outcome)} ${n}`).join(t(", ", "、"));
  if (total === 0) return <span class="dim">—</span>;
  return (
    <span class="shares" role="img" aria-label={label} title={label}>
      {parts.map(([outcome, n]) => (
        <i key={outcome} class={`share share-${outcome}`} style={{ flexGrow: String(n) }}>
          {n}
        </i>
      ))}
    </span>
  );
}

export function ClaimTable({ claims, linked }: { claims: Claim[]; linked: boolean }) {
  const order = (claim: Claim) => OUTCOME_ORDER.indexOf(claim.outcome);
  const sorted = [...claims].sort((a, b) => order(a) - order(b) || a.id.localeCompare(b.id));
  return (
    <table class="list claims">
      <thead>
        <tr>
          <th>{t("What evidence says", "証拠の判定")}</th>
          <th>{t("What is believed", "満たすべき要件")}</th>
          <th>{t("Entities", "対象")}</th>
        </tr>
      </thead>
      <tbody>
        {sorted.map((claim) => (
          <tr key={claim.id}>
            <td>
              <Outcome of={claim.outcome} />
            </td>
            <td class="wide-cell">
              {linked ? (
                <button type="button" class="cite" onClick={() => amend({ claim: claim.id }, false)}>
                  {say(claim.title)}
                </button>
              ) : (
                say(claim.title)
              )}
            </td>
            <td>
              <Shares of={claim.entities} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function ExceptionTable({ items }: { items: Exception[] }) {
  if (items.length === 0) return <Empty title={t("No exception is registered.", "登録された例外はありません。")} />;
  const state = { valid: t("valid", "有効"), ended: t("ended", "期限切れ"), void: t("void", "無効") };
  return (
    <table class="list">
      <thead>
        <tr>
          <th>{t("Exception", "例外")}</th>
          <th>{t("State", "状態")}</th>
          <th>{t("Of whom, for what", "対象・要件")}</th>
          <th>{t("Owner", "責任者")}</th>
          <th>{t("Until", "期限")}</th>
          <th class="num">{t("Covered", "適用")}</th>
          <th class="num">{t("After its end", "期限後")}</th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <tr key={one.id}>
            <td>
              <code>{one.id}</code>
            </td>
            <td>
              <span
                class={`outcome outcome-${one.state === "valid" ? "excepted" : one.state === "ended" ? "expired-exception" : "contradicted"}`}
              >
                {state[one.state]}
              </span>
              {one.lacks.length > 0 && (
                <small class="unknown">
                  {t("lacks:", "不足：")} {one.lacks.map(say).join(t(", ", "、"))}
                </small>
              )}
            </td>
            <td class="wide-cell">
              <bdi>{one.entity || "—"}</bdi> <small class="dim">{one.claim}</small>
              <br />
              {one.reason}
              {one.compensation && <small class="dim"> ({one.compensation})</small>}
            </td>
            <td>{one.owner || <span class="unknown">{t("nobody", "なし")}</span>}</td>
            <td>
              <StatedDay at={one.until} none={t("none stated", "記載なし")} />
            </td>
            <td class="num">{count(one.covers)}</td>
            <td class="num">{one.after_end > 0 ? <b class="bad">{count(one.after_end)}</b> : 0}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function SupplierPart({ of }: { of: Supplier }) {
  const order = (word: string) => OUTCOME_ORDER.indexOf(word);
  const open = of.claims
    .filter((claim) => claim.outcome !== "supported" && claim.outcome !== "not-applicable")
    .sort((a, b) => order(a.outcome) - order(b.outcome));
  return (
    <article class="supplier">
      <h3>
        {of.name} {!of.registered && <span class="unknown">{t("on no list", "未登録")}</span>}
      </h3>
      <p class="dim">
        {t("answers for it:", "責任者：")} {of.owner || "—"} · {t("contract", "契約")} {of.contract || "—"} · {t("until", "期限")}{" "}
        <StatedDay at={of.until} none={t("none stated", "記載なし")} /> · {t(`${of.accounts} accounts`, `アカウント ${of.accounts}`)}
      </p>
      <p>
        {t("Sign-ins by their second factor:", "サインインの第二要素：")}{" "}
        <Shares of={{ supported: of.sessions.proven, contradicted: of.sessions.disproven, unknown: of.sessions.unknown }} />
      </p>
      <ul class="supplier-claims">
        {open.map((claim) => (
          <li key={claim.id}>
            <Outcome of={claim.outcome} /> {say(claim.title)}
          </li>
        ))}
      </ul>
      {of.reaches.length > 0 && (
        <ul class="known">
          {of.reaches.map((fact, i) => (
            <FactLine key={i} fact={fact} />
          ))}
        </ul>
      )}
    </article>
  );
}

/** Grounds that say the same are one line with how often. */
function Grounds({ of }: { of: Verdict }) {
  const groups = new Map<string, Verdict["grounds"]>();
  for (const ground of of.grounds) groups.set(say(ground.text), [...(groups.get(say(ground.text)) ?? []), ground]);
  return (
    <ul class="grounds">
      {[...groups].slice(0, 8).map(([text, list]) => (
        <li key={text}>
          <When at={list[0]?.time} />
          {list.length > 1 && <b> ×{list.length}</b>} {text}{" "}
          {list
            .flatMap((ground) => ground.evidence)
            .slice(0, 4)
            .map((one, i) => (
              <a key={one.reference} class="cite" href={`#/search?evidence=${encodeURIComponent(one.reference)}`}>
                {t("bytes", "原文")} {i + 1}
              </a>
            ))}
        </li>
      ))}
    </ul>
  );
}

function ClaimDetail({ id }: { id: string }) {
  const asked = useGet("/api/v1/claims/{id}", { path: { id } });
  return (
    <section class="detail" aria-label={t("One claim", "要件の詳細")}>
      <Show of={asked}>
        {(list) => (
          <>
            <header>
              <h2>{say(list.claim.title)}</h2>
              <button type="button" class="plain" onClick={() => amend({ claim: null })} aria-label={t("Close", "閉じる")}>
                ✕
              </button>
            </header>
            <p>{say(list.claim.why)}</p>
            <p>
              <b>{t("What to do:", "対処：")}</b> {say(list.claim.remedy)}
            </p>
            <Unknowns of={list.claim.unknown} />
            <table class="list">
              <tbody>
                {list.items.map((one) => (
                  <tr key={one.entity}>
                    <td>
                      <Outcome of={one.outcome} />
                    </td>
                    <td>
                      <bdi>{one.entity}</bdi>
                      {one.exceptions.length > 0 && <small class="dim"> {one.exceptions.join(", ")}</small>}
                      <Grounds of={one} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            {list.next && (
              <p class="dim">{t("More follow; ask with `hinomi assure --json`.", "続きは hinomi assure --json で確認できます。")}</p>
            )}
          </>
        )}
      </Show>
    </section>
  );
}

function Disagreements({ of: list }: { of: ClaimList }) {
  if (list.disagreements.length === 0) return null;
  return (
    <div class="disagree">
      <h3>{t("Declared one way, seen the other", "申告と実際の食い違い")}</h3>
      <ul>
        {list.disagreements.map((one, i) => (
          <li key={i}>
            <b>
              <bdi>{one.entity}</bdi>
            </b>{" "}
            {say(one.text)} {one.owner && <span class="dim">({one.owner})</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Head() {
  return (
    <header class="page-head">
      <h1>{t("Exceptions", "例外")}</h1>
      <p class="dim">
        {t(
          "No exceptions; where there are some they are visible, and they end.",
          "例外は作らない。あるなら見えるようにし、必ず終わらせる。",
        )}
      </p>
    </header>
  );
}

export function Claims({ place }: { place: Place }) {
  const claims = useGet("/api/v1/claims");
  const exceptions = useGet("/api/v1/exceptions");
  const suppliers = useGet("/api/v1/suppliers");
  const chosen = place.query.get("claim");
  return (
    <>
      <Head />
      <section aria-labelledby="register">
        <h2 id="register">{t("Register of exceptions", "例外の登録簿")}</h2>
        <Show of={exceptions} lines={3}>
          {(list) => (
            <div class="scroll" role="region" tabIndex={0} aria-label={t("Register", "登録簿")}>
              <ExceptionTable items={list.items} />
            </div>
          )}
        </Show>
      </section>
      <section aria-labelledby="claims">
        <h2 id="claims">{t("What is believed, and what evidence says", "要件と証拠")}</h2>
        <Show of={claims}>
          {(list) =>
            list.items.length === 0 ? (
              <Empty title={t("No claim was judged yet.", "まだ判定がありません。")}>
                <p>
                  <code>hinomi assure DIR --inventory LISTS</code>
                </p>
              </Empty>
            ) : (
              <>
                <JudgedNote of={list.judged} />
                <Disagreements of={list} />
                <div class={chosen ? "with-detail" : ""}>
                  <div class="scroll" role="region" tabIndex={0} aria-label={t("Claims", "要件")}>
                    <ClaimTable claims={list.items} linked />
                  </div>
                  {chosen && <ClaimDetail key={chosen} id={chosen} />}
                </div>
              </>
            )
          }
        </Show>
      </section>
      <section aria-labelledby="suppliers">
        <h2 id="suppliers">{t("Suppliers", "委託先")}</h2>
        <Show of={suppliers} lines={3}>
          {(list) =>
            list.items.length === 0 ? (
              <Empty title={t("No supplier is on a list.", "委託先の登録がありません。")} />
            ) : (
              <>
                {list.items.map((one) => (
                  <SupplierPart key={one.name} of={one} />
                ))}
              </>
            )
          }
        </Show>
      </section>
      <p>
        <a class="button" href="#/board">
          {t("The page for the board", "経営報告ページ")}
        </a>
      </p>
    </>
  );
}
