// A site of a few pages and files, for applications that live in the browser alone.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

/** Listens on a free port; `html` and `file` say what is where. */
export async function pages(kit) {
  const answers = new Map();
  const server = createServer(async (request, response) => {
    const answer = answers.get(new URL(request.url, "http://localhost").pathname);
    if (answer === undefined) return response.writeHead(404).end();
    response.setHeader("content-type", answer.type);
    response.end(answer.text ?? (await readFile(answer.file)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  kit.onStop(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    base: `http://localhost:${server.address().port}`,
    html: (paths, text) => paths.forEach((path) => answers.set(path, { type: "text/html", text })),
    file: (path, file) => answers.set(path, { type: "text/javascript", file }),
  };
}
