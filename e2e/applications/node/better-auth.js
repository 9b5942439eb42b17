import { writeFile } from "node:fs/promises";
import { shows } from "../kit.js";

export const title = "Better Auth 1.7.25, generic OAuth";
export const needs = ["npm"];

const APP = `
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler, fromNodeHeaders } from "better-auth/node";
import { genericOAuth } from "better-auth/plugins";
const { ISSUER, BASE, PORT, ID, SECRET } = process.env;
const auth = betterAuth({
  baseURL: BASE, secret: "a".repeat(40), database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  plugins: [genericOAuth({ config: [{ providerId: "doorward", discoveryUrl: ISSUER + "/.well-known/openid-configuration", clientId: ID, clientSecret: SECRET,
    scopes: ["openid", "profile", "email"], pkce: true }] })],
});
const handle = toNodeHandler(auth);
createServer(async (request, response) => {
  if (request.url.startsWith("/api/auth")) return handle(request, response);
  const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
  response.setHeader("content-type", "text/html");
  response.end("<h1>" + (session ? session.user.name + " " + session.user.email : "nobody") + "</h1>");
}).listen(PORT, "127.0.0.1");
`;

export async function connect(kit) {
  const modules = await kit.npm("better-auth@1.7.25");
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("better-auth", base);
  await writeFile(`${modules}/app.mjs`, APP);
  await kit.start("node", ["app.mjs"], { cwd: modules, env: { ISSUER: kit.issuer, BASE: base, PORT: port, ID: id, SECRET: secret }, until: base });

  const page = await kit.page();
  await page.goto(base);
  const url = await page.evaluate(async () => {
    const body = JSON.stringify({ provider: "doorward", callbackURL: "/" });
    const answer = await fetch("/api/auth/sign-in/social", { method: "POST", headers: { "content-type": "application/json" }, body });
    return (await answer.json()).url;
  });
  await page.goto(url);
  await kit.signIn(page, base);
  await page.goto(base);
  await shows(page, /Alice .+@/);
  await page.evaluate(() => fetch("/api/auth/sign-out", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }));
  await page.goto(base);
  await shows(page, "nobody");
  return ["sign-in", "name and e-mail", "sign-out of the application"];
}
