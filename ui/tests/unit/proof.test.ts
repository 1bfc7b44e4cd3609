// The proof that the browser checks, against bundles that the real program wrote, and against everything flipped in them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import type { Bundle } from "../../src/api/types";
import { check, goesOnIn, hex, parseBundle, readBlock, readKey, rootOf, unbase64, type Anchor } from "../../src/lib/proof";
import { agrees, recognise } from "../../src/lib/anchor";

const folder = join(process.cwd(), "tests/fixtures");
interface Kept {
  bundle: Bundle;
  further: Bundle[];
  length: number;
}
const kept = JSON.parse(readFileSync(join(folder, "bundles.json"), "utf8")) as Record<string, Kept>;
const all = Object.entries(kept);
const long = all.find(([, one]) => one.further.length > 2)!;
const [reference, { bundle, length }] = all[0]!;
const key: Anchor = { kind: "key", value: bundle.signer };

/** SHA-256 of the public key by another library than the one under test. */
const fingerprint = createHash("sha256")
  .update(Buffer.from(bundle.signer.split("+").slice(2).join("+"), "base64").subarray(1))
  .digest("hex");

test("every bundle of the real program holds with its key, fingerprint and root noted outside", async () => {
  assert.ok(all.length > 30);
  for (const [cited, one] of all) {
    const [, size, root] = one.bundle.checkpoint.split("\n");
    for (const anchor of [key, { kind: "fingerprint", value: fingerprint }, { kind: "root", value: `${size} ${root}` }] as Anchor[]) {
      const proof = await check(cited, one.length, [one.bundle, ...one.further], anchor);
      assert.equal(proof.verdict, "holds", JSON.stringify(proof));
    }
  }
});

test("without a note from outside the best verdict is that it is consistent in itself", async () => {
  const proof = await check(reference, length, [bundle], null);
  assert.equal(proof.verdict, "internal-only");
  assert.equal(proof.signer, fingerprint);
});

test("another key outside refuses what is consistent in itself", async () => {
  const proof = await check(reference, length, [bundle], { kind: "fingerprint", value: "0".repeat(64) });
  assert.equal(proof.verdict, "fails");
});

test("a checkpoint of another size noted outside decides nothing", async () => {
  const proof = await check(reference, length, [bundle], { kind: "root", value: `1 ${bundle.checkpoint.split("\n")[2]}` });
  assert.equal(proof.verdict, "unknown");
});

/** The bundle with one bit of a base64 value flipped. */
function flip(text: string, bit: number): string {
  const bytes = Buffer.from(text, "base64");
  const at = bit % (bytes.length * 8);
  bytes[at >> 3]! ^= 1 << (at & 7);
  return bytes.toString("base64");
}

test("one flipped bit anywhere is refused", async () => {
  const changes: [string, (one: Bundle, bit: number) => void][] = [
    [
      "record",
      (one, bit) => {
        one.record.bytes = flip(one.record.bytes, bit);
      },
    ],
    [
      "salt",
      (one, bit) => {
        one.record.salt = flip(one.record.salt, bit);
      },
    ],
    [
      "time",
      (one, bit) => {
        one.record.received_ns = Number(BigInt(one.record.received_ns) ^ (1n << BigInt(20 + (bit % 30))));
      },
    ],
    [
      "number",
      (one) => {
        one.record.sequence = 7;
      },
    ],
    [
      "leaf",
      (one, bit) => {
        one.leaf.bytes = flip(one.leaf.bytes, bit + 16);
      },
    ],
    [
      "path of the record",
      (one, bit) => {
        one.record.proof[bit % one.record.proof.length] = flip(one.record.proof[bit % one.record.proof.length]!, bit);
      },
    ],
    [
      "path of the leaf",
      (one, bit) => {
        one.leaf.proof[bit % one.leaf.proof.length] = flip(one.leaf.proof[bit % one.leaf.proof.length]!, bit);
      },
    ],
    [
      "path cut",
      (one) => {
        one.leaf.proof.pop();
      },
    ],
    [
      "path longer",
      (one) => {
        one.record.proof.push(one.record.proof[0]!);
      },
    ],
    [
      "place of the record",
      (one) => {
        one.record.index += 1;
      },
    ],
    [
      "place of the leaf",
      (one) => {
        one.leaf.index -= 1;
      },
    ],
    [
      "root",
      (one) => {
        const lines = one.checkpoint.split("\n");
        lines[2] = flip(lines[2]!, 9);
        one.checkpoint = lines.join("\n");
      },
    ],
    [
      "signature",
      (one, bit) => {
        one.checkpoint = one.checkpoint.replace(/ ([A-Za-z0-9+/=]+)\n$/, (_, text: string) => ` ${flip(text, bit)}\n`);
      },
    ],
    [
      "signer",
      (one) => {
        one.signer = one.signer.replace(/.{4}=?$/, "AAAA");
      },
    ],
  ];
  for (const [what, change] of changes) {
    for (const bit of [0, 3, 17, 101, 255]) {
      const one = structuredClone(bundle);
      change(one, bit);
      const proof = await check(reference, length, [one], key);
      assert.equal(proof.verdict, "fails", `${what}, bit ${bit}: ${JSON.stringify(proof.steps)}`);
    }
  }
});

