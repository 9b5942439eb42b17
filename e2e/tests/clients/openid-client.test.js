// npm's openid-client, a certified relying party that nobody here wrote, through every endpoint. The browser's part is a small user
// agent that fills in the real forms.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import * as client from "openid-client";
import { POST_LOGOUT_REDIRECT_URI, REDIRECT_URI, startDoorward } from "../../fixture/doorward.js";
import { UserAgent } from "../../fixture/user-agent.js";

let doorward;
let person;
before(async () => {
  doorward = await startDoorward();
  person = { username: doorward.env.USERNAME, password: doorward.env.PASSWORD };
});
after(() => doorward?.stop());

const SCOPE = "openid profile email";

const KINDS = [
  {
    name: "a confidential client, its secret in the header",
    id: (env) => env.CLIENT_ID,
    authentication: (env) => client.ClientSecretBasic(env.CLIENT_SECRET),
    confidential: true,
  },
  {
    name: "a confidential client, its secret in the form",
    id: (env) => env.CLIENT_ID,
    authentication: (env) => client.ClientSecretPost(env.CLIENT_SECRET),
    confidential: true,
  },
  { name: "a public client", id: (env) => env.PUBLIC_CLIENT_ID, authentication: () => client.None(), confidential: false },
];

for (const kind of KINDS) {
  describe(kind.name, () => {
    let config;
    let agent;
    before(async () => {
      config = await configure(kind);
      agent = new UserAgent(doorward.issuer);
    });

    test("discovers, signs in with code and PKCE, and trusts the ID Token (Core section 3.1.3.7)", async () => {
      const { tokens, nonce } = await signIn(config, agent);
      const claims = tokens.claims();
      assert.equal(claims.iss, doorward.issuer);
      assert.equal(claims.aud, kind.id(doorward.env));
      assert.equal(claims.nonce, nonce);
      assert.equal(header(tokens.id_token).alg, "RS256");
      assert.equal(claims.at_hash, leftHalf(tokens.access_token), "Core section 3.1.3.6");
      assert.equal(tokens.token_type, "bearer");
      assert.deepEqual(tokens.scope.split(" ").sort(), SCOPE.split(" ").sort());

      const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
      assert.equal(userinfo.preferred_username, doorward.env.USERNAME);
      assert.match(userinfo.email, /@/);
    });

    test("rotates refresh tokens; one used again ends the grant (RFC 9700 section 4.14.2)", async () => {
      const { tokens: first } = await signIn(config, agent);
      const second = await client.refreshTokenGrant(config, first.refresh_token);
      assert.notEqual(second.refresh_token, first.refresh_token);
      assert.equal(second.claims().sub, first.claims().sub);
      assert.equal(second.claims().auth_time, first.claims().auth_time, "Core section 12.2");
      assert.equal(second.claims().at_hash, leftHalf(second.access_token));

      const narrow = await client.refreshTokenGrant(config, second.refresh_token, { scope: "openid" });
      assert.doesNotMatch(narrow.scope, /email/);
      await client.fetchUserInfo(config, narrow.access_token, first.claims().sub);

      await refused("invalid_grant", client.refreshTokenGrant(config, first.refresh_token));
      await refused("invalid_grant", client.refreshTokenGrant(config, narrow.refresh_token));
      await noUserInfo(config, narrow.access_token);
    });

    test("revokes: an access token alone, or with a refresh token everything (RFC 7009)", async () => {
      const { tokens } = await signIn(config, agent);
      await client.tokenRevocation(config, tokens.access_token, { token_type_hint: "access_token" });
      await noUserInfo(config, tokens.access_token);

      const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
      await client.fetchUserInfo(config, refreshed.access_token, tokens.claims().sub);
      await client.tokenRevocation(config, refreshed.refresh_token);
      await noUserInfo(config, refreshed.access_token);
      await refused("invalid_grant", client.refreshTokenGrant(config, refreshed.refresh_token));
    });

    test("a code is good once, and a second use revokes what the first got (RFC 6749 section 4.1.2)", async () => {
      const asked = await ask(config);
      const arrived = await walk(agent, asked.url);
      const tokens = await redeem(config, asked, arrived);
      await refused("invalid_grant", redeem(config, asked, arrived));
      await noUserInfo(config, tokens.access_token);
    });

    test("a code is no use without its verifier (RFC 7636 section 4.6)", async () => {
      const asked = await ask(config);
      const arrived = await walk(agent, asked.url);
      const guessed = { ...asked, verifier: client.randomPKCECodeVerifier() };
      await refused("invalid_grant", redeem(config, guessed, arrived));
    });

    for (const mode of ["query", "fragment", "form_post"]) {
      test(`takes the answer by response_mode=${mode}`, async () => {
        const asked = await ask(config, { response_mode: mode });
        const arrived = await walk(agent, asked.url);
        const where = { query: arrived.search, fragment: arrived.hash, form_post: arrived.method === "POST" };
        assert.ok(where[mode]);
        const tokens = await redeem(config, asked, mode === "fragment" ? asAppsDo(arrived) : arrived);
        assert.equal(tokens.claims().nonce, asked.nonce);
      });
    }

    test("prompt=none asks nobody: an answer when signed in, an error when not (Core section 3.1.2.6)", async () => {
      await signIn(config, agent);
      const asked = await ask(config, { prompt: "none" });
      const tokens = await redeem(config, asked, await agent.open(asked.url));
      assert.equal(tokens.claims().nonce, asked.nonce);

      const stranger = await ask(config, { prompt: "none" });
      const answer = await new UserAgent(doorward.issuer).open(stranger.url);
      await refused("login_required", redeem(config, stranger, answer));
      assert.equal(answer.searchParams.get("state"), stranger.state);
    });

    test("max_age makes an old sign-in count no longer (Core section 3.1.2.1)", async () => {
      const { tokens: before } = await signIn(config, agent);
      const soon = await ask(config, { max_age: "3600", prompt: "none" });
      const kept = await redeem(config, soon, await agent.open(soon.url), { maxAge: 3600 });
      assert.equal(kept.claims().auth_time, before.claims().auth_time);

      const now = await ask(config, { max_age: "0" });
      const page = await agent.open(now.url);
      assert.match(page.title, /^Sign in again as /);
      const renewed = await redeem(config, now, await answerForms(agent, page), { maxAge: 5 });
      assert.ok(renewed.claims().auth_time >= before.claims().auth_time);
    });

    test("ends the session with id_token_hint, and comes back with state (RP-Initiated Logout section 2)", async () => {
      const { tokens } = await signIn(config, agent);
      const { tokens: offline } = await signIn(config, agent, { scope: `${SCOPE} offline_access` });
      const state = client.randomState();
      const url = client.buildEndSessionUrl(config, {
        id_token_hint: tokens.id_token,
        post_logout_redirect_uri: POST_LOGOUT_REDIRECT_URI,
        state,
      });
      assert.equal((await agent.open(url)).href, `${POST_LOGOUT_REDIRECT_URI}?state=${state}`);
      await noUserInfo(config, tokens.access_token);
      await refused("invalid_grant", client.refreshTokenGrant(config, tokens.refresh_token));
      // Core section 11: offline access is for when nobody is there.
      await client.fetchUserInfo(config, offline.access_token, offline.claims().sub);
      await client.refreshTokenGrant(config, offline.refresh_token);

      const asked = await ask(config, { prompt: "none" });
      await refused("login_required", redeem(config, asked, await agent.open(asked.url)));
    });

    test(kind.confidential ? "introspects its own tokens (RFC 7662)" : "may not introspect (RFC 7662 section 2.1)", async () => {
      const { tokens } = await signIn(config, agent);
      if (!kind.confidential) {
        // openid-client tells a 401 with a challenge by its challenge.
        await assert.rejects(client.tokenIntrospection(config, tokens.access_token), { code: "OAUTH_WWW_AUTHENTICATE_CHALLENGE" });
        return;
      }
      const told = await client.tokenIntrospection(config, tokens.access_token);
      assert.equal(told.active, true);
      assert.equal(told.sub, tokens.claims().sub);
      assert.equal(told.client_id, kind.id(doorward.env));
      assert.equal(told.scope, tokens.scope);
      assert.ok(told.exp > told.iat);
      assert.equal((await client.tokenIntrospection(config, tokens.refresh_token)).active, true);

      await client.tokenRevocation(config, tokens.refresh_token);
      for (const token of [tokens.access_token, tokens.refresh_token, "unheard of"]) {
        assert.deepEqual(await client.tokenIntrospection(config, token), { active: false });
      }
    });
  });
}

