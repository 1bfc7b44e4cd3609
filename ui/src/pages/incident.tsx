// One incident: who, when, how sure, what next; then the story over time, line by line down to the bytes.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../api/client";
import { useGet } from "../api/use";
import type { Detection, Incident as Model } from "../api/types";
import { count } from "../lib/figures";
import { say, t } from "../lib/language";
import { amend, type Place } from "../lib/route";
import { zone, zoneLabel } from "../lib/time";
import { stageName, unseenName } from "../lib/words";
import { FactLine } from "../parts/answers";
import { Evidence } from "../parts/evidence";
import { Fields } from "../parts/fields";
import { Graph } from "../parts/graph";
import { useKeys } from "../parts/keys";
import { Certainty, Level, LevelSign, Name, When } from "../parts/marks";
import { Record } from "../parts/record";
import { Rows } from "../parts/rows";
import { Empty, Loading, Show, TroubleNote } from "../parts/states";
import { Timeline } from "../parts/timeline";
import { Masked } from "../parts/unmask";
import type { Trouble } from "../api/client";

/** Detections come in pages; what is there is shown while the rest comes, and read again when there are more of them. */
/** All detections. At first each page is shown as it comes; what is read again takes the place of the old when all of it is there. */
function useDetections(id: string, count: number | undefined): { items: Detection[]; total: number | null; trouble: Trouble | null } {
  const [items, setItems] = useState<Detection[]>([]);
  const [total, setTotal] = useState<number | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const whole = useRef<string | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const read = async () => {
      let after: string | null = null;
      let all: Detection[] = [];
      const again = whole.current === id;
      if (!again) setItems([]);
      do {
        const result: Awaited<ReturnType<typeof page>> = await page(after);
        if (stop.signal.aborted) return;
        if (!result.ok) return setTrouble(result.trouble);
        all = [...all, ...result.value.items];
        after = result.value.next;
        if (again && after) continue;
        setItems(all);
        setTotal(result.value.total);
      } while (after);
      whole.current = id;
      setTrouble(null);
    };
    const page = (after: string | null) =>
      get("/api/v1/incidents/{id}/detections", { path: { id }, query: { after: after ?? undefined, limit: 1000 }, signal: stop.signal });
    void read();
    return () => stop.abort();
  }, [id, count]);
  return { items, total, trouble };
}

function reasonName(reason: Model["severity_reason"]): string {
  switch (reason) {
    case "story":
      return t(
        "Different events show several stages, and more than place and time ties them together.",
        "異なる記録が複数の段階を示し、場所と時刻以外でも結びついています。",
      );
    case "critical-rule":
      return t("A rule that is grave by itself fired.", "単独で重大なルールが一致しました。");
    case "many-loud":
      return t("Many loud rules fired.", "重要度の高いルールが多数一致しました。");
    case "circumstance":
      return t("Tied together by place and time only.", "場所と時刻だけで結びついています。");
    case "one-rule":
      return t("A single rule fired; nothing corroborates it.", "一致したルールは一つで、裏付けがありません。");
  }
}