test("a good bundle of another record does not prove this one", async () => {
  const [, other] = all.find(([cited]) => cited.split("#")[0] !== reference.split("#")[0])!;
  assert.equal((await check(reference, length, [other.bundle], key)).verdict, "fails");
});

test("an event of several records is put together, and one of them flipped or left out is never proven", async () => {
  const [cited, one] = long;
  const asked: string[] = [];
  const have = [one.bundle];
  for (let next = goesOnIn(cited, one.length, have); next !== null; next = goesOnIn(cited, one.length, have)) {
    asked.push(next);
    have.push(one.further[have.length - 1]!);
  }
  assert.deepEqual(
    asked,
    one.further.map((more) => `log:${more.origin}/${more.leaf.index}/${more.record.index}`),
  );
  assert.equal((await check(cited, one.length, have, key)).verdict, "holds");
  assert.equal((await check(cited, one.length, have.slice(0, -1), key)).verdict, "unknown");
  assert.equal((await check(cited, one.length, [have[0]!, ...have.slice(2)], key)).verdict, "fails");
  const flipped = structuredClone(have);
  flipped[1]!.record.bytes = flip(flipped[1]!.record.bytes, 40);
  assert.equal((await check(cited, one.length, flipped, key)).verdict, "fails");
});

test("after changes of the signing key the chain of keys is followed from leaf 0, and a broken one is refused", async () => {
  const rotated = JSON.parse(readFileSync(join(folder, "rotated.json"), "utf8")) as {
    reference: string;
    length: number;
    fingerprint: string;
    bundle: Bundle;
  };
  assert.equal(rotated.bundle.chain?.length, 3);
  const outside: Anchor = { kind: "fingerprint", value: rotated.fingerprint };
  const verdict = async (one: Bundle) => (await check(rotated.reference, rotated.length, [one], outside)).verdict;
  assert.equal(await verdict(rotated.bundle), "holds");
  const changes: ((one: Bundle) => void)[] = [
    (one) => void one.chain!.splice(1, 1),
    (one) => void one.chain!.shift(),
    (one) => void one.chain!.pop(),
    (one) => {
      one.chain![1]!.bytes = flip(one.chain![1]!.bytes, 400);
    },
    (one) => {
      one.chain![0]!.bytes = flip(one.chain![0]!.bytes, 300);
    },
    (one) => {
      one.chain![2]!.proof.pop();
    },
    (one) => {
      one.chain![2]!.index -= 1;
    },
    (one) => {
      one.chain!.reverse();
    },
    (one) => {
      delete one.chain;
    },
  ];
  for (const [i, change] of changes.entries()) {
    const one = structuredClone(rotated.bundle);
    change(one);
    assert.equal(await verdict(one), "fails", `change ${i}`);
  }
});

test("numbers of 64 bits survive reading", () => {
  const said = '{"record": {"received_ns": 1795396147561973854, "sequence": 18446744073709551614}}';
  const read = parseBundle(said) as unknown as { record: Record<string, unknown> };
  assert.deepEqual(read.record, { received_ns: "1795396147561973854", sequence: "18446744073709551614" });
  assert.equal(parseBundle('{"origin": "\\"received_ns\\": 1795396147561973854"}').origin, '"received_ns": 1795396147561973854');
});

