// What only a browser can tell about the pages: that the decision is in sight, that a form on its way shows it and is sent once, that Back leads
// on, and that the demo can be used from a phone.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { launch, visitor } from "../fixture/browser.js";
import { startDoorward } from "../fixture/doorward.js";

const SMALL = { name: "small", viewport: { width: 360, height: 800 }, isMobile: true, hasTouch: true, colorScheme: "dark" };
const DESKTOP = { name: "low", viewport: { width: 1280, height: 800 }, colorScheme: "light" };
// RFC 7636 appendix B.
const CODE_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

let browser;
let doorward;
before(async () => {
  browser = await launch();
  doorward = await startDoorward();
});
after(async () => {
  await browser?.close();
  await doorward?.stop();
});

const heading = (page, text) => page.getByRole("heading", { level: 1, name: text, exact: true }).waitFor();
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

async function signIn(page, { env } = doorward) {
  await page.getByLabel("Username or email", { exact: true }).fill(env.USERNAME);
  await page.getByLabel("Password", { exact: true }).fill(env.PASSWORD);
  await press(page, "Sign in");
}

function everything() {
  const url = new URL("/oauth2/authorize", doorward.issuer);
  url.search = new URLSearchParams({
    client_id: doorward.env.CLIENT_ID,
    redirect_uri: `${doorward.issuer}/demo/callback`,
    response_type: "code",
    scope: "openid profile email address phone offline_access",
    state: "a state",
    prompt: "consent",
    code_challenge: CODE_CHALLENGE,
    code_challenge_method: "S256",
  });
  return url.href;
}

for (const look of [SMALL, DESKTOP]) {
  describe(look.name, () => {
    test("Deny and Allow are in sight without scrolling, whatever there is to read", async () => {
      const person = await visitor(browser, look, [doorward.issuer]);
      const { page } = person;
      await page.goto(everything());
      await signIn(page);
      await heading(page, "Demo Web wants to use your account");
      await inSight(page, ["Deny", "Allow"]);
      await person.look("consent-in-sight");

      const answer = await fetch(`${doorward.issuer}/oauth2/device_authorization`, {
        method: "POST",
        body: new URLSearchParams({ client_id: doorward.env.PUBLIC_CLIENT_ID, scope: "openid profile email address phone offline_access" }),
      });
      const device = await answer.json();
      await page.goto(device.verification_uri_complete);
      await inSight(page, ["Yes, go on"]);
      await press(page, "Yes, go on");
      await heading(page, "Sign in on Demo App?");
      // RFC 8628 section 3.3.1: to be compared with the device's.
      await page.locator(".compare").getByText(device.user_code, { exact: true }).waitFor();
      await inSight(page, ["Deny", "Allow"]);
      await person.look("device-consent-in-sight");
      await press(page, "Deny");
      await heading(page, "Your device is not signed in");
      await person.close();
    });
  });
}

test("a form on its way shows it, and is sent once", async () => {
  const person = await visitor(browser, DESKTOP, [doorward.issuer]);
  const { page } = person;
  let posts = 0;
  await page.route(/\/sign-in(\?|$)/, async (route) => {
    if (route.request().method() === "POST") {
      posts += 1;
      await sleep(700);
    }
    await route.continue();
  });
  await page.goto(everything());
  const button = page.getByRole("button", { name: "Sign in", exact: true });
  await page.getByLabel("Username or email", { exact: true }).fill(doorward.env.USERNAME);
  await page.getByLabel("Password", { exact: true }).fill(doorward.env.PASSWORD);
  assert.equal(await button.getAttribute("aria-busy"), null);
  // At once, within the page: the browser has a new one on its way afterwards.
  const pressed = await button.evaluate((element) => {
    element.click();
    const shown = [element.getAttribute("aria-busy"), document.querySelector("[role=status]").textContent];
    element.click();
    return shown;
  });
  assert.deepEqual(pressed, ["true", "One moment"]);
  await heading(page, "Demo Web wants to use your account");
  assert.equal(posts, 1);
  await person.close();
});

