//! `doorward healthcheck`: whether a running server can answer, as an exit code.

use super::shown;
use crate::cli::Place;
use crate::operator::{Operation, Unreachable, call};
use crate::outgoing::Outgoing;
use crate::settings::Resolved;
use anyhow::bail;
use clap::Args;
use http::StatusCode;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

pub(crate) const HELP: &str = "\
Examples:
  doorward healthcheck
  doorward healthcheck --url http://10.0.0.7:8080/health/ready
  HEALTHCHECK CMD [\"doorward\", \"healthcheck\"]     (in a container file)

Without --url it asks the server these settings belong to: over the operator's socket in its data directory, or, where that cannot \
be opened, by http on the address it listens on. Exit code 0: ready. 1: not ready, or nobody answers.";

#[derive(Args)]
pub(crate) struct HealthcheckArgs {
    /// What to ask; http only
    #[arg(long)]
    url: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: &HealthcheckArgs) -> anyhow::Result<ExitCode> {
    match check(args) {
        Ok(()) => {
            shown::line("ready")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) if error.is::<crate::settings::SettingsError>() => Err(error),
        Err(error) => {
            shown::line(format!("not ready: {error:#}"))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn check(args: &HealthcheckArgs) -> anyhow::Result<()> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => {
            let resolved = Resolved::from_system(&args.place.flags())?;
            let (named, listens) = (resolved.is_set("data"), resolved.is_set("listen"));
            let settings = resolved.at_its_place();
            // Whoever may not open it can still ask by http.
            if let Ok(Ok(answer)) = call(&settings.data, &Operation::CheckReadiness) {
                return answer.map(|_| ()).map_err(Into::into);
            }
            // By http nobody knows whose server answers on an address that was not named.
            if settings.tls.files().is_some() || (named && !listens) {
                return over_the_socket(&settings.data);
            }
            format!("http://{}/health/ready", reachable(settings.listen))
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(Outgoing::new()?.get(&url, None))?;
    if answer.status != StatusCode::OK {
        bail!("{url} answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body).trim());
    }
    Ok(())
}

/// The certificate is for the name people use, not for the loopback address this would connect to.
fn over_the_socket(data: &std::path::Path) -> anyhow::Result<()> {
    match call(data, &Operation::CheckReadiness)? {
        Ok(answer) => answer.map(|_| ()).map_err(Into::into),
        Err(Unreachable) => bail!("no server runs with the data directory {}", data.display()),
    }
}

/// Where a server that listens on every address is reached.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_asked_on_loopback() {
        for (listen, asked) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("10.0.0.7:8080", "10.0.0.7:8080")]
        {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
