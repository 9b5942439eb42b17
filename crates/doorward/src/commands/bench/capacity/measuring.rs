//! The figures: hashes, signatures, commits and requests, one after the other, so that none disturbs another. What is written goes to a folder of its own
//! beside the data; the database of the installation is never opened. Judges nothing.

use super::verdict::Figures;
use crate::clock::{self, OsRandom};
use crate::commands::bench::requests::floor_at;
use crate::commands::bench::server::BenchServer;
use crate::commands::bench::{on_its_own_thread, seed};
use crate::commands::passwords::cores;
use crate::settings::{SettingFlags, Settings};
use bench::{Bar, LoadPlan, MachineStep, MachinesPlan, SignInPlan};
use crypto::{PrivateKey, SigningKey, TokenType};
use passwords::{Argon2Params, capacity};
use protocol::SigningAlgorithm;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use storage::measure::engine::{Commits, Part, Plan, Told, measure, sync_latency};

/// Settings that OWASP calls equally strong, least memory last (KiB, iterations), and one that is stronger.
const OTHERS: [(u32, u32); 5] = [(65_536, 3), (47_104, 1), (19_456, 2), (12_288, 3), (7_168, 5)];
/// As long as an access token's claims are.
const CLAIMS: [u8; 240] = [b'.'; 240];
/// Virtual users per core: enough that nothing waits for them.
const USERS_PER_CORE: usize = 16;
/// Who submits commands at once where commits are shared.
const SUBMITTERS: usize = 64;
/// Clients that get tokens.
const MACHINES: u32 = 100;

/// How the whole time is divided: shares of a second per second of `--seconds`.
pub(super) struct Times {
    whole: f64,
}

impl Times {
    /// For all of it together, start and warm-ups aside.
    pub(super) fn new(seconds: f64) -> Self {
        Self { whole: seconds }
    }

    fn share(&self, share: f64) -> Duration {
        Duration::from_secs_f64(self.whole * share)
    }
}

/// Measures everything: with `settings`, which the server is given as `flags`; in `folder`, which is empty and stays.
pub(super) fn figures(
    settings: &Settings,
    flags: &SettingFlags,
    folder: &Path,
    times: &Times,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Figures> {
    let (params, threads) = (settings.passwords.params(), settings.passwords.threads.unwrap_or_else(cores));
    let hashes = |params: &Argon2Params, threads: usize, share: f64| {
        anyhow::Ok(capacity(params, threads, times.share(share))?.hashes_per_second)
    };
    tell("hashing passwords");
    let mut other_params = Vec::new();
    for (memory_kib, iterations) in OTHERS {
        let other = Argon2Params { memory_kib, iterations, parallelism: 1 };
        if other != params {
            other_params.push((other, hashes(&other, threads, 0.025)?));
        }
    }
    let (all, one) = (hashes(&params, threads, 0.1)?, hashes(&params, 1, 0.05)?);
    tell("signing");
    let algorithms = [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Rs256];
    let signatures = algorithms.map(|algorithm| {
        signatures_per_second(algorithm, times.share(0.01)).map(|rate| (algorithm.as_str(), rate))
    });
    tell("the disk");
    let sync = sync_latency(folder, times.share(0.03))?;
    let [alone, shared] = commits(folder, times.share(0.03))?;
    tell("requests");
    let served = served(flags, folder, times, tell)?;
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    Ok(Figures {
        cores: cores(),
        hash_threads: threads,
        params,
        hashes: all,
        hashes_of_one_thread: one,
        other_params,
        signatures: signatures.into_iter().collect::<Result<_, _>>()?,
        sync_p50_ms: millis(sync.p50),
        commits_alone: alone.group_per_second,
        commit_p50_ms: millis(alone.waits.p50),
        commit_p99_ms: millis(alone.waits.p99),
        commits_shared: shared.group_per_second,
        empty: served.empty,
        sign_ins: served.sign_ins,
        tokens: served.tokens,
        checks: served.checks,
    })
}

fn signatures_per_second(algorithm: SigningAlgorithm, length: Duration) -> anyhow::Result<f64> {
    let key = SigningKey::new(PrivateKey::generate(algorithm, &mut OsRandom)?);
    let (began, mut count) = (clock::monotonic(), 0_u32);
    while began.elapsed() < length || count == 0 {
        std::hint::black_box(key.sign(TokenType::AccessToken, &CLAIMS));
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// By one submitter, and by many.
fn commits(folder: &Path, short: Duration) -> anyhow::Result<[Commits; 2]> {
    let plan = Plan {
        folder: folder.to_owned(),
        parts: vec![Part::Commits],
        length: short,
        short,
        rate: 0,
        submitters: vec![1, SUBMITTERS],
        rows: 0,
    };
    let mut found = Vec::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(&plan, &mut |told| {
        if let Told::Commits(commits) = told {
            found.push(commits.clone());
        }
    }))?;
    found.try_into().map_err(|_| anyhow::anyhow!("the disk was not measured"))
}

/// What servers answer per second.
struct Served {
    empty: f64,
    sign_ins: f64,
    tokens: f64,
    checks: f64,
}

fn served(flags: &SettingFlags, folder: &Path, times: &Times, tell: &dyn Fn(&str)) -> anyhow::Result<Served> {
    let users = USERS_PER_CORE * cores();
    let plan = |share: f64| LoadPlan {
        users,
        warm_up: LoadPlan::WARM_UP.min(times.share(0.05)),
        duration: times.share(share),
        time_out: LoadPlan::TIME_OUT,
        seed: seed(),
        server: None,
    };
    let server = BenchServer::with_machines_in(folder, flags, MACHINES)?;
    let (issuer, credentials) = (server.issuer()?, server.credentials()?);
    let machines = Arc::new(server.machines()?);
    let floor = BenchServer::empty_handler(users)?;
    let empty = floor_at(&floor.issuer()?, &plan(0.05))?.requests_per_second();
    drop(floor);
    let step = |step: MachineStep, share: f64| {
        let (issuer, machines) = (issuer.clone(), Arc::clone(&machines));
        let plan = MachinesPlan { issuer, machines, requests: None, load: plan(share) };
        let seen =
            on_its_own_thread(move |runtime| runtime.block_on(bench::machines(&plan, step, &Bar::new())))?;
        anyhow::Ok(seen.requests_per_second())
    };
    tell("tokens");
    let tokens = step(MachineStep::ClientCredentials, 0.1)?;
    let checks = step(MachineStep::Introspection, 0.1)?;
    tell("sign-ins");
    let load = LoadPlan { warm_up: SignInPlan::WARM_UP.min(times.share(0.1)), ..plan(0.25) };
    let sign_in = credentials.person(issuer, &load);
    let seen = on_its_own_thread(move |runtime| runtime.block_on(bench::sign_in(&sign_in, &Bar::new())))?;
    server.stop()?;
    Ok(Served { empty, sign_ins: seen.iterations_per_second(), tokens, checks })
}
