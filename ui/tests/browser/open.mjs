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

/** A page's device that holds passkeys and knows its user. */
export async function authenticator(context, page) {
  const cdp = await context.newCDPSession(page);
  const knows = { hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  await cdp.send("WebAuthn.enable");
  await cdp.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", ...knows } });
}

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
