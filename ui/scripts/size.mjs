// What a browser loads, compressed; fails above the bound.
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BOUND = 300 * 1024;
const folder = new URL("../dist/", import.meta.url);
let total = 0;
for (const name of readdirSync(folder, { recursive: true })) {
  if (!/\.(js|css|html|svg)$/.test(name)) continue;
  const bytes = gzipSync(readFileSync(new URL(name, folder)), { level: 9 }).length;
  total += bytes;
  console.log(`${String(bytes).padStart(7)}  ${name}`);
}
console.log(`${String(total).padStart(7)}  bytes compressed, of ${BOUND}`);
if (total > BOUND) process.exit(1);
