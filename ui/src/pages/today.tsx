// Is anything burning? Then the four questions, who is heard, and what changed since yesterday.
import { useGet } from "../api/use";
import type { Change, SourceCounts, Today as Model } from "../api/types";
import { bytes, count } from "../lib/figures";
import { say, t } from "../lib/language";
import { amend, type Place } from "../lib/route";
import { ago, zone, zoneLabel } from "../lib/time";
import { kindName } from "../lib/words";
import { Answers, JudgedNote } from "../parts/answers";
import { IncidentTable } from "../parts/incident-table";
import { Known, LevelSign, When } from "../parts/marks";
import { Empty, Show } from "../parts/states";

function stateName(state: Model["headline"]["state"]): string {
  switch (state) {
    case "burning":
      return t("Burning", "燃えています");
    case "watch":
      return t("To be looked at", "要確認");
    case "calm":
      return t("Nothing seen burning", "火は見えません");
    case "unknown":
      return t("Nobody can say", "判断できません");
  }
}

function Headline({ today }: { today: Model }) {
  const first = today.headline.incidents[0];
  return (
    <section class={`headline headline-${today.headline.state}`} aria-labelledby="headline">
      <p class="headline-state">{stateName(today.headline.state)}</p>
      <h1 id="headline">{say(today.headline.text)}</h1>
      <p class="headline-foot">
        {first && (
          <a class="button primary" href={`#/incidents/${first}`}>
            {t("Open the incident", "インシデントを開く")}
          </a>
        )}
        {today.alerts.unacknowledged > 0 && (
          <a class="button" href="#/alerts">
            {t(`${count(today.alerts.unacknowledged)} alerts wait for somebody`, `未確認の通知 ${count(today.alerts.unacknowledged)} 件`)}
          </a>
        )}
        <span class="dim">
          {t("as of", "時点：")} <When at={today.as_of} /> {zoneLabel()}
        </span>
      </p>
    </section>
  );
}

function following(today: Model): string {
  const { following: f } = today;
  switch (f.state) {
    case "following":
      return t("follows what arrives", "受信に追随");
    case "behind":
      return t(`${count(f.leaves_behind)} blocks behind`, `${count(f.leaves_behind)} ブロック遅れ`);
    case "stopped":
      return t("stopped: nothing new is looked at", "停止中：新しい記録は検査されていません");
    case "unknown":
      return f.why ? say(f.why) : t("unknown", "不明");
  }
}

function Watch({ today }: { today: Model }) {
  const s: SourceCounts = today.sources;
  const rows: [label: string, n: number, state: string][] = [
    [t("heard as usual", "通常どおり"), s.heard, "well"],
    [t("silent", "途絶"), s.silent, "silent"],
    [t("changed habits", "変化あり"), s.changed, "changed"],
    [t("planned stop", "計画停止"), s.planned, "planned"],
    [t("nobody can judge", "判定できない"), s.unjudged, "unknown"],
  ];
  return (
    <section aria-labelledby="watch">
      <h2 id="watch">
        <a href="#/sources">{t("Who is heard", "受信状況")}</a>
      </h2>
      <ul class="tally">
        {rows
          .filter(([, n]) => n > 0)
          .map(([label, n, state]) => (
            <li key={state} class={`tally-${state}`}>
              <b>{count(n)}</b> {label}
            </li>
          ))}
      </ul>
      <dl class="facts">
        <dt>{t("Last record", "最終受信")}</dt>
        <dd>
          <When at={s.last_received} /> <span class="dim">{ago(s.last_received, today.as_of)}</span>
        </dd>
        <dt>{t("Detection", "検知")}</dt>
        <dd class={today.following.state === "following" ? "" : "unknown"}>{following(today)}</dd>
        <dt>{t("Not yet copied elsewhere", "外部に未複製")}</dt>
        <dd>
          <Known value={today.exposure.records} why={today.exposure.why_unknown ? say(today.exposure.why_unknown) : ""}>
            {t(`${count(today.exposure.records)} records`, `${count(today.exposure.records)} 件`)} ({bytes(today.exposure.bytes)})
          </Known>
        </dd>
      </dl>
    </section>
  );
}

const CHECKS = { fail: "✗", warn: "!", unknown: "?", ok: "✓" } as const;