test("nonsense is refused and never throws", async () => {
  for (const nonsense of [
    {},
    { ...bundle, checkpoint: "" },
    { ...bundle, signer: "x+y+z" },
    { ...bundle, leaf: { ...bundle.leaf, bytes: "AQE=" } },
    { ...bundle, record: { ...bundle.record, bytes: "***" } },
    { ...bundle, chain: [{ index: 3, bytes: "AA==", proof: [] }] },
  ]) {
    assert.equal((await check(reference, length, [nonsense as Bundle], key)).verdict, "fails");
  }
  assert.equal((await check("file:abc/x#0.0@00", length, [bundle], key)).verdict, "unknown");
});

/** RFC 6962, 2.1, written down as it stands there. */
function merkle(leaves: Buffer[]): Buffer {
  const sha = (...pieces: Buffer[]) => createHash("sha256").update(Buffer.concat(pieces)).digest();
  if (leaves.length === 1) return sha(Buffer.from([0]), leaves[0]!);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha(Buffer.from([1]), merkle(leaves.slice(0, k)), merkle(leaves.slice(k)));
}

function path(m: number, leaves: Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return m < k ? [...path(m, leaves.slice(0, k)), merkle(leaves.slice(k))] : [...path(m - k, leaves.slice(k)), merkle(leaves.slice(0, k))];
}

test("audit paths of all trees up to 33 leaves lead to the root that RFC 6962 defines, and to no other place", async () => {
  for (let size = 1; size <= 33; size += 1) {
    const leaves = Array.from({ length: size }, (_, i) => Buffer.from(`leaf ${i}`));
    const root = merkle(leaves).toString("hex");
    for (let index = 0; index < size; index += 1) {
      const proof = path(index, leaves).map((hash) => new Uint8Array(hash));
      const found = await rootOf(new Uint8Array(leaves[index]!), index, size, proof);
      assert.equal(found && hex(found), root, `${index} of ${size}`);
      const other = await rootOf(new Uint8Array(leaves[index]!), (index + 1) % size, size, proof);
      if (size > 1) assert.notEqual(other && hex(other), root);
    }
  }
  assert.equal(await rootOf(new Uint8Array(1), 0, 0, []), null);
  assert.equal(await rootOf(new Uint8Array(1), 2 ** 60, 2 ** 61, []), null);
});

test("a block leaf says its source and how many records it has", () => {
  const block = readBlock(unbase64(bundle.leaf.bytes));
  assert.match(block.source, /^case\//);
  assert.ok(block.records > bundle.record.index);
});

test("what a person types is recognised, or not", async () => {
  assert.deepEqual(recognise(` ${fingerprint.match(/.{8}/g)!.join(" ")} `), { kind: "fingerprint", value: fingerprint });
  assert.equal(recognise(bundle.signer)?.kind, "key");
  assert.equal(recognise(`60 ${bundle.checkpoint.split("\n")[2]}`)?.kind, "root");
  for (const text of ["", "abc", "0".repeat(63), "60", "60 abc"]) assert.equal(recognise(text), null, text);
  await assert.rejects(readKey("logs+00000000+AQ=="));
});

test("a note from outside is compared with what the server says now, and two sizes are not", () => {
  const [, size, root] = bundle.checkpoint.split("\n");
  const ledger = { fingerprint, verifier_key: bundle.signer, checkpoint: { note: "", size: Number(size), root: root!, at: null } };
  const other = root!.replace(/^./, (sign) => (sign === "A" ? "B" : "A"));
  assert.equal(agrees({ kind: "fingerprint", value: fingerprint }, ledger), true);
  assert.equal(agrees({ kind: "fingerprint", value: "0".repeat(64) }, ledger), false);
  assert.equal(agrees({ kind: "key", value: bundle.signer }, ledger), true);
  assert.equal(agrees({ kind: "root", value: `${size} ${root}` }, ledger), true);
  assert.equal(agrees({ kind: "root", value: `${size} ${other}` }, ledger), false);
  assert.equal(agrees({ kind: "root", value: `1 ${root}` }, ledger), null);
});
