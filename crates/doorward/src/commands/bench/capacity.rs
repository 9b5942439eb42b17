//! `doorward bench capacity`: how much is safe on this machine, what limits it, and what would move the limit. Knows how that is asked and said; what is
//! measured is in `measuring.rs`, what it means in `verdict.rs`.

mod measuring;
mod verdict;

use super::figures::seconds;
use super::growth::scratch_folder;
use super::own_settings;
use crate::commands::shown;
use crate::settings::SettingFlags;
use clap::Args;
use measuring::Times;
use serde_json::{Map, Value};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use verdict::{Assumptions, Bottleneck, Figures, SAFE, Verdict, judge};

pub(super) const HELP: &str = "\
Examples:
  doorward bench capacity
  doorward bench capacity --data /var/lib/doorward
  doorward bench capacity --config /etc/doorward/doorward.toml \\
    --sign-ins-per-month 22 --json

How many sign-ins, tokens and checks per second are safe on this machine with these settings, what limits them, which setting or machine would \
move the limit, and how many people that carries in a month. It hashes, signs and commits by itself, and asks a scratch server over loopback, \
in a scratch folder inside --data where there is one, so that the right disk is measured; it is removed, and the database beside it is never opened. Run it while the machine does nothing else: what else runs is \
taken off the answer.

The load comes from the same machine, so that real servers do a little better. Safe is 65% of what was measured: towards all of it waits \
grow without bound.";

#[derive(Args)]
pub(crate) struct CapacityArgs {
    /// How long to measure, in seconds, all together; starting servers comes on top
    #[arg(long, value_name = "NUMBER", default_value_t = 40.0, value_parser = seconds)]
    seconds: f64,
    /// How often one person signs in with a password in a month
    #[arg(long, value_name = "NUMBER", default_value_t = Assumptions::default().sign_ins_per_month, value_parser = positive)]
    sign_ins_per_month: f64,
    /// How many tokens are issued per sign-in, refreshed ones included
    #[arg(long, value_name = "NUMBER", default_value_t = Assumptions::default().tokens_per_sign_in, value_parser = positive)]
    tokens_per_sign_in: f64,
    /// How often tokens are checked by introspection per sign-in
    #[arg(long, value_name = "NUMBER", default_value_t = Assumptions::default().checks_per_sign_in, value_parser = positive)]
    checks_per_sign_in: f64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: SettingFlags,
}

pub(super) fn run(args: &CapacityArgs) -> anyhow::Result<()> {
    crate::serve::allow_many_files();
    let settings = own_settings(&args.flags)?;
    let data = settings.data.is_dir().then_some(settings.data.as_path());
    let folder = scratch_folder(data)?;
    let figures = measuring::figures(
        &settings,
        &harmless(&args.flags),
        folder.path(),
        &Times::new(args.seconds),
        &measuring_now,
    )?;
    measuring_now("");
    let assumed = Assumptions {
        sign_ins_per_month: args.sign_ins_per_month,
        tokens_per_sign_in: args.tokens_per_sign_in,
        checks_per_sign_in: args.checks_per_sign_in,
        ..Assumptions::default()
    };
    let verdict = judge(&figures, &assumed);
    if args.json {
        return shown::json(&to_json(&figures, &assumed, &verdict));
    }
    Ok(print(&figures, &assumed, &verdict, data.unwrap_or(&std::env::temp_dir()))?)
}

/// For a server that must not meet the installation's state, however the settings name it.
fn harmless(flags: &SettingFlags) -> SettingFlags {
    let mut flags = flags.clone();
    flags.given.retain(|(key, _)| !["data", "database"].contains(key) && !key.starts_with("backup."));
    flags
}

/// To whoever watches: on a terminal one line that changes, elsewhere nothing.
fn measuring_now(what: &str) {
    let mut error = io::stderr();
    if error.is_terminal() {
        let said = if what.is_empty() { String::new() } else { format!("measuring: {what}") };
        // That nobody reads it is no reason to stop.
        let _unread = write!(error, "\r\x1b[K{said}");
        let _unread = error.flush();
    }
}

