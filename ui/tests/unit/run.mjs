// Bundles the unit tests (they are TypeScript) and runs them.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const here = fileURLToPath(new URL("./", import.meta.url));
const out = fileURLToPath(new URL("../../.cache/unit/", import.meta.url));
const tests = readdirSync(here).filter((name) => name.endsWith(".test.ts"));
rmSync(out, { recursive: true, force: true });
await build({
  configFile: false,
  logLevel: "warn",
  publicDir: false,
  build: {
    ssr: true,
    outDir: out,
    target: "node20",
    rollupOptions: { input: tests.map((name) => here + name), output: { entryFileNames: "[name].mjs" } },
  },
});
const run = spawnSync(
  process.execPath,
  ["--import", new URL("./browser.mjs", import.meta.url).href, "--test", ...tests.map((name) => `${out}${name.replace(/\.ts$/, ".mjs")}`)],
  { stdio: "inherit" },
);
process.exit(run.status ?? 1);
