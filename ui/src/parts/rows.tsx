// A list of which only what is seen exists: thousands or millions of rows of one height.
//
// Invariants: at most some hundred elements exist whatever the total; the wheel moves by rows also where the whole would
// be higher than a browser can scroll.
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { geometry, selectedBy } from "../lib/rows";

interface Props {
  total: number;
  height: number;
  row: (index: number) => ComponentChildren;
  selected: number;
  onSelect: (index: number) => void;
  onOpen?: (index: number) => void;
  onSeen?: (first: number, last: number) => void;
  label: string;
  class?: string;
}

/** How high the window of the list is, also after it changed. */
function useView(box: RefObject<HTMLDivElement>): number {
  const [view, setView] = useState(400);
  useLayoutEffect(() => {
    const node = box.current;
    if (!node) return;
    const measure = () => setView(node.clientHeight || 400);
    const watch = new ResizeObserver(measure);
    watch.observe(node);
    measure();
    return () => watch.disconnect();
  }, []);
  return view;
}

function Row({ index, props }: { index: number; props: Props }) {
  const chosen = index === props.selected;
  return (
    <div
      id={`row-${index}`}
      role="option"
      aria-selected={chosen}
      aria-posinset={index + 1}
      aria-setsize={props.total}
      class={`row${chosen ? " row-selected" : ""}`}
      style={{ height: `${props.height}px` }}
      onClick={() => props.onSelect(index)}
      onDblClick={() => props.onOpen?.(index)}
    >
      {props.row(index)}
    </div>
  );
}

export function Rows(props: Props) {
  const { total, height, selected } = props;
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const view = useView(box);
  const at = geometry(total, height, view, top);

  useEffect(() => props.onSeen?.(at.from, at.to), [at.from, at.to]);
  const scrollTo = (index: number) => {
    if (box.current) box.current.scrollTop = at.topOf(index);
  };
  useEffect(() => {
    const rows = Math.max(1, Math.floor(view / height));
    if (selected >= 0 && selected < at.first) scrollTo(selected);
    else if (selected >= at.first + rows) scrollTo(selected - rows + 1);
  }, [selected]);

  const wheel = (event: WheelEvent) => {
    if (!at.scaled) return;
    event.preventDefault();
    scrollTo(at.first + Math.sign(event.deltaY) * Math.max(1, Math.round(Math.abs(event.deltaY) / height)));
  };
  const keys = (event: KeyboardEvent) => {
    const next = selectedBy(event.key, selected, Math.floor(view / height) - 1, total);
    const opens = event.key === "Enter" && selected >= 0;
    if (next === null && !opens) return;
    event.preventDefault();
    if (next !== null) props.onSelect(next);
    else props.onOpen?.(selected);
  };
  const shown = Array.from({ length: Math.max(0, at.to - at.from) }, (_, i) => at.from + i);
  return (
    <div
      ref={box}
      class={`rows ${props.class ?? ""}`}
      role="listbox"
      aria-label={props.label}
      tabIndex={0}
      aria-activedescendant={selected >= at.from && selected < at.to ? `row-${selected}` : undefined}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onWheel={wheel}
      onKeyDown={keys}
    >
      <div class="rows-all" role="presentation" style={{ height: `${at.real}px` }}>
        <div class="rows-shown" role="presentation" style={{ transform: `translateY(${at.offset}px)` }}>
          {shown.map((index) => (
            <Row key={index} index={index} props={props} />
          ))}
        </div>
      </div>
    </div>
  );
}
