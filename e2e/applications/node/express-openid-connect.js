import { writeFile } from "node:fs/promises";
import { shows } from "../kit.js";

export const title = "express-openid-connect 3.4.0";
export const needs = ["npm"];

const APP = `
import express from "express";
import eoc from "express-openid-connect";
const { ISSUER, BASE, PORT, ID, SECRET } = process.env;
const app = express();
// Without a secret as the library does it by itself: response_type=id_token, response_mode=form_post.
const code = { clientSecret: SECRET, authorizationParams: { response_type: "code", scope: "openid profile email" } };
app.use(eoc.auth({ issuerBaseURL: ISSUER, baseURL: BASE, clientID: ID, secret: "a".repeat(40), authRequired: false, idpLogout: true, ...(SECRET && code) }));
app.get("/", (req, res) => res.send("<h1>" + (req.oidc.isAuthenticated() ? req.oidc.user.name + " " + req.oidc.user.email : "nobody") + "</h1>"));
app.get("/refresh", async (req, res) => {
  const before = req.oidc.accessToken.access_token;
  const after = await req.oidc.accessToken.refresh();
  res.send(after.access_token !== before ? "renewed" : "the same");
});
app.listen(PORT, "127.0.0.1");
`;

export async function connect(kit) {
  const modules = await kit.npm("express@5.1.0", "express-openid-connect@3.4.0");
  await writeFile(`${modules}/app.mjs`, APP);
  const start = async (register) => {
    const port = await kit.port();
    const base = `http://localhost:${port}`;
    const { id, secret } = await register(base);
    await kit.start("node", ["app.mjs"], { cwd: modules, env: { ISSUER: kit.issuer, BASE: base, PORT: port, ID: id, SECRET: secret ?? "" }, until: base });
    return base;
  };
  const base = await start((url) => kit.client("express-openid-connect", url));
  const page = await kit.page();
  await page.goto(`${base}/login`);
  await kit.signIn(page, base);
  await shows(page, /Alice .+@/);
  await page.goto(`${base}/refresh`);
  await shows(page, "renewed");
  await page.goto(`${base}/logout`);
  await page.waitForURL(`${base}/`);
  await shows(page, "nobody");

  const alone = await start((url) => kit.register("--public", "--response-type", "id_token", "--redirect-uri", `${url}/callback`));
  await page.goto(`${alone}/login`);
  await kit.signIn(page, alone);
  await shows(page, /Alice .+@/);
  return ["sign-in", "name and e-mail", "refresh", "sign-out", "an ID Token alone"];
}
