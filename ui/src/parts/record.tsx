// What people did: who has the incident, deadlines, notes, decisions with reasons, export.
import { useEffect, useState } from "preact/hooks";
import { patch, post } from "../api/client";
import type { Clock, Incident } from "../api/types";
import { language, say, t } from "../lib/language";
import { amend } from "../lib/route";
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
  const signed = useSession();
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
      {!clock.closed && may(signed, "respond") && (
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
      {of.grown && (
        <p class="bad">
          {t("It was contained or closed, and has grown since: it is open again.", "封じ込め・完了の後に増えたため、再び未終了です。")}
        </p>
      )}
      {may(signed, "respond") && (
        <div class="actions">
          {of.assignee !== me && me && (
            <Act primary label={t("I take it", "自分が担当する")} act={change({ assignee: me, reason: "taken" })} onDone={onChange} />
          )}
          {of.assignee === me && me && (
            <Act label={t("Hand it back", "担当を外れる")} act={change({ assignee: null, reason: "handed back" })} onDone={onChange} />
          )}
          <details>
            <summary>{t("Change the state", "状態を変更")}</summary>
            <label>
              {t("Reason", "理由")}
              <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
            </label>
            {states.map((state) => (
              <Act
                key={state}
                label={stateName(state)}
                disabled={!reason.trim()}
                act={change({ state, reason })}
                onDone={() => {
                  setReason("");
                  onChange();
                }}
              />
            ))}
          </details>
        </div>
      )}
    </div>
  );
}

/** Times of this machine, as a field of a form has them. */
function local(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function NewClock({ of, onChange }: Props) {
  const kinds = of.clock_kinds ?? [];
  const [kind, setKind] = useState("");
  const [since, setSince] = useState(local(new Date()));
  const [reason, setReason] = useState("");
  const chosen = kinds.find((one) => one.id === kind);
  return (
    <details>
      <summary>{t("Begin a deadline", "期限を開始する")}</summary>
      <label>
        {t("Deadline", "期限の種類")}
        <select value={kind} onChange={(event) => setKind(event.currentTarget.value)}>
          <option value="">—</option>
          {kinds.map((one) => (
            <option key={one.id} value={one.id}>
              {say(one.name)}
            </option>
          ))}
        </select>
      </label>
      {chosen && (
        <p class="dim">
          {say(chosen.about)} {t("Source:", "根拠：")} {say(chosen.source)}
        </p>
      )}
      <label>
        {t("Known since (time of this machine)", "知った時点（この端末の時刻）")}
        <input type="datetime-local" value={since} onInput={(event) => setSince(event.currentTarget.value)} />
      </label>
      <label>
        {t("Why it counts from then", "この時点から数える理由")}
        <input value={reason} maxLength={4096} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <Act
        label={t("Begin", "開始する")}
        disabled={!kind || !since || !reason.trim()}
        onDone={() => {
          setReason("");
          onChange();
        }}
        act={() =>
          post("/api/v1/incidents/{id}/clocks", {
            path: { id: of.id },
            body: { kind, since: new Date(since).toISOString(), reason, evidence: [] },
          })
        }
      />
    </details>
  );
}

function Notes({ of, onChange }: Props) {
  const [text, setText] = useState("");
  const signed = useSession();
  return (
    <div class="notes">
      <h2>{t("Notes", "メモ")}</h2>
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
      <h2>{t("Decisions", "判断")}</h2>
      {of.decisions.length === 0 && <p class="dim">{t("None yet.", "まだありません。")}</p>}
      <ul>
        {of.decisions.map((one) => (
          <li key={one.id}>
            <span class="dim">
              <When at={one.at} precision="minute" /> {one.by}
              {one.approved_by ? ` · ${t("approved by", "承認")} ${one.approved_by}` : ""}
            </span>{" "}
            <b>{one.decision}</b> — {one.reason}
            {one.evidence.map((reference, i) => (
              <button key={reference} type="button" class="cite" onClick={() => amend({ evidence: reference })}>
                {t("record", "記録")} {i + 1}
              </button>
            ))}
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
  const signed = useSession();
  const file = `/api/v1/incidents/${of.id}/export?lang=${language()}&zone=${encodeURIComponent(zone())}`;
  return (
    <section class="record" aria-label={t("What people do", "対応の記録")}>
      <Hands {...props} />
      <ul class="clocks">
        {of.clocks.map((clock) => (
          <ClockLine key={clock.id} clock={clock} incident={of} tag={props.tag} onChange={props.onChange} />
        ))}
      </ul>
      {may(signed, "respond") && (of.clock_kinds ?? []).length > 0 && <NewClock {...props} />}
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
        </a>{" "}
        <small class="dim">
          {of.names === "shown" && may(signed, "search")
            ? t(
                "With the cited records and their proofs; that it was saved is recorded.",
                "引用した記録と証明を含みます。出力したことは記録されます。",
              )
            : t(
                "With pseudonyms and without records; that it was saved is recorded.",
                "仮名を使い、記録そのものは含みません。出力したことは記録されます。",
              )}
        </small>
      </p>
    </section>
  );
}
