//! `doorward bench`: how many people can sign in, measured from outside. What is counted, and how, is the `bench` crate's; this starts a
//! server where none is named, and measures what the machine could do at most in the same run. What the store costs: `bench/store.rs`; what
//! requests cost beside an empty handler: `bench/requests.rs`.

mod beside;
mod capacity;
mod connections;
mod constant_rate;
mod engine;
mod figures;
mod growth;
mod in_process;
mod machines;
mod options;
mod overload;
mod platform;
mod reads;
mod requests;
mod server;
mod serving;
mod soak;
mod start;
mod store;
mod workers;

use super::passwords::cores;
use crate::clock::{self, OsRandom};
use crate::settings::{Resolved, SettingFlags, Settings};
use anyhow::{Context as _, bail};
use bench::{Bar, BenchError, Findings, LoadPlan, Report, ServerProcess, SignInMeasurement, SignInPlan};
use clap::{Args, Subcommand};
use options::{RunArgs, allow_connections};
use passwords::capacity;
use protocol::SigningAlgorithm;
use server::{BenchServer, Credentials};
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Runtime;
use url::Url;
use workers::{BenchWorkers, WorkerOptions};

#[derive(Subcommand)]
pub(crate) enum BenchCommand {
    /// Sign in, again and again, as many users at once
    #[command(name = "sign-in", after_help = HELP)]
    SignIn(Box<SignInArgs>),
    /// What a database does per second: commands and reads, through the store and through the bare driver
    #[command(after_help = store::HELP)]
    Store(store::StoreArgs),
    /// What the SQLite engine does on this disk: shared commits, durable commands at a rate, reads
    #[command(after_help = engine::HELP)]
    Engine(engine::EngineArgs),
    /// What point operations cost as the database grows, and what sweeping does to writes
    #[command(after_help = growth::HELP)]
    Growth(growth::GrowthArgs),
    /// How many sign-ins and tokens per second are safe on this machine, what limits them, and what would move that
    #[command(after_help = capacity::HELP)]
    Capacity(Box<capacity::CapacityArgs>),
    /// Devices that wait: device authorizations and polls, beside an empty handler
    #[command(after_help = requests::DEVICES_HELP)]
    Devices(Box<requests::DevicesArgs>),
    /// How many tokens per second machines get, introspect and revoke
    #[command(after_help = machines::HELP)]
    Machines(machines::MachinesArgs),
    /// What requests that only read cost, each turn by turn with an empty handler
    #[command(after_help = reads::HELP)]
    Reads(Box<reads::ReadsArgs>),
    /// What many open connections cost a server's memory
    #[command(after_help = connections::HELP)]
    Connections(connections::ConnectionsArgs),
    /// How long a server takes to answer for the first time, and its memory when idle
    #[command(after_help = start::HELP)]
    Start(start::StartArgs),
    /// How many requests a handler that does nothing answers
    #[command(after_help = requests::EMPTY_HELP)]
    Empty(requests::EmptyArgs),
    /// How often a service can ask what its users have subscribed to
    #[command(after_help = requests::SUBSCRIPTIONS_HELP)]
    Subscriptions(requests::SubscriptionsArgs),
    /// Sign-up, sign-in and UserInfo, each at a fixed rate
    #[command(name = "constant-rate", after_help = constant_rate::HELP)]
    ConstantRate(Box<constant_rate::ConstantRateArgs>),
    /// Whole journeys through everything, at a steady rate and at saturation
    #[command(after_help = platform::HELP)]
    Platform(Box<platform::PlatformArgs>),
    /// A mix that goes on for hours, in which nothing may grow
    #[command(after_help = soak::HELP)]
    Soak(Box<soak::SoakArgs>),
    /// More sign-ins than the machine can take, while everybody else goes on
    #[command(after_help = overload::HELP)]
    Overload(Box<overload::OverloadArgs>),
    /// The server that is asked then
    #[command(hide = true)]
    EmptyHandler(requests::EmptyHandlerArgs),
}

