import { join } from "node:path";
import { dovecot, PACKAGES } from "../shared/dovecot.js";
import { shows } from "../kit.js";

export const title = "Roundcube (Debian) with Dovecot";
export const packages = [...PACKAGES, "roundcube-core", "roundcube-sqlite3", "php-cli", "php-sqlite3", "php-curl", "php-intl", "php-mbstring", "php-xml", "sqlite3"];

export async function connect(kit) {
  const imap = await dovecot(kit, { mode: "auth", username: "email" });
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("roundcube", base);
  await kit.write(
    "config/config.inc.php",
    `<?php
$config = [
  'db_dsnw' => 'sqlite:///${kit.scratch}/roundcube.db?mode=0600', 'imap_host' => '127.0.0.1:${imap}', 'smtp_host' => 'localhost:9', 'des_key' => '${"a".repeat(24)}',
  'log_driver' => 'stdout', 'temp_dir' => '${kit.scratch}', 'plugins' => [], 'session_storage' => 'db', 'oauth_provider' => 'generic', 'oauth_provider_name' => 'Doorward',
  'oauth_client_id' => '${id}', 'oauth_client_secret' => '${secret}', 'oauth_auth_uri' => '${kit.issuer}/oauth2/authorize', 'oauth_token_uri' => '${kit.issuer}/oauth2/token',
  'oauth_identity_uri' => '${kit.issuer}/oauth2/userinfo', 'oauth_scope' => 'openid profile email offline_access', 'oauth_identity_fields' => ['email'],
];
`,
  );
  await kit.run("cp", ["/etc/roundcube/defaults.inc.php", "/etc/roundcube/mimetypes.php", join(kit.scratch, "config")]);
  await kit.run("sh", ["-c", `sqlite3 ${kit.scratch}/roundcube.db < /usr/share/roundcube/SQL/sqlite.initial.sql`]);
  await kit.start("php", ["-S", `localhost:${port}`, "-t", "/usr/share/roundcube"], { env: { ROUNDCUBE_CONFIG_DIR: `${kit.scratch}/config` }, until: base });

  const page = await kit.page();
  await page.goto(`${base}/index.php/login/oauth`);
  await kit.signIn(page, base);
  await shows(page, /Inbox/);
  await shows(page, /@/);
  return ["sign-in", "mail by the access token"];
}
