import { apache } from "../shared/apache.js";
import { machineToken, answers } from "../shared/tokens.js";

export const title = "mod_oauth2 (Debian), JWTs by the JWK Set";
export const packages = ["apache2", "libapache2-mod-oauth2"];

export async function connect(kit) {
  const base = await apache(kit, ["oauth2"], async (base) => {
    await kit.write("www/api/index.html", "inside");
    return `
<Location /api/>
  AuthType oauth2
  OAuth2TokenVerify jwks_uri ${kit.issuer}/oauth2/jwks
  Require valid-user
</Location>`;
  });
  const token = await machineToken(kit);
  await answers(`${base}/api/`, token, { good: 200, bad: 401 });
  return ["access token verified", "altered and missing ones refused"];
}
