//! `doorward bench empty` and its like: requests per second beside an empty handler. It starts both servers, measures one after the other, and
//! prints; what is asked is the `bench` crate's. A new workload is a function here and a line in `bench.rs`.

use super::beside::{Asked, Beside, EmptyFloor};
use super::constant_rate::rate;
use super::growth::scratch_folder;
use super::on_its_own_thread;
use super::options::{LoadArgs, OutputArgs, PlacementArgs, RunArgs, allow_connections, plan};
use super::server::{BenchServer, Credentials};
use crate::clock::OsRandom;
use crate::commands::passwords::cores;
use crate::serve::{runtime, threads};
use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use bench::{Bar, BenchError, DevicesPlan, LoadMeasurement, LoadPlan, LoadReport, ServiceUser};
use clap::Args;
use crypto::{PrivateKey, SigningKey, TokenType};
use http::StatusCode;
use protocol::SigningAlgorithm;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use storage::measure::engine::device_codes_per_second;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use url::Url;
use web::server::{Flood, Listener, ServerOptions, Sharing, Stalls};

pub(crate) const EMPTY_HELP: &str = "\
Examples:
  doorward bench empty
  doorward bench empty --users 64 --duration 10 --json

A handler that answers 204 and does nothing else, in a server of the same kind: the floor that the other measures stand beside.";

pub(crate) const DEVICES_HELP: &str = "\
Examples:
  doorward bench devices
  doorward bench devices --users 256 --duration 30 --json
  doorward bench devices --polls 0 --users 256
  doorward bench devices --rate 5000 --polls 0 --duration 30

Devices that wait (RFC 8628): each user, again and again, asks for a device code and polls with it, and nobody ever decides. Without --target \
it starts a demo server of its own, and beside it measures an empty handler (how many requests the same server stack answers when it does \
nothing) and the engine alone (how many of the same durable commands it takes from as many submitters).

With --rate so many devices come per second, whatever the server answers (an open loop), and each is timed from when it was due; beside them \
stands an empty handler that is asked as often. None of the five systems has this test by itself; the devices are a part of their mixes.";

/// `doorward bench devices`.
#[derive(Args)]
pub(crate) struct DevicesArgs {
    #[command(flatten)]
    load: LoadArgs,
    /// How often each device polls before the next one comes
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    polls: u32,
    /// So many devices per second, by --users connections at most, instead of as many as there can be
    #[arg(long, value_name = "NUMBER", value_parser = rate)]
    rate: Option<f64>,
    #[command(flatten)]
    run: RunArgs,
}

/// How long the engine alone is measured at most, before the load and after it.
const ENGINE_FOR: Duration = Duration::from_secs(3);

/// What a workload is given: whom to ask, as whom, how long; and the runtime to do it on.
pub(super) struct Load<'a> {
    pub(super) issuer: Url,
    pub(super) credentials: Credentials,
    pub(super) plan: &'a LoadPlan,
    pub(super) runtime: &'a Runtime,
}

