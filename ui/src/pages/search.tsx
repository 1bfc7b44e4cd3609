// One box: words and fields, or SQL. The answer says what it could not see.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, post, remove, type Trouble } from "../api/client";
import { useGet } from "../api/use";
import type { Coverage, Found, FoundEvent, Hunt, Table, Unsearched } from "../api/types";
import { count } from "../lib/figures";
import { t } from "../lib/language";
import { amend, type Place } from "../lib/route";
import { marks, meant, understand, type Term } from "../lib/syntax";
import { show, zoneLabel } from "../lib/time";
import { Evidence } from "../parts/evidence";
import { Histogram } from "../parts/histogram";
import { useKeys } from "../parts/keys";
import { When } from "../parts/marks";
import { Rows } from "../parts/rows";
import { Empty, Loading, Show, TroubleNote } from "../parts/states";
import { Act } from "../parts/step-up";

const PAGE = 100;
const KEPT_PAGES = 60;
/** Times that a search is asked to read on by itself; each is a third of a second of work for the server. */
const LOOKS = 20;
/** The same while it looks at what came lately. */
const SCANS = 400;
const BETWEEN_MS = 150;
/** Between two questions whether more was found. */
const AGAIN_MS = 1500;

interface Query {
  q: string;
  from?: string | undefined;
  until?: string | undefined;
}

/** The list stands at its first row and nothing is chosen or open: rows may come before it. */
const isAtTop = () => (document.querySelector(".rows.events")?.scrollTop ?? 0) === 0;

/**
 * Pages of an answer, asked for as they come into view; far ones are forgotten. The search is read on until all is counted and what came
 * lately is searched. What a new search has besides is shown at once to a reader at the top, and offered to others.
 */
