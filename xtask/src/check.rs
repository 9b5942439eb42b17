//! `check`, and its parts.

use crate::engines::{Engines, is_here};
use crate::tidy::tidy;
use crate::tools::{ensure, exists, in_ci, root, run, run_in, say};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use throwaway::Engine;

/// Everything CI runs, quick things first.
pub(crate) fn check() -> Result<()> {
    run("cargo", &["fmt", "--all", "--check"], &[])?;
    tidy()?;
    dependencies()?;
    run("cargo", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[])?;
    tests()?;
    profiling()?;
    run("cargo", &["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    e2e()?;
    clean_tree()
}

fn tests() -> Result<()> {
    // The binary first: tests of the whole start it.
    run("cargo", &["build", "--locked", "--package", "doorward"], &[])?;
    // Gateways that tests put before an API, clients that no one here wrote, and who reads the metrics.
    let python = ["python3", "python3-venv"];
    let others: [(&str, &[&str]); 6] = [
        ("nginx", &["nginx"]),
        ("caddy", &["caddy"]),
        ("pgbouncer", &["pgbouncer"]),
        ("oidc-agent", &["oidc-agent-cli"]),
        ("prometheus", &["prometheus"]),
        ("python3", &python),
    ];
    for (program, packages) in others {
        ensure(program, packages)?;
    }
    // One server of each engine for all of them; those that kill servers start their own.
    let engines = Engines::start()?;
    let variables = engines.variables();
    let env: Vec<(&str, &str)> = variables.iter().map(|(name, url)| (*name, url.as_str())).collect();
    if exists("cargo-nextest") {
        // Examples in the documentation first: what is said last is how many tests ran.
        run("cargo", &["test", "--workspace", "--locked", "--doc", "--quiet"], &env)?;
        return run("cargo", &["nextest", "run", "--workspace", "--locked", "--no-fail-fast"], &env);
    }
    run("cargo", &["test", "--workspace", "--locked", "--no-fail-fast"], &env)
}

/// What is in no usual build, and the tests that are named for it.
fn profiling() -> Result<()> {
    // The whole workspace again, so that what it stands on is built as before and only the binary anew.
    let build = ["--workspace", "--features", "doorward/profiling", "--locked"];
    run("cargo", &[&["clippy", "--all-targets"], &build[..], &["--", "-D", "warnings"]].concat(), &[])?;
    if exists("cargo-nextest") {
        return run("cargo", &[&["nextest", "run"], &build[..], &["profiles::"]].concat(), &[]);
    }
    run("cargo", &[&["test"], &build[..], &["--", "profiles::"]].concat(), &[])
}

/// Licences, sources and bans of `deny.toml`. `tidy` checks the bans too, without this tool.
fn dependencies() -> Result<()> {
    if exists("cargo-deny") {
        return run("cargo", &["deny", "check", "bans", "licenses", "sources"], &[]);
    }
    say("cargo-deny is not installed: tidy alone checks licences and bans");
    Ok(())
}

/// Clients that no one here wrote, and a browser, against the real binary.
pub(crate) fn e2e() -> Result<()> {
    let Some(folder) = browser()? else { return Ok(()) };
    run_in(&folder, "npm", &["test"], &[])?;
    clients_on_servers(&folder)?;
    // The quick ones of the real applications.
    run_in(&folder, "node", &[APPLICATIONS, "node"], &[])
}

/// `cargo xtask applications [NAME..]`: real applications, each connected by its preset. Installs what they need at the first time, which
/// takes long.
pub(crate) fn applications(names: &[String]) -> Result<()> {
    let Some(folder) = browser()? else { return Ok(()) };
    let words: Vec<&str> = std::iter::once(APPLICATIONS).chain(names.iter().map(String::as_str)).collect();
    run_in(&folder, "node", &words, &[])
}

const APPLICATIONS: &str = "applications/run.js";

/// The binary, the browser and what drives it; the folder of the tests that use them.
fn browser() -> Result<Option<PathBuf>> {
    let node = ensure("node", &["nodejs", "npm"])? && ensure("npm", &["npm"])?;
    if !node || !ensure("chromium", &["chromium"])? {
        return Ok(None);
    }
    run("cargo", &["build", "--locked", "--package", "doorward"], &[])?;
    let folder = root().join("e2e");
    run_in(&folder, "npm", &["ci", "--no-audit", "--no-fund"], &[])?;
    Ok(Some(folder))
}

/// The clients once more, on each engine that is a server: every file of tests with an empty database of its own.
fn clients_on_servers(folder: &Path) -> Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder.join("tests/clients"))? {
        files.push(entry?.path().display().to_string());
    }
    files.sort();
    for engine in Engine::ALL {
        if !is_here(engine)? {
            continue;
        }
        // All at first: the server lives as long as one of them.
        let databases = files.iter().map(|_| throwaway::shared(engine)).collect::<Result<Vec<_>>>()?;
        for (file, database) in files.iter().zip(&databases) {
            say(&format!("on {engine:?}"));
            run_in(folder, "node", &["--test", file], &[("DOORWARD_E2E_DATABASE", &database.url())])?;
        }
    }
    Ok(())
}

/// Accepts what tests generate.
pub(crate) fn bless() -> Result<()> {
    run("cargo", &["fmt", "--all"], &[])?;
    let accept = [("INSTA_UPDATE", "always"), ("INSTA_FORCE_PASS", "1"), ("DOORWARD_BLESS", "1")];
    run("cargo", &["test", "--package", "web", "--package", "doorward", "--no-fail-fast"], &accept)?;
    say("look at `git diff` before you commit");
    Ok(())
}

/// The crash test, long.
pub(crate) fn crash() -> Result<()> {
    let rounds = [("DOORWARD_CRASH_ROUNDS", "300")];
    let test =
        ["test", "--release", "--package", "storage", "--test", "conformance", "--", "crash", "--nocapture"];
    run("cargo", &test, &rounds)
}

/// A check leaves nothing behind. On a developer's machine uncommitted work is fine.
fn clean_tree() -> Result<()> {
    let output = Command::new("git").args(["status", "--porcelain"]).current_dir(root()).output()?;
    let changed = String::from_utf8_lossy(&output.stdout);
    if in_ci() && !changed.is_empty() {
        bail!("the check left the tree changed:\n{changed}");
    }
    say("everything passed");
    Ok(())
}
