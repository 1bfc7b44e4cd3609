// Rules: what fires, what never fired and why, what is noise, and what suppressions hide.
import { useState } from "preact/hooks";
import { post } from "../api/client";
import { useGet } from "../api/use";
import type { Rule, RuleList, Suppression } from "../api/types";
import { count } from "../lib/figures";
import { say, t } from "../lib/language";
import { amend, type Place } from "../lib/route";
import { may, useSession } from "../lib/session";
import { zoneLabel } from "../lib/time";
import { neverName } from "../lib/words";
import { Level, When } from "../parts/marks";
import { Rows } from "../parts/rows";
import { Empty, Show } from "../parts/states";
import { Act } from "../parts/step-up";

const VIEWS = ["fired", "noise", "never", "rejected"] as const;
type View = (typeof VIEWS)[number];

const isNoise = (rule: Rule): boolean => rule.fired !== null && rule.fired.count >= 20 && rule.fired.incidents * 10 < rule.fired.count;

function seen(list: RuleList, view: View, words: string): Rule[] {
  const wanted = words.toLowerCase();
  const rules = list.items.filter(
    (rule) =>
      wanted === "" ||
      `${rule.title.en} ${rule.title.ja} ${rule.origin} ${rule.techniques.map((one) => one.id).join(" ")}`.toLowerCase().includes(wanted),
  );
  switch (view) {
    case "fired":
      return rules.filter((rule) => rule.fired !== null).sort((a, b) => (b.fired?.last ?? "").localeCompare(a.fired?.last ?? ""));
    case "noise":
      return rules.filter(isNoise).sort((a, b) => (b.fired?.count ?? 0) - (a.fired?.count ?? 0));
    case "never":
      return rules.filter((rule) => rule.fired === null);
    case "rejected":
      return [];
  }
}

function viewName(view: View): string {
  switch (view) {
    case "fired":
      return t("fired", "一致あり");
    case "noise":
      return t("noise", "ノイズ");
    case "never":
      return t("never fired", "一致なし");
    case "rejected":
      return t("cannot be used", "使用不可");
  }
}

function RuleLine({ rule }: { rule: Rule }) {
  return (
    <>
      <span class="c-level">
        <Level level={rule.level} />
      </span>
      <span class="c-title">{say(rule.title)}</span>
      <span class="c-why">
        {rule.fired ? (
          <>
            {t(
              `${count(rule.fired.count)} times, ${count(rule.fired.incidents)} in incidents`,
              `${count(rule.fired.count)} 回（うちインシデント ${count(rule.fired.incidents)}）`,
            )}
          </>
        ) : (
          <span class={rule.never_because === "no-match" ? "dim" : "unknown"}>{neverName(rule.never_because ?? "unknown")}</span>
        )}
      </span>
      <span class="c-time">{rule.fired?.last && <When at={rule.fired.last} precision="minute" />}</span>
    </>
  );
}

function RuleDetail({ id }: { id: string }) {
  const asked = useGet("/api/v1/rules/{id}", { path: { id } });
  return (
    <section class="detail" aria-label={t("One rule", "ルールの詳細")}>
      <Show of={asked}>
        {(found) => (
          <>
            <header>
              <h2>{say(found.rule.title)}</h2>
              <button type="button" class="plain" onClick={() => amend({ rule: null })} aria-label={t("Close", "閉じる")}>
                ✕
              </button>
            </header>
            <p>
              <Level level={found.rule.level} /> {found.rule.techniques.map((one) => `${one.id} ${one.name}`).join(" · ")}
            </p>
            <p class="dim">
              {found.rule.author} · {found.rule.license} · <code>{found.rule.origin}</code>
            </p>
            <p>
              {t("Fired:", "一致：")}{" "}
              {found.rule.fired ? (
                count(found.rule.fired.count)
              ) : (
                <span class="unknown">
                  {t("never", "なし")} — {neverName(found.rule.never_because ?? "unknown")}
                </span>
              )}{" "}
              · {t("hidden by suppressions:", "抑制により非表示：")} {count(found.rule.suppressed)}
            </p>
            <pre class="bytes mono" tabIndex={0} aria-label={t("Text of the rule", "ルール本文")}>
              {found.text}
            </pre>
            <p class="dim">
              SHA-256 <code>{found.sha256}</code>
            </p>
          </>
        )}
      </Show>
    </section>
  );
}

