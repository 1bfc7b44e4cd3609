// A server for the pages without the program: committed answers of the real program, the headers of the real server, and
// every answer checked against the contract before it leaves.
//
//   node tests/server.mjs [PORT]        STATE=empty|slow|error|overload|missing|signed-out|many
import { createServer } from "node:http";
import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { askedFault, faultOf, operationOf } from "./contract.mjs";

const folder = fileURLToPath(new URL("./fixtures/", import.meta.url));
const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const read = (name) => JSON.parse(readFileSync(join(folder, name)));
const answers = read("answers.json");
const { incidents, detections, verdicts } = read("incidents.json");
const { events, coverage: recorded } = read("events.json");
const coverage = { ...recorded, missing_more: 0 };
const unsearched = { records: 0, first: null, last: null };
const bundles = read("bundles.json");
const ruleText = read("rule.json");

export const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const PERMISSIONS = [
  "read",
  "search",
  "investigate",
  "respond",
  "unmask_ask",
  "unmask_approve",
  "audit_read",
  "accounts_read",
  "accounts_manage",
  "tokens_own",
];

class Refusal extends Error {
  constructor(status, code, title, after) {
    super(title);
    Object.assign(this, { status, code, title, after });
  }
}

const b64 = (text) => Buffer.from(text, "base64url");
const iso = () => new Date().toISOString();

/** The public key of ES256 inside an attestation (attestation itself is ignored, as the real server does). */
function keyOf(attestationObject) {
  const bytes = b64(attestationObject);
  const x = bytes.indexOf(Buffer.from([0x21, 0x58, 0x20]));
  const y = bytes.indexOf(Buffer.from([0x22, 0x58, 0x20]), x);
  if (x < 0 || y < 0) throw new Refusal(401, "challenge_failed", "no ES256 key");
  const part = (at) => bytes.subarray(at + 3, at + 35).toString("base64url");
  return createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x: part(x), y: part(y) } });
}

function checkClient(state, clientDataJSON, type, host) {
  const client = JSON.parse(b64(clientDataJSON));
  if (client.type !== type || client.challenge !== state.challenge || new URL(client.origin).host !== host)
    throw new Refusal(401, "challenge_failed", "the challenge is another");
}

function checkAssertion(state, body, host) {
  checkClient(state, body.response.clientDataJSON, "webauthn.get", host);
  const data = b64(body.response.authenticatorData);
  const signed = Buffer.concat([data, createHash("sha256").update(b64(body.response.clientDataJSON)).digest()]);
  const known = state.passkeys.get(body.id);
  if (!known || (data[32] & 5) !== 5 || !verify("sha256", signed, known, b64(body.response.signature)))
    throw new Refusal(401, "challenge_failed", "the signature does not hold");
}

function session(state) {
  const signed = state.signed;
  return {
    signed_in: signed,
    site: "logs.example.jp/evidence",
    first_start: state.name === "first-start",
    sign_in: ["passkey", "password_totp"],
    provider: null,
    account: signed ? "a1" : null,
    name: signed ? "aoki" : null,
    display: signed ? "青木" : null,
    roles: signed ? ["responder", "administrator"] : [],
    permissions: signed ? PERMISSIONS : [],
    break_glass: false,
    fresh_until: null,
    idle_until: null,
    expires: null,
  };
}

/** An incident of 5,000 detections: the recorded ones, again and again, one second apart. */
function many(list, earlier) {
  const start = Date.parse(list[0].time);
  return Array.from({ length: 5000 + earlier }, (_, at) => {
    const i = at - earlier;
    const one = list[(i + list.length * earlier) % list.length];
    const time = new Date(start + i * 1000).toISOString();
    return {
      ...one,
      id: createHash("md5").update(`${i}`).digest("hex"),
      time,
      first_time: null,
      host: i >= 0 && i % 37 === 0 ? `ws${i % 41}` : one.host,
    };
  });
}

const EMPTY = {
  "/incidents": ["items"],
  "/alerts": ["items"],
  "/sources": ["items", "findings"],
  "/rules": ["items"],
  "/claims": ["items", "disagreements"],
  "/exceptions": ["items"],
  "/suppliers": ["items"],
  "/hunts": ["items"],
  "/ledger/checkpoints": ["items"],
  "/suppressions": ["items"],
};

