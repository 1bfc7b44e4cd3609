// Addresses of pages: they stand behind the # of the address, so that every view can be sent to somebody and no log of
// requests on the way has what was looked for.
import { useEffect, useState } from "preact/hooks";

export interface Place {
  path: string;
  query: URLSearchParams;
}

function here(): Place {
  const [path = "", query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  return { path: path || "/", query: new URLSearchParams(query) };
}

const watchers = new Set<() => void>();

export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, "", `#${to}`);
  else history.pushState(null, "", `#${to}`);
  for (const watcher of watchers) watcher();
  if (!replace) window.scrollTo(0, 0);
}

/** Changes some of the query and leaves the rest; null removes. The place on the page stays. */
export function amend(changes: Record<string, string | null>, replace = true): void {
  const { path, query } = here();
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  const to = `#${path}${text ? `?${text}` : ""}`;
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  for (const watcher of watchers) watcher();
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const update = () => setPlace(here());
    const walked = () => {
      update();
      window.scrollTo(0, 0);
    };
    watchers.add(update);
    addEventListener("popstate", update);
    addEventListener("hashchange", walked);
    return () => {
      watchers.delete(update);
      removeEventListener("popstate", update);
      removeEventListener("hashchange", walked);
    };
  }, []);
  return place;
}