test("the demo: Back leads on, signing out is told, tokens are shown as they came", async () => {
  const person = await visitor(browser, SMALL, [doorward.issuer]);
  const { page } = person;
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto(`${doorward.issuer}/demo/`);
  assert.equal(await page.getByRole("img", { name: /QR code/ }).count(), 0, "a phone cannot reach localhost");
  await page.getByRole("link", { name: "Sign in with Doorward" }).click();
  await signIn(page);
  await heading(page, "Acme Notes wants to use your account");
  await press(page, "Allow");
  await heading(page, "You are signed in");
  await person.look("tokens");
  const raw = await page.locator("#id-token-raw + .raw code").textContent();
  assert.match(raw, /^[\w-]+\.[\w-]+\.[\w-]+$/, "RFC 7515 section 7.1");
  await page.getByRole("button", { name: "Copy: ID Token" }).click();
  await page.getByRole("button", { name: "Copied: ID Token" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), raw);
  for (const token of ["access-token-raw", "refresh-token-raw"]) {
    assert.ok(await page.locator(`#${token} + .raw code`).textContent(), token);
  }
  await page.getByText(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(in \d+ minutes\)$/).first().waitFor();

  await page.goBack();
  await heading(page, "You have answered this already");
  await person.look("over");
  await page.getByRole("link", { name: "Go to Acme Notes" }).click();
  await heading(page, "Your notes are behind a door");

  await page.goto(`${doorward.issuer}/demo/result`);
  await page.getByRole("link", { name: "Sign out" }).click();
  await page.getByText("Alice Example is signed out").waitFor();
  await person.look("demo-signed-out");
  await page.getByRole("link", { name: "Sign in with Doorward" }).click();
  await heading(page, "Sign in to Acme Notes");

  await page.goto(`${doorward.issuer}/demo/tv`);
  await heading(page, "Sign this television in");
  assert.equal(await page.getByRole("img", { name: /QR code/ }).count(), 0);
  assert.ok(!(await page.locator("main .lead").innerText()).includes("phone"), "nor is it told to scan there");
  await person.close();
});

test("demo --lan stands where a phone reaches it, and shows its QR code on whole pixels", async () => {
  const lan = await startDoorward(["--lan"]);
  assert.match(lan.issuer, /^https:\/\/(\[|\d)/);
  assert.ok(!lan.issuer.includes("127.0.0.1"), lan.issuer);
  const person = await visitor(browser, { ...SMALL, ignoreHTTPSErrors: true }, [lan.issuer]);
  const { page } = person;
  const sharp = async () => {
    const qr = page.getByRole("img", { name: /QR code/ });
    await qr.waitFor();
    const { width, modules } = await qr.evaluate((svg) => ({ width: svg.getBoundingClientRect().width, modules: svg.viewBox.baseVal.width }));
    assert.equal(width % modules, 0, `${modules} modules on ${width} pixels`);
  };
  try {
    await page.goto(`${lan.issuer}/demo/`);
    await sharp();
    await person.look("lan");
    await page.getByRole("link", { name: "Sign in with Doorward" }).click();
    await signIn(page, lan);
    await heading(page, "Acme Notes wants to use your account");
    await press(page, "Allow");
    await heading(page, "You are signed in");
    await page.goto(`${lan.issuer}/demo/tv`);
    await sharp();
    await page.getByText("Scan the code with a phone").waitFor();
    await person.look("lan-television");
  } finally {
    await person.close();
    await lan.stop();
  }
});

async function inSight(page, names) {
  await page.evaluate(() => scrollTo(0, 0));
  for (const name of names) {
    const { y, height } = await page.getByRole("button", { name, exact: true }).boundingBox();
    assert.ok(y + height <= 800, `${name} ends at ${y + height}`);
  }
}
