// What pages compute before they draw.
import assert from "node:assert/strict";
import test from "node:test";
import type { Detection } from "../../src/api/types";
import { bytes, grouped } from "../../src/lib/figures";
import { setLanguage } from "../../src/lib/language";
import { geometry, selectedBy } from "../../src/lib/rows";
import { understand, marks, meant } from "../../src/lib/syntax";
import { ago, show, span, zoneLabel } from "../../src/lib/time";
import { lanesOf, marksOf, MOST_LANES, ticks, whole, zoomed } from "../../src/lib/timeline";
import { told } from "../../src/pages/audit";
import { visible } from "../../src/parts/evidence";

test("times are shown in a zone, across midnight and changes of summer time", () => {
  assert.equal(show("2026-11-21T22:38:42.000000000Z", "second", "Asia/Tokyo"), "2026-11-22 07:38:42");
  assert.equal(show("2026-11-21T22:38:42Z", "clock", "UTC"), "22:38:42");
  assert.equal(show("2026-03-29T00:59:59Z", "second", "Europe/Berlin"), "2026-03-29 01:59:59");
  assert.equal(show("2026-03-29T01:00:00Z", "second", "Europe/Berlin"), "2026-03-29 03:00:00");
  assert.equal(show("2026-11-22T00:00:00Z", "minute", "UTC"), "2026-11-22 00:00");
  assert.equal(show(null), "—");
  assert.equal(show("yesterday"), "yesterday");
  assert.equal(zoneLabel("Asia/Tokyo"), "JST");
  assert.match(zoneLabel("Asia/Kolkata"), /Asia\/Kolkata \(UTC\+5:30\)/);
});

test("spans are said in both languages", () => {
  setLanguage("en");
  assert.deepEqual([0, 59_000, 60_000, 3_660_000, 47 * 3_600_000, 72 * 3_600_000].map(span), [
    "0 s",
    "59 s",
    "1 min",
    "1 h 01 min",
    "47 h 00 min",
    "3 d",
  ]);
  assert.equal(ago("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"), "5 min ago");
  assert.equal(ago("2026-01-01T00:05:00Z", "2026-01-01T00:00:00Z"), "in 5 min");
  setLanguage("ja");
  assert.deepEqual([30_000, 3_660_000].map(span), ["30 秒", "1 時間 01 分"]);
  setLanguage("en");
});

test("sizes and digests", () => {
  assert.deepEqual([0, 1023, 1024, 1_431_733, 1.1e12, null].map(bytes), ["0 B", "1023 B", "1.0 KiB", "1.4 MiB", "1.0 TiB", "?"]);
  assert.equal(grouped("0123456789abcdef01"), "01234567 89abcdef 01");
});

test("a search is understood as docs/query.md says", () => {
  assert.deepEqual(understand('rclone CommandLine:-enc -host:dc01 Image=*\\rundll32.exe "two words" *dll32').terms, [
    { kind: "words", text: "rclone", negated: false, open: false },
    { kind: "field", field: "CommandLine", text: "-enc", negated: false, whole: false },
    { kind: "field", field: "host", text: "dc01", negated: true, whole: false },
    { kind: "field", field: "Image", text: "*\\rundll32.exe", negated: false, whole: true },
    { kind: "words", text: "two words", negated: false, open: false },
    { kind: "words", text: "*dll32", negated: false, open: true },
  ]);
  assert.equal(understand("select * from events").language, "sql");
  assert.equal(understand("selected").language, "terms");
  assert.equal(understand('"open').problem, "quote");
  assert.equal(understand("C:\\Windows").terms[0]?.kind, "words");
  assert.equal(understand("https://example.jp/a").terms[0]?.kind, "words");
  assert.deepEqual(understand("   ").terms, []);
  assert.deepEqual(marks('rclone -noise host:fs01 "two words" *'), ["rclone", "fs01", "two words"]);
});

