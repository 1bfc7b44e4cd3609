// Makes src/api/types.ts from api/openapi.json: a type for each schema, and what each GET answers and takes.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const contract = JSON.parse(readFileSync(new URL("../../api/openapi.json", import.meta.url)));
const last = (ref) => ref.split("/").at(-1);
const quoted = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

function resolve(thing) {
  if (!thing?.$ref) return thing;
  return thing.$ref
    .slice(2)
    .split("/")
    .reduce((at, key) => at[key], contract);
}

function object(schema, depth) {
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0) {
    const rest = schema.additionalProperties;
    return `Record<string, ${rest && rest !== true ? type(rest, depth) : "unknown"}>`;
  }
  const pad = "  ".repeat(depth + 1);
  const lines = properties.map(([name, value]) => {
    const optional = (schema.required ?? []).includes(name) ? "" : "?";
    return `${pad}${quoted(name)}${optional}: ${type(value, depth + 1)};`;
  });
  return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
}

function plain(name, schema, depth) {
  switch (name) {
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array": {
      const item = schema.items && Object.keys(schema.items).length > 0 ? type(schema.items, depth) : "unknown";
      return /^[\w.]+$/.test(item) ? `${item}[]` : `(${item})[]`;
    }
    case "object":
      return object(schema, depth);
    default:
      throw new Error(`a type that this script does not know: ${name}`);
  }
}

function type(schema, depth = 0) {
  if (schema.$ref) return last(schema.$ref);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const parts = schema.oneOf ?? schema.anyOf;
  if (parts) return parts.map((part) => type(part, depth)).join(" | ");
  if (Array.isArray(schema.type)) return schema.type.map((name) => plain(name, schema, depth)).join(" | ");
  return schema.type ? plain(schema.type, schema, depth) : "unknown";
}

function answer(operation) {
  const status = Object.keys(operation.responses).find((code) => code.startsWith("2"));
  const content = Object.values(resolve(operation.responses[status]).content ?? {})[0];
  return content ? type(content.schema, 1) : "null";
}

function queries(operation) {
  const found = (operation.parameters ?? []).map(resolve).filter((parameter) => parameter.in === "query");
  const fields = found.map((p) => `${quoted(p.name)}${p.required ? "" : "?"}: ${type(p.schema, 2)} | undefined`);
  return fields.length > 0 ? `{ ${fields.join("; ")} }` : "Record<never, never>";
}

const out = ["// Made from api/openapi.json by scripts/types.mjs. Not to be edited.", ""];
for (const [name, schema] of Object.entries(contract.components.schemas)) {
  out.push(`export type ${name} = ${type(schema)};`, "");
}
for (const method of ["get", "post", "patch", "delete"]) {
  out.push(`export interface ${method[0].toUpperCase()}${method.slice(1)}s {`);
  for (const [path, item] of Object.entries(contract.paths)) {
    const operation = item[method];
    if (!operation) continue;
    const body = Object.values(operation.requestBody?.content ?? {})[0];
    out.push(
      `  ${JSON.stringify(path)}: { query: ${queries(operation)}; body: ${body ? type(body.schema, 1) : "null"}; answer: ${answer(operation)} };`,
    );
  }
  out.push("}", "");
}
const folder = new URL("../src/api/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("types.ts", folder), out.join("\n"));
