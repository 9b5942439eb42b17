// FastMCP signs its clients in through Doorward (OIDCProxy); the client is FastMCP's own, on the SDK of Python.

import assert from "node:assert/strict";

export const title = "MCP Python SDK 2.3.0 and FastMCP 4.2.3";
export const needs = ["python3"];

const SERVER = `
import os
from fastmcp import FastMCP
from fastmcp.server.auth.oidc_proxy import OIDCProxy
from fastmcp.server.dependencies import get_access_token
base, issuer = os.environ["BASE"], os.environ["ISSUER"]
auth = OIDCProxy(config_url=issuer + "/.well-known/openid-configuration", client_id=os.environ["ID"], client_secret=os.environ["SECRET"], base_url=base,
    audience=base + "/mcp", required_scopes=["openid", "profile", "email"], require_authorization_consent=False)
mcp = FastMCP("demo", auth=auth)

@mcp.tool
def whoami() -> str:
    return get_access_token().claims["sub"]

mcp.run(transport="http", host="127.0.0.1", port=int(os.environ["PORT"]))
`;

const CLIENT = `
import asyncio, os
from fastmcp import Client
from fastmcp.client.auth import OAuth

async def main():
    auth = OAuth(mcp_url=os.environ["BASE"] + "/mcp", scopes=["openid", "profile", "email"], callback_port=int(os.environ["CALLBACK"]))
    async def show(url):
        print("OPEN " + url, flush=True)
    auth.redirect_handler = show
    auth.context.redirect_handler = show
    async with Client(os.environ["BASE"] + "/mcp", auth=auth) as client:
        print("SUB " + (await client.call_tool("whoami")).data, flush=True)

asyncio.run(main())
`;

export async function connect(kit) {
  const bin = await kit.python("fastmcp==4.2.3", "mcp==2.3.0");
  const [port, callback] = [await kit.port(), await kit.port()];
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("fastmcp", base);
  await kit.write("server.py", SERVER);
  await kit.write("client.py", CLIENT);
  const env = { BASE: base, PORT: port, ISSUER: kit.issuer, ID: id, SECRET: secret, CALLBACK: callback };
  await kit.start(`${bin}/python`, ["server.py"], { env, until: `${base}/mcp` });
  const client = await kit.start(`${bin}/python`, ["client.py"], { env, until: /OPEN (\S+)/ });

  const page = await kit.page();
  await page.goto(/OPEN (\S+)/.exec(client.log())[1]);
  await kit.signIn(page, `http://localhost:${callback}`);
  for (let waited = 0; !/SUB \S+/.test(client.log()); waited += 100) {
    assert.ok(waited < 20_000, "the tool was called");
    await new Promise((done) => setTimeout(done, 100));
  }
  return ["sign-in", "a tool called with the access token"];
}
