//! What every `doorward bench` that loads a server is told: how long and by how many, whom it asks, on which cores either side runs, and where the
//! result goes. Knows no workload.

use super::seed;
use crate::commands::shown;
use crate::settings::SettingFlags;
use anyhow::{Context as _, bail};
use bench::{Findings, LoadPlan, ServerProcess};
use clap::Args;
use rustix::process::{Resource, getrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// What is open beside the connections of the users.
const FURTHER_FILES: u64 = 100;
/// Users begin no faster than this: what is measured is no storm of new connections.
const USERS_PER_SECOND: u32 = 2_000;
/// `--json` without a file.
const STANDARD_OUTPUT: &str = "-";

/// What every workload that counts requests is told.
#[derive(Args, Clone, Copy)]
pub(crate) struct LoadArgs {
    /// How many virtual users ask at once
    #[arg(long, default_value_t = 64)]
    pub(super) users: usize,
    /// How long to measure, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(super) duration: u64,
}

/// What every workload is told beside its load: on which cores either side runs, where the result goes, whom it asks.
#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(super) placement: PlacementArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// Whom a workload asks.
#[derive(Args)]
pub(crate) struct TargetArgs {
    /// Measure this issuer instead of a server of our own; http only
    #[arg(long, value_name = "URL", requires = "env_file")]
    pub(super) target: Option<Url>,
    /// A client of the target, as `doorward demo --env-file` writes it
    #[arg(long, value_name = "PATH", requires = "target")]
    pub(super) env_file: Option<PathBuf>,
    /// The target's process, if it runs on this machine: its processor time and memory are told
    #[arg(long, value_name = "PID", requires = "target")]
    pub(super) server_pid: Option<u32>,
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

impl TargetArgs {
    /// The target and the file that tells of it, if one is named.
    pub(super) fn named(&self) -> Option<(&Url, &Path)> {
        Some((self.target.as_ref()?, self.env_file.as_deref()?))
    }

    /// The target's process, if that is told.
    pub(super) fn process(&self) -> Option<ServerProcess> {
        self.server_pid.map(|id| ServerProcess { id, folder: None })
    }

    /// The flags of a server of our own, with these settings where nothing else was given.
    pub(super) fn flags_with(&self, settings: &[(&'static str, String)]) -> SettingFlags {
        let mut flags = self.flags.clone();
        for (key, value) in settings {
            // What was given counts.
            if !flags.given.iter().any(|(given, _)| given == key) {
                flags.given.push((key, value.clone()));
            }
        }
        flags
    }
}

/// On which cores server and load run.
#[derive(Args, Clone)]
pub(crate) struct PlacementArgs {
    /// The cores of a server of our own, and of the floors measured beside it, as in 0 or 0,2-3
    #[arg(long, value_name = "CORES", value_parser = cpus)]
    server_cpus: Option<Cpus>,
    /// The cores of the load
    #[arg(long, value_name = "CORES", value_parser = cpus)]
    client_cpus: Option<Cpus>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cpus(Vec<usize>);

fn cpus(text: &str) -> Result<Cpus, String> {
    let number = |text: &str| match text.parse::<usize>() {
        Ok(number) if number < CpuSet::MAX_CPU => Ok(number),
        _ => Err("expected numbers of cores, as in 0 or 0,2-3".to_owned()),
    };
    let mut all = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        all.extend(number(first)?..=number(last)?);
    }
    if all.is_empty() { Err("a range of cores begins with the lower one".to_owned()) } else { Ok(Cpus(all)) }
}

impl Cpus {
    fn set(&self) -> CpuSet {
        let mut set = CpuSet::new();
        self.0.iter().for_each(|cpu| set.set(*cpu));
        set
    }
}

impl PlacementArgs {
    /// From here on this thread, and whatever it starts, runs where the load is to run.
    ///
    /// # Errors
    /// When the system has no such cores.
    pub(super) fn apply(&self) -> anyhow::Result<()> {
        match &self.client_cpus {
            Some(cpus) => run_on(&cpus.set()),
            None => Ok(()),
        }
    }

    /// Does this on the server's cores: a process or thread that is started there stays there.
    ///
    /// # Errors
    /// When the system has no such cores, or what is done fails.
    pub(super) fn on_server_cpus<T>(&self, act: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let Some(cpus) = &self.server_cpus else { return act() };
        let before = sched_getaffinity(None)?;
        run_on(&cpus.set())?;
        let done = act();
        run_on(&before)?;
        done
    }
}

fn run_on(set: &CpuSet) -> anyhow::Result<()> {
    sched_setaffinity(None, set).context("these cores are not there, or not allowed to this process")
}

/// Where the result goes.
#[derive(Args)]
pub(crate) struct OutputArgs {
    /// Write JSON to this file; without a file, print it instead of the text
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = STANDARD_OUTPUT)]
    json: Option<PathBuf>,
    /// Write a report with plots to this file: one page that is complete in itself
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl OutputArgs {
    /// Tells what came of a run in every way that was asked for.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn tell(&self, findings: &Findings) -> anyhow::Result<()> {
        let write = |path: &Path, text: String| {
            std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
        };
        let mut findings = findings.clone();
        // Every number carries the command that repeats it.
        let words: Vec<_> = std::env::args().skip(1).collect();
        findings.put("command", format!("doorward {}", words.join(" ")).into());
        if let Some(path) = &self.html {
            write(path, findings.to_html())?;
        }
        match &self.json {
            Some(path) if path == Path::new(STANDARD_OUTPUT) => return shown::json(&findings.to_json()),
            Some(path) => write(path, format!("{:#}\n", findings.to_json()))?,
            None => {}
        }
        Ok(shown::line(findings.to_string().trim_end())?)
    }
}

/// So many users, for so many seconds; the server is not known yet.
pub(super) fn plan(users: usize, seconds: u64) -> LoadPlan {
    let all_begin = Duration::from_secs(1).mul_f64(users as f64 / f64::from(USERS_PER_SECOND));
    LoadPlan {
        users,
        warm_up: LoadPlan::WARM_UP.max(all_begin),
        duration: Duration::from_secs(seconds),
        time_out: LoadPlan::TIME_OUT,
        seed: seed(),
        server: None,
    }
}

/// Each connection is a file to the system, here and in the server, which inherits the limit.
///
/// # Errors
/// When so many are not allowed.
pub(super) fn allow_connections(users: usize) -> anyhow::Result<()> {
    crate::serve::allow_many_files();
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < users as u64 + FURTHER_FILES => bail!(
            "{users} connections need {} open files, and this system allows {allowed}: raise the limit (ulimit -n) or ask for fewer users",
            users as u64 + FURTHER_FILES
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_numbers_and_ranges() {
        assert_eq!(cpus("0"), Ok(Cpus(vec![0])));
        assert_eq!(cpus("0,2-4,7"), Ok(Cpus(vec![0, 2, 3, 4, 7])));
        for wrong in ["", "a", "1-", "3-2", "99999", "-1"] {
            assert!(cpus(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_done_on_the_servers_cores_leaves_this_thread_where_it_was() {
        let all = |set: CpuSet| (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect::<Vec<_>>();
        let before = all(sched_getaffinity(None).unwrap());
        let server_cpus = Some(Cpus(before[..1].to_vec()));
        let placement = PlacementArgs { server_cpus, client_cpus: None };
        let there = placement.on_server_cpus(|| {
            let seen = std::thread::spawn(|| sched_getaffinity(None).unwrap()).join();
            Ok(all(seen.unwrap()))
        });
        assert_eq!(there.unwrap(), before[..1]);
        assert_eq!(all(sched_getaffinity(None).unwrap()), before);
    }

    #[test]
    fn ten_thousand_users_take_their_time_to_begin() {
        assert_eq!(plan(64, 10).warm_up, LoadPlan::WARM_UP);
        assert_eq!(plan(10_000, 10).warm_up, Duration::from_secs(5));
    }
}
