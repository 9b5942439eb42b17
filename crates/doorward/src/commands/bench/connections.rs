//! `doorward bench connections`: what a server's memory is when many connections stay open. It starts the server and looks at its memory; the connections
//! are the `bench` crate's.

use super::growth::scratch_folder;
use super::on_its_own_thread;
use super::serving::{Resident, Serving, memory_of};
use crate::commands::shown;
use bench::{ConnectionsPlan, SlowUse, hold_connections};
use clap::Args;
use serde_json::json;
use std::time::Duration;
use url::Url;

pub(super) const HELP: &str = "\
Examples:
  doorward bench connections
  doorward bench connections --count 50000 --per-second 500 --seconds 60 --json

Opens so many kept-alive connections to a server of its own, over loopback, asks once on each, lets them idle, and then asks on one after \
another at a slow rate. The server's resident memory is looked at before, when all are open, and after. Both ends need a file descriptor \
each; the limit is raised as far as the system allows (ulimit -Hn).";

/// What a server does when it starts, such as making keys, must not be taken for what connections cost.
const SETTLE_AT_FIRST: Duration = Duration::from_millis(1_500);
/// A moment for what it still has to do.
const SETTLE: Duration = Duration::from_millis(300);
/// The longest wait for one answer.
const TIME_OUT: Duration = Duration::from_secs(10);
/// Descriptors besides those of connections.
const OTHER_FILES: usize = 100;

#[derive(Args)]
pub(crate) struct ConnectionsArgs {
    /// How many connections
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// How many of them ask again per second, one after another
    #[arg(long, value_name = "NUMBER", default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    per_second: u32,
    /// How long that goes on, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    seconds: u64,
    /// The page that is asked for
    #[arg(long, value_name = "PATH", default_value = "/.well-known/openid-configuration")]
    page: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was seen.
struct Seen {
    open: usize,
    failed: usize,
    failure: Option<String>,
    took: Duration,
    /// When all were open, and at the end.
    idle: Option<Resident>,
    used: Option<Resident>,
    slow: SlowUse,
}

pub(super) fn run(args: &ConnectionsArgs) -> anyhow::Result<()> {
    crate::serve::allow_many_files();
    let folder = scratch_folder(None)?;
    // It may have that many and a few more; addresses are not what is measured.
    let more =
        ["--max-connections".to_owned(), (args.count + 100).to_string(), "--limits-enabled=off".to_owned()];
    let server = Serving::start(folder.path(), &more)?;
    std::thread::sleep(SETTLE_AT_FIRST);
    let before = server.memory();
    let target = Url::parse(&format!("http://{}", server.address))?.join(&args.page)?;
    let count = usize::try_from(args.count)?;
    let plan = ConnectionsPlan { target, count, time_out: TIME_OUT };
    let (process, per_second, length) = (server.id(), args.per_second, Duration::from_secs(args.seconds));
    let seen = on_its_own_thread(move |runtime| {
        runtime.block_on(async {
            let mut held = hold_connections(&plan).await?;
            tokio::time::sleep(SETTLE).await;
            let idle = memory_of(process);
            let slow = held.use_slowly(per_second, length).await;
            let (failed, failure) = held.failed();
            let (failure, took) = (failure.map(str::to_owned), held.took());
            Ok(Seen { open: held.open(), failed, failure, took, idle, used: memory_of(process), slow })
        })
    })?;
    print(args, before, &seen)
}

fn print(args: &ConnectionsArgs, before: Option<Resident>, seen: &Seen) -> anyhow::Result<()> {
    let all = |memory: Option<Resident>| memory.map(|memory| memory.all);
    let per_connection = all(seen.idle).zip(all(before)).map(|(idle, before)| {
        (idle - before) * 1_024.0 / f64::from(u32::try_from(seen.open).unwrap_or(u32::MAX)).max(1.0)
    });
    if args.json {
        return shown::json(&json!({
            "connections": args.count,
            "open": seen.open,
            "failed": seen.failed,
            "failure": seen.failure,
            "open_seconds": seen.took.as_secs_f64(),
            "server_mib_before": all(before),
            "server_mib_idle": all(seen.idle),
            "server_mib_used": all(seen.used),
            "server_anonymous_mib_used": seen.used.map(|memory| memory.anonymous),
            "kib_per_connection": per_connection,
            "answered": seen.slow.answered,
            "lost": seen.slow.lost,
            "p50_ms": seen.slow.latency.p50_ms,
            "p99_ms": seen.slow.latency.p99_ms,
        }));
    }
    shown::line(format!(
        "{} connections were opened, with an answer on each, in {:.1} s",
        seen.open,
        seen.took.as_secs_f64()
    ))?;
    if let Some(why) = &seen.failure {
        shown::line(format!("{} could not be: {why}", seen.failed))?;
        let files = seen.open + OTHER_FILES;
        shown::line(format!(
            "if it is for want of file descriptors: ulimit -Hn must be above {}",
            files.max(args.count as usize)
        ))?;
    }
    let mib =
        |memory: Option<Resident>| all(memory).map_or("unknown".to_owned(), |mib| format!("{mib:.1} MiB"));
    shown::line(format!("server memory before  {}", mib(before)))?;
    shown::line(format!(
        "        all open     {}{}",
        mib(seen.idle),
        per_connection.map_or(String::new(), |kib| format!(", {kib:.1} KiB each"))
    ))?;
    shown::line(format!("        slowly used  {}", mib(seen.used)))?;
    shown::line(format!(
        "{} further answers at {} per second: p50 {:.2} ms, p99 {:.2} ms; {} connections were lost",
        seen.slow.answered,
        args.per_second,
        seen.slow.latency.p50_ms,
        seen.slow.latency.p99_ms,
        seen.slow.lost
    ))?;
    Ok(())
}
