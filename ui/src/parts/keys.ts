// Keys that work everywhere, and those that a page adds while it is shown.
import { useLayoutEffect } from "preact/hooks";

type Action = () => void;
const actions = new Map<string, Action[]>();

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Where Enter already means something. */
const answers = (target: EventTarget | null): boolean => target instanceof Element && target.closest("a, button, summary, dialog") !== null;

let leader = 0;

/** Handles a key press; `g` waits a second for its second key. */
export function pressed(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target) && event.key !== "Escape") return;
  if (event.key === "Enter" && answers(event.target)) return;
  const led = Date.now() - leader < 1000;
  leader = 0;
  if (event.key === "g" && !led) {
    leader = Date.now();
    return;
  }
  const action = actions.get(led ? `g ${event.key}` : event.key)?.at(-1);
  if (!action) return;
  event.preventDefault();
  action();
}

export function useKeys(keys: Record<string, Action>): void {
  useLayoutEffect(() => {
    const entries = Object.entries(keys);
    for (const [key, action] of entries) actions.set(key, [...(actions.get(key) ?? []), action]);
    return () => {
      for (const [key, action] of entries)
        actions.set(
          key,
          (actions.get(key) ?? []).filter((other) => other !== action),
        );
    };
  });
}
