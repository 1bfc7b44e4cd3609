// What people did: who has the incident, deadlines, notes, decisions with reasons, export.
import { useEffect, useState } from "preact/hooks";
import { patch, post } from "../api/client";
import type { Clock, Incident } from "../api/types";
import { language, say, t } from "../lib/language";
import { may, useSession } from "../lib/session";
import { span, zone, zoneLabel } from "../lib/time";
import { stateName } from "../lib/words";
import { When } from "./marks";
import { Act } from "./step-up";

interface Props {
  of: Incident;
  tag: string | null;
  onChange: () => void;
}

function ClockLine({ clock, incident, tag, onChange }: { clock: Clock; incident: Incident; tag: string | null; onChange: () => void }) {
  const [now, setNow] = useState(Date.now());
  const [reason, setReason] = useState("");
  const [reference, setReference] = useState("");
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  const left = new Date(clock.due).getTime() - now;
  const whole = new Date(clock.due).getTime() - new Date(clock.started).getTime();
  const used = Math.min(1, Math.max(0, 1 - left / whole));
  const over = left < 0;
  return (
    <li class={`clock${clock.closed ? " clock-closed" : over ? " clock-over" : ""}`}>
      <p>
        <b>{say(clock.name)}</b> —{" "}
        {clock.closed ? (
          <>
            {t("closed", "完了")} <When at={clock.closed.at} /> {t("by", "担当：")} {clock.closed.by}: {clock.closed.reason}
          </>
        ) : over ? (
          <b>{t(`over by ${span(-left)}`, `${span(-left)}超過`)}</b>
        ) : (
          t(`${span(left)} left`, `残り ${span(left)}`)
        )}
        <span class="dim">
          {" "}
          · {t("due", "期限")} <When at={clock.due} precision="minute" /> {zoneLabel()}
        </span>
      </p>
      {!clock.closed && <meter min={0} max={1} high={0.66} value={used} aria-label={t("Time used", "経過")} />}
      {!clock.closed && (
        <details>
          <summary>{t("Close by evidence", "証拠を添えて完了")}</summary>
          <label>
            {t("Why it is met", "完了の理由")}
            <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
          <label>
            {t("Reference of the evidence", "証拠の参照")}
            <input class="mono" value={reference} onInput={(event) => setReference(event.currentTarget.value)} placeholder="log:…" />
          </label>
          <Act
            label={t("Close", "完了にする")}
            disabled={!reason || !/^(log|file|piece):/.test(reference)}
            onDone={onChange}
            act={() =>
              post("/api/v1/incidents/{id}/clocks/{clock}/closing", {
                path: { id: incident.id, clock: clock.id },
                body: { reason, evidence: [reference.trim()] },
                ifMatch: tag ?? "",
              })
            }
          />
        </details>
      )}
    </li>
  );
}

function Hands({ of, tag, onChange }: Props) {
  const signed = useSession();
  const me = signed?.session.name ?? null;
  const change = (body: { assignee?: string | null; state?: "open" | "contained" | "closed"; reason: string }) => () =>
    patch("/api/v1/incidents/{id}", { path: { id: of.id }, body, ifMatch: tag ?? "" });
  const [reason, setReason] = useState("");
  const states = (["open", "contained", "closed"] as const).filter((state) => state !== of.state);
  return (
    <div class="hands">
      <p>
        {t("State", "状態")} <b>{stateName(of.state)}</b> · {t("in the hands of", "担当")}{" "}
        {of.assignee ? <b>{of.assignee}</b> : <span class="nobody">{t("nobody", "なし")}</span>}
      </p>
      {may(signed, "respond") && (
        <div class="actions">
          {of.assignee !== me && me && (
            <Act primary label={t("I take it", "自分が担当する")} act={change({ assignee: me, reason: "taken" })} onDone={onChange} />
          )}
          <details>
            <summary>{t("Change the state", "状態を変更")}</summary>
            <label>
              {t("Reason", "理由")}
              <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
            </label>
            {states.map((state) => (
              <Act key={state} label={stateName(state)} disabled={!reason} act={change({ state, reason })} onDone={onChange} />
            ))}
          </details>
        </div>
      )}
    </div>
  );
}

function Notes({ of, onChange }: Props) {
  const [text, setText] = useState("");
  const signed = useSession();
  return (
    <div class="notes">
      <h3>{t("Notes", "メモ")}</h3>
      {of.notes.length === 0 && <p class="dim">{t("None yet.", "まだありません。")}</p>}
      <ul>
        {of.notes.map((note) => (
          <li key={note.id}>
            <span class="dim">
              <When at={note.at} precision="minute" /> {note.by}
            </span>{" "}
            {note.text}
          </li>
        ))}
      </ul>
      {may(signed, "investigate") && (
        <>
          <label>
            {t("New note", "新しいメモ")}
            <textarea rows={2} maxLength={8192} value={text} onInput={(event) => setText(event.currentTarget.value)} />
          </label>
          <Act
            label={t("Add", "追加")}
            disabled={!text.trim()}
            act={() => post("/api/v1/incidents/{id}/notes", { path: { id: of.id }, body: { text } })}
            onDone={() => {
              setText("");
              onChange();
            }}
          />
        </>
      )}
    </div>
  );
}

function Decisions({ of, onChange }: Props) {
  const [decision, setDecision] = useState("");
  const [reason, setReason] = useState("");
  const signed = useSession();
  return (
    <div class="notes">
      <h3>{t("Decisions", "判断")}</h3>
      {of.decisions.length === 0 && <p class="dim">{t("None yet.", "まだありません。")}</p>}
      <ul>
        {of.decisions.map((one) => (
          <li key={one.id}>
            <span class="dim">
              <When at={one.at} precision="minute" /> {one.by}
              {one.approved_by ? ` · ${t("approved by", "承認")} ${one.approved_by}` : ""}
            </span>{" "}
            <b>{one.decision}</b> — {one.reason}
          </li>
        ))}
      </ul>
      {may(signed, "respond") && (
        <>
          <label>
            {t("Decision", "判断の内容")}
            <input value={decision} maxLength={1024} onInput={(event) => setDecision(event.currentTarget.value)} />
          </label>
          <label>
            {t("Reason", "理由")}
            <input value={reason} maxLength={4096} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
          <Act
            label={t("Record", "記録する")}
            disabled={!decision.trim() || !reason.trim()}
            act={() => post("/api/v1/incidents/{id}/decisions", { path: { id: of.id }, body: { decision, reason, evidence: [] } })}
            onDone={() => {
              setDecision("");
              setReason("");
              onChange();
            }}
          />
        </>
      )}
    </div>
  );
}

export function Record(props: Props) {
  const { of } = props;
  const file = `/api/v1/incidents/${of.id}/export?lang=${language()}&zone=${encodeURIComponent(zone())}`;
  return (
    <section class="record" aria-label={t("What people do", "対応の記録")}>
      <Hands {...props} />
      <ul class="clocks">
        {of.clocks.map((clock) => (
          <ClockLine key={clock.id} clock={clock} incident={of} tag={props.tag} onChange={props.onChange} />
        ))}
      </ul>
      <details>
        <summary>
          {t(
            `Notes (${of.notes.length}) and decisions (${of.decisions.length})`,
            `メモ（${of.notes.length}）と判断（${of.decisions.length}）`,
          )}
        </summary>
        <div class="two">
          <Notes {...props} />
          <Decisions {...props} />
        </div>
      </details>
      <p>
        <a class="button" href={file} download={`incident-${of.id.slice(0, 8)}.html`}>
          {t("Export (verifiable)", "出力（検証可能）")}
        </a>
      </p>
    </section>
  );
}
