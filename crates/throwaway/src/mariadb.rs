//! How MariaDB is set up, started and spoken to. Knows its programs and settings; not when they run.

use crate::programs::{Account, find, output, run_as};
use crate::server::Place;
use crate::{PASSWORD, USER};
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::Command;

/// The database that administration goes through.
pub(crate) const ADMINISTRATIVE: &str = "mysql";

pub(crate) struct Programs {
    install: PathBuf,
    server: PathBuf,
    client: PathBuf,
}

pub(crate) fn programs() -> Result<Programs> {
    Ok(Programs {
        install: find(&["mariadb-install-db"], &[])?,
        server: find(&["mariadbd"], &[])?,
        client: find(&["mariadb"], &[])?,
    })
}

pub(crate) fn account() -> Result<Option<Account>> {
    Account::of("mysql")
}

pub(crate) fn prepare(place: &Place) -> Result<()> {
    let accounts = format!(
        "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
    );
    std::fs::write(accounts_file(place), accounts)?;
    let mut install = Command::new(programs()?.install);
    install
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .args(["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"])
        .args(["--innodb-log-file-size=16M", "--innodb-buffer-pool-size=32M", "--innodb-use-native-aio=OFF"])
        .arg(format!("--datadir={}", place.data().display()))
        .current_dir(&place.folder);
    let installed = output(run_as(&mut install, place.account));
    installed.map(drop).with_context(|| {
        let log = std::fs::read_dir(place.data()).into_iter().flatten().flatten().map(|entry| entry.path());
        let logs: Vec<String> = log
            .filter(|path| path.extension().is_some_and(|extension| extension == "err"))
            .map(|path| std::fs::read_to_string(path).unwrap_or_default())
            .collect();
        format!("in {}: {}", place.data().display(), logs.concat())
    })
}

/// The command that runs the server.
pub(crate) fn serve(place: &Place) -> Result<Command> {
    let mut server = Command::new(programs()?.server);
    server.arg("--no-defaults");
    let mut set = |name: &str, value: &str| {
        server.arg(format!("--{name}={value}"));
    };
    let path = |name: &str| place.folder.join(name).display().to_string();
    set("datadir", &place.data().display().to_string());
    set("socket", &path("mariadb.sock"));
    set("pid-file", &path("mariadb.pid"));
    set("init-file", &accounts_file(place).display().to_string());
    set("port", &place.port.to_string());
    set("bind-address", "127.0.0.1");
    set("skip-name-resolve", "ON");
    set("innodb-buffer-pool-size", "32M");
    set("innodb-log-file-size", "16M");
    set("performance-schema", "OFF");
    // What the kernel grants for asynchronous I/O is shared by all servers of an account, and there may be many.
    set("innodb-use-native-aio", "OFF");
    set("max-connections", "200");
    if !place.durable {
        set("innodb-flush-log-at-trx-commit", "0");
        set("innodb-flush-method", "nosync");
    }
    if let Some((certificate, key)) = &place.certificate {
        set("ssl-cert", &certificate.display().to_string());
        set("ssl-key", &key.display().to_string());
    }
    for (name, value) in &place.settings {
        set(name, value);
    }
    Ok(server)
}

/// Runs statements one by one and answers their rows, tabs between columns.
pub(crate) fn sql(url: &str, statements: &str) -> Result<String> {
    // mysql://user:password@host:port/database
    let parts = || {
        let (login, place) = url.strip_prefix("mysql://")?.split_once('@')?;
        let ((user, password), (address, database)) = (login.split_once(':')?, place.split_once('/')?);
        let (host, port) = address.split_once(':')?;
        Some((user, password, host, port, database))
    };
    let (user, password, host, port, database) = parts().context("not a URL of a throw-away server")?;
    let mut client = Command::new(programs()?.client);
    client
        .args(["--no-defaults", "--batch", "--skip-column-names", "--connect-timeout=5", "--protocol=tcp"])
        .args([
            "--user",
            user,
            "--host",
            host,
            "--port",
            port,
            "--database",
            database,
            "--execute",
            statements,
        ])
        .env("MYSQL_PWD", password);
    output(&mut client)
}

fn accounts_file(place: &Place) -> PathBuf {
    place.folder.join("accounts.sql")
}
