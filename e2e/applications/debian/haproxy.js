import { answers, machineToken } from "../shared/tokens.js";

export const title = "HAProxy (Debian), JWTs by a PEM key";
export const packages = ["haproxy"];

export async function connect(kit) {
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const token = await machineToken(kit);
  const { kid } = JSON.parse(Buffer.from(token.split(".")[0], "base64url"));
  const key = await kit.write("key.pem", await kit.doorward.command("keys", "show", "--pem", kid));
  const file = await kit.write(
    "haproxy.cfg",
    `defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend api
  bind 127.0.0.1:${port}
  http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg')
  http-request set-var(txn.iss) http_auth_bearer,jwt_payload_query('$.iss')
  http-request deny deny_status 401 unless { var(txn.alg) -m str ES256 }
  http-request deny deny_status 401 unless { http_auth_bearer,jwt_verify(txn.alg,"${key}") -m int 1 }
  http-request deny deny_status 401 unless { var(txn.iss) -m str ${kit.issuer} }
  http-request return status 200
`,
  );
  await kit.start("haproxy", ["-f", file], { until: base });
  await answers(base, token, { good: 200, bad: 401 });
  return ["access token verified", "altered and missing ones refused"];
}
