//! The real database servers that tests talk to: installed where that is possible, one of each started around the tests of a run. What
//! cannot be had is said loudly; in CI that is a failure.

use crate::tools::{in_ci, install, run, say};
use anyhow::{Result, bail};
use throwaway::{Engine, MYSQL_URL, POSTGRES_URL, Server, Setup};

/// Servers that run for as long as this lives.
pub(crate) struct Engines(Vec<(&'static str, Server)>);

impl Engines {
    /// Starts what can be had.
    pub(crate) fn start() -> Result<Self> {
        let mut started = Vec::new();
        for (engine, variable) in [(Engine::Postgres, POSTGRES_URL), (Engine::Mariadb, MYSQL_URL)] {
            if !is_here(engine)? {
                continue;
            }
            say(&format!("starting a {engine:?} for the tests"));
            started.push((variable, Setup::new(engine).fast().start()?));
        }
        Ok(Self(started))
    }

    /// The variables by which tests find them.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        self.0.iter().map(|(variable, server)| (*variable, server.administrative_url())).collect()
    }
}

/// Whether there is such an engine, installed where that is possible.
pub(crate) fn is_here(engine: Engine) -> Result<bool> {
    if !engine.is_installed() {
        install(&[engine.package()])?;
    }
    if engine.is_installed() {
        return Ok(true);
    }
    let missing = format!("{engine:?} is missing; as root: apt-get install {}", engine.package());
    if in_ci() {
        bail!("{missing}");
    }
    say(&format!("SKIPPED: tests on it. {missing}"));
    Ok(false)
}

/// `cargo xtask engines -- COMMAND..`
pub(crate) fn with_engines(words: impl Iterator<Item = String>) -> Result<()> {
    let words: Vec<String> = words.skip_while(|word| word == "--").collect();
    let Some((program, args)) = words.split_first() else {
        bail!("cargo xtask engines -- COMMAND..: which command?");
    };
    let engines = Engines::start()?;
    let variables = engines.variables();
    let env: Vec<(&str, &str)> = variables.iter().map(|(name, url)| (*name, url.as_str())).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    run(program, &args, &env)
}
