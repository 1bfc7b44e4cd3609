// What somebody noted outside of the server, as it is typed in.
import type { Ledger } from "../api/types";
import type { Anchor } from "./proof";

/** What kind of anchor a text is; null when it is none. */
export function recognise(text: string): Anchor | null {
  const value = text.trim();
  const flat = value.replaceAll(/\s/g, "");
  if (/^[0-9a-fA-F]{64}$/.test(flat)) return { kind: "fingerprint", value: flat.toLowerCase() };
  if (/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/.test(value)) return { kind: "key", value };
  if (/^\d+\s+[A-Za-z0-9+/]{43}=$/.test(value)) return { kind: "root", value };
  return null;
}

/** Whether a note from outside is what the server says now; null where the two cannot be compared, as two sizes. */
export function agrees(anchor: Anchor, ledger: Pick<Ledger, "fingerprint" | "verifier_key" | "checkpoint">): boolean | null {
  if (anchor.kind === "fingerprint") return anchor.value === ledger.fingerprint;
  if (anchor.kind === "key") return anchor.value === ledger.verifier_key;
  const [size, root] = anchor.value.split(/\s+/);
  return Number(size) === ledger.checkpoint.size ? root === ledger.checkpoint.root : null;
}
