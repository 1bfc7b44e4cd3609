// Asks the server. Every failure becomes a `Trouble`; nothing is thrown.
import { language } from "../lib/language";
import type { Deletes, Gets, Patchs, Posts, Problem } from "./types";

export interface Trouble {
  kind: "unreachable" | "problem";
  status: number;
  code: string;
  title: string;
  detail: string | null;
  retryAfter: number | null;
  /** Why the word of an identity provider does not count. */
  reason: string | null;
}
export type Result<T> = { ok: true; value: T; tag: string | null } | { ok: false; trouble: Trouble };

/** Called when the server says that nobody is signed in (any more). */
let onSignedOut: () => void = () => undefined;
export const whenSignedOut = (act: () => void): void => void (onSignedOut = act);

function told(trouble: Trouble): Trouble {
  if (trouble.code === "not_signed_in") onSignedOut();
  return trouble;
}

type Query = Record<string, string | number | undefined>;
interface Ask {
  path?: Record<string, string>;
  query?: Query;
  body?: unknown;
  ifMatch?: string;
  signal?: AbortSignal;
  /** The page asks by itself: that keeps nobody signed in. */
  unattended?: boolean;
}

/** The address of a path of the contract, with its places filled. */
export function address(template: string, ask: Pick<Ask, "path" | "query">): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(ask.path?.[name] ?? ""));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(ask.query ?? {})) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

const unreachable: Trouble = {
  kind: "unreachable",
  status: 0,
  code: "unreachable",
  title: "",
  detail: null,
  retryAfter: null,
  reason: null,
};

async function troubleOf(answer: Response): Promise<Trouble> {
  const after = Number(answer.headers.get("retry-after"));
  const trouble: Trouble = {
    kind: "problem",
    status: answer.status,
    code: answer.status === 404 ? "not_found" : "internal",
    title: answer.statusText,
    detail: null,
    retryAfter: after > 0 ? after : null,
    reason: null,
  };
  try {
    const body = (await answer.json()) as Partial<Problem>;
    trouble.code = typeof body.code === "string" ? body.code : trouble.code;
    trouble.title = typeof body.title === "string" ? body.title : trouble.title;
    trouble.detail = typeof body.detail === "string" ? body.detail : null;
    trouble.reason = typeof body.reason === "string" ? body.reason : null;
    trouble.retryAfter = body.retry_after_seconds ?? trouble.retryAfter;
  } catch {
    // What stands between us and the server does not speak JSON; the status says enough.
  }
  return trouble;
}

async function ask<T>(method: string, template: string, what: Ask): Promise<Result<T>> {
  const headers: Record<string, string> = { accept: "application/json, application/problem+json", "accept-language": language() };
  if (method !== "GET") headers["x-hinomi"] = "1";
  if (what.body !== undefined) headers["content-type"] = "application/json";
  if (what.ifMatch) headers["if-match"] = what.ifMatch;
  if (what.unattended) headers["x-hinomi-unattended"] = "1";
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (what.body !== undefined) init.body = JSON.stringify(what.body);
  if (what.signal) init.signal = what.signal;
  try {
    const answer = await fetch(address(template, what), init);
    if (!answer.ok) return { ok: false, trouble: told(await troubleOf(answer)) };
    const value = answer.status === 204 ? null : await answer.json();
    return { ok: true, value: value as T, tag: answer.headers.get("etag") };
  } catch {
    return { ok: false, trouble: unreachable };
  }
}

type Of<Table, Path extends keyof Table> = Table[Path] & { query: object; body: unknown; answer: unknown };
type With<E extends { query: object; body: unknown }> = Omit<Ask, "query" | "body"> & { query?: E["query"] } & (E["body"] extends null
    ? object
    : { body: E["body"] });

export const get = <P extends keyof Gets & string>(path: P, what: With<Of<Gets, P>>) =>
  ask<Of<Gets, P>["answer"]>("GET", path, what as Ask);
/** All pages of a list as one; `total` and the like are those of the first. */
export async function getAll<P extends keyof Gets & string>(path: P, what: With<Of<Gets, P>>): Promise<Result<Of<Gets, P>["answer"]>> {
  type Page = { items: unknown[]; next: string | null };
  const items: unknown[] = [];
  let first: { value: unknown; tag: string | null } | null = null;
  let after: string | null = null;
  do {
    const query: Query = { ...(what as Ask).query, after: after ?? undefined };
    const one: Result<Page> = await ask<Page>("GET", path, { ...(what as Ask), query });
    if (!one.ok) return one;
    first ??= one;
    items.push(...one.value.items);
    after = one.value.next;
  } while (after);
  return { ok: true, value: { ...(first.value as object), items, next: null } as Of<Gets, P>["answer"], tag: first.tag };
}
/** The text of an answer, for what has to stay exact to the byte. */
export async function getText<P extends keyof Gets & string>(path: P, what: With<Of<Gets, P>>): Promise<Result<string>> {
  try {
    const answer = await fetch(address(path, what as Ask), { credentials: "same-origin", headers: { "accept-language": language() } });
    if (!answer.ok) return { ok: false, trouble: told(await troubleOf(answer)) };
    return { ok: true, value: await answer.text(), tag: null };
  } catch {
    return { ok: false, trouble: unreachable };
  }
}
export const post = <P extends keyof Posts & string>(path: P, what: With<Of<Posts, P>>) =>
  ask<Of<Posts, P>["answer"]>("POST", path, what as Ask);
export const patch = <P extends keyof Patchs & string>(path: P, what: With<Of<Patchs, P>>) =>
  ask<Of<Patchs, P>["answer"]>("PATCH", path, what as Ask);
export const remove = <P extends keyof Deletes & string>(path: P, what: With<Of<Deletes, P>>) =>
  ask<Of<Deletes, P>["answer"]>("DELETE", path, what as Ask);
