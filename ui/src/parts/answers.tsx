// The four questions: what is known, and what is not.
import type { Answer, Fact, Judged, Unknown } from "../api/types";
import { count } from "../lib/figures";
import { say, t } from "../lib/language";
import { ago } from "../lib/time";
import { questionName } from "../lib/words";
import { AnswerSign, When } from "./marks";

export function FactLine({ fact }: { fact: Fact }) {
  return (
    <li>
      {fact.link ? <a href={`#${fact.link}`}>{say(fact.text)}</a> : say(fact.text)}
      {fact.evidence.map((reference, i) => (
        <span key={reference} class="no-print">
          {" "}
          <a class="cite" href={`#/search?evidence=${encodeURIComponent(reference)}`}>
            {t("bytes", "原文")} {i + 1}
          </a>
        </span>
      ))}
    </li>
  );
}

/** How far evidence was read, how old that is, and why there is nothing newer. */
export function JudgedNote({ of, now }: { of: Judged | null; now?: string }) {
  if (!of) return null;
  const age = now ? ` (${ago(of.as_of, now)})` : "";
  const far = of.days ? `${of.days.first} – ${of.days.last} (${of.zone})` : t("no day", "対象日なし");
  return (
    <p class="judged dim">
      {t("Evidence judged as of", "証拠の判定時点：")} <When at={of.as_of} precision="minute" />
      {age} · {far} ·{" "}
      {t(
        `${count(of.events)} events, ${count(of.leaves)} leaves, ${count(of.lists)} lists`,
        `イベント ${count(of.events)}・台帳 ${count(of.leaves)} リーフ・一覧 ${count(of.lists)}`,
      )}
      {of.unread > 0 && (
        <span class="unknown">
          {t(`${count(of.unread)} places could not be read or used`, `読み取れない・使えない箇所 ${count(of.unread)}`)}
        </span>
      )}
      {of.working && <> · {t("a newer judgement is being made", "新しい判定を実行中")}</>}
      {of.fault && (
        <strong class="bad judged-fault" role="alert">
          {t("The last try failed, this is the result before it:", "直近の判定に失敗したため、前回の結果です：")} {of.fault.why} (
          <When at={of.fault.at} precision="minute" />)
        </strong>
      )}
    </p>
  );
}

export function Unknowns({ of }: { of: Unknown[] }) {
  if (of.length === 0) return null;
  return (
    <ul class="unknowns" aria-label={t("What is unknown", "不明な点")}>
      {of.map((one, i) => (
        <li key={i}>
          <span class="unknown-tag">{t("unknown", "不明")}</span> {say(one.what)}
          {one.settled_by && (
            <span class="settles">
              {t("Settled by:", "判明させるには：")} {say(one.settled_by)}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

/** What a first look has room for; a printed page has room for all. */
const FIRST = 3;

/** Facts and what is unknown, behind a line that counts them. */
function Further({ of, facts }: { of: Answer; facts: Answer["facts"] }) {
  const unknown = lacking(of);
  if (facts.length === 0 && unknown.length === 0) return null;
  return (
    <details class="further">
      <summary>
        {facts.length > 0 && t(`${facts.length} further`, `ほか ${facts.length} 件`)}
        {facts.length > 0 && unknown.length > 0 && " · "}
        {unknown.length > 0 && t(`${unknown.length} unknown, and what settles them`, `不明 ${unknown.length} 件と確かめ方`)}
      </summary>
      {facts.length > 0 && (
        <ul class="known">
          {facts.map((fact, i) => (
            <FactLine key={i} fact={fact} />
          ))}
        </ul>
      )}
      <Unknowns of={unknown} />
    </details>
  );
}

const lacking = (one: Answer): Unknown[] => one.unknown.filter((lack) => say(lack.what) !== say(one.text));

/** `brief` folds what is more than a first look. */
export function Answers({ of, brief = false }: { of: Answer[]; brief?: boolean }) {
  return (
    <ol class="answers">
      {of.map((one) => (
        <li key={one.question} data-question={one.question} data-answer={one.answer}>
          <h3>{questionName(one.question)}</h3>
          <p class="answer-line">
            <AnswerSign of={one.answer} />
          </p>
          <div class="answer-text">
            <p>{say(one.text)}</p>
            {one.facts.length > 0 && (
              <ul class="known">
                {one.facts.slice(0, brief ? FIRST : undefined).map((fact, i) => (
                  <FactLine key={i} fact={fact} />
                ))}
              </ul>
            )}
            {brief ? <Further of={one} facts={one.facts.slice(FIRST)} /> : <Unknowns of={lacking(one)} />}
          </div>
        </li>
      ))}
    </ol>
  );
}
