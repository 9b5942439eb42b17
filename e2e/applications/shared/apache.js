// An Apache of one's own: modules, a port and what the application adds.

const MODULES = ["mpm_event", "authn_core", "authz_core", "authz_user", "headers", "mime", "dir", "alias", "proxy", "proxy_http"];

/** Starts it; answers where it is. `modules` are names of Debian's module files without `mod_`. */
export async function apache(kit, modules, configuration) {
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const load = [...MODULES, ...modules].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`);
  await kit.write("www/index.html", "<h1>Home</h1>");
  const file = await kit.write(
    "apache.conf",
    `ServerRoot ${kit.scratch}\nPidFile ${kit.scratch}/apache.pid\nDefaultRuntimeDir ${kit.scratch}\nMutex file:${kit.scratch} default\nListen 127.0.0.1:${port}\nServerName localhost\n` +
      `UseCanonicalName Off\nErrorLog ${kit.scratch}/error.log\nUser www-data\nGroup www-data\nTypesConfig /etc/mime.types\n${load.join("\n")}\nDocumentRoot ${kit.scratch}/www\n${await configuration(base)}\n`,
  );
  // The workers are another user than the one that made the folder.
  await kit.run("chmod", ["-R", "a+rwX", kit.scratch]);
  await kit.start("apache2", ["-f", file, "-DFOREGROUND"], { until: `${base}/` });
  return base;
}
