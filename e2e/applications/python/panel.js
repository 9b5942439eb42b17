export const title = "Panel 1.9.4";
export const needs = ["python3"];

const APP = `
import panel as pn
info = pn.state.user_info or {}
pn.pane.Markdown(f"signed in: {info.get('name')} {info.get('email')}").servable()
`;

export async function connect(kit) {
  const bin = await kit.python("panel==1.9.4", "cryptography==46.0.3");
  await kit.write("app.py", APP);
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("panel", base);
  const extra = JSON.stringify({
    AUTHORIZE_URL: `${kit.issuer}/oauth2/authorize`,
    TOKEN_URL: `${kit.issuer}/oauth2/token`,
    USER_URL: `${kit.issuer}/oauth2/userinfo`,
  }).replaceAll('"', "'");
  const oauth = ["--oauth-provider", "generic", "--oauth-key", id, "--oauth-secret", secret, "--oauth-extra-params", extra];
  const more = ["--oauth-redirect-uri", `${base}/`, "--cookie-secret", "a".repeat(32), "--oauth-encryption-key", Buffer.alloc(32, 1).toString("base64")];
  const listen = ["--port", port, "--allow-websocket-origin", `localhost:${port}`];
  await kit.start(`${bin}/panel`, ["serve", "app.py", ...listen, ...oauth, ...more], { until: new RegExp("running at", "i"), env: { PANEL_OAUTH_SCOPE: "openid profile email" } });

  const page = await kit.page();
  await page.goto(`${base}/app`);
  await kit.signIn(page, base);
  await page.getByText(/signed in: Alice .+@/).waitFor();
  return ["sign-in", "name and e-mail"];
}
