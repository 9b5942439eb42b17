import assert from "node:assert/strict";

export const title = "Synapse 1.163.2";
export const needs = ["python3"];

export async function connect(kit) {
  const bin = await kit.python("matrix-synapse[oidc]==1.163.2");
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("synapse", base);
  await kit.run(`${bin}/python`, ["-m", "synapse.app.homeserver", "-c", "homeserver.yaml", "--generate-config", "--server-name", "localhost", "--report-stats", "no"]);
  await kit.write(
    "doorward.yaml",
    `
public_baseurl: ${base}/
suppress_key_server_warning: true
listeners: [{ port: ${port}, type: http, bind_addresses: ["127.0.0.1"], resources: [{ names: [client] }] }]
oidc_providers:
  - idp_id: doorward
    idp_name: Doorward
    issuer: ${kit.issuer}
    client_id: ${id}
    client_secret: ${secret}
    scopes: [openid, profile, email]
    user_mapping_provider: { config: { localpart_template: "{{ user.preferred_username }}", display_name_template: "{{ user.name }}" } }
`,
  );
  await kit.start(`${bin}/python`, ["-m", "synapse.app.homeserver", "-c", "homeserver.yaml", "-c", "doorward.yaml"], { until: `${base}/_matrix/client/versions` });

  const page = await kit.page();
  await page.goto(`${base}/_matrix/client/v3/login/sso/redirect/oidc-doorward?redirectUrl=${encodeURIComponent("http://localhost:9/matrix")}`);
  await kit.signIn(page, base);
  const link = await page.getByRole("link", { name: /continue/i }).getAttribute("href");
  const token = new URL(link).searchParams.get("loginToken");
  const login = await fetch(`${base}/_matrix/client/v3/login`, { method: "POST", body: JSON.stringify({ type: "m.login.token", token }) });
  const { user_id: user, access_token: access } = await login.json();
  assert.equal(user, "@alice:localhost");
  const profile = await fetch(`${base}/_matrix/client/v3/profile/${encodeURIComponent(user)}/displayname`, { headers: { authorization: `Bearer ${access}` } });
  assert.match((await profile.json()).displayname, /^Alice/);
  return ["sign-in", "name"];
}
