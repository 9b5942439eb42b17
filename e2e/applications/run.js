// Connects real applications by their presets: `node applications/run.js [NAME..]`. Each installs what it needs at its first time, pinned;
// what a machine cannot have is said loudly, and is a failure in CI.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { launch } from "../fixture/browser.js";
import { startDoorward } from "../fixture/doorward.js";
import { makeKit } from "./kit.js";
import { missing, ROOMS } from "./rooms.js";

const wanted = process.argv.slice(2);
const applications = [];
for (const room of ROOMS) {
  const files = await readdir(join(import.meta.dirname, room)).catch(() => []);
  for (const file of files.filter((file) => file.endsWith(".js")).sort()) {
    const name = file.replace(/\.js$/, "");
    if (wanted.length > 0 && !wanted.includes(name) && !wanted.includes(room)) continue;
    applications.push({ name, ...(await import(`./${room}/${file}`)) });
  }
}
if (applications.length === 0) throw new Error(`no application of these names: ${wanted.join(" ")}`);

const browser = await launch();
const rows = [];
for (const application of applications) {
  const absent = missing(application);
  if (absent.length > 0) {
    rows.push({ ...application, outcome: `SKIPPED: ${absent.join(", ")} missing` });
    continue;
  }
  console.log(`\n==> ${application.title}`);
  const doorward = await startDoorward(application.serve ?? []);
  const kit = await makeKit(application.name, doorward, browser);
  try {
    const checked = await application.connect(kit);
    rows.push({ ...application, outcome: `works: ${checked.join(", ")}` });
  } catch (error) {
    console.log(`${error.stack}\n${await kit.log()}\n--- doorward\n${doorward.log().slice(-4_000)}`);
    rows.push({ ...application, outcome: `FAILED: ${error.message.split("\n")[0]}` });
  } finally {
    await kit.stop();
    await doorward.stop();
  }
  console.log(rows.at(-1).outcome);
}
await browser.close();

console.log("");
for (const { name, title, outcome } of rows) console.log(`${name.padEnd(28)} ${title.padEnd(44)} ${outcome}`);
const failed = rows.filter(({ outcome }) => outcome.startsWith("FAILED")).length;
const skipped = rows.filter(({ outcome }) => outcome.startsWith("SKIPPED")).length;
console.log(`\n${rows.length - failed - skipped} connected, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 || (skipped > 0 && process.env.CI) ? 1 : 0);
