// The offline verifier: put into a page of its own together with a bundle, it needs neither the server nor a network.
import { check, parseBundle, type Proof } from "./lib/proof";
import { recognise } from "./lib/anchor";

const SAID: Record<Proof["verdict"], string> = {
  holds: "Proven: these bytes were recorded, and nobody changed them since. / 証明済み：このバイト列は記録後に変更されていません。",
  "internal-only":
    "Internally consistent only: enter the fingerprint that you noted elsewhere. / 内部整合のみ：外部に控えたフィンガープリントを入力してください。",
  fails: "DOES NOT HOLD. / 検証に失敗しました。",
  unknown: "Not decided: this browser or your note could not check every step. / 判定不能：確認できない段階があります。",
};

function text(tag: string, said: string): HTMLElement {
  const node = document.createElement(tag);
  node.textContent = said;
  return node;
}

const kept = JSON.parse(document.getElementById("proof")?.textContent ?? "null") as {
  reference: string;
  length: number | null;
  bundles: string[];
};
const field = document.createElement("input");
const out = document.createElement("div");

async function run(): Promise<void> {
  const proof = await check(kept.reference, kept.length, kept.bundles.map(parseBundle), recognise(field.value));
  out.replaceChildren(text("h2", SAID[proof.verdict]));
  const list = document.createElement("ul");
  for (const step of proof.steps) list.append(text("li", `${step.state}: ${step.name} ${step.detail}`));
  out.append(list);
  out.dataset["verdict"] = proof.verdict;
}

field.setAttribute("aria-label", "Fingerprint, key, or size and root / フィンガープリント・検証鍵・サイズとルート");
field.size = 80;
field.addEventListener("input", () => void run());
const bytes = kept.bundles
  .map((one) => new TextDecoder().decode(Uint8Array.from(atob(parseBundle(one).record.bytes), (c) => c.charCodeAt(0))))
  .join("");
document.body.append(
  text("h1", "Hinomi 火の見"),
  text("p", kept.reference),
  text("pre", bytes),
  text("p", "Your note from outside / 外部に控えた値:"),
  field,
  out,
);
void run();