const HELP: &str = "\
Examples:
  doorward bench sign-in --users 200 --duration 30
  doorward bench sign-in --users 500 --duration 30 --json
  doorward bench sign-in --server-cpus 0 --client-cpus 1 --html sign-in.html
  doorward bench sign-in --target http://10.0.0.7:8080 --env-file demo.env \\
    --users 200
  # they share this machine's cores: nothing is gained
  doorward bench sign-in --workers 2
  # the server may use one core, the worker the rest
  doorward bench sign-in --workers 1 --passwords-threads 1

Each virtual user, again and again, without cookies: GET authorize, POST the sign-in form, exchange the code, introspect the \
access token, refresh. Beside them a constant trickle of introspections and refreshes shows what people who are signed in notice.

Without --target it starts a demo server of its own, and measures how many password hashes per second the same cores can make at \
all, before and after the load, with nothing else running. The ratio of the two says how much the server itself costs.

It repeats the load test of the first of the five systems whose load tests Doorward runs against itself: the whole PKCE flow at 200 and \
500 virtual users.";

#[derive(Args)]
pub(crate) struct SignInArgs {
    /// How many virtual users sign in at once
    #[arg(long, default_value_t = 200)]
    users: usize,
    /// How long to measure, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    duration: u64,
    /// Introspections and refreshes per second beside the sign-ins; 0 for none
    #[arg(long, value_name = "NUMBER", default_value_t = SignInPlan::BYSTANDER_RATE)]
    bystander_rate: u32,
    /// A redirect URI registered for that client; never requested [default: {issuer}/demo/callback]
    #[arg(long, value_name = "URI")]
    redirect_uri: Option<String>,
    /// What signs the ID Tokens of the client in a server of our own: EdDSA, ES256 or RS256. RS256, the default of a new client,
    /// shows what RSA costs
    #[arg(long, value_name = "ALGORITHM", default_value = "EdDSA", conflicts_with = "target")]
    id_token_alg: SigningAlgorithm,
    #[command(flatten)]
    workers: WorkerOptions,
    #[command(flatten)]
    run: RunArgs,
}

/// How long the hash capacity is measured at most, before the load and after it.
const CAPACITY_FOR: Duration = Duration::from_secs(3);
/// After the start and after the load, what the server still has to do must not be taken for a slow machine, nor what it still holds for idle
/// memory: hashing threads give theirs back after two seconds.
const SETTLE: Duration = Duration::from_secs(3);

pub(crate) fn run(command: BenchCommand) -> anyhow::Result<()> {
    let args = match command {
        BenchCommand::SignIn(args) => args,
        BenchCommand::Store(args) => return store::run(&args),
        BenchCommand::Engine(args) => return engine::run(&args),
        BenchCommand::Growth(args) => return growth::run(&args),
        BenchCommand::Capacity(args) => return capacity::run(&args),
        BenchCommand::Devices(args) => return requests::devices(&args),
        BenchCommand::Machines(args) => return machines::run(&args),
        BenchCommand::Reads(args) => return reads::run(&args),
        BenchCommand::Connections(args) => return connections::run(&args),
        BenchCommand::Start(args) => return start::run(&args),
        BenchCommand::Empty(args) => return requests::empty(&args),
        BenchCommand::Subscriptions(args) => return requests::subscriptions(&args),
        BenchCommand::ConstantRate(args) => return constant_rate::run(&args),
        BenchCommand::Platform(args) => return platform::run(&args),
        BenchCommand::Soak(args) => return soak::run(&args),
        BenchCommand::Overload(args) => return overload::run(&args),
        BenchCommand::EmptyHandler(args) => return requests::serve_empty_handler(&args),
    };
    allow_connections(args.users)?;
    args.run.placement.apply()?;
    match args.run.target.named() {
        Some((target, env_file)) => {
            let credentials = Credentials::read(env_file)?;
            let plan = plan(&args, credentials, target.clone(), args.run.target.process());
            args.run.output.tell(&Report::new(load(plan)?, None).findings())
        }
        None => args.run.output.tell(&of_our_own(&args)?),
    }
}

