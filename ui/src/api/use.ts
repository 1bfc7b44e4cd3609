// What a page shows: nothing yet, an answer, or trouble with the last answer still there and marked as old.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { address, get, getAll, type Trouble } from "./client";
import { onChanged } from "./events";
import type { Gets } from "./types";

export interface Asked<T> {
  value: T | null;
  tag: string | null;
  trouble: Trouble | null;
  loading: boolean;
  at: number | null;
  reload: () => void;
}

interface Kept {
  value: unknown;
  tag: string | null;
  at: number;
}

const KEPT = 60;
/** Seconds until an answer that was not to be had is asked for again. */
const AGAIN = 5;
const kept = new Map<string, Kept>();

function keep(key: string, value: unknown, tag: string | null): Kept {
  const entry = { value, tag, at: Date.now() };
  kept.delete(key);
  kept.set(key, entry);
  for (const old of kept.keys()) {
    if (kept.size <= KEPT) break;
    kept.delete(old);
  }
  return entry;
}

/** After sign-out nothing of what was read stays behind. */
export const forget = (): void => kept.clear();

type Query<P extends keyof Gets> = Gets[P]["query"];

export function useGet<P extends keyof Gets & string>(
  path: P,
  what: { path?: Record<string, string>; query?: Query<P>; skip?: boolean; all?: boolean; on?: string[] } = {},
): Asked<Gets[P]["answer"]> {
  type T = Gets[P]["answer"];
  const key = address(path, what as never);
  const skip = what.skip === true;
  const [turn, setTurn] = useState(0);
  const [, redraw] = useState(0);
  const state = useRef<{ key: string; entry: Kept | null; trouble: Trouble | null; loading: boolean }>({
    key: "",
    entry: null,
    trouble: null,
    loading: true,
  });
  if (state.current.key !== key) state.current = { key, entry: kept.get(key) ?? null, trouble: null, loading: !skip };
  const unattended = useRef(false);
  const again = useCallback((byItself: boolean) => {
    unattended.current = byItself;
    setTurn((n) => n + 1);
  }, []);
  const reload = useCallback(() => again(false), []);

  useEffect(() => {
    if (skip) return;
    const stop = new AbortController();
    state.current.loading = true;
    const byItself = unattended.current;
    unattended.current = false;
    void (what.all ? getAll : get)(path, { ...what, signal: stop.signal, unattended: byItself } as never).then((result) => {
      if (stop.signal.aborted || state.current.key !== key) return;
      const good = result.ok ? keep(key, result.value, result.tag) : state.current.entry;
      state.current = { key, entry: good, trouble: result.ok ? null : result.trouble, loading: false };
      redraw((n) => n + 1);
    });
    return () => stop.abort();
  }, [key, turn, skip]);

  const { trouble: hindered } = state.current;
  // What is not there now may be in a moment, also where the server does not say when.
  const retry = hindered?.retryAfter ?? (hindered?.status === 503 ? AGAIN : null);
  useEffect(() => {
    if (retry === null) return;
    const timer = setTimeout(() => again(true), retry * 1000);
    return () => clearTimeout(timer);
  }, [retry, turn]);

  const topics = (what.on ?? []).join(" ");
  useEffect(() => (topics ? onChanged(topics.split(" "), () => again(true)) : undefined), [topics]);

  const { entry, trouble, loading } = state.current;
  return { value: (entry?.value as T) ?? null, tag: entry?.tag ?? null, trouble, loading, at: entry?.at ?? null, reload };
}
