// Devices (RFC 8628) as two libraries see them: openid-client, and oauth4webapi step by step. The person's part is the small user agent;
// what the pages look like is the browser's test.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as oauth from "oauth4webapi";
import * as client from "openid-client";
import { startDoorward } from "../../fixture/doorward.js";
import { UserAgent } from "../../fixture/user-agent.js";

const SCOPE = "openid profile offline_access";
const INTERVAL_S = 1;

let doorward;
before(async () => {
  doorward = await startDoorward(["--devices-interval", `${INTERVAL_S}s`]);
});
after(() => doorward?.stop());

const KINDS = [
  {
    name: "a confidential client",
    id: (env) => env.CLIENT_ID,
    ofClient: (env) => client.ClientSecretBasic(env.CLIENT_SECRET),
    ofOauth: (env) => oauth.ClientSecretBasic(env.CLIENT_SECRET),
  },
  { name: "a public client", id: (env) => env.PUBLIC_CLIENT_ID, ofClient: () => client.None(), ofOauth: () => oauth.None() },
];

for (const kind of KINDS) {
  describe(kind.name, () => {
    test("openid-client polls until the person allowed it, and refreshes", async () => {
      const config = await client.discovery(
        new URL(doorward.issuer),
        kind.id(doorward.env),
        { id_token_signed_response_alg: "RS256" },
        kind.ofClient(doorward.env),
        { execute: [client.allowInsecureRequests] },
      );
      client.enableNonRepudiationChecks(config);
      const device = await client.initiateDeviceAuthorization(config, { scope: SCOPE });
      const polling = client.pollDeviceAuthorizationGrant(config, device);
      assert.equal(await decide(device.verification_uri, device.user_code.toLowerCase(), "Allow"), "Your device is signed in");
      const tokens = await polling;
      const userinfo = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
      assert.equal(userinfo.preferred_username, doorward.env.USERNAME);
      const next = await client.refreshTokenGrant(config, tokens.refresh_token);
      assert.equal(next.claims().sub, tokens.claims().sub);
      await assert.rejects(client.pollDeviceAuthorizationGrant(config, { ...device, interval: 0 }), { error: "invalid_grant" });
    });

    test("oauth4webapi is told to wait, to slow down, and then gets tokens, once (section 3.5)", async () => {
      const device = await Device.ask(kind);
      await device.refused("authorization_pending");
      await device.refused("slow_down");
      await decide(device.answer.verification_uri_complete, undefined, "Allow");
      // A slow_down adds five seconds to the interval.
      await sleep((INTERVAL_S + 5) * 1000);
      const tokens = await device.tokens();
      assert.equal(oauth.getValidatedIdTokenClaims(tokens).aud, kind.id(doorward.env));
      await device.refused("invalid_grant");
    });

    test("oauth4webapi is told that the person denied it", async () => {
      const device = await Device.ask(kind);
      assert.equal(await decide(device.answer.verification_uri, device.answer.user_code, "Deny"), "Your device is not signed in");
      await device.refused("access_denied");
    });
  });
}

/** oauth4webapi as a device that asked. */
class Device {
  static async ask(kind) {
    const device = new Device();
    const issuer = new URL(doorward.issuer);
    device.insecure = { [oauth.allowInsecureRequests]: true };
    device.as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, device.insecure));
    device.client = { client_id: kind.id(doorward.env), id_token_signed_response_alg: "RS256" };
    device.authentication = kind.ofOauth(doorward.env);
    const params = new URLSearchParams({ scope: SCOPE });
    const response = await oauth.deviceAuthorizationRequest(device.as, device.client, device.authentication, params, device.insecure);
    device.answer = await oauth.processDeviceAuthorizationResponse(device.as, device.client, response);
    assert.equal(device.answer.interval, INTERVAL_S);
    return device;
  }

  async tokens() {
    const { as, client: who, authentication, answer, insecure } = this;
    const response = await oauth.deviceCodeGrantRequest(as, who, authentication, answer.device_code, insecure);
    return oauth.processDeviceCodeResponse(as, who, response);
  }

  refused(error) {
    return assert.rejects(this.tokens(), { error });
  }
}

/** A person opens the page, types the code in where the page has none, signs in and decides. Answers what the last page says. */
async function decide(uri, typed, decision) {
  const agent = new UserAgent(doorward.issuer);
  let page = await agent.open(uri);
  page = typed ? await agent.press(page, "Continue", { user_code: typed }) : await agent.press(page, "Yes, go on");
  page = await agent.press(page, "Sign in", { username: doorward.env.USERNAME, password: doorward.env.PASSWORD });
  page = await agent.press(page, decision);
  assert.equal(page.status, 200, page.html);
  return page.title;
}
