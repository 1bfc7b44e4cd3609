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

/** Words of a search that may be marked in what was found. */
export function marks(text: string): string[] {
  const { terms } = understand(text);
  return terms
    .filter((one) => !one.negated)
    .map((one) => one.text.replaceAll("*", ""))
    .filter((word) => word.length > 1);
}
