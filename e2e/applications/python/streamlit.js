
export const title = "Streamlit 1.67.0";
export const needs = ["python3"];

const APP = `
import streamlit as st
if st.user.is_logged_in:
    st.write(f"{st.user.name} {st.user.email}")
    st.button("Leave", on_click=st.logout)
else:
    st.button("Enter", on_click=st.login)
`;

export async function connect(kit) {
  const bin = await kit.python("streamlit[auth]==1.67.0");
  const port = await kit.port();
  const base = `http://localhost:${port}`;
  const { id, secret } = await kit.client("streamlit", base);
  await kit.write("app.py", APP);
  await kit.write(
    ".streamlit/secrets.toml",
    `[auth]\nredirect_uri = "${base}/oauth2callback"\ncookie_secret = "${"a".repeat(40)}"\nclient_id = "${id}"\nclient_secret = "${secret}"\n` +
      `server_metadata_url = "${kit.issuer}/.well-known/openid-configuration"\n`,
  );
  const args = ["run", "app.py", "--server.port", port, "--server.headless", "true", "--browser.gatherUsageStats", "false"];
  await kit.start(`${bin}/streamlit`, args, { until: `${base}/_stcore/health` });

  const page = await kit.page();
  await page.goto(base);
  await page.getByRole("button", { name: "Enter" }).click();
  await kit.signIn(page, base);
  await page.getByText(/Alice .+@/).waitFor();
  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByRole("button", { name: "Enter" }).waitFor();
  return ["sign-in", "name and e-mail", "sign-out"];
}