test("a wrong secret is refused, in the header with a challenge (RFC 6749 section 5.2)", async () => {
  const [basic] = KINDS;
  const config = await configure({ ...basic, authentication: () => client.ClientSecretBasic("not it") });
  await assert.rejects(client.tokenRevocation(config, "anything"), (error) => error.cause?.[0]?.scheme === "basic");
});

test("a token of another client is nobody else's business", async () => {
  const [basic] = KINDS;
  const { tokens } = await signIn(await configure(basic), new UserAgent(doorward.issuer));
  const other = await configure({
    id: (env) => env.CLIENT2_ID,
    authentication: (env) => client.ClientSecretBasic(env.CLIENT2_SECRET),
  });
  assert.deepEqual(await client.tokenIntrospection(other, tokens.access_token), { active: false });
  await refused("invalid_grant", client.refreshTokenGrant(other, tokens.refresh_token));
  await refused("unauthorized_client", client.tokenRevocation(other, tokens.access_token));
});

async function configure(kind) {
  const config = await client.discovery(
    new URL(doorward.issuer),
    kind.id(doorward.env),
    { id_token_signed_response_alg: "RS256" },
    kind.authentication(doorward.env),
    { execute: [client.allowInsecureRequests] },
  );
  // Without it the library trusts the connection instead of the ID Token's signature.
  client.enableNonRepudiationChecks(config);
  return config;
}

