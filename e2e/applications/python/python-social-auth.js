import { shows } from "../kit.js";
import { project, serve } from "../shared/django.js";

export const title = "python-social-auth (social-auth-app-django 8.0.0)";
export const needs = ["python3"];

const APP = project({
  apps: '"social_django"',
  settings: `
    AUTHENTICATION_BACKENDS=["social_core.backends.open_id_connect.OpenIdConnectAuth"],
    SOCIAL_AUTH_OIDC_OIDC_ENDPOINT=os.environ["ISSUER"], SOCIAL_AUTH_OIDC_KEY=os.environ["ID"], SOCIAL_AUTH_OIDC_SECRET=os.environ["SECRET"],`,
  urls: 'path("", include("social_django.urls", namespace="social"))',
});

export async function connect(kit) {
  const bin = await kit.python("django==5.2.8", "social-auth-app-django==8.0.0", "social-auth-core==7.0.0");
  await kit.write("app.py", APP);
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("python-social-auth", base);
  await serve(kit, bin, port, { BASE: base, ID: id, SECRET: secret });

  const page = await kit.page();
  // Since 8.0 a sign-in begins with a form that posts.
  await page.goto(base);
  await page.setContent('<form method="post" action="/login/oidc/"><button>Enter</button></form>');
  await page.getByRole("button", { name: "Enter" }).click();
  await kit.signIn(page, base);
  await shows(page, /Alice.* .+@/);
  return ["sign-in", "name and e-mail"];
}
