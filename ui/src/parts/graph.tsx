// Who met whom, step by step: accounts, addresses, hosts and files in columns, as the cited events name them.
import { useMemo } from "preact/hooks";
import type { Detection, Entity, Step } from "../api/types";
import { say, t } from "../lib/language";
import { zoneLabel } from "../lib/time";
import { kindName } from "../lib/words";
import { useKeys } from "./keys";
import { Certainty, When } from "./marks";

const COLUMNS = ["address", "account", "host", "file"] as const;
/** A client stands with the addresses: something came from there. */
const columnOf = (kind: Entity["kind"]) => (kind === "client" ? "address" : kind);
const ROW = 40;
const WIDE = 240;
const MOST = 12;

interface Edge {
  a: string;
  b: string;
  steps: Set<number>;
  first: number;
  certain: boolean;
}
const key = (kind: string, name: string): string => `${kind} ${name.toLowerCase()}`;

const rank = (id: string): number => COLUMNS.findIndex((c) => id.startsWith(c) || (c === "address" && id.startsWith("client")));

/** Entities that an event names together, with the step at which that was first seen. */
export function edgesOf(
  steps: Step[],
  detections: Map<string, Detection>,
  entities: Entity[],
): { edges: Edge[]; since: Map<string, number>; during: Set<string>[] } {
  const byName = new Map(entities.map((entity) => [entity.name.toLowerCase(), key(entity.kind, entity.name)]));
  const edges = new Map<string, Edge>();
  const since = new Map<string, number>();
  const during = steps.map(() => new Set<string>());
  steps.forEach((step, position) => {
    for (const id of step.detections) {
      const detection = detections.get(id);
      if (!detection) continue;
      const met = new Set<string>();
      for (const value of [detection.host, detection.account, ...Object.values(detection.fields)]) {
        // A path is also the file that it ends in.
        for (const name of [value, value.split(/[\\/]/).at(-1) ?? ""]) {
          const found = byName.get(name.toLowerCase());
          if (found) met.add(found);
        }
      }
      const list = [...met].sort((a, b) => rank(a) - rank(b));
      for (const one of list) {
        during[position]?.add(one);
        if (!since.has(one)) since.set(one, position);
      }
      list.slice(1).forEach((b, i) => {
        const a = list[i] ?? b;
        const edge = `${a}|${b}`;
        const known = edges.get(edge) ?? { a, b, steps: new Set(), first: position, certain: false };
        known.steps.add(position);
        known.certain ||= step.certainty === "confirmed";
        edges.set(edge, known);
      });
    }
  });
  return { edges: [...edges.values()], since, during };
}

interface Props {
  steps: Step[];
  entities: Entity[];
  detections: Detection[];
  at: number;
  onStep: (at: number) => void;
}

function Steps({ at, last, onStep }: { at: number; last: number; onStep: (at: number) => void }) {
  return (
    <p class="graph-steps">
      <button type="button" onClick={() => onStep(Math.max(0, at - 1))} disabled={at === 0} aria-label={t("Step back", "戻る")}>
        ◀
      </button>
      <label>
        <span class="visually-hidden">{t("Step", "手順")}</span>
        <input type="range" min={0} max={last} value={at} onInput={(event) => onStep(Number(event.currentTarget.value))} />
      </label>
      <button type="button" onClick={() => onStep(Math.min(last, at + 1))} disabled={at === last} aria-label={t("Step forward", "進む")}>
        ▶
      </button>
      <span class="tabular">
        {at + 1} / {last + 1}
      </span>
    </p>
  );
}

type Places = Map<string, { x: number; y: number }>;

function Edges({ edges, places, at }: { edges: Edge[]; places: Places; at: number }) {
  return (
    <>
      {edges
        .filter((edge) => edge.first <= at)
        .map((edge) => {
          const a = places.get(edge.a);
          const b = places.get(edge.b);
          if (!a || !b) return null;
          const bend = a.x === b.x ? 60 : 0;
          return (
            <path
              key={`${edge.a}|${edge.b}`}
              class={`graph-edge${edge.steps.has(at) ? " graph-now" : ""}${edge.certain ? "" : " graph-estimated"}`}
              d={`M${a.x} ${a.y}C${a.x + 70 + bend} ${a.y} ${b.x - 70 + bend * 2} ${b.y} ${b.x} ${b.y}`}
            />
          );
        })}
    </>
  );
}

export function Graph({ steps, entities, detections, at, onStep }: Props) {
  const table = useMemo(() => new Map(detections.map((one) => [one.id, one])), [detections]);
  const { edges, since, during } = useMemo(() => edgesOf(steps, table, entities), [steps, table, entities]);
  const columns = COLUMNS.map((kind) => entities.filter((entity) => columnOf(entity.kind) === kind && since.has(key(kind, entity.name))));
  const places: Places = new Map();
  columns.forEach((column, i) =>
    column.slice(0, MOST).forEach((entity, j) => places.set(key(entity.kind, entity.name), { x: 20 + i * WIDE, y: 52 + j * ROW })),
  );
  const height = 60 + Math.max(1, ...columns.map((column) => Math.min(MOST, column.length))) * ROW;
  const step = steps[at];
  const last = steps.length - 1;
  useKeys({ "[": () => onStep(Math.max(0, at - 1)), "]": () => onStep(Math.min(last, at + 1)) });
  if (!step) return null;
  return (
    <div class="graph">
      <Steps at={at} last={last} onStep={onStep} />
      <p class="graph-said" aria-live="polite">
        <When at={step.first} /> {zoneLabel()} · <Certainty of={step.certainty} />
        <br />
        {say(step.text)}
      </p>
      <div class="scroll" role="region" tabIndex={0} aria-label={t("Graph of entities", "関係図")}>
        <svg
          width={COLUMNS.length * WIDE}
          height={height}
          role="img"
          aria-label={t("Entities that events name together up to this step", "この手順までに記録が同時に挙げた対象")}
        >
          {COLUMNS.map((kind, i) => (
            <text key={kind} class="graph-head" x={20 + i * WIDE} y="18">
              {kindName(kind)}
            </text>
          ))}
          <Edges edges={edges} places={places} at={at} />
          {columns
            .flatMap((column) => column.slice(0, MOST))
            .map((entity) => {
              const id = key(entity.kind, entity.name);
              const place = places.get(id);
              const first = since.get(id) ?? 0;
              if (!place) return null;
              const now = during[at]?.has(id) ?? false;
              return (
                <g
                  key={id}
                  class={`graph-node${first > at ? " graph-later" : ""}${now ? " graph-now" : ""}`}
                  transform={`translate(${place.x} ${place.y})`}
                >
                  <circle r="5" />
                  <text x="-4" y="-9">
                    {entity.name.length > 20 ? `${entity.name.slice(0, 19)}…` : entity.name}
                    <title>{`${kindName(entity.kind)} ${entity.name}`}</title>
                  </text>
                </g>
              );
            })}
        </svg>
      </div>
      {columns.some((column) => column.length > MOST) && (
        <p class="dim">{t("The busiest twelve of each kind are drawn.", "各種別の上位 12 件のみを描画しています。")}</p>
      )}
    </div>
  );
}
