// Lanes of entities over time. Hatched: evidence is missing there, so that nothing seen means nothing.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Detection, EvidenceGap } from "../api/types";
import { count } from "../lib/figures";
import { say, t } from "../lib/language";
import { show, span as long, zoneLabel } from "../lib/time";
import { lanesOf, marksOf, moment, ticks, whole, zoomed, type Lane, type LaneKind, type Mark, type Span } from "../lib/timeline";
import { kindName, levelName, STAGE_ORDER, stageName } from "../lib/words";
import { useKeys } from "./keys";

const LANE = 34;
const HEAD = 26;
const LEFT = 168;

interface Props {
  detections: Detection[];
  gaps: EvidenceGap[];
  selected: number;
  onSelect: (index: number) => void;
}

const laneName = (lane: Lane): string => {
  if (lane.name === "") return t("not stated", "記載なし");
  if (lane.name === "…") return t("others", "その他");
  return lane.kind === "stage" ? stageName(lane.name) : lane.name;
};

function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(900);
  useLayoutEffect(() => {
    const node = box.current;
    if (!node) return;
    const watch = new ResizeObserver(() => setWidth(Math.max(420, node.clientWidth)));
    watch.observe(node);
    return () => watch.disconnect();
  }, []);
  return { box, width };
}

const SHAPES: Record<string, (r: number) => string> = {
  critical: (r) => `M${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  high: (r) => `M0 ${-r * 1.15} ${r * 1.1} ${r * 0.9}H${-r * 1.1}z`,
  medium: (r) => `M0 ${-r * 1.15} ${r * 1.15} 0 0 ${r * 1.15} ${-r * 1.15} 0z`,
};
const round = (r: number) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;

function MarkShape({ mark, x, y, selected, onClick }: { mark: Mark; x: number; y: number; selected: boolean; onClick: () => void }) {
  const radius = Math.min(9, 4.5 + Math.log2(mark.count));
  const path = (SHAPES[mark.level] ?? round)(radius);
  return (
    <g
      class={`tl-mark level-${mark.level}${mark.certain ? "" : " tl-estimated"}${selected ? " tl-selected" : ""}`}
      transform={`translate(${x.toFixed(1)} ${y})`}
      onClick={onClick}
    >
      <path d={path} />
      {mark.count > 1 && (
        <text class="tl-count" x={radius + 3} y="4">
          {mark.count > 999 ? `${Math.round(mark.count / 1000)}k` : mark.count}
        </text>
      )}
      <title>{`${levelName(mark.level)} · ${show(new Date(mark.at).toISOString())} · ${count(mark.count)}`}</title>
    </g>
  );
}

function gapLane(gap: EvidenceGap, lanes: Lane[]): number | null {
  if (lanes[0]?.kind !== "host") return null;
  const lane = lanes.findIndex((one) => one.name === gap.host);
  return lane < 0 ? null : lane;
}

function Gaps({ gaps, lanes, x, span }: { gaps: EvidenceGap[]; lanes: Lane[]; x: (at: number) => number; span: Span }) {
  return (
    <>
      {gaps.map((gap, i) => {
        const from = Math.max(span.from, moment(gap.from) ?? span.from);
        const to = Math.min(span.to, moment(gap.to) ?? span.to);
        if (from > to) return null;
        const lane = gapLane(gap, lanes);
        const wide = Math.max(3, x(to) - x(from));
        // One log of several that ends is a strip below; numbers that are missing or a silence fill the lane.
        const thin = gap.kind === "ends" || gap.kind === "no-log";
        const top = lane === null ? HEAD : HEAD + lane * LANE + (thin ? LANE - 9 : 2);
        const high = lane === null || thin ? 7 : LANE - 4;
        return (
          <rect key={i} class={`tl-gap tl-gap-${gap.kind}`} x={x(from)} y={top} width={wide} height={high} fill="url(#hatch)">
            <title>{say(gap.text)}</title>
          </rect>
        );
      })}
    </>
  );
}

function Legend() {
  return (
    <p class="legend">
      <span>
        <i class="legend-full" /> {t("confirmed by cited events", "引用した記録で確認")}
      </span>
      <span>
        <i class="legend-open" /> {t("estimated", "推定")}
      </span>
      <span>
        <i class="legend-hatch" /> {t("evidence missing: silence here means nothing", "証拠の欠落：ここでの沈黙は何も意味しない")}
      </span>
      <span class="dim">{t("drag to zoom", "ドラッグで拡大")}</span>
    </p>
  );
}

function Axis({ span: seen, plot, height, x }: { span: Span; plot: number; height: number; x: (at: number) => number }) {
  const axis = ticks(seen, Math.max(3, plot / 110));
  const precision = axis.step >= 86_400_000 ? "day" : axis.step >= 60_000 ? "minute" : "clock";
  return (
    <>
      {axis.at.map((at) => (
        <g key={at} transform={`translate(${x(at).toFixed(1)} 0)`}>
          <line class="tl-tick" y1={HEAD - 6} y2={height} />
          <text class="tl-time" x="3" y={HEAD - 12}>
            {precision === "minute" && seen.to - seen.from < 86_400_000
              ? show(new Date(at).toISOString(), "clock").slice(0, 5)
              : show(new Date(at).toISOString(), precision)}
          </text>
        </g>
      ))}
    </>
  );
}

function Lanes({ lanes, width }: { lanes: Lane[]; width: number }) {
  return (
    <>
      {lanes.map((lane, i) => (
        <g key={lane.name} transform={`translate(0 ${HEAD + i * LANE})`}>
          <line class="tl-lane" x1="0" x2={width} y1={LANE} y2={LANE} />
          <text class={`tl-name${lane.name === "" ? " tl-nameless" : ""}`} x="2" y={LANE / 2 + 4}>
            {clipped(laneName(lane))}
            <title>{`${kindName(lane.kind)} ${laneName(lane)}`}</title>
          </text>
          <text class="tl-number" x={LEFT - 12} y={LANE / 2 + 4}>
            {count(lane.count)}
          </text>
        </g>
      ))}
    </>
  );
}

const KINDS: LaneKind[] = ["host", "account", "stage"];

interface HeadProps {
  kind: LaneKind;
  onKind: (kind: LaneKind) => void;
  seen: Span;
  whole: boolean;
  zoom: (factor: number) => void;
  all: () => void;
}

function Head({ kind, onKind, seen, whole, zoom, all }: HeadProps) {
  return (
    <figcaption>
      <span class="tabs" role="group" aria-label={t("Lanes", "レーン")}>
        {KINDS.map((one) => (
          <button key={one} type="button" aria-pressed={one === kind} onClick={() => onKind(one)}>
            {one === "stage" ? t("by stage", "段階別") : one === "host" ? t("by host", "ホスト別") : t("by account", "アカウント別")}
          </button>
        ))}
      </span>
      <span class="tl-span">
        {show(new Date(seen.from).toISOString())} – {show(new Date(seen.to).toISOString(), "clock")} {zoneLabel()}{" "}
        <span class="dim">({long(seen.to - seen.from)})</span>
      </span>
      <span class="tl-zoom">
        <button type="button" onClick={() => zoom(0.5)} aria-label={t("Zoom in", "拡大")}>
          ＋
        </button>
        <button type="button" onClick={() => zoom(2)} aria-label={t("Zoom out", "縮小")}>
          −
        </button>
        <button type="button" onClick={all} disabled={whole}>
          {t("all", "全体")}
        </button>
      </span>
    </figcaption>
  );
}

/** Dragging chooses a span, the wheel with a modifier zooms at the pointer. */
function usePointer(box: RefObject<HTMLDivElement>, back: (px: number) => number, seen: Span, bounds: Span, setSpan: (span: Span) => void) {
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const place = (event: MouseEvent) => event.clientX - (box.current?.getBoundingClientRect().left ?? 0);
  const down = (event: PointerEvent) => {
    const px = place(event);
    if (px > LEFT && event.button === 0) setDrag({ from: px, to: px });
  };
  const move = (event: PointerEvent) => void (drag && setDrag({ ...drag, to: Math.max(LEFT, place(event)) }));
  const up = () => {
    if (drag && Math.abs(drag.to - drag.from) > 8) {
      setSpan({ from: back(Math.min(drag.from, drag.to)), to: back(Math.max(drag.from, drag.to)) });
    }
    setDrag(null);
  };
  const wheel = (event: WheelEvent) => {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    const at = back(place(event));
    setSpan(zoomed(seen, event.deltaY > 0 ? 1.25 : 0.8, at, bounds));
  };
  return { drag, onPointerDown: down, onPointerMove: move, onPointerUp: up, onPointerLeave: up, onWheel: wheel };
}

export function Timeline({ detections, gaps, selected, onSelect }: Props) {
  const [kind, setKind] = useState<LaneKind>("host");
  const { box, width } = useWidth();
  const bounds = useMemo(() => whole(detections, gaps), [detections, gaps]);
  const [span, setSpan] = useState<Span | null>(null);
  const seen = span ?? bounds;
  const plot = width - LEFT - 16;
  const lanes = useMemo(() => lanesOf(detections, kind, STAGE_ORDER), [detections, kind]);
  const marks = useMemo(
    () => marksOf(detections, lanes, seen, ((seen.to - seen.from) / plot) * 44),
    [detections, lanes, seen.from, seen.to, plot],
  );
  const x = (at: number) => LEFT + ((at - seen.from) / (seen.to - seen.from)) * plot;
  const back = (px: number) => seen.from + ((px - LEFT) / plot) * (seen.to - seen.from);
  const height = HEAD + lanes.length * LANE + 8;
  const zoom = (factor: number) => setSpan(zoomed(seen, factor, (seen.from + seen.to) / 2, bounds));
  useKeys({ "+": () => zoom(0.5), "-": () => zoom(2), "0": () => setSpan(null) });
  useEffect(() => setSpan(null), [bounds.from, bounds.to]);

  const { drag, ...pointer } = usePointer(box, back, seen, bounds, setSpan);
  const current = detections[selected];
  const currentAt = current ? (moment(current.first_time) ?? moment(current.time)) : null;
  return (
    <figure class="timeline">
      <Head kind={kind} onKind={setKind} seen={seen} whole={span === null} zoom={zoom} all={() => setSpan(null)} />
      <div ref={box} class="tl-box" {...pointer}>
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={t(
            `${detections.length} detections in ${lanes.length} lanes; the list below has all of them`,
            `${lanes.length} レーン、検知 ${detections.length} 件。下の一覧に全件があります`,
          )}
        >
          <defs>
            <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <line x1="0" y1="0" x2="0" y2="6" class="hatch-line" />
            </pattern>
          </defs>
          <Axis span={seen} plot={plot} height={height} x={x} />
          <Lanes lanes={lanes} width={width} />
          <Gaps gaps={gaps} lanes={lanes} x={x} span={seen} />
          {currentAt !== null && currentAt >= seen.from && currentAt <= seen.to && (
            <line class="tl-now" x1={x(currentAt)} x2={x(currentAt)} y1={HEAD - 6} y2={height} />
          )}
          {marks.map((mark) => (
            <MarkShape
              key={`${mark.lane}/${mark.first}`}
              mark={mark}
              x={x(mark.at)}
              y={HEAD + mark.lane * LANE + LANE / 2}
              selected={mark.first <= selected && selected <= mark.last && inLane(mark, detections[selected], lanes)}
              onClick={() => onSelect(mark.first)}
            />
          ))}
          {drag && (
            <rect class="tl-drag" x={Math.min(drag.from, drag.to)} y={HEAD - 6} width={Math.abs(drag.to - drag.from)} height={height} />
          )}
        </svg>
      </div>
      <Legend />
    </figure>
  );
}

/** Whether the selected detection is (one of those) in the lane of a mark. */
function inLane(mark: Mark, detection: Detection | undefined, lanes: Lane[]): boolean {
  const lane = lanes[mark.lane];
  if (!lane || !detection) return false;
  if (lane.name === "…") return true;
  return lane.kind === "stage"
    ? detection.stages.includes(lane.name)
    : lane.name === (lane.kind === "host" ? detection.host : detection.account);
}

const clipped = (name: string): string => (name.length > 18 ? `${name.slice(0, 17)}…` : name);
