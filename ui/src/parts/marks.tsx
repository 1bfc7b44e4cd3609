// Small signs. Each has a shape and a word: colour alone never says anything.
import type { ComponentChildren } from "preact";
import { t } from "../lib/language";
import { show, type Precision } from "../lib/time";
import { answerName, certaintyName, levelName, outcomeName } from "../lib/words";

const SHAPES: Record<string, string> = {
  critical: "M1 1h10v10H1z",
  high: "M6 .5 11.5 11H.5z",
  medium: "M6 .5 11.5 6 6 11.5.5 6z",
  low: "M6 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
  informational: "M6 2.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zm0 1a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
};

export function LevelSign({ level }: { level: string }) {
  return (
    <svg class={`sign level-${level}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d={SHAPES[level] ?? SHAPES["informational"] ?? ""} />
    </svg>
  );
}

export function Level({ level }: { level: string }) {
  return (
    <span class={`level level-${level}`}>
      <LevelSign level={level} />
      {levelName(level)}
    </span>
  );
}

export function Certainty({ of }: { of: string }) {
  return <span class={`certainty certainty-${of}`}>{certaintyName(of)}</span>;
}

export function Outcome({ of }: { of: string }) {
  return <span class={`outcome outcome-${of}`}>{outcomeName(of)}</span>;
}

export function AnswerSign({ of }: { of: string }) {
  return <span class={`answer answer-${of}`}>{answerName(of)}</span>;
}

/** A moment, in the zone of the page; the exact one in UTC is its title. */
export function When({ at, precision = "second", none }: { at: string | null | undefined; precision?: Precision; none?: string }) {
  if (!at) return <span class="dim">{none ?? t("no time", "時刻なし")}</span>;
  return (
    <time dateTime={at} title={at}>
      {show(at, precision)}
    </time>
  );
}

/** A day that a list states: the same day wherever it is read. */
export function StatedDay({ at, none }: { at: string | null | undefined; none?: string }) {
  if (!at) return <span class="dim">{none ?? t("no day", "日付なし")}</span>;
  return <time dateTime={at}>{show(at, "day", "UTC")}</time>;
}

/** A value that may be unknown: then hatched, with the reason. */
export function Known({ value, why, children }: { value: unknown; why: string; children?: ComponentChildren }) {
  if (value !== null && value !== undefined) return <>{children ?? String(value)}</>;
  return (
    <span class="unknown" title={why}>
      {t("unknown", "不明")}
      <span class="why"> — {why}</span>
    </span>
  );
}

export function Name({ of, none }: { of: string; none?: string }) {
  return of ? <bdi class="name">{of}</bdi> : <span class="dim">{none ?? t("not stated", "記載なし")}</span>;
}
