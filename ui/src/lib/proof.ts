// Checks the proof of one record in the browser: RFC 6962 trees, the leaf of docs/ledger-format.md, C2SP signed notes.
//
// Invariants: nothing counts as proven that the server merely claims; a step that this browser cannot do is `unknown`,
// and `unknown` never becomes `holds`.
// Trust: the bundle and the cited reference are hostile input; the anchor is what a person typed in from elsewhere.
import type { Bundle } from "../api/types";

export type State = "holds" | "fails" | "unknown";
export type StepName = "bytes" | "record" | "leaf" | "signature" | "anchor";
export interface Step {
  name: StepName;
  state: State;
  detail: string;
}
export interface Proof {
  verdict: "holds" | "internal-only" | "fails" | "unknown";
  steps: Step[];
  signer: string | null;
}

/** What somebody noted outside of this server: the key, its fingerprint, or a checkpoint's root and size. */
export interface Anchor {
  kind: "key" | "fingerprint" | "root";
  value: string;
}

/** Reads a bundle; numbers of 64 bits, which JSON numbers of a browser cannot hold, stay exact as texts. */
export function parseBundle(text: string): Bundle {
  return JSON.parse(text.replaceAll(/"(received_ns|sequence)":\s*(\d{15,})/g, '"$1":"$2"')) as Bundle;
}

const utf8 = new TextEncoder();
const NONE = 0xffff_ffff_ffff_ffffn;

export function unbase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

export const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