fn print(figures: &Figures, assumed: &Assumptions, verdict: &Verdict, place: &Path) -> io::Result<()> {
    shown::line(format!(
        "This machine: {} cores; Argon2id {} on {} threads; the disk of {}\n",
        figures.cores,
        figures.params,
        figures.hash_threads,
        place.display()
    ))?;
    shown::line(format!("Safe, each by itself ({:.0}% of what was measured)", SAFE * 100.0))?;
    for (rate, what) in [
        (verdict.safe_sign_ins, "people sign in with a password"),
        (verdict.safe_tokens, "machines get a token"),
        (verdict.safe_checks, "tokens are checked by introspection"),
    ] {
        shown::line(format!("  {:>10} per second  {what}", grouped(rate)))?;
    }
    shown::line(format!(
        "\nAll together that carries about {} monthly users, if each",
        grouped_count(verdict.monthly_users)
    ))?;
    shown::line(format!(
        "  signs in {} times a month, gets {} tokens per sign-in, which are checked {} times,\n  \
         with {:.0}% of a day's use in its busiest hour, and {} times that hour's mean at its busiest moments.",
        assumed.sign_ins_per_month,
        assumed.tokens_per_sign_in,
        assumed.checks_per_sign_in,
        assumed.busiest_hour * 100.0,
        assumed.burst
    ))?;
    shown::line(format!(
        "  {:.0}% of what they need of the machine are sign-ins.",
        verdict.share_of_sign_ins * 100.0
    ))?;
    shown::line(format!(
        "\nSign-ins are limited by {}; tokens of machines by {}.",
        limit(verdict.sign_in_bottleneck),
        limit(verdict.token_bottleneck)
    ))?;
    shown::line("What would move that:")?;
    verdict.moves.iter().try_for_each(|moved| shown::line(format!("  - {moved}")))?;
    if !verdict.steady {
        shown::line(
            "\nThe figures contradict each other: something else used this machine meanwhile. Measure again when nothing does.",
        )?;
    }
    shown::line("\nMeasured")?;
    measured(figures)
}

fn measured(figures: &Figures) -> io::Result<()> {
    let mut rows = vec![
        [format!("hashes, {}", figures.params), grouped(figures.hashes), String::new()],
        ["  on one thread alone".to_owned(), grouped(figures.hashes_of_one_thread), String::new()],
    ];
    for (params, rate) in &figures.other_params {
        let note = if params.meets_owasp_minimum() { "" } else { "weaker than OWASP recommends" };
        rows.push([format!("  with {params}"), grouped(*rate), note.to_owned()]);
    }
    for (name, rate) in &figures.signatures {
        rows.push([format!("{name} signatures, one core"), grouped(*rate), String::new()]);
    }
    let commit = format!(
        "p50 {:.2} ms, p99 {:.2} ms; the disk keeps a page in {:.2} ms",
        figures.commit_p50_ms, figures.commit_p99_ms, figures.sync_p50_ms
    );
    let of_capacity =
        format!("{:.2} of the hashes", figures.sign_ins / figures.hashes.max(f64::MIN_POSITIVE));
    rows.extend([
        ["durable commits, one after the other".to_owned(), grouped(figures.commits_alone), commit],
        ["durable commands, sharing commits".to_owned(), grouped(figures.commits_shared), String::new()],
        ["requests that do nothing".to_owned(), grouped(figures.empty), String::new()],
        ["whole sign-ins".to_owned(), grouped(figures.sign_ins), of_capacity],
        ["tokens, client_credentials".to_owned(), grouped(figures.tokens), String::new()],
        ["introspections".to_owned(), grouped(figures.checks), String::new()],
    ]);
    shown::table(["WHAT", "PER SECOND", ""], &rows)
}

