// Makes tests/fixtures from the real program: examples/case is kept in a ledger, investigated, judged and proven, and what the
// program says becomes answers of api/openapi.json. Needs a built `hinomi` (with queries) in HINOMI. Run by hand when the
// contract or the program's words change; the tests read what is committed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const hinomi = process.env.HINOMI ?? join(root, "target/debug/hinomi");
const work = mkdtempSync(join(tmpdir(), "hinomi-fixtures-"));
const data = join(work, "ledger");
const ZONE = ["--tz", "Asia/Tokyo"];

function run(args, input) {
  const options = { cwd: work, input, maxBuffer: 1 << 28, stdio: ["pipe", "pipe", "ignore"] };
  try {
    return execFileSync(hinomi, args, options).toString();
  } catch (error) {
    // Exit codes 1 and 3 say what was found; only nothing on standard output is a failure here.
    const said = error.stdout?.toString() ?? "";
    if (said === "") throw error;
    return said;
  }
}
const json = (args) => JSON.parse(run(args));
const text = (en, ja) => ({ en, ja });
const sha = (bytes) => createHash("sha256").update(bytes).digest("hex");

cpSync(join(root, "examples/case"), join(work, "case"), { recursive: true });
rmSync(join(work, "case/truth.json"));
run(["ledger", "append", "--data", data, "--origin", "logs.example.jp/evidence", "--json", "case"]);

// A source with an owner, numbers and a promise, twenty of whose records never came.
const numbers = [...Array(119).keys()].map((n) => n + 1).concat([...Array(120).keys()].map((n) => n + 140));
writeFileSync(join(work, "fw.log"), numbers.map((n) => `<134>${n}: fw01 allow src=10.0.0.${n % 250} dst=192.0.2.1\n`).join(""));
writeFileSync(
  join(work, "sources.yaml"),
  "schema_version: 1\nsources:\n  fw01: {owner: network team, numbering: counter, heard_every: 5m, sequence_regex: '^<\\d+>(\\d+):'}\n",
);
run(["ledger", "append", "--data", data, "--sources", "sources.yaml", "--source", "fw01", "--json", "fw.log"]);
run(["ledger", "reindex", "--data", data, ...ZONE]);
const report = json(["investigate", data, ...ZONE, "--json"]);
const assure = json(["assure", data, "--inventory", join(root, "examples/lists"), ...ZONE, "--json"]);
const sources = json(["ledger", "sources", "--data", data, "--json"]);
const stats = json(["ledger", "stats", "--data", data, "--json"]);
const verified = json(["verify", "ledger", "--data", data, "--json"]);
const rules = json(["rules", "list", "bundled", "--json"]);
const doctor = json(["doctor", "--data", data, "--json"]);
run(["investigate", data, ...ZONE, "--report", "en.md"]);
run(["investigate", data, ...ZONE, "--lang", "ja", "--report", "ja.md"]);
run(["investigate", data, ...ZONE, "--report", "case.html"]);
const page = readFileSync(join(work, "case.html"), "utf8");
const sheet = JSON.parse(/id="hinomi-data">(.*?)<\/script>/s.exec(page)[1]);
const found = json([
  "query",
  "--in",
  data,
  "--max-rows",
  "5000",
  "-o",
  "json",
  'SELECT time, kind, host, source, leaf, record, "offset" AS at, sub, length, _raw FROM events WHERE _raw IS NOT NULL AND time IS NOT NULL ORDER BY time DESC LIMIT 600',
]);

/** Accounts are shown as the server shows them: by a pseudonym that stays the same. */
const ACCOUNTS = ["ctr-adm01", "backup-svc", "administrator@corp"];
const masked = (name) => `account-${sha(`fixture ${name.toLowerCase()}`).slice(0, 12)}`;
const hide = (said) =>
  ACCOUNTS.reduce((all, name) => all.replaceAll(new RegExp(`(?<![\\w@./-])${name}(?![\\w@/-])`, "gi"), masked(name)), said);
const hidden = (value) => JSON.parse(hide(JSON.stringify(value)));