fn of_our_own(args: &SignInArgs) -> anyhow::Result<Findings> {
    let settings = own_settings(&args.run.target.flags)?;
    let workers =
        args.run.placement.on_server_cpus(|| BenchWorkers::start(&args.workers, &args.run.target.flags))?;
    let start = || BenchServer::start(&workers.flags, args.id_token_alg);
    let server = args.run.placement.on_server_cpus(start)?;
    let credentials = server.credentials()?;
    let issuer = credentials.issuer()?;
    let capacity_for = CAPACITY_FOR.min(Duration::from_secs(args.duration));
    let hashes = || args.run.placement.on_server_cpus(|| hashes_per_second(&settings, capacity_for));
    std::thread::sleep(SETTLE);
    let process = server.process();
    let idle = process.memory_mib();
    let before = hashes()?;
    let measurement = load(plan(args, credentials, issuer, Some(process.clone())))?;
    std::thread::sleep(SETTLE);
    let after = hashes()?;
    let peak = process.most_memory_mib();
    server.stop()?;
    let mut findings = Report::new(measurement, Some(f64::midpoint(before, after))).findings();
    let (cores, algorithm) = (cores(), args.id_token_alg.as_str());
    findings.put("hash_capacity_before_per_second", before.into());
    findings.put("hash_capacity_after_per_second", after.into());
    findings.put("cores", cores.into());
    findings.put("workers", args.workers.told().into());
    findings.put("id_token_alg", algorithm.into());
    findings.put("server_idle_mib", idle.into());
    findings.put("server_peak_mib", peak.into());
    findings.remark(format!(
        "hash capacity before the load {before:.1}/s, after it {after:.1}/s; {cores} cores; ID Tokens signed with {algorithm}"
    ));
    if let Some(told) = args.workers.told() {
        findings.remark(told);
    }
    if let (Some(idle), Some(peak)) = (idle, peak) {
        findings.remark(format!("server memory: idle {idle:.1} MiB, at most {peak:.1} MiB"));
    }
    Ok(findings)
}

/// The settings the server of our own has too: it gets the same flags and environment, and reads no file unless one is named.
pub(super) fn own_settings(flags: &SettingFlags) -> anyhow::Result<Settings> {
    let config = flags.config.clone().or_else(|| Some(PathBuf::from("/dev/null")));
    Ok(Resolved::from_system(&SettingFlags { config, given: flags.given.clone() })?.settings)
}

/// How many password hashes per second the cores of this thread can make at all, with nothing else running.
pub(super) fn hashes_per_second(settings: &Settings, capacity_for: Duration) -> anyhow::Result<f64> {
    let threads = settings.passwords.threads.unwrap_or_else(cores);
    Ok(capacity(&settings.passwords.params(), threads, capacity_for)?.hashes_per_second)
}

fn plan(
    args: &SignInArgs,
    credentials: Credentials,
    issuer: Url,
    server: Option<ServerProcess>,
) -> SignInPlan {
    let load = LoadPlan { warm_up: SignInPlan::WARM_UP, server, ..options::plan(args.users, args.duration) };
    let person = credentials.person(issuer, &load);
    let redirect_uri = args.redirect_uri.clone().unwrap_or_else(|| person.redirect_uri.clone());
    SignInPlan { redirect_uri, bystander_rate: args.bystander_rate, ..person }
}

/// What a run draws by, another one each time.
pub(super) fn seed() -> u64 {
    u64::from_be_bytes(crypto::random_bytes(&mut OsRandom))
}

fn load(plan: SignInPlan) -> anyhow::Result<SignInMeasurement> {
    on_its_own_thread(move |runtime| runtime.block_on(bench::sign_in(&plan, &Bar::new())))
}

/// One thread for all virtual users: what the load tool burns is taken from the server it measures.
pub(super) fn on_its_own_thread<T: Send + 'static>(
    load: impl FnOnce(&Runtime) -> Result<T, BenchError> + Send + 'static,
) -> anyhow::Result<T> {
    let began = clock::monotonic();
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        anyhow::Ok(load(&runtime)?)
    };
    let thread = std::thread::Builder::new().name("load".to_owned()).spawn(run)?;
    let measured = match thread.join() {
        Ok(measured) => measured,
        Err(_) => bail!("the load's thread panicked after {:?}", began.elapsed()),
    };
    measured.context("nothing was measured")
}
