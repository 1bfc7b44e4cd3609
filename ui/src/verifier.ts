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

interface Kept {
  reference: string;
  length: number | null;
  bundles: string[];
}

// One proof, or those of a whole incident.
const found = JSON.parse(document.getElementById("proof")?.textContent ?? "null") as Kept | { proofs: Kept[] };
const several = "proofs" in found;
const all = several ? found.proofs : [found];
const place = document.getElementById("proofs") ?? document.body;
const field = document.createElement("input");

async function run(kept: Kept, out: HTMLElement): Promise<void> {
  let said = SAID.fails;
  let steps: string[] = [];
  out.dataset["verdict"] = "fails";
  try {
    const proof = await check(kept.reference, kept.length, kept.bundles.map(parseBundle), recognise(field.value));
    said = SAID[proof.verdict];
    steps = proof.steps.map((step) => `${step.state}: ${step.name} ${step.detail}`);
    out.dataset["verdict"] = proof.verdict;
  } catch {
    // What is no bundle proves nothing.
  }
  const list = document.createElement("ul");
  for (const step of steps) list.append(text("li", step));
  out.replaceChildren(text(several ? "b" : "h2", said), list);
}

function shown(kept: Kept): string {
  try {
    const bytes = kept.bundles.map((one) => atob(parseBundle(one).record.bytes));
    return bytes.map((one) => new TextDecoder().decode(Uint8Array.from(one, (c) => c.charCodeAt(0)))).join("");
  } catch {
    return "";
  }
}

field.setAttribute("aria-label", "Fingerprint, key, or size and root / フィンガープリント・検証鍵・サイズとルート");
field.size = 80;
if (!several) place.append(text("h1", "Hinomi 火の見"));
place.append(text("p", "Your note from outside / 外部に控えた値:"), field);
for (const kept of all) {
  const out = document.createElement("div");
  const bytes = text("pre", shown(kept));
  // Long lines of logs stay within the page.
  bytes.style.whiteSpace = "pre-wrap";
  bytes.style.overflowWrap = "anywhere";
  const reference = text("p", kept.reference);
  reference.style.overflowWrap = "anywhere";
  place.append(reference, bytes, out);
  field.addEventListener("input", () => void run(kept, out));
  void run(kept, out);
}
