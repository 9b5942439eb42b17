import { existsSync } from "node:fs";
import { shows } from "../kit.js";

export const title = "Miniflux 2.3.5";
export const needs = ["go"];
export const packages = ["postgresql"];

export async function connect(kit) {
  const program = await kit.go("miniflux.app/v2@v2.3.5", "miniflux.app");
  const [port, sql] = [await kit.port(), await kit.port()];
  const base = `http://localhost:${port}`;
  const bin = ["18", "17", "16", "15"].map((version) => `/usr/lib/postgresql/${version}/bin`).find((folder) => existsSync(folder));
  await kit.run("chmod", ["a+rwx", kit.scratch]);
  // PostgreSQL does not run as root.
  const as = process.getuid() === 0 ? ["runuser", "-u", "postgres", "--"] : [];
  const [initdb, ...initial] = [...as, `${bin}/initdb`, "-D", `${kit.scratch}/db`, "-A", "trust", "-U", "miniflux"];
  await kit.run(initdb, initial);
  const [server, ...args] = [...as, `${bin}/postgres`, "-D", `${kit.scratch}/db`, "-p", sql, "-k", kit.scratch, "-c", "listen_addresses=127.0.0.1"];
  await kit.start(server, args.map(String), { until: /ready to accept connections/ });
  const { id, secret } = await kit.client("miniflux", base);
  const env = {
    DATABASE_URL: `postgres://miniflux@127.0.0.1:${sql}/postgres?sslmode=disable`,
    RUN_MIGRATIONS: "1",
    LISTEN_ADDR: `127.0.0.1:${port}`,
    BASE_URL: base,
    OAUTH2_PROVIDER: "oidc",
    OAUTH2_CLIENT_ID: id,
    OAUTH2_CLIENT_SECRET: secret,
    OAUTH2_REDIRECT_URL: `${base}/oauth2/oidc/callback`,
    OAUTH2_OIDC_DISCOVERY_ENDPOINT: kit.issuer,
    OAUTH2_USER_CREATION: "1",
  };
  await kit.start(program, [], { env, until: `${base}/healthcheck` });

  const page = await kit.page();
  await page.goto(`${base}/oauth2/oidc/redirect`);
  await kit.signIn(page, base);
  await page.goto(`${base}/authentication`);
  if ((await page.locator("input[name=username]").inputValue()) !== "alice") throw new Error("it does not know alice");
  return ["sign-in", "name"];
}
