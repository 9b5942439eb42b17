// The frame in which keycloak-js asks, every few seconds, whether the browser's session is still the one its page knows. The server is asked
// at most every fifteen seconds; while it cannot be asked, what it said last stands.
(() => {
  const EVERY_MS = 15_000;
  let question = "";
  let said = "error";
  let saidAt = -EVERY_MS;

  async function ask(query) {
    const response = await fetch(`${location.pathname}/init?${query}`, { cache: "no-store" }).catch(() => null);
    if (response?.ok) return (await response.json()).state;
    return response?.status === 403 ? "error" : said;
  }

  window.addEventListener("message", async (event) => {
    if (event.source !== window.parent || typeof event.data !== "string") return;
    const at = event.data.indexOf(" ");
    const [client, session] = [event.data.slice(0, at), event.data.slice(at + 1)];
    const query = new URLSearchParams({ client_id: client, origin: event.origin, session_state: session }).toString();
    const now = performance.now();
    if (query !== question || now - saidAt >= EVERY_MS) {
      if (query !== question) said = "error";
      question = query;
      saidAt = now;
      said = await ask(query);
    }
    window.parent.postMessage(said, event.origin);
  });
})();