function Suppress({ onDone }: { onDone: () => void }) {
  const [form, setForm] = useState({ name: "", rule: "", host: "", account: "", reason: "", expires: "" });
  const field = (name: keyof typeof form, label: string, type = "text") => (
    <label>
      {label}
      <input type={type} value={form[name]} onInput={(event) => setForm({ ...form, [name]: event.currentTarget.value })} />
    </label>
  );
  const whole = form.name && form.reason && form.expires && (form.rule || form.host || form.account);
  return (
    <details>
      <summary>{t("Suppress something, with a reason and an end", "理由と期限を付けて抑制する")}</summary>
      <p class="dim">
        {t(
          "Nobody is told of what it covers; detections, incidents and evidence stay as they are. Critical detections are hidden only by a rule together with a host or an account, and somebody is told that they were.",
          "対象の検知は通知されなくなりますが、検知・インシデント・証拠はそのまま残ります。重大な検知は、ルールに加えてホストかアカウントを指定した場合のみ抑制され、その事実は別途通知されます。",
        )}
      </p>
      <div class="form-row">
        {field("name", t("Name", "名前"))}
        {field("rule", t("Rule id", "ルール ID"))}
        {field("host", t("Host", "ホスト"))}
        {field("account", t("Account or pseudonym", "アカウントまたは仮名"))}
        {field("reason", t("Reason", "理由"))}
        {field("expires", t("Until", "期限"), "date")}
      </div>
      <Act
        label={t("Suppress", "抑制する")}
        disabled={!whole}
        onDone={() => {
          setForm({ name: "", rule: "", host: "", account: "", reason: "", expires: "" });
          onDone();
        }}
        act={() =>
          post("/api/v1/suppressions", {
            body: {
              name: form.name,
              rule: form.rule || null,
              host: form.host || null,
              account: form.account || null,
              reason: form.reason,
              // Until the end of the day that was chosen.
              expires: new Date(`${form.expires}T23:59:59`).toISOString(),
            },
          })
        }
      />
    </details>
  );
}

function Lift({ of, onDone }: { of: Suppression; onDone: () => void }) {
  const [reason, setReason] = useState("");
  return (
    <details>
      <summary>{t("End it", "解除する")}</summary>
      <label>
        {t("Reason", "理由")}
        <input value={reason} maxLength={4096} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <Act
        label={t("End now", "今すぐ解除")}
        disabled={!reason.trim()}
        onDone={onDone}
        act={() => post("/api/v1/suppressions/{id}/end", { path: { id: of.id ?? "" }, body: { reason } })}
      />
    </details>
  );
}

