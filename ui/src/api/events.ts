// What the server says has changed. A page asks again; the event itself carries nothing to show.
//
// Browsers open few connections to one server, and events hold one open: of all tabs one follows and tells the others.
type Listener = (what: string) => void;
export type Connection = "connecting" | "open" | "lost" | "none";
type Said = { what: string } | { state: Connection };

/** All parts of the contract: what may have changed while nobody followed. */
const EVERYTHING = ["today", "incidents", "sources", "alerts", "ledger"];
/** After a refusal: the server has no room for more followers now. */
const AGAIN_MS = 60_000;
/** A connection that is made anew within this, as after a fresh proof, was not lost. */
const GRACE_MS = 8_000;

const listeners = new Set<Listener>();
const watchers = new Set<(state: Connection) => void>();
let state: Connection = "none";
let stop: AbortController | null = null;

function become(next: Connection): void {
  if (next === state) return;
  state = next;
  for (const watcher of watchers) watcher(next);
}

export const connection = (): Connection => state;

export function onConnection(watcher: (state: Connection) => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function onChanged(topics: string[], reload: () => void): () => void {
  const listener: Listener = (what) => {
    if (topics.includes(what)) reload();
  };
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(what: string): void {
  for (const listener of listeners) listener(what);
}

/** Follows until it is told to stop; what happens goes to `say`. */
function stream(signal: AbortSignal, say: (said: Said) => void): Promise<void> {
  return new Promise((done) => {
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let grace: ReturnType<typeof setTimeout> | undefined;
    const open = () => {
      let before = false;
      const current = new EventSource("/api/v1/events");
      source = current;
      current.addEventListener("open", () => {
        clearTimeout(grace);
        grace = undefined;
        say({ state: "open" });
        // What changed between the first answers and now; later the server remembers where we were.
        if (!before) for (const what of EVERYTHING) say({ what });
        before = true;
      });
      current.addEventListener("error", () => {
        const closed = current.readyState === EventSource.CLOSED;
        if (closed) say({ state: "none" });
        else grace ??= setTimeout(() => say({ state: "lost" }), GRACE_MS);
        if (closed && !signal.aborted) timer = setTimeout(open, AGAIN_MS);
      });
      current.addEventListener("changed", (event) => {
        try {
          const said = JSON.parse((event as MessageEvent<string>).data) as { what?: unknown };
          if (typeof said.what === "string") say({ what: said.what });
        } catch {
          // An event that is no JSON says nothing.
        }
      });
    };
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      clearTimeout(grace);
      source?.close();
      done();
    });
    open();
  });
}

export function follow(): void {
  if (stop) return;
  stop = new AbortController();
  const { signal } = stop;
  become("connecting");
  const hear = (said: Said) => {
    if (signal.aborted) return;
    if ("state" in said) become(said.state);
    else tell(said.what);
  };
  const others = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("hinomi.events");
  others?.addEventListener("message", (event) => {
    const said = event.data as Said | { ask: true };
    // A tab that came later wants to know how it stands.
    if ("ask" in said) {
      if (leads) others.postMessage({ state });
    } else hear(said);
  });
  let leads = false;
  const lead = () => {
    leads = true;
    return stream(signal, (said) => {
      hear(said);
      others?.postMessage(said);
    });
  };
  signal.addEventListener("abort", () => others?.close());
  others?.postMessage({ ask: true });
  // Without locks each tab follows by itself.
  if (!("locks" in navigator)) void lead();
  else void navigator.locks.request("hinomi.events", { signal }, lead).catch(() => undefined);
}

export function unfollow(): void {
  stop?.abort();
  stop = null;
  become("none");
}
