import { createServer } from "node:http";
import { once } from "node:events";
import { shows } from "../kit.js";

export const title = "oauth2-proxy 7.15.6";
export const needs = ["go"];

export async function connect(kit) {
  const program = await kit.go("github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6", "oauth2-proxy");
  const upstream = createServer((request, response) => response.end(`${request.headers["x-forwarded-email"]} ${request.headers["x-forwarded-preferred-username"]}`));
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  kit.onStop(() => upstream.close());
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("oauth2-proxy", base);
  const args = {
    provider: "oidc",
    "oidc-issuer-url": kit.issuer,
    "client-id": id,
    "client-secret": secret,
    "redirect-url": `${base}/oauth2/callback`,
    "http-address": `127.0.0.1:${port}`,
    upstream: `http://127.0.0.1:${upstream.address().port}`,
    "cookie-secret": "a".repeat(32),
    "cookie-secure": "false",
    "email-domain": "*",
    "code-challenge-method": "S256",
    scope: "openid profile email",
    "skip-provider-button": "true",
    "insecure-oidc-allow-unverified-email": "true",
    "cookie-refresh": "1s",
    "backend-logout-url": `${kit.issuer}/oauth2/logout?id_token_hint={id_token}`,
  };
  await kit.start(program, Object.entries(args).map(([name, value]) => `--${name}=${value}`), { until: `${base}/ping` });

  const page = await kit.page();
  await page.goto(base);
  await kit.signIn(page, base);
  await shows(page, /.+@.+ alice/);
  await new Promise((done) => setTimeout(done, 1_500));
  await page.goto(base);
  await shows(page, /.+@.+ alice/);
  // It signs out at Doorward from its own back end: whoever comes next is asked for a password.
  await page.goto(`${base}/oauth2/sign_out?rd=%2F`);
  await page.waitForURL((url) => url.origin === kit.issuer);
  await page.locator("input[type=password]").waitFor();
  return ["sign-in", "name and e-mail", "refresh", "sign-out by its back end"];
}
