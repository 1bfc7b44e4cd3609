// Accounts are pseudonyms. Showing names needs a reason and a second person, and is recorded.
import { useState } from "preact/hooks";
import { post } from "../api/client";
import type { Incident } from "../api/types";
import { t } from "../lib/language";
import { may, useSession } from "../lib/session";
import { Act } from "./step-up";

export function Masked({ incident }: { incident: Incident }) {
  const signed = useSession();
  const [reason, setReason] = useState("");
  const [asked, setAsked] = useState(false);
  if (incident.names === "shown")
    return (
      <p class="dim masked">
        {t("Names are shown: somebody approved it, and each look is recorded.", "実名表示中：承認済み。閲覧は記録されます。")}
      </p>
    );
  return (
    <details class="masked">
      <summary class="dim">{t("Accounts are shown as pseudonyms", "アカウントは仮名で表示")}</summary>
      {!may(signed, "unmask_ask") && <p>{t("Your role may not ask for names.", "現在の役割では実名表示を依頼できません。")}</p>}
      {may(signed, "unmask_ask") && !asked && (
        <>
          <label>
            {t("Why are the names needed? A second person reads this and decides.", "実名が必要な理由（別の担当者が確認して判断します）")}
            <input value={reason} maxLength={1000} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
          <Act
            label={t("Ask", "依頼する")}
            disabled={!reason.trim()}
            onDone={() => setAsked(true)}
            act={() => post("/api/v1/unmask", { body: { scope: { kind: "incident", incident: incident.id }, reason, hours: 8 } })}
          />
        </>
      )}
      {asked && (
        <p role="status">
          {t("Asked. Somebody else has to approve it on the page of access.", "依頼しました。別の担当者が「アクセス権」で承認します。")}
        </p>
      )}
    </details>
  );
}
