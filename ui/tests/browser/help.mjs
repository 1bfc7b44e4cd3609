// A page under test: what it logs, what its policy refused, and when it is ready.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const PATIENCE = 60_000;

/** A page whose faults are collected; statuses of answers are not faults of a page. */
export async function visit(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) faults.push(message.text());
  });
  return { page, faults };
}

/** Waits until nothing loads any more. */
export async function settled(page) {
  await page.waitForFunction(
    () => document.querySelector("main h1, main .trouble") && !document.querySelector("main .loading"),
    undefined,
    { timeout: PATIENCE },
  );
}

/** Every rule of axe, and what it says. */
export async function accessible(page, where) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(
    violations.map(
      (one) =>
        `${one.id}: ${one.nodes
          .map((node) => `${node.target} ${node.any[0]?.message ?? node.all[0]?.message ?? ""}`)
          .slice(0, 3)
          .join("; ")}`,
    ),
    [],
    where,
  );
}

export const choose = (context, values) =>
  context.addInitScript((kept) => {
    if (location.protocol !== "about:")
      for (const [name, value] of Object.entries(kept)) if (localStorage.getItem(name) === null) localStorage.setItem(name, value);
  }, values);
