import { behind, guards } from "../shared/gateway.js";

export const title = "nginx (Debian), auth_request";
export const packages = ["nginx"];

export async function connect(kit) {
  const { port, configuration } = await behind(kit, "nginx");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${kit.scratch}/${name};`).join("\n");
  const file = await kit.write("nginx.conf", `pid ${kit.scratch}/nginx.pid;\ndaemon off;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${temporary}\n${configuration}\n}\n`);
  await kit.start("nginx", ["-c", file, "-p", kit.scratch, "-e", "stderr"], { until: `http://127.0.0.1:${port}/` });
  return guards(kit, port);
}
