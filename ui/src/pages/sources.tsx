// Sources: each day's completeness, what each promised, how it usually is, and what is missing.
import { useGet } from "../api/use";
import type { Rhythm, Source, SourceList } from "../api/types";
import { count } from "../lib/figures";
import { say, t } from "../lib/language";
import { amend, type Place } from "../lib/route";
import { ago, span, zoneLabel } from "../lib/time";
import { DAY_SIGNS, dayName, healthName } from "../lib/words";
import { When } from "../parts/marks";
import { Empty, Show } from "../parts/states";

const healthOf = (source: Source): string => source.health?.state ?? (source.silent ? "silent" : "unjudged");

const NEEDS = ["missing", "partial"];

/** What needs somebody comes first: silent or changed, then records that are known to be missing, then by name. */
function byNeed(a: Source, b: Source): number {
  const rank = (source: Source) => {
    if (!["well", "learning", "planned", "unjudged"].includes(healthOf(source))) return 0;
    return source.days.some((day) => NEEDS.includes(day.state)) ? 1 : 2;
  };
  return rank(a) - rank(b) || a.source.localeCompare(b.source);
}

function Days({ source }: { source: Source }) {
  return (
    <>
      {source.days.map((day) => (
        <td key={day.day} class={`day day-${day.state}`} title={`${day.day} ${dayName(day.state)} · ${count(day.records)}`}>
          <span aria-hidden="true">{DAY_SIGNS[day.state]}</span>
          <span class="visually-hidden">{dayName(day.state)}</span>
        </td>
      ))}
    </>
  );
}

