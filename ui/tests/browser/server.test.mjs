// The pages before the real server: enrolment, invitation, audit, signing out and in, with a passkey.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { choose, visit } from "./help.mjs";
import { open } from "./open.mjs";
import { ended, enrolled, reason, serve } from "./real.mjs";

test("the real server: enrol, invite, look at the audit, sign out and in", { skip: reason() }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "hinomi-pages-"));
  const server = await serve(folder);
  const { origin } = server;
  const browser = await open();
  try {
    const context = await browser.newContext({ locale: "en-GB" });
    await choose(context, { "hinomi.language": "en" });
    const { page, faults } = await visit(context);
    await enrolled(context, page, server);
    await page.goto(`${origin}/#/access`);
    await page.getByText("Invite somebody").click();
    await page.getByLabel("Name to sign in with").fill("sato");
    await page.getByLabel("Displayed name").fill("佐藤");
    await page.getByRole("button", { name: "Make a one-time link" }).click();
    await page.waitForSelector(".link-once");
    await page.goto(`${origin}/#/audit`);
    await page.waitForSelector("table.audit");
    assert.match(await page.locator("table.audit").textContent(), /sato/);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Use a passkey" }).click();
    await page.waitForSelector(".rail");
    assert.deepEqual(faults, []);
  } finally {
    await browser.close();
    await ended(server);
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Lines over syslog, as senders do. */
function send(port, lines) {
  return new Promise((done, failed) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(lines.join(""), done));
    socket.on("error", failed);
  });
}

/** The first administrator, signed in with a passkey of the browser's own. */
async function administrator(browser, server) {
  const context = await browser.newContext({ locale: "en-GB" });
  await choose(context, { "hinomi.language": "en" });
  const { page, faults } = await visit(context);
  await enrolled(context, page, server);
  return { page, faults };
}

/** Programs that are built without searches say so. */
async function searches(page) {
  const answer = await page.evaluate(() => fetch("/api/v1/search?q=a").then((found) => found.status));
  return answer !== 501;
}

test("the real server: what was sent a moment ago is found, listed, counted and saved as a hunt", { skip: reason() }, async (test) => {
  const folder = mkdtempSync(join(tmpdir(), "hinomi-search-"));
  const served = await serve(folder);
  const browser = await open();
  try {
    const { page, faults } = await administrator(browser, served);
    if (!(await searches(page))) return test.skip("SKIPPED: this program was built without searches");
    const lines = Array.from({ length: 3000 }, (_, n) => {
      const at = new Date(Date.UTC(2026, 10, 2, 8) + n * 1000).toISOString();
      return `<134>1 ${at} ws${n % 9} sshd 7 - - ${n % 3 === 0 ? "needle" : "straw"} number${n} of the test\n`;
    });
    await send(served.logs, lines);
    await page.goto(`${served.origin}/#/search?q=needle`);
    const found = page.locator(".found");
    for (let i = 0; i < 600 && !/^1,000 matches/.test((await found.textContent().catch(() => "")) ?? ""); i += 1) {
      await page.waitForTimeout(100);
      if (i % 20 === 19) await page.reload();
    }
    assert.match(await found.textContent(), /^1,000 matches/);
    assert.match(await page.locator(".events .row").first().textContent(), /number2997 /);
    await page.locator(".events").focus();
    await page.keyboard.press("End");
    await page.getByText("number0 of the test").waitFor();
    await page.locator(".histogram .u-over").waitFor();
    const box = await page.locator(".histogram .u-over").boundingBox();
    await page.mouse.move(box.x + box.width * 0.2, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 20, { steps: 4 });
    await page.mouse.up();
    await page.getByRole("button", { name: "whole range" }).waitFor();
    assert.match(page.url(), /from=/);
    await page.getByLabel("Save this one as").fill("needles");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("link", { name: "needles" }).waitFor();
    await page.goto(
      `${served.origin}/#/search?q=${encodeURIComponent("SELECT host, count(*) AS n FROM events GROUP BY host ORDER BY host")}`,
    );
    await page.getByRole("cell", { name: "ws0", exact: true }).waitFor();
    assert.deepEqual(faults, []);
    if (process.env.HINOMI_SHOTS) {
      for (const language of ["en", "ja"]) {
        await choose(page.context(), { "hinomi.language": language });
        await page.evaluate((chosen) => localStorage.setItem("hinomi.language", chosen), language);
        await page.goto(`${served.origin}/#/search?q=needle`);
        await page.reload();
        await page.locator(".histogram .u-over").waitFor();
        await page.waitForTimeout(1000);
        await page.screenshot({ path: join(process.env.HINOMI_SHOTS, `search-${language}.png`) });
      }
    }
  } finally {
    await browser.close();
    await ended(served);
    rmSync(folder, { recursive: true, force: true });
  }
});