function joined(...pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
const leafHash = (data: Uint8Array) => sha256(joined(Uint8Array.of(0), data));
const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(joined(Uint8Array.of(1), left, right));

/** The root that an audit path leads to (RFC 9162, 2.1.3.2), or null when the path has another length than it must. */
export async function rootOf(leaf: Uint8Array<ArrayBuffer>, index: number, size: number, path: Uint8Array[]) {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return null;
  let fn = BigInt(index);
  let sn = BigInt(size - 1);
  let hash = await leafHash(leaf);
  for (const step of path) {
    if (sn === 0n || step.length !== 32) return null;
    if ((fn & 1n) === 1n || fn === sn) {
      hash = await nodeHash(step, hash);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      hash = await nodeHash(hash, step);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n ? hash : null;
}

/** Reads fields of a leaf one behind the other; throws where bytes are missing. */
class Fields {
  #at = 0;
  constructor(readonly bytes: Uint8Array<ArrayBuffer>) {}
  take(length: number): Uint8Array<ArrayBuffer> {
    if (this.#at + length > this.bytes.length) throw new Error("the leaf is too short");
    const piece = this.bytes.slice(this.#at, this.#at + length);
    this.#at += length;
    return piece;
  }
  number(length: number): bigint {
    return this.take(length).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  }
  short(): string {
    return new TextDecoder("utf-8", { fatal: true }).decode(this.take(Number(this.number(1))));
  }
  long(): Uint8Array<ArrayBuffer> {
    return this.take(Number(this.number(2)));
  }
  end(): void {
    if (this.#at !== this.bytes.length) throw new Error("bytes are left over in the leaf");
  }
  kind(expected: number): void {
    if (this.number(1) !== BigInt(expected) || this.number(1) !== 1n) throw new Error("another kind of leaf");
  }
}

export interface BlockLeaf {
  source: string;
  records: number;
  root: Uint8Array<ArrayBuffer>;
}

export function readBlock(bytes: Uint8Array<ArrayBuffer>): BlockLeaf {
  const fields = new Fields(bytes);
  fields.kind(1);
  fields.take(32);
  const source = fields.short();
  fields.short();
  fields.take(4 + 8 + 8);
  const records = Number(fields.number(4));
  fields.take(8);
  const root = fields.take(32);
  fields.take(8);
  fields.end();
  return { source, records, root };
}

interface Key {
  name: string;
  id: Uint8Array<ArrayBuffer>;
  public: Uint8Array<ArrayBuffer>;
}

export async function readKey(text: string): Promise<Key> {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text.trim());
  if (!match) throw new Error("not a verifier key");
  const [, name = "", id = "", encoded = ""] = match;
  const raw = unbase64(encoded);
  if (raw[0] !== 1 || raw.length !== 33) throw new Error("not an Ed25519 key");
  const expected = (await sha256(joined(utf8.encode(`${name}\n`), raw))).slice(0, 4);
  if (hex(expected) !== id) throw new Error("the key and its number differ");
  return { name, id: expected, public: raw.slice(1) };
}

export interface Note {
  text: string;
  origin: string;
  size: number;
  root: Uint8Array<ArrayBuffer>;
  lines: string[];
}

export function readCheckpoint(note: string): Note {
  const split = note.lastIndexOf("\n\n");
  if (split < 0) throw new Error("not a signed note");
  const text = note.slice(0, split + 1);
  const [origin = "", size = "", root = ""] = text.split("\n");
  if (!/^(0|[1-9][0-9]*)$/.test(size)) throw new Error("the checkpoint has no size");
  return {
    text,
    origin,
    size: Number(size),
    root: unbase64(root),
    lines: note
      .slice(split + 2)
      .split("\n")
      .filter(Boolean),
  };
}

/** Whether a note is signed by a key; null when this browser cannot tell. */
export async function signed(text: string, lines: string[], key: Key): Promise<boolean | null> {
  for (const line of lines) {
    const match = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
    if (!match || match[1] !== key.name) continue;
    const raw = unbase64(match[2] ?? "");
    if (!same(raw.slice(0, 4), key.id)) continue;
    try {
      const imported = await crypto.subtle.importKey("raw", key.public, "Ed25519", false, ["verify"]);
      return await crypto.subtle.verify("Ed25519", imported, raw.slice(4), utf8.encode(text));
    } catch {
      return null;
    }
  }
  return false;
}

const paths = (proof: string[]): Uint8Array[] => proof.map(unbase64);

/** Follows leaf 0 and every rotation to the key that signed the checkpoint. */
async function signerOf(bundle: Bundle, checkpoint: Note): Promise<{ first: Key; last: Key; state: State }> {
  const stated = await readKey(bundle.signer);
  if (!bundle.chain || bundle.chain.length === 0) return { first: stated, last: stated, state: "holds" };
  let first: Key | null = null;
  let key: Key | null = null;
  let state: State = "holds";
  for (const [position, link] of bundle.chain.entries()) {
    const leaf = unbase64(link.bytes);
    const root = await rootOf(leaf, link.index, checkpoint.size, paths(link.proof));
    if (!root || !same(root, checkpoint.root)) throw new Error("a leaf of the chain of keys is not in the log");
    const fields = new Fields(leaf);
    if (position === 0) {
      if (link.index !== 0) throw new Error("the chain of keys does not begin at leaf 0");
      fields.kind(0);
      fields.take(16 + 4 + 8);
      fields.short();
      key = first = await readKey(fields.short());
      continue;
    }
    fields.kind(5);
    const next = fields.short();
    fields.short();
    const endorsement = new TextDecoder("utf-8", { fatal: true }).decode(fields.long());
    const split = endorsement.lastIndexOf("\n\n");
    const text = endorsement.slice(0, split + 1);
    if (!key || !text.split("\n").includes(`signer ${next}`) || !text.split("\n").includes(`leaf ${link.index}`)) {
      throw new Error("an endorsement speaks of another key");
    }
    const by = await signed(
      text,
      endorsement
        .slice(split + 2)
        .split("\n")
        .filter(Boolean),
      key,
    );
    if (by === false) throw new Error("a key was endorsed by somebody else");
    if (by === null) state = "unknown";
    key = await readKey(next);
  }
  if (!first || !key) throw new Error("the chain of keys is empty");
  if (hex(key.public) !== hex(stated.public)) throw new Error("the chain ends at another key than the bundle names");
  return { first, last: key, state };
}

async function anchored(anchor: Anchor | null, signers: { first: Key; last: Key }, note: Note): Promise<Step> {
  const step = (state: State, detail: string): Step => ({ name: "anchor", state, detail });
  if (!anchor) return step("unknown", "no-anchor");
  const value = anchor.value.trim();
  if (anchor.kind === "root") {
    const [size = "", root = ""] = value.split(/\s+/);
    if (Number(size) !== note.size) return step("unknown", "other-size");
    return same(unbase64(root), note.root) ? step("holds", "root") : step("fails", "root");
  }
  const keys = [signers.first, signers.last];
  if (anchor.kind === "key") {
    const wanted = await readKey(value);
    return step(keys.some((key) => hex(key.public) === hex(wanted.public)) ? "holds" : "fails", "key");
  }
  const wanted = value.toLowerCase().replaceAll(/\s/g, "");
  const have = await Promise.all(keys.map(async (key) => hex(await sha256(key.public))));
  return step(have.includes(wanted) ? "holds" : "fails", "fingerprint");
}

/** What a reference says of the event: where it begins in the record, and the digest of its bytes. */
export function readReference(reference: string): { leaf: number; record: number; offset: number; digest: string } | null {
  const match = /^log:[!-~]+\/(\d+)\/(\d+)#(\d+)\.\d+@([0-9a-f]{64})$/.exec(reference);
  if (!match) return null;
  return { leaf: Number(match[1]), record: Number(match[2]), offset: Number(match[3]), digest: match[4] ?? "" };
}

/** Records that an event may lie in, at most; an audit event of a dozen lines is a dozen records. */
export const MOST_RECORDS = 64;

/** The reference of the record that the event goes on in, after so many; null when it ends before. */
export function goesOnIn(reference: string, length: number | null, bundles: Bundle[]): string | null {
  const cited = readReference(reference);
  const [first] = bundles;
  if (!cited || !first || length === null || bundles.length >= MOST_RECORDS) return null;
  const have = bundles.reduce((sum, one) => sum + unbase64(one.record.bytes).length, 0);
  if (cited.offset + length <= have) return null;
  return `log:${first.origin}/${cited.leaf}/${cited.record + bundles.length}`;
}

async function bytesStep(reference: string, bundle: Bundle, length: number | null, further: Bundle[]): Promise<Step> {
  const cited = readReference(reference);
  const step = (state: State, detail: string): Step => ({ name: "bytes", state, detail });
  if (!cited) return step("unknown", "not-of-a-ledger");
  if (cited.leaf !== bundle.leaf.index || cited.record !== bundle.record.index) return step("fails", "another-record");
  const bytes = joined(unbase64(bundle.record.bytes), ...further.map((one) => unbase64(one.record.bytes)));
  const end = length === null ? bytes.length : cited.offset + length;
  // Lines of another event may stand between those of this one, and a block may end: then nothing is decided.
  const several = further.length > 0 || end > bytes.length;
  const found = new Set<string>();
  for (const stop of [end, bytes.length, bytes.at(-1) === 10 ? bytes.length - 1 : bytes.length]) {
    found.add(hex(await sha256(bytes.slice(cited.offset, stop))));
  }
  if (found.has(cited.digest)) return step("holds", cited.digest);
  return several ? step("unknown", "several-records") : step("fails", cited.digest);
}

/** Every record that the event lies in is in the block, one behind the other. */
async function recordsStep(bundle: Bundle, further: Bundle[], block: BlockLeaf): Promise<Step> {
  for (const [i, one] of further.entries()) {
    const same = one.leaf.bytes === bundle.leaf.bytes && one.leaf.index === bundle.leaf.index;
    if (!same || one.record.index !== bundle.record.index + i + 1) return { name: "record", state: "fails", detail: "another-record" };
    const step = await recordStep(one, block);
    if (step.state !== "holds") return step;
  }
  return recordStep(bundle, block);
}

async function recordStep(bundle: Bundle, block: BlockLeaf): Promise<Step> {
  const { record } = bundle;
  const moment = new DataView(new ArrayBuffer(16));
  moment.setBigUint64(0, BigInt(record.received_ns));
  moment.setBigUint64(8, record.sequence === null ? NONE : BigInt(record.sequence));
  const data = joined(unbase64(record.salt), new Uint8Array(moment.buffer), unbase64(record.bytes));
  const root = await rootOf(data, record.index, block.records, paths(record.proof));
  return { name: "record", state: root && same(root, block.root) ? "holds" : "fails", detail: hex(block.root) };
}

/** Every step from the cited bytes to what a person noted outside; the event may lie in several records. Never throws. */
export async function check(reference: string, length: number | null, bundles: Bundle[], anchor: Anchor | null): Promise<Proof> {
  const [bundle, ...further] = bundles;
  if (!bundle) return { verdict: "unknown", steps: [], signer: null };
  const steps: Step[] = [];
  let signer: string | null = null;
  let at: StepName = "bytes";
  try {
    steps.push(await bytesStep(reference, bundle, length, further));
    at = "record";
    const leaf = unbase64(bundle.leaf.bytes);
    steps.push(await recordsStep(bundle, further, readBlock(leaf)));
    at = "leaf";
    const note = readCheckpoint(bundle.checkpoint);
    const root = await rootOf(leaf, bundle.leaf.index, note.size, paths(bundle.leaf.proof));
    steps.push({ name: "leaf", state: root && same(root, note.root) ? "holds" : "fails", detail: hex(note.root) });
    at = "signature";
    const signers = await signerOf(bundle, note);
    const good = note.origin === signers.last.name ? await signed(note.text, note.lines, signers.last) : false;
    const state: State = good === null ? "unknown" : good ? signers.state : "fails";
    signer = hex(await sha256(signers.first.public));
    steps.push({ name: "signature", state, detail: bundle.signer });
    at = "anchor";
    steps.push(await anchored(anchor, signers, note));
  } catch (error) {
    steps.push({ name: at, state: "fails", detail: error instanceof Error ? error.message : String(error) });
  }
  return { verdict: verdictOf(steps), steps, signer };
}

function verdictOf(steps: Step[]): Proof["verdict"] {
  if (steps.some((step) => step.state === "fails")) return "fails";
  const own = steps.filter((step) => step.name !== "anchor");
  const anchor = steps.find((step) => step.name === "anchor");
  // A root that was noted outside needs no signature; everything else does.
  const needed = anchor?.detail === "root" ? own.filter((step) => step.name !== "signature") : own;
  if (needed.length < (anchor?.detail === "root" ? 3 : 4) || needed.some((step) => step.state !== "holds")) return "unknown";
  if (anchor?.state === "holds") return "holds";
  return anchor?.detail === "no-anchor" ? "internal-only" : "unknown";
}
