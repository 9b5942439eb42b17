//! oidc-agent, which keeps the tokens of a person's command line as ssh-agent keeps keys: Debian's package, a person at the browser, of this
//! computer or another one, nobody at the terminal. Where it is not installed it is skipped, loudly; in CI that is a failure.

use crate::browser::{Arrived, Browser};
use crate::doorward::{Doorward, engines};
use crate::relying_party::{Kind, RelyingParty, Result};
use openidconnect::{AccessToken, TokenIntrospectionResponse as _};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{BufRead as _, BufReader, Lines};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn oidc_agent_signs_in_with_a_browser_and_then_gets_token_after_token() -> Result<()> {
    if is_missing() {
        return Ok(());
    }
    for engine in engines() {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let redirect_uri = format!("http://localhost:{port}");
        let server = Doorward::start(engine, &redirect_uri);
        let desk = Desk::open().await?;
        desk.sign_in(&server, &redirect_uri).await?;
        desk.gets_token_after_token(&server).await?;
    }
    Ok(())
}

#[tokio::test]
async fn oidc_agent_signs_in_as_a_device_whose_code_is_typed_in_elsewhere() -> Result<()> {
    if is_missing() {
        return Ok(());
    }
    for server in Doorward::on_every_engine() {
        let desk = Desk::open().await?;
        desk.sign_in_as_device(&server).await?;
        desk.gets_token_after_token(&server).await?;
    }
    Ok(())
}

fn is_missing() -> bool {
    let missing = Command::new("oidc-agent").arg("--version").output().is_err();
    if missing {
        assert!(throwaway::variable("CI").is_none(), "oidc-agent is missing: apt-get install oidc-agent-cli");
        eprintln!("SKIPPED: oidc-agent is missing: apt-get install oidc-agent-cli");
    }
    missing
}

/// A person's computer with a running agent.
struct Desk {
    agent: Child,
    home: TempDir,
}

impl Desk {
    async fn open() -> Result<Self> {
        let home = tempfile::tempdir()?;
        let socket = home.path().join("agent");
        std::fs::create_dir(home.path().join("configuration"))?;
        let mut command = Command::new("oidc-agent");
        command.args(["--console", "--socket-path"]).arg(&socket);
        command.env("HOME", home.path()).env("OIDC_CONFIG_DIR", home.path().join("configuration"));
        let agent = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let desk = Self { agent, home };
        let appears = async {
            while !socket.exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, appears).await?;
        Ok(desk)
    }

    /// What nobody waits for in vain.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args(["60", program]);
        let home = self.home.path();
        command.env("HOME", home).env("OIDC_CONFIG_DIR", home.join("configuration"));
        command.env("OIDC_SOCK", home.join("agent")).env("OIDC_ENCRYPTION_PW", "secret");
        command.stdin(Stdio::null());
        command
    }

    /// Sets the agent up for this server: it prints where to go, the person goes there, and the browser comes back to the agent.
    async fn sign_in(&self, server: &Doorward, redirect_uri: &str) -> Result<()> {
        let flow = ["--flow=code", "--no-scheme", "--redirect-uri", redirect_uri];
        let mut generating = Generating::start(self, server, &flow)?;
        let url = generating.says(|line| line.starts_with(server.issuer()).then(|| line.to_owned()))?;
        let back = Browser::new(server).walk(url.parse()?).await.left_for().clone();
        openidconnect::reqwest::get(back).await?.error_for_status()?;
        generating.end()
    }

    /// The same by the device flow (RFC 8628): it prints where to go and what to type in there, and then asks until that was done.
    async fn sign_in_as_device(&self, server: &Doorward) -> Result<()> {
        let mut generating = Generating::start(self, server, &["--flow=device"])?;
        let uri = generating.says(|line| line.starts_with(server.issuer()).then(|| line.to_owned()))?;
        assert_eq!(uri, format!("{}/device", server.issuer()));
        let code = generating
            .says(|line| line.split_once("enter the code: ").map(|(_, code)| code.trim().to_owned()))?;
        match Browser::new(server).bring_in(uri.parse()?, &code).await {
            Arrived::Page { at, html } => assert!(at.path() == "/device/allowed", "{at}: {html}"),
            Arrived::Left(url) => panic!("left for {url}"),
        }
        generating.end()
    }

    /// Each a refresh, with the refresh token that the one before was answered with.
    async fn gets_token_after_token(&self, server: &Doorward) -> Result<()> {
        let party = RelyingParty::discover(server, Kind::Basic).await?;
        let mut before = None;
        for _ in 0..3 {
            let token = self.token()?;
            assert_ne!(before.as_deref(), Some(token.as_str()));
            let told = party.introspect(&AccessToken::new(token.clone())).await?;
            assert!(told.active());
            assert!(party.knows(&AccessToken::new(token.clone())).await?);
            before = Some(token);
        }
        Ok(())
    }

    /// A new access token.
    fn token(&self) -> Result<String> {
        let output = self.command("oidc-token").args(["--force-new", "desk"]).output()?;
        if !output.status.success() {
            return Err(shown(&output).into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // Gone already is as good.
        kill_process_group(Pid::from_child(&self.agent), Signal::TERM).ok();
        self.agent.wait().ok();
    }
}

/// `oidc-gen`, which sets an agent up.
struct Generating {
    process: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Generating {
    fn start(desk: &Desk, server: &Doorward, flow: &[&str]) -> Result<Self> {
        let mut generate = desk.command("oidc-gen");
        generate.args(["--pw-env", "--prompt=none", "--confirm-default", "--no-url-call"]).args(flow);
        generate.arg("--scope=openid profile offline_access");
        generate.args(["--iss", server.issuer(), "--client-id", server.env("CLIENT_ID")]);
        generate.args(["--client-secret", server.env("CLIENT_SECRET"), "desk"]);
        let mut process = generate.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let lines = BufReader::new(process.stderr.take().ok_or("what it says")?).lines();
        Ok(Self { process, lines })
    }

    /// Waits for it to say something.
    fn says<T>(&mut self, what: impl Fn(&str) -> Option<T>) -> Result<T> {
        let mut said = String::new();
        loop {
            let Some(line) = self.lines.next().transpose()? else { return Err(said.into()) };
            if let Some(found) = what(&line) {
                return Ok(found);
            }
            said = said + &line + "\n";
        }
    }

    fn end(self) -> Result<()> {
        // It says more, and waits for whoever listens.
        let said: Vec<_> = self.lines.map_while(std::io::Result::ok).collect();
        let ended = self.process.wait_with_output()?;
        if ended.status.success() { Ok(()) } else { Err((said.join("\n") + &shown(&ended)).into()) }
    }
}

fn shown(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}
