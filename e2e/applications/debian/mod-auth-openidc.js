import { apache } from "../shared/apache.js";
import { shows } from "../kit.js";

export const title = "mod_auth_openidc (Debian)";
export const packages = ["apache2", "libapache2-mod-auth-openidc"];

export async function connect(kit) {
  const base = await apache(kit, ["auth_openidc", "include", "env"], async (base) => {
    const { id, secret } = await kit.client("mod-auth-openidc", base);
    await kit.write("www/inside/index.shtml", '<h1><!--#echo var="OIDC_CLAIM_name" --> <!--#echo var="OIDC_CLAIM_email" --></h1>');
    return `
OIDCProviderMetadataURL ${kit.issuer}/.well-known/openid-configuration
OIDCClientID ${id}
OIDCClientSecret ${secret}
OIDCRedirectURI ${base}/oidc/callback
OIDCCryptoPassphrase ${"a".repeat(32)}
OIDCPKCEMethod S256
OIDCScope "openid profile email"
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
<Location /oidc/callback>
  AuthType openid-connect
  Require valid-user
</Location>
<Location /inside/>
  Options +Includes
  DirectoryIndex index.shtml
  AuthType openid-connect
  Require valid-user
</Location>`;
  });

  const page = await kit.page();
  await page.goto(`${base}/inside/`);
  await kit.signIn(page, base);
  await shows(page, /Alice .+@/);
  await page.goto(`${base}/oidc/callback?logout=${encodeURIComponent(`${base}/`)}`);
  await page.waitForURL(`${base}/`);
  await shows(page, "Home");
  return ["sign-in", "name and e-mail", "sign-out"];
}
