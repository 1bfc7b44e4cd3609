// *Verify*: the proof of a record, checked here in the browser against what somebody noted outside of the server.
import { useState } from "preact/hooks";
import { getText } from "../api/client";
import type { Trouble } from "../api/client";
import { t } from "../lib/language";
import { grouped } from "../lib/figures";
import { check, goesOnIn, parseBundle, type Anchor, type Proof, type Step } from "../lib/proof";
import { recognise } from "../lib/anchor";
import { TroubleNote } from "./states";

const PLACE = "hinomi.anchor";

export function readAnchor(): Anchor | null {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? "null") as Anchor | null;
    return kept && typeof kept.value === "string" && ["key", "fingerprint", "root"].includes(kept.kind) ? kept : null;
  } catch {
    return null;
  }
}

export function AnchorField({ onChange }: { onChange: (anchor: Anchor | null) => void }) {
  const [text, setText] = useState(readAnchor()?.value ?? "");
  const found = recognise(text);
  const change = (next: string) => {
    setText(next);
    const anchor = recognise(next);
    if (anchor) localStorage.setItem(PLACE, JSON.stringify(anchor));
    if (!next.trim()) localStorage.removeItem(PLACE);
    onChange(anchor);
  };
  return (
    <label class="anchor">
      <span>
        {t(
          "Your note from outside: fingerprint, verifier key, or “size root” of a checkpoint",
          "外部に控えた値：フィンガープリント、検証鍵、またはチェックポイントの「サイズ ルート」",
        )}
      </span>
      <input
        class="mono"
        value={text}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => change(event.currentTarget.value)}
        aria-invalid={text !== "" && !found}
      />
      <small class="dim">
        {text && !found
          ? t(
              "Neither 64 hexadecimal digits, nor a verifier key, nor size and root.",
              "16進64桁・検証鍵・「サイズ ルート」のいずれでもありません。",
            )
          : t(
              "From paper, a witness or a vault — not from this page: a server that lies would show its own.",
              "紙・立会人・ボールトの控えを使ってください。この画面から写しては意味がありません。",
            )}
      </small>
    </label>
  );
}

function stepName(step: Step): string {
  switch (step.name) {
    case "bytes":
      return t("The bytes are those that were cited", "引用されたバイト列と一致");
    case "record":
      return t("The record is in its block", "記録はブロックに含まれる");
    case "leaf":
      return t("The block is in the log of the checkpoint", "ブロックはチェックポイントのログに含まれる");
    case "signature":
      return t("The checkpoint is signed by the ledger's key", "チェックポイントは台帳の鍵で署名されている");
    case "anchor":
      return t("That is what you noted outside", "外部に控えた値と一致");
  }
}

const SIGNS = { holds: "✓", fails: "✗", unknown: "?" };

export function Verdict({ proof }: { proof: Proof }) {
  const title = {
    holds: t(
      "Proven: these bytes were recorded, and nobody changed them since.",
      "証明済み：このバイト列は記録されたものであり、その後変更されていません。",
    ),
    "internal-only": t(
      "Internally consistent only: without your note, whoever rules the server could have made all of it.",
      "内部整合のみ：外部の控えがなければ、サーバーの支配者がすべて作り直した可能性を排除できません。",
    ),
    fails: t(
      "DOES NOT HOLD. Keep this page and the bundle, and compare with a vault or witness.",
      "検証に失敗しました。この画面とバンドルを保全し、ボールト・立会人と照合してください。",
    ),
    unknown: t("Not decided: this browser or your note could not check every step.", "判定不能：確認できない段階があります。"),
  }[proof.verdict];
  return (
    <div class={`verdict verdict-${proof.verdict}`} role="status" data-verdict={proof.verdict}>
      <p class="verdict-title">{title}</p>
      <ol>
        {proof.steps.map((step) => (
          <li key={step.name} class={`step-${step.state}`}>
            <b aria-hidden="true">{SIGNS[step.state]}</b> {stepName(step)}
            <span class="visually-hidden">
              {" "}
              — {step.state === "holds" ? t("holds", "成立") : step.state === "fails" ? t("fails", "不成立") : t("unknown", "不明")}
            </span>
          </li>
        ))}
      </ol>
      {proof.signer && (
        <p class="dim">
          {t("The key's fingerprint, as the bundle has it:", "バンドルが示す鍵のフィンガープリント：")}{" "}
          <code class="digest">{grouped(proof.signer)}</code>
        </p>
      )}
    </div>
  );
}

function save(name: string, content: string, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** A page that holds the proof and the program that checks it; `<` is written so that no value can end its place. */
async function offlinePage(reference: string, length: number | null, bundles: string[]): Promise<string | null> {
  try {
    const answer = await fetch("/verifier.js");
    if (!answer.ok) return null;
    const script = (await answer.text()).replaceAll("</script", "<\\/script");
    const proof = JSON.stringify({ reference, length, bundles }).replaceAll("<", "\\u003c");
    return `<!doctype html><meta charset="utf-8"><title>Hinomi 火の見</title><body><script type="application/json" id="proof">${proof}</script><script>${script}</script>`;
  } catch {
    return null;
  }
}

export function Verify({ reference, length }: { reference: string; length: number | null }) {
  const [anchor, setAnchor] = useState<Anchor | null>(readAnchor());
  const [proof, setProof] = useState<Proof | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [bundles, setBundles] = useState<string[]>([]);
  const bundle = bundles[0] ?? null;
  const run = async () => {
    setTrouble(null);
    const texts: string[] = [];
    try {
      const bundles = [];
      for (let wanted: string | null = reference; wanted !== null; wanted = goesOnIn(reference, length, bundles)) {
        const result = await getText("/api/v1/proofs", { query: { reference: wanted } });
        // What the event goes on in may not be there; the first record has to be.
        if (!result.ok && texts.length === 0) return setTrouble(result.trouble);
        if (!result.ok) break;
        texts.push(result.value);
        bundles.push(parseBundle(result.value));
      }
      setBundles(texts);
      setProof(await check(reference, length, bundles, anchor));
    } catch {
      setProof({ verdict: "fails", steps: [{ name: "bytes", state: "fails", detail: "not a bundle" }], signer: null });
    }
  };
  const savePage = async () => {
    const page = await offlinePage(reference, length, bundles);
    if (page) save("proof.html", page, "text/html");
    else setTrouble({ kind: "unreachable", status: 0, code: "unreachable", title: "", detail: null, retryAfter: null, reason: null });
  };
  return (
    <section class="verify" aria-label={t("Verify", "検証")}>
      <AnchorField
        onChange={(next) => {
          setAnchor(next);
          setProof(null);
        }}
      />
      <p class="actions">
        <button type="button" class="primary" onClick={() => void run()}>
          {t("Verify", "検証する")}
        </button>
        {bundle && (
          <button type="button" onClick={() => void savePage()}>
            {t("Save as a page that verifies itself", "自己検証ページとして保存")}
          </button>
        )}
        {bundle && (
          <button type="button" onClick={() => save("bundle.json", bundle, "application/json")}>
            {t("Save bundle", "バンドルを保存")}
          </button>
        )}
      </p>
      {trouble && <TroubleNote trouble={trouble} />}
      {proof && <Verdict proof={proof} />}
      {bundle && (
        <p class="dim">
          {t("Offline, on any machine:", "オフラインでの検証：")} <code>hinomi verify bundle bundle.json --fingerprint …</code>
        </p>
      )}
    </section>
  );
}
