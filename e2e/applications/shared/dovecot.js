// A Dovecot of one's own that admits people by access tokens, and what a mail program needs to ask it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as open } from "node:net";

export const PACKAGES = ["dovecot-imapd"];

/** Starts it; answers its port of IMAP. It asks introspection, or UserInfo in the mode `auth`; what it takes for a person's name is `username`. */
export async function dovecot(kit, { mode = "post", username = "username" } = {}) {
  const port = await kit.port();
  const { id, secret } = await kit.register("--grant-type", "client_credentials", "--introspects-all", "--introspects-claims");
  const issuer = new URL(kit.issuer);
  const oauth2 = await kit.write(
    "oauth2.conf.ext",
    mode === "auth"
      ? `introspection_mode = auth\nintrospection_url = ${kit.issuer}/oauth2/userinfo\nusername_attribute = ${username}\n`
      : `introspection_mode = post
introspection_url = http://${id}:${encodeURIComponent(secret)}@${issuer.host}/oauth2/introspect
username_attribute = ${username}
active_attribute = active
active_value = true
`,
  );
  const file = await kit.write(
    "dovecot.conf",
    `base_dir = ${kit.scratch}/run
log_path = /dev/stderr
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = oauthbearer xoauth2
mail_location = maildir:${kit.scratch}/mail/%u
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
default_internal_user = dovecot
default_login_user = dovenull
service imap-login {
  inet_listener imap {
    address = 127.0.0.1
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${oauth2}
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${kit.scratch}/mail/%u
}
`,
  );
  await kit.run("mkdir", ["-p", `${kit.scratch}/mail`]);
  await kit.run("chmod", ["-R", "a+rwX", kit.scratch]);
  await kit.start("dovecot", ["-F", "-c", file], { until: /starting up/ });
  return port;
}

/** Says who one is with an access token, as mail programs do; answers what Dovecot said last. */
export async function authenticate(port, username, token) {
  const socket = open(port, "127.0.0.1");
  await once(socket, "connect");
  let said = "";
  socket.on("data", (text) => (said += text));
  const until = async (pattern) => {
    for (let waited = 0; !pattern.test(said); waited += 50) {
      assert.ok(waited < 20_000, `Dovecot says ${pattern}: ${said}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  };
  await until(/^\* OK/m);
  const words = Buffer.from(`user=${username}\u0001auth=Bearer ${token}\u0001\u0001`).toString("base64");
  socket.write(`a AUTHENTICATE XOAUTH2 ${words}\r\n`);
  await until(/^(a (OK|NO)|\+ )/m);
  if (/^\+ /m.test(said)) {
    // The reason comes first; an empty line asks for the end.
    socket.write("\r\n");
    await until(/^a (OK|NO)/m);
  }
  socket.end();
  return /^a (OK|NO)/m.exec(said)[1];
}
