// What browsers do around the pages: windows that open others, and redirects that follow a form.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { launch } from "../fixture/browser.js";
import { startDoorward } from "../fixture/doorward.js";
import { startRelyingParty } from "../fixture/relying-party.js";

// RFC 7636 appendix B. Nothing is redeemed here.
const CODE_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

describe("around the pages", () => {
  let browser;
  let doorward;
  let party;
  let page;
  before(async () => {
    browser = await launch();
    party = await startRelyingParty();
    doorward = await startDoorward();
  });
  after(async () => {
    await browser?.close();
    party?.stop();
    await doorward?.stop();
  });
  beforeEach(async (t) => {
    party.leadsOnTo = undefined;
    const context = await browser.newContext();
    context.setDefaultTimeout(10_000);
    t.after(() => context.close());
    page = await context.newPage();
  });

  function asks(more = {}) {
    const url = new URL("/oauth2/authorize", doorward.issuer);
    url.search = new URLSearchParams({
      client_id: doorward.env.CLIENT_ID,
      redirect_uri: party.callback,
      response_type: "code",
      scope: "openid",
      state: "a state",
      code_challenge: CODE_CHALLENGE,
      code_challenge_method: "S256",
      ...more,
    });
    return url.href;
  }

  async function signIn(window) {
    await window.getByLabel("Username or email", { exact: true }).fill(doorward.env.USERNAME);
    await window.getByLabel("Password", { exact: true }).fill(doorward.env.PASSWORD);
    await window.getByRole("button", { name: "Sign in", exact: true }).click();
  }

  for (const mode of ["query", "form_post"]) {
    test(`a popup tells the window that opened it how it ended (${mode})`, async () => {
      await page.goto(`${party.origin}/app`);
      const [popup] = await Promise.all([
        page.waitForEvent("popup"),
        page.evaluate((url) => {
          window.heard = new Promise((resolve) => addEventListener("message", (event) => resolve(event.data)));
          window.open(url, "sign-in", "popup,width=480,height=720");
        }, asks({ prompt: "login consent", response_mode: mode })),
      ]);
      await signIn(popup);
      await popup.getByRole("button", { name: "Allow", exact: true }).click();
      await popup.getByRole("heading", { level: 1, name: "Back", exact: true }).waitFor();
      // As a client's callback does.
      assert.ok(await popup.evaluate(() => window.opener !== null), "the tie was cut on the way");
      await popup.evaluate(() => window.opener.postMessage("signed in", "*"));
      assert.equal(await page.evaluate(() => window.heard), "signed in");
    });
  }

  for (const leadsOnTo of ["com.example.app:/done", "http://localhost:1/elsewhere"]) {
    for (const [act, mode] of [["Allow", "query"], ["Deny", "query"], ["Allow", "form_post"]]) {
      test(`a callback redirects on to ${leadsOnTo} after ${act} (${mode})`, async () => {
        party.leadsOnTo = leadsOnTo;
        const [said, asked] = [[], []];
        page.on("console", (message) => said.push(message.text()));
        page.on("request", (request) => asked.push(request.url()));
        await page.goto(asks({ prompt: "login consent", response_mode: mode }));
        await signIn(page);
        const left = page.waitForEvent("request", (request) => request.url() === leadsOnTo);
        await page.getByRole("button", { name: act, exact: true }).click();
        await left;
        assert.deepEqual(said.filter((text) => text.includes("Content Security Policy")), [], asked.join("\n"));
      });
    }
  }
});
