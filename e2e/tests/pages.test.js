// The pages, as people go through them in a real Chromium: on a desktop and a phone, light and dark, and with scripts turned off.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { LOOKS, launch, visitor } from "../fixture/browser.js";
import { startDoorward } from "../fixture/doorward.js";
import { startRelyingParty } from "../fixture/relying-party.js";

// RFC 7636 appendix B. Nothing is redeemed here.
const CODE_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

// What a page looks like changes nothing of these.
const BEHAVIOUR = ["desktop", "no-script"];

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

for (const look of LOOKS) {
  describe(look.name, () => {
    let doorward;
    let party;
    let person;
    let page;
    before(async () => {
      party = await startRelyingParty();
      doorward = await startDoorward();
    });
    after(async () => {
      party?.stop();
      await doorward?.stop();
    });
    beforeEach(async () => {
      // What a fragment or a deep path leads to is asked of the relying party's origin; nobody else is asked anything.
      person = await visitor(browser, look, [doorward.issuer, party.origin]);
      page = person.page;
    });
    afterEach(() => person.close());

    const behaves = BEHAVIOUR.includes(look.name) ? test : () => {};
    const heading = (text) => page.getByRole("heading", { level: 1, name: text, exact: true }).waitFor();
    const press = (name) => page.getByRole("button", { name, exact: true }).click();
    const type = (label, value) => page.getByLabel(label === "Username" ? /^Username( or email)?$/ : label, { exact: true }).fill(value);

    function asks(more = {}) {
      const url = new URL("/oauth2/authorize", doorward.issuer);
      url.search = new URLSearchParams({
        client_id: doorward.env.CLIENT_ID,
        redirect_uri: party.callback,
        response_type: "code",
        scope: "openid profile email",
        state: "a state",
        code_challenge: CODE_CHALLENGE,
        code_challenge_method: "S256",
        ...more,
      });
      return url.href;
    }

    async function signIn(password = doorward.env.PASSWORD) {
      await type("Username", doorward.env.USERNAME);
      await type("Password", password);
      await press("Sign in");
    }

    async function returned(expected) {
      await heading("Back");
      const { method, params } = party.arrived();
      assert.equal(params.state, "a state");
      assert.equal(params.iss, doorward.issuer, "RFC 9207");
      assert.deepEqual({ method, error: params.error }, { method: "GET", error: undefined, ...expected });
      assert.equal(Boolean(params.code), !params.error);
    }

    test("a first visit, a second one without a password, and the way out", async () => {
      await page.goto(`${doorward.issuer}/demo/`);
      await person.look("demo");
      await page.getByRole("link", { name: "Sign in with Doorward" }).click();

      await heading("Sign in to Acme Notes");
      await person.look("sign-in");
      await signIn("not the password");
      await page.getByRole("alert").getByText("The username or the password is not right.").waitFor();
      assert.equal(await page.getByLabel("Username").inputValue(), doorward.env.USERNAME, "what was typed is kept");
      assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "", "except the password");
      await person.look("sign-in-wrong");
      await signIn();

      await heading("Acme Notes wants to use your account");
      await person.look("consent");
      await press("Allow");

      await heading("You are signed in");
      for (const part of ["ID Token", "Access token", "UserInfo answer", "Introspection answer"]) {
        await page.getByRole("heading", { level: 2, name: part }).waitFor();
      }
      const shown = await page.locator("main").innerText();
      for (const word of ['"alg": "RS256"', '"at_hash"', '"active": true', '"preferred_username"']) {
        assert.ok(shown.includes(word), `${word} is shown`);
      }
      await person.look("result");
      if (await page.getByRole("button", { name: "Refresh the tokens" }).isVisible()) {
        await press("Refresh the tokens");
        await heading("You are signed in");
      }

      await page.goto(`${doorward.issuer}/demo/`);
      await page.getByRole("link", { name: "Sign in with Doorward" }).click();
      await heading("You are signed in");
      await page.goto(doorward.issuer);
      await heading("This is Doorward");
      await person.look("home-signed-in");

      await page.goto(`${doorward.issuer}/demo/result`);
      await page.getByRole("link", { name: "Sign out" }).click();
      await heading("Your notes are behind a door");
      await page.getByRole("link", { name: "Sign in with Doorward" }).click();
      await heading("Sign in to Acme Notes");
      await signIn();
      await heading("You are signed in");
    });

    test("denying at consent sends the browser back with access_denied", async () => {
      await page.goto(asks({ prompt: "consent", scope: "openid profile email address phone offline_access" }));
      await signIn();
      await heading("Demo Web wants to use your account");
      await person.look("consent-everything");
      await press("Deny");
      await returned({ error: "access_denied" });
    });

    behaves("cancelling at sign-in does so too", async () => {
      await page.goto(asks());
      await heading("Sign in to Demo Web");
      await press("Cancel");
      await returned({ error: "access_denied" });
    });

    test("an account is created on the way, and what is wrong stands by its field", async () => {
      await page.goto(asks({ prompt: "create" }));
      await heading("Create an account");
      await person.look("sign-up");
      await type("Email", "carol@example.org");
      await type("Username", "bob");
      await type("Password", "three words in a row");
      await press("Create account");
      await page.getByRole("alert").getByText("has an account already").waitFor();
      assert.equal(await page.getByLabel("Email", { exact: true }).inputValue(), "carol@example.org");
      await person.look("sign-up-taken");

      await type("Username", "carol@example.com");
      await type("Password", "three words in a row");
      await press("Create account");
      await page.locator("#username-problem").getByText("must be your own email address").waitFor();
      assert.equal(await page.getByLabel("Username").getAttribute("aria-invalid"), "true");
      await person.look("sign-up-refused");

      await type("Username", "carol");
      await type("Password", "three words in a row");
      await press("Create account");
      await returned();
    });

    behaves("sign-in and sign-up lead to each other", async () => {
      await page.goto(asks());
      await page.getByRole("link", { name: "Create an account" }).click();
      await heading("Create an account");
      await page.getByRole("link", { name: "Sign in" }).click();
      await heading("Sign in to Demo Web");
      await signIn();
      await returned();
    });

    test("somebody signed in chooses an account, or takes another", async () => {
      await page.goto(asks());
      await signIn();
      await returned();

      await page.goto(asks({ prompt: "select_account" }));
      await heading("Choose an account");
      await person.look("select-account");
      await page.getByRole("button", { name: "alice@example.org" }).click();
      await returned();

      await page.goto(asks({ prompt: "select_account" }));
      await press("Use another account");
      await heading("Sign in to Demo Web");
      assert.equal(await page.getByLabel("Username").inputValue(), "");
      await type("Username", "bob");
      await type("Password", doorward.env.PASSWORD);
      await press("Sign in");
      await returned();

      await page.goto(asks({ prompt: "login", login_hint: "bob" }));
      await heading("Sign in again as Bob Example");
      await person.look("sign-in-again");
    });

    test("two people are signed in side by side, each is offered, and signing out names them both", async () => {
      await page.goto(asks());
      await signIn();
      await returned();
      await page.goto(asks({ login_hint: "bob" }));
      await heading("Sign in to Demo Web");
      assert.equal(await page.getByLabel("Username or email", { exact: true }).inputValue(), "bob");
      await type("Password", doorward.env.PASSWORD);
      await press("Sign in");
      await returned();

      for (const hint of ["alice", "bob"]) {
        await page.goto(asks({ login_hint: hint, prompt: "none" }));
        await returned();
      }
      await page.goto(asks({ prompt: "none" }));
      await returned({ error: "account_selection_required" });
      await page.goto(asks());
      await heading("Choose an account");
      await person.look("select-one-of-two");
      await page.getByRole("button", { name: "alice@example.org" }).click();
      await returned();
      await page.goto(doorward.issuer);
      await page.getByText("You are signed in as Alice Example").waitFor();
      await person.look("home-two");
      await page.getByRole("link", { name: "Sign out" }).click();
      await heading("Do you want to sign out?");
      await person.look("sign-out-two");
      await press("Sign out all");
      await heading("You are signed out");
      await page.goto(asks({ login_hint: "alice", prompt: "none" }));
      await returned({ error: "login_required" });
    });

    behaves("who ticks the box stays signed in when the browser is closed, and who does not is signed out", async () => {
      const cookies = async () => {
        const all = await page.context().cookies(doorward.issuer);
        return all.filter(({ name }) => name.startsWith("doorward-session") || name === "doorward-browser");
      };
      await page.goto(asks());
      const box = page.getByLabel("Stay signed in", { exact: true });
      assert.equal(await box.isChecked(), false);
      await signIn();
      await returned();
      const gone = await cookies();
      assert.ok(gone.length > 1 && gone.every(({ expires }) => expires === -1), "nothing outlives the browser");

      await page.goto(asks({ prompt: "login" }));
      await box.check();
      await signIn("not the password");
      await page.getByRole("alert").waitFor();
      assert.equal(await box.isChecked(), true, "what was chosen is kept");
      await type("Password", doorward.env.PASSWORD);
      await press("Sign in");
      await returned();
      const stay = await cookies();
      const days = stay.map(({ expires }) => Math.round((expires - Date.now() / 1000) / 86_400));
      assert.ok(days.length > 1 && days.every((left) => left === 7), `${days}`);

      // The browser is closed: what stays is what has a date.
      const context = page.context();
      await context.clearCookies();
      await context.addCookies(stay);
      await page.goto(asks({ prompt: "none" }));
      await returned();
    });

    behaves("going back to what was answered leads on to where one came from", async () => {
      await page.goto(asks());
      const answered = page.url();
      const interaction = await page.locator("input[name=interaction]").first().inputValue();
      await signIn();
      await returned();
      const over = await page.goto(new URL(`/sign-in?interaction=${interaction}`, answered).href);
      assert.equal(over.status(), 400);
      await heading("You have answered this already");
      await person.look("answered");
      // A tab restored at the address of a form that nothing is known of.
      await page.goto(`${doorward.issuer}/consent`);
      await heading("This is Doorward");
    });

    test("an answer by form_post arrives by itself, or with one press of Continue", async () => {
      await page.goto(asks({ response_mode: "form_post" }));
      await signIn();
      if (look.javaScriptEnabled === false) {
        await heading("Taking you back");
        await person.look("form-post");
        await press("Continue");
      }
      await returned({ method: "POST" });
    });

    behaves("an answer in the fragment stays in the browser", async () => {
      await page.goto(asks({ response_mode: "fragment" }));
      await signIn();
      await heading("Back");
      const fragment = new URLSearchParams(new URL(page.url()).hash.slice(1));
      assert.equal(fragment.get("state"), "a state");
      assert.ok(fragment.get("code"));
      assert.deepEqual(party.arrived().params, {}, "it is not sent to anybody");
    });

    test("a client nobody knows gets the browser nowhere (RFC 6749 section 4.1.2.1)", async () => {
      const refused = await page.goto(asks({ client_id: "nobody" }));
      assert.equal(refused.status(), 400);
      await heading("We couldn't complete this sign-in");
      assert.equal(new URL(page.url()).origin, doorward.issuer);
      await person.look("error");

      assert.equal((await page.goto(asks({ redirect_uri: "https://evil.example/callback" }))).status(), 400);
      assert.equal(new URL(page.url()).origin, doorward.issuer);
      await page.getByText("redirect_uri is not registered for this client", { exact: false }).waitFor();
    });

    test("an address that leads nowhere says so", async () => {
      assert.equal((await page.goto(`${doorward.issuer}/nowhere`)).status(), 404);
      await heading("There is nothing here");
      await person.look("not-found");
    });

    behaves("going back after signing in posts no password again", async () => {
      await page.goto(asks({ prompt: "consent" }));
      await signIn();
      await heading("Demo Web wants to use your account");
      const reloaded = await page.reload();
      assert.equal(reloaded.request().method(), "GET");
      await press("Allow");
      await returned();
      const [, again] = await Promise.all([page.goBack(), page.waitForResponse((response) => response.request().isNavigationRequest())]);
      assert.equal(again.request().method(), "GET");
      await person.look("going-back");
    });

    test("signing out without a hint is asked about first", async () => {
      await page.goto(asks());
      await signIn();
      await returned();
      await page.goto(doorward.issuer);
      await page.getByRole("link", { name: "Sign out" }).click();
      await heading("Do you want to sign out?");
      await person.look("sign-out");
      await press("Stay signed in");
      await page.getByText("You are signed in as").waitFor();
      await page.goto(`${doorward.issuer}/oauth2/logout`);
      await press("Sign out");
      await heading("You are signed out");
      await person.look("signed-out");
      await page.goto(asks());
      await heading("Sign in to Demo Web");
    });

    behaves("the keyboard is enough", async () => {
      const { keyboard } = page;
      const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
      await page.goto(asks({ prompt: "consent" }));
      await heading("Sign in to Demo Web");
      assert.equal(await focused(), "username", "where one begins");
      await keyboard.type(doorward.env.USERNAME);
      await keyboard.press("Tab");
      assert.equal(await focused(), "password");
      await keyboard.type("not it");
      await keyboard.press("Enter");
      await page.getByRole("alert").waitFor();

      // The cursor stands where one goes on, or at the summary before it.
      for (let steps = 0; (await focused()) !== "password"; steps += 1) {
        assert.ok(steps < 4, `the password is not reached from ${await focused()}`);
        await keyboard.press("Tab");
      }
      assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
      await keyboard.type(doorward.env.PASSWORD);
      await keyboard.press("Enter");

      await heading("Demo Web wants to use your account");
      for (let steps = 0; (await focused()) !== "Allow"; steps += 1) {
        assert.ok(steps < 4, "Allow is reached");
        await keyboard.press("Tab");
      }
      await keyboard.press("Enter");
      await returned();
    });

    if (look.javaScriptEnabled !== false) {
      test("the password can be looked at, and is hidden again before it is sent", async () => {
        await page.goto(asks());
        await type("Password", "seen");
        const field = page.locator("#password");
        await press("Show password");
        assert.equal(await field.getAttribute("type"), "text");
        await person.look("password-shown");
        await press("Hide password");
        assert.equal(await field.getAttribute("type"), "password");
      });
    }
  });
}
