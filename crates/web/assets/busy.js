// Shows that a form is on its way, and sends it once: a password that waits for its turn is checked once for each press. Without it the pages
// lose nothing else.
const LONGEST_MS = 20_000;
for (const form of document.querySelectorAll("form")) {
  const button = form.querySelector("button[type=submit]");
  const told = document.createElement("p");
  told.setAttribute("role", "status");
  told.className = "hint waits";
  form.append(told);
  const busy = (is) => {
    form.toggleAttribute("data-sent", is);
    if (is) button.setAttribute("aria-busy", "true");
    else button.removeAttribute("aria-busy");
    told.textContent = is ? "One moment" : "";
  };
  form.addEventListener("submit", (event) => {
    if (form.hasAttribute("data-sent")) return event.preventDefault();
    busy(true);
    // An answer that an app took leaves this page standing.
    setTimeout(() => busy(false), LONGEST_MS);
  });
  addEventListener("pageshow", () => busy(false));
  addEventListener("visibilitychange", () => document.visibilityState === "visible" && busy(false));
}