function emptied(path, value) {
  const changed = structuredClone(value);
  for (const key of EMPTY[path] ?? []) changed[key] = [];
  if (path === "/today")
    Object.assign(changed, {
      incidents: [],
      changes: [],
      headline: {
        state: "unknown",
        text: { en: "No source is heard: nobody can say whether anything burns.", ja: "受信している情報源がなく、何も判断できません。" },
        incidents: [],
      },
      alerts: { open: 0, unacknowledged: 0, oldest_unacknowledged: null },
    });
  if (path === "/coverage")
    Object.assign(changed, {
      trials: [],
      measured: null,
      tactics: changed.tactics.map((tactic) => ({
        ...tactic,
        techniques: tactic.techniques.map((one) => ({
          ...one,
          executed: 0,
          detected: 0,
          trials: [],
          state: one.rules > 0 ? "present" : "blind",
        })),
      })),
    });
  if (path === "/ledger") Object.assign(changed, { verification: null });
  if (path === "/board") Object.assign(changed, { exceptions: [], suppliers: [] });
  return changed;
}

function matching(query) {
  const words = (query.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const from = query.get("from") ?? "";
  const until = query.get("until") ?? "9";
  return events.filter((one) => {
    const whole = `${one.raw} ${one.host ?? ""} ${one.kind}`.toLowerCase();
    const holds = words.every((word) =>
      word.startsWith("-")
        ? !whole.includes(word.slice(1).replace(/^\w+[:=]/, ""))
        : whole.includes(
            word
              .replace(/^[\w.]+[:=]/, "")
              .replaceAll('"', "")
              .replaceAll("*", ""),
          ),
    );
    return holds && one.time >= from && one.time < until;
  });
}

/** A search of a server that derives late: it looks on when it is asked, finds one more event, and a search that renews it has it. */
function late(state, query) {
  const asked = query.get("snapshot");
  if (asked === "s1" && query.get("limit") === "1") state.looked = (state.looked ?? 0) + 1;
  const looked = state.looked ?? 0;
  const snapshot = asked ?? (looked >= 5 && query.get("renews") === "s1" ? "s2" : "s1");
  const first = snapshot === "s1";
  const left = first ? Math.max(0, 40_000 - looked * 4_000) : 0;
  const all = matching(query).slice(first ? 1 : 0);
  const offset = Number(query.get("offset") ?? 0);
  return {
    events: all.slice(offset, offset + Number(query.get("limit") ?? 100)),
    matches: all.length,
    is_counted: true,
    reachable: all.length,
    searched_to: null,
    offset,
    next: null,
    snapshot,
    is_complete: false,
    is_scanning: left > 0,
    is_outdated: first && looked >= 5,
    unsearched: left > 0 ? { records: left, first: events.at(-1).time, last: events[0].time } : unsearched,
    coverage,
    took_ms: 4,
  };
}

function search(state, query) {
  if (state.name === "late") return late(state, query);
  const found = state.name === "empty" ? [] : matching(query);
  const times = state.name === "many" ? 4000 : 1;
  const offset = Number(query.get("offset") ?? 0);
  const limit = Number(query.get("limit") ?? 100);
  const page = Array.from(
    { length: Math.max(0, Math.min(limit, found.length * times - offset)) },
    (_, i) => found[(offset + i) % found.length],
  );
  return {
    events: page,
    matches: found.length * times,
    is_counted: true,
    reachable: found.length * times,
    searched_to: null,
    offset,
    next: null,
    snapshot: "s1",
    is_complete: false,
    is_scanning: false,
    is_outdated: false,
    unsearched,
    coverage,
    took_ms: 4,
  };
}

function histogram(state, query) {
  const found = state.name === "empty" ? [] : matching(query);
  const times = found.map((one) => Date.parse(one.time)).sort((a, b) => a - b);
  const from = query.get("from") ? Date.parse(query.get("from")) : Math.floor((times[0] ?? Date.parse(events.at(-1).time)) / 1000) * 1000;
  const until = query.get("until") ? Date.parse(query.get("until")) : (times.at(-1) ?? Date.parse(events[0].time)) + 1000;
  const buckets = 120;
  const seconds = Math.max(1, Math.ceil((until - from) / buckets / 1000));
  const counts = new Array(buckets).fill(0);
  for (const time of times) counts[Math.min(buckets - 1, Math.floor((time - from) / 1000 / seconds))] += 1;
  return {
    from: new Date(from).toISOString(),
    to: new Date(from + buckets * seconds * 1000).toISOString(),
    bucket_seconds: seconds,
    counts,
    matches: found.length,
    is_counted: true,
    snapshot: "s1",
    took_ms: 3,
    unseen: counts.map((_, i) => (i < 30 ? coverage.missing.length : 0)),
  };
}

function record(query) {
  const kept = bundles[query.get("reference")];
  if (!kept) throw new Refusal(404, "not_found", "not in these fixtures");
  const { bundle, further, length, fields } = kept;
  const bytes = Buffer.concat([bundle, ...further].map((one) => Buffer.from(one.record.bytes, "base64")));
  const leaf = Buffer.from(bundle.leaf.bytes, "base64");
  const name = leaf.subarray(35, 35 + leaf[34]).toString();
  const offset = Number(/#(\d+)\./.exec(query.get("reference"))[1]);
  return {
    reference: query.get("reference"),
    bytes: bytes.toString("base64"),
    length: bytes.length,
    is_cut: false,
    offset,
    event_length: length,
    received: new Date(Number(BigInt(bundle.record.received_ns) / 1000000n)).toISOString(),
    source: name,
    class: "security-evidence",
    sequence: bundle.record.sequence,
    fields,
    before: null,
    after: null,
  };
}

/** A flipped bit in the record: the page has to refuse it. */
function flipped(bundle) {
  const bytes = Buffer.from(bundle.record.bytes, "base64");
  bytes[0] ^= 1;
  return { ...bundle, record: { ...bundle.record, bytes: bytes.toString("base64") } };
}

/** The proof of a record: of a cited event's first record, or of one that it goes on in. */
function proofOf(reference) {
  if (bundles[reference]) return bundles[reference].bundle;
  const [, leaf, number] = /\/(\d+)\/(\d+)$/.exec(reference) ?? [];
  return Object.values(bundles)
    .flatMap((one) => [one.bundle, ...one.further])
    .find((one) => one.leaf.index === Number(leaf) && one.record.index === Number(number));
}

const incidentOf = (state, id) => {
  const found = incidents.find((one) => one.id === id);
  if (!found) throw new Refusal(404, "not_found", "no such incident");
  return { ...found, detections: found.detections + state.earlier, ...(state.changes.get(id) ?? {}) };
};
const rhythm = (source) => ({ source, watched_since: null, expected_per_hour: new Array(168).fill(null), received: [], findings: [] });
const factor = { id: "f1", kind: "passkey", label: "", created: iso(), last_used: iso(), backed_up: false };
const account = (id, name, display, roles, at) => ({
  id,
  name,
  display,
  state: at,
  roles,
  factors: at === "active" ? ["passkey"] : [],
  break_glass_until: null,
  created: iso(),
  last_sign_in: at === "active" ? iso() : null,
  version: 1,
});

function read_(state, path, query) {
  const [, first, id, part] = path.split("/");
  if (path === "/session") return session(state);
  if (path === "/factors") return { items: [factor] };
  if (path === "/accounts")
    return {
      items: [
        account("a1", "aoki", "青木", ["responder", "administrator"], "active"),
        account("a2", "mori", "森", ["privacy_officer"], "invited"),
      ],
      next: null,
    };
  if (path === "/tokens")
    return {
      items: [{ id: "t1", name: "monitoring", account: "a1", scopes: ["read"], created: iso(), expires: iso(), first_used: null }],
      next: null,
    };
  if (path === "/unmask") return { items: [], next: null };
  if (path === "/audit")
    return {
      items:
        state.name === "empty"
          ? []
          : [
              {
                number: 4,
                at: iso(),
                kind: "incident",
                action: "settled",
                actor: "a1",
                actor_name: "aoki",
                account: null,
                name: null,
                incident: "0".repeat(32),
                details: { state: "contained", reason: "cut off" },
              },
              {
                number: 2,
                at: iso(),
                kind: "account",
                action: "signed_in",
                actor: "a1",
                actor_name: "aoki",
                account: "a1",
                name: "aoki",
                incident: null,
                details: { method: "passkey" },
              },
              {
                number: 1,
                at: iso(),
                kind: "account",
                action: "enrolled",
                actor: "a1",
                actor_name: "aoki",
                account: "a1",
                name: "aoki",
                incident: null,
                details: { factor: "passkey" },
              },
              {
                number: 0,
                at: iso(),
                kind: "account",
                action: "link_made",
                actor: "command_line",
                actor_name: null,
                account: null,
                name: null,
                incident: null,
                details: { purpose: "first_administrator" },
              },
            ],
      next: null,
    };
  if (path === "/questions") return { as_of: iso(), judged: answers["/today"].judged, answers: answers["/today"].answers };
  if (path === "/records") return record(query);
  if (path === "/proofs") {
    const kept = proofOf(query.get("reference"));
    if (!kept) throw new Refusal(404, "not_found", "not in these fixtures");
    return state.name === "flipped" ? flipped(kept) : kept;
  }
  if (path === "/search") return search(state, query);
  if (path === "/search/histogram") return histogram(state, query);
  if (path === "/sources/rhythm") return rhythm(query.get("source"));
  if (first === "incidents" && part === "detections") {
    const list = detections[id] ?? [];
    const all = state.name === "many" ? many(list, state.earlier) : list;
    const at = Number(query.get("after") ?? 0);
    const limit = Number(query.get("limit") ?? 1000);
    return { items: all.slice(at, at + limit), total: all.length, next: at + limit < all.length ? String(at + limit) : null };
  }
  if (first === "incidents" && id) return incidentOf(state, id);
  if (first === "claims" && id)
    return { claim: answers["/claims"].items.find((one) => one.id === id), items: verdicts[id] ?? [], next: null };
  if (first === "rules" && id)
    return {
      rule: answers["/rules"].items.find((one) => one.id === id),
      text: id === ruleText.id ? ruleText.text : "",
      sha256: createHash("sha256").update(ruleText.text).digest("hex"),
    };
  const kept = answers[path];
  if (!kept) throw new Refusal(501, "not_available", "not available");
  return state.name === "empty" ? emptied(path, kept) : kept;
}

function change(state, method, path, body, host) {
  const [, first, id, part] = path.split("/");
  const challenge = () => {
    state.challenge = randomBytes(32).toString("base64url");
    return state.challenge;
  };
  const request = () => ({ challenge: challenge(), rpId: "localhost", timeout: 60000, userVerification: "required", allowCredentials: [] });
  const creation = () => ({
    challenge: challenge(),
    rp: { id: "localhost", name: "Hinomi" },
    user: { id: b64("YTE").toString("base64url"), name: "aoki", displayName: "青木" },
    pubKeyCredParams: [{ type: "public-key", alg: -7 }],
    timeout: 60000,
    attestation: "none",
    excludeCredentials: [],
    authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
  });
  const signIn = () => {
    state.signed = true;
    return [200, session(state)];
  };
  switch (`${method} ${path}`) {
    case "DELETE /session":
      state.signed = false;
      return [204, null];
    case "POST /session/passkey/options":
      return [200, request()];
    case "POST /session/passkey":
      checkAssertion(state, body, host);
      return signIn();
    case "POST /session/password":
      if (body.password !== "correct horse battery" || body.code !== "123456") throw new Refusal(401, "sign_in_failed", "no");
      return signIn();
    case "POST /enrolment":
      if (body.link !== "first-link") throw new Refusal(401, "link_unknown", "no");
      return [
        200,
        {
          account: "a1",
          name: "aoki",
          display: "青木",
          purpose: "first_administrator",
          expires: new Date(Date.now() + 86_400_000).toISOString(),
          methods: ["passkey", "password_totp"],
        },
      ];
    case "POST /enrolment/passkey/options":
      return [200, creation()];
    case "POST /enrolment/passkey":
      checkClient(state, body.attestation.response.clientDataJSON, "webauthn.create", host);
      state.passkeys.set(body.attestation.id, keyOf(body.attestation.response.attestationObject));
      return signIn();
    case "POST /enrolment/password/options":
      return [
        200,
        { secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", uri: "otpauth://totp/Hinomi:aoki?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" },
      ];
    case "POST /query":
      return [
        200,
        {
          columns: ["host", "n"],
          rows: [
            ["gw01", 1480],
            [null, 1426],
            ["fs01", 152],
          ],
          is_cut: false,
          coverage,
          unsearched,
          took_ms: 21,
        },
      ];
    default:
  }
  if (path === "/session/step-up") {
    if (body.password !== "correct horse battery" || body.code !== "123456") throw new Refusal(401, "challenge_failed", "no");
    state.fresh = true;
    return [200, session(state)];
  }
  if (method === "POST" && path === "/accounts") {
    if (!state.fresh) throw new Refusal(403, "step_up_needed", "a fresh proof");
    return [
      201,
      {
        account: { ...account("a3", body.name, body.display, body.roles, "invited") },
        link: "https://logs.example.jp/#/enrol/once",
        expires: iso(),
      },
    ];
  }
  if (first === "incidents" && method === "PATCH") {
    state.changes.set(id, {
      ...(state.changes.get(id) ?? {}),
      ...(body.assignee !== undefined ? { assignee: body.assignee } : {}),
      ...(body.state ? { state: body.state } : {}),
    });
    return [200, incidentOf(state, id)];
  }
  if (first === "incidents" && part === "notes") {
    const note = { id: `n${Date.now()}`, at: iso(), by: "aoki", text: body.text };
    state.changes.set(id, { ...(state.changes.get(id) ?? {}), notes: [...incidentOf(state, id).notes, note] });
    return [201, note];
  }
  throw new Refusal(501, "not_available", "not available");
}

async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const said = Buffer.concat(pieces).toString();
  return said ? JSON.parse(said) : null;
}

function trouble(state, path) {
  if (path === "/session") return;
  if (state.name === "error") throw new Refusal(503, "unavailable", "unavailable");
  if (state.name === "overload") throw new Refusal(429, "too_many", "too many", 30);
  if (state.name === "missing") throw new Refusal(501, "not_available", "not available");
}

async function api(state, request, path, query) {
  const known = operationOf(request.method, `/api/v1${path}`);
  if (!known) throw new Refusal(404, "not_found", "no such path");
  if (request.method !== "GET" && request.headers["x-hinomi"] !== "1") throw new Refusal(403, "cross_site", "the header is missing");
  trouble(state, path);
  if (request.method === "GET" && path !== "/session" && !state.signed) throw new Refusal(401, "not_signed_in", "nobody is signed in");
  if (state.name === "slow" && path !== "/session") await new Promise((done) => setTimeout(done, 60_000).unref());
  const asked = askedFault(known.template, request.method, query);
  if (asked) throw new Error(asked);
  const [status, body] =
    request.method === "GET"
      ? [200, read_(state, path, query)]
      : change(state, request.method, path, await bodyOf(request), request.headers.host);
  const fault = faultOf(known.template, request.method, status, body);
  if (fault) throw new Error(fault);
  return [status, body];
}

function file(response, path) {
  const wanted = normalize(join(dist, path));
  const name = path === "/" ? join(dist, "index.html") : wanted;
  if (!wanted.startsWith(dist) || !existsSync(name)) {
    response.writeHead(404, HEADERS);
    return response.end();
  }
  response.writeHead(200, { ...HEADERS, "content-type": TYPES[extname(name)] ?? "application/octet-stream", "cache-control": "no-cache" });
  return response.end(readFileSync(name));
}

/** Starts a server; `set` changes its state, `faults` holds what no real server may have said. */
export async function start(options = {}) {
  const state = {
    name: options.state ?? "ok",
    signed: options.state !== "signed-out" && options.state !== "first-start",
    challenge: "",
    passkeys: new Map(),
    changes: new Map(),
    // Detections that were found meanwhile and lie before all others.
    earlier: 0,
  };
  const faults = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    if (!url.pathname.startsWith("/api/v1/")) return file(response, url.pathname);
    const path = url.pathname.slice("/api/v1".length);
    if (path === "/events") {
      response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream" });
      response.write(": here\n\n");
      state.stream = response;
      return undefined;
    }
    const send = (status, body, more = {}) => {
      response.writeHead(status, {
        ...HEADERS,
        "cache-control": "no-store",
        "content-type": status >= 400 ? "application/problem+json" : "application/json",
        etag: '"1"',
        ...more,
      });
      // A proof has its numbers of 64 bits as the program writes them.
      const said = body === null ? undefined : JSON.stringify(body);
      response.end(said?.replaceAll(/"(received_ns|sequence)":"(\d{15,})"/g, '"$1":$2'));
    };
    return api(state, request, path, url.searchParams).then(
      ([status, body]) => send(status, body),
      (error) => {
        if (!(error instanceof Refusal)) {
          faults.push(String(error.message));
          console.error(error.message);
        }
        const { status = 500, code = "internal", title = "fault", after } = error;
        send(
          status,
          { type: `/problems/${code}`, title, status, code, ...(after ? { retry_after_seconds: after } : {}) },
          after ? { "retry-after": String(after) } : {},
        );
      },
    );
  });
  await new Promise((done) => server.listen(options.port ?? 0, "127.0.0.1", done));
  return {
    url: `http://localhost:${server.address().port}`,
    faults,
    state,
    set: (name) => Object.assign(state, { name }),
    changed: (what) => state.stream?.write(`event: changed\ndata: ${JSON.stringify({ what })}\n\n`),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await start({ port: Number(process.argv[2] ?? 5173), state: process.env.STATE ?? "ok" });
  console.log(server.url);
}
