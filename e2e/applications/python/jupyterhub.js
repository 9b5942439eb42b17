export const title = "JupyterHub 6.1.1 with oauthenticator 17.4.0";
export const needs = ["python3", "npm"];

const CONFIG = ({ issuer, id, secret, base, ports: [port, api, hub] }) => `
c = get_config()
c.JupyterHub.bind_url = "${base}"
c.JupyterHub.hub_port = ${hub}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:${api}"
c.JupyterHub.authenticator_class = "generic-oauth"
c.JupyterHub.spawner_class = "simple"
c.GenericOAuthenticator.client_id = "${id}"
c.GenericOAuthenticator.client_secret = "${secret}"
c.GenericOAuthenticator.oauth_callback_url = "${base}/hub/oauth_callback"
c.GenericOAuthenticator.authorize_url = "${issuer}/oauth2/authorize"
c.GenericOAuthenticator.token_url = "${issuer}/oauth2/token"
c.GenericOAuthenticator.userdata_url = "${issuer}/oauth2/userinfo"
c.GenericOAuthenticator.scope = ["openid", "profile", "email"]
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.allow_all = True
c.JupyterHub.redirect_to_server = False
`;

export async function connect(kit) {
  const bin = await kit.python("jupyterhub==6.1.1", "oauthenticator==17.4.0");
  const proxy = await kit.npm("configurable-http-proxy@5.1.0");
  const ports = [await kit.port(), await kit.port(), await kit.port()];
  const base = `http://localhost:${ports[0]}`;
  const { id, secret } = await kit.client("jupyterhub", base);
  await kit.write("config.py", CONFIG({ issuer: kit.issuer, id, secret, base, ports }));
  const path = `${proxy}/node_modules/.bin:${bin}:${process.env.PATH}`;
  await kit.start(`${bin}/jupyterhub`, ["-f", "config.py"], { env: { PATH: path }, until: /JupyterHub is now running/ });

  const page = await kit.page();
  await page.goto(`${base}/hub/oauth_login`);
  await kit.signIn(page, base);
  await page.goto(`${base}/hub/home`);
  await page.getByText("alice").first().waitFor();
  return ["sign-in", "name"];
}
