import { pages } from "../shared/pages.js";

export const title = "oidc-client-ts 3.5.0";
export const needs = ["npm"];

const PAGE = ({ issuer, id, base }) => `<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,"><body>
<script src="/oidc-client-ts.min.js"></script>
<script>
const manager = new oidc.UserManager({ authority: "${issuer}", client_id: "${id}", redirect_uri: "${base}/callback", post_logout_redirect_uri: "${base}/",
  scope: "openid profile email" });
window.manager = manager;
(async () => {
  if (location.pathname === "/callback") { await manager.signinRedirectCallback(); history.replaceState(null, "", "/"); }
  const user = await manager.getUser();
  document.body.append(user ? user.profile.name + " " + user.profile.email : "nobody");
})().catch((error) => document.body.append(String(error)));
</script></body></html>`;

export async function connect(kit) {
  const modules = await kit.npm("oidc-client-ts@3.5.0");
  const site = await pages(kit);
  const { id } = await kit.client("oidc-client-ts", site.base);
  site.file("/oidc-client-ts.min.js", `${modules}/node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js`);
  site.html(["/", "/callback"], PAGE({ issuer: kit.issuer, id, base: site.base }));

  const page = await kit.page();
  await page.goto(site.base);
  await page.getByText("nobody").waitFor();
  await page.evaluate(() => void window.manager.signinRedirect());
  await kit.signIn(page, site.base);
  await page.getByText(/Alice .+@/).waitFor();
  const before = await page.evaluate(async () => (await window.manager.getUser()).access_token);
  const after = await page.evaluate(async () => (await window.manager.signinSilent()).access_token);
  if (before === after) throw new Error("the same access token after a refresh");
  await page.evaluate(() => void window.manager.signoutRedirect());
  await page.waitForURL(`${site.base}/`);
  await page.getByText("nobody").waitFor();
  return ["sign-in", "name and e-mail", "refresh", "sign-out"];
}
