// Where marks of a timeline stand. Many detections in one place are one mark with a number, so that drawing stays bounded.
import type { Detection, EvidenceGap } from "../api/types";

export interface Span {
  from: number;
  to: number;
}
export interface Mark {
  lane: number;
  at: number;
  count: number;
  level: string;
  certain: boolean;
  first: number;
  last: number;
}
export interface Lane {
  kind: LaneKind;
  name: string;
  count: number;
}
export type LaneKind = "host" | "account" | "stage";

const RANK: Record<string, number> = { informational: 0, low: 1, medium: 2, high: 3, critical: 4 };
/** Lanes beyond these are drawn as one. */
export const MOST_LANES = 14;

export function moment(iso: string | null): number | null {
  const at = iso ? new Date(iso).getTime() : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

function names(detection: Detection, kind: LaneKind): string[] {
  switch (kind) {
    case "host":
      return [detection.host];
    case "account":
      return [detection.account];
    case "stage":
      return detection.stages.length > 0 ? detection.stages : [""];
  }
}

/** Lanes by how much happened in them; stages in the order of an attack. */
export function lanesOf(detections: Detection[], kind: LaneKind, order: string[]): Lane[] {
  const counts = new Map<string, number>();
  for (const detection of detections) for (const name of names(detection, kind)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const lanes = [...counts].map(([name, count]) => ({ kind, name, count }));
  if (kind === "stage") return lanes.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  lanes.sort((a, b) => Number(a.name === "") - Number(b.name === "") || b.count - a.count || a.name.localeCompare(b.name));
  if (lanes.length <= MOST_LANES) return lanes;
  const rest = lanes.slice(MOST_LANES - 1).reduce((sum, lane) => sum + lane.count, 0);
  return [...lanes.slice(0, MOST_LANES - 1), { kind, name: "…", count: rest }];
}

/** The whole, with a margin; a single moment gets a minute around it. */
export function whole(detections: Detection[], gaps: EvidenceGap[]): Span {
  let from = Infinity;
  let to = -Infinity;
  for (const detection of detections) {
    for (const at of [moment(detection.first_time), moment(detection.time)]) {
      if (at === null) continue;
      from = Math.min(from, at);
      to = Math.max(to, at);
    }
  }
  if (from > to) return { from: 0, to: 1 };
  const margin = Math.max((to - from) * 0.04, 15_000);
  const near = gaps
    .flatMap((gap) => [moment(gap.from), moment(gap.to)])
    .filter((at): at is number => at !== null && at > from - margin * 4 && at < to + margin * 4);
  return { from: Math.min(from - margin, ...near), to: Math.max(to + margin, ...near) };
}

/** Marks of each lane, in the order of time; what would stand closer than `apart` milliseconds is one mark. */
export function marksOf(detections: Detection[], lanes: Lane[], span: Span, apart: number): Mark[] {
  const index = new Map(lanes.map((lane, i) => [lane.name, i]));
  const rest = index.get("…");
  const kind = lanes[0]?.kind ?? "host";
  const latest: (Mark | undefined)[] = [];
  const marks: Mark[] = [];
  detections.forEach((detection, position) => {
    const at = moment(detection.first_time) ?? moment(detection.time);
    if (at === null || at < span.from || at > span.to) return;
    for (const name of names(detection, kind)) {
      const lane = index.get(name) ?? rest;
      if (lane === undefined) continue;
      const mark = latest[lane];
      if (!mark || at - mark.at >= apart) {
        marks.push(
          (latest[lane] = {
            lane,
            at,
            count: 1,
            level: detection.level,
            certain: detection.certainty === "confirmed",
            first: position,
            last: position,
          }),
        );
        continue;
      }
      mark.count += 1;
      mark.last = position;
      mark.certain ||= detection.certainty === "confirmed";
      if ((RANK[detection.level] ?? 0) > (RANK[mark.level] ?? 0)) mark.level = detection.level;
    }
  });
  return marks;
}

const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000,
].map((s) => s * 1000);

/** Round moments, about so many. */
export function ticks(span: Span, about: number): { at: number[]; step: number } {
  const wanted = (span.to - span.from) / about;
  const step = STEPS.find((one) => one >= wanted) ?? Math.ceil(wanted / 2_592_000_000) * 2_592_000_000;
  // Days begin at local midnight in Japan as elsewhere; a round number of hours from UTC is near enough for a tick.
  const at = [];
  for (let moment = Math.ceil(span.from / step) * step; moment <= span.to; moment += step) at.push(moment);
  return { at, step };
}

export function zoomed(span: Span, factor: number, at: number, bounds: Span): Span {
  const from = at - (at - span.from) * factor;
  const to = at + (span.to - at) * factor;
  if (to - from >= bounds.to - bounds.from) return bounds;
  if (to - from < 1000) return span;
  const shift = Math.max(0, bounds.from - from) - Math.max(0, to - bounds.to);
  return { from: from + shift, to: to + shift };
}
