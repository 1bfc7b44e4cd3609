// Names of what the server names by a word.
import { t } from "./language";

type Pair = readonly [en: string, ja: string];
const pick = (table: Record<string, Pair>, word: string): string => {
  const pair = table[word];
  return pair ? t(pair[0], pair[1]) : word;
};

const LEVELS: Record<string, Pair> = {
  critical: ["critical", "緊急"],
  high: ["high", "高"],
  medium: ["medium", "中"],
  low: ["low", "低"],
  informational: ["info", "情報"],
};
export const levelName = (level: string): string => pick(LEVELS, level);

const STAGES: Record<string, Pair> = {
  reconnaissance: ["reconnaissance", "偵察"],
  "resource-development": ["resource development", "攻撃準備"],
  "initial-access": ["initial access", "初期侵入"],
  execution: ["execution", "実行"],
  persistence: ["persistence", "永続化"],
  "privilege-escalation": ["privilege escalation", "権限昇格"],
  "defense-evasion": ["defense evasion", "防御回避"],
  "credential-access": ["credential access", "認証情報の窃取"],
  discovery: ["discovery", "探索"],
  "lateral-movement": ["lateral movement", "横展開"],
  collection: ["collection", "収集"],
  "command-and-control": ["command and control", "遠隔操作"],
  exfiltration: ["exfiltration", "持ち出し"],
  impact: ["impact", "影響"],
};
export const STAGE_ORDER = Object.keys(STAGES);
export const stageName = (stage: string): string => pick(STAGES, stage);

const CERTAINTIES: Record<string, Pair> = {
  confirmed: ["confirmed", "確認"],
  estimated: ["estimated", "推定"],
  unknown: ["unknown", "不明"],
};
export const certaintyName = (word: string): string => pick(CERTAINTIES, word);

const OUTCOMES: Record<string, Pair> = {
  contradicted: ["contradicted", "反証あり"],
  "expired-exception": ["exception expired", "例外期限切れ"],
  unknown: ["unknown", "不明"],
  excepted: ["excepted", "例外"],
  supported: ["supported", "裏付けあり"],
  "not-applicable": ["not applicable", "該当なし"],
};
export const outcomeName = (word: string): string => pick(OUTCOMES, word);
export const OUTCOME_ORDER = Object.keys(OUTCOMES);

const QUESTIONS: Record<string, Pair> = {
  noticed: ["Would we have noticed?", "気づけたか"],
  stopped: ["Could we have stopped it?", "止められたか"],
  restore: ["Can we restore?", "戻せるか"],
  explain: ["Can we explain it?", "説明できるか"],
};
export const questionName = (word: string): string => pick(QUESTIONS, word);

const ANSWERS: Record<string, Pair> = {
  yes: ["yes", "はい"],
  partly: ["partly", "一部"],
  no: ["no", "いいえ"],
  unknown: ["unknown", "不明"],
};
export const answerName = (word: string): string => pick(ANSWERS, word);

const KINDS: Record<string, Pair> = {
  host: ["host", "ホスト"],
  client: ["named client", "接続元の端末"],
  account: ["account", "アカウント"],
  address: ["address", "アドレス"],
  file: ["file", "ファイル"],
  incident: ["incident", "インシデント"],
  alert: ["alert", "通知"],
  source: ["source", "情報源"],
  claim: ["claim", "主張"],
  rule: ["rule", "ルール"],
  exception: ["exception", "例外"],
  ledger: ["ledger", "台帳"],
  detection: ["detection", "検知"],
  program: ["program", "本体"],
};
export const kindName = (word: string): string => pick(KINDS, word);

const UNSEEN: Record<string, Pair> = {
  "no-trace": ["no trace; the log was there for the whole span", "痕跡なし（期間を通じて記録あり）"],
  holes: ["unknown: the log has holes", "不明：記録に欠落あり"],
  partly: ["unknown: the log covers only a part", "不明：記録は一部の期間のみ"],
  "no-log": ["unknown: no log was collected", "不明：記録なし"],
};
export const unseenName = (word: string): string => pick(UNSEEN, word);

const DAYS: Record<string, Pair> = {
  present: ["present", "揃っている"],
  partial: ["partial", "一部欠落"],
  missing: ["missing", "欠落"],
  unknown: ["unknown", "不明"],
  erased: ["erased by order", "命令により消去"],
};
export const dayName = (word: string): string => pick(DAYS, word);
export const DAY_SIGNS: Record<string, string> = { present: "✓", partial: "~", missing: "✗", unknown: "?", erased: "E" };

const HEALTHS: Record<string, Pair> = {
  well: ["as usual", "通常どおり"],
  learning: ["still learning", "学習中"],
  quiet: ["quiet", "沈黙"],
  fell: ["far fewer than usual", "通常より大幅に少ない"],
  changed: ["changed", "変化あり"],
  silent: ["silent", "途絶"],
  planned: ["planned stop", "計画停止"],
  unjudged: ["not judged", "未判定"],
};
export const healthName = (word: string): string => pick(HEALTHS, word);

const STATES: Record<string, Pair> = {
  open: ["open", "未終了"],
  contained: ["contained", "封じ込め済み"],
  closed: ["closed", "終了"],
  acknowledged: ["acknowledged", "確認済み"],
};
export const stateName = (word: string): string => pick(STATES, word);

const MATRIX: Record<string, Pair> = {
  proven: ["proven by trial", "試験で実証"],
  missed: ["trial missed", "試験で見逃し"],
  present: ["rule present, untried", "ルールあり・未試験"],
  blind: ["blind", "見えない（ルールまたはログなし）"],
  unknown: ["not known", "不明"],
};
export const matrixName = (word: string): string => pick(MATRIX, word);

const NEVER: Record<string, Pair> = {
  "no-log": ["no source sends what it reads", "対象のログを送る源がない"],
  "no-match": ["its log is there; nothing matched", "ログはあるが一致なし"],
  "too-new": ["in force too short a time", "適用から日が浅い"],
  unknown: ["not known why", "理由は不明"],
};
export const neverName = (word: string): string => pick(NEVER, word);

const PERMISSIONS: Record<string, Pair> = {
  viewer: ["viewer", "閲覧者"],
  analyst: ["analyst", "分析担当"],
  responder: ["responder", "対応担当"],
  auditor: ["auditor", "監査人"],
  administrator: ["administrator", "管理者"],
  privacy_officer: ["privacy officer", "個人情報保護責任者"],
};
export const roleName = (word: string): string => pick(PERMISSIONS, word);

const VERDICTS: Record<string, Pair> = {
  "internally consistent only": ["internally consistent only", "内部整合のみ（外部の控えなし）"],
  anchored: ["anchored", "外部の控えと一致"],
  damaged: ["damaged", "損傷あり"],
};
export const verdictName = (word: string): string => pick(VERDICTS, word);
