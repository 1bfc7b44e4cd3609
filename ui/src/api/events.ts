// What the server says has changed. A page asks again; the event itself carries nothing to show.
type Listener = (what: string) => void;
export type Connection = "connecting" | "open" | "lost" | "none";

const listeners = new Set<Listener>();
const watchers = new Set<(state: Connection) => void>();
let stream: EventSource | null = null;
let state: Connection = "none";

function become(next: Connection): void {
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

export function follow(): void {
  if (stream) return;
  become("connecting");
  stream = new EventSource("/api/v1/events");
  stream.addEventListener("open", () => become("open"));
  stream.addEventListener("error", () => {
    // A server that has no such stream closes it for good; pages then say when they were read.
    become(stream?.readyState === EventSource.CLOSED ? "none" : "lost");
  });
  stream.addEventListener("changed", (event) => {
    try {
      const said = JSON.parse((event as MessageEvent<string>).data) as { what?: unknown };
      if (typeof said.what === "string") for (const listener of listeners) listener(said.what);
    } catch {
      // An event that is no JSON says nothing.
    }
  });
}

export function unfollow(): void {
  stream?.close();
  stream = null;
  become("none");
}
