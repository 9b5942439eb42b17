//! `doorward passwords`: what hashing a password costs on this machine.

use super::shown;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use passwords::{Argon2Params, Calibration, Measured, argon2_made_by, calibrate};
use std::time::Duration;

#[derive(Subcommand)]
pub(crate) enum PasswordsCommand {
    /// Suggest Argon2id parameters for this machine
    #[command(after_help = HELP)]
    Calibrate(CalibrateArgs),
}

const HELP: &str = "\
Examples:
  doorward passwords calibrate
  doorward passwords calibrate --target 100ms --memory 1024

Measures with every core hashing at once, as on a busy server, and never suggests less than OWASP recommends. More memory and \
time per hash cost an attacker more, and let fewer people sign in per second. Run it while the machine does nothing else.";

#[derive(Args)]
pub(crate) struct CalibrateArgs {
    /// The longest one hash may take, in milliseconds
    #[arg(long, value_name = "TIME", default_value = "250ms", value_parser = milliseconds)]
    target: Duration,
    /// Memory for all hashes together, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    memory: u32,
    /// How many passwords are hashed at once [default: one for each core]
    #[arg(long)]
    threads: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: PasswordsCommand) -> anyhow::Result<()> {
    let PasswordsCommand::Calibrate(args) = command;
    let threads = match args.threads {
        Some(0) => bail!("at least one thread is needed"),
        Some(threads) => threads,
        None => cores(),
    };
    let memory_kib = args.memory.checked_mul(1024).context("--memory is too large")?;
    let found = calibrate(args.target, memory_kib, threads)?;
    if args.json {
        return shown::json(&json(&found));
    }
    let rows: Vec<_> = found.measured.iter().map(|measured| row(measured, &found.suggested)).collect();
    shown::table(["MEMORY", "ITERATIONS", "ONE HASH", "HASHES/S", ""], &rows)?;
    if !found.meets_target {
        shown::line(
            "\nNothing is fast enough for this target; the cheapest acceptable setting is suggested.",
        )?;
    }
    let Argon2Params { memory_kib, iterations, parallelism } = found.suggested.params;
    shown::line(format!("\nArgon2 by {} of this processor.", argon2_made_by()))?;
    shown::line(format!(
        "\nFor the settings file ({threads} at once):\n\n[passwords]\nmemory = \"{}\"\niterations = {iterations}\n\
         parallelism = {parallelism}",
        in_mib(memory_kib)
    ))?;
    Ok(())
}

/// As the settings are usually written.
fn in_mib(kib: u32) -> String {
    if kib.is_multiple_of(1024) { format!("{}MiB", kib / 1024) } else { format!("{kib}KiB") }
}

/// How many threads can run at once here.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn row(measured: &Measured, suggested: &Measured) -> [String; 5] {
    [
        in_mib(measured.params.memory_kib),
        measured.params.iterations.to_string(),
        format!("{:.1} ms", measured.per_hash.as_secs_f64() * 1_000.0),
        format!("{:.1}", measured.hashes_per_second),
        if measured.params == suggested.params { "<- suggested" } else { "" }.to_owned(),
    ]
}

fn json(found: &Calibration) -> serde_json::Value {
    let entry = |measured: &Measured| {
        serde_json::json!({
            "memory_kib": measured.params.memory_kib,
            "iterations": measured.params.iterations,
            "parallelism": measured.params.parallelism,
            "per_hash_ms": measured.per_hash.as_secs_f64() * 1_000.0,
            "hashes_per_second": measured.hashes_per_second,
        })
    };
    serde_json::json!({
        "suggested": entry(&found.suggested),
        "meets_target": found.meets_target,
        "argon2_made_by": argon2_made_by(),
        "measured": found.measured.iter().map(entry).collect::<Vec<_>>(),
    })
}

/// `250ms`, or `250`.
fn milliseconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix("ms").unwrap_or(text).parse::<u32>();
    let number = number.ok().filter(|number| *number > 0);
    number
        .map(|number| Duration::from_millis(number.into()))
        .ok_or_else(|| "milliseconds are expected, such as 250ms".to_owned())
}