/// `doorward bench empty`.
#[derive(Args)]
pub(crate) struct EmptyArgs {
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    placement: PlacementArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// `doorward bench empty`.
pub(super) fn empty(args: &EmptyArgs) -> anyhow::Result<()> {
    let LoadArgs { users, duration } = args.load;
    allow_connections(users)?;
    args.placement.apply()?;
    let floor = args.placement.on_server_cpus(|| BenchServer::empty_handler(users))?;
    let plan = LoadPlan { server: Some(floor.process()), ..plan(users, duration) };
    let measurement = floor_at(&floor.issuer()?, &plan)?;
    let rate = measurement.requests_per_second();
    args.output.tell(&LoadReport::new(measurement, Some(rate)).findings())
}

pub(crate) const SUBSCRIPTIONS_HELP: &str = "\
Examples:
  doorward bench subscriptions
  doorward bench subscriptions --users 10000 --duration 30 --json
  doorward bench subscriptions --users 1000 --server-cpus 0 --client-cpus 1 \\
    --html subscriptions.html
  doorward bench subscriptions --target http://10.0.0.7:8080 --env-file demo.env

Of ten requests seven are GET /api/subscription with a known token, one asks for a device code and one polls for its token, both by the \
organization API, and one is GET /api/user. Each virtual user has a connection of its own: 10,000 of them need as many open files (ulimit -n).

It repeats the test of the organization platform among the five systems whose load tests Doorward runs against itself: the same mix at \
1,000 to 10,000 virtual users.";

/// `doorward bench subscriptions`.
#[derive(Args)]
pub(crate) struct SubscriptionsArgs {
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// `doorward bench subscriptions`.
pub(super) fn subscriptions(args: &SubscriptionsArgs) -> anyhow::Result<()> {
    let connections = (args.load.users + 1_000).to_string();
    let settings = [("max_connections", connections)];
    Measured { load: &args.load, run: &args.run, settings: &settings, writes: None }.measure(|load| {
        let Load { issuer, mut credentials, plan, runtime } = load;
        let missing =
            || BenchError::Plan("the env file names no PUBLIC_CLIENT_ID, ORG and SERVICE".to_owned());
        let service = credentials.service.take().ok_or_else(missing)?;
        let who = ServiceUser {
            sign_in: credentials.person(issuer, plan),
            device_client: service.public_client_id,
            organization: service.organization,
            service: service.service,
        };
        runtime.block_on(bench::subscriptions(&who, plan, &Bar::new()))
    })
}

/// `doorward bench devices`.
pub(super) fn devices(args: &DevicesArgs) -> anyhow::Result<()> {
    if let Some(rate) = args.rate {
        return devices_at(rate, args);
    }
    // A closed loop waits for nothing: a server of our own does not ask it to.
    let (polls, settings) = (args.polls, [("devices.interval", "0s".to_owned())]);
    let writes = Some("device_authorization");
    Measured { load: &args.load, run: &args.run, settings: &settings, writes }.measure(move |load| {
        let Load { issuer, credentials, plan, runtime } = load;
        let Credentials { client_id, client_secret, .. } = credentials;
        let plan = DevicesPlan { issuer, client_id, client_secret, polls, load: plan.clone() };
        runtime.block_on(bench::devices(&plan, &Bar::new()))
    })
}

fn devices_at(rate: f64, args: &DevicesArgs) -> anyhow::Result<()> {
    let polls = args.polls;
    let beside = Beside {
        run: &args.run,
        load: plan(args.load.users, args.load.duration),
        connections: args.load.users,
        floor: EmptyFloor::AtRate(rate),
    };
    let (seen, floors) = beside.measure(|Asked { person, load, .. }| {
        let (client_id, client_secret) = (person.client_id, person.client_secret);
        let plan = DevicesPlan { issuer: person.issuer, client_id, client_secret, polls, load };
        on_its_own_thread(move |runtime| runtime.block_on(bench::devices_at(rate, &plan, &Bar::new())))
    })?;
    args.run.output.tell(&seen.findings(floors))
}

/// A workload that counts requests, and what it is told.
struct Measured<'a> {
    load: &'a LoadArgs,
    run: &'a RunArgs,
    /// Of a server of our own, where nothing else was given.
    settings: &'a [(&'static str, String)],
    /// Its requests of this kind are durable commands, each one that of a device authorization.
    writes: Option<&'static str>,
}

impl Measured<'_> {
    /// Measures `workload`: on a server of our own, and the floors before and after it; or on the target.
    fn measure<W>(&self, workload: W) -> anyhow::Result<()>
    where
        W: FnOnce(Load<'_>) -> Result<LoadMeasurement, BenchError> + Send + 'static,
    {
        let (LoadArgs { users, duration }, RunArgs { placement, output, target }) = (*self.load, self.run);
        allow_connections(users)?;
        placement.apply()?;
        let load_plan = plan(users, duration);
        if let Some((target_url, env_file)) = target.named() {
            let load_plan = LoadPlan { server: target.process(), ..load_plan };
            let measured = run(workload, target_url.clone(), Credentials::read(env_file)?, load_plan)?;
            return output.tell(&LoadReport::new(measured, None).findings());
        }
        let flags = target.flags_with(self.settings);
        let at_server = |start: &dyn Fn() -> anyhow::Result<BenchServer>| placement.on_server_cpus(start);
        let server = at_server(&|| BenchServer::start(&flags, SigningAlgorithm::EdDsa))?;
        let floor = at_server(&|| BenchServer::empty_handler(users))?;
        let floor_target = floor.issuer()?;
        // Half as long, twice: a machine that others use too changes while it is measured.
        let floor_plan = plan(users, duration.div_ceil(2));
        let floors = || anyhow::Ok((floor_at(&floor_target, &floor_plan)?, self.engine_writes()?));
        let (before, writes_before) = floors()?;
        let credentials = server.credentials()?;
        let load_plan = LoadPlan { server: Some(server.process()), ..load_plan };
        let measured = run(workload, credentials.issuer()?, credentials, load_plan)?;
        let (after, writes_after) = floors()?;
        server.stop()?;
        let floor = f64::midpoint(before.requests_per_second(), after.requests_per_second());
        let mut report = LoadReport::new(measured, Some(floor)).with_note(floor_note(&before));
        if let Some(kind) = self.writes {
            let writes = writes_before.zip(writes_after).map(|(before, after)| f64::midpoint(before, after));
            report = report.with_engine_writes(kind, writes);
        }
        output.tell(&report.findings())
    }

    /// The engine alone, on the server's cores, where a server of our own has its database too.
    fn engine_writes(&self) -> anyhow::Result<Option<f64>> {
        // Another engine than the one that a server of our own has by itself is not compared with that.
        let is_elsewhere = self.run.target.flags.given.iter().any(|(key, _)| *key == "database");
        if self.writes.is_none() || is_elsewhere {
            return Ok(None);
        }
        let length = ENGINE_FOR.min(Duration::from_secs(self.load.duration));
        self.run.placement.on_server_cpus(|| {
            let folder = scratch_folder(None)?;
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(cores()).enable_all().build()?;
            let writes = device_codes_per_second(folder.path(), self.load.users, length);
            Ok(Some(runtime.block_on(writes)?))
        })
    }
}