function Four({ of }: { of: Model }) {
  const steps = of.steps.filter((step) => !step.weak);
  const confirmed = steps.filter((step) => step.certainty === "confirmed").length;
  const next = of.next_steps[0];
  return (
    <dl class="four">
      <div>
        <dt>{t("Who", "だれの資格情報")}</dt>
        <dd>
          {of.accounts.length > 0 ? (
            of.accounts.map((name) => <Name key={name} of={name} />)
          ) : (
            <span class="unknown">{t("no account stated", "アカウントの記載なし")}</span>
          )}
          <small>{t("A credential that was used, not a person.", "使われた資格情報であり、人ではありません。")}</small>
        </dd>
      </div>
      <div>
        <dt>{t("Where and when", "どこで・いつ")}</dt>
        <dd>
          {of.hosts.length > 0 ? (
            of.hosts.map((name) => <Name key={name} of={name} />)
          ) : (
            <span class="unknown">{t("no host stated", "ホストの記載なし")}</span>
          )}
          <small>
            <When at={of.first} /> – <When at={of.last} precision="clock" /> {zoneLabel()}
          </small>
        </dd>
      </div>
      <div>
        <dt>{t("How sure", "どこまで確か")}</dt>
        <dd>
          <b>{t(`${confirmed} of ${steps.length} steps confirmed`, `${steps.length} 手順中 ${confirmed} 手順を確認`)}</b>
          <small>
            {of.unseen > 0
              ? t(`${of.unseen} stages unseen or partly seen`, `見えない・一部のみの段階 ${of.unseen}`)
              : t("every stage's log was there", "全段階の記録あり")}
          </small>
        </dd>
      </div>
      <div>
        <dt>{t("What next", "次にすること")}</dt>
        <dd>
          {next ? (
            <ul class="plain-list">
              <FactLine fact={next} />
            </ul>
          ) : (
            <span class="dim">{t("nothing is proposed", "提案なし")}</span>
          )}
          {of.next_steps.length > 1 && (
            <small>
              <button type="button" class="cite" onClick={() => document.getElementById("next")?.scrollIntoView()}>
                {t(`${of.next_steps.length - 1} further`, `ほか ${of.next_steps.length - 1} 件`)}
              </button>
            </small>
          )}
        </dd>
      </div>
    </dl>
  );
}

function DetectionRow({ of }: { of: Detection }) {
  return (
    <>
      <span class="c-time">
        <When at={of.first_time ?? of.time} precision="clock" />
      </span>
      <span class="c-level">
        <LevelSign level={of.level} />
      </span>
      <span class="c-title">
        {say(of.title)}
        {of.late && <small class="late">{t("late", "遅着")}</small>}
      </span>
      <span class="c-host">
        <Name of={of.host} />
      </span>
      <span class="c-account">
        <Name of={of.account} none="—" />
      </span>
      <span class="c-certainty">
        <Certainty of={of.certainty} />
      </span>
    </>
  );
}

function DetectionNote({ of, onOpen }: { of: Detection; onOpen: (reference: string) => void }) {
  return (
    <div class="note">
      <p class="note-title">
        <Level level={of.level} /> <b>{say(of.title)}</b> <Certainty of={of.certainty} />{" "}
        <span class="dim">
          <When at={of.first_time ?? of.time} /> {zoneLabel()}
        </span>
      </p>
      {of.other_explanations && (
        <p class="other">
          <b>{t("The other explanation:", "別の説明：")}</b> {say(of.other_explanations)}
        </p>
      )}
      <p>
        {of.evidence.map((one, i) => (
          <button key={one.reference} type="button" class="cite" onClick={() => onOpen(one.reference)}>
            {t("exact bytes", "原文")} {of.evidence.length > 1 ? i + 1 : ""}
          </button>
        ))}
        {of.more_evidence > 0 && (
          <span class="dim">{t(`and ${count(of.more_evidence)} more events`, `ほか ${count(of.more_evidence)} 件の記録`)}</span>
        )}
      </p>
      <p class="dim">
        {of.stages.map(stageName).join(" · ")} {of.techniques.map((one) => `${one.id} ${one.name}`).join(" · ")} ·{" "}
        {t("rule by", "ルール作者")} {of.author} ({of.license})
      </p>
      <details class="fields-box">
        <summary>{t("Fields", "項目")}</summary>
        <Fields of={of.fields} />
      </details>
    </div>
  );
}

