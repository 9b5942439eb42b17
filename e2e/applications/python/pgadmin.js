
export const title = "pgAdmin 4 9.18";
export const needs = ["python3"];

const CONFIG = ({ issuer, id, secret, data, port }) => `
SERVER_MODE = True
DATA_DIR = "${data}"
DEFAULT_SERVER_PORT = ${port}
MASTER_PASSWORD_REQUIRED = False
UPGRADE_CHECK_ENABLED = False
AUTHENTICATION_SOURCES = ["oauth2", "internal"]
OAUTH2_AUTO_CREATE_USER = True
OAUTH2_CONFIG = [{
    "OAUTH2_NAME": "doorward", "OAUTH2_DISPLAY_NAME": "Doorward", "OAUTH2_CLIENT_ID": "${id}", "OAUTH2_CLIENT_SECRET": "${secret}",
    "OAUTH2_TOKEN_URL": "${issuer}/oauth2/token", "OAUTH2_AUTHORIZATION_URL": "${issuer}/oauth2/authorize", "OAUTH2_API_BASE_URL": "${issuer}/",
    "OAUTH2_USERINFO_ENDPOINT": "${issuer}/oauth2/userinfo", "OAUTH2_SERVER_METADATA_URL": "${issuer}/.well-known/openid-configuration",
    "OAUTH2_SCOPE": "openid email profile", "OAUTH2_USERNAME_CLAIM": "preferred_username", "OAUTH2_ICON": None, "OAUTH2_BUTTON_COLOR": None,
}]
`;

export async function connect(kit) {
  const bin = await kit.python("pgadmin4==9.18");
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("pgadmin", base);
  const where = await kit.run(`${bin}/python`, ["-c", "import pgadmin4; print(pgadmin4.__path__[0])"]);
  const { writeFile } = await import("node:fs/promises");
  await writeFile(`${where.trim()}/config_local.py`, CONFIG({ issuer: kit.issuer, id, secret, data: `${kit.scratch}/data`, port }));
  const env = { PGADMIN_SETUP_EMAIL: "admin@example.org", PGADMIN_SETUP_PASSWORD: "not-secret-at-all" };
  await kit.run(`${bin}/python`, [`${where.trim()}/setup.py`, "setup-db"], { env });
  await kit.start(`${bin}/python`, [`${where.trim()}/pgAdmin4.py`], { env, until: `${base}/misc/ping` });

  const page = await kit.page();
  await page.goto(`${base}/login`);
  await page.getByRole("button", { name: /Doorward/ }).click();
  await kit.signIn(page, base);
  await page.goto(`${base}/browser/`);
  await page.getByText(/alice/i).first().waitFor();
  return ["sign-in", "name"];
}
