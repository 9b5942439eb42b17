// Machines that prove who they are by an assertion (RFC 7523), with two libraries that nobody here wrote: openid-client and oauth4webapi.

import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as oauth from "oauth4webapi";
import * as client from "openid-client";
import { startDoorward } from "../../fixture/doorward.js";

let doorward;
before(async () => {
  doorward = await startDoorward();
});
after(() => doorward?.stop());

/** Registers a client that acts for itself, by the command line, while the demo runs. */
async function register(id, more) {
  const always = ["--json", "--grant-type", "client_credentials", "--scope", "orders:read"];
  return JSON.parse(await doorward.command("client", "add", id, ...always, ...more));
}

async function pair(alg, generation) {
  const { publicKey, privateKey } = await webcrypto.subtle.generateKey(generation, true, ["sign", "verify"]);
  const { kty, crv, x, y, n, e } = await webcrypto.subtle.exportKey("jwk", publicKey);
  const jwks = join(doorward.folder, `${alg}.json`);
  await writeFile(jwks, JSON.stringify({ keys: [{ kty, crv, x, y, n, e, kid: alg, alg, use: "sig" }] }));
  return { key: privateKey, kid: alg, jwks };
}

const RSA = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
const ALGORITHMS = {
  EdDSA: { name: "Ed25519" },
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  PS256: { name: "RSA-PSS", ...RSA },
  RS256: { name: "RSASSA-PKCS1-v1_5", ...RSA },
};

const KINDS = [
  ...Object.entries(ALGORITHMS).map(([alg, generation]) => ({
    name: `private_key_jwt by ${alg}`,
    id: `machine-${alg.toLowerCase()}`,
    make: async (id) => {
      const { key, kid, jwks } = await pair(alg, generation);
      await register(id, ["--authentication", "private_key_jwt", "--jwks", jwks, "--assertion-alg", alg, "--require-issuer-audience"]);
      return { ofClient: client.PrivateKeyJwt({ key, kid }), ofOauth: oauth.PrivateKeyJwt({ key, kid }) };
    },
  })),
  {
    name: "client_secret_jwt",
    id: "machine-hs256",
    make: async (id) => {
      const { client_secret: secret } = await register(id, ["--authentication", "client_secret_jwt"]);
      return { ofClient: client.ClientSecretJwt(secret), ofOauth: oauth.ClientSecretJwt(secret) };
    },
  },
];

for (const { name, id, make } of KINDS) {
  describe(name, () => {
    let method;
    before(async () => {
      method = await make(id);
    });

    test("openid-client gets, introspects and revokes a token", async () => {
      const config = await client.discovery(new URL(doorward.issuer), id, undefined, method.ofClient, { execute: [client.allowInsecureRequests] });
      const tokens = await client.clientCredentialsGrant(config, { scope: "orders:read" });
      assert.equal(tokens.scope, "orders:read");
      assert.equal((await client.tokenIntrospection(config, tokens.access_token)).sub, id);
      await client.tokenRevocation(config, tokens.access_token);
      assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, false);
    });

    test("oauth4webapi gets a token", async () => {
      const insecure = { [oauth.allowInsecureRequests]: true };
      const issuer = new URL(doorward.issuer);
      const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
      const machine = { client_id: id };
      const response = await oauth.clientCredentialsGrantRequest(as, machine, method.ofOauth, { scope: "orders:read" }, insecure);
      const tokens = await oauth.processClientCredentialsResponse(as, machine, response);
      assert.equal(tokens.token_type, "bearer");
    });
  });
}

test("an assertion is good once (RFC 7523 section 3, rule 7)", async () => {
  const { key, kid, jwks } = await pair("EdDSA", ALGORITHMS.EdDSA);
  await register("machine-once", ["--authentication", "private_key_jwt", "--jwks", jwks]);
  let captured;
  const insecure = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: (url, options) => ((captured = { url, options }), fetch(url, options)) };
  const issuer = new URL(doorward.issuer);
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const first = await oauth.clientCredentialsGrantRequest(as, { client_id: "machine-once" }, oauth.PrivateKeyJwt({ key, kid }), {}, insecure);
  assert.equal(first.status, 200);
  const again = await fetch(captured.url, captured.options);
  assert.equal(again.status, 401);
  assert.equal((await again.json()).error, "invalid_client");
});
