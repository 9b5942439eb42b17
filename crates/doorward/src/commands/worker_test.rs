//! `doorward worker test`: asks a worker as a server would, and says whether it would help. Measures here, there, and both at once: what shares
//! this machine's cores shows then.

use super::passwords::cores;
use super::shown;
use crate::clock;
use crate::settings::{Resolved, SettingFlags, Settings};
use crate::verifiers::{self, Failure, Secrets, Verifier, WorkerUrls};
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use passwords::{Done, OnBehalfOf, Terms, Verdict, Work, capacity};
use secrecy::SecretString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Examples:
  doorward worker test https://worker-1.internal:8443
  doorward worker test http://10.0.0.7:8081 \\
    --worker-secret-file worker.secret --worker-allow-plain on --json

With the settings of the server that would use it: the secret, the authorities, what a hash costs. Exit code 0: it works, whether or \
not it would help. 1: it does not.";

/// What a worker of a few threads needs to be busy.
const AT_ONCE_MORE: usize = 2;
const EXCHANGES: usize = 20;
/// Less than this much more is noise.
const HELPS_FROM: f64 = 1.1;
/// By another implementation (argon2-cffi, Python's bcrypt).
const PHRASE: &str = "correct horse battery staple";
const KNOWN: [&str; 2] = [
    "$argon2id$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$ZU7BdSwuAT2NJbDWfJmIGFAdzu32uX5r6jw2TuRMaj4",
    "$2b$04$0x8Ls/af4q4X27ylM5yamOhFciunoI6/8b7j4kizx8CqkIECbxHzC",
];

#[derive(Args)]
pub(crate) struct TestArgs {
    /// The worker's URL, as it would stand in passwords.workers
    url: WorkerUrls,
    /// How long each of three measurements takes, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=600))]
    duration: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: SettingFlags,
}

/// What was found.
struct Found {
    url: String,
    threads_there: usize,
    exchange: Duration,
    here: f64,
    there: Load,
    both: f64,
}

/// Hashes by the worker.
struct Load {
    per_second: f64,
    median: Duration,
    p99: Duration,
    /// Refused as too many, or not answered in time.
    late: u64,
}

