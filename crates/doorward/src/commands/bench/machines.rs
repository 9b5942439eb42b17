//! `doorward bench machines`: the steps of machines, one after the other, beside a handler that does nothing and one that only signs. It starts
//! the servers and prints; what is asked is the `bench` crate's.

use super::in_process;
use super::on_its_own_thread;
use super::options::{LoadArgs, RunArgs, allow_connections, plan};
use super::requests::floor_at;
use super::server::{BenchServer, Credentials};
use bench::{
    Bar, Floors, LoadMeasurement, LoadPlan, Machine, MachineStep, MachinesPlan, MachinesReport, ServerProcess,
};
use clap::Args;
use std::sync::Arc;
use url::Url;

pub(crate) const HELP: &str = "\
Examples:
  doorward bench machines
  doorward bench machines --clients 10000 --users 128 --json
  doorward bench machines --clients 1000 --requests 100
  doorward bench machines --in-process 1000000
  doorward bench machines --target http://localhost:8080 \\
    --env-file /tmp/doorward.env

Each step is measured by itself for --duration: tokens by client_credentials, introspection of tokens that are known, revocation (of \
a token that is asked for just before, which counts too). Against a target, the client of the file does everything.

It repeats the test of the machine token server among the five systems whose load tests Doorward runs against itself: 1,000 clients that \
each make 100 requests for tokens, 100 validations and 100 revocations (--requests 100), and 1,000,000 tokens that are issued and verified \
in process (--in-process), beside as many bare signatures.";

#[derive(Args)]
pub(crate) struct MachinesArgs {
    /// How many clients there are, in a server of our own
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    clients: u32,
    /// So many requests by each client, however long it takes, instead of --duration
    #[arg(long, value_name = "NUMBER")]
    requests: Option<u32>,
    /// Issue and verify so many tokens in this process instead, without HTTP
    #[arg(long, value_name = "CYCLES", num_args = 0..=1, default_missing_value = "1000000",
          value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["target", "requests"])]
    in_process: Option<u64>,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// `doorward bench machines`.
pub(super) fn run(args: &MachinesArgs) -> anyhow::Result<()> {
    allow_connections(args.load.users)?;
    args.run.placement.apply()?;
    if let Some(cycles) = args.in_process {
        return in_process::run(cycles, &args.run);
    }
    let report = match args.run.target.named() {
        Some((target, env_file)) => of_target(args, target, &Credentials::read(env_file)?)?,
        None => of_our_own(args)?,
    };
    args.run.output.tell(&report.findings())
}

fn of_target(args: &MachinesArgs, target: &Url, credentials: &Credentials) -> anyhow::Result<MachinesReport> {
    let machine = Machine {
        client_id: credentials.client_id.clone(),
        client_secret: credentials.client_secret.clone(),
    };
    let steps = steps(args, target, vec![machine], args.run.target.process())?;
    Ok(MachinesReport { clients: 1, steps, floors: None })
}

fn of_our_own(args: &MachinesArgs) -> anyhow::Result<MachinesReport> {
    let at_server =
        |start: &dyn Fn() -> anyhow::Result<BenchServer>| args.run.placement.on_server_cpus(start);
    let server = at_server(&|| BenchServer::with_machines(&args.run.target.flags, args.clients))?;
    let floor = at_server(&|| BenchServer::empty_handler(args.load.users))?;
    let floor_target = floor.issuer()?;
    // Half as long, twice: a machine that others use too changes while it is measured.
    let floor_plan = plan(args.load.users, args.load.duration.div_ceil(2));
    let before = floors(&floor_target, &floor_plan)?;
    let machines = server.machines()?;
    let clients = machines.len();
    let steps = steps(args, &server.issuer()?, machines, Some(server.process()))?;
    let after = floors(&floor_target, &floor_plan)?;
    server.stop()?;
    let floors = Floors {
        empty: f64::midpoint(before.empty, after.empty),
        signing: f64::midpoint(before.signing, after.signing),
    };
    Ok(MachinesReport { clients, steps, floors: Some(floors) })
}

fn floors(target: &Url, plan: &LoadPlan) -> anyhow::Result<Floors> {
    let empty = floor_at(target, plan)?.requests_per_second();
    let (target, plan) = (target.clone(), plan.clone());
    let signing = on_its_own_thread(move |runtime| {
        runtime.block_on(bench::signing_handler(&target, &plan, &Bar::new()))
    })?;
    Ok(Floors { empty, signing: signing.requests_per_second() })
}

fn steps(
    args: &MachinesArgs,
    issuer: &Url,
    machines: Vec<Machine>,
    server: Option<ServerProcess>,
) -> anyhow::Result<Vec<(MachineStep, LoadMeasurement)>> {
    let plan = MachinesPlan {
        issuer: issuer.clone(),
        machines: Arc::new(machines),
        requests: args.requests,
        load: LoadPlan { server, ..plan(args.load.users, args.load.duration) },
    };
    let measured = MachineStep::ALL.into_iter().map(|step| {
        let plan = plan.clone();
        let seen =
            on_its_own_thread(move |runtime| runtime.block_on(bench::machines(&plan, step, &Bar::new())))?;
        Ok((step, seen))
    });
    measured.collect()
}
