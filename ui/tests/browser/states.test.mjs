// Nothing there yet, loading, trouble, overload, not available: each page says so plainly, and never that all is well.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { start } from "../server.mjs";
import { PAGES, missing, open } from "./open.mjs";
import { accessible, choose, visit } from "./help.mjs";

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

const STATES = { error: "unavailable", overload: "too_many", missing: "not_available" };

for (const [lang, scheme] of [
  ["ja", "light"],
  ["en", "dark"],
]) {
  for (const [state, code] of Object.entries(STATES)) {
    test(`${state}, ${lang}`, { skip: missing }, async () => {
      server.set(state);
      const context = await browser.newContext({ locale: lang, colorScheme: scheme });
      await choose(context, { "hinomi.language": lang });
      const { page, faults } = await visit(context);
      for (const [name, path] of Object.entries(PAGES)) {
        await page.goto(server.url + path);
        await page.waitForSelector(`.trouble[data-code="${code}"]`);
        assert.deepEqual(faults, [], name);
        if (name === "claims") await accessible(page, `${name} ${state}`);
      }
      await context.close();
    });
  }

  test(`empty, ${lang}`, { skip: missing }, async () => {
    server.set("empty");
    const context = await browser.newContext({ locale: lang, colorScheme: scheme });
    await choose(context, { "hinomi.language": lang });
    const { page, faults } = await visit(context);
    for (const [name, path] of Object.entries(PAGES)) {
      await page.goto(server.url + path);
      await page.waitForSelector("main h1");
      await page.waitForFunction(() => !document.querySelector("main .loading"));
      assert.deepEqual(faults, [], name);
      await accessible(page, `${name} empty`);
    }
    await page.goto(`${server.url}/#/today`);
    assert.equal(await page.locator(".headline-unknown").count(), 1, "no source: nobody can say, and that is shown");
    await context.close();
  });

  test(`loading, ${lang}`, { skip: missing }, async () => {
    server.set("slow");
    const context = await browser.newContext({ locale: lang, colorScheme: scheme });
    const { page, faults } = await visit(context);
    for (const [name, path] of Object.entries(PAGES)) {
      await page.goto(server.url + path);
      await page.waitForSelector(".loading[role=status]");
      assert.deepEqual(faults, [], name);
    }
    await context.close();
  });
}

test("what was read stays, marked as old, when the server stops answering", { skip: missing }, async () => {
  server.set("ok");
  const context = await browser.newContext({ locale: "en" });
  const { page } = await visit(context);
  await page.goto(`${server.url}/#/today`);
  await page.waitForSelector(".headline h1");
  server.set("error");
  server.changed("today");
  await page.waitForSelector(".stale .trouble");
  assert.equal(await page.locator(".headline h1").count(), 1);
  server.set("ok");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForFunction(() => !document.querySelector(".stale"));
  await context.close();
});