/** Where records are missing, in words: the hatched lanes of the timeline. */
function Gaps({ of }: { of: Model }) {
  if (of.gaps.length === 0) return null;
  return (
    <>
      <p>
        {t(
          "Records are missing or doubtful here: that nothing is seen there means nothing.",
          "次の範囲では記録が欠けているか、確かではありません。何も見えなくても、何もなかったとは言えません。",
        )}
      </p>
      <ul class="gaps">
        {of.gaps.map((gap, i) => (
          <li key={i}>
            {gap.host !== "" ? <Name of={gap.host} /> : <span class="unknown">{t("no host stated", "ホストの記載なし")}</span>}{" "}
            {say(gap.text)}
            {gap.missing !== null && <span class="dim"> {t(`${count(gap.missing)} records`, `${count(gap.missing)} 件`)}</span>}
          </li>
        ))}
      </ul>
    </>
  );
}

function Unseen({ of }: { of: Model }) {
  if (of.unseen_stages.length === 0)
    return <Empty title={t("Every stage's log was there for the whole span.", "全段階の記録が全期間にありました。")} />;
  return (
    <div class="scroll" role="region" tabIndex={0} aria-label={t("What this does not show, as a table", "分からないことの一覧")}>
      <table class="list">
        <thead>
          <tr>
            <th>{t("Stage", "段階")}</th>
            <th>{t("What is known", "分かること")}</th>
            <th>{t("Log", "記録")}</th>
            <th>{t("It would show", "判明すること")}</th>
            <th>{t("Hosts", "ホスト")}</th>
          </tr>
        </thead>
        <tbody>
          {of.unseen_stages.map((one, i) => (
            <tr key={i}>
              <td>{stageName(one.stage)}</td>
              <td>
                <span class={one.state === "no-trace" ? "no-trace" : "unknown"}>{unseenName(one.state)}</span>
              </td>
              <td>{say(one.log)}</td>
              <td>{say(one.shows)}</td>
              <td>{one.hosts.join(t(", ", "、")) || "—"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Steps({ of, onOpen }: { of: Model; onOpen: (id: string) => void }) {
  return (
    <ol class="steps">
      {of.steps.map((step, i) => (
        <li key={i} class={`step-${step.certainty}`}>
          <When at={step.first} precision="clock" />
          <span>
            {say(step.text)} <Certainty of={step.certainty} />
            {step.why.length > 0 && <small class="dim"> ({step.why.map(say).join(t(", ", "、"))})</small>}
          </span>
          <button type="button" class="cite" onClick={() => onOpen(step.detections[0] ?? "")}>
            {t(step.detections.length === 1 ? "1 line" : `${step.detections.length} lines`, `${step.detections.length} 行`)}
          </button>
        </li>
      ))}
    </ol>
  );
}

/** Behind the lines: sentences, what is not shown, the graph, what to look at next. */
function Rest({ of, items, onJump }: { of: Model; items: Detection[]; onJump: (id: string) => void }) {
  const [step, setStep] = useState(0);
  return (
    <>
      <section aria-labelledby="told">
        <h2 id="told">{t("What happened, in sentences", "経過（文章）")}</h2>
        <Steps of={of} onOpen={onJump} />
      </section>
      <section aria-labelledby="unseen">
        <h2 id="unseen">{t("What this does not show", "分からないこと")}</h2>
        <Gaps of={of} />
        <Unseen of={of} />
      </section>
      <section aria-labelledby="graph">
        <h2 id="graph">
          {t("Who met whom", "関係の推移")}{" "}
          <small class="dim">
            <kbd>[</kbd> <kbd>]</kbd>
          </small>
        </h2>
        {items.length > 0 && (
          <Graph steps={of.steps} entities={of.entities} detections={items} at={Math.min(step, of.steps.length - 1)} onStep={setStep} />
        )}
      </section>
      <section id="next" aria-labelledby="next-title">
        <h2 id="next-title">{t("What to look at next", "次に確認すること")}</h2>
        {of.next_steps.length === 0 ? (
          <Empty title={t("Nothing is proposed.", "提案はありません。")} />
        ) : (
          <ol class="next">
            {of.next_steps.map((fact, i) => (
              <FactLine key={i} fact={fact} />
            ))}
          </ol>
        )}
      </section>
    </>
  );
}

function Story({ of, items, total, place }: { of: Model; items: Detection[]; total: number | null; place: Place }) {
  const [chosen, choose] = useState<{ id: string; index: number } | null>(null);
  const places = useMemo(() => new Map(items.map((one, index) => [one.id, index])), [items]);
  // What is chosen is a detection: others that come before it do not put another in its place.
  const selected = chosen ? (places.get(chosen.id) ?? Math.max(0, Math.min(items.length - 1, chosen.index))) : 0;
  const select = (index: number) => {
    const one = items[index];
    if (one) choose({ id: one.id, index });
  };
  const reference = place.query.get("evidence");
  const open = (to: string | null) => amend({ evidence: to }, to === null);
  const current = items[selected];
  const openAt = (index: number) => {
    const first = items[index]?.evidence[0];
    if (first) open(first.reference);
  };
  useKeys({
    j: () => select(Math.min(items.length - 1, selected + 1)),
    k: () => select(Math.max(0, selected - 1)),
    Enter: () => openAt(selected),
  });
  const jump = (id: string) => {
    const index = items.findIndex((one) => one.id === id);
    if (index >= 0) select(index);
    document.getElementById("lines")?.scrollIntoView({ block: "start" });
  };
  return (
    <div class={reference ? "with-evidence" : ""}>
      <div class="story">
        <section aria-labelledby="over-time">
          <h2 id="over-time">{t("Over time", "時系列")}</h2>
          {items.length > 0 ? <Timeline detections={items} gaps={of.gaps} selected={selected} onSelect={select} /> : <Loading />}
        </section>
        <section id="lines" aria-labelledby="lines-title">
          <h2 id="lines-title">
            {t("Line by line", "一行ずつ")}{" "}
            <small class="dim">
              {count(items.length)}
              {total !== null && total > items.length ? ` / ${count(total)}` : ""} · <kbd>j</kbd> <kbd>k</kbd> <kbd>Enter</kbd>
            </small>
          </h2>
          <div class="lines">
            <Rows
              class="detections"
              total={items.length}
              height={30}
              selected={selected}
              onSelect={select}
              onOpen={openAt}
              label={t("Detections", "検知")}
              row={(index) => {
                const one = items[index];
                return one ? <DetectionRow of={one} /> : null;
              }}
            />
            {current && <DetectionNote key={current.id} of={current} onOpen={open} />}
          </div>
        </section>
        <Rest of={of} items={items} onJump={jump} />
      </div>
      {reference && <Evidence reference={reference} onClose={() => open(null)} />}
    </div>
  );
}

export function Incident({ id, place }: { id: string; place: Place }) {
  const asked = useGet("/api/v1/incidents/{id}", { path: { id }, query: { zone: zone() }, on: ["incidents"] });
  const { items, total, trouble } = useDetections(id, asked.value?.detections);
  const sorted = useMemo(
    () => [...items].sort((a, b) => (a.first_time ?? a.time ?? "").localeCompare(b.first_time ?? b.time ?? "")),
    [items],
  );
  return (
    <>
      {asked.value === null && <h1 class="page-head">{t("Incident", "インシデント")}</h1>}
      <Show of={asked} lines={12}>
        {(found) => (
          <article class="incident">
            <header class="incident-head">
              <p class="crumbs">
                <a href="#/incidents">{t("Incidents", "インシデント")}</a> / <code>{found.id.slice(0, 8)}</code>{" "}
                <Level level={found.severity} />
                <span class="dim">{reasonName(found.severity_reason)}</span>
              </p>
              <h1>{say(found.headline)}</h1>
              <Masked incident={found} />
            </header>
            <Four of={found} />
            {trouble && <TroubleNote trouble={trouble} />}
            <Record of={found} tag={asked.tag} onChange={asked.reload} />
            <Story key={found.id} of={found} items={sorted} total={total} place={place} />
          </article>
        )}
      </Show>
    </>
  );
}
