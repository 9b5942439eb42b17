// Adds "Show" to every password field. Without it the pages lose nothing else.
for (const input of document.querySelectorAll('input[type="password"]')) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "reveal";
  button.setAttribute("aria-controls", input.id);
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-label", `${button.textContent} password`);
  };
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  // A password manager saves password fields, and nothing on the screen should outlive the form.
  input.form.addEventListener("submit", () => show(false));
  show(false);
  input.parentElement.append(button);
}