test("control characters and reversed text of a hostile log are made visible", () => {
  const text = visible(new TextEncoder().encode("a\u001b[31mred\u202egnp.exe\u0000\tb\n"));
  assert.doesNotMatch(text, /[\u0000-\u0008\u001b\u202e]/);
  assert.match(text, /·1b·\[31mred·202e·gnp\.exe·0·\tb\n/);
  assert.match(visible(Uint8Array.of(0xff, 0xfe, 0x41)), /A$/);
});

const at = (seconds: number, more: Partial<Detection> = {}): Detection => ({
  id: `${seconds}`,
  time: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString(),
  first_time: null,
  rule_id: "r",
  title: { en: "", ja: "" },
  author: "",
  license: "",
  level: "low",
  host: "a",
  account: "",
  channel: "",
  stages: [],
  certainty: "estimated",
  weak: false,
  late: false,
  techniques: [],
  other_explanations: null,
  fields: {},
  evidence: [{ reference: "log:x/1/1", place: "", time: null }],
  more_evidence: 0,
  ...more,
});

test("detections that would be drawn over each other are one mark with the gravest level", () => {
  const list = [at(0), at(1, { level: "high", certainty: "confirmed" }), at(100, { host: "b" }), at(100)];
  const lanes = lanesOf(list, "host", []);
  assert.deepEqual(
    lanes.map((lane) => [lane.name, lane.count]),
    [
      ["a", 3],
      ["b", 1],
    ],
  );
  const marks = marksOf(list, lanes, whole(list, []), 5000);
  assert.deepEqual(
    marks.map(({ lane, count, level, certain, first, last }) => ({ lane, count, level, certain, first, last })),
    [
      { lane: 0, count: 2, level: "high", certain: true, first: 0, last: 1 },
      { lane: 1, count: 1, level: "low", certain: false, first: 2, last: 2 },
      { lane: 0, count: 1, level: "low", certain: false, first: 3, last: 3 },
    ],
  );
});

test("of ten thousand detections on a thousand hosts no more is drawn than fits", () => {
  const list = Array.from({ length: 10_000 }, (_, i) => at(i, { host: `h${i % 1000}` }));
  const lanes = lanesOf(list, "host", []);
  assert.equal(lanes.length, MOST_LANES);
  assert.equal(
    lanes.reduce((sum, lane) => sum + lane.count, 0),
    10_000,
  );
  const span = whole(list, []);
  const marks = marksOf(list, lanes, span, (span.to - span.from) / 40);
  assert.ok(marks.length <= MOST_LANES * 41, String(marks.length));
  assert.equal(
    marks.reduce((sum, mark) => sum + mark.count, 0),
    10_000,
  );
});

test("detections without a time break nothing", () => {
  const list = [at(0, { time: null }), at(0, { time: "not a time" })];
  assert.equal(marksOf(list, lanesOf(list, "host", []), whole(list, []), 10).length, 0);
});

test("zooming keeps the moment under the pointer, and stays inside", () => {
  const bounds = { from: 0, to: 100_000 };
  const near = zoomed(bounds, 0.5, 20_000, bounds);
  assert.deepEqual(near, { from: 10_000, to: 60_000 });
  assert.deepEqual(zoomed(near, 4, 20_000, bounds), bounds);
  assert.deepEqual(zoomed({ from: 0, to: 1500 }, 0.5, 100, bounds), { from: 0, to: 1500 });
  const edge = zoomed({ from: 0, to: 50_000 }, 1.5, 50_000, bounds);
  assert.ok(edge.from >= 0 && edge.to <= 100_000);
});

test("ticks stand at round moments", () => {
  const { at: moments, step } = ticks({ from: 1_000, to: 400_000 }, 8);
  assert.equal(step, 60_000);
  assert.deepEqual(moments, [60_000, 120_000, 180_000, 240_000, 300_000, 360_000]);
});

test("of a long list only what is seen exists, and every row can be reached", () => {
  for (const total of [0, 1, 7, 5_000, 307_692, 307_693, 4_000_000]) {
    const start = geometry(total, 26, 520, 0);
    assert.equal(start.from, 0);
    assert.ok(start.to <= Math.min(total, 32));
    const end = geometry(total, 26, 520, start.topOf(total));
    assert.equal(end.to, total, `the last of ${total}`);
    assert.ok(end.to - end.from <= 32);
    for (const index of [1, 100, Math.floor(total / 3), total - 30]) {
      if (index < 0 || index > total - 20) continue;
      const there = geometry(total, 26, 520, start.topOf(index));
      assert.equal(there.first, index, `${index} of ${total}`);
      assert.ok(there.offset + (there.first - there.from) * 26 <= there.real);
    }
  }
});

test("keys move the selection and stay inside", () => {
  assert.deepEqual(
    ["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End", "x"].map((key) => selectedBy(key, 5, 10, 12)),
    [6, 4, 11, 0, 0, 11, null],
  );
  assert.equal(selectedBy("End", -1, 10, 0), null);
});

test("a slip in the first word of SQL and a pseudonym are told, ordinary words are not", () => {
  assert.equal(meant("SELEC 1").sql, "SELECT");
  assert.equal(meant("slect * from events").sql, "SELECT");
  assert.equal(meant("WIHT a AS (SELECT 1)").sql, "WITH");
  for (const plain of ["SELECT 1", "server down", "sudo with", "select", "selector", "service restart", "rclone copy", "seal broken"])
    assert.equal(meant(plain).sql, null, plain);
  assert.deepEqual(meant("account-012345678901 host:fs01").pseudonyms, ["account-012345678901"]);
  assert.deepEqual(meant("-user.name=account-012345678901").pseudonyms, ["account-012345678901"]);
  assert.deepEqual(meant("account-1 accounts").pseudonyms, []);
});

test("details of the audit are told without keys, and moments as moments", () => {
  setLanguage("ja");
  const details = {
    account: "a1",
    roles: ["viewer", "auditor"],
    method: "passkey",
    reason: "passkey",
    link: { expires: 1795660011, none: null },
    key: { parts: ["x".repeat(90)], long: "y".repeat(90) },
  };
  assert.deepEqual(told(details), [
    "アカウント: a1",
    "役割: 閲覧者 監査人",
    "方式: パスキー",
    "理由: passkey",
    `リンクの有効期限: ${show("2026-11-26T02:26:51Z", "second", "Asia/Tokyo")}`,
  ]);
  setLanguage("en");
});
