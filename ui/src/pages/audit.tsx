// Who did what with this program. What stands here is in the decision ledger, too, and cannot be changed there.
import { useState } from "preact/hooks";
import { get } from "../api/client";
import { useGet } from "../api/use";
import type { AuditEntry } from "../api/types";
import { t } from "../lib/language";
import { show, zoneLabel } from "../lib/time";
import { actionName, actorName, detailName, detailValue } from "../lib/acts";
import { When } from "../parts/marks";
import { Empty, Show } from "../parts/states";

/** Numbers under these names are seconds since 1970. */
const MOMENTS = new Set(["expires", "created", "until", "at", "last_used", "asked", "decided", "first_used", "last_sign_in"]);
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/;

/** Details as `name: value`, nested names joined by dots; keys and other long values are not for reading. */
export function told(details: Record<string, unknown>, prefix = ""): string[] {
  return Object.entries(details).flatMap(([name, value]) => {
    const whole = `${prefix}${name}`;
    const word = detailName(whole);
    if (value === null || value === "" || UNREADABLE.has(name)) return [];
    if (Array.isArray(value))
      return value.every((one) => typeof one !== "object" && String(one).length <= 80)
        ? [`${word}: ${value.map((one) => detailValue(name, String(one))).join(" ")}`]
        : [];
    if (typeof value === "object") return told(value as Record<string, unknown>, `${whole}.`);
    if (typeof value === "number" && MOMENTS.has(name)) return [`${word}: ${show(new Date(value * 1000).toISOString())}`];
    if (typeof value === "boolean") return [`${word}: ${value ? t("yes", "はい") : t("no", "いいえ")}`];
    const text = String(value);
    if (INSTANT.test(text)) return [`${word}: ${show(text)}`];
    return text.length > (TEXTS.has(name) ? 400 : 80) ? [] : [`${word}: ${detailValue(name, text)}`];
  });
}

/** Keys and numbers of factors: for programs, not for people. */
const UNREADABLE = new Set(["credential", "handle", "key", "counter", "alg", "parts", "id"]);
/** What people wrote may be long. */
const TEXTS = new Set(["reason", "text", "decision"]);

function Actor({ of }: { of: AuditEntry }) {
  if (of.actor_name) return <bdi title={of.actor}>{of.actor_name}</bdi>;
  return <>{actorName(of.actor)}</>;
}

function On({ of }: { of: AuditEntry }) {
  if (of.incident)
    return (
      <a href={`#/incidents/${of.incident}`}>
        <code>{of.incident.slice(0, 8)}</code>
      </a>
    );
  return <bdi>{of.name ?? of.account ?? ""}</bdi>;
}

function Entries({ items }: { items: AuditEntry[] }) {
  return (
    <table class="list audit">
      <thead>
        <tr>
          <th>
            {t("When", "日時")} ({zoneLabel()})
          </th>
          <th>{t("Who", "だれ")}</th>
          <th>{t("About", "分類")}</th>
          <th>{t("What", "操作")}</th>
          <th>{t("On", "対象")}</th>
          <th>{t("More", "詳細")}</th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <tr key={`${one.kind}/${one.number}/${one.at}`}>
            <td>
              <When at={one.at} />
            </td>
            <td>
              <Actor of={one} />
            </td>
            <td class="nowrap">{aboutOf(one.kind)}</td>
            <td title={one.action}>{actionName(one.action)}</td>
            <td class="name-cell">
              <On of={one} />
            </td>
            <td class="wide-cell dim">{told(one.details).join(" · ")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Kind = AuditEntry["kind"];
const KINDS: Kind[] = ["account", "incident", "suppression", "hunt"];

function kindOf(kind: Kind): string {
  return {
    account: t("accounts, sign-ins, searches", "アカウント・サインイン・検索"),
    incident: t("incidents", "インシデント"),
    suppression: t("suppressions", "通知の抑止"),
    hunt: t("hunts", "ハント"),
  }[kind];
}

/** The same in a column. */
function aboutOf(kind: Kind): string {
  return {
    account: t("account", "アカウント"),
    incident: t("incident", "インシデント"),
    suppression: t("suppression", "抑止"),
    hunt: t("hunt", "ハント"),
  }[kind];
}

/** One kind, or all. */
function Choice({ kind, onKind }: { kind: Kind | null; onKind: (kind: Kind | null) => void }) {
  return (
    <p class="tabs" role="group" aria-label={t("About", "分類")}>
      {[null, ...KINDS].map((one) => (
        <button key={one ?? "all"} type="button" aria-pressed={one === kind} onClick={() => onKind(one)}>
          {one === null ? t("all", "すべて") : kindOf(one)}
        </button>
      ))}
    </p>
  );
}

export function Audit() {
  const [kind, setKind] = useState<Kind | null>(null);
  return (
    <>
      <header class="page-head">
        <h1>{t("Audit", "監査")}</h1>
        <p class="dim">
          {t(
            "Sign-ins, rights, names that were shown, searches, and what was done about incidents, suppressions and hunts. Each line is a record of the decision ledger.",
            "サインイン・権限・実名表示・検索と、インシデント・抑止・ハントへの操作の記録。各行は判断台帳のレコードです。",
          )}
        </p>
      </header>
      <Choice kind={kind} onKind={setKind} />
      <List key={kind ?? "all"} kind={kind} />
    </>
  );
}

function List({ kind }: { kind: Kind | null }) {
  const query = { kind: kind ?? undefined, limit: 200 };
  const asked = useGet("/api/v1/audit", { query });
  const [more, setMore] = useState<{ items: AuditEntry[]; next: string | null } | null>(null);
  const follow = async (after: string) => {
    const result = await get("/api/v1/audit", { query: { ...query, after } });
    if (result.ok) setMore({ items: [...(more?.items ?? []), ...result.value.items], next: result.value.next });
  };
  return (
    <Show of={asked}>
      {(page) => {
        const items = [...page.items, ...(more?.items ?? [])];
        const next = more ? more.next : page.next;
        if (items.length === 0 && !next) return <Empty title={t("Nothing was done yet.", "まだ操作はありません。")} />;
        return (
          <>
            <div class="scroll" role="region" tabIndex={0} aria-label={t("Audit", "監査")}>
              <Entries items={items} />
            </div>
            {next && (
              <p>
                <button type="button" onClick={() => void follow(next)}>
                  {t("Further ones", "続きを表示")}
                </button>
              </p>
            )}
          </>
        );
      }}
    </Show>
  );
}
