// An API behind a gateway that asks Doorward, and what may pass. Knows the guide's example, and no gateway.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { machineToken } from "./tokens.js";

const GUIDE = resolve(import.meta.dirname, "..", "..", "..", "docs/guide/gateways.md");
const API = "https://api.example.org";

/** The guide's configuration of a gateway, with this machine's ports; and the API, which answers with who asks. */
export async function behind(kit, language) {
  const api = createServer((request, response) => response.end(`for ${request.headers["x-auth-client"]}`));
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  kit.onStop(() => api.close());
  const port = await kit.port();
  const guide = await readFile(GUIDE, "utf8");
  const [, example] = new RegExp(`\`\`\`${language}\n(.*?)\n\`\`\``, "s").exec(guide);
  const doorward = new URL(kit.issuer).port;
  const configuration = example
    .replaceAll(/\b8000\b/g, port)
    .replaceAll("127.0.0.1:3000", `127.0.0.1:${api.address().port}`)
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${doorward}`);
  return { port, configuration };
}

/** What passes and what does not. */
export async function guards(kit, port) {
  await kit.doorward.command("resource-server", "add", API, "--name", "Orders", "--rule", "GET /orders/{id} = orders:read", "--rule", "POST /orders = orders:write");
  const token = await machineToken(kit, "--scope", "orders:read", "--audience", API);
  const ask = async (path, options = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, options);
    return `${answer.status} ${answer.ok ? await answer.text() : ""}`.trim();
  };
  const bearer = { authorization: `Bearer ${token}` };
  assert.match(await ask("/orders/5", { headers: bearer }), /^200 for /);
  assert.match(await ask("/orders/5", { headers: { ...bearer, "x-auth-client": "somebody" } }), /^200 for (?!somebody)/, "the client's own word does not arrive");
  assert.match(await ask("/orders/5"), /^401/);
  assert.match(await ask("/orders", { method: "POST", headers: bearer }), /^403/);
  assert.match(await ask("/other", { headers: bearer }), /^403/);
  return ["access token asked about", "identity handed on", "the rest refused"];
}
