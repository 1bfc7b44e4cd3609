// Every page in both languages, light and dark: under the server's policy, without faults, accessible, and no wider than the window.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { start } from "../server.mjs";
import { PAGES, missing, open } from "./open.mjs";
import { accessible, choose, settled, visit } from "./help.mjs";

let server;
let browser;
before(async () => {
  if (missing) return;
  server = await start();
  browser = await open();
});
after(async () => {
  await browser?.close();
  server?.stop();
});

for (const [lang, locale] of [
  ["ja", "ja-JP"],
  ["en", "en-GB"],
]) {
  for (const scheme of ["light", "dark"]) {
    test(`pages, ${lang}, ${scheme}`, { skip: missing }, async () => {
      const context = await browser.newContext({
        locale,
        colorScheme: scheme,
        viewport: { width: 1440, height: 900 },
        timezoneId: "Asia/Tokyo",
      });
      await choose(context, { "hinomi.language": lang });
      const { page, faults } = await visit(context);
      for (const [name, path] of Object.entries(PAGES)) {
        await page.goto(server.url + path);
        await settled(page);
        const where = `${name} ${lang} ${scheme}`;
        assert.equal(await page.evaluate(() => document.documentElement.lang), lang);
        assert.equal(await page.locator("h1").count(), 1, where);
        const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
        assert.ok(wide <= room, `${where}: ${wide} pixels in ${room}`);
        assert.deepEqual(faults, [], where);
        await accessible(page, where);
      }
      await context.close();
      assert.deepEqual(server.faults, []);
    });
  }
}

test("a telephone shows every page without scrolling sideways", { skip: missing }, async () => {
  const context = await browser.newContext({ locale: "ja-JP", viewport: { width: 390, height: 844 } });
  const { page, faults } = await visit(context);
  for (const [name, path] of Object.entries(PAGES)) {
    await page.goto(server.url + path);
    await settled(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 390, `${name}: ${wide}`);
  }
  assert.deepEqual(faults, []);
  await context.close();
});

/** How long this machine takes now for a page of one line: what is beside us counts as well. */
async function plainly(page) {
  await page.goto("about:blank");
  await page.goto(`${server.url}/icon.svg`);
  return page.evaluate(() => performance.now());
}

test("the first view stands within a second", { skip: missing }, async () => {
  const context = await browser.newContext({ locale: "ja-JP" });
  const { page } = await visit(context);
  const times = [];
  const plain = [];
  for (let i = 0; i < 20 && !(times.length >= 5 && Math.min(...times) < 1000); i += 1) {
    plain.push(await plainly(page));
    await page.goto("about:blank");
    await page.goto(`${server.url}/#/today`);
    await page.waitForSelector(".headline h1");
    times.push(await page.evaluate(() => performance.now()));
  }
  const shown = (list) => list.map((one) => Math.round(one)).join(", ");
  console.log(`first view: ${shown(times)} ms; a page of one line meanwhile: ${shown(plain)} ms`);
  const busy = Math.min(...plain) > 150;
  if (busy) console.log("SKIPPED: the machine is too busy to say anything about a second");
  else assert.ok(Math.min(...times) < 1000, shown(times));
  await context.close();
});
