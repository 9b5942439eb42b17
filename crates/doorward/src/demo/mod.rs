//! `doorward demo`: a server that is complete in itself and forgets everything: a fresh temporary database, people, clients, and a relying
//! party that signs in. Also a fixture for other people's tests. Decides nothing about the protocol: it is the same server.

mod certificate;
mod env_file;
mod fixture;
mod oidc_client;
mod pages;
mod relying_party;
mod sessions;
mod television;

use crate::app::{App, Opening};
use crate::clock;
use crate::commands::shown;
use crate::master_key::IfMissing;
use crate::outgoing::Outgoing;
use crate::serve::{House, allow_many_files, bind, threads, watch_for_a_flood};
use crate::settings::{Issuer, Resolved, SettingFlags, Settings, TlsSettings, address};
use crate::telemetry::Telemetry;
use anyhow::{Context as _, anyhow, bail, ensure};
use certificate::SelfMade;
use clap::Args;
use fixture::{Fixture, Wishes};
use protocol::{RedirectUri, SigningAlgorithm};
use relying_party::RelyingParty;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use television::Television;
use tokio_util::sync::CancellationToken;
use web::metrics::{HttpMetrics, SystemReading};
use web::server::{Flood, Listener, ServerOptions, Sharing, Stalls};

pub(crate) const HELP: &str = "\
Examples:
  doorward demo
  doorward demo --lan
  doorward demo --database postgres://postgres@localhost/demo
  doorward demo --port 0 --env-file /tmp/doorward.env \\
    --redirect-uri http://localhost:3000/callback

With --lan a phone in your network can open it, and scan the television's code: the demo stands at this machine's own address, by https with a certificate \
made for this run, which browsers warn of. Everybody in that network can reach it, and knows its passwords.

Everything is forgotten when it ends, unless --database names another database: an empty one, in which everything stays. Anybody may register, and rate limits and lockouts are off. Its users and clients, with \
their passwords and secrets, are printed and shown on the page it links to.

For your own tests: with --env-file, a file with ISSUER, CLIENT_ID, CLIENT_SECRET, PUBLIC_CLIENT_ID, CLIENT2_ID, CLIENT2_SECRET, \
USERNAME and PASSWORD as KEY=VALUE lines appears once the server answers. Its clients ask nobody for consent unless a request \
says prompt=consent, and may use {issuer}/demo/callback, http://127.0.0.1/callback on any port, and your --redirect-uri.";

const WARNED: &str = "
Whoever opens it is warned of its certificate, which was made for this run. Its SHA-256 fingerprint:
  {}";

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// The port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8080, conflicts_with = "setting:listen")]
    port: u16,
    /// The address to listen on, 127.0.0.1 without it; people still reach it as localhost, unless --issuer or --lan says otherwise
    #[arg(long, value_name = "ADDRESS", conflicts_with = "setting:listen")]
    host: Option<IpAddr>,
    /// Stand at this machine's address in its network, or the one that --host names, by https with a certificate made for this run
    #[arg(long, conflicts_with_all = ["setting:listen", "setting:issuer"])]
    lan: bool,
    /// A further redirect URI of every demo client; repeatable
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<RedirectUri>,
    /// A further post-logout redirect URI of every demo client; repeatable
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<RedirectUri>,
    /// Once the server answers, write what a test needs to know here
    #[arg(long, value_name = "PATH")]
    env_file: Option<PathBuf>,
    /// What signs the ID Tokens of every demo client: RS256, ES256 or EdDSA
    #[arg(long, value_name = "ALGORITHM", default_value = "RS256")]
    id_token_alg: SigningAlgorithm,
    /// So many further clients that speak for themselves, for measuring
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide = true)]
    machines: u32,
    #[command(flatten)]
    flags: SettingFlags,
}

impl DemoArgs {
    /// Where it is to listen: what --listen says, as everywhere, or --host and --port. No file or variable has a say in it.
    fn listens(&self) -> anyhow::Result<SocketAddr> {
        match self.flags.given.iter().rfind(|(key, _)| *key == "listen") {
            Some((_, wished)) => {
                address(wished).map_err(|expected| anyhow!("--listen {wished}: expected {expected}"))
            }
            None => {
                let found = if self.lan && self.host.is_none() { Some(own_address()?) } else { self.host };
                Ok(SocketAddr::new(found.unwrap_or(Ipv4Addr::LOCALHOST.into()), self.port))
            }
        }
    }
}

/// Runs until it is told to stop, and removes everything.
///
/// # Errors
/// When it cannot start.
pub(crate) fn run(args: DemoArgs) -> anyhow::Result<()> {
    let directory = tempfile::Builder::new()
        .prefix("doorward-demo-")
        .tempdir()
        .context("no directory could be made for the temporary database")?;
    allow_many_files();
    let flood = Flood::default();
    let (runtime, _) = Stalls::default().runtime("web-0".to_owned(), &flood)?;
    let ran = runtime.block_on(demo(args, &flood, directory.path()));
    directory.close().context("the temporary database could not be removed")?;
    ran
}

