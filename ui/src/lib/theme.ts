// Light, dark, or as the machine has it.
export type Theme = "auto" | "light" | "dark";
const ORDER: Theme[] = ["auto", "light", "dark"];

export function theme(): Theme {
  const kept = localStorage.getItem("hinomi.theme");
  return kept === "light" || kept === "dark" ? kept : "auto";
}

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme();
}

export function nextTheme(): void {
  const next = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length] ?? "auto";
  localStorage.setItem("hinomi.theme", next);
  applyTheme();
}
