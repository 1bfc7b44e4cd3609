// The real server for tests of the pages. HINOMI names the program; it has to know `[pages]`. The files of the pages are those
// of dist, whatever is built into it.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { authenticator, missing } from "./open.mjs";

export const hinomi = process.env.HINOMI ?? "";
const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html" };

export function reason() {
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

/** A server on ports of its own, with more in its configuration; answers when its session endpoint does. */
export async function serve(folder, more = "") {
  const [pages, logs, admin] = [await freePort(), await freePort(), await freePort()];
  const configuration = join(folder, "hinomi.toml");
  writeFileSync(
    configuration,
    `[pages]\nat = "127.0.0.1:${pages}"\n[admin]\nat = "127.0.0.1:${admin}"\n[[listen]]\nname = "n"\nreceive = ["syslog-tcp"]\nat = "127.0.0.1:${logs}"\n${more}`,
  );
  const data = join(folder, "data");
  const child = spawn(hinomi, ["serve", "--data", data, "--config", configuration], { stdio: "ignore" });
  const origin = `http://localhost:${pages}`;
  for (let i = 0; i < 600; i += 1) {
    const answer = await fetch(`${origin}/api/v1/session`).catch(() => null);
    if (answer?.ok) return { child, data, origin, logs };
    await new Promise((next) => setTimeout(next, 100));
  }
  await ended({ child });
  throw new Error("the server did not begin to answer");
}

export async function withFiles(page) {
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

/** Makes the first account with a passkey, and waits for the pages. */
export async function enrolled(context, page, { data, origin }) {
  const link = /http:\/\/\S+\/#\/enrol\/\S+/.exec(execFileSync(hinomi, ["access", "first", "--data", data]).toString())[0];
  await withFiles(page);
  await authenticator(context, page);
  await page.goto(link.startsWith(origin) ? link : link.replace(/^http:\/\/[^/]+/, origin));
  await page
    .locator("button.primary, main button, form button")
    .filter({ hasText: /Make a passkey|パスキー/ })
    .first()
    .click();
  await page.waitForSelector(".rail");
}

/** Ends what was started, and waits until it has: it writes into its folder until then. */
export function ended({ child }) {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done();
    child.once("exit", done);
    child.kill();
  });
}
