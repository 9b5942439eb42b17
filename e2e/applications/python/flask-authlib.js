import { shows } from "../kit.js";

export const title = "Flask 3.1.3 with Authlib 1.9.10";
export const needs = ["python3"];

const APP = `
import os
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session, url_for
app = Flask(__name__)
app.secret_key = "not secret"
oauth = OAuth(app)
oauth.register("doorward", client_id=os.environ["ID"], client_secret=os.environ["SECRET"],
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"})

@app.get("/")
def home():
    user = session.get("user")
    return f"{user['name']} {user['email']}" if user else "nobody"

@app.get("/login")
def login():
    return oauth.doorward.authorize_redirect(url_for("authorize", _external=True))

@app.get("/auth")
def authorize():
    token = oauth.doorward.authorize_access_token()
    session["user"] = token["userinfo"]
    session["refresh"] = token["refresh_token"]
    session["id_token"] = token["id_token"]
    return redirect("/")

@app.get("/refresh")
def refresh():
    # Authlib sends the scope of its settings along.
    with oauth.doorward._get_oauth_client(**oauth.doorward.load_server_metadata()) as client:
        token = client.refresh_token(oauth.doorward.load_server_metadata()["token_endpoint"], refresh_token=session["refresh"])
    return "renewed" if token["access_token"] else "nothing"

@app.get("/logout")
def logout():
    from urllib.parse import urlencode
    query = urlencode({"id_token_hint": session["id_token"], "post_logout_redirect_uri": url_for("home", _external=True)})
    session.clear()
    return redirect(oauth.doorward.load_server_metadata()["end_session_endpoint"] + "?" + query)
`;

export async function connect(kit) {
  const bin = await kit.python("flask==3.1.3", "authlib==1.9.10", "requests==2.32.5");
  await kit.write("app.py", APP);
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("flask-authlib", base);
  await kit.start(`${bin}/flask`, ["run", "--port", port], { env: { ISSUER: kit.issuer, ID: id, SECRET: secret }, until: base });

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