/** Sentences of the report: headline and steps of each incident, in order. */
function sentences(file) {
  return readFileSync(join(work, file), "utf8")
    .split(/^## /m)
    .filter((part) => /^(Incident|インシデント) \d/.test(part))
    .map((part) => ({
      headline: /\*\*(.+?)\*\*/s.exec(part)[1].replaceAll("\\", ""),
      steps: [...part.matchAll(/^- \S+ \S+ — (.+?)(?: \*[^*]+\*)? ?(?:\[\^c.*)?$/gm)].map((m) =>
        m[1].replaceAll("\\", "").replace(/ \*(確認|推定|confirmed|estimated).*$/, ""),
      ),
    }));
}
const said = { en: sentences("en.md"), ja: sentences("ja.md") };
const WHY = {
  pattern: text("a count over several events", "複数記録の件数による"),
  alone: text("a single signal below high", "高未満の単独の兆候"),
  "no-time": text("no time stated", "時刻の記載なし"),
  nowhere: text("neither host nor account stated", "ホストもアカウントも記載なし"),
  circumstance: text("tied to the incident by place and time only", "場所と時刻だけで関連"),
};

const byId = new Map(report.detections.map((one) => [one.id, one]));
const techniquesOf = (one) => one.techniques;

/** What an incident lists: what joined it, and what was only tied to it by circumstance. */
const listed = (incident) => [...new Set([...incident.detections, ...incident.context])];

function stepsOf(incident, position) {
  const drawn = sheet.incidents[position].steps;
  return drawn.map((step, i) => {
    const cited = new Set(step.cites.map((cite) => sheet.citations[cite].reference));
    const own = listed(incident).filter(
      (id) => byId.get(id).rule_id === sheet.rules[step.rule].id && byId.get(id).evidence.some((event) => cited.has(event.reference)),
    );
    const ids = [
      ...new Set([
        ...own,
        ...incident.steps.filter((whole) => whole.detections.some((id) => own.includes(id))).flatMap((whole) => whole.detections),
      ]),
    ];
    const times = ids.map((id) => byId.get(id).first_time ?? byId.get(id).time).sort();
    return {
      first: times[0] ?? null,
      last:
        ids
          .map((id) => byId.get(id).time)
          .sort()
          .at(-1) ?? null,
      text: text(said.en[position].steps[i], said.ja[position].steps[i]),
      detections: ids,
      stages: step.stages,
      certainty: step.certainty,
      why: step.why.map((word) => WHY[word]),
      weak: step.weak,
      hosts: [...new Set(ids.map((id) => byId.get(id).host).filter(Boolean))],
      accounts: [...new Set(ids.map((id) => byId.get(id).account).filter(Boolean))],
    };
  });
}

function gapsOf(incident) {
  const hosts = new Set(incident.hosts);
  const gaps = [];
  for (const source of report.sources) {
    if (!hosts.has(source.host)) continue;
    for (const gap of source.gaps ?? []) {
      gaps.push({
        host: source.host,
        channel: source.channel,
        kind: "missing-numbers",
        from: gap.after,
        to: gap.before,
        missing: gap.last_missing - gap.first_missing + 1,
        text: text(
          `${source.channel}: numbers ${gap.first_missing} to ${gap.last_missing} are missing`,
          `${source.channel}：番号 ${gap.first_missing}〜${gap.last_missing} が欠落`,
        ),
      });
    }
    for (const silence of source.silent) {
      gaps.push({
        host: source.host,
        channel: source.channel,
        kind: "silent",
        from: silence.from,
        to: silence.to,
        missing: null,
        text: text(`${source.channel}: silent for ${silence.hours} h`, `${source.channel}：${silence.hours} 時間の沈黙`),
      });
    }
    if (source.last && source.last >= incident.first && source.last < incident.last) {
      gaps.push({
        host: source.host,
        channel: source.channel,
        kind: "ends",
        from: source.last,
        to: incident.last,
        missing: null,
        text: text(`${source.channel}: nothing behind this moment`, `${source.channel}：この時刻以降の記録なし`),
      });
    }
  }
  return gaps;
}

const unseenOf = (incident) => incident.unseen.map(({ stage, state, hosts, log, shows }) => ({ stage, state, hosts, log, shows }));
const nextOf = (incident) =>
  incident.unseen
    .filter((one) => one.state !== "no-trace")
    .map((one) => ({
      text: text(
        `Fetch the ${one.log.en}${one.hosts.length ? ` of ${one.hosts.join(", ")}` : ""}: it would show ${one.shows.en}.`,
        `${one.hosts.length ? `${one.hosts.join("、")} の` : ""}${one.log.ja}を取得する。${one.shows.ja}が分かります。`,
      ),
      link: null,
      evidence: [],
    }));

const incidents = report.incidents.map((incident, position) => ({
  id: incident.id,
  headline: text(said.en[position].headline, said.ja[position].headline),
  level: incident.level,
  severity: incident.severity,
  severity_reason: incident.severity_reason,
  first: incident.first,
  last: incident.last,
  hosts: incident.hosts,
  accounts: incident.accounts,
  detections: listed(incident).length,
  stages: incident.stages,
  state: "open",
  assignee: null,
  next_due: null,
  unseen: incident.unseen.filter((one) => one.state !== "no-trace").length,
  techniques: incident.techniques,
  rules: incident.rules,
  steps: stepsOf(incident, position),
  entities: incident.entities,
  links: incident.links.slice(0, 200),
  parts: incident.parts,
  weak_signals: incident.weak_signals.length,
  unseen_stages: unseenOf(incident),
  gaps: gapsOf(incident),
  next_steps: nextOf(incident),
  notes: [],
  decisions: [],
  clocks:
    position === 0
      ? [
          {
            id: "c1",
            name: text("First report to the authority, 72 hours", "監督機関への速報（72 時間）"),
            started: "2026-11-22T23:10:00Z",
            due: "2026-11-25T23:10:00Z",
            closed: null,
          },
        ]
      : [],
  names: "masked",
}));

const stageOf = new Map();
for (const incident of incidents)
  for (const step of incident.steps)
    for (const id of step.detections) {
      if (!stageOf.has(id) || step.certainty === "confirmed") stageOf.set(id, step);
    }
const detections = Object.fromEntries(
  report.incidents.map((incident) => [
    incident.id,
    listed(incident).map((id) => {
      const one = byId.get(id);
      const step = stageOf.get(id);
      return {
        id,
        time: one.time,
        first_time: one.first_time ?? null,
        rule_id: one.rule_id,
        title: text(one.title, one.title_translations?.ja ?? one.title),
        author: one.author,
        license: one.license,
        level: one.level,
        host: one.host,
        account: one.account,
        channel: one.channel,
        stages: step?.stages ?? [],
        certainty: step?.certainty ?? "estimated",
        weak: step?.weak ?? true,
        late: false,
        techniques: techniquesOf(one),
        other_explanations: one.other_explanations ?? null,
        fields: one.fields,
        evidence: one.evidence.map(({ reference, place, time }) => ({ reference, place, time })),
        more_evidence: one.more_evidence,
      };
    }),
  ]),
);

const row = ({
  id,
  headline,
  level,
  severity,
  severity_reason,
  first,
  last,
  hosts,
  accounts,
  detections: n,
  stages,
  state,
  assignee,
  next_due,
  unseen,
}) => ({
  id,
  headline,
  level,
  severity,
  severity_reason,
  first,
  last,
  hosts,
  accounts,
  detections: n,
  stages,
  state,
  assignee,
  next_due,
  unseen,
});
const now = sources.as_of;

// Proofs: of every cited record, and of the found events that stand first.
const lengths = new Map();
for (const one of report.detections) for (const event of one.evidence) lengths.set(event.reference, event.length);
const events = found.rows.map((one) => {
  const bytes = Buffer.from(one._raw);
  const digest = bytes.length === one.length ? `@${sha(bytes)}` : "";
  const reference = `log:${sources.origin}/${one.leaf}/${one.record}#${one.at}.${one.sub}${digest}`;
  return {
    time: one.time.endsWith("Z") ? one.time : `${one.time}Z`,
    kind: one.kind,
    host: one.host,
    source: one.source,
    reference,
    raw: one._raw.slice(0, 600),
    fields: {},
    length: one.length,
  };
});
for (const one of events.slice(0, 40)) if (one.reference.includes("@")) lengths.set(one.reference, one.length);
/** Numbers of 64 bits as texts: JSON numbers do not hold them here. */
const proof = (place) => JSON.parse(run(["prove", "--data", data, place]).replaceAll(/"(received_ns|sequence)": ?(\d{15,})/g, '"$1":"$2"'));
const bundles = {};
for (const [reference, length] of lengths) {
  const place = reference.split("#")[0];
  const bundle = proof(place);
  const offset = Number(/#(\d+)\./.exec(reference)[1]);
  const further = [];
  const held = () => [bundle, ...further].reduce((sum, one) => sum + Buffer.from(one.record.bytes, "base64").length, 0);
  while (held() < offset + length) further.push(proof(place.replace(/\d+$/, String(bundle.record.index + further.length + 1))));
  const fields = report.detections.find((one) => one.evidence.some((event) => event.reference === reference))?.fields ?? {};
  bundles[reference] = { bundle, further, length, fields };
}

const counts = {
  heard: 0,
  silent: 0,
  changed: 0,
  planned: 0,
  unjudged: sources.sources.length,
  last_received: sources.sources
    .map((one) => one.latest)
    .sort()
    .at(-1),
};
const history = readFileSync(join(root, "trials/history.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const latest = new Map(history.filter((one) => one.without.length === 0 && !one.name.includes("variants")).map((one) => [one.name, one]));
const trials = [...latest.values()]
  .filter((one) => one.figures.total.executed > 0)
  .map((one) => ({
    name: one.name,
    at: one.at,
    executed: one.figures.total.executed,
    detected: one.figures.total.detected,
    median_delay_seconds: one.figures.delay_seconds?.median ?? null,
  }));

function matrix() {
  const read = (file) =>
    readFileSync(join(root, "mappings", file), "utf8")
      .split("\n")
      .filter((line) => line && !line.startsWith("#"))
      .map((line) => line.split("\t"));
  const tactics = new Map(read("attack-tactics.tsv").map(([id, list]) => [id, list.split(" ")]));
  const named = new Map();
  for (const rule of rules.rules)
    for (const tag of rule.tags) {
      const id = /^attack\.(t\d{4})/.exec(tag)?.[1]?.toUpperCase();
      if (id) named.set(id, (named.get(id) ?? new Set()).add(rule.id));
    }
  const figures = new Map();
  for (const trial of latest.values())
    for (const [id, one] of Object.entries(trial.figures.by_technique)) {
      const at = figures.get(id.slice(0, 5)) ?? { executed: 0, detected: 0, trials: new Set() };
      at.executed += one.executed;
      at.detected += one.detected;
      at.trials.add(trial.name);
      figures.set(id.slice(0, 5), at);
    }
  const columns = new Map();
  for (const [id, name] of read("attack-techniques.tsv")) {
    if (id.includes(".")) continue;
    const figure = figures.get(id) ?? { executed: 0, detected: 0, trials: new Set() };
    const n = named.get(id)?.size ?? 0;
    const state = figure.detected > 0 ? "proven" : figure.executed > 0 ? "missed" : n > 0 ? "present" : "blind";
    for (const tactic of tactics.get(id) ?? [])
      columns.set(tactic, [
        ...(columns.get(tactic) ?? []),
        { id, name, state, executed: figure.executed, detected: figure.detected, rules: n, unheard: null, trials: [...figure.trials] },
      ]);
  }
  const order = [
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
  ];
  return {
    attack_version: "18.1",
    same_rules: true,
    measured:
      trials
        .map((one) => one.at)
        .sort()
        .at(-1) ?? null,
    tactics: order.map((id) => ({ id, techniques: columns.get(id) ?? [] })),
    trials,
  };
}

/** The judgement as the server tells it; how long it took is not the program's word here. */
const judged = {
  as_of: now,
  took_seconds: 1,
  leaves: assure.ledgers.reduce((sum, one) => sum + one.leaves, 0),
  events: assure.events,
  days: assure.days && { first: assure.days[0], last: assure.days[1] },
  zone: assure.zone,
  lists: assure.lists.length,
  unread: assure.diagnostics.length,
  working: false,
  fault: null,
};

function claimOf(claim) {
  const unknown = claim.unseen.map((one) => ({ what: one.text ?? text(String(one), String(one)), reason: "no-log", settled_by: null }));
  const outcome = claim.outcome ?? "not-applicable";
  return {
    id: claim.id,
    about: claim.about,
    questions: claim.questions,
    title: claim.title,
    why: claim.why,
    remedy: claim.remedy,
    outcome,
    entities: claim.entities,
    unknown: unknown.slice(0, 5),
    standards: Object.entries(claim.controls).flatMap(([name, list]) => list.map((one) => `${name} ${one}`)),
  };
}
const claims = assure.claims.map(claimOf);
const verdicts = Object.fromEntries(
  assure.claims.map((claim) => [
    claim.id,
    claim.verdicts.slice(0, 50).map((one) => ({
      entity: one.entity,
      outcome: one.outcome,
      exceptions: one.exceptions,
      days: one.days.map(({ day, outcome }) => ({ day, outcome })),
      grounds: one.grounds.slice(0, 5).map((ground) => ({
        time: ground.time,
        text: text(
          ground.reasons.map((r) => r.text.en).join("; ") || "observed",
          ground.reasons.map((r) => r.text.ja).join("、") || "観測",
        ),
        evidence: ground.evidence.slice(0, 3).map(({ reference, place, time }) => ({ reference, place, time })),
      })),
    })),
  ]),
);
const titles = new Map(claims.map((one) => [one.id, one.title]));
const exceptions = assure.exceptions.map((one) => ({
  id: one.id,
  claim: one.claim,
  entity: one.entity,
  owner: one.owner,
  reason: one.reason,
  compensation: one.compensation,
  until: one.until,
  state: one.lacks.length ? "void" : one.ended ? "ended" : "valid",
  covers: one.covers,
  after_end: one.after_end,
  lacks: one.lacks.map((code) => ({
    en: code,
    ja: { owner: "責任者", reason: "理由", entity: "対象", valid_until: "期限" }[code] ?? code,
  })),
}));
const reach = assure.reach?.answer?.radius ?? [];
const suppliers = assure.suppliers.map((one) => ({
  name: one.name,
  registered: one.registered,
  owner: one.owner,
  contract: one.contract,
  until: one.until,
  accounts: one.accounts.length,
  sessions: one.sessions,
  claims: one.claims.map(([id, outcome]) => ({ id, title: titles.get(id) ?? text(id, id), outcome })),
  days: Object.entries(one.days).map(([day, outcome]) => ({ day, outcome })),
  reaches: reach
    .filter((way) => one.accounts.includes(way.source.name))
    .map((way) => ({
      text: text(
        `${way.source.name} has reached ${way.targets_in_fact} of ${assure.reach.answer.targets} targets in fact, and can reach ${way.targets_possible}.`,
        `${way.source.name} は ${assure.reach.answer.targets} 件の重要対象のうち ${way.targets_in_fact} 件に実際に到達し、${way.targets_possible} 件に到達できます。`,
      ),
      link: null,
      evidence: [],
    })),
}));

const total = trials.reduce((sum, one) => ({ executed: sum.executed + one.executed, detected: sum.detected + one.detected }), {
  executed: 0,
  detected: 0,
});
const blind = [...new Set(report.incidents.flatMap((one) => one.unseen.filter((u) => u.state !== "no-trace").map((u) => u.stage)))].length;
const promiseless = sources.sources.filter((one) => !one.promise).length;
const answers = [
  {
    question: "noticed",
    answer: "partly",
    text: text(
      `Of ${total.executed} steps of attacks that trials ran, ${total.detected} were detected.`,
      `試験で実行した攻撃手順 ${total.executed} のうち ${total.detected} を検知しました。`,
    ),
    facts: [
      {
        text: text(
          `${report.summary.rules.rules + report.summary.rules.correlations} rules are in force.`,
          `${report.summary.rules.rules + report.summary.rules.correlations} 個のルールが有効です。`,
        ),
        link: "/coverage",
        evidence: [],
      },
    ],
    unknown: [
      {
        what: text(
          `${blind} stages of an attack, on hosts whose logs are missing or partial`,
          `記録がない・一部のみのホストでの ${blind} 段階`,
        ),
        reason: "no-log",
        settled_by: text("the logs that each incident names", "各インシデントに示した記録"),
      },
    ],
  },
  {
    question: "stopped",
    answer: "unknown",
    text: text("No response was ever tried, so nobody knows.", "対応の試行がないため、分かりません。"),
    facts: [],
    unknown: [
      {
        what: text("whether any response would hold", "対応が効くかどうか"),
        reason: "never-tried",
        settled_by: text("a response with a probe that proves it", "効果を確かめる試行"),
      },
    ],
  },
  {
    question: "restore",
    answer: "unknown",
    text: text("No restore that really ran is recorded.", "実際に行った復元の記録がありません。"),
    facts: [],
    unknown: assure.copies
      .filter((one) => !one.last_restore)
      .map((one) => ({
        what: text(`whether ${one.name} can be restored, and how fast`, `${one.name} を復元できるか、所要時間はどれほどか`),
        reason: "never-tried",
        settled_by: text("a restore drill with measured times", "時間を計測した復元訓練"),
      })),
  },
  {
    question: "explain",
    answer: "partly",
    text: text(
      `What is kept is internally consistent; ${promiseless} sources promise nothing, so no day of them is known to be complete.`,
      `保管内容は内部整合。${promiseless} の情報源に約束がなく、完全と言える日がありません。`,
    ),
    facts: [
      {
        text: text(
          `${verified.records} records in ${verified.blocks} blocks were verified.`,
          `${verified.blocks} ブロック、${verified.records} 件を検証しました。`,
        ),
        link: "/ledger",
        evidence: [],
      },
    ],
    unknown: [
      {
        what: text("whether somebody with root made another history", "root 権限による履歴の作り直しがなかったか"),
        reason: "no-anchor",
        settled_by: text("a vault, a witness or a saved checkpoint", "ボールト・立会人・保存したチェックポイント"),
      },
    ],
  },
];
const exposure = {
  records: stats.rows.reduce((sum, one) => sum + one.records, 0),
  bytes: stats.rows.reduce((sum, one) => sum + one.bytes, 0),
  since: sources.sources.map((one) => one.since).sort()[0] ?? null,
  why_unknown: null,
};

// As alerts do: detections of one rule, host and account are one.
const groups = new Map();
for (const one of report.detections) {
  const key = `${one.rule_id}|${one.host}|${one.account}`;
  groups.set(key, [...(groups.get(key) ?? []), one]);
}
const alerts = [...groups.values()]
  .filter(([one]) => ["high", "critical", "medium"].includes(one.level))
  .map((list, i) => ({
    id: `A${i + 1}`,
    kind: "detection",
    level: list[0].level,
    state: i < 3 ? "open" : "acknowledged",
    title: text(list[0].title, list[0].title_translations?.ja ?? list[0].title),
    rule: list[0].rule_id,
    host: list[0].host,
    account: list[0].account,
    count: list.length,
    first: list[0].time,
    last: list.at(-1).time,
    made: now,
    acknowledged_by: i < 3 ? null : "aoki",
    acknowledged_at: i < 3 ? null : now,
    next_step_at: i < 3 ? new Date(Date.parse(now) + 900_000).toISOString() : null,
    told: ["chat"],
  }))
  .sort((a, b) => Number(a.state !== "open") - Number(b.state !== "open"));

const seenProducts = new Set(report.sources.map((one) => one.kind.split("/")[0]));
const fired = new Map();
for (const one of report.detections) fired.set(one.rule_id, [...(fired.get(one.rule_id) ?? []), one]);
const inIncident = new Set(report.incidents.filter((one) => one.severity !== "low").flatMap((one) => one.detections));
const names = new Map(report.detections.flatMap((one) => one.techniques.map((technique) => [technique.id, technique.name])));
const ruleRows = rules.rules.map((rule) => {
  const list = fired.get(rule.id);
  const windows = rule.origin.includes("windows/") && ![...seenProducts].some((kind) => kind.startsWith("windows"));
  return {
    id: rule.id,
    title: text(rule.title, list?.[0].title_translations?.ja ?? rule.title_ja ?? rule.title),
    level: rule.level,
    tags: rule.tags,
    techniques: rule.tags
      .map((tag) => /^attack\.(t\d{4}(?:\.\d{3})?)$/.exec(tag)?.[1]?.toUpperCase())
      .filter(Boolean)
      .map((id) => ({ id, name: names.get(id) ?? "" })),
    origin: rule.origin,
    author: rule.author,
    license: rule.license,
    fired: list
      ? {
          count: list.length,
          last: list
            .map((one) => one.time)
            .sort()
            .at(-1),
          incidents: list.filter((one) => inIncident.has(one.id)).length,
        }
      : null,
    never_because: list ? null : windows ? "no-log" : "unknown",
    reads: null,
    suppressed: 0,
  };
});

const check = (one) => ({
  check: one.check,
  state: one.state,
  text: text(one.text, one.text_ja),
  hint: one.hint ? text(one.hint, one.hint_ja ?? one.hint) : null,
});
const days = new Map();
for (const one of stats.rows) {
  const day = days.get(one.day) ?? { day: one.day, records: 0, bytes: 0, erased_blocks: 0 };
  day.records += one.records;
  day.bytes += one.bytes;
  day.erased_blocks += one.erased ? one.blocks : 0;
  days.set(one.day, day);
}
const anyBundle = Object.values(bundles)[0].bundle;
const [, size, rootHash] = anyBundle.checkpoint.split("\n");

const answer = {
  "/today": {
    as_of: now,
    headline: {
      state: "burning",
      text: text(
        /<p class="headline"><span lang="en">(.*?)<\/span>/.exec(page)[1],
        /<p class="headline">.*?<span lang="ja">(.*?)<\/span>/.exec(page)[1],
      ),
      incidents: incidents.map((one) => one.id),
    },
    judged,
    answers,
    incidents: incidents.map(row),
    sources: counts,
    following: {
      state: "unknown",
      leaves_behind: null,
      watermark: null,
      why: text("the server was not asked: these are committed answers", "サーバー未接続（保存済みの回答）"),
    },
    exposure,
    alerts: { open: alerts.length, unacknowledged: alerts.filter((one) => one.state === "open").length, oldest_unacknowledged: now },
    changes: [
      ...incidents.map((one) => ({ time: now, kind: "incident", level: one.severity, text: one.headline, link: `/incidents/${one.id}` })),
      ...exceptions
        .filter((one) => one.state === "ended" && one.after_end > 0)
        .map((one) => ({
          time: now,
          kind: "exception",
          level: null,
          text: text(
            `${one.id} has ended and ${one.after_end} sign-ins came after it`,
            `${one.id} は期限切れ、その後のサインイン ${one.after_end} 件`,
          ),
          link: "/claims",
        })),
      ...sources.findings.slice(0, 3).map((one) => ({
        time: one.found,
        kind: "source",
        level: null,
        text: text(`${one.source}: ${one.text}`, `${one.source}：${one.text_ja}`),
        link: "/sources",
      })),
    ],
    changes_since: new Date(Date.parse(now) - 86_400_000).toISOString(),
  },
  "/incidents": { items: incidents.map(row), next: null },
  "/alerts": { at_work: true, items: alerts, next: null },
  "/sources": {
    as_of: now,
    from: sources.from,
    to: sources.to,
    items: sources.sources.map((one) => ({
      source: one.source,
      owner: one.owner,
      class: one.class,
      promise: one.promise,
      records: one.records,
      since: one.since,
      latest: one.latest,
      silent: one.silent,
      numbered: one.numbered,
      health: null,
      days: one.days.map((day) => ({
        day: day.day,
        state: day.erased ? "erased" : day.state,
        doubt: day.doubt,
        records: day.records,
        missing_numbers: day.missing_numbers,
        findings: day.findings,
      })),
    })),
    findings: sources.findings.map((one) => ({
      number: one.number,
      source: one.source,
      found: one.found,
      from: one.from,
      to: one.to,
      finding: one.what.finding,
      reference: one.reference,
      text: text(one.text, one.text_ja),
    })),
    next: null,
  },
  "/rules": { as_of: now, from: report.summary.first, to: report.summary.last, items: ruleRows, rejected: [], next: null },
  "/suppressions": { items: [] },
  "/coverage": matrix(),
  "/claims": {
    as_of: now,
    judged,
    items: claims,
    disagreements: assure.disagreements.map((one) => ({
      entity: one.shows.entity,
      text: one.text,
      owner: one.owner ?? "",
      evidence: one.shows.evidence.map(({ reference, place, time }) => ({ reference, place, time })),
    })),
  },
  "/exceptions": { judged, items: exceptions },
  "/suppliers": { judged, items: suppliers },
  "/board": {
    as_of: now,
    judged,
    answers,
    claims,
    exceptions,
    suppliers,
    copies: assure.copies,
    sources: counts,
    frameworks: assure.coverage.map(({ framework, category, title, evidence, configuration }) => ({
      framework,
      category,
      title,
      evidence,
      configuration,
    })),
  },
  "/ledger": {
    origin: stats.origin,
    verifier_key: stats.verifier_key,
    fingerprint: stats.fingerprint,
    size: Number(size),
    records: exposure.records,
    bytes: exposure.bytes,
    checkpoint: { note: anyBundle.checkpoint, size: Number(size), root: rootHash, at: now },
    cosigners: [],
    exposure,
    verification: {
      at: now,
      verdict: verified.verdict,
      anchored_size: verified.anchored_size,
      blocks: verified.blocks,
      records: verified.records,
      erased_blocks: verified.erased_blocks,
      findings: verified.findings.map(String),
      remarks: verified.remarks.map(String),
    },
    days: [...days.values()],
    holds: [],
  },
  "/ledger/checkpoints": { items: [{ size: Number(size), root: rootHash, at: now, cosigned_by: [] }], next: null },
  "/hunts": { items: [{ id: "h1", name: "rclone", language: "terms", question: "rclone", owner: "aoki", changed: now, version: 1 }] },
  "/health": { as_of: now, checks: doctor.checks.map(check) },
};

const folder = new URL("./fixtures/", import.meta.url);
mkdirSync(folder, { recursive: true });
/** A line for each entry, so that a change of one is a change of a line. */
const put = (name, value) => {
  const lines = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${JSON.stringify(one)}`);
  writeFileSync(new URL(name, folder), `{\n${lines.join(",\n")}\n}\n`);
};
put("answers.json", hidden(answer));
put("incidents.json", hidden({ incidents, detections, verdicts }));
put("events.json", { events: events.map(({ length, ...one }) => one), coverage: found.coverage });
put("bundles.json", bundles);
const rule = [...fired.keys()].map((id) => rules.rules.find((one) => one.id === id)).find((one) => one && !one.origin.includes("#"));
// The same evidence after a change of the signing key: proofs then carry the chain of keys.
const first = Object.keys(bundles)[0];
run(["ledger", "rotate-key", "--data", data, "--reason", "fixture"]);
run(["ledger", "rotate-key", "--data", data, "--reason", "fixture, again"]);
put("rotated.json", {
  reference: first,
  length: bundles[first].length,
  fingerprint: stats.fingerprint,
  bundle: proof(first.split("#")[0]),
});
put("rule.json", { id: rule.id, text: readFileSync(join(root, "rules", rule.origin.replace("bundled:", "")), "utf8") });
rmSync(work, { recursive: true });
