//! `doorward bench engine`: what the SQLite engine does on this machine's disk. Knows how that is asked and shown; what is measured is
//! `storage::measure::engine`'s.

use super::figures::{bytes, micros, seconds, time};
use super::growth::scratch_folder;
use crate::commands::shown;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use storage::measure::engine::{AtARate, Commits, Keys, Part, Plan, Reads, Shipped, Told, measure};

pub(super) const HELP: &str = "\
Examples:
  doorward bench engine
  doorward bench engine --only rate --seconds 600 --rate 20000 \\
    --folder /var/lib/doorward
  doorward bench engine --only commits,reads --json

Parts: commits (durable commands that share a commit, beside one commit each, by so many submitters at once), rate (durable commands that come \
at a rate, waits counted from when each was due, and the length of the write-ahead log), reads (the processor's time of a read by key), keys \
(rows in the order of time, beside random keys), shipping (what it costs to ship changes; not measured unless asked for). Everything is \
on the disk before it is answered, in files of its own, which are removed.";

/// Of a closed loop; it is no better for being longer.
const SHORT: Duration = Duration::from_secs(2);

#[derive(Args)]
pub(crate) struct EngineArgs {
    /// How long durable commands come at a rate, in seconds; everything else takes two seconds, or less
    #[arg(long, value_name = "NUMBER", default_value_t = 10.0, value_parser = seconds)]
    seconds: f64,
    /// Durable commands per second
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// How many submit at once; a line each
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_value = "1,16,256,4096",
          value_parser = clap::value_parser!(u16).range(1..=8_192))]
    submitters: Vec<u16>,
    /// How many rows are read from
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    rows: u64,
    /// Measure these parts only
    #[arg(long, value_name = "PARTS", value_delimiter = ',', value_enum)]
    only: Vec<PartName>,
    /// Where the files are made: the disk that counts [default: a temporary folder]
    #[arg(long, value_name = "PATH")]
    folder: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum PartName {
    Commits,
    Rate,
    Reads,
    Keys,
    Shipping,
}

impl From<PartName> for Part {
    fn from(name: PartName) -> Self {
        match name {
            PartName::Commits => Self::Commits,
            PartName::Rate => Self::Rate,
            PartName::Reads => Self::Reads,
            PartName::Keys => Self::Keys,
            PartName::Shipping => Self::Shipping,
        }
    }
}

pub(super) fn run(args: &EngineArgs) -> anyhow::Result<()> {
    let folder = scratch_folder(args.folder.as_deref())?;
    let length = Duration::from_secs_f64(args.seconds);
    let plan = Plan {
        folder: folder.path().to_owned(),
        parts: parts(&args.only),
        length,
        short: SHORT.min(length),
        rate: args.rate,
        submitters: args.submitters.iter().map(|count| usize::from(*count)).collect(),
        rows: args.rows,
    };
    let (mut all, mut said, mut last) = (Map::new(), Ok(()), None);
    let mut tell = |told: &Told| {
        all.extend(figures(told));
        if !args.json && said.is_ok() {
            let new = last.replace(std::mem::discriminant(told)) != Some(std::mem::discriminant(told));
            said = say(told, new);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            measured = measure(&plan, &mut tell) => measured.map_err(anyhow::Error::from),
            // What was made is removed in any case.
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        }
    })?;
    said?;
    if args.json { shown::json(&all) } else { Ok(()) }
}

/// What is asked for, in the usual order.
fn parts(only: &[PartName]) -> Vec<Part> {
    let asked: Vec<Part> = only.iter().map(|name| Part::from(*name)).collect();
    let wanted = |part: &Part| if asked.is_empty() { *part != Part::Shipping } else { asked.contains(part) };
    Part::ALL.into_iter().filter(wanted).collect()
}

/// In lines for people; with a heading where a part begins.
fn say(told: &Told, new: bool) -> io::Result<()> {
    match told {
        Told::Commits(commits) => {
            if new {
                shown::line("Durable commands per second, each submitter waiting for its answer")?;
                shown::line(in_columns(&["SUBMITTERS", "ONE EACH", "SHARED", "RATIO", "P50", "P99"]))?;
            }
            let cells = [
                commits.submitters.to_string(),
                format!("{:.0}", commits.one_each_per_second),
                format!("{:.0}", commits.group_per_second),
                format!("{:.1}", commits.ratio()),
                time(commits.waits.p50),
                time(commits.waits.p99),
            ];
            shown::line(in_columns(&cells))
        }
        Told::Rate(rate) => say_rate(rate),
        Told::Reads(reads) => {
            let cpu =
                |time: Option<Duration>| time.map_or("unknown".to_owned(), |time| format!("{time:.2?}"));
            shown::line(format!(
                "\nReads by key of {} rows, one after the other: {:.0}/s, {} of the processor each; beside a busy writer {}",
                reads.rows,
                reads.per_second,
                cpu(reads.cpu),
                cpu(reads.cpu_beside_writer)
            ))
        }
        Told::Keys(keys) => shown::line(format!(
            "\nRows per second: {:.0} with keys in the order of time, {:.0} with random ones; ratio {:.1}",
            keys.in_order_per_second,
            keys.random_per_second,
            keys.in_order_per_second / keys.random_per_second.max(f64::MIN_POSITIVE)
        )),
        Told::Shipped(shipped) => {
            if new {
                shown::line("\nThe same while changes are shipped to a folder each second; medians")?;
                let headings =
                    ["SUBMITTERS", "WITHOUT", "SHIPPED", "WRITER'S CPU", "SHIPPED", "SHIPPER'S CPU"];
                shown::line(in_columns(&headings))?;
            }
            let cells = [
                shipped.submitters.to_string(),
                format!("{:.0}", shipped.without.per_second),
                format!("{:.0}", shipped.with.per_second),
                format!("{:.2} us", shipped.without.writer_us),
                format!("{:.2} us", shipped.with.writer_us),
                format!("{:.2} us", shipped.with.shipper_us),
            ];
            shown::line(in_columns(&cells))
        }
    }
}

