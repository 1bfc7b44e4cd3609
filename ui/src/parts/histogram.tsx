// How many events match over time; dragging over it narrows the range. Below, hatched: logs that were not there.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { get, type Trouble } from "../api/client";
import type { Histogram as Model } from "../api/types";
import { count } from "../lib/figures";
import { t } from "../lib/language";
import { show, zone } from "../lib/time";
import { Loading, TroubleNote } from "./states";

interface Props {
  q: string;
  from: string | undefined;
  until: string | undefined;
  /** The search whose events are counted. */
  snapshot: string;
  /** Counted again whenever this changes. */
  looks: number;
  onBrush: (from: string, until: string) => void;
}

/** A tick: the day where ticks are days apart, else the clock, in the zone of the page. */
function label(seconds: number, step: number): string {
  const whole = show(new Date(seconds * 1000).toISOString());
  return step >= 86_400 ? whole.slice(0, 10) : step >= 60 ? whole.slice(5, 16) : whole.slice(11);
}

function draw(node: HTMLElement, model: Model, onBrush: Props["onBrush"]): uPlot {
  const start = new Date(model.from).getTime() / 1000;
  const times = model.counts.map((_, i) => start + i * model.bucket_seconds);
  const style = getComputedStyle(node);
  const ink = style.getPropertyValue("--ink-2").trim() || "#555";
  const bar = style.getPropertyValue("--bar").trim() || "#456";
  const bars = uPlot.paths.bars?.({ size: [0.9, 60], align: 1 });
  const axis = { stroke: ink, grid: { show: false }, ticks: { stroke: ink, size: 4 }, font: "11px system-ui, sans-serif" };
  return new uPlot(
    {
      width: node.clientWidth || 800,
      height: 120,
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false, setScale: false } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone()),
      scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(1, max)] } },
      axes: [
        { ...axis, space: 90, values: (_, splits, __, ___, step) => splits.map((at) => label(at, step)) },
        { ...axis, size: 44, values: (_, values) => values.map((n) => (Number.isInteger(n) ? count(n) : "")) },
      ],
      series: [{}, { fill: bar, stroke: bar, width: 0, ...(bars ? { paths: bars } : {}), points: { show: false } }],
      hooks: {
        setSelect: [
          (plot) => {
            if (plot.select.width < 4) return;
            const at = (px: number) => new Date(plot.posToVal(px, "x") * 1000).toISOString();
            onBrush(at(plot.select.left), at(plot.select.left + plot.select.width));
          },
        ],
      },
    },
    [times, model.counts],
    node,
  );
}

function Plot({ model, onBrush }: { model: Model; onBrush: Props["onBrush"] }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const node = box.current;
    if (!node) return;
    const plot = draw(node, model, onBrush);
    const watch = new ResizeObserver(() => plot.setSize({ width: node.clientWidth, height: 120 }));
    watch.observe(node);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [model]);
  const highest = Math.max(...model.counts.map((n) => n ?? 0), 0);
  const open = model.counts.filter((n) => n === null).length;
  const peak = model.counts.indexOf(highest);
  const at = new Date(new Date(model.from).getTime() + peak * model.bucket_seconds * 1000).toISOString();
  return (
    <figure class="histogram">
      <div
        ref={box}
        role="img"
        aria-label={t(`Matches over time; most, ${highest}, at ${show(at)}`, `時間ごとの件数。最多 ${highest} 件（${show(at)}）`)}
      />
      {open > 0 && (
        <p class="dim">
          {t(
            `${open} of ${model.counts.length} stretches of time are not counted yet: they are empty here.`,
            `全 ${model.counts.length} 区間のうち ${open} 区間は未集計のため空白です。`,
          )}
        </p>
      )}
      <div class="unseen-strip" aria-hidden="true">
        {model.unseen.map((n, i) => (
          <i key={i} class={n > 0 ? "hatched" : ""} title={n > 0 ? t(`${n} logs without events that day`, `記録のないログ ${n}`) : ""} />
        ))}
      </div>
    </figure>
  );
}

export function Histogram({ q, from, until, snapshot, looks, onBrush }: Props) {
  const [model, setModel] = useState<Model | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const query = { q, from, until, snapshot, buckets: 120 };
    void get("/api/v1/search/histogram", { query, signal: stop.signal }).then((result) => {
      if (stop.signal.aborted) return;
      setTrouble(result.ok ? null : result.trouble);
      if (result.ok) setModel(result.value);
    });
    return () => stop.abort();
  }, [q, from, until, snapshot, looks]);
  if (model) return <Plot model={model} onBrush={onBrush} />;
  return trouble ? <TroubleNote trouble={trouble} /> : <Loading lines={2} />;
}
