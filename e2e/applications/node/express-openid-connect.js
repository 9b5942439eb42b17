import { writeFile } from "node:fs/promises";
import { shows } from "../kit.js";

export const title = "express-openid-connect 3.4.0";
export const needs = ["npm"];

const APP = `
import express from "express";
import eoc from "express-openid-connect";
const { ISSUER, BASE, PORT, ID, SECRET } = process.env;
const app = express();
app.use(eoc.auth({
  issuerBaseURL: ISSUER, baseURL: BASE, clientID: ID, clientSecret: SECRET, secret: "a".repeat(40),
  authRequired: false, idpLogout: true, authorizationParams: { response_type: "code", scope: "openid profile email" },
}));
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
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("express-openid-connect", base);
  await writeFile(`${modules}/app.mjs`, APP);
  await kit.start("node", ["app.mjs"], { cwd: modules, env: { ISSUER: kit.issuer, BASE: base, PORT: port, ID: id, SECRET: secret }, until: base });

  const page = await kit.page();
  await page.goto(`${base}/login`);
  await kit.signIn(page, base);
  await shows(page, /Alice .+@/);
  await page.goto(`${base}/refresh`);
  await shows(page, "renewed");
  await page.goto(`${base}/logout`);
  await page.waitForURL(`${base}/`);
  await shows(page, "nobody");
  return ["sign-in", "name and e-mail", "refresh", "sign-out"];
}
