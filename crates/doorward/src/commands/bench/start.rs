//! `doorward bench start`: how long until a server answers, the first time and later, and what memory it has when it does nothing.

use super::growth::scratch_folder;
use super::serving::{Resident, Serving};
use crate::commands::shown;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const HELP: &str = "\
Examples:
  doorward bench start
  doorward bench start --runs 50 --json

From before the process is made to the first answer of /health/live: the very first start, which makes the database, the master key and the \
first signing keys, and later starts with what is there. Each run has a folder of its own. Memory is looked at when a server that was started \
again has had --idle seconds with nothing to do.";

#[derive(Args)]
pub(crate) struct StartArgs {
    /// How many times
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
    /// How long the last one idles before its memory is looked at, in seconds
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    idle: u64,
    /// Where the folders are made [default: a temporary folder]
    #[arg(long, value_name = "PATH")]
    folder: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &StartArgs) -> anyhow::Result<()> {
    let (mut first, mut later) = (Vec::new(), Vec::new());
    let mut memory = None;
    for run in 0..args.runs {
        let folder = scratch_folder(args.folder.as_deref())?;
        first.push(Serving::start(folder.path(), &[])?.answered_after);
        let again = Serving::start(folder.path(), &[])?;
        later.push(again.answered_after);
        if run + 1 == args.runs {
            std::thread::sleep(Duration::from_secs(args.idle));
            memory = again.memory();
        }
    }
    first.sort_unstable();
    later.sort_unstable();
    print(args, &first, &later, memory)
}

fn print(
    args: &StartArgs,
    first: &[Duration],
    later: &[Duration],
    memory: Option<Resident>,
) -> anyhow::Result<()> {
    let median = |sorted: &[Duration]| millis(sorted.get(sorted.len() / 2));
    let [first_median, median] = [median(first), median(later)];
    let [first_worst, worst] = [millis(first.last()), millis(later.last())];
    if args.json {
        return shown::json(&json!({
            "runs": args.runs,
            "first_start_ms_median": first_median,
            "first_start_ms_worst": first_worst,
            "start_ms_median": median,
            "start_ms_worst": worst,
            "idle_mib": memory.map(|memory| memory.all),
            "idle_anonymous_mib": memory.map(|memory| memory.anonymous),
        }));
    }
    shown::line(format!("{} runs, until /health/live answers", args.runs))?;
    shown::line(format!("  first start  median {first_median:.1} ms, worst {first_worst:.1} ms"))?;
    shown::line(format!("  later start  median {median:.1} ms, worst {worst:.1} ms"))?;
    if let Some(Resident { all, anonymous }) = memory {
        shown::line(format!("  idle memory  {all:.1} MiB, of which {anonymous:.1} MiB are its own"))?;
    }
    Ok(())
}

fn millis(time: Option<&Duration>) -> f64 {
    time.map_or(0.0, Duration::as_secs_f64) * 1e3
}
