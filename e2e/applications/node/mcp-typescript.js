import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";

export const title = "MCP TypeScript SDK 1.32.2";
export const needs = ["npm"];

const APP = `
import { auth } from "@modelcontextprotocol/sdk/client/auth.js";
import { createServer } from "node:http";
const { ISSUER, ID, PORT } = process.env;
const kept = {};
const provider = {
  redirectUrl: "http://127.0.0.1:" + PORT + "/callback",
  clientMetadata: { client_name: "App", redirect_uris: ["http://127.0.0.1:" + PORT + "/callback"] },
  clientInformation: () => ({ client_id: ID }),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  redirectToAuthorization: (url) => console.log("OPEN " + url),
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  codeVerifier: () => kept.verifier,
};
createServer(async (request, response) => {
  const code = new URL(request.url, provider.redirectUrl).searchParams.get("code");
  if (code) {
    await auth(provider, { serverUrl: ISSUER, authorizationCode: code, scope: "openid offline_access" });
    const first = kept.tokens.access_token;
    console.log("TOKEN " + Boolean(first));
    await auth(provider, { serverUrl: ISSUER });
    console.log("RENEWED " + (kept.tokens.access_token !== first));
  }
  response.end("done");
}).listen(PORT, "127.0.0.1", async () => console.log(await auth(provider, { serverUrl: ISSUER, scope: "openid offline_access" })));
`;

export async function connect(kit) {
  const modules = await kit.npm("@modelcontextprotocol/sdk@1.32.2");
  const port = await kit.port();
  const { id } = await kit.client("mcp");
  await writeFile(`${modules}/app.mjs`, APP);
  const client = await kit.start("node", ["app.mjs"], { cwd: modules, env: { ISSUER: kit.issuer, ID: id, PORT: port }, until: /OPEN \S+/ });

  const page = await kit.page();
  await page.goto(/OPEN (\S+)/.exec(client.log())[1]);
  await kit.signIn(page, `http://127.0.0.1:${port}`);
  for (let waited = 0; !/RENEWED/.test(client.log()); waited += 100) {
    assert.ok(waited < 20_000, "it renews");
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.match(client.log(), /TOKEN true[\s\S]*RENEWED true/);
  return ["sign-in", "refresh"];
}
