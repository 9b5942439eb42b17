// Adds "Copy" to every token. Without it a token is selected by hand.
for (const raw of document.querySelectorAll(".raw")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "secondary";
  const called = raw.previousElementSibling.textContent;
  const says = (text) => {
    button.textContent = text;
    button.setAttribute("aria-label", `${text}: ${called}`);
  };
  says("Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(raw.querySelector("code").textContent);
      says("Copied");
    } catch {
      getSelection().selectAllChildren(raw.querySelector("code"));
      says("Selected: copy it by hand");
    }
    setTimeout(() => says("Copy"), 3_000);
  });
  raw.append(button);
}