/// A floor that the load tool itself held down is too low, and ratios to it too good.
pub(super) fn floor_note(floor: &LoadMeasurement) -> Option<String> {
    let why = floor.surroundings().client.bottleneck()?;
    Some(format!("measuring the empty handler, the load tool was a bottleneck itself: {why}"))
}

fn run<W>(
    workload: W,
    issuer: Url,
    credentials: Credentials,
    plan: LoadPlan,
) -> anyhow::Result<LoadMeasurement>
where
    W: FnOnce(Load<'_>) -> Result<LoadMeasurement, BenchError> + Send + 'static,
{
    on_its_own_thread(move |runtime| workload(Load { issuer, credentials, plan: &plan, runtime }))
}

pub(super) fn floor_at(target: &Url, plan: &LoadPlan) -> anyhow::Result<LoadMeasurement> {
    let (target, plan) = (target.clone(), plan.clone());
    on_its_own_thread(move |runtime| runtime.block_on(bench::empty_handler(&target, &plan, &Bar::new())))
}

/// `doorward bench empty-handler`, which is hidden: the server of the floor, in a process of its own as the other one is.
#[derive(Args)]
pub(crate) struct EmptyHandlerArgs {
    /// Where to write where it listens
    #[arg(long, value_name = "PATH")]
    env_file: PathBuf,
    /// How many connections it may have
    #[arg(long, value_name = "NUMBER")]
    connections: usize,
}

/// Answers until it is killed: by the same accept loop, with the same limits, on as many threads as a server has.
pub(super) fn serve_empty_handler(args: &EmptyHandlerArgs) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind(address, Sharing::Alone)?;
        // Whole or not at all: who waits for the file reads it at once.
        let url = format!("ISSUER=http://{}\n", listener.local_addr());
        let written = args.env_file.with_extension("part");
        std::fs::write(&written, url)
            .and_then(|()| std::fs::rename(&written, &args.env_file))
            .with_context(|| format!("{} cannot be written", args.env_file.display()))?;
        let router = Router::new()
            .route("/sign", get(signed).with_state(Arc::new(signing_key()?)))
            .fallback(async || StatusCode::NO_CONTENT);
        let options = ServerOptions {
            threads: threads(&Stalls::default(), &Flood::default())?,
            max_connections: args.connections,
            ..ServerOptions::default()
        };
        web::server::serve(listener, router, options, None, CancellationToken::new()).await;
        Ok(())
    })
}

/// What an access token of a client's own says, as long as a real one.
const CLAIMS: &str = r#"{"iss":"http://localhost:8080","sub":"machine-0001","aud":"http://localhost:8080","exp":1767226200,"iat":1767225600,"jti":"019b76da-a800-7000-8000-000000000000","client_id":"machine-0001","scope":""}"#;

fn signing_key() -> anyhow::Result<SigningKey> {
    Ok(SigningKey::new(PrivateKey::generate(SigningAlgorithm::EdDsa, &mut OsRandom)?))
}

/// A signature and nothing else: what a token costs at least.
async fn signed(State(key): State<Arc<SigningKey>>) -> String {
    key.sign(TokenType::AccessToken, CLAIMS.as_bytes())
}
