import { shows } from "../kit.js";
import { project, serve } from "../shared/django.js";

export const title = "django-allauth 65.22.1";
export const needs = ["python3"];

const APP = project({
  apps: '"allauth", "allauth.account", "allauth.socialaccount", "allauth.socialaccount.providers.openid_connect"',
  middleware: '"allauth.account.middleware.AccountMiddleware"',
  settings: `
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"], SOCIALACCOUNT_LOGIN_ON_GET=True, ACCOUNT_EMAIL_VERIFICATION="none",
    SOCIALACCOUNT_PROVIDERS={"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [{"provider_id": "doorward", "name": "Doorward", "client_id": os.environ["ID"],
        "secret": os.environ["SECRET"], "settings": {"server_url": os.environ["ISSUER"]}}]}},`,
  urls: 'path("accounts/", include("allauth.urls"))',
  home: 'f"{user.username} {user.email}"',
});

export async function connect(kit) {
  const bin = await kit.python("django==5.2.8", "django-allauth[socialaccount,openid]==65.22.1");
  await kit.write("app.py", APP);
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("django-allauth", base);
  await serve(kit, bin, port, { BASE: base, ID: id, SECRET: secret });

  const page = await kit.page();
  await page.goto(`${base}/accounts/oidc/doorward/login/`);
  await kit.signIn(page, base);
  await page.goto(base);
  await shows(page, /alice .+@/i);
  return ["sign-in", "name and e-mail"];
}
