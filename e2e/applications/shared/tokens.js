// Access tokens for those who only check them.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";

/** An access token of a machine; `registered` is what its registration says beside that. */
export async function machineToken(kit, ...registered) {
  const { id, secret } = await kit.register("--grant-type", "client_credentials", ...registered);
  const body = new URLSearchParams({ grant_type: "client_credentials" });
  const answer = await fetch(`${kit.issuer}/oauth2/token`, { method: "POST", body, headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}` } });
  const { access_token: token } = await answer.json();
  assert.ok(token, `a token: ${answer.status}`);
  return token;
}

/** That a resource server admits the token, and neither an altered one nor none. */
export async function answers(url, token, { good, bad }) {
  const status = async (authorization) => (await fetch(url, { headers: authorization ? { authorization } : {}, redirect: "manual" })).status;
  const [head, claims, signature] = token.split(".");
  const altered = `${head}.${claims}.${signature.split("").reverse().join("")}`;
  assert.equal(await status(`Bearer ${token}`), good, "the token");
  assert.equal(await status(`Bearer ${altered}`), bad, "an altered token");
  assert.equal(await status(undefined), bad, "no token");
}

/** A person's tokens for a client of their own: the code flow by hand, with PKCE. */
export async function personTokens(kit, redirectUri, ...more) {
  const { id, secret } = await kit.register("--redirect-uri", redirectUri, ...more);
  const verifier = "v".repeat(43);
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const ask = { response_type: "code", client_id: id, redirect_uri: redirectUri, scope: "openid profile email offline_access", code_challenge: challenge, code_challenge_method: "S256" };
  const page = await kit.page();
  // Nobody listens there: what arrives is read from the request.
  const arrived = page.waitForRequest((request) => request.url().startsWith(redirectUri));
  await page.goto(`${kit.issuer}/oauth2/authorize?${new URLSearchParams(ask)}`);
  await kit.signIn(page, redirectUri).catch(() => {});
  const code = new URL((await arrived).url()).searchParams.get("code");
  const body = new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: redirectUri, code_verifier: verifier, client_id: id });
  if (secret) body.set("client_secret", secret);
  const answer = await fetch(`${kit.issuer}/oauth2/token`, { method: "POST", body });
  const tokens = await answer.json();
  assert.ok(tokens.access_token, `tokens: ${JSON.stringify(tokens)}`);
  return { id, secret, ...tokens };
}