fn limit(bottleneck: Bottleneck) -> &'static str {
    match bottleneck {
        Bottleneck::Hashing => "hashing passwords",
        Bottleneck::Signing => "making signatures",
        Bottleneck::Disk => "the disk",
        Bottleneck::Processor => "the processor, by all that a request costs",
    }
}

fn to_json(figures: &Figures, assumed: &Assumptions, verdict: &Verdict) -> Map<String, Value> {
    let mut all: Map<String, Value> = Map::new();
    let mut put = |name: &str, value: Value| drop(all.insert(name.to_owned(), value));
    put("cores", figures.cores.into());
    put("hash_threads", figures.hash_threads.into());
    put("argon2", figures.params.to_string().into());
    put("safe_sign_ins_per_second", verdict.safe_sign_ins.into());
    put("safe_tokens_per_second", verdict.safe_tokens.into());
    put("safe_checks_per_second", verdict.safe_checks.into());
    put("safe_share", SAFE.into());
    put("monthly_users", verdict.monthly_users.into());
    put("share_of_sign_ins", verdict.share_of_sign_ins.into());
    put("sign_in_bottleneck", verdict.sign_in_bottleneck.word().into());
    put("token_bottleneck", verdict.token_bottleneck.word().into());
    put("steady", verdict.steady.into());
    put("moves", verdict.moves.clone().into());
    put("assumed_sign_ins_per_month", assumed.sign_ins_per_month.into());
    put("assumed_tokens_per_sign_in", assumed.tokens_per_sign_in.into());
    put("assumed_checks_per_sign_in", assumed.checks_per_sign_in.into());
    put("assumed_busiest_hour", assumed.busiest_hour.into());
    put("assumed_burst", assumed.burst.into());
    put("hashes_per_second", figures.hashes.into());
    put("hashes_per_second_one_thread", figures.hashes_of_one_thread.into());
    for (params, rate) in &figures.other_params {
        put(&format!("hashes_per_second_m{}_t{}", params.memory_kib, params.iterations), (*rate).into());
    }
    for (name, rate) in &figures.signatures {
        put(&format!("signatures_per_second_{}", name.to_ascii_lowercase()), (*rate).into());
    }
    put("sync_p50_ms", figures.sync_p50_ms.into());
    put("commits_per_second_alone", figures.commits_alone.into());
    put("commit_p50_ms", figures.commit_p50_ms.into());
    put("commit_p99_ms", figures.commit_p99_ms.into());
    put("commands_per_second_shared", figures.commits_shared.into());
    put("empty_handler_requests_per_second", figures.empty.into());
    put("sign_ins_per_second", figures.sign_ins.into());
    put("tokens_per_second", figures.tokens.into());
    put("checks_per_second", figures.checks.into());
    all
}

/// Three digits at least, thousands apart: `62.4`, `1,234`.
fn grouped(rate: f64) -> String {
    if rate < 99.95 {
        return format!("{rate:.1}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, for people")]
    grouped_count(rate.round() as u64)
}

fn grouped_count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.001..=1e6).contains(number));
    number.ok_or_else(|| "a number above 0 is expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scratch_server_is_not_told_where_the_installation_is() {
        let given = |key, value: &str| (key, value.to_owned());
        let flags = SettingFlags {
            config: None,
            given: vec![
                given("data", "/var/lib/doorward"),
                given("database", "postgres://live"),
                given("backup.to", "/backups"),
                given("passwords.iterations", "3"),
            ],
        };
        assert_eq!(harmless(&flags).given, [given("passwords.iterations", "3")]);
    }

    #[test]
    fn rates_are_written_for_people() {
        assert_eq!(
            [7.25, 62.44, 100.4, 1_234.5, 1_234_567.0].map(grouped),
            ["7.2", "62.4", "100", "1,235", "1,234,567"]
        );
        assert!(positive("0").is_err() && positive("x").is_err() && positive("0.5") == Ok(0.5));
    }
}
