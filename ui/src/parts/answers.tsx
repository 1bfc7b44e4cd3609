// The four questions: what is known, and what is not.
import type { Answer, Fact, Unknown } from "../api/types";
import { say, t } from "../lib/language";
import { questionName } from "../lib/words";
import { AnswerSign } from "./marks";

export function FactLine({ fact }: { fact: Fact }) {
  return <li>{fact.link ? <a href={`#${fact.link}`}>{say(fact.text)}</a> : say(fact.text)}</li>;
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

export function Answers({ of }: { of: Answer[] }) {
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
                {one.facts.map((fact, i) => (
                  <FactLine key={i} fact={fact} />
                ))}
              </ul>
            )}
            <Unknowns of={one.unknown} />
          </div>
        </li>
      ))}
    </ol>
  );
}
