import { pages } from "../shared/pages.js";

export const title = "keycloak-js 26.2.4";
export const needs = ["npm"];

const PAGE = ({ issuer, id }) => `<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,"><body>
<script type="module">
import Keycloak from "/keycloak.js";
const keycloak = new Keycloak({ url: "${issuer}", realm: "main", clientId: "${id}" });
window.keycloak = keycloak;
keycloak.init({}).then(async (signedIn) => {
  const profile = signedIn ? await keycloak.loadUserInfo() : undefined;
  document.body.append(signedIn ? profile.name + " " + profile.email + " " + keycloak.idTokenParsed.preferred_username : "nobody");
}, (error) => document.body.append("failed: " + JSON.stringify(error)));
</script></body></html>`;

export async function connect(kit) {
  const modules = await kit.npm("keycloak-js@26.2.4");
  const site = await pages(kit);
  const { id } = await kit.client("keycloak-js", site.base);
  site.file("/keycloak.js", `${modules}/node_modules/keycloak-js/lib/keycloak.js`);
  site.html(["/"], PAGE({ issuer: kit.issuer, id }));

  const page = await kit.page();
  await page.goto(`${site.base}/`);
  await page.getByText("nobody").waitFor();
  await page.evaluate(() => void window.keycloak.login());
  await kit.signIn(page, site.base);
  await page.getByText(/Alice .+@.+ alice/).waitFor();
  const renewed = await page.evaluate(() => window.keycloak.updateToken(-1));
  if (renewed !== true) throw new Error("it did not renew");
  await page.evaluate(() => void window.keycloak.logout({ redirectUri: location.origin + "/" }));
  await page.waitForURL(`${site.base}/`);
  await page.getByText("nobody").waitFor();
  return ["sign-in", "name and e-mail", "refresh", "sign-out"];
}
