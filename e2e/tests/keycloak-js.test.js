// keycloak-js in a browser, with its defaults, at Keycloak's paths: its frames, signing in and out, renewing, the profile, the ways to pages.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { launch, visitor } from "../fixture/browser.js";
import { startDoorward } from "../fixture/doorward.js";

const LOOK = { name: "desktop", viewport: { width: 1280, height: 900 } };
// What Chromium says of the frame that keycloak-js makes for the silent check.
const SANDBOX = "An iframe which has both allow-scripts and allow-same-origin";
const ADAPTER = await readFile(new URL(import.meta.resolve("keycloak-js")));

const APPLICATION = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Application</title><link rel="icon" href="data:,">
<h1>Application</h1><script type="module">
import Keycloak from "/keycloak.js";
window.start = async (config, options) => {
  window.keycloak = new Keycloak(config);
  window.happened = [];
  window.keycloak.onAuthLogout = () => window.happened.push("signed out");
  return window.keycloak.init(options);
};
window.ready = true;
</script></html>`;
// What the documentation of keycloak-js has applications serve for the silent check.
const SILENT = `<!doctype html><html lang="en"><title>Silent</title><link rel="icon" href="data:,">
<script>parent.postMessage(location.href, location.origin);</script></html>`;

async function startApplication() {
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    response.setHeader("content-type", path === "/keycloak.js" ? "text/javascript" : "text/html");
    response.end({ "/keycloak.js": ADAPTER, "/silent.html": SILENT }[path] ?? APPLICATION);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port: server.address().port, stop };
}

let browser;
let doorward;
let application;
before(async () => {
  [browser, doorward, application] = await Promise.all([launch(), startDoorward(), startApplication()]);
});
after(async () => {
  application?.stop();
  await doorward?.stop();
  await browser?.close();
});

// Of one site with the provider (ports are no part of a site), where its cookies come along with a frame; and of another, where they do not.
const host = () => new URL(doorward.issuer).hostname;
const other = () => (host() === "localhost" ? "127.0.0.1" : "localhost");

for (const [where, hostname] of [
  ["of the same site", host],
  ["of another site", other],
]) {
  describe(`an application ${where}`, () => {
    let origin;
    let person;
    let page;
    let config;
    before(async () => {
      origin = `http://${hostname()}:${application.port}`;
      const clientId = `spa-${hostname().replaceAll(".", "-")}`;
      config = { url: doorward.issuer, realm: "demo", clientId };
      const uris = ["/", "/silent.html"].flatMap((path) => ["--redirect-uri", origin + path]);
      await doorward.command(
        "client", "add", clientId, "--authentication", "none", "--consent", "implicit", ...uris,
        "--post-logout-redirect-uri", `${origin}/`,
      );
    });
    beforeEach(async () => {
      person = await visitor(browser, LOOK, [doorward.issuer, origin], SANDBOX);
      page = person.page;
    });
    afterEach(() => person.close());

    const sameSite = () => hostname() === host();
    const open = async () => {
      await page.goto(`${origin}/`);
      await page.waitForFunction(() => window.ready);
    };
    const start = (options) => page.evaluate(([config, options]) => window.start(config, options), [config, options]);
    const signIn = async () => {
      await page.getByLabel("Username or email", { exact: true }).or(page.getByLabel("Username", { exact: true })).first().fill(doorward.env.USERNAME);
      await page.getByLabel("Password", { exact: true }).fill(doorward.env.PASSWORD);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await page.waitForURL((url) => url.origin === origin);
      await page.waitForFunction(() => window.ready);
    };
    /** Signed in, back in the application, and started there. */
    const signedIn = async () => {
      await open();
      assert.equal(await start({}), false);
      const leaving = page.waitForURL((url) => url.origin === doorward.issuer);
      await page.evaluate(() => void window.keycloak.login());
      await leaving;
      await signIn();
      assert.equal(await start({ checkLoginIframeInterval: 1 }), true);
    };

    test("signs in, reads who it is, and renews", async () => {
      await signedIn();
      const told = await page.evaluate(() => {
        const { idTokenParsed, tokenParsed, refreshTokenParsed, sessionId, subject } = window.keycloak;
        return { idTokenParsed, tokenParsed, refreshTokenParsed, sessionId, subject };
      });
      for (const token of [told.tokenParsed, told.idTokenParsed]) {
        assert.equal(token.preferred_username, doorward.env.USERNAME);
        assert.equal(token.azp, config.clientId);
        assert.ok(token.name && token.email, JSON.stringify(token));
      }
      assert.deepEqual([told.tokenParsed.typ, told.idTokenParsed.typ, told.refreshTokenParsed.typ], ["Bearer", "ID", "Refresh"]);
      assert.equal(told.sessionId, told.idTokenParsed.sid);
      assert.equal(told.refreshTokenParsed.sid, told.sessionId);
      // Three at once are one request; and then again, with the successor.
      assert.deepEqual(await page.evaluate(() => Promise.all([1, 2, 3].map(() => window.keycloak.updateToken(-1)))), [true, true, true]);
      assert.equal(await page.evaluate(() => window.keycloak.updateToken(-1)), true);
      const info = await page.evaluate(() => window.keycloak.loadUserInfo());
      assert.equal(info.sub, told.subject);
      const profile = await page.evaluate(() => window.keycloak.loadUserProfile());
      assert.deepEqual([profile.id, profile.username], [told.subject, doorward.env.USERNAME]);
      const account = await page.evaluate(() => window.keycloak.createAccountUrl());
      const register = await page.evaluate(() => window.keycloak.createRegisterUrl());
      await page.goto(account);
      await page.getByText("You are signed in as").waitFor();
      await page.goto(register);
      await page.getByRole("button", { name: "Create account", exact: true }).waitFor();
    });

    test("looks silently whether somebody is signed in, and leaves where that cannot be seen", async () => {
      await open();
      // Nobody is: where the frame can tell, the page stays; elsewhere it asks by a redirect.
      const options = { onLoad: "check-sso", silentCheckSsoRedirectUri: `${origin}/silent.html` };
      if (sameSite()) {
        assert.equal(await start(options), false);
      }
      await signedIn();
      await open();
      if (sameSite()) {
        assert.equal(await start(options), true);
        assert.equal(new URL(page.url()).origin, origin);
        return;
      }
      const back = page.waitForURL((url) => url.hash.includes("code="));
      await page.evaluate(([config, options]) => void window.start(config, options), [config, options]);
      await back;
      await page.waitForFunction(() => window.ready);
      assert.equal(await start(options), true);
    });

    test("signs out", async () => {
      await signedIn();
      await page.evaluate(() => {
        window.leaving = true;
        void window.keycloak.logout();
      });
      // Another page of the application, by way of the provider.
      await page.waitForURL((url) => url.origin === origin);
      await page.waitForFunction(() => window.ready && !window.leaving);
      await page.goto(doorward.issuer);
      assert.equal(await page.getByText("You are signed in as").count(), 0);
    });

    // Of another site's page, browsers keep the session cookie from its frame.
    if (hostname === host) {
      test("notices within seconds that the session is over", { timeout: 60_000 }, async () => {
        await signedIn();
        const elsewhere = await page.context().newPage();
        await elsewhere.goto(`${doorward.issuer}/oauth2/logout`);
        await elsewhere.getByRole("button", { name: "Sign out", exact: true }).click();
        await elsewhere.getByRole("heading", { name: "You are signed out" }).waitFor();
        await page.waitForFunction(() => window.happened.includes("signed out"), null, { timeout: 30_000 });
        assert.equal(await page.evaluate(() => window.keycloak.authenticated), false);
      });
    }
  });
}