function usePages(query: Query, isReading: () => boolean) {
  const [head, setHead] = useState<Found | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [loading, setLoading] = useState(false);
  const [looks, setLooks] = useState(0);
  const [allowed, allow] = useState(LOOKS);
  const [again, setAgain] = useState(0);
  const [newer, setNewer] = useState<Found | null>(null);
  const [, redraw] = useState(0);
  const pages = useRef(new Map<number, FoundEvent[] | null>());
  const key = JSON.stringify(query);
  const take = (found: Found) => {
    pages.current = new Map([[0, found.events]]);
    setNewer(null);
    setHead(found);
  };
  useEffect(() => {
    pages.current = new Map();
    setNewer(null);
    setHead(null);
    setTrouble(null);
    setLooks(0);
    allow(LOOKS);
    if (!query.q) return;
    const stop = new AbortController();
    setLoading(true);
    void get("/api/v1/search", { query: { ...query, limit: PAGE }, signal: stop.signal }).then((result) => {
      if (stop.signal.aborted) return;
      setLoading(false);
      if (!result.ok) return setTrouble(result.trouble);
      take(result.value);
    });
    return () => stop.abort();
  }, [key, again]);

  const goesOn = head !== null && (head.is_counted ? head.is_scanning && looks < SCANS + allowed : looks < allowed);
  useEffect(() => {
    if (!head || !goesOn) return;
    const stop = new AbortController();
    const ask = () =>
      get("/api/v1/search", { query: { ...query, snapshot: head.snapshot, offset: 0, limit: 1 }, signal: stop.signal }).then((result) => {
        if (stop.signal.aborted) return;
        if (!result.ok) return allow(0);
        // Pages that could not be filled before.
        for (const [page, events] of pages.current)
          if (events && events.length < PAGE && page * PAGE + events.length < result.value.reachable) pages.current.delete(page);
        setHead(result.value);
        setLooks(looks + 1);
      });
    const timer = setTimeout(() => void ask(), BETWEEN_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [head, goesOn]);

  const isOutdated = head?.is_outdated ?? false;
  useEffect(() => {
    if (!head || !isOutdated) return;
    const stop = new AbortController();
    const { snapshot: renews, matches } = head;
    const ask = () =>
      get("/api/v1/search", { query: { ...query, limit: PAGE, renews }, signal: stop.signal }).then((result) => {
        if (stop.signal.aborted || !result.ok) return;
        const same = result.value.is_counted && result.value.matches === matches;
        if (same || (!isReading() && isAtTop())) take(result.value);
        else setNewer(result.value);
      });
    const timer = setTimeout(() => void ask(), newer ? AGAIN_MS * 4 : AGAIN_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [isOutdated, head?.snapshot, newer]);

  const want = (first: number, last: number) => {
    if (!head) return;
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page += 1) {
      if (pages.current.has(page)) continue;
      pages.current.set(page, null);
      void get("/api/v1/search", { query: { ...query, offset: page * PAGE, snapshot: head.snapshot, limit: PAGE } }).then((result) => {
        if (result.ok) pages.current.set(page, result.value.events);
        else pages.current.delete(page);
        // The snapshot is not kept any more: search again.
        if (!result.ok && result.trouble.status === 400) return setAgain((n) => n + 1);
        for (const old of pages.current.keys()) {
          if (pages.current.size <= KEPT_PAGES) break;
          if (Math.abs(old - page) > 5) pages.current.delete(old);
        }
        redraw((n) => n + 1);
      });
    }
  };
  const event = (index: number): FoundEvent | null => pages.current.get(Math.floor(index / PAGE))?.[index % PAGE] ?? null;
  const goOn = () => allow(looks + LOOKS);
  return { head, trouble, loading, want, event, looks, goesOn, goOn, newer, take };
}

function TermNote({ term }: { term: Term }) {
  const not = term.negated ? t("not ", "除外：") : "";
  const text =
    term.kind === "field"
      ? `${not}${term.field} ${term.whole ? t("is exactly", "完全一致") : t("has", "に含む")} “${term.text}”`
      : `${not}${t("any field has", "いずれかの項目に")} “${term.text}”`;
  return <li class={term.negated ? "term term-not" : "term"}>{text}</li>;
}

/** What is searched as it stands, and was probably meant otherwise. */
function MeantNote({ text }: { text: string }) {
  const { sql, pseudonyms } = useMemo(() => meant(text), [text]);
  return (
    <>
      {sql && (
        <p class="hint">
          {t(
            `Did you mean SQL? It begins with ${sql}. As it stands, the words are searched.`,
            `SQL のつもりですか？ SQL は ${sql} で始まります。このままでは単語として検索します。`,
          )}
        </p>
      )}
      {pseudonyms.length > 0 && (
        <p class="hint">
          {t(
            `${pseudonyms.join(", ")}: a pseudonym. Records hold names as they were received, so pseudonyms are not searched; search for the name, or open the incident that shows the pseudonym.`,
            `${pseudonyms.join("、")} は仮名です。レコードは受信したままの名前を含むため、仮名では検索できません。名前で検索するか、その仮名を表示しているインシデントを開いてください。`,
          )}
        </p>
      )}
    </>
  );
}

function Box({ text, onAsk }: { text: string; onAsk: (text: string) => void }) {
  const [draft, setDraft] = useState(text);
  useEffect(() => setDraft(text), [text]);
  const understood = useMemo(() => understand(draft), [draft]);
  return (
    <form
      role="search"
      class="search-form"
      onSubmit={(event) => {
        event.preventDefault();
        onAsk(draft.trim());
      }}
    >
      <label class="visually-hidden" for="search-box">
        {t("Search", "検索")}
      </label>
      <div class="search-line">
        <textarea
          id="search-box"
          class="mono"
          rows={understood.language === "sql" ? 4 : 1}
          spellcheck={false}
          autocomplete="off"
          value={draft}
          placeholder={t(
            "rclone   CommandLine:-enc   host:fs01   -kind:squid   SELECT …",
            "rclone   CommandLine:-enc   host:fs01   -kind:squid   SELECT …",
          )}
          onInput={(event) => setDraft(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (understood.language === "terms" || event.ctrlKey)) {
              event.preventDefault();
              onAsk(draft.trim());
            }
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
        <button class="primary">{t("Search", "検索")}</button>
      </div>
      <div class="understood" aria-live="polite">
        {understood.problem === "quote" && <p class="wrong">{t("A quotation mark is not closed.", "引用符が閉じていません。")}</p>}
        <MeantNote text={draft} />
        {understood.language === "sql" && (
          <p class="dim">
            SQL · <kbd>Ctrl</kbd>+<kbd>Enter</kbd>
          </p>
        )}
        {understood.terms.length > 0 && (
          <ul class="terms">
            {understood.terms.map((term, i) => (
              <TermNote key={i} term={term} />
            ))}
          </ul>
        )}
      </div>
    </form>
  );
}

/** Records that were received and are in no answer yet. */
function unseen(of: Unsearched): string {
  if (of.records === 0) return "";
  const last = of.last ? show(of.last) : "";
  if (of.records === null) return t("; much was received that is not searched yet", "；受信済みで未検索の記録があります（件数は未集計）");
  return t(
    `; ${count(of.records)} records are not searched yet, received up to ${last}`,
    `；未検索の記録 ${count(of.records)} 件（${last} までに受信）`,
  );
}

function CoverageNote({ of, unsearched, complete }: { of: Coverage; unsearched: Unsearched; complete: boolean }) {
  if (complete && of.missing.length === 0 && of.losses === 0 && unsearched.records === 0)
    return <p class="coverage-note">{t("Everything in the range was there to be read.", "範囲内のすべての記録を読みました。")}</p>;
  return (
    <details class="coverage-note">
      <summary>
        <span class="unknown-tag">{t("not seen", "未確認")}</span>{" "}
        {t(
          `${of.whole} of ${of.sources} logs (a kind of log on a host) have events on every day of the range; ${of.timeless} events state no time; ${of.losses} places could not be read`,
          `全日に記録があるログ（種類×ホスト） ${of.whole} / ${of.sources}。時刻なし ${of.timeless} 件、読めなかった箇所 ${of.losses}`,
        )}
        {unseen(unsearched)}
      </summary>
      <ul>
        {of.missing.slice(0, 100).map((one, i) => (
          <li key={i}>
            <code>{one.kind}</code> {one.host || t("no host", "ホスト不明")}:{" "}
            {one.first === one.last ? one.first : `${one.first} – ${one.last}`} ({one.days})
          </li>
        ))}
        {of.missing.length + of.missing_more > 100 && (
          <li>{t(`and ${of.missing.length + of.missing_more - 100} more`, `ほか ${of.missing.length + of.missing_more - 100} 件`)}</li>
        )}
      </ul>
    </details>
  );
}

/** What came lately and is not derived yet: how much of it is left to look at. */
function Lately({ of, goesOn, onGoOn }: { of: Found; goesOn: boolean; onGoOn: () => void }) {
  const left = of.unsearched.records;
  if (!of.is_counted || left === 0 || (!of.is_scanning && (left === null || of.is_outdated))) return null;
  const n = left === null ? "" : count(left);
  if (!of.is_scanning)
    return (
      <span class="dim">
        {" "}
        {t(
          `· ${n} records that came lately are not searched; narrow the words or the time`,
          `・最近届いた記録 ${n} 件は未検索です。語句または期間を絞ってください`,
        )}
      </span>
    );
  if (!goesOn)
    return (
      <button type="button" class="cite" onClick={onGoOn}>
        {t(`search on: ${n} records to go`, `続きを検索（残り ${n} 件）`)}
      </button>
    );
  return (
    <span class="dim lately">
      {" "}
      {n === ""
        ? t("· searching what came lately …", "・最近届いた記録を検索中…")
        : t(`· searching what came lately: ${n} records to go …`, `・最近届いた記録を検索中：残り ${n} 件…`)}
    </span>
  );
}

/** What a new search has more, for a reader under whose eyes nothing may move. */
function Newer({ of, before, onShow }: { of: Found; before: Found; onShow: () => void }) {
  const more = of.matches - before.matches;
  return (
    <button type="button" class="cite newer" onClick={onShow}>
      {more > 0
        ? t(`show ${count(more)} more ${more === 1 ? "match" : "matches"}`, `新たな ${count(more)} 件を表示`)
        : t("show the latest state", "最新の状態を表示")}
    </button>
  );
}

/** How many were found, and how far the search is. */
function Tally({ of, goesOn, onGoOn }: { of: Found; goesOn: boolean; onGoOn: () => void }) {
  const n = count(of.matches);
  const to = of.searched_to ? show(of.searched_to) : "";
  return (
    <>
      <b aria-live="polite">{of.is_counted ? t(`${n} matches`, `${n} 件`) : t(`at least ${n} matches`, `${n} 件以上`)}</b>
      {!of.is_counted && (
        <span class="dim">
          {" "}
          {to && t(`· searched back to ${to}`, `・${to} まで検索済み`)} {goesOn && t("· going on …", "・続行中…")}
        </span>
      )}
      {!of.is_counted && !goesOn && (
        <button type="button" class="cite" onClick={onGoOn}>
          {t("search on", "続きを検索")}
        </button>
      )}
      {of.is_counted && of.matches > of.reachable && (
        <span class="dim">
          {" "}
          {t(
            `· the latest ${count(of.reachable)} are listed; narrow the time for others`,
            `・新しい ${count(of.reachable)} 件を表示。期間を絞ると残りを表示できます`,
          )}
        </span>
      )}
    </>
  );
}

/** The raw line with the searched words marked. */
function Marked({ text, words }: { text: string; words: string[] }) {
  const first = words.map((word) => text.toLowerCase().indexOf(word.toLowerCase())).filter((at) => at >= 0);
  if (first.length === 0) return <>{text}</>;
  const at = Math.min(...first);
  const word = words.find((one) => text.toLowerCase().startsWith(one.toLowerCase(), at)) ?? "";
  const from = Math.max(0, at - 70);
  return (
    <>
      {from > 0 ? "…" : ""}
      {text.slice(from, at)}
      <mark>{text.slice(at, at + word.length)}</mark>
      {text.slice(at + word.length)}
    </>
  );
}

function EventRow({ of, words }: { of: FoundEvent | null; words: string[] }) {
  if (!of) return <span class="loading-line" />;
  return (
    <>
      <span class="c-stamp">
        <When at={of.time} />
      </span>
      <span class="c-host">{of.host ?? "—"}</span>
      <span class="c-kind">{of.kind}</span>
      <span class="c-raw mono">
        <Marked text={of.raw} words={words} />
      </span>
    </>
  );
}

function Results({ place, q }: { place: Place; q: string }) {
  const from = place.query.get("from") ?? undefined;
  const until = place.query.get("until") ?? undefined;
  const [selected, select] = useState(-1);
  const evidence = place.query.get("evidence");
  const reading = useRef(false);
  reading.current = selected >= 0 || evidence !== null;
  const pages = usePages({ q, from, until }, () => reading.current);
  const { head, trouble, loading, want, event, looks, goesOn, goOn, newer, take } = pages;
  const words = useMemo(() => marks(q), [q]);
  const total = head?.reachable ?? 0;
  const open = (index: number) => amend({ evidence: event(index)?.reference ?? null }, false);
  useKeys({
    j: () => select(Math.min(total - 1, selected + 1)),
    k: () => select(Math.max(0, selected - 1)),
    Enter: () => selected >= 0 && open(selected),
  });
  if (trouble) return <TroubleNote trouble={trouble} />;
  if (loading || !head) return <Loading />;
  return (
    <>
      <Histogram
        q={q}
        from={from}
        until={until}
        snapshot={head.snapshot}
        looks={head.is_counted ? -1 : goesOn ? Math.floor(looks / 3) : -2 - looks}
        onBrush={(a, b) => amend({ from: a, until: b }, false)}
      />
      <p class="found">
        <Tally of={head} goesOn={goesOn} onGoOn={goOn} />
        <Lately of={head} goesOn={goesOn} onGoOn={goOn} />
        {newer && (
          <Newer
            of={newer}
            before={head}
            onShow={() => {
              select(-1);
              take(newer);
            }}
          />
        )}
        <span class="dim">
          {" "}
          · {head.took_ms} ms · {zoneLabel()}
        </span>
        {(from || until) && (
          <button type="button" class="cite" onClick={() => amend({ from: null, until: null }, false)}>
            {t("whole range", "全期間に戻す")}
          </button>
        )}
      </p>
      <CoverageNote of={head.coverage} unsearched={head.unsearched} complete={head.is_complete} />
      {total === 0 && goesOn ? (
        <Loading />
      ) : total === 0 ? (
        <Empty title={t("No match within what was read.", "読んだ範囲では一致がありません。")}>
          <p>
            {t(
              "That is no proof of absence: see above what was not there to be read.",
              "「なかった」ことの証明ではありません。上の未確認の範囲をご覧ください。",
            )}
          </p>
        </Empty>
      ) : (
        <Rows
          class="events"
          total={total}
          height={26}
          selected={selected}
          onSelect={select}
          onOpen={open}
          onSeen={want}
          label={t("Events", "イベント")}
          row={(index) => <EventRow of={event(index)} words={words} />}
        />
      )}
    </>
  );
}

function TableOf({ sql }: { sql: string }) {
  const [table, setTable] = useState<Table | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    setTable(null);
    setTrouble(null);
    void post("/api/v1/query", { body: { sql }, signal: stop.signal }).then((result) => {
      if (stop.signal.aborted) return;
      if (result.ok) setTable(result.value);
      else setTrouble(result.trouble);
    });
    return () => stop.abort();
  }, [sql]);
  if (trouble) return <TroubleNote trouble={trouble} />;
  if (!table) return <Loading />;
  return (
    <>
      <p class="found">
        <b>{t(`${count(table.rows.length)} rows`, `${count(table.rows.length)} 行`)}</b> <span class="dim">· {table.took_ms} ms</span>
        {table.is_cut && <span class="unknown"> {t("cut: a bound was reached", "上限に達したため途中まで")}</span>}
      </p>
      {table.coverage && <CoverageNote of={table.coverage} unsearched={table.unsearched} complete={table.coverage.missing.length === 0} />}
      <div class="scroll" role="region" tabIndex={0} aria-label={t("Rows", "結果")}>
        <table class="list mono">
          <thead>
            <tr>
              {table.columns.map((name) => (
                <th key={name}>{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {table.rows.slice(0, 1000).map((row, i) => (
              <tr key={i}>
                {row.map((cell, j) => (
                  <td key={j}>{cell === null ? <span class="dim">null</span> : String(cell)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {table.rows.length > 1000 && <p class="dim">{t("The first 1,000 are shown.", "先頭 1,000 行を表示しています。")}</p>}
    </>
  );
}

function Hunts({ q }: { q: string }) {
  const asked = useGet("/api/v1/hunts");
  const [name, setName] = useState("");
  const save = () => post("/api/v1/hunts", { body: { name, language: understand(q).language, question: q } });
  return (
    <aside class="hunts" aria-labelledby="hunts">
      <h2 id="hunts">{t("Saved hunts", "保存した検索")}</h2>
      <Show of={asked} lines={3}>
        {(list) =>
          list.items.length === 0 ? (
            <p class="dim">{t("None yet.", "まだありません。")}</p>
          ) : (
            <ul>
              {list.items.map((hunt: Hunt) => (
                <li key={hunt.id}>
                  <a href={`#/search?q=${encodeURIComponent(hunt.question)}`}>{hunt.name}</a> <small class="dim">{hunt.owner}</small>
                  <Act
                    label={t("Remove", "削除")}
                    act={() => remove("/api/v1/hunts/{id}", { path: { id: hunt.id }, ifMatch: `"${hunt.version}"` })}
                    onDone={asked.reload}
                  />
                </li>
              ))}
            </ul>
          )
        }
      </Show>
      {q && (
        <>
          <label>
            {t("Save this one as", "名前を付けて保存")}
            <input value={name} onInput={(event) => setName(event.currentTarget.value)} />
          </label>
          <Act
            label={t("Save", "保存")}
            disabled={!name.trim()}
            act={save}
            onDone={() => {
              setName("");
              asked.reload();
            }}
          />
        </>
      )}
    </aside>
  );
}

const EXAMPLES: [string, string, string][] = [
  ["rclone", "a word in any field", "いずれかの項目に含む語"],
  ["src_endpoint.ip:198.51.100.140", "a field has it", "特定の項目"],
  ["status:Success auth_factors:Password -host:dc01", "several terms, one negated", "複数条件と除外"],
  ["SELECT host, count(*) AS n FROM events GROUP BY host ORDER BY n DESC", "SQL", "SQL"],
];

function Start() {
  return (
    <Empty title={t("Ask for words, fields, or in SQL.", "語・項目・SQL で検索できます。")}>
      <ul class="examples">
        {EXAMPLES.map(([q, en, ja]) => (
          <li key={q}>
            <a class="mono" href={`#/search?q=${encodeURIComponent(q)}`}>
              {q}
            </a>{" "}
            <span class="dim">{t(en, ja)}</span>
          </li>
        ))}
      </ul>
    </Empty>
  );
}

export function Search({ place }: { place: Place }) {
  const q = place.query.get("q") ?? "";
  const evidence = place.query.get("evidence");
  const language = understand(q).language;
  return (
    <div class={evidence ? "with-evidence" : ""}>
      <div class="search-page">
        <h1 class="visually-hidden">{t("Search", "検索")}</h1>
        <Box text={q} onAsk={(text) => amend({ q: text, evidence: null }, false)} />
        <div class="search-body">
          <div class="search-results">
            {!q ? <Start /> : language === "sql" ? <TableOf key={q} sql={q} /> : <Results key={q} place={place} q={q} />}
          </div>
          {!evidence && <Hunts q={q} />}
        </div>
      </div>
      {evidence && <Evidence reference={evidence} onClose={() => amend({ evidence: null })} />}
    </div>
  );
}
