// Checks what the test server answers against api/openapi.json, so that pages are never tested with what no server may say.
import Ajv2020 from "ajv/dist/2020.js";
import { readFileSync } from "node:fs";

export const contract = JSON.parse(readFileSync(new URL("../../api/openapi.json", import.meta.url)));
const ajv = new Ajv2020.default({ strict: false, validateFormats: false, allErrors: false });
ajv.addSchema(contract, "contract");
const compiled = new Map();

const pattern = (template) => new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
const routes = Object.keys(contract.paths)
  .map((template) => ({ template, matches: pattern(template) }))
  .sort((a, b) => a.template.includes("{") - b.template.includes("{"));

/** The operation that a request asks for, or null. */
export function operationOf(method, path) {
  const route = routes.find((one) => one.matches.test(path) && contract.paths[one.template][method.toLowerCase()]);
  return route ? { template: route.template, operation: contract.paths[route.template][method.toLowerCase()] } : null;
}

const bounds = new Map();

function boundOf(part) {
  const one = part.$ref ? contract.components.parameters[part.$ref.split("/").at(-1)] : part;
  const at = JSON.stringify(one.schema ?? {}).replaceAll("#/components", "contract#/components");
  if (!bounds.has(at)) bounds.set(at, ajv.compile(JSON.parse(at)));
  const numeric = ["integer", "number"].includes(one.schema?.type);
  return {
    name: one.name,
    check: (text) => bounds.get(at)(numeric ? Number(text) : one.schema?.type === "boolean" ? text === "true" : text),
  };
}

/** What no page may ask: a parameter that the contract does not have, or out of its bounds; null when nothing is. */
export function askedFault(template, method, query) {
  const { parameters = [] } = contract.paths[template][method.toLowerCase()];
  const known = parameters.map(boundOf);
  for (const [name, text] of query) {
    const one = known.find((candidate) => candidate.name === name);
    if (!one) return `${method} ${template}: asked with ${name}, which is not in the contract`;
    if (!one.check(text)) return `${method} ${template}: asked with ${name}=${text}, out of its bounds`;
  }
  return null;
}

/** What is wrong with an answer; null when nothing is. */
export function faultOf(template, method, status, body) {
  const pointer = (part) => part.replaceAll("~", "~0").replaceAll("/", "~1");
  const operation = contract.paths[template][method.toLowerCase()];
  const response = operation.responses[String(status)];
  if (!response) return `${method} ${template}: status ${status} is not in the contract`;
  const content = (response.$ref ? contract.components.responses[response.$ref.split("/").at(-1)] : response).content;
  if (!content) return null;
  const type = Object.keys(content)[0];
  const at = response.$ref
    ? `contract#/components/responses/${response.$ref.split("/").at(-1)}/content/${pointer(type)}/schema`
    : `contract#/paths/${pointer(template)}/${method.toLowerCase()}/responses/${status}/content/${pointer(type)}/schema`;
  if (!compiled.has(at)) compiled.set(at, ajv.compile({ $ref: encodeURI(at).replaceAll("{", "%7B").replaceAll("}", "%7D") }));
  const check = compiled.get(at);
  if (check(body)) return null;
  return `${method} ${template} ${status}: ${ajv.errorsText(check.errors)}`;
}
