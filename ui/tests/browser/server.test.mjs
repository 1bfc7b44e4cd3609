// The pages before the real server: enrolment, invitation, audit, signing out and in, with a passkey.
// HINOMI names the program; it has to know `[pages]`. The files of the pages are those of dist, whatever is built into it.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { choose, visit } from "./help.mjs";
import { missing, open } from "./open.mjs";

const hinomi = process.env.HINOMI ?? "";
const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html" };

function reason() {
  if (missing) return missing;
  if (!existsSync(hinomi)) return "SKIPPED: HINOMI names no program";
  const known = spawnSync(hinomi, ["access", "--help"]);
  return known.status === 0 ? false : "SKIPPED: this program serves no pages yet";
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** A server on ports of its own; answers when its session endpoint does. */
async function serve(folder) {
  const [pages, logs, admin] = [await freePort(), await freePort(), await freePort()];
  const configuration = join(folder, "hinomi.toml");
  writeFileSync(
    configuration,
    `[pages]\nat = "127.0.0.1:${pages}"\n[admin]\nat = "127.0.0.1:${admin}"\n[[listen]]\nname = "n"\nreceive = ["syslog-tcp"]\nat = "127.0.0.1:${logs}"\n`,
  );
  const data = join(folder, "data");
  const child = spawn(hinomi, ["serve", "--data", data, "--config", configuration], { stdio: "ignore" });
  const origin = `http://localhost:${pages}`;
  for (let i = 0; i < 600; i += 1) {
    const answer = await fetch(`${origin}/api/v1/session`).catch(() => null);
    if (answer?.ok) return { child, data, origin };
    await new Promise((next) => setTimeout(next, 100));
  }
  child.kill();
  throw new Error("the server did not begin to answer");
}

async function withFiles(page) {
  await page.route(
    (url) => !url.pathname.startsWith("/api/"),
    (route) => {
      const { pathname } = new URL(route.request().url());
      const name = join(dist, pathname === "/" ? "index.html" : pathname);
      return existsSync(name)
        ? route.fulfill({ body: readFileSync(name), contentType: TYPES[extname(name)] })
        : route.fulfill({ status: 404 });
    },
  );
}

test("the real server: enrol, invite, look at the audit, sign out and in", { skip: reason() }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "hinomi-pages-"));
  const { child, data, origin } = await serve(folder);
  const browser = await open();
  try {
    const link = /http:\/\/\S+\/#\/enrol\/\S+/.exec(execFileSync(hinomi, ["access", "first", "--data", data]).toString())[0];
    const context = await browser.newContext({ locale: "en-GB" });
    await choose(context, { "hinomi.language": "en" });
    const { page, faults } = await visit(context);
    await withFiles(page);
    const cdp = await context.newCDPSession(page);
    const authenticator = {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    };
    await cdp.send("WebAuthn.enable");
    await cdp.send("WebAuthn.addVirtualAuthenticator", { options: { ...authenticator, automaticPresenceSimulation: true } });
    await page.goto(link.startsWith(origin) ? link : link.replace(/^http:\/\/[^/]+/, origin));
    await page.getByRole("button", { name: "Make a passkey" }).click();
    await page.waitForSelector(".rail");
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
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
