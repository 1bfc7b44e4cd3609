// How a search is understood (docs/query.md), so that the page can say it back before anybody trusts an answer.
export type Term =
  | { kind: "words"; text: string; negated: boolean; open: boolean }
  | { kind: "field"; field: string; text: string; negated: boolean; whole: boolean };

export interface Understood {
  language: "terms" | "sql";
  terms: Term[];
  problem: "quote" | null;
}

/** Splits at spaces outside of quotation marks. */
function pieces(text: string): { found: string[]; closed: boolean } {
  const found: string[] = [];
  let piece = "";
  let quoted = false;
  for (const sign of text) {
    if (sign === '"') quoted = !quoted;
    if (/\s/.test(sign) && !quoted) {
      if (piece) found.push(piece);
      piece = "";
    } else {
      piece += sign;
    }
  }
  if (piece) found.push(piece);
  return { found, closed: !quoted };
}

const bare = (text: string): string => text.replaceAll('"', "");

function term(piece: string): Term {
  const negated = piece.length > 1 && piece.startsWith("-");
  const rest = negated ? piece.slice(1) : piece;
  const match = /^([^":=\s]+)([:=])(.*)$/.exec(rest);
  // A drive letter or a scheme is a word, not a field.
  if (match && match[3] !== "" && !/^([A-Za-z]:\\|[a-z]+:\/\/)/.test(rest)) {
    return { kind: "field", field: match[1] ?? "", text: bare(match[3] ?? ""), negated, whole: match[2] === "=" };
  }
  return { kind: "words", text: bare(rest), negated, open: /^\*|\*$/.test(rest) };
}

export function understand(text: string): Understood {
  if (/^\s*(select|with)\s/i.test(text)) return { language: "sql", terms: [], problem: null };
  const { found, closed } = pieces(text);
  return { language: "terms", terms: found.map(term), problem: closed ? null : "quote" };
}

/** What somebody probably meant otherwise than it is searched. */
export interface Meant {
  /** The word that SQL begins with, where the first word looks like it. */
  sql: "SELECT" | "WITH" | null;
  /** Pseudonyms of accounts: records hold names, and these words stand in none. */
  pseudonyms: string[];
}

/** Letters that have to be put in, taken out, changed or swapped with the next. */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (before[j - 2] ?? 0) + 1);
      next.push(least);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

export function meant(text: string): Meant {
  const { language, terms } = understand(text);
  const pseudonyms = terms.filter((one) => /^account-\d{12}$/.test(one.text)).map((one) => one.text);
  const first = /^\s*([A-Za-z]{4,8})\s+\S/.exec(text)?.[1]?.toUpperCase();
  if (language === "sql" || !first) return { sql: null, pseudonyms };
  // A slip in four letters is another word too easily: only two that are swapped, or one too many.
  const sql =
    distance(first, "SELECT") <= 2 && first.startsWith("S") ? "SELECT" : ["WTIH", "WIHT", "WITHH"].includes(first) ? "WITH" : null;
  return { sql, pseudonyms };
}

/** Words of a search that may be marked in what was found. */
export function marks(text: string): string[] {
  const { terms } = understand(text);
  return terms
    .filter((one) => !one.negated)
    .map((one) => one.text.replaceAll("*", ""))
    .filter((word) => word.length > 1);
}