fn say_rate(rate: &AtARate) -> io::Result<()> {
    shown::line(format!(
        "\n{} durable commands per second: p50 {}, p99 {}, p99.9 {}, worst {}; {} refused, {:.0}/s answered",
        rate.rate,
        time(rate.waits.p50),
        time(rate.waits.p99),
        time(rate.waits.p999),
        time(rate.waits.worst),
        rate.refused,
        rate.per_second
    ))?;
    shown::line(format!(
        "{:.1} commands per commit on average, {} at most; the slowest commit took {}; {} checkpoints; write-ahead log at most {}, {:.2} of its \
         soft limit",
        rate.stats.mean_batch(),
        rate.stats.largest_batch,
        time(rate.stats.slowest_commit),
        rate.stats.checkpoints,
        bytes(rate.wal_most),
        wal_ratio(rate)
    ))
}

#[expect(clippy::cast_precision_loss, reason = "a ratio, for people")]
fn wal_ratio(rate: &AtARate) -> f64 {
    rate.wal_most as f64 / rate.wal_soft_limit.max(1) as f64
}

fn in_columns<T: AsRef<str>>(cells: &[T; 6]) -> String {
    cells.iter().map(|cell| format!("{:>14}", cell.as_ref())).collect()
}

/// Flat names and their values.
fn figures(told: &Told) -> Vec<(String, Value)> {
    let named = |pairs: &[(&str, Value)], after: String| {
        pairs.iter().map(|(name, value)| (format!("{name}{after}"), value.clone())).collect()
    };
    match told {
        Told::Commits(Commits { submitters, one_each_per_second, group_per_second, waits }) => {
            let ratio = group_per_second / one_each_per_second.max(f64::MIN_POSITIVE);
            let pairs = [
                ("one_each_per_second", Value::from(*one_each_per_second)),
                ("group_commit_per_second", (*group_per_second).into()),
                ("group_commit_ratio", ratio.into()),
                ("group_commit_p50_us", micros(waits.p50).into()),
                ("group_commit_p99_us", micros(waits.p99).into()),
            ];
            named(&pairs, format!("_{submitters}"))
        }
        Told::Rate(rate) => rate_figures(rate),
        Told::Reads(Reads { rows, per_second, cpu, cpu_beside_writer }) => {
            let pairs = [
                ("read_rows", Value::from(*rows)),
                ("reads_per_second", (*per_second).into()),
                ("read_cpu_us", cpu.map(micros).into()),
                ("read_cpu_us_beside_writer", cpu_beside_writer.map(micros).into()),
            ];
            named(&pairs, String::new())
        }
        Told::Keys(Keys { in_order_per_second, random_per_second }) => {
            let ratio = in_order_per_second / random_per_second.max(f64::MIN_POSITIVE);
            let pairs = [
                ("rows_in_order_per_second", Value::from(*in_order_per_second)),
                ("rows_random_per_second", (*random_per_second).into()),
                ("rows_in_order_ratio", ratio.into()),
            ];
            named(&pairs, String::new())
        }
        Told::Shipped(Shipped { submitters, without, with }) => {
            let pairs = [
                ("unshipped_per_second", Value::from(without.per_second)),
                ("shipped_per_second", with.per_second.into()),
                ("unshipped_writer_cpu_us", without.writer_us.into()),
                ("shipped_writer_cpu_us", with.writer_us.into()),
                ("shipper_cpu_us", with.shipper_us.into()),
            ];
            named(&pairs, format!("_{submitters}"))
        }
    }
}

fn rate_figures(rate: &AtARate) -> Vec<(String, Value)> {
    let pairs: [(&str, Value); 15] = [
        ("rate", rate.rate.into()),
        ("commands_per_second", rate.per_second.into()),
        ("commands", rate.waits.count.into()),
        ("p50_ms", (micros(rate.waits.p50) / 1e3).into()),
        ("p99_ms", (micros(rate.waits.p99) / 1e3).into()),
        ("p999_ms", (micros(rate.waits.p999) / 1e3).into()),
        ("worst_ms", (micros(rate.waits.worst) / 1e3).into()),
        ("refused", rate.refused.into()),
        ("mean_batch", rate.stats.mean_batch().into()),
        ("largest_batch", rate.stats.largest_batch.into()),
        ("slowest_commit_ms", (micros(rate.stats.slowest_commit) / 1e3).into()),
        ("checkpoints", rate.stats.checkpoints.into()),
        ("wal_most_bytes", rate.wal_most.into()),
        ("wal_soft_limit_bytes", rate.wal_soft_limit.into()),
        ("wal_ratio_to_soft_limit", wal_ratio(rate).into()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}
