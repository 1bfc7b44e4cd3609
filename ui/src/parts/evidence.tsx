// The exact bytes behind a line, as they were received, with what was read from them.
import { useEffect, useRef, useState } from "preact/hooks";
import { useGet } from "../api/use";
import type { KeptRecord } from "../api/types";
import { bytes as size, count } from "../lib/figures";
import { t } from "../lib/language";
import { hex, unbase64 } from "../lib/proof";
import { zoneLabel } from "../lib/time";
import { Fields } from "./fields";
import { useKeys } from "./keys";
import { When } from "./marks";
import { Show } from "./states";
import { Verify } from "./verify";

const SHOWN = 16_384;

/** Text with what is no text made visible: a hostile log draws nothing on this page. */
export function visible(bytes: Uint8Array): string {
  const text = new TextDecoder("utf-8").decode(bytes);
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g, (sign) =>
    `␀${sign.codePointAt(0)?.toString(16)}␀`.replaceAll("␀", "·"),
  );
}

function hexLines(bytes: Uint8Array, from: number): string {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, 4096); at += 16) {
    const piece = bytes.slice(at, at + 16);
    const digits = hex(piece).match(/../g)?.join(" ") ?? "";
    const text = Array.from(piece, (b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : ".")).join("");
    lines.push(`${(from + at).toString(16).padStart(8, "0")}  ${digits.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}

function Bytes({ record }: { record: KeptRecord }) {
  const [asHex, setHex] = useState(false);
  const all = unbase64(record.bytes);
  const end = record.event_length === null ? all.length : record.offset + record.event_length;
  const start = Math.max(0, Math.min(record.offset, all.length) - 2048);
  const stop = Math.min(all.length, end + 2048, start + SHOWN);
  const cited = all.slice(record.offset, Math.min(end, stop));
  return (
    <>
      <p class="bytes-head">
        {t("Record", "記録")} {size(record.length)}
        {record.is_cut && ` (${t("cut", "途中まで")})`}
        <button type="button" aria-pressed={asHex} onClick={() => setHex(!asHex)}>
          {asHex ? t("as text", "文字で表示") : t("as bytes", "16進で表示")}
        </button>
      </p>
      <pre class="bytes mono" tabIndex={0} aria-label={t("Bytes of the record", "記録のバイト列")}>
        {asHex ? (
          hexLines(cited, record.offset)
        ) : (
          <>
            {visible(all.slice(start, record.offset))}
            {start === record.offset && end >= all.length ? (
              <b class="cited">{visible(cited)}</b>
            ) : (
              <mark class="cited">{visible(cited)}</mark>
            )}
            {visible(all.slice(end, stop))}
            {stop < all.length && "…"}
          </>
        )}
      </pre>
    </>
  );
}

export function Evidence({ reference, onClose }: { reference: string; onClose: () => void }) {
  const record = useGet("/api/v1/records", { query: { reference } });
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), [reference]);
  useKeys({ Escape: onClose });
  return (
    <aside ref={box} class="evidence" tabIndex={-1} aria-label={t("Evidence", "証拠")}>
      <header>
        <h2>{t("Evidence", "証拠")}</h2>
        <button type="button" class="plain" onClick={onClose} aria-label={t("Close", "閉じる")}>
          ✕
        </button>
      </header>
      <p class="reference">
        <code>{reference}</code>
      </p>
      <Show of={record}>
        {(found) => (
          <>
            <Bytes record={found} />
            <Verify key={reference} reference={reference} length={found.event_length} />
            <dl class="facts">
              <dt>{t("Received", "受信")}</dt>
              <dd>
                <When at={found.received} /> {zoneLabel()}
              </dd>
              <dt>{t("Source", "情報源")}</dt>
              <dd>
                <code>{found.source}</code>
              </dd>
              <dt>{t("Kept as", "保存区分")}</dt>
              <dd>{found.class}</dd>
              <dt>{t("Number", "番号")}</dt>
              <dd>{found.sequence === null ? t("the source gave none", "番号なし") : count(found.sequence)}</dd>
            </dl>
            <h3>{t("What was read from it", "読み取った項目")}</h3>
            {Object.keys(found.fields).length === 0 ? (
              <p>
                {t(
                  "No field can be read from this record alone; above is what was received.",
                  "この記録だけから読み取れる項目はありません。上が受信した内容です。",
                )}
              </p>
            ) : (
              <Fields of={found.fields} />
            )}
          </>
        )}
      </Show>
    </aside>
  );
}
