// Working an incident before the real server: hands, notes, a deadline, a suppression, the file that leaves, and two tabs of
// which one hears of what the other did.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { accessible, choose, PATIENCE, settled, visit } from "./help.mjs";
import { authenticator, open } from "./open.mjs";
import { ended, hinomi, reason, serve, withFiles } from "./real.mjs";

const recorded = fileURLToPath(new URL("../../../examples/case", import.meta.url));
const shots = process.env.SHOTS ?? "";

/** Logs of the example, each a source of its own. */
function receive(data) {
  const files = readdirSync(recorded, { recursive: true, withFileTypes: true }).filter((one) => one.isFile() && one.name.endsWith(".log"));
  for (const { parentPath, name } of files) {
    const file = join(parentPath, name);
    execFileSync(hinomi, ["ledger", "append", "--data", data, "--source", file.slice(recorded.length + 1), file]);
  }
}

async function enrol(context, page, { data, origin }) {
  const role = ["access", "invite", "resp", "--data", data, "--role", "responder"];
  const link = /http:\/\/\S+\/#\/enrol\/\S+/.exec(execFileSync(hinomi, role).toString())[0];
  await authenticator(context, page);
  await page.goto(link.replace(/^http:\/\/[^/]+/, origin));
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await page.waitForSelector(".rail");
}

/** Waits until the server has told its incidents; the address of the gravest. */
async function gravest(page, origin) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await page.request.get(`${origin}/api/v1/incidents`);
    const list = answer.ok() ? await answer.json() : { items: [] };
    if (list.items.length > 0) return list.items[0].id;
    assert.ok(Date.now() < end, `no incidents: ${answer.status()}`);
    await new Promise((next) => setTimeout(next, 300));
  }
}

async function shot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
}

async function work(page) {
  await page.getByRole("button", { name: "I take it" }).click();
  await page.getByRole("button", { name: "Hand it back" }).waitFor();
  await page.getByText("Begin a deadline").click();
  await page.locator(".record select").selectOption("first-72-hours");
  await page.getByLabel("Why it counts from then").fill("The help desk was called.");
  await page.getByRole("button", { name: "Begin", exact: true }).click();
  await page.locator(".clock").waitFor();
  await page.getByText(/Notes \(\d+\)/).click();
  await page.getByLabel("New note").fill("Seen. <img src=x onerror=alert(1)>");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("Seen. <img").waitFor();
  await page.getByLabel("Decision", { exact: true }).fill("Cut the gateway off");
  await page.locator(".notes").getByLabel("Reason").last().fill("It goes on.");
  await page.getByRole("button", { name: "Record", exact: true }).click();
  await page.locator(".notes li", { hasText: "Cut the gateway off" }).waitFor();
}

test("the real server: an incident is worked on, and the other tab hears of it", { skip: reason() }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "hinomi-casework-"));
  receive(join(folder, "data"));
  const server = await serve(folder);
  const { data, origin } = server;
  const browser = await open();
  try {
    const context = await browser.newContext({ locale: "en-GB", timezoneId: "Asia/Tokyo", acceptDownloads: true });
    await choose(context, { "hinomi.language": "en" });
    const { page, faults } = await visit(context);
    await withFiles(page);
    await enrol(context, page, { data, origin });
    const id = await gravest(page, origin);
    const other = await visit(context);
    await withFiles(other.page);
    for (const one of [page, other.page]) {
      await one.goto(`${origin}/#/incidents/${id}`);
      await one.locator(".record").waitFor();
    }
    await work(page);
    // Nobody touched the other tab: it was told.
    await other.page.getByText("Notes (1) and decisions (1)").waitFor();
    await other.page.locator(".clock").waitFor();
    await settled(page);
    await accessible(page, "an incident that is worked on");
    await shot(page, "incident-en");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /Export/ }).click()]);
    const saved = readFileSync(await download.path(), "utf8");
    assert.match(saved, /Cut the gateway off/);
    assert.match(saved, /Accounts are pseudonyms in this file/);
    assert.ok(!saved.includes("<img src=x"), "what people write is text");
    await page.goto(`${origin}/#/rules`);
    await page.getByText("Suppress something").click();
    await page.getByLabel("Name", { exact: true }).fill("the scanner");
    await page.getByLabel("Host", { exact: true }).fill("scan01");
    await page.getByLabel("Reason", { exact: true }).last().fill("agreed until the audit");
    const later = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10);
    await page.getByLabel("Until").fill(later);
    await page.getByRole("button", { name: "Suppress", exact: true }).click();
    const row = page.locator("tr", { hasText: "the scanner" });
    await row.waitFor();
    await shot(page, "rules-en");
    await row.getByText("End it").click();
    await row.getByLabel("Reason").fill("the audit is over");
    await row.getByRole("button", { name: "End now" }).click();
    await row.getByText("ended by hand").waitFor();
    if (shots) {
      await page.evaluate(() => localStorage.setItem("hinomi.language", "ja"));
      await page.goto(`${origin}/#/incidents/${id}`);
      await page.reload();
      await page.locator(".record").waitFor();
      await page.locator(".record details").last().click();
      await shot(page, "incident-ja");
      await download.saveAs(join(shots, "exported.html"));
      const alone = await browser.newPage();
      await alone.goto(`file://${join(shots, "exported.html")}`);
      await shot(alone, "exported");
    }
    assert.deepEqual([...faults, ...other.faults], []);
  } finally {
    await browser.close();
    await ended(server);
    rmSync(folder, { recursive: true, force: true });
  }
});
