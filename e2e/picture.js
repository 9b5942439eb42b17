// Draws the README's picture, docs/images/sign-in.png: the sign-in page on a desktop at night with a phone by day before it.
// `npm run picture` after the page has changed.

import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { LOOKS, launch } from "./fixture/browser.js";
import { startDoorward } from "./fixture/doorward.js";

const PICTURE = resolve(import.meta.dirname, "../docs/images/sign-in.png");

const doorward = await startDoorward();
const browser = await launch();
try {
  const desktop = await signInPage("desktop-dark", { viewport: { width: 800, height: 800 } });
  const phone = await signInPage("phone", { viewport: { width: 390, height: 720 }, deviceScaleFactor: 1 });
  const page = await browser.newPage({ viewport: { width: 1200, height: 860 } });
  await page.setContent(`<style>
    body { margin: 0; }
    img { position: absolute; border: 1px solid #c6cfd0; border-radius: 14px; box-shadow: 0 12px 32px #0002; }
    .phone { border-radius: 26px; right: 24px; top: 64px; }
    .desktop { left: 24px; top: 24px; }
  </style>
  <img class="desktop" src="${desktop}"><img class="phone" src="${phone}">`);
  await mkdir(dirname(PICTURE), { recursive: true });
  await page.screenshot({ path: PICTURE, omitBackground: true });
  console.log(`${PICTURE}: ${(await stat(PICTURE)).size} bytes`);
} finally {
  await browser.close();
  await doorward.stop();
}

async function signInPage(name, more) {
  const look = LOOKS.find((look) => look.name === name);
  const page = await browser.newPage({ ...look, ...more });
  await page.goto(`${doorward.issuer}/demo/sign-in`);
  await page.getByLabel("Username").fill("alice");
  return `data:image/png;base64,${(await page.screenshot()).toString("base64")}`;
}
