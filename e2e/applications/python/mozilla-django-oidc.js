import { shows } from "../kit.js";
import { project, serve } from "../shared/django.js";

export const title = "mozilla-django-oidc 5.0.2";
export const needs = ["python3"];

const APP = project({
  apps: '"mozilla_django_oidc"',
  settings: `
    AUTHENTICATION_BACKENDS=["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
    OIDC_RP_CLIENT_ID=os.environ["ID"], OIDC_RP_CLIENT_SECRET=os.environ["SECRET"], OIDC_RP_SIGN_ALGO="RS256", OIDC_RP_SCOPES="openid profile email",
    OIDC_OP_JWKS_ENDPOINT=os.environ["ISSUER"] + "/oauth2/jwks", OIDC_OP_AUTHORIZATION_ENDPOINT=os.environ["ISSUER"] + "/oauth2/authorize",
    OIDC_OP_TOKEN_ENDPOINT=os.environ["ISSUER"] + "/oauth2/token", OIDC_OP_USER_ENDPOINT=os.environ["ISSUER"] + "/oauth2/userinfo",`,
  urls: 'path("oidc/", include("mozilla_django_oidc.urls"))',
  home: "user.email",
});

export async function connect(kit) {
  const bin = await kit.python("django==5.2.8", "mozilla-django-oidc==5.0.2");
  await kit.write("app.py", APP);
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("mozilla-django-oidc", base);
  await serve(kit, bin, port, { BASE: base, ID: id, SECRET: secret });

  const page = await kit.page();
  await page.goto(`${base}/oidc/authenticate/`);
  await kit.signIn(page, base);
  await shows(page, /.+@/);
  return ["sign-in", "e-mail"];
}