function Calendar({ list, chosen }: { list: SourceList; chosen: string | null }) {
  const days = list.items[0]?.days.map((day) => day.day) ?? [];
  return (
    <div class="scroll" role="region" tabIndex={0} aria-label={t("Calendar of completeness", "完全性カレンダー")}>
      <table class="list calendar">
        <thead>
          <tr>
            <th>{t("Source", "情報源")}</th>
            <th>{t("Owner", "責任者")}</th>
            <th>{t("How it is", "状況")}</th>
            <th>{t("Last heard", "最終受信")}</th>
            {days.map((day) => (
              <th key={day} class="day-head">
                <abbr title={day}>{day.slice(8)}</abbr>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...list.items].sort(byNeed).map((source) => (
            <tr key={source.source} class={source.source === chosen ? "row-selected" : ""}>
              <td class="source-name">
                <button type="button" class="cite" onClick={() => amend({ source: source.source }, false)}>
                  {source.source}
                </button>
              </td>
              <td>{source.owner ?? <span class="unknown">{t("nobody", "なし")}</span>}</td>
              <td>
                <span class={`health health-${healthOf(source)}`}>{healthName(healthOf(source))}</span>
              </td>
              <td>
                <When at={source.latest} precision="minute" /> <small class="dim">{ago(source.latest, list.as_of)}</small>
              </td>
              <Days source={source} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

function Week({ rhythm }: { rhythm: Rhythm }) {
  const highest = Math.max(1, ...rhythm.expected_per_hour.map((n) => n ?? 0), ...rhythm.received.map((one) => one.records));
  const days = [t("Mon", "月"), t("Tue", "火"), t("Wed", "水"), t("Thu", "木"), t("Fri", "金"), t("Sat", "土"), t("Sun", "日")];
  return (
    <table class="week">
      <caption>{t("Records in an hour, as usual (UTC); hatched: never watched", "通常の一時間あたり受信数（UTC）。斜線は未観測")}</caption>
      <thead>
        <tr>
          <td />
          {HOURS.map((hour) => (
            <th key={hour}>{hour % 6 === 0 ? hour : ""}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {days.map((name, day) => (
          <tr key={name}>
            <th>{name}</th>
            {HOURS.map((hour) => {
              const n = rhythm.expected_per_hour[day * 24 + hour] ?? null;
              return (
                <td key={hour} class={n === null ? "day-unknown" : "warm"} title={n === null ? t("never watched", "未観測") : n.toFixed(1)}>
                  {n !== null && <i style={{ opacity: String(Math.max(0.06, n / highest)) }} />}
                  <span class="visually-hidden">{n === null ? "?" : n.toFixed(1)}</span>
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Detail({ source, list }: { source: Source; list: SourceList }) {
  const rhythm = useGet("/api/v1/sources/rhythm", { query: { source: source.source } });
  const found = list.findings.filter((one) => one.source === source.source);
  const every = source.promise?.heard_every_ns;
  return (
    <section class="detail" aria-labelledby="source-title">
      <header>
        <h2 id="source-title">{source.source}</h2>
        <button type="button" class="plain" onClick={() => amend({ source: null })} aria-label={t("Close", "閉じる")}>
          ✕
        </button>
      </header>
      <dl class="facts">
        <dt>{t("Answers for it", "責任者")}</dt>
        <dd>{source.owner ?? <span class="unknown">{t("nobody stated", "未登録")}</span>}</dd>
        <dt>{t("Promises", "約束")}</dt>
        <dd>
          {source.promise ? (
            every ? (
              t(`heard every ${span(every / 1e6)}`, `${span(every / 1e6)}ごとに受信`)
            ) : (
              t("numbered", "連番")
            )
          ) : (
            <span class="unknown">{t("none: no day of it can be shown as complete", "なし：完全と示せる日がありません")}</span>
          )}
        </dd>
        <dt>{t("Numbered", "連番")}</dt>
        <dd>{source.numbered ? t("yes", "あり") : t("no: what is missing between records cannot be seen", "なし：欠落は見えません")}</dd>
        <dt>{t("Records", "記録数")}</dt>
        <dd>{count(source.records)}</dd>
        <dt>{t("Heard since", "受信開始")}</dt>
        <dd>
          <When at={source.since} /> {zoneLabel()}
        </dd>
        {source.health && (
          <>
            <dt>{t("Longest pause", "最長の間隔")}</dt>
            <dd>
              {source.health.longest_pause_ns === null ? (
                <span class="unknown">{t("not learnt yet", "未学習")}</span>
              ) : (
                span(source.health.longest_pause_ns / 1e6)
              )}
            </dd>
          </>
        )}
      </dl>
      <h3>{t("Rhythm", "受信の周期")}</h3>
      <Show of={rhythm} lines={4}>
        {(one) => <Week rhythm={one} />}
      </Show>
      <h3>{t("Findings", "所見")}</h3>
      {found.length === 0 && <p class="dim">{t("None in these days.", "この期間にはありません。")}</p>}
      <ul class="findings">
        {found.map((one) => (
          <li key={`${one.found}${one.finding}`}>
            <When at={one.from} precision="minute" /> {say(one.text)}
            {one.reference && (
              <>
                {" "}
                <a href={`#/search?evidence=${encodeURIComponent(one.reference)}`}>{t("record", "記録")}</a>
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Tally({ list }: { list: SourceList }) {
  const states = new Map<string, number>();
  for (const source of list.items) states.set(healthOf(source), (states.get(healthOf(source)) ?? 0) + 1);
  return (
    <ul class="tally">
      {[...states].map(([state, n]) => (
        <li key={state} class={`tally-${state}`}>
          <b>{count(n)}</b> {healthName(state)}
        </li>
      ))}
    </ul>
  );
}

export function Sources({ place }: { place: Place }) {
  const asked = useGet("/api/v1/sources", { query: { limit: 500 }, on: ["sources"] });
  const chosen = place.query.get("source");
  return (
    <>
      <header class="page-head">
        <h1>{t("Sources", "情報源")}</h1>
      </header>
      <Show of={asked}>
        {(list) => {
          if (list.items.length === 0)
            return (
              <Empty title={t("Nobody has sent anything yet.", "まだ何も受信していません。")}>
                <p>
                  {t("Recipes for senders stand in docs/receivers.md; a first line:", "送信側の設定例は docs/receivers.md。最初の一行：")}{" "}
                  <code>logger -n HOST -P 5514 -T hello</code>
                </p>
              </Empty>
            );
          const source = list.items.find((one) => one.source === chosen);
          return (
            <>
              <Tally list={list} />
              <p class="legend">
                {Object.entries(DAY_SIGNS).map(([state, sign]) => (
                  <span key={state}>
                    <i class={`day day-${state}`}>{sign}</i> {dayName(state)}
                  </span>
                ))}
                <span class="dim">{t("days of receipt in UTC", "受信日（UTC）")}</span>
              </p>
              <div class={source ? "with-detail" : ""}>
                <Calendar list={list} chosen={chosen} />
                {source && <Detail key={source.source} source={source} list={list} />}
              </div>
            </>
          );
        }}
      </Show>
    </>
  );
}
