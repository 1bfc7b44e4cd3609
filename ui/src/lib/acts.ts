// What people did with this program, in words. What is not listed keeps its own name.
import { t } from "./language";
import { roleName, stateName } from "./words";

type Pair = [string, string];

const ACTIONS: Record<string, Pair> = {
  invited: ["invited", "招待"],
  link_made: ["made a link", "リンクを発行"],
  enrolled: ["enrolled", "登録"],
  identity_expected: ["expects an identity", "ID の紐付けを予約"],
  enrolled_by_provider: ["enrolled through the identity provider", "ID プロバイダーで登録"],
  factor_added: ["added a factor", "認証要素を追加"],
  factor_removed: ["removed a factor", "認証要素を削除"],
  changed: ["changed", "変更"],
  disabled: ["ended the account", "アカウントを停止"],
  signed_in: ["signed in", "サインイン"],
  sign_in_failed: ["sign-in failed", "サインイン失敗"],
  counter_went_back: ["counter of a factor went back", "認証要素のカウンター逆行"],
  signed_out: ["signed out", "サインアウト"],
  token_made: ["made a token", "トークンを発行"],
  token_used: ["token first used", "トークンの初回使用"],
  token_revoked: ["ended a token", "トークンを取消"],
  token_expired: ["token expired", "トークンの期限切れ"],
  unmask_asked: ["asked to show names", "実名表示を申請"],
  unmask_decided: ["decided on names", "実名表示を判断"],
  unmask_used: ["names were shown", "実名を表示"],
  sought: ["searched", "検索"],
  assigned: ["assigned", "担当を変更"],
  settled: ["changed the state", "状態を変更"],
  noted: ["wrote a note", "メモを記入"],
  decided: ["wrote a decision", "判断を記入"],
  began: ["began a deadline", "期限を開始"],
  met: ["met a deadline", "期限を完了"],
  reminded: ["somebody was reminded", "期限を通知"],
  exported: ["saved as a file", "ファイルに出力"],
  suppressed: ["suppressed alerts", "通知を抑止"],
  lifted: ["ended a suppression", "抑止を解除"],
  hid: ["alerts were hidden", "通知を非表示"],
  saved: ["saved a hunt", "ハントを保存"],
  removed: ["removed a hunt", "ハントを削除"],
};

const ACTORS: Record<string, Pair> = {
  command_line: ["command line", "コマンドライン"],
  nobody: ["not signed in", "未サインイン"],
  server: ["the server", "サーバー"],
};

/** Names of details; English ones are readable as they are. */
const DETAILS: Record<string, string> = {
  account: "アカウント",
  assignee: "担当者",
  backed_up: "同期",
  backup_eligible: "同期可能",
  bytes: "バイト数",
  clock: "期限番号",
  count: "件数",
  created: "作成",
  critical: "重大",
  decision: "判断",
  display: "表示名",
  due: "期限",
  expires: "有効期限",
  from: "接続元",
  host: "ホスト",
  label: "ラベル",
  kind: "種別",
  method: "方式",
  more: "ほか",
  name: "名前",
  names: "実名を含む",
  operation: "操作",
  purpose: "用途",
  over: "期限超過",
  reason: "理由",
  roles: "役割",
  rule: "ルール",
  since: "起点",
  state: "状態",
  step_up: "再認証",
  suppression: "抑止番号",
  text: "内容",
  what: "検索内容",
};

const of = (pairs: Record<string, Pair>, name: string): string => {
  const pair = pairs[name];
  return pair ? t(...pair) : name;
};

/** What stands under names that have few values. */
const VALUES: Record<string, Pair> = {
  passkey: ["passkey", "パスキー"],
  password_totp: ["password and one-time code", "パスワードとワンタイムコード"],
  provider: ["identity provider", "ID プロバイダー"],
  provider_totp: ["identity provider and one-time code", "ID プロバイダーとワンタイムコード"],
  first_administrator: ["first administrator", "最初の管理者"],
  invitation: ["invitation", "招待"],
  re_enrolment: ["enrolment again", "再登録"],
  search: ["search", "検索"],
  query: ["SQL", "SQL"],
  readRecord: ["a record as received", "記録の原文"],
  break_glass: ["sealed emergency code", "封印された緊急用コード"],
};
const FEW = new Set(["method", "kind", "purpose", "operation"]);
/** A value of a detail, where it is a word of this program. */
export const detailValue = (name: string, value: string): string => {
  if (name === "roles") return roleName(value);
  if (name === "state") return stateName(value);
  return FEW.has(name) ? of(VALUES, value) : value;
};

export const actionName = (name: string): string => of(ACTIONS, name);
export const actorName = (name: string): string => of(ACTORS, name);
/** Names that have names inside. */
const GROUPS: Record<string, string> = { factor: "認証要素", link: "リンク", token: "トークン", request: "申請", hunt: "ハント" };
/** Of a nested name each part is translated. */
export const detailName = (name: string): string => {
  const parts = name.split(".");
  const last = parts.pop() ?? "";
  return [...parts.map((part) => t(part, GROUPS[part] ?? part)), t(last, DETAILS[last] ?? last)].join(t(".", "の"));
};
