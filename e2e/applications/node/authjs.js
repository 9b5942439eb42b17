import { writeFile } from "node:fs/promises";
import { shows } from "../kit.js";

export const title = "Auth.js (@auth/express 0.12.3)";
export const needs = ["npm"];

const APP = `
import express from "express";
import { ExpressAuth, getSession } from "@auth/express";
const { ISSUER, PORT, ID, SECRET } = process.env;
const config = {
  trustHost: true, secret: "a".repeat(40),
  providers: [{ id: "doorward", name: "Doorward", type: "oidc", issuer: ISSUER, clientId: ID, clientSecret: SECRET }],
};
const app = express();
app.use("/api/auth/*", ExpressAuth(config));
app.get("/", async (req, res) => {
  const session = await getSession(req, config);
  res.send("<h1>" + (session ? session.user.name + " " + session.user.email : "nobody") + "</h1>");
});
app.listen(PORT, "127.0.0.1");
`;

export async function connect(kit) {
  const modules = await kit.npm("express@4.21.2", "@auth/core@0.41.3", "@auth/express@0.12.3");
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("authjs", base);
  await writeFile(`${modules}/app.mjs`, APP);
  await kit.start("node", ["app.mjs"], { cwd: modules, env: { ISSUER: kit.issuer, PORT: port, ID: id, SECRET: secret }, until: base });

  const page = await kit.page();
  await page.goto(`${base}/api/auth/signin`);
  await page.getByRole("button", { name: /Doorward/ }).click();
  await kit.signIn(page, base);
  await page.goto(base);
  await shows(page, /Alice .+@/);
  await page.goto(`${base}/api/auth/signout`);
  await page.getByRole("button").click();
  await page.goto(base);
  await shows(page, "nobody");
  return ["sign-in", "name and e-mail", "sign-out of the application"];
}
