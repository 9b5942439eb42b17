//! `doorward bench store`: what a database does per second, and what the store's contract costs. Knows how that is asked and shown; what is done,
//! and in which scratch databases, is `storage::measure`'s.

use crate::clock::OsRandom;
use crate::commands::shown;
use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use storage::Database;
use storage::measure::{Line, Plan, Scratch, Side, Work, measure};

pub(super) const HELP: &str = "\
Examples:
  doorward bench store
  doorward bench store --database sqlite:/var/lib/doorward/any-name.db
  doorward bench store --database postgres://doorward@db.example.org/doorward \\
    --password-file /etc/doorward/database.password
  doorward bench store --database mysql://doorward@db.example.org/doorward \\
    --callers 1,256 --seconds 5 --json

It writes, as fast as it can, into two scratch databases of its own, and removes them: files in a temporary folder; with a file named, \
in that file's folder (the file itself is never opened); on a server, databases named doorward_bench_.., for which the user needs the \
right to create databases. A server that others use will notice.

Each line is the same work by so many callers at once, each waiting for its answer before it asks again: turn by turn through the store \
and through the engine's driver without it (as many connections, statements prepared, BEGIN .. COMMIT, every step awaited). RATIO is \
the store's rate per the driver's. Rates are this machine's at this moment; ratios of one run are worth comparing.";

#[derive(Args)]
pub(crate) struct StoreArgs {
    /// What is measured: sqlite:PATH, postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE [default: SQLite in a temporary folder]
    #[arg(long, value_name = "URL", value_parser = database)]
    database: Option<Database>,
    /// A file with the password for --database, when its URL has none
    #[arg(long, value_name = "PATH", requires = "database")]
    password_file: Option<PathBuf>,
    /// How long either side of a line is measured, in seconds
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// How many callers at once; a line each
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_value = "1,16,64",
          value_parser = clap::value_parser!(u16).range(1..=1_000))]
    callers: Vec<u16>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn database(url: &str) -> Result<Database, String> {
    url.parse().map_err(|expected| format!("expected {expected}"))
}

pub(super) fn run(args: &StoreArgs) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("doorward-bench-").tempdir()?;
    let database = match &args.database {
        None => Database::Sqlite(folder.path().join("measured.db")),
        Some(database) => match &args.password_file {
            None => database.clone(),
            Some(file) => {
                let password = std::fs::read_to_string(file)
                    .with_context(|| format!("the password file {} cannot be read", file.display()))?;
                database.clone().with_password(password.trim_end_matches(['\r', '\n']))
            }
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measured(args, &database))
}

async fn measured(args: &StoreArgs, database: &Database) -> anyhow::Result<()> {
    let mark = u64::from_be_bytes(crypto::random_bytes(&mut OsRandom));
    let plan = Plan {
        callers: args.callers.iter().map(|callers| usize::from(*callers)).collect(),
        length: Duration::from_secs(args.seconds),
    };
    if !args.json {
        shown::line(format!("{database}\n"))?;
        shown::line(in_columns(&HEADINGS.map(str::to_owned)))?;
    }
    let scratch = Scratch::beside(database, mark, 2).await?;
    let mut lines = Vec::new();
    let (mut unsaid, json) = (Ok(()), args.json);
    let mut tell = |line: &Line| {
        if !json && unsaid.is_ok() {
            unsaid = shown::line(in_columns(&cells(line)));
        }
        lines.push(line.clone());
    };
    let result = tokio::select! {
        result = measure(&scratch, &plan, &mut tell) => result.map_err(anyhow::Error::from),
        // What was made is removed in any case.
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    scratch.remove().await?;
    result?;
    unsaid?;
    if lines.is_empty() {
        bail!("nothing was measured");
    }
    if json {
        shown::json(&lines.iter().map(|line| to_json(line, database)).collect::<Vec<_>>())?;
    }
    Ok(())
}

const HEADINGS: [&str; 9] =
    ["WORK", "CALLERS", "STORE/S", "DRIVER/S", "RATIO", "P50", "P99", "DRIVER P50", "DRIVER P99"];

fn cells(line: &Line) -> [String; 9] {
    let waits = |side: &Side| (format!("{:.2?}", side.p50), format!("{:.2?}", side.p99));
    let (ours, theirs) = (waits(&line.store), waits(&line.driver));
    [
        word(line.work).to_owned(),
        line.callers.to_string(),
        format!("{:.0}", line.store.per_second),
        format!("{:.0}", line.driver.per_second),
        format!("{:.2}", line.ratio),
        ours.0,
        ours.1,
        theirs.0,
        theirs.1,
    ]
}

/// Lines come one by one, so the widths are fixed.
fn in_columns(cells: &[String; 9]) -> String {
    let [work, numbers @ ..] = cells;
    let numbers: String = numbers.iter().map(|cell| format!(" {cell:>11}")).collect();
    format!("{work:<22}{numbers}")
}

fn word(work: Work) -> &'static str {
    match work {
        Work::Read => "read a refresh token",
        Work::Insert => "insert, one step",
        Work::Rotate => "rotate, three steps",
    }
}

fn to_json(line: &Line, database: &Database) -> serde_json::Value {
    let side = |side: &Side| {
        json!({
            "per_second": side.per_second,
            "p50_ms": side.p50.as_secs_f64() * 1_000.0,
            "p99_ms": side.p99.as_secs_f64() * 1_000.0,
        })
    };
    json!({
        "database": database.to_string(),
        "work": match line.work {
            Work::Read => "read",
            Work::Insert => "insert",
            Work::Rotate => "rotate",
        },
        "callers": line.callers,
        "store": side(&line.store),
        "driver": side(&line.driver),
        "ratio": line.ratio,
    })
}
