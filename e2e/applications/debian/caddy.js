import { behind, guards } from "../shared/gateway.js";

export const title = "Caddy (Debian), forward_auth";
export const packages = ["caddy"];

export async function connect(kit) {
  const { port, configuration } = await behind(kit, "caddyfile");
  const file = await kit.write("Caddyfile", `{\n\tadmin off\n}\n${configuration}\n`);
  const env = { XDG_DATA_HOME: kit.scratch, XDG_CONFIG_HOME: kit.scratch };
  await kit.start("caddy", ["run", "--config", file, "--adapter", "caddyfile"], { env, until: `http://127.0.0.1:${port}/` });
  return guards(kit, port);
}
