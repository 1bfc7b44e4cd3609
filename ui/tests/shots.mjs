// Screenshots of every page, to be looked at by people: node tests/shots.mjs FOLDER [ja|en] [light|dark] [STATE]
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { PAGES, open } from "./browser/open.mjs";
import { start } from "./server.mjs";

const [folder = "shots", lang = "ja", scheme = "light", state = "ok", only] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const server = await start({ state });
const browser = await open();
const context = await browser.newContext({
  locale: lang === "ja" ? "ja-JP" : "en-GB",
  colorScheme: scheme,
  viewport: { width: 1440, height: 900 },
  timezoneId: "Asia/Tokyo",
});
const page = await context.newPage();
page.on("console", (message) => message.type() === "error" && console.error(message.text()));
page.on("pageerror", (error) => console.error(error.message));
for (const [name, path] of Object.entries(PAGES)) {
  if (only && only !== name) continue;
  await page.goto(server.url + path);
  await page.waitForSelector("main h1, main .trouble, main .loading", { timeout: 15_000 });
  await page.waitForTimeout(state === "ok" ? 500 : 300);
  await page.screenshot({ path: join(folder, `${name}-${lang}-${scheme}-${state}.png`), fullPage: true });
}
await browser.close();
server.stop();
for (const fault of server.faults) console.error("FAULT", fault);
process.exit(server.faults.length > 0 ? 1 : 0);
