// Numbers as people read them.
import { language } from "./language";

const formats = { en: new Intl.NumberFormat("en"), ja: new Intl.NumberFormat("ja") };

export const count = (n: number | null | undefined): string => (n === null || n === undefined ? "?" : formats[language()].format(n));

export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return "?";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Groups of eight, so that two people can compare a digest by voice. */
export const grouped = (digest: string): string => digest.match(/.{1,8}/g)?.join(" ") ?? digest;
