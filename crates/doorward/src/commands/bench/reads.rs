//! `doorward bench reads`: requests that only read, each by itself, turn by turn with an empty handler. It starts both servers and prints; what is
//! asked is the `bench` crate's.

use super::on_its_own_thread;
use super::options::{LoadArgs, RunArgs, allow_connections, plan};
use super::requests::floor_at;
use super::server::{BenchServer, Credentials};
use bench::{Bar, LoadPlan, ReadSeen, ReadStep, Readers, ReadsReport, ServerProcess};
use clap::Args;
use protocol::SigningAlgorithm;
use std::time::Duration;
use url::Url;

pub(super) const HELP: &str = "\
Examples:
  doorward bench reads
  doorward bench reads --users 64 --duration 20 --server-cpus 0 \\
    --client-cpus 1 --json
  doorward bench reads --target http://10.0.0.7:8080 --env-file demo.env

UserInfo, GET /api/subscription, introspection, the discovery document and the JWK Set, each by itself as fast as so many users can ask, with \
tokens of people who signed in before. Between any two turns the same users ask an empty handler on the same cores, so that what else the \
machine does meets both alike; each ratio is to the turns of the empty handler that lay between its own.

None of the five systems measures these by themselves; they are parts of their mixes.";

/// How many turns each request, and the empty handler beside it, has.
const TURNS: u32 = 3;

#[derive(Args)]
pub(crate) struct ReadsArgs {
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// `doorward bench reads`.
pub(super) fn run(args: &ReadsArgs) -> anyhow::Result<()> {
    let LoadArgs { users, duration } = args.load;
    allow_connections(users)?;
    args.run.placement.apply()?;
    let turn = LoadPlan { duration: Duration::from_secs(duration) / TURNS, ..plan(users, duration) };
    let target = &args.run.target;
    let reads = match target.named() {
        Some((issuer, env_file)) => {
            let readers = readers(Credentials::read(env_file)?, issuer.clone(), &turn)?;
            all(&readers, None, &with(&turn, target.process()))?
        }
        None => {
            let start = || BenchServer::start(&target.flags, SigningAlgorithm::EdDsa);
            let server = args.run.placement.on_server_cpus(start)?;
            let floor = args.run.placement.on_server_cpus(|| BenchServer::empty_handler(users))?;
            let credentials = server.credentials()?;
            let issuer = credentials.issuer()?;
            let readers = readers(credentials, issuer, &turn)?;
            let reads = all(&readers, Some(&floor.issuer()?), &with(&turn, Some(server.process())))?;
            server.stop()?;
            reads
        }
    };
    args.run.output.tell(&ReadsReport { reads }.findings())
}

fn with(turn: &LoadPlan, server: Option<ServerProcess>) -> LoadPlan {
    LoadPlan { server, ..turn.clone() }
}

fn readers(credentials: Credentials, issuer: Url, turn: &LoadPlan) -> anyhow::Result<Readers> {
    let person = credentials.person(issuer, turn);
    on_its_own_thread(move |runtime| runtime.block_on(Readers::sign_in(&person)))
}

fn all(readers: &Readers, floor: Option<&Url>, turn: &LoadPlan) -> anyhow::Result<Vec<ReadSeen>> {
    ReadStep::ALL.into_iter().map(|step| one(readers, step, floor, turn)).collect()
}

fn one(readers: &Readers, step: ReadStep, floor: Option<&Url>, turn: &LoadPlan) -> anyhow::Result<ReadSeen> {
    let seen = || {
        let (readers, turn) = (readers.clone(), turn.clone());
        on_its_own_thread(move |runtime| runtime.block_on(bench::reads(&readers, step, &turn, &Bar::new())))
    };
    let empty = || floor.map(|floor| floor_at(floor, &with(turn, None))).transpose();
    let mut read = ReadSeen { step, empty: empty()?, seen: seen()? };
    for _ in 1..TURNS {
        read.empty = read.empty.zip(empty()?).map(|(sooner, later)| sooner.and(later));
        read.seen = read.seen.and(seen()?);
    }
    Ok(read)
}
