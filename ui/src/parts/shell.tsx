// Navigation, language, theme, zone, and what is wrong with the connection.
import { Fragment, type ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { remove } from "../api/client";
import { connection, onConnection, type Connection } from "../api/events";
import { forget } from "../api/use";
import { language, setLanguage, t } from "../lib/language";
import { go, type Place } from "../lib/route";
import { useSession } from "../lib/session";
import { nextTheme, theme } from "../lib/theme";
import { setZone, zone, zoneLabel } from "../lib/time";
import { roleName } from "../lib/words";
import { useKeys } from "./keys";

export interface Item {
  path: string;
  key: string;
  en: string;
  ja: string;
}
export const NAVIGATION: Item[] = [
  { path: "/today", key: "t", en: "Today", ja: "今日" },
  { path: "/incidents", key: "i", en: "Incidents", ja: "インシデント" },
  { path: "/alerts", key: "n", en: "Alerts", ja: "通知" },
  { path: "/search", key: "s", en: "Search", ja: "検索" },
  { path: "/sources", key: "o", en: "Sources", ja: "情報源" },
  { path: "/claims", key: "e", en: "Exceptions", ja: "例外" },
  { path: "/rules", key: "r", en: "Rules", ja: "ルール" },
  { path: "/coverage", key: "c", en: "Coverage", ja: "検知範囲" },
  { path: "/ledger", key: "l", en: "Ledger", ja: "台帳" },
  { path: "/board", key: "b", en: "Board", ja: "経営報告" },
  { path: "/audit", key: "a", en: "Audit", ja: "監査" },
  { path: "/access", key: "p", en: "Access", ja: "アクセス権" },
];
const BREAKS = new Set(["/sources", "/ledger"]);

const KEYS: [keys: string, en: string, ja: string][] = [
  ["/", "search", "検索"],
  ["j k", "next, previous line", "次・前の行"],
  ["Enter", "open the evidence", "証拠を開く"],
  ["Esc", "close", "閉じる"],
  ["[ ]", "step back, forward in time", "時間を戻す・進める"],
  ["+ − 0", "zoom the timeline", "時系列の拡大縮小"],
  ["?", "these keys", "このヘルプ"],
];

function Help({ onClose }: { onClose: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => box.current?.showModal(), []);
  return (
    <dialog ref={box} class="help" onClose={onClose} aria-labelledby="help-title">
      <h2 id="help-title">{t("Keys", "キー操作")}</h2>
      <dl>
        {KEYS.map(([keys, en, ja]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{t(en, ja)}</dd>
          </div>
        ))}
        {NAVIGATION.map((item) => (
          <div key={item.path}>
            <dt>
              <kbd>g</kbd>
              <kbd>{item.key}</kbd>
            </dt>
            <dd>{t(item.en, item.ja)}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button class="primary">{t("Close", "閉じる")}</button>
      </form>
    </dialog>
  );
}

function ZoneChoice({ onChange }: { onChange: () => void }) {
  const zones = [...new Set([zone(), "Asia/Tokyo", "UTC", Intl.DateTimeFormat().resolvedOptions().timeZone])].filter(Boolean);
  return (
    <label class="choice">
      <span class="visually-hidden">{t("Zone of times", "時刻の時間帯")}</span>
      <select
        value={zone()}
        onChange={(event) => {
          setZone(event.currentTarget.value);
          onChange();
        }}
      >
        {zones.map((name) => (
          <option key={name} value={name}>
            {zoneLabel(name)}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Choices({ onChange }: { onChange: () => void }) {
  const names = { auto: t("auto", "自動"), light: t("light", "ライト"), dark: t("dark", "ダーク") };
  const other = language() === "ja" ? "en" : "ja";
  return (
    <div class="choices">
      <ZoneChoice onChange={onChange} />
      <button
        type="button"
        class="plain"
        lang={other}
        onClick={() => {
          setLanguage(other);
          onChange();
        }}
      >
        {other === "ja" ? "日本語" : "English"}
      </button>
      <button
        type="button"
        class="plain"
        onClick={() => {
          nextTheme();
          onChange();
        }}
      >
        {t("Theme", "配色")}: {names[theme()]}
      </button>
    </div>
  );
}

function Lost() {
  const [state, setState] = useState<Connection>(connection());
  useEffect(() => onConnection(setState), []);
  if (state !== "lost") return null;
  return (
    <p class="banner banner-lost" role="alert">
      {t("The connection to the server is lost: what you see may be old.", "サーバーとの接続が切れています。表示は古い可能性があります。")}
    </p>
  );
}

function Foot({ onChange, onHelp }: { onChange: () => void; onHelp: () => void }) {
  const signed = useSession();
  const leave = async () => {
    await remove("/api/v1/session", {});
    forget();
    signed?.reload();
  };
  return (
    <div class="rail-foot">
      <p class="who">
        <b>{signed?.session.display ?? signed?.session.name}</b>
        <br />
        {signed?.session.roles.map(roleName).join(t(", ", "・"))}
      </p>
      <p class="site dim">
        {signed?.session.site.split("/").map((part, i) => (
          <Fragment key={i}>
            {i > 0 && (
              <>
                /<wbr />
              </>
            )}
            {part}
          </Fragment>
        ))}
      </p>
      <Choices onChange={onChange} />
      <p class="rail-acts">
        <button type="button" class="plain" onClick={onHelp}>
          {t("Keys", "キー操作")} <kbd>?</kbd>
        </button>
        <button type="button" class="plain" onClick={() => void leave()}>
          {t("Sign out", "サインアウト")}
        </button>
      </p>
    </div>
  );
}

export function Shell({ place, onChange, children }: { place: Place; onChange: () => void; children: ComponentChildren }) {
  const [help, setHelp] = useState(false);
  const signed = useSession();
  const here = `/${place.path.split("/")[1] || "today"}`;
  const main = useRef<HTMLElement>(null);
  useKeys({
    "?": () => setHelp(true),
    "/": () => (here === "/search" ? document.getElementById("search-box")?.focus() : go("/search")),
    ...Object.fromEntries(NAVIGATION.map((item) => [`g ${item.key}`, () => go(item.path)])),
  });
  return (
    <div class="shell">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {t("To the content", "本文へ")}
      </a>
      <nav class="rail" aria-label={t("Pages", "ページ")}>
        <a class="mark" href="#/today">
          <span lang="ja" aria-hidden="true">
            火の見
          </span>
          <span>Hinomi</span>
        </a>
        <ul>
          {NAVIGATION.map((item) => (
            <li key={item.path} class={BREAKS.has(item.path) ? "after-gap" : ""}>
              <a href={`#${item.path}`} aria-current={here === item.path ? "page" : undefined}>
                {t(item.en, item.ja)}
              </a>
            </li>
          ))}
        </ul>
        <Foot onChange={onChange} onHelp={() => setHelp(true)} />
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        {signed?.session.break_glass && (
          <p class="banner banner-glass" role="status">
            {t(
              "Break-glass access: everybody was told, and everything is recorded.",
              "緊急アクセス中：全員に通知され、すべて記録されています。",
            )}
          </p>
        )}
        <Lost />
        {children}
      </main>
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}
