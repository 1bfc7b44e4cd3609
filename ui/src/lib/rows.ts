// Which rows of a long list are seen, and where they stand.

/** Browsers lose precision above this height in pixels; beyond it one pixel of the bar is several rows. */
export const HIGHEST = 8_000_000;
/** Rows that exist above and below those that are seen. */
const AROUND = 6;

export interface Geometry {
  real: number;
  scaled: boolean;
  first: number;
  from: number;
  to: number;
  offset: number;
  topOf: (index: number) => number;
}

export function geometry(total: number, height: number, view: number, top: number): Geometry {
  const real = Math.min(total * height, HIGHEST);
  const scaled = real < total * height;
  const furthest = Math.max(0, total - Math.floor(view / height));
  const share = furthest / Math.max(1, real - view);
  const first = Math.max(0, Math.min(furthest, scaled ? Math.round(top * share) : Math.floor(top / height)));
  const from = Math.max(0, first - AROUND);
  const to = Math.min(total, first + Math.ceil(view / height) + AROUND);
  const topOf = (index: number) => {
    const place = Math.max(0, Math.min(furthest, index));
    return scaled ? place / share : place * height;
  };
  const offset = scaled ? Math.min(top, real - view) - (first - from) * height : from * height;
  return { real, scaled, first, from, to, offset, topOf };
}

/** The row that a key leads to; null when the key moves nothing. */
export function selectedBy(key: string, selected: number, page: number, total: number): number | null {
  const step = Math.max(1, page);
  const moves: Record<string, number> = {
    ArrowDown: selected + 1,
    ArrowUp: selected - 1,
    PageDown: selected + step,
    PageUp: selected - step,
    Home: 0,
    End: total - 1,
  };
  const next = moves[key];
  return next === undefined || total === 0 ? null : Math.max(0, Math.min(total - 1, next));
}
