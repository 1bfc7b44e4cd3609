// Who did what with this program. What stands here is in the decision ledger, too, and cannot be changed there.
import { useState } from "preact/hooks";
import { get } from "../api/client";
import { useGet } from "../api/use";
import type { AuditEntry } from "../api/types";
import { count } from "../lib/figures";
import { t } from "../lib/language";
import { show, zoneLabel } from "../lib/time";
import { When } from "../parts/marks";
import { Empty, Show } from "../parts/states";

/** Numbers under these names are seconds since 1970. */
const MOMENTS = new Set(["expires", "created", "until", "at", "last_used"]);

/** Details as `name: value`, nested names joined by dots; keys and other long values are not for reading. */
export function told(details: Record<string, unknown>, prefix = ""): string[] {
  return Object.entries(details).flatMap(([name, value]) => {
    const whole = `${prefix}${name}`;
    if (value === null || value === "") return [];
    if (Array.isArray(value))
      return value.every((one) => typeof one !== "object" && String(one).length <= 80) ? [`${whole}: ${value.join(" ")}`] : [];
    if (typeof value === "object") return told(value as Record<string, unknown>, `${whole}.`);
    if (typeof value === "number" && MOMENTS.has(name)) return [`${whole}: ${show(new Date(value * 1000).toISOString())}`];
    const text = String(value);
    return text.length > 80 ? [] : [`${whole}: ${text}`];
  });
}

function Entries({ items }: { items: AuditEntry[] }) {
  return (
    <table class="list audit">
      <thead>
        <tr>
          <th class="num">#</th>
          <th>
            {t("When", "日時")} ({zoneLabel()})
          </th>
          <th>{t("Who", "だれ")}</th>
          <th>{t("What", "操作")}</th>
          <th>{t("On", "対象")}</th>
          <th>{t("More", "詳細")}</th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <tr key={one.number}>
            <td class="num">{count(one.number)}</td>
            <td>
              <When at={one.at} />
            </td>
            <td>{one.actor}</td>
            <td>
              <code>{one.action}</code>
            </td>
            <td>{one.name ?? one.account ?? ""}</td>
            <td class="wide-cell dim">{told(one.details).join(" · ")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Audit() {
  const asked = useGet("/api/v1/audit", { query: { limit: 200 } });
  const [more, setMore] = useState<{ items: AuditEntry[]; next: string | null } | null>(null);
  const follow = async (after: string) => {
    const result = await get("/api/v1/audit", { query: { after, limit: 200 } });
    if (result.ok) setMore({ items: [...(more?.items ?? []), ...result.value.items], next: result.value.next });
  };
  return (
    <>
      <header class="page-head">
        <h1>{t("Audit", "監査")}</h1>
        <p class="dim">
          {t(
            "Sign-ins, failures, rights, names that were shown. Each line is a record of the decision ledger.",
            "サインイン・失敗・権限・実名表示の記録。各行は判断台帳のレコードです。",
          )}
        </p>
      </header>
      <Show of={asked}>
        {(page) => {
          const items = [...page.items, ...(more?.items ?? [])];
          const next = more ? more.next : page.next;
          if (items.length === 0) return <Empty title={t("Nothing was done yet.", "まだ操作はありません。")} />;
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
    </>
  );
}