/** An authorization request: where to send the browser, and what to hold its answer against. */
async function ask(config, more = {}) {
  const [state, nonce, verifier] = [client.randomState(), client.randomNonce(), client.randomPKCECodeVerifier()];
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: SCOPE,
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...more,
  });
  return { url, state, nonce, verifier };
}

async function signIn(config, agent, more = {}) {
  const asked = await ask(config, more);
  return { tokens: await redeem(config, asked, await walk(agent, asked.url)), nonce: asked.nonce };
}

async function walk(agent, url) {
  return answerForms(agent, await agent.open(url));
}

/** Does what every page asks for until the browser leaves. */
async function answerForms(agent, page) {
  while (!(page instanceof URL || page instanceof Request)) {
    assert.equal(page.status, 200, page.html);
    if (page.has("Allow")) page = await agent.press(page, "Allow");
    else if (page.has("Continue")) page = await agent.press(page, "Continue");
    else page = await agent.press(page, "Sign in", person);
  }
  return page;
}

function redeem(config, asked, arrived, more = {}) {
  const checks = { expectedState: asked.state, expectedNonce: asked.nonce, pkceCodeVerifier: asked.verifier, ...more };
  return client.authorizationCodeGrant(config, arrived instanceof Request ? arrived.clone() : arrived, checks);
}

/** An app in the browser moves the fragment's parameters to where the library looks for them. */
function asAppsDo(arrived) {
  const moved = new URL(arrived);
  moved.search = moved.hash.slice(1);
  moved.hash = "";
  return moved;
}

async function refused(error, promise) {
  await assert.rejects(promise, (thrown) => {
    assert.equal(thrown.error, error, thrown.message);
    return true;
  });
}

/** RFC 6750 section 3.1: a token that is no good is answered with a challenge that says so. */
async function noUserInfo(config, accessToken) {
  await assert.rejects(client.fetchUserInfo(config, accessToken, client.skipSubjectCheck), (thrown) => {
    assert.equal(thrown.cause?.[0]?.parameters?.error, "invalid_token", thrown.message);
    return true;
  });
}

function header(jwt) {
  return JSON.parse(Buffer.from(jwt.split(".")[0], "base64url"));
}

function leftHalf(text) {
  return createHash("sha256").update(text).digest().subarray(0, 16).toString("base64url");
}
