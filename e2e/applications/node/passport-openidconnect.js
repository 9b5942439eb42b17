import { writeFile } from "node:fs/promises";
import { shows } from "../kit.js";

export const title = "passport-openidconnect 0.1.2";
export const needs = ["npm"];

const APP = `
import express from "express";
import session from "express-session";
import passport from "passport";
import Strategy from "passport-openidconnect";
const { ISSUER, BASE, PORT, ID, SECRET } = process.env;
passport.use(new Strategy({
  issuer: ISSUER, authorizationURL: ISSUER + "/oauth2/authorize", tokenURL: ISSUER + "/oauth2/token", userInfoURL: ISSUER + "/oauth2/userinfo",
  clientID: ID, clientSecret: SECRET, callbackURL: BASE + "/oauth2/redirect", scope: ["profile", "email"], nonce: true,
}, (issuer, profile, done) => done(null, profile)));
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));
const app = express();
app.use(session({ secret: "s", resave: false, saveUninitialized: true }), passport.session());
app.get("/", (req, res) => res.send("<h1>" + (req.user ? req.user.displayName + " " + req.user.emails?.[0]?.value : "nobody") + "</h1>"));
app.get("/login", passport.authenticate("openidconnect"));
app.get("/oauth2/redirect", passport.authenticate("openidconnect", { failureMessage: true, failureRedirect: "/failed" }), (req, res) => res.redirect("/"));
app.get("/failed", (req, res) => res.send(JSON.stringify(req.session.messages)));
app.listen(PORT, "127.0.0.1");
`;

export async function connect(kit) {
  const modules = await kit.npm("express@5.1.0", "express-session@1.18.2", "passport@0.7.0", "passport-openidconnect@0.1.2");
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("passport-openidconnect", base);
  await writeFile(`${modules}/app.mjs`, APP);
  await kit.start("node", ["app.mjs"], { cwd: modules, env: { ISSUER: kit.issuer, BASE: base, PORT: port, ID: id, SECRET: secret }, until: base });

  const page = await kit.page();
  await page.goto(`${base}/login`);
  await kit.signIn(page, base);
  await shows(page, /Alice .+@/);
  return ["sign-in", "name and e-mail"];
}
