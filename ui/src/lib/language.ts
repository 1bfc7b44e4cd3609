// Both languages stand beside each other wherever something is said, so that neither can be forgotten.
import type { Text } from "../api/types";

export type Language = "en" | "ja";

function preferred(): Language {
  const kept = localStorage.getItem("hinomi.language");
  if (kept === "en" || kept === "ja") return kept;
  return navigator.languages.some((tag) => tag.toLowerCase().startsWith("ja")) ? "ja" : "en";
}

let current: Language = preferred();

export const language = (): Language => current;

export function setLanguage(next: Language): void {
  current = next;
  localStorage.setItem("hinomi.language", next);
  document.documentElement.lang = next;
}

/** What the page itself says. */
export const t = (en: string, ja: string): string => (current === "ja" ? ja : en);

/** What the server says in both languages. */
export const say = (text: Text): string => (current === "ja" ? text.ja : text.en);
