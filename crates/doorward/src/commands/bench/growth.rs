//! `doorward bench growth`: what point operations cost as a database grows. Knows how that is asked and shown, and whether the disk has room;
//! what is filled and measured is `storage::measure::growth`'s.

use super::figures::{bytes, count, micros, ratio, seconds, time};
use crate::commands::shown;
use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Map, Value};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use storage::measure::Latency;
use storage::measure::growth::{Line, Plan, Point, Swept, Told, fill, free_bytes, grow};

pub(super) const HELP: &str = "\
Examples:
  doorward bench growth
  doorward bench growth --users 10k,1M --tokens 20M --folder /var/lib/doorward
  doorward bench growth --users 10k,10M --tokens 100M --seconds 10 --json
  doorward bench growth --cold
  doorward bench growth --users 10k,10M --tokens 100M --keep /var/tmp/growth \\
    --fill

It fills one database per size (users with names and e-mail addresses, sessions, grants, consents, clients, codes, refresh tokens of which \
most have expired), says first how much room that takes and whether it is there, and removes everything at the end. With --keep the databases \
stay in that folder and are used again; what a measure adds to them stays too, and the next one sweeps other tokens. Unless it is --cold, the \
files are read once before anything is measured.

Each operation is measured at every size, turn by turn: at a fixed modest rate, waits counted from when each was due; and in a closed loop (one \
caller for reads, 16 for durable writes). RATIO is the p99 beside that of the smallest size. Rows are drawn from all that are there, so that \
a small database lies in the store's own cache and a large one in the system's; --active draws from 10,000 users at every size, as if the others \
were away; --cold makes the system forget the files before each turn, so that the disk itself is measured. At last, at the largest size, refresh \
tokens are rotated while expired ones are swept.";

/// Left free in any case.
const RESERVE: u64 = 1 << 30;

#[derive(Args)]
pub(crate) struct GrowthArgs {
    /// How many users, a database each, smallest first
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_value = "10k,100k,1M", value_parser = count)]
    users: Vec<u64>,
    /// How many refresh tokens at the largest size, expired and live [default: ten per user]
    #[arg(long, value_name = "NUMBER", value_parser = count)]
    tokens: Option<u64>,
    /// How long each operation is measured at each size in either way, in seconds
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
    /// Operations per second of the fixed rate
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// How many expired refresh tokens are swept
    #[arg(long, value_name = "NUMBER", default_value = "1M", value_parser = count)]
    sweep: u64,
    /// Draw rows of 10,000 users only, however many there are
    #[arg(long)]
    active: bool,
    /// Make the system forget the files before each turn
    #[arg(long)]
    cold: bool,
    /// Where the databases are made [default: a temporary folder]
    #[arg(long, value_name = "PATH")]
    folder: Option<PathBuf>,
    /// Keep the databases in this folder, and use those that are there
    #[arg(long, value_name = "PATH", conflicts_with = "folder")]
    keep: Option<PathBuf>,
    /// Fill the databases that are missing, and measure nothing
    #[arg(long, requires = "keep")]
    fill: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &GrowthArgs) -> anyhow::Result<()> {
    let plan = plan(args)?;
    let folder = Folder::of(args)?;
    let ((missing, needed), free) = (plan.missing(folder.path()), free_bytes(folder.path())?);
    let room = format!(
        "{missing} database files take about {} in {}, where {} are free",
        bytes(needed),
        folder.path().display(),
        bytes(free)
    );
    if missing > 0 && needed + RESERVE > free {
        bail!("{room}: choose smaller --users and --tokens, or another --folder");
    }
    if !args.json && missing > 0 {
        shown::line(room)?;
    }
    // One thread that asks: its caches are one connection's per size.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(measured(args, &plan, folder.path()))
}

fn plan(args: &GrowthArgs) -> anyhow::Result<Plan> {
    if args.users.contains(&0) || !args.users.is_sorted_by(|smaller, larger| smaller < larger) {
        bail!("--users takes sizes from the smallest to the largest, each once");
    }
    let most = args.users.last().copied().unwrap_or_default();
    Ok(Plan {
        users: args.users.clone(),
        tokens: args.tokens.unwrap_or(most * 10),
        rate: args.rate,
        length: Duration::from_secs_f64(args.seconds),
        sweep: args.sweep,
        active: args.active,
        cold: args.cold,
    })
}

/// Where the databases are.
enum Folder {
    Kept(PathBuf),
    /// Gone when this is.
    Scratch(tempfile::TempDir),
}