pub(crate) fn run(args: &TestArgs) -> anyhow::Result<ExitCode> {
    let settings = Resolved::from_system(&args.flags)?.settings;
    ensure!(
        settings.worker.allow_plain || !args.url.any_plain(),
        "{} is not https: passwords would travel without TLS; worker.allow_plain allows it",
        args.url
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(test(&settings, args))?;
    if args.json {
        shown::json(&found.to_json())?
    } else {
        found.print()?
    }
    Ok(ExitCode::SUCCESS)
}

async fn test(settings: &Settings, args: &TestArgs) -> anyhow::Result<Found> {
    let verifier = Arc::new(verifiers::verifier(settings, &args.url, Secrets::of(settings)?)?);
    let (params, max_wait) = (settings.passwords.params(), settings.passwords.max_wait);
    let terms = Terms { params, max_wait, on_behalf_of: OnBehalfOf::default() };
    let url = verifier.url().to_string();
    let failed = |failure: Failure| anyhow::anyhow!("{failure}");
    let (_, threads_there) =
        verifier.ask(terms, &Work::Nothing).await.map_err(failed).context(url.clone())?;
    let stranger = verifiers::verifier(settings, &args.url, Secrets::nobodys())?;
    match stranger.ask(terms, &Work::Nothing).await {
        Err(Failure::Refused(_)) => {}
        other => {
            bail!("{url} does not refuse a question under another secret ({:?})", other.map(|_| "it answers"))
        }
    }
    known_answers(&verifier, terms).await.with_context(|| url.clone())?;
    let exchange = exchange(&verifier, terms).await?;

    let duration = Duration::from_secs(args.duration);
    let threads = settings.passwords.threads.unwrap_or_else(cores);
    let here = capacity(&terms.params, threads, duration)?.hashes_per_second;
    let at_once = threads_there * 2 + AT_ONCE_MORE;
    let there = hashes(&verifier, terms, at_once, duration).await.with_context(|| url.clone())?;
    let beside = std::thread::spawn(move || capacity(&terms.params, threads, duration));
    let meanwhile = hashes(&verifier, terms, at_once, duration).await?;
    let Ok(beside) = beside.join() else { bail!("measuring here failed") };
    let both = beside?.hashes_per_second + meanwhile.per_second;
    Ok(Found { url, threads_there, exchange, here, there, both })
}

async fn known_answers(verifier: &Verifier, terms: Terms) -> anyhow::Result<()> {
    for stored in KNOWN {
        for (password, right) in [(PHRASE, true), ("another", false)] {
            let work =
                Work::Verify { password: SecretString::from(password), stored: Some(stored.to_owned()) };
            let (done, _) =
                verifier.ask(terms, &work).await.map_err(|failure| anyhow::anyhow!("{failure}"))?;
            let said_right = matches!(done, Done::Verdict(Verdict::Right | Verdict::RightAndUpgraded(_)));
            ensure!(said_right == right, "it gives wrong answers: do not use it");
        }
    }
    Ok(())
}

/// The way there and back, without a hash.
async fn exchange(verifier: &Verifier, terms: Terms) -> anyhow::Result<Duration> {
    let mut took = Vec::with_capacity(EXCHANGES);
    for _ in 0..EXCHANGES {
        let began = clock::monotonic();
        verifier.ask(terms, &Work::Nothing).await.map_err(|failure| anyhow::anyhow!("{failure}"))?;
        took.push(began.elapsed());
    }
    Ok(percentile(&mut took, 0.5))
}

/// So many passwords at once, again and again.
async fn hashes(
    verifier: &Arc<Verifier>,
    terms: Terms,
    at_once: usize,
    duration: Duration,
) -> anyhow::Result<Load> {
    let began = clock::monotonic();
    let until = began + duration;
    let asking: Vec<_> = (0..at_once)
        .map(|_| {
            let verifier = Arc::clone(verifier);
            tokio::spawn(async move { again_and_again(&verifier, terms, until).await })
        })
        .collect();
    let (mut took, mut late) = (Vec::new(), 0);
    for asking in asking {
        let (answered, unanswered) = asking.await??;
        took.extend(answered);
        late += unanswered;
    }
    let elapsed = began.elapsed();
    #[expect(clippy::cast_precision_loss, reason = "a count of hashes is far below 2^52")]
    let per_second = took.len() as f64 / elapsed.as_secs_f64();
    Ok(Load { per_second, median: percentile(&mut took, 0.5), p99: percentile(&mut took, 0.99), late })
}

async fn again_and_again(
    verifier: &Verifier,
    terms: Terms,
    until: std::time::Instant,
) -> anyhow::Result<(Vec<Duration>, u64)> {
    let (mut took, mut late) = (Vec::new(), 0);
    while clock::monotonic() < until {
        let began = clock::monotonic();
        let work = Work::Verify { password: SecretString::from(PHRASE), stored: None };
        match verifier.ask(terms, &work).await {
            Ok(_) => took.push(began.elapsed()),
            // A server would have it done elsewhere.
            Err(Failure::Busy(_) | Failure::TooSlow(_)) => {
                late += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(failure) => bail!("{failure}"),
        }
    }
    Ok((took, late))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of a length is a place in it"
)]
fn percentile(all: &mut [Duration], part: f64) -> Duration {
    all.sort_unstable();
    let place = (all.len() as f64 * part) as usize;
    all.get(place).or(all.last()).copied().unwrap_or_default()
}

impl Found {
    fn helps(&self) -> bool {
        self.both >= HELPS_FROM * self.here
    }

    fn print(&self) -> anyhow::Result<()> {
        let ms = |duration: Duration| format!("{:.1} ms", duration.as_secs_f64() * 1_000.0);
        let Load { per_second, median, p99, late } = &self.there;
        shown::fields(&[
            ("Worker", self.url.clone()),
            ("Secret", "known there; a question under another one is refused".to_owned()),
            ("Known hashes", "right and wrong passwords are told apart".to_owned()),
            ("Way there and back", format!("{} without a hash", ms(self.exchange))),
            ("Hashes here", format!("{:.1}/s", self.here)),
            (
                "Hashes there",
                format!(
                    "{per_second:.1}/s by {} threads; median {}, p99 {}; refused or late: {late}",
                    self.threads_there,
                    ms(*median),
                    ms(*p99)
                ),
            ),
            (
                "Both at once",
                format!("{:.1}/s, {:.2} times as many as here alone", self.both, self.both / self.here),
            ),
        ])?;
        let told = match self.helps() {
            true => "\nIt would help while this machine has more passwords to check than it can.",
            false => {
                "\nIt would not help: both at once do not do more than this machine alone. Do they share the same cores?"
            }
        };
        Ok(shown::line(told)?)
    }

    fn to_json(&self) -> serde_json::Value {
        let ms = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        serde_json::json!({
            "worker": self.url,
            "exchange_ms": ms(self.exchange),
            "threads_there": self.threads_there,
            "hashes_per_second_here": self.here,
            "hashes_per_second_there": self.there.per_second,
            "hash_there_p50_ms": ms(self.there.median),
            "hash_there_p99_ms": ms(self.there.p99),
            "late": self.there.late,
            "hashes_per_second_both": self.both,
            "ratio_to_here_alone": self.both / self.here,
            "helps": self.helps(),
        })
    }
}
