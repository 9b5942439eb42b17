// Devices (RFC 8628), with npm's openid-client as the device and a real Chromium as the person's phone, on which scripts are off.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as client from "openid-client";
import { LOOKS, launch, visitor } from "../fixture/browser.js";
import { startDoorward } from "../fixture/doorward.js";

const PHONES = LOOKS.filter((look) => look.name.startsWith("phone")).map((look) => ({
  ...look,
  name: `${look.name}-no-script`,
  javaScriptEnabled: false,
}));

let doorward;
let browser;
before(async () => {
  [doorward, browser] = await Promise.all([startDoorward(["--devices-interval", "1s"]), launch()]);
});
after(async () => {
  await browser?.close();
  await doorward?.stop();
});

for (const look of PHONES) {
  describe(look.name, () => {
    test("a public client: the code typed in, sign-in on the way, allowed (sections 3.2 to 3.5)", async () => {
      const { config, device } = await ask(client.None(), doorward.env.PUBLIC_CLIENT_ID);
      assert.equal(device.verification_uri, `${doorward.issuer}/device`);
      const polling = client.pollDeviceAuthorizationGrant(config, device);
      await inPhone(look, async ({ page, look: looked, heading, press, type }) => {
        await page.goto(device.verification_uri);
        await heading("Connect a device");
        await looked("device-empty");
        await type("Code on your device", "wdjb mjhx");
        await press("Continue");
        // Whoever is not signed in learns of no code.
        await heading("Sign in to your device");
        await looked("device-sign-in");
        await type("Username", doorward.env.USERNAME);
        await type("Password", doorward.env.PASSWORD);
        await press("Sign in");
        await page.getByText("That code isn't valid.").waitFor();
        await looked("device-unknown");
        await type("Code on your device", device.user_code.toLowerCase().replace("-", " "));
        await press("Continue");
        await heading("Sign in on Demo App?");
        await page.getByText("127.0.0.1").or(page.getByText("::1")).waitFor();
        await looked("device-consent");
        await press("Allow");
        await heading("Your device is signed in");
        await looked("device-allowed");
        // Reloading decides nothing twice.
        await page.reload();
        await heading("Your device is signed in");
      });
      const tokens = await polling;
      const claims = tokens.claims();
      assert.equal(claims.aud, doorward.env.PUBLIC_CLIENT_ID);
      const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
      assert.equal(userinfo.preferred_username, doorward.env.USERNAME);
      const next = await client.refreshTokenGrant(config, tokens.refresh_token);
      assert.equal(next.claims().sub, claims.sub);
      // Section 3.5, and RFC 6749 section 4.1.2: good once.
      await refused("invalid_grant", client.pollDeviceAuthorizationGrant(config, { ...device, interval: 0 }));
      await refused("invalid_grant", client.refreshTokenGrant(config, next.refresh_token));
    });

    test("a confidential client: the complete URI as from a QR code, denied (sections 3.3.1 and 3.5)", async () => {
      const { config, device } = await ask(client.ClientSecretBasic(doorward.env.CLIENT_SECRET), doorward.env.CLIENT_ID);
      const polling = client.pollDeviceAuthorizationGrant(config, device);
      const denied = refused("access_denied", polling);
      await inPhone(look, async ({ page, look: looked, heading, press, type }) => {
        await page.goto(device.verification_uri_complete);
        await heading("Does your device show this code?");
        assert.equal(await page.getByLabel("Code on your device").inputValue(), device.user_code);
        await looked("device-complete");
        await press("Yes, go on");
        await type("Username", doorward.env.USERNAME);
        await type("Password", doorward.env.PASSWORD);
        await press("Sign in");
        await heading("Sign in on Demo Web?");
        await press("Not you? Use another account");
        await heading("Sign in to Demo Web");
        await type("Username", "bob");
        await type("Password", doorward.env.PASSWORD);
        await press("Sign in");
        await page.getByText("Bob Example", { exact: true }).waitFor();
        await press("Deny");
        await heading("Your device is not signed in");
        await looked("device-denied");
      });
      await denied;
    });
  });
}

test("the demo's television: what it shows signs it in, without scripts on either side", async () => {
  const screen = await visitor(browser, { ...LOOKS[0], name: "desktop-no-script", javaScriptEnabled: false }, [doorward.issuer]);
  await screen.page.goto(`${doorward.issuer}/demo/tv`);
  await screen.page.getByRole("heading", { level: 1, name: "Sign this television in" }).waitFor();
  await screen.look("television-waiting");
  const code = await screen.page.locator(".shown-code").textContent();
  await inPhone(PHONES[0], async ({ page, heading, press, type }) => {
    await page.goto(`${doorward.issuer}/device?user_code=${code}`);
    await press("Yes, go on");
    await type("Username", doorward.env.USERNAME);
    await type("Password", doorward.env.PASSWORD);
    await press("Sign in");
    await heading("Sign in on Acme TV?");
    await press("Allow");
    await heading("Your device is signed in");
  });
  // The page reloads itself.
  await screen.page.getByRole("heading", { level: 1, name: "Good evening, Alice Example" }).waitFor();
  await screen.look("television-signed-in");
  await screen.close();
});

/** A device that asks: discovery, then section 3.1. */
async function ask(authentication, id) {
  const config = await client.discovery(new URL(doorward.issuer), id, { id_token_signed_response_alg: "RS256" }, authentication, {
    execute: [client.allowInsecureRequests],
  });
  // Without it the library trusts the connection instead of the ID Token's signature.
  client.enableNonRepudiationChecks(config);
  const device = await client.initiateDeviceAuthorization(config, { scope: "openid profile offline_access" });
  assert.match(device.user_code, /^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/, "section 6.1");
  return { config, device };
}

async function inPhone(look, acts) {
  const person = await visitor(browser, look, [doorward.issuer]);
  const { page } = person;
  const heading = (text) => page.getByRole("heading", { level: 1, name: text, exact: true }).waitFor();
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  const type = (label, value) => page.getByLabel(label === "Username" ? /^Username( or email)?$/ : label, { exact: true }).fill(value);
  await acts({ ...person, heading, press, type });
  await person.close();
}

async function refused(code, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.error, code);
    return true;
  });
}