async fn demo(args: DemoArgs, flood: &Flood, directory: &Path) -> anyhow::Result<()> {
    let wished = args.listens()?;
    let listeners = listeners(wished)?;
    let port = listeners.first().map_or(wished.port(), |listener| listener.local_addr().port());
    let self_made = args.lan.then(|| SelfMade::for_address(wished.ip(), directory)).transpose()?;
    let issuer = match args.lan {
        true => Issuer::at(SocketAddr::new(wished.ip(), port)),
        false => Issuer::on_this_machine(false, port),
    };
    let settings = settings(args.flags, &issuer, directory)?;
    let _telemetry = Telemetry::start(&settings.log)?;
    let issuer = settings.issuer(SocketAddr::new(wished.ip(), port));
    ensure!(!issuer.has_path(), "the demo stands at a host of its own: --issuer without a path is expected");
    let app = App::open(&settings, &issuer, Opening::of(IfMissing::Create)).await?;
    watch_for_a_flood(flood, &app.provider);
    let wishes = Wishes {
        redirect_uris: args.redirect_uris,
        post_logout_redirect_uris: args.post_logout_redirect_uris,
        id_token_alg: args.id_token_alg,
        machines: args.machines,
    };
    let fixture = Fixture::make(&app.provider, &wishes).await?;
    announce(&issuer, &fixture, &settings)?;
    if let Some(self_made) = &self_made {
        shown::line(WARNED.replace("{}", &self_made.fingerprint()))?;
    }

    let outgoing = match &self_made {
        Some(self_made) => Outgoing::trusting(self_made.certificate.clone())?,
        None => Outgoing::new()?,
    };
    let shutdown = CancellationToken::new();
    let (web, options) =
        app.surface(&settings, HttpMetrics::default(), Box::new(SystemReading::default), &shutdown);
    let options = ServerOptions { threads: threads(&Stalls::default(), flood)?, ..options };
    let relying_party = RelyingParty::new(&issuer, &fixture, outgoing.clone())?;
    let television = Television::new(&issuer, &fixture.television.client_id, outgoing.clone());
    let router = web::router(web).merge(relying_party.router()).merge(television.router());
    if let Some(path) = args.env_file {
        let contents = fixture.env_file(issuer.as_str());
        tokio::spawn(env_file::write_when_ready(path, contents, issuer.as_str().to_owned(), outgoing));
    }
    let tls = self_made.map(|self_made| self_made.tls);
    House { app, listeners, router, options, tls, metrics: None, shutdown }.run(&settings).await
}

/// This machine's address in its network: where it would send from to get out. Nothing is sent.
fn own_address() -> anyhow::Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // RFC 5737: an address for examples, which nobody has.
    let found = socket.connect((Ipv4Addr::new(198, 51, 100, 1), 9)).and_then(|()| socket.local_addr());
    found
        .map(|address| address.ip())
        .context("this machine has no address in a network: name one with --host")
}

/// `localhost` may mean 127.0.0.1 or ::1, and not every program tries the second: both are listened on where there are both.
fn listeners(address: SocketAddr) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = vec![bind(address, Sharing::Alone)?];
    if address.ip() == Ipv4Addr::LOCALHOST {
        let port = listeners.first().map_or(address.port(), |listener| listener.local_addr().port());
        // A machine without IPv6 has none to listen on.
        listeners.extend(Listener::bind((Ipv6Addr::LOCALHOST, port).into(), Sharing::Alone).ok());
    }
    Ok(listeners)
}

fn settings(flags: SettingFlags, issuer: &Issuer, directory: &Path) -> anyhow::Result<Settings> {
    let Some(directory) = directory.to_str() else {
        bail!("the temporary directory's name is not UTF-8: set TMPDIR to another");
    };
    let of_demo = [
        ("issuer", issuer.to_string()),
        ("registration", "open".to_owned()),
        ("limits.enabled", "off".to_owned()),
        ("limits.lockout", "off".to_owned()),
        ("log", "warn".to_owned()),
        ("log_format", "text".to_owned()),
    ];
    // Whatever the settings say: the demo touches no other installation's state. Only a flag can name another database.
    let named = flags.given.iter().rfind(|(key, _)| *key == "database").map(|(_, url)| url.clone());
    let of_its_own = [
        ("data", directory.to_owned()),
        ("database", named.unwrap_or_else(|| format!("sqlite:{directory}/doorward.db"))),
        ("master_key_file", format!("{directory}/master.key")),
    ];
    let flags = SettingFlags {
        // Nor does it read a settings file that happens to lie about.
        config: flags.config.or_else(|| Some(PathBuf::from("/dev/null"))),
        given: of_demo.into_iter().chain(flags.given).chain(of_its_own).collect(),
    };
    let mut settings = Resolved::from_system(&flags)?.settings;
    settings.master_key = None;
    settings.tls = TlsSettings::default();
    settings.metrics_listen = None;
    Ok(settings)
}

fn announce(issuer: &Issuer, fixture: &Fixture, settings: &Settings) -> anyhow::Result<()> {
    shown::line(format!(
        "Doorward {} demo. Open this in a browser:\n\n  {issuer}/demo/\n",
        env!("CARGO_PKG_VERSION")
    ))?;
    let rows: Vec<_> =
        fixture.users.iter().map(|user| [format!("  {}", user.username), user.password.clone()]).collect();
    shown::table(["  USER", "PASSWORD"], &rows)?;
    shown::line("")?;
    let rows: Vec<_> = fixture
        .clients()
        .into_iter()
        .map(|client| {
            [
                format!("  {}", client.client_id),
                client.client_secret.clone().unwrap_or_else(|| "(public)".into()),
            ]
        })
        .collect();
    shown::table(["  CLIENT", "SECRET"], &rows)?;
    shown::line(format!("\n  Discovery  {issuer}/.well-known/openid-configuration"))?;
    let database = settings.database();
    let is_temporary = database.file().is_some_and(|file| file.starts_with(&settings.data));
    let fate = match is_temporary {
        true => "Everything is forgotten when this ends".to_owned(),
        false => format!("What is in {database} stays when this ends"),
    };
    Ok(shown::line(format!("\n{fate} (Ctrl-C)."))?)
}

/// What the instant is, for the relying party's checks.
fn now_seconds() -> i64 {
    clock::now().seconds()
}
