// The pages before the real server: enrolment, invitation, audit, signing out and in, with a passkey.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
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
