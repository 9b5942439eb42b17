import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";

export const title = "Prometheus (Debian), scraping with oauth2";
export const packages = ["prometheus"];

export async function connect(kit) {
  const seen = [];
  const target = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.setHeader("content-type", "text/plain");
    response.end("up_and_running 1\n");
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  kit.onStop(() => target.close());
  const { id, secret } = await kit.client("prometheus");
  const file = await kit.write(
    "prometheus.yml",
    `scrape_configs:
  - job_name: app
    scrape_interval: 1s
    oauth2:
      client_id: ${id}
      client_secret: ${secret}
      token_url: ${kit.issuer}/oauth2/token
      scopes: [metrics]
    static_configs: [{ targets: ["127.0.0.1:${target.address().port}"] }]
`,
  );
  await kit.start("prometheus", [`--config.file=${file}`, `--storage.tsdb.path=${kit.scratch}/data`, `--web.listen-address=127.0.0.1:${await kit.port()}`]);
  for (let waited = 0; seen.length < 2; waited += 100) {
    assert.ok(waited < 30_000, "it scrapes");
    await new Promise((done) => setTimeout(done, 100));
  }
  const [kind, token] = seen[0].split(" ");
  assert.equal(kind, "Bearer");
  const { scope } = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  assert.equal(scope, "metrics");
  assert.equal(seen[1], seen[0], "a token is used until it is over");
  return ["scrapes with an access token", "keeps it while it is good"];
}
