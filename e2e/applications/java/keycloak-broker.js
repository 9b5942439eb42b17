import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";

export const title = "Keycloak 26.7.3 as a broker";
export const needs = ["java", "mvn", "unzip"];

const VERSION = "26.7.3";

export async function connect(kit) {
  const home = join(kit.installed, `keycloak-${VERSION}`);
  if (!existsSync(home)) {
    const copy = ["org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy", `-Dartifact=org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`, `-DoutputDirectory=${kit.installed}`];
    await kit.run("mvn", ["--batch-mode", "--quiet", ...copy]);
    await kit.run("unzip", ["-q", join(kit.installed, `keycloak-quarkus-dist-${VERSION}.zip`), "-d", kit.installed]);
  }
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const realm = `${base}/realms/demo`;
  const { id, secret } = await kit.client("keycloak", realm);
  const env = { KC_BOOTSTRAP_ADMIN_USERNAME: "admin", KC_BOOTSTRAP_ADMIN_PASSWORD: "not-secret", KC_DB: "dev-mem", KC_HTTP_MANAGEMENT_PORT: `${await kit.port()}` };
  await kit.start(join(home, "bin/kc.sh"), ["start-dev", `--http-port=${port}`], { env, until: `${base}/realms/master` });

  const form = new URLSearchParams({ grant_type: "password", client_id: "admin-cli", username: "admin", password: "not-secret" });
  const { access_token: token } = await (await fetch(`${base}/realms/master/protocol/openid-connect/token`, { method: "POST", body: form })).json();
  const admin = async (path, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${base}/admin/realms${path}`, { headers, ...(body && { method: "POST", body: JSON.stringify(body) }) });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
    return body ? undefined : answer.json();
  };
  await admin("", { realm: "demo", enabled: true, sslRequired: "none" });
  await admin("/demo/identity-provider/instances", {
    alias: "doorward",
    providerId: "oidc",
    enabled: true,
    trustEmail: true,
    config: {
      clientId: id,
      clientSecret: secret,
      clientAuthMethod: "client_secret_basic",
      issuer: kit.issuer,
      authorizationUrl: `${kit.issuer}/oauth2/authorize`,
      tokenUrl: `${kit.issuer}/oauth2/token`,
      userInfoUrl: `${kit.issuer}/oauth2/userinfo`,
      jwksUrl: `${kit.issuer}/oauth2/jwks`,
      useJwksUrl: "true",
      validateSignature: "true",
      pkceEnabled: "true",
      pkceMethod: "S256",
      defaultScope: "openid profile email",
    },
  });

  const page = await kit.page();
  const account = { client_id: "account-console", redirect_uri: `${realm}/account`, response_type: "code", scope: "openid", kc_idp_hint: "doorward", code_challenge_method: "S256", code_challenge: "a".repeat(43) };
  await page.goto(`${realm}/protocol/openid-connect/auth?${new URLSearchParams(account)}`);
  await kit.signIn(page, realm);
  const [user] = await admin("/demo/users?username=alice");
  assert.equal(user?.username, "alice");
  assert.match(user.email, /@/);
  assert.equal(user.emailVerified, true);
  return ["sign-in", "name and e-mail"];
}
