// Loading, empty, trouble and overload look the same on every page, and say what to do.
import type { ComponentChildren } from "preact";
import type { Trouble } from "../api/client";
import type { Asked } from "../api/use";
import { t } from "../lib/language";
import { show, zoneLabel } from "../lib/time";

function words(trouble: Trouble): { title: string; act: string } {
  if (trouble.kind === "unreachable") {
    return {
      title: t("The server does not answer.", "サーバーから応答がありません。"),
      act: t(
        "Receiving and detection may still be at work: ask `hinomi doctor` on the machine itself.",
        "受信と検知は動作している可能性があります。サーバー上で hinomi doctor を実行してください。",
      ),
    };
  }
  switch (trouble.code) {
    case "not_available":
      return {
        title: t("This server cannot answer that.", "このサーバーではまだ利用できません。"),
        act: t(
          "It has no such model, or it is switched off. Nothing is hidden behind this: it is not known here.",
          "この機能がないか、無効になっています。「問題なし」ではなく「不明」です。",
        ),
      };
    case "forbidden":
      return {
        title: t("Your role may not see this.", "現在の役割では閲覧できません。"),
        act: t("Ask an administrator for the role, with a reason.", "理由を添えて管理者に役割を依頼してください。"),
      };
    case "not_yet":
      return {
        title: t("This is being worked out for the first time.", "初回の判定を実行中です。"),
        act: t(
          "It is done beside everything else, at a low priority. This is asked again by itself.",
          "他の処理を優先し、背後で実行しています。自動で再試行します。",
        ),
      };
    case "too_many":
    case "unavailable":
      return {
        title: t("The server has more to do than it can.", "サーバーが混み合っています。"),
        act: t("Receiving goes first. This is asked again by itself.", "受信を優先しています。自動で再試行します。"),
      };
    case "not_found":
      return {
        title: t("There is no such thing (any more).", "見つかりません。"),
        act: t("The link may be old, or your role does not reach it.", "リンクが古いか、閲覧範囲の外です。"),
      };
    default:
      return {
        title: trouble.title || t("Something went wrong.", "エラーが発生しました。"),
        act:
          trouble.detail ??
          t("Try again; if it stays, look at the server's journal.", "再試行し、続く場合はサーバーのジャーナルを確認してください。"),
      };
  }
}

/** Asking again changes nothing about these. */
const SETTLED = new Set(["not_available", "forbidden", "not_found"]);

export function TroubleNote({ trouble, retry }: { trouble: Trouble; retry?: () => void }) {
  const { title, act } = words(trouble);
  return (
    <div class="trouble" role="alert" data-code={trouble.code}>
      <p class="trouble-title">{title}</p>
      <p>{act}</p>
      {trouble.detail && act !== trouble.detail && <p class="dim trouble-detail">{trouble.detail}</p>}
      <p class="dim">
        {trouble.status > 0 ? `${trouble.status} ${trouble.code}` : trouble.code}
        {trouble.retryAfter !== null && ` · ${t(`asked again in ${trouble.retryAfter} s`, `${trouble.retryAfter} 秒後に再試行`)}`}
      </p>
      {retry && !SETTLED.has(trouble.code) && (
        <button type="button" onClick={retry}>
          {t("Try again", "再試行")}
        </button>
      )}
    </div>
  );
}

export function Loading({ lines = 6 }: { lines?: number }) {
  return (
    <div class="loading" role="status" aria-label={t("Loading", "読み込み中")}>
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} class="loading-line" />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** What was asked, in each of its states; an old answer stays, marked with when it was read. */
export function Show<T>({ of, children, lines }: { of: Asked<T>; children: (value: T) => ComponentChildren; lines?: number }) {
  if (of.value !== null) {
    return (
      <>
        {of.trouble && (
          <div class="stale">
            <TroubleNote trouble={of.trouble} retry={of.reload} />
            <p>
              {t("Below is what was read at", "以下は次の時刻に読んだ内容です:")} {of.at ? show(new Date(of.at).toISOString()) : "?"}{" "}
              {zoneLabel()}
            </p>
          </div>
        )}
        {children(of.value)}
      </>
    );
  }
  if (of.trouble) return <TroubleNote trouble={of.trouble} retry={of.reload} />;
  return <Loading {...(lines ? { lines } : {})} />;
}