/** What is wrong with the installation itself; what is fine is only counted. */
function Installation() {
  const asked = useGet("/api/v1/health");
  const states = { fail: t("fails", "異常"), warn: t("warning", "注意"), unknown: t("unknown", "不明"), ok: t("fine", "正常") };
  return (
    <section aria-labelledby="installation">
      <h2 id="installation">{t("This installation", "この環境")}</h2>
      <Show of={asked} lines={2}>
        {(health) => (
          <>
            <ul class="checks">
              {health.checks
                .filter((one) => one.state !== "ok")
                .map((one) => (
                  <li key={one.check} class={`check-${one.state}`}>
                    <b aria-hidden="true">{CHECKS[one.state]}</b> <span class="visually-hidden">{states[one.state]}</span>{" "}
                    <code>{one.check}</code> {say(one.text)}
                    {one.hint && <small class="settles">→ {say(one.hint)}</small>}
                  </li>
                ))}
            </ul>
            <p class="dim">
              {t(
                `${health.checks.filter((one) => one.state === "ok").length} checks are fine.`,
                `ほか ${health.checks.filter((one) => one.state === "ok").length} 項目は正常。`,
              )}
            </p>
          </>
        )}
      </Show>
    </section>
  );
}

function Changes({ of, since }: { of: Change[]; since: string }) {
  return (
    <section aria-labelledby="changes">
      <h2 id="changes">
        {t("Since yesterday", "昨日からの変化")}{" "}
        <small class="dim">
          <When at={since} precision="minute" /> {zoneLabel()}
        </small>
      </h2>
      {of.length === 0 && <Empty title={t("Nothing changed that is recorded.", "記録された変化はありません。")} />}
      <ol class="changes">
        {of.map((change, i) => (
          <li key={i}>
            <When at={change.time} precision="minute" />
            <span class="change-kind">
              {change.level && <LevelSign level={change.level} />}
              {kindName(change.kind)}
            </span>
            <span>{change.link ? <a href={`#${change.link}`}>{say(change.text)}</a> : say(change.text)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

const KINDS = ["account", "host", "supplier", "backup"] as const;

/** The four questions for a day, and an account, host, supplier or backup. */
function Ask({ place, days }: { place: Place; days: string }) {
  const kind = KINDS.find((one) => one === place.query.get("kind"));
  const name = place.query.get("name") ?? "";
  const day = place.query.get("day") ?? "";
  const asks = Boolean(day || (kind && name));
  const asked = useGet("/api/v1/questions", { query: { day: day || undefined, kind, name: name || undefined, zone: zone() }, skip: !asks });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const value = (field: string) => String(form.get(field) ?? "").trim();
    amend({ day: value("day") || null, kind: value("name") ? value("kind") : null, name: value("name") || null }, false);
  };
  const kinds = {
    account: t("account", "アカウント"),
    host: t("host", "ホスト"),
    supplier: t("supplier", "委託先"),
    backup: t("backup", "バックアップ"),
  };
  return (
    <details class="ask" open={asks}>
      <summary>
        {t("Ask them of one day, account, host, supplier or backup", "特定の日・アカウント・ホスト・委託先・バックアップについて問う")}
      </summary>
      <form class="form-row" onSubmit={submit}>
        <label>
          {t(`Day (${days})`, `日（${days}）`)}
          <br />
          <input type="date" name="day" defaultValue={day} />
        </label>
        <label>
          {t("Kind", "種別")}
          <br />
          <select name="kind" defaultValue={kind ?? "account"}>
            {KINDS.map((one) => (
              <option key={one} value={one} selected={one === kind}>
                {kinds[one]}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("Name", "名前")}
          <br />
          <input name="name" defaultValue={name} />
        </label>
        <button>{t("Ask", "問う")}</button>
      </form>
      {asks && (
        <Show of={asked} lines={4}>
          {(found) => (
            <>
              <JudgedNote of={found.judged} now={found.as_of} />
              <Answers of={found.answers} />
            </>
          )}
        </Show>
      )}
    </details>
  );
}

export function Today({ place }: { place: Place }) {
  const asked = useGet("/api/v1/today", { query: { zone: zone() }, on: ["today", "incidents", "sources", "alerts"] });
  return (
    <>
      {asked.value === null && <h1 class="page-head">{t("Today", "今日")}</h1>}
      <Show of={asked} lines={10}>
        {(today) => (
          <div class="today">
            <Headline today={today} />
            {today.incidents.length > 0 && (
              <section aria-labelledby="open">
                <h2 id="open">
                  <a href="#/incidents">{t("Open incidents", "終了していないインシデント")}</a>
                </h2>
                <IncidentTable rows={today.incidents} />
              </section>
            )}
            <section aria-labelledby="questions">
              <h2 id="questions">{t("The four questions", "四つの問い")}</h2>
              <Answers of={today.answers} brief />
              <JudgedNote of={today.judged} now={today.as_of} />
              <Ask place={place} days={today.judged?.zone ?? "UTC"} />
            </section>
            <div class="two">
              <Changes of={today.changes} since={today.changes_since} />
              <div>
                <Watch today={today} />
                <Installation />
              </div>
            </div>
          </div>
        )}
      </Show>
    </>
  );
}
