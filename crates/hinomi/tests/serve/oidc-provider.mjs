// A real identity provider for tests: npm's oidc-provider behind TLS. What it is told comes on standard input, a line of JSON
// each: {"clients": […]} once, then {"login": {"id", "amr", "acr"}} or {"login": null} (refuses). Each is answered by a line.
import { createHash, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import https from "node:https";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modules, folder] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));
let login = null;
let provider = null;

const key = (kind, options, extra) => {
  const jwk = generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" });
  return { ...jwk, use: "sig", ...extra };
};
const jwks = {
  keys: [key("ec", { namedCurve: "P-256" }, { alg: "ES256", kid: "ec" }), key("rsa", { modulusLength: 2048 }, { alg: "RS256", kid: "rsa" })],
};

async function interact(request, response) {
  const { prompt, params, grantId, session } = await provider.interactionDetails(request, response);
  if (!login) return provider.interactionFinished(request, response, { error: "access_denied" });
  if (prompt.name === "login") {
    const { id: accountId, amr, acr } = login;
    return provider.interactionFinished(request, response, { login: { accountId, amr, acr, remember: false } });
  }
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope("openid");
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

const certificate = { key: readFileSync(`${folder}/server.key`), cert: readFileSync(`${folder}/server.pem`) };
const server = https.createServer(certificate, (request, response) => {
  if (!provider) return response.writeHead(503).end();
  if (request.url.startsWith("/interaction/")) {
    interact(request, response).catch((error) => response.writeHead(500).end(String(error)));
    return undefined;
  }
  return provider.callback()(request, response);
});
server.listen(0, "127.0.0.1", () => {
  const issuer = `https://localhost:${server.address().port}`;
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const said = JSON.parse(line);
    if ("login" in said) login = said.login;
    if (said.clients) {
      provider = new Provider(issuer, {
        clients: said.clients,
        jwks,
        claims: { acr: null, amr: null, auth_time: null, iss: null, openid: ["sub", "amr", "acr", "auth_time"], sid: null },
        conformIdTokenClaims: false,
        acrValues: ["urn:example:1", "urn:example:2"],
        pkce: { required: () => true },
        clientAuthMethods: ["client_secret_basic", "private_key_jwt"],
        features: { devInteractions: { enabled: false } },
        interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
        cookies: { keys: [createHash("sha256").update(issuer).digest("hex")] },
        enabledJWA: { idTokenSigningAlgValues: ["ES256", "RS256"] },
        findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id, amr: login?.amr, acr: login?.acr, auth_time: Math.floor(Date.now() / 1000) }) }),
      });
    }
    console.log(JSON.stringify({ issuer }));
  });
  lines.on("close", () => process.exit(0));
  console.log(JSON.stringify({ issuer }));
});
