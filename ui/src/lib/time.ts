// Times come in UTC and are shown in one zone, which every page names.
import { language } from "./language";

const JAPAN = "Asia/Tokyo";

/** What the user chose; else Japan in Japanese, else that of the machine. */
export function zone(): string {
  const kept = localStorage.getItem("hinomi.zone");
  if (kept) return kept;
  return language() === "ja" ? JAPAN : Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

export function setZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
  } catch {
    return false;
  }
  localStorage.setItem("hinomi.zone", name);
  formats.clear();
  return true;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function parts(moment: Date, name: string): Record<string, string> {
  let format = formats.get(name);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      timeZoneName: "shortOffset",
    });
    formats.set(name, format);
  }
  return Object.fromEntries(format.formatToParts(moment).map((part) => [part.type, part.value]));
}

export type Precision = "day" | "minute" | "second" | "clock";

/** `2026-11-22 07:38:42` in the zone; `clock` leaves the day out. */
export function show(iso: string | null | undefined, precision: Precision = "second", inZone = zone()): string {
  if (!iso) return "—";
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return iso;
  const p = parts(moment, inZone);
  const day = `${p["year"]}-${p["month"]}-${p["day"]}`;
  const minute = `${p["hour"]}:${p["minute"]}`;
  switch (precision) {
    case "day":
      return day;
    case "minute":
      return `${day} ${minute}`;
    case "clock":
      return `${minute}:${p["second"]}`;
    case "second":
      return `${day} ${minute}:${p["second"]}`;
  }
}

/** `JST` where that is what people say, else the difference to UTC. */
export function zoneLabel(inZone = zone()): string {
  if (inZone === JAPAN) return "JST";
  if (inZone === "UTC") return "UTC";
  const offset = parts(new Date(), inZone)["timeZoneName"] ?? "";
  return `${inZone} (${offset.replace("GMT", "UTC")})`;
}

/** `3 min`, `2 h 05 min`, `4 d`: how long, in the largest units that matter. */
export function span(milliseconds: number): string {
  const ja = language() === "ja";
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return ja ? `${seconds} 秒` : `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return ja ? `${minutes} 分` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    const rest = String(minutes % 60).padStart(2, "0");
    return ja ? `${hours} 時間 ${rest} 分` : `${hours} h ${rest} min`;
  }
  const days = Math.floor(hours / 24);
  return ja ? `${days} 日` : `${days} d`;
}

/** How long ago, seen from a moment that the server named (its clock counts, not that of the browser). */
export function ago(iso: string | null, from: string): string {
  if (!iso) return "—";
  const passed = new Date(from).getTime() - new Date(iso).getTime();
  if (passed < 0) return language() === "ja" ? `${span(-passed)}後` : `in ${span(-passed)}`;
  return language() === "ja" ? `${span(passed)}前` : `${span(passed)} ago`;
}
