// The browser of the tests: Debian's Chromium, without anything from outside.
import { existsSync, readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const at = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const missing = existsSync(at) ? false : `SKIPPED: no Chromium at ${at}`;

export const open = () =>
  chromium.launch({
    executablePath: at,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });

const { incidents } = JSON.parse(readFileSync(new URL("../fixtures/incidents.json", import.meta.url)));
export const INCIDENT = incidents.toSorted((a, b) => b.detections - a.detections)[0];

export const PAGES = {
  today: "/#/today",
  incidents: "/#/incidents",
  incident: `/#/incidents/${INCIDENT.id}`,
  alerts: "/#/alerts",
  search: "/#/search?q=ssh",
  sources: "/#/sources",
  claims: "/#/claims",
  rules: "/#/rules",
  coverage: "/#/coverage",
  ledger: "/#/ledger",
  board: "/#/board",
  audit: "/#/audit",
  access: "/#/access",
};
