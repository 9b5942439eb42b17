// What connecting an application takes: pinned packages in a folder of their own, programs started and stopped, a client registered by the
// application's preset, a person in a browser. Knows Doorward's pages and command line, and no application.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
/** What was installed stays for the next time. */
const INSTALLED = resolve(import.meta.dirname, "..", "..", "target", "applications");
const PATIENCE_MS = 120_000;
const OUTPUT = { maxBuffer: 64 * 1024 * 1024 };

/** What an application gets in hand. `stop` ends all that it started. */
export async function makeKit(name, doorward, browser) {
  const installed = join(INSTALLED, name);
  await mkdir(installed, { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), `doorward-${name}-`));
  const started = [];
  const pages = [];
  const endings = [];

  /** Starts a program and waits until `until` answers, or until it says `until` when that is a pattern. */
  async function start(program, args, { until, patience = PATIENCE_MS, ...options } = {}) {
    const child = spawn(program, args, { cwd: scratch, ...options, env: { ...environment(), ...options.env }, stdio: ["pipe", "pipe", "pipe"], detached: true });
    const said = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => said.push(text));
    const log = () => Buffer.concat(said).toString();
    started.push({ child, log, program });
    child.on("error", (error) => said.push(Buffer.from(String(error))));
    for (let waited = 0; ; waited += 100) {
      if (until === undefined || (await is(until, log))) return { child, log };
      if (child.exitCode !== null) throw new Error(`${program} exited with ${child.exitCode}`);
      if (waited > patience) throw new Error(`${program} did not come up`);
      await sleep(100);
    }
  }

  return {
    issuer: doorward.issuer,
    doorward,
    installed,
    scratch,
    start,
    port: freePort,
    run: async (program, args, options = {}) => {
      const ended = await run(program, args, { cwd: scratch, ...OUTPUT, ...options, env: { ...environment(), ...options.env } });
      return ended.stdout;
    },
    /** A file in the scratch folder; answers its path. */
    write: async (file, text) => {
      const path = join(scratch, file);
      await mkdir(join(path, ".."), { recursive: true });
      await writeFile(path, text);
      return path;
    },
    /** Pinned packages of PyPI in a virtual environment; answers its folder of programs. */
    python: async (...packages) => {
      const folder = join(installed, "python");
      if (await isNew(folder, packages)) {
        await run("python3", ["-m", "venv", "--clear", folder], OUTPUT);
        await run(join(folder, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", ...packages], OUTPUT);
        await mark(folder, packages);
      }
      return join(folder, "bin");
    },
    /** Pinned packages of npm; answers the folder that holds `node_modules`. */
    npm: async (...packages) => {
      const folder = join(installed, "npm");
      if (await isNew(folder, packages)) {
        await mkdir(folder, { recursive: true });
        await writeFile(join(folder, "package.json"), '{"private":true,"type":"module"}');
        await run("npm", ["install", "--no-audit", "--no-fund", "--save-exact", ...packages], { cwd: folder, ...OUTPUT });
        await mark(folder, packages);
      }
      return folder;
    },
    /** A pinned program of the Go module proxy; answers its path. */
    go: async (module, program) => {
      const folder = join(installed, "go");
      if (await isNew(folder, [module])) {
        await run("go", ["install", module], { env: { ...process.env, GOBIN: folder, GOFLAGS: "-mod=mod" }, ...OUTPUT });
        await mark(folder, [module]);
      }
      return join(folder, program);
    },
    /** Registers a client by a preset, as its administrator would. Answers its id and secret. */
    client: (preset, url, ...more) => register(doorward, name, ["--for", preset, ...(url ? ["--url", url] : []), ...more]),
    /** Registers a client by hand: who only checks tokens, or a machine, has no preset. */
    register: (...words) => register(doorward, name, words),
    /** A person's browser, fresh. */
    page: async () => {
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      context.setDefaultTimeout(30_000);
      pages.push(context);
      return context.newPage();
    },
    /** Signs in wherever the page has been sent, until it is back at `home`. */
    signIn: async (page, home) => {
      await page.waitForURL((url) => url.origin === new URL(doorward.issuer).origin);
      await page.getByRole("textbox", { name: /username/i }).fill(doorward.env.USERNAME);
      await page.locator("input[type=password]").first().fill(doorward.env.PASSWORD);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      const allow = page.getByRole("button", { name: "Allow", exact: true });
      const back = page.waitForURL((url) => url.href.startsWith(home)).then(() => "back");
      const asked = allow.waitFor().then(() => "asked");
      asked.catch(() => {});
      back.catch(() => {});
      if ((await Promise.race([back, asked])) === "asked") await allow.click();
      await page.waitForURL((url) => url.href.startsWith(home));
      await page.waitForLoadState();
    },
    /** Runs at the end. */
    onStop: (ending) => endings.push(ending),
      /** The latest of what every program said and every page shows, for a person who looks for the cause. */
    log: async () => {
      const parts = started.map(({ program, log }) => `--- ${program}\n${log().slice(-4_000)}`);
      for (const page of pages.flatMap((context) => context.pages())) {
        const text = await page.locator("body").innerText().catch(() => "");
        parts.push(`--- the browser at ${page.url()}\n${text.slice(0, 1_000)}`);
      }
      return parts.join("\n");
    },
    stop: async () => {
      await Promise.all(pages.map((context) => context.close()));
      for (const { child } of started.reverse()) await end(child);
      for (const ending of endings) ending();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

async function register(doorward, name, words) {
  const id = `${name}-${Math.random().toString(36).slice(2, 8)}`;
  const { client_secret: secret } = JSON.parse(await doorward.command("client", "add", id, "--json", ...words));
  return { id, secret };
}

/** Every DOORWARD_ variable is a setting of a server's own. */
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("DOORWARD_")));
}

async function is(until, log) {
  if (until instanceof RegExp) return until.test(log());
  const answer = await fetch(until, { redirect: "manual" }).catch(() => undefined);
  return answer !== undefined && answer.status < 500;
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, "exit");
  // Its children too.
  const tell = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It ended meanwhile.
    }
  };
  tell("SIGTERM");
  const late = await Promise.race([exited, sleep(5_000, "late", { ref: false })]);
  if (late === "late") tell("SIGKILL");
}

async function freePort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Whether these packages are still to be installed. */
async function isNew(folder, packages) {
  const { readFile } = await import("node:fs/promises");
  const there = existsSync(folder) ? await readFile(join(folder, ".installed"), "utf8").catch(() => "") : "";
  return there !== packages.join("\n");
}

async function mark(folder, packages) {
  await writeFile(join(folder, ".installed"), packages.join("\n"));
}

/** That a page shows a text, and what it showed instead. */
export async function shows(page, text) {
  const body = await page.locator("body").innerText();
  assert.ok(text instanceof RegExp ? text.test(body) : body.includes(text), `the page shows ${text}: ${body.slice(0, 400)}`);
}