impl Folder {
    fn of(args: &GrowthArgs) -> anyhow::Result<Self> {
        let Some(path) = &args.keep else {
            return Ok(Self::Scratch(scratch_folder(args.folder.as_deref())?));
        };
        std::fs::create_dir_all(path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self::Kept(path.clone()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Scratch(folder) => folder.path(),
        }
    }
}

/// A folder that goes when it is dropped, in the one that is named.
pub(super) fn scratch_folder(beside: Option<&Path>) -> anyhow::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("doorward-bench-");
    match beside {
        None => Ok(builder.tempdir()?),
        Some(path) => {
            builder.tempdir_in(path).with_context(|| format!("nothing can be made in {}", path.display()))
        }
    }
}

async fn measured(args: &GrowthArgs, plan: &Plan, folder: &Path) -> anyhow::Result<()> {
    let mut report = Report {
        json: args.json,
        all: Map::new(),
        worst: [None, None],
        said: Ok(()),
        bytes: 0,
        rate: plan.rate,
    };
    let mut tell = |told: Told<'_>| report.hear(told);
    let measured = async {
        if args.fill { fill(folder, plan, &mut tell).await } else { grow(folder, plan, &mut tell).await }
    };
    tokio::select! {
        result = measured => result?,
        // What was made is removed, or kept as far as it is whole.
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
    if args.fill { report.shown() } else { report.finish(plan) }
}

/// What was told, on its way to whoever reads it.
struct Report {
    json: bool,
    all: Map<String, Value>,
    /// The largest ratio of either loop, and whose it is.
    worst: [Option<(f64, &'static str)>; 2],
    said: io::Result<()>,
    bytes: u64,
    rate: u32,
}

impl Report {
    fn hear(&mut self, told: Told<'_>) {
        match told {
            Told::Filling { users, done, of } => filling(users, done, of),
            Told::Filled { users, tokens, bytes: file, took } => {
                self.bytes += file;
                self.all.insert(format!("database_bytes_{users}"), file.into());
                self.all.insert(format!("refresh_tokens_{users}"), tokens.into());
                if let Some(took) = took {
                    self.all.insert(format!("filled_{users}_seconds"), took.as_secs_f64().into());
                }
                let when = took.map_or_else(
                    || "kept from an earlier time".to_owned(),
                    |took| format!("filled in {:.0} s", took.as_secs_f64()),
                );
                self.say(&format!("{users} users, {tokens} refresh tokens: {}, {when}", bytes(file)));
            }
            Told::Line(line) => self.line(line),
            Told::Swept(swept) => self.swept(swept),
        }
    }

    fn line(&mut self, line: &Line) {
        let Some(first) = line.points.first() else { return };
        let name = line.operation.name();
        if self.worst.iter().all(Option::is_none) {
            self.say(&format!("\n{}", memory(self.bytes)));
            self.say(&format!(
                "{:27}{:>36}{:>45}",
                "",
                format!("AT {} PER SECOND", self.rate),
                "CLOSED LOOP"
            ));
            self.say(&in_columns(&HEADINGS.map(str::to_owned)));
        }
        for point in &line.points {
            self.remember(name, point);
            self.say(&in_columns(&cells(name, point, first)));
        }
        let Some(last) = line.points.last() else { return };
        let loops = [("", first.open, last.open), ("closed_", first.closed, last.closed)];
        for (worst, (prefix, first, last)) in self.worst.iter_mut().zip(loops) {
            let ratio = ratio(last.p99, first.p99);
            self.all.insert(format!("{prefix}{name}_p99_ratio"), ratio.into());
            if worst.is_none_or(|(most, _)| ratio > most) {
                *worst = Some((ratio, name));
            }
        }
    }

    fn remember(&mut self, name: &str, point: &Point) {
        for (prefix, latency) in [("", point.open), ("closed_", point.closed)] {
            for (quantile, value) in [("p50", latency.p50), ("p99", latency.p99), ("p999", latency.p999)] {
                let key = format!("{prefix}{name}_{}_{quantile}_us", point.users);
                self.all.insert(key, micros(value).into());
            }
        }
        self.all.insert(format!("{name}_{}_refused", point.users), point.refused.into());
        self.all.insert(format!("closed_{name}_{}_per_second", point.users), point.per_second.into());
    }

    fn swept(&mut self, swept: &Swept) {
        let ratio = ratio(swept.during.p99, swept.quiet.p99);
        let figures: [(&str, Value); 7] = [
            ("swept_rows", swept.rows.into()),
            ("sweep_seconds", swept.took.as_secs_f64().into()),
            ("quiet_write_p99_us", micros(swept.quiet.p99).into()),
            ("sweep_write_p50_us", micros(swept.during.p50).into()),
            ("sweep_write_p99_us", micros(swept.during.p99).into()),
            ("sweep_write_p99_ratio", ratio.into()),
            ("sweep_write_refused", swept.refused.into()),
        ];
        self.all.extend(figures.map(|(name, value)| (name.to_owned(), value)));
        self.say(&format!(
            "\nWhile {} expired rows were swept, in {:.1} s, beside {} users: rotations p50 {}, p99 {}, p99.9 {}; with no sweep p99 {}. Ratio {ratio:.2}.",
            swept.rows,
            swept.took.as_secs_f64(),
            swept.users,
            time(swept.during.p50),
            time(swept.during.p99),
            time(swept.during.p999),
            time(swept.quiet.p99)
        ));
    }

    fn say(&mut self, text: &str) {
        if !self.json && self.said.is_ok() {
            self.said = shown::line(text);
        }
    }

    fn finish(mut self, plan: &Plan) -> anyhow::Result<()> {
        let keys = ["p99_ratio_worst", "closed_p99_ratio_worst"];
        for (key, worst) in keys.into_iter().zip(self.worst) {
            let Some((ratio, name)) = worst else { bail!("nothing was measured") };
            self.all.insert(key.to_owned(), ratio.into());
            self.all.insert(format!("{key}_operation"), name.into());
        }
        if let [Some((open, whose)), Some((closed, whose_closed))] = self.worst {
            self.say(&format!(
                "The p99 that grew most is {open:.2} times as long ({whose}) at the fixed rate, {closed:.2} times ({whose_closed}) in the closed loop."
            ));
        }
        self.all.insert("rate".to_owned(), plan.rate.into());
        self.all.insert("drawn_from".to_owned(), if plan.active { "active" } else { "all" }.into());
        self.all.insert("files".to_owned(), if plan.cold { "cold" } else { "warm" }.into());
        self.shown()
    }

    fn shown(self) -> anyhow::Result<()> {
        self.said?;
        if self.json { shown::json(&self.all) } else { Ok(()) }
    }
}

/// To whoever watches: on a terminal one line that changes, elsewhere nothing.
fn filling(users: u64, done: u64, of: u64) {
    let mut error = io::stderr();
    if error.is_terminal() {
        let end = if done == of { "\r\x1b[K" } else { "" };
        // That nobody reads it is no reason to stop.
        let _unread = write!(error, "\rfilling {users} users: {}%{end}", done * 100 / of.max(1));
        let _unread = error.flush();
    }
}

/// Whether the files are read from memory, in a sentence.
fn memory(files: u64) -> String {
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1_024)
    });
    let Some(available) = available else { return format!("The files are {} together.\n", bytes(files)) };
    let (all, room) = (bytes(files), bytes(available));
    if files < available {
        format!(
            "The files are {all} together and {room} of memory are free to keep them in: what is not cold is read from memory.\n"
        )
    } else {
        format!(
            "The files are {all} together and only {room} of memory are free to keep them in: much is read from the disk, cold or not.\n"
        )
    }
}

const HEADINGS: [&str; 11] = [
    "OPERATION",
    "USERS",
    "P50",
    "P99",
    "P99.9",
    "RATIO",
    "CLOSED P50",
    "P99",
    "P99.9",
    "RATIO",
    "PER SECOND",
];

fn cells(name: &str, point: &Point, first: &Point) -> [String; 11] {
    let of = |latency: &Latency, first: &Latency| {
        let ratio = format!("{:.2}", ratio(latency.p99, first.p99));
        (time(latency.p50), time(latency.p99), time(latency.p999), ratio)
    };
    let (open, closed) = (of(&point.open, &first.open), of(&point.closed, &first.closed));
    [
        name.replace('_', " "),
        point.users.to_string(),
        open.0,
        open.1,
        open.2,
        open.3,
        closed.0,
        closed.1,
        closed.2,
        closed.3,
        format!("{:.0}", point.per_second),
    ]
}

/// Lines come one by one, so the widths are fixed.
fn in_columns(cells: &[String; 11]) -> String {
    let [name, numbers @ ..] = cells;
    let numbers: String = numbers.iter().map(|cell| format!(" {cell:>8}")).collect();
    format!("{name:<18}{numbers}")
}
