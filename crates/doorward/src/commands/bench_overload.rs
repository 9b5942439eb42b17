//! `doorward bench overload`: more sign-ins than the machine can take, while everybody else goes on. It starts the server and prints; what is asked
//! is the `bench` crate's.

use super::bench::{hashes_per_second, on_its_own_thread, own_settings, seed};
use super::bench_options::{OutputArgs, PlacementArgs, TargetArgs, allow_connections, plan};
use super::bench_server::{BenchServer, Credentials};
use bench::{Bar, LoadPlan, OverloadMeasurement, OverloadPlan, OverloadReport};
use clap::Args;
use protocol::SigningAlgorithm;
use std::time::Duration;
use url::Url;

pub(super) const HELP: &str = "\
Examples:
  doorward bench overload
  doorward bench overload --times 0.5,1,2,5,10 --html overload.html
  doorward bench overload --target http://10.0.0.7:8080 --env-file demo.env --other-rate 500 --json overload.json

First people sign in who each wait for the one before: that is the capacity. Then sign-ins come at a multiple of it, whatever the \
server answers (an open loop): each takes a connection of its own and is timed from the moment it was due. All the while everybody \
else asks at a fixed rate for tokens, introspection, UserInfo and the signing keys.

Goodput is whole sign-ins per second, its ratio that beside the capacity. The rest is refused, at once and with Retry-After if the \
server is well made. None of the five systems has such a test of its own: this is the question their load tests leave open.";

#[derive(Args)]
pub(crate) struct OverloadArgs {
    /// How many times the capacity is offered; several, one after the other, are drawn as a curve
    #[arg(long, value_name = "MULTIPLES", value_delimiter = ',', default_value = "10")]
    times: Vec<f64>,
    /// How long to measure each load, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    duration: u64,
    /// Requests of everybody else, per second
    #[arg(long, value_name = "NUMBER", default_value_t = 200.0)]
    other_rate: f64,
    /// How many people sign in at once to find the capacity
    #[arg(long, value_name = "NUMBER", default_value_t = 32)]
    capacity_users: usize,
    /// How many connections the sign-ins may have at once
    #[arg(long, value_name = "NUMBER", default_value_t = 4_000)]
    connections: usize,
    #[command(flatten)]
    placement: PlacementArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    target: TargetArgs,
}

/// How long the hash capacity is measured at most, before the load and after it.
const CAPACITY_FOR: Duration = Duration::from_secs(3);

/// `doorward bench overload`.
pub(super) fn run(args: &OverloadArgs) -> anyhow::Result<()> {
    allow_connections(args.connections)?;
    args.placement.apply()?;
    let report = match args.target.named() {
        Some((target, env_file)) => {
            let load = LoadPlan { server: args.target.process(), ..plan(args.connections, args.duration) };
            let measurement = measure(args, Credentials::read(env_file)?, target.clone(), load)?;
            OverloadReport { measurement, hash_capacity: None }
        }
        None => of_our_own(args)?,
    };
    args.output.tell(&report.findings())
}

fn of_our_own(args: &OverloadArgs) -> anyhow::Result<OverloadReport> {
    let connections = (args.connections + 1_000).to_string();
    let flags = args.target.flags_with(&[("max_connections", connections)]);
    let settings = own_settings(&flags)?;
    let capacity_for = CAPACITY_FOR.min(Duration::from_secs(args.duration));
    let hashes = || args.placement.on_server_cpus(|| hashes_per_second(&settings, capacity_for));
    let before = hashes()?;
    let server = args.placement.on_server_cpus(|| BenchServer::start(&flags, SigningAlgorithm::EdDsa))?;
    let credentials = server.credentials()?;
    let issuer = credentials.issuer()?;
    let load = LoadPlan { server: Some(server.process()), ..plan(args.connections, args.duration) };
    let measurement = measure(args, credentials, issuer, load)?;
    server.stop()?;
    let after = hashes()?;
    Ok(OverloadReport { measurement, hash_capacity: Some(f64::midpoint(before, after)) })
}

fn measure(
    args: &OverloadArgs,
    credentials: Credentials,
    issuer: Url,
    load: LoadPlan,
) -> anyhow::Result<OverloadMeasurement> {
    let plan = OverloadPlan {
        sign_in: credentials.person(issuer, &load),
        // The warm-up is for as many connections as are used, not as there may be.
        load: LoadPlan { warm_up: LoadPlan::WARM_UP, seed: seed(), ..load },
        capacity_users: args.capacity_users,
        times: args.times.clone(),
        other_rate: args.other_rate,
    };
    on_its_own_thread(move |runtime| runtime.block_on(bench::overload(&plan, &Bar::new())))
}
