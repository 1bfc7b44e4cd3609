// The way of a newcomer through a running server, as pictures for people: node tests/journey.mjs LINK FOLDER [ja|en] [light|dark]
// LINK is the one-time link that `make demo` prints; what pages serve is what is built into that program.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { authenticator, open } from "./browser/open.mjs";

const [link, folder = "journey", lang = "ja", scheme = "light"] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const { origin } = new URL(link);
const browser = await open();
const context = await browser.newContext({
  locale: lang === "ja" ? "ja-JP" : "en-GB",
  colorScheme: scheme,
  viewport: { width: 1440, height: 900 },
  timezoneId: "Asia/Tokyo",
});
const page = await context.newPage();
page.on("pageerror", (error) => console.error(error.message));
page.on("console", (message) => message.type() === "error" && console.error(message.text()));
page.on("response", (answer) => answer.status() >= 400 && console.error(answer.status(), answer.url()));
await authenticator(context, page);

let step = 0;
async function picture(name) {
  await page.waitForFunction(() => !document.querySelector("main .loading"), undefined, { timeout: 60_000 });
  await page.waitForTimeout(600);
  step += 1;
  await page.screenshot({ path: join(folder, `${String(step).padStart(2, "0")}-${name}-${lang}-${scheme}.png`), fullPage: true });
}

await page.goto(link);
await page.waitForSelector("button");
await picture("enrol");
await page.locator("button.primary, main button").first().click();
await page.waitForSelector(".rail");
await picture("today");
await page.goto(`${origin}/#/incidents`);
await page.waitForSelector("main table a, main h1");
await picture("incidents");
const first = page.locator('main a[href*="#/incidents/"]').first();
if (await first.count()) {
  await first.click();
  await page.waitForSelector("main h1");
  await picture("incident");
  await page.locator(".detections").focus();
  for (const key of ["j", "j", "j", "j", "j", "j", "j", "Enter"]) await page.keyboard.press(key);
  await page.waitForSelector(".evidence .bytes");
  await picture("evidence");
}
for (const name of ["alerts", "search?q=ctr-adm01", "sources", "claims", "rules", "coverage", "ledger", "board", "audit", "access"]) {
  await page.goto(`${origin}/#/${name}`);
  await page.waitForSelector("main h1, main .trouble");
  await picture(name.replace(/\?.*/, ""));
}
await browser.close();
