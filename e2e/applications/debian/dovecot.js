import assert from "node:assert/strict";
import { authenticate, dovecot, PACKAGES } from "../shared/dovecot.js";
import { personTokens } from "../shared/tokens.js";

export const title = "Dovecot (Debian), introspection";
export const packages = PACKAGES;

export async function connect(kit) {
  const port = await dovecot(kit);
  const { access_token: token } = await personTokens(kit, "http://localhost:9/");
  assert.equal(await authenticate(port, "alice", token), "OK");
  assert.equal(await authenticate(port, "bob", token), "NO", "another's mailbox");
  assert.equal(await authenticate(port, "alice", "nothing"), "NO");
  return ["XOAUTH2 by a person's access token", "another's mailbox refused"];
}
