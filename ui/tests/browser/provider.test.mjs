// The pages before the real server and a real identity provider: an invitation, the way there and back, a factor that is asked here.
// HINOMI names the program, with these pages built into it; HINOMI_OIDC_PROVIDER the node_modules with oidc-provider.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { choose, visit } from "./help.mjs";
import { authenticator, missing, open } from "./open.mjs";
import { ended, hinomi, serve } from "./real.mjs";

const modules = process.env.HINOMI_OIDC_PROVIDER ?? "";
const script = fileURLToPath(new URL("../../../crates/hinomi/tests/serve/oidc-provider.mjs", import.meta.url));
const shots = process.env.SHOTS;

function reason() {
  if (missing) return missing;
  if (!existsSync(hinomi)) return "SKIPPED: HINOMI names no program";
  if (!existsSync(join(modules, "oidc-provider"))) return "SKIPPED: HINOMI_OIDC_PROVIDER names no oidc-provider";
  return false;
}

const CERTIFICATES = `set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=tests -addext basicConstraints=critical,CA:TRUE
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=localhost
printf 'subjectAltName=DNS:localhost' > server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 20 -extfile server.ext`;

async function provider(folder) {
  const child = spawn(process.execPath, [script, modules, folder], { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  // It writes notices, too.
  const next = async () => {
    for (;;) {
      const { value, done } = await lines.next();
      assert.ok(!done, "the provider ended");
      if (value.startsWith("{")) return JSON.parse(value);
    }
  };
  const { issuer } = await next();
  const tell = async (what) => {
    child.stdin.write(`${JSON.stringify(what)}\n`);
    await next();
  };
  return { child, issuer, tell };
}

/** What the server has to know of the provider. */
function configured(folder, issuer) {
  writeFileSync(join(folder, "secret"), "s3cret\n");
  return `[pages.oidc]\nissuer = "${issuer}"\nclient_id = "hinomi"\nclient_secret_file = "secret"\nca = "ca.pem"\nname = "Example ID"\n`;
}

async function shot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
}

async function signedInAs(page, name) {
  await page.waitForURL(/#\/today/);
  const session = await page.evaluate(() => fetch("/api/v1/session").then((answer) => answer.json()));
  assert.equal(session.name, name);
}

test("an identity provider: invitation, there and back, a factor here, refusals", { skip: reason() }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "hinomi-provider-"));
  execFileSync("sh", ["-c", CERTIFICATES], { cwd: folder, stdio: "ignore" });
  const real = await provider(folder);
  const server = await serve(folder, configured(folder, real.issuer));
  const { data, origin } = server;
  const browser = await open();
  try {
    if (!(await (await fetch(`${origin}/oidc`)).text()).includes("/assets/")) return t.skip("SKIPPED: this program has no pages built in");
    const client = {
      client_id: "hinomi",
      client_secret: "s3cret",
      redirect_uris: [`${origin}/oidc`],
      id_token_signed_response_alg: "ES256",
    };
    await real.tell({ clients: [{ ...client, response_types: ["code"], grant_types: ["authorization_code"] }] });
    await real.tell({ login: { id: "7f3c", amr: ["pwd", "otp"] } });
    const invite = ["access", "invite", "aoki", "--role", "responder", "--data", data];
    const link = /http:\/\/\S+\/#\/enrol\/\S+/.exec(execFileSync(hinomi, invite).toString())[0];
    const context = await browser.newContext({ locale: "ja-JP", ignoreHTTPSErrors: true });
    await choose(context, { "hinomi.language": "ja" });
    const { page, faults } = await visit(context);
    // With an invitation.
    await page.goto(link);
    await page.getByRole("button", { name: /IDプロバイダー/ }).waitFor();
    await shot(page, "enrol-ja");
    await page.getByRole("button", { name: /IDプロバイダー/ }).click();
    await signedInAs(page, "aoki");
    assert.ok(!page.url().includes("code="), page.url());
    // Again, from the page for signing in.
    await context.clearCookies();
    await page.goto(`${origin}/`);
    await page.getByRole("button", { name: /Example ID/ }).waitFor();
    await shot(page, "sign-in-ja");
    await page.getByRole("button", { name: /Example ID/ }).click();
    await signedInAs(page, "aoki");
    await page.goto(`${origin}/#/access`);
    await page.getByText("7f3c").waitFor();
    await shot(page, "access-ja");
    // One factor there, none here.
    await context.clearCookies();
    await real.tell({ login: { id: "7f3c", amr: ["pwd"] } });
    await page.goto(`${origin}/`);
    await page.getByRole("button", { name: /Example ID/ }).click();
    await page.getByRole("alert").filter({ hasText: "二要素認証が確認できず" }).waitFor();
    await shot(page, "refused-ja");
    const session = await page.evaluate(() => fetch("/api/v1/session").then((answer) => answer.json()));
    assert.equal(session.signed_in, false);
    // A passkey here stands in, in English.
    const other = await browser.newContext({ locale: "en-GB", ignoreHTTPSErrors: true });
    await choose(other, { "hinomi.language": "en" });
    const second = await visit(other);
    await authenticator(other, second.page);
    const named = /http:\/\/\S+\/#\/enrol\/\S+/.exec(
      execFileSync(hinomi, ["access", "invite", "mori", "--role", "viewer", "--data", data]).toString(),
    )[0];
    await second.page.goto(named);
    await second.page.getByRole("button", { name: "Make a passkey" }).click();
    await signedInAs(second.page, "mori");
    await real.tell({ login: { id: "b2d9", amr: ["pwd"] } });
    await second.page.goto(`${origin}/#/access`);
    await second.page.getByRole("button", { name: "Link Example ID" }).click();
    await second.page.getByText("b2d9").waitFor();
    await other.clearCookies();
    await second.page.goto(`${origin}/`);
    await second.page.getByRole("button", { name: /Continue with Example ID/ }).waitFor();
    await shot(second.page, "sign-in-en");
    await second.page.getByRole("button", { name: /Continue with Example ID/ }).click();
    await second.page.getByText("did not confirm a second factor").waitFor();
    await shot(second.page, "second-en");
    await second.page.getByRole("button", { name: "Use a passkey" }).click();
    await signedInAs(second.page, "mori");
    assert.deepEqual([...faults, ...second.faults], []);
  } finally {
    await browser.close();
    await ended(server);
    await ended(real);
    rmSync(folder, { recursive: true, force: true });
  }
});
