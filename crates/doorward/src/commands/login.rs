//! `doorward login`: signs in at any issuer as a device does (RFC 8628), to see it work or to have a token in a script. A client like any other:
//! it learns everything from discovery and knows nothing of this server.

mod issuer;
mod qr;

use super::shown;
use crate::clock;
use crate::environment;
use anyhow::{Context as _, bail};
use clap::Args;
use issuer::{Answer, Issuer, Refusal};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};
use url::Url;

pub(crate) const HELP: &str = "\
Examples:
  doorward client add doorward-login --public \\
    --grant-type urn:ietf:params:oauth:grant-type:device_code
  doorward login --issuer https://id.example.org
  doorward login --issuer https://id.example.org --client-id my-tv \\
    --scope 'openid profile offline_access'
  TOKEN=$(doorward login --issuer https://id.example.org | jq -r .access_token)

It asks the issuer for a code, shows where to enter it (on a terminal as a QR code, too), waits for you, and prints the tokens as JSON to \
standard output; everything else goes to standard error. A confidential client's secret is read from the environment variable CLIENT_SECRET.";

/// RFC 8628 section 3.2: "If no value is provided, clients MUST use 5 as the default."
const USUAL_INTERVAL: u64 = 5;
/// RFC 8628 section 3.5.
const SLOWER_BY: Duration = Duration::from_secs(5);
/// An interval is never longer, however often the issuer cannot be reached.
const SLOWEST: Duration = Duration::from_secs(60);
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[derive(Args)]
pub(crate) struct LoginArgs {
    /// The issuer to sign in at: https, or http on this machine
    #[arg(long, value_name = "URL")]
    issuer: Url,
    /// The client to sign in to; it must be registered there for the device code grant type
    #[arg(long, value_name = "ID", default_value = "doorward-login")]
    client_id: String,
    /// What to ask for
    #[arg(long, default_value = "openid profile")]
    scope: String,
    /// Print what the issuer says about you (UserInfo) instead of the tokens
    #[arg(long)]
    userinfo: bool,
    /// Show the QR code also where standard error is no terminal
    #[arg(long, conflicts_with = "no_qr")]
    qr: bool,
    /// Show no QR code
    #[arg(long)]
    no_qr: bool,
}

/// RFC 8628 section 3.2.
#[derive(Deserialize)]
struct Authorization {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

/// What a poll brought.
enum Polled {
    Tokens(Map<String, Value>),
    NotYet,
    TooSoon,
}

pub(crate) fn run(args: &LoginArgs) -> anyhow::Result<()> {
    // Not an option: everybody on a machine sees the options of a process.
    let secret = environment::variable("CLIENT_SECRET").and_then(|secret| secret.into_string().ok());
    let secret = secret.filter(|secret| !secret.is_empty());
    let issuer = Issuer::discover(&args.issuer, &args.client_id, secret)?;
    let authorization = ask(args, &issuer)?;
    show(args, &authorization)?;
    let tokens = wait(&issuer, &authorization)?;
    tell("Signed in.\n")?;
    if !args.userinfo {
        return shown::json(&tokens);
    }
    let access_token = tokens.get("access_token").and_then(Value::as_str).unwrap_or_default();
    shown::json(&issuer.userinfo(access_token)?)
}

/// RFC 8628 section 3.1.
fn ask(args: &LoginArgs, issuer: &Issuer) -> anyhow::Result<Authorization> {
    match issuer.device_authorization(&args.scope)? {
        Answer::Good(members) => serde_json::from_value(Value::Object(members))
            .context("the issuer's answer lacks what RFC 8628 section 3.2 requires"),
        Answer::Refused(Refusal { error, description }) => {
            let client = &args.client_id;
            let hint = match error.as_str() {
                "invalid_client" => format!(
                    "; is the client {client} registered there? (`doorward client add {client} --public --grant-type {DEVICE_CODE}`; \
                     a confidential one needs CLIENT_SECRET)"
                ),
                "unauthorized_client" => {
                    format!("; allow it: `doorward client set {client} --grant-type {DEVICE_CODE}`")
                }
                "invalid_scope" => format!("; ask for less than --scope '{}'", args.scope),
                _ => String::new(),
            };
            bail!("the issuer refuses: {error}: {description}{hint}")
        }
    }
}

fn show(args: &LoginArgs, authorization: &Authorization) -> anyhow::Result<()> {
    let Authorization { user_code, verification_uri, verification_uri_complete, .. } = authorization;
    let (user_code, uri) = (printable(user_code), printable(verification_uri));
    tell(&format!("\nOpen this address on any device and enter the code:\n\n  {uri}\n\n  {user_code}\n\n"))?;
    let on_terminal = std::io::stderr().is_terminal();
    if let Some(complete) = verification_uri_complete
        && !args.no_qr
        && (args.qr || on_terminal)
    {
        let colour = on_terminal && environment::variable("NO_COLOR").is_none_or(|value| value.is_empty());
        tell(&format!(
            "Or scan this with a phone, and compare the code there:\n\n{}\n",
            qr::drawn(complete, colour)?
        ))?;
    }
    let minutes = authorization.expires_in.div_ceil(60);
    tell(&format!("Waiting; the code ends in {minutes} min. Ctrl-C gives up.\n"))
}

/// Polls until the person has decided (RFC 8628 sections 3.4 and 3.5).
fn wait(issuer: &Issuer, authorization: &Authorization) -> anyhow::Result<Map<String, Value>> {
    let ends: Instant = clock::monotonic() + Duration::from_secs(authorization.expires_in.min(86_400));
    let mut interval = Duration::from_secs(authorization.interval.unwrap_or(USUAL_INTERVAL)).min(SLOWEST);
    while clock::monotonic() < ends {
        std::thread::sleep(interval);
        match poll(issuer, &authorization.device_code) {
            Ok(Polled::Tokens(tokens)) => return Ok(tokens),
            Ok(Polled::NotYet) => {}
            Ok(Polled::TooSoon) => interval += SLOWER_BY,
            Err(error) if error.is::<issuer::Unreachable>() => {
                // "the client MUST unilaterally reduce its polling frequency": doubled, as it is suggested there.
                interval = (interval * 2).clamp(Duration::from_secs(1), SLOWEST);
                tell(&format!("{error:#}; trying again in {} s\n", interval.as_secs()))?;
            }
            Err(error) => return Err(error),
        }
    }
    bail!("nobody entered the code in time: run the command again for a new one")
}

fn poll(issuer: &Issuer, device_code: &str) -> anyhow::Result<Polled> {
    match issuer.token(&[("grant_type", DEVICE_CODE), ("device_code", device_code)])? {
        Answer::Good(tokens) => Ok(Polled::Tokens(tokens)),
        Answer::Refused(Refusal { error, description }) => match error.as_str() {
            "authorization_pending" => Ok(Polled::NotYet),
            "slow_down" => Ok(Polled::TooSoon),
            "access_denied" => bail!("it was denied in the browser"),
            "expired_token" => {
                bail!("nobody entered the code in time: run the command again for a new one")
            }
            _ => bail!("the issuer refuses: {error}: {description}"),
        },
    }
}

/// What an issuer sends must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}

fn tell(text: &str) -> anyhow::Result<()> {
    let mut error = std::io::stderr().lock();
    Ok(error.write_all(text.as_bytes()).and_then(|()| error.flush())?)
}
