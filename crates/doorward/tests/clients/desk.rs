//! oidc-agent, which keeps the tokens of a person's command line as ssh-agent keeps keys: Debian's package, a person at the browser, nobody at the
//! terminal. Where it is not installed it is skipped, loudly; in CI that is a failure.

use crate::browser::Browser;
use crate::doorward::Doorward;
use crate::relying_party::{Kind, RelyingParty, Result};
use openidconnect::{AccessToken, TokenIntrospectionResponse as _};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn oidc_agent_signs_in_with_a_browser_and_then_gets_token_after_token() -> Result<()> {
    if Command::new("oidc-agent").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "oidc-agent is missing: apt-get install oidc-agent-cli");
        eprintln!("SKIPPED: oidc-agent is missing: apt-get install oidc-agent-cli");
        return Ok(());
    }
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let redirect_uri = format!("http://localhost:{port}");
    let server = Doorward::start_for(&redirect_uri);
    let desk = Desk::open().await?;
    desk.sign_in(&server, &redirect_uri).await?;

    let party = RelyingParty::discover(&server, Kind::Basic).await?;
    let mut before = None;
    for _ in 0..3 {
        // Each a refresh, with the refresh token that the one before was answered with.
        let token = desk.token()?;
        assert_ne!(before.as_deref(), Some(token.as_str()));
        let told = party.introspect(&AccessToken::new(token.clone())).await?;
        assert!(told.active());
        assert!(party.knows(&AccessToken::new(token.clone())).await?);
        before = Some(token);
    }
    Ok(())
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
        let mut generate = self.command("oidc-gen");
        generate.args(["--pw-env", "--prompt=none", "--confirm-default", "--no-url-call", "--no-scheme"]);
        generate.args([
            "--flow=code",
            "--scope=openid profile offline_access",
            "--redirect-uri",
            redirect_uri,
        ]);
        generate.args(["--iss", server.issuer(), "--client-id", server.env("CLIENT_ID")]);
        generate.args(["--client-secret", server.env("CLIENT_SECRET"), "desk"]);
        let mut generating = generate.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(generating.stderr.take().ok_or("what it says")?).lines();
        let url = loop {
            let Some(line) = lines.next().transpose()? else {
                return Err(shown(&generating.wait_with_output()?).into());
            };
            if line.starts_with(server.issuer()) {
                break line;
            }
        };
        let back = Browser::new(server).walk(url.parse()?).await.left_for().clone();
        openidconnect::reqwest::get(back).await?.error_for_status()?;
        let ended = generating.wait_with_output()?;
        if ended.status.success() { Ok(()) } else { Err(shown(&ended).into()) }
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

fn shown(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}
