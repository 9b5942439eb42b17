// Where applications lie, and what a machine has or can be given.

import { execFileSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";

/** Quick ones first. */
export const ROOMS = ["node", "python", "debian", "go", "java"];

/** Which of these Debian packages or programs are missing, after an attempt to install the packages. */
export function missing({ needs = [], packages = [] }) {
  const absent = packages.filter((name) => !isInstalled(name));
  if (absent.length > 0 && process.getuid() === 0 && has("apt-get")) install(absent);
  return [...needs.filter((program) => !has(program)), ...packages.filter((name) => !isInstalled(name))];
}

function has(program) {
  return succeeds("sh", ["-c", `command -v ${program}`]);
}

function isInstalled(name) {
  return succeeds("dpkg", ["--status", name]);
}

/** As root; their services are not started. */
function install(names) {
  const policy = "/usr/sbin/policy-rc.d";
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const options = { stdio: "inherit", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
    execFileSync("apt-get", ["update", "--quiet"], options);
    execFileSync("apt-get", ["install", "--yes", "--quiet", "--no-install-recommends", ...names], options);
  } catch (error) {
    console.log(`apt-get: ${error.message}`);
  } finally {
    if (ours) rmSync(policy);
  }
}

function succeeds(program, args) {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