function Suppressions() {
  const asked = useGet("/api/v1/suppressions");
  const signed = useSession();
  return (
    <section aria-labelledby="suppressions">
      <h2 id="suppressions">{t("Suppressions", "抑制")}</h2>
      <Show of={asked} lines={2}>
        {(list) =>
          list.items.length === 0 ? (
            <p class="dim">{t("Nothing is suppressed.", "抑制はありません。")}</p>
          ) : (
            <table class="list">
              <thead>
                <tr>
                  <th>{t("Name", "名前")}</th>
                  <th>{t("Hides", "対象")}</th>
                  <th>{t("Owner and reason", "責任者・理由")}</th>
                  <th>{t("Until", "期限")}</th>
                  <th class="num">{t("Hid", "非表示")}</th>
                </tr>
              </thead>
              <tbody>
                {list.items.map((one) => (
                  <tr key={one.id ?? one.name}>
                    <td>{one.name}</td>
                    <td>
                      <code>{[one.rule, one.host, one.account].filter(Boolean).join(" · ")}</code>
                    </td>
                    <td class="wide-cell">
                      {one.owner} — {one.reason}
                    </td>
                    <td>
                      <When at={one.expires} precision="day" />
                      {one.expired && (
                        <small class="bad"> {one.lifted ? t("ended by hand", "手動で解除") : t("expired", "期限切れ")}</small>
                      )}
                      {!one.expired && one.id && may(signed, "investigate") && <Lift of={one} onDone={asked.reload} />}
                    </td>
                    <td class="num">
                      {count(one.hidden)}
                      {(one.hidden_critical ?? 0) > 0 && (
                        <small class="bad"> {t(`${one.hidden_critical} critical`, `うち重大 ${one.hidden_critical}`)}</small>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Show>
      {may(signed, "investigate") && <Suppress onDone={asked.reload} />}
    </section>
  );
}

function Views({ list, view, onView }: { list: RuleList | null; view: View; onView: () => void }) {
  return (
    <div class="tabs" role="group" aria-label={t("View", "表示")}>
      {VIEWS.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={one === view}
          onClick={() => {
            amend({ view: one });
            onView();
          }}
        >
          {viewName(one)} {list && <small>{one === "rejected" ? list.rejected.length : seen(list, one, "").length}</small>}
        </button>
      ))}
    </div>
  );
}

function Rejected({ list }: { list: RuleList }) {
  return list.rejected.length === 0 ? (
    <Empty title={t("Every rule could be used.", "すべてのルールを使用できます。")} />
  ) : (
    <table class="list">
      <tbody>
        {list.rejected.map((one) => (
          <tr key={one.origin}>
            <td>
              <code>{one.origin}</code>
            </td>
            <td>{one.reason}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Rules({ place }: { place: Place }) {
  const asked = useGet("/api/v1/rules", { query: { limit: 500 }, all: true });
  const view = VIEWS.find((one) => one === place.query.get("view")) ?? "fired";
  const [words, setWords] = useState("");
  const [selected, select] = useState(-1);
  const chosen = place.query.get("rule");
  return (
    <>
      <header class="page-head">
        <h1>{t("Rules", "ルール")}</h1>
        <Views list={asked.value} view={view} onView={() => select(-1)} />
        <label class="filter">
          <span class="visually-hidden">{t("Filter", "絞り込み")}</span>
          <input
            type="search"
            placeholder={t("title, technique, file", "題名・技術・ファイル")}
            value={words}
            onInput={(event) => setWords(event.currentTarget.value)}
          />
        </label>
      </header>
      <Show of={asked}>
        {(list) => {
          if (view === "rejected") return <Rejected list={list} />;
          const rules = seen(list, view, words);
          return (
            <>
              {view === "never" && <Why list={list} />}
              <p class="dim">
                {t("Seen from", "対象期間：")} <When at={list.from} precision="minute" /> {t("to", "〜")}{" "}
                <When at={list.to} precision="minute" /> {zoneLabel()}
                {view === "noise" &&
                  ` · ${t("20 times or more, and less than a tenth of it in incidents", "20 回以上、かつインシデントは 1 割未満")}`}
              </p>
              <div class={chosen ? "with-detail" : ""}>
                {rules.length === 0 ? (
                  <Empty title={t("None.", "該当なし")} />
                ) : (
                  <Rows
                    class="rule-rows"
                    total={rules.length}
                    height={30}
                    selected={selected}
                    onSelect={(index) => {
                      select(index);
                      amend({ rule: rules[index]?.id ?? null });
                    }}
                    label={viewName(view)}
                    row={(index) => {
                      const rule = rules[index];
                      return rule ? <RuleLine rule={rule} /> : null;
                    }}
                  />
                )}
                {chosen && <RuleDetail key={chosen} id={chosen} />}
              </div>
            </>
          );
        }}
      </Show>
      <Suppressions />
    </>
  );
}

function Why({ list }: { list: RuleList }) {
  const reasons = new Map<string, number>();
  for (const rule of list.items)
    if (rule.fired === null) reasons.set(rule.never_because ?? "unknown", (reasons.get(rule.never_because ?? "unknown") ?? 0) + 1);
  return (
    <ul class="tally">
      {[...reasons]
        .sort((a, b) => b[1] - a[1])
        .map(([reason, n]) => (
          <li key={reason} class={reason === "no-match" ? "tally-well" : "tally-unknown"}>
            <b>{count(n)}</b> {neverName(reason)}
          </li>
        ))}
    </ul>
  );
}
