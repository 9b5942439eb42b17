//! `doorward upgrade`: bringing the database to this program's schema on purpose, and rehearsing that. Knows how it is shown, and that
//! the keys must open afterwards.

use super::shown;
use super::store_doctor::{exit_code, list};
use crate::app::{App, master_key_source};
use crate::backups::Sealing;
use crate::cli::Place;
use crate::clock::OsRandom;
use crate::master_key::IfMissing;
use crate::settings::{Resolved, Settings};
use anyhow::bail;
use clap::Args;
use std::path::Path;
use std::process::ExitCode;
use storage::doctor::{Finding, bytes};
use storage::upgrade::{Rehearsal, ServerRehearsal};
use storage::{Database, Options, Schema, Store};

pub(crate) const HELP: &str = "\
Examples:
  doorward upgrade --rehearse
  doorward upgrade --rehearse \\
    --database postgres://doorward@db.example.org/doorward \\
    --scratch postgres://doorward@db.example.org/doorward_scratch
  doorward upgrade --data /var/lib/doorward

--rehearse clones the database, also while the server runs, applies the new version's migrations to the clone, checks that everything \
is still there and that the keys open, and reports how long it takes and how much disk is needed. The database itself is only read, and \
the clone is removed. On PostgreSQL and MySQL the clone goes into an empty database that you make and name with --scratch; it is emptied \
again afterwards.

Without it, the server must be stopped: the database is backed up beside itself, then migrated, all or nothing. A server that starts \
on a file does the same without the backup. There is no way back but the backup: migrations go forward only.";

#[derive(Args)]
pub(crate) struct UpgradeArgs {
    /// Try it on a clone, and report
    #[arg(long)]
    rehearse: bool,
    /// The empty database on a server in which it is tried; its password is the database's when the URL has none
    #[arg(long, value_name = "URL", requires = "rehearse", value_parser = super::store::database)]
    scratch: Option<Database>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: &UpgradeArgs) -> anyhow::Result<ExitCode> {
    let settings = Resolved::from_system(&args.place.flags())?.settings;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = settings.database();
    match (database.file(), args.rehearse, &args.scratch) {
        (Some(_), _, Some(_)) => {
            bail!("--scratch is for databases on a server: a file is cloned beside itself")
        }
        (Some(file), true, None) => runtime.block_on(rehearse(&settings, file)),
        (Some(file), false, _) => upgrade(&settings, file),
        (None, true, Some(scratch)) => runtime.block_on(rehearse_on_server(&settings, scratch)),
        (None, true, None) => bail!(
            "{database} is on a server: make an empty database there and name it with --scratch URL; the clone goes into it, and it is \
             emptied again"
        ),
        (None, false, _) => runtime.block_on(upgrade_server(&settings)),
    }
}

async fn rehearse(settings: &Settings, file: &Path) -> anyhow::Result<ExitCode> {
    let mut rehearsal = storage::upgrade::rehearse(file)?;
    if rehearsal.found == rehearsal.known {
        shown::line(format!("{} is up to date (schema version {}).\n", file.display(), rehearsal.known))?;
    }
    let opened = keys(settings, Options::at(rehearsal.clone_path())).await;
    rehearsal.checks.push(opened);
    if rehearsal.disk_free < rehearsal.disk_needed {
        let found = "there is not enough room for the upgrade and the backup it makes first";
        rehearsal.checks.push(Finding::problem("free disk", found, "free some, or move the data directory"));
    }
    told(&rehearsal)?;
    Ok(exit_code(&rehearsal.checks))
}

fn told(rehearsal: &Rehearsal) -> anyhow::Result<()> {
    let seconds = |duration: std::time::Duration| format!("{:.1} s", duration.as_secs_f64());
    shown::fields(&[
        ("Schema", format!("version {} becomes {}", rehearsal.found, rehearsal.known)),
        (
            "Migrations",
            match rehearsal.applied.is_empty() {
                true => "none".to_owned(),
                false => rehearsal.applied.join(", "),
            },
        ),
        (
            "Takes",
            format!(
                "{}, and {} for the backup before it",
                seconds(rehearsal.took),
                seconds(rehearsal.cloning_took)
            ),
        ),
        ("Size", format!("{} becomes {}", bytes(rehearsal.bytes_before), bytes(rehearsal.bytes_after))),
        ("Disk", format!("{} needed, {} free", bytes(rehearsal.disk_needed), bytes(rehearsal.disk_free))),
    ])?;
    shown::line("")?;
    list(&rehearsal.checks)?;
    Ok(shown::line("\nThis was a clone. The database was only read.")?)
}

/// Whether this program opens the migrated clone, keys and all.
async fn keys(settings: &Settings, clone: Options) -> Finding {
    const CHECK: &str = "keys";
    let master_keys = match master_key_source(settings).load(IfMissing::Refuse, &mut OsRandom) {
        Ok(keys) => keys,
        Err(error) => {
            let remedy = "run this where the master key is, to see whether the signing keys open";
            return Finding::note(CHECK, format!("not tried: {error:#}"), remedy);
        }
    };
    let opened = async {
        let store = Store::open(&Options { schema: Schema::AsItIs, ..clone }).await?.store;
        let issuer = settings.issuer(settings.listen);
        let app = App::assemble(settings, &issuer, store.clone(), master_keys).await;
        store.close().await;
        app.map(drop)
    };
    match opened.await {
        Ok(()) => Finding::ok(CHECK, "the signing keys and secrets open with the master key"),
        Err(error) => Finding::problem(
            CHECK,
            format!("{error:#}"),
            "put the master key of this installation in its place; do not upgrade before",
        ),
    }
}

async fn rehearse_on_server(settings: &Settings, scratch: &Database) -> anyhow::Result<ExitCode> {
    let database = settings.database_to_open()?;
    let password = database.server().and_then(|server| server.password.clone());
    let scratch = match password {
        Some(password) => scratch.clone().with_password(&password),
        None => scratch.clone(),
    };
    let rehearsed = storage::upgrade::rehearse_on_server(&database, &scratch).await;
    let rehearsed = match rehearsed {
        Ok(mut rehearsal) => {
            rehearsal.checks.push(keys(settings, Options::new(scratch.clone())).await);
            Ok(rehearsal)
        }
        Err(error) => Err(error),
    };
    // Whatever came of it.
    let cleared = storage::upgrade::clear_scratch(&scratch).await;
    let rehearsal = rehearsed?;
    told_of_server(&rehearsal)?;
    cleared?;
    shown::line(format!(
        "\nThis was a clone in {scratch}, which is empty again. The database was only read."
    ))?;
    Ok(exit_code(&rehearsal.checks))
}

fn told_of_server(rehearsal: &ServerRehearsal) -> anyhow::Result<()> {
    let seconds = |duration: std::time::Duration| format!("{:.1} s", duration.as_secs_f64());
    shown::fields(&[
        ("Schema", format!("version {} becomes {}", rehearsal.found, rehearsal.known)),
        ("Rows", format!("{}, carried over in {}", rehearsal.rows, seconds(rehearsal.cloning_took))),
        ("Takes", seconds(rehearsal.took)),
        ("Size", format!("{} becomes {}", bytes(rehearsal.bytes_before), bytes(rehearsal.bytes_after))),
    ])?;
    shown::line("")?;
    list(&rehearsal.checks)
}

fn upgrade(settings: &Settings, file: &Path) -> anyhow::Result<ExitCode> {
    // Without the key it is a copy that nobody vouches for.
    let sealer = Sealing::at_hand(settings).ok();
    let upgraded = storage::upgrade::upgrade(file, sealer.as_deref())?;
    let file = file.display();
    let Some(backup) = &upgraded.backup else {
        shown::line(format!("{file} is up to date (schema version {}). Nothing was done.", upgraded.to))?;
        return Ok(ExitCode::SUCCESS);
    };
    shown::line(format!(
        "{file} was migrated from schema version {} to {} in {:.1} s: {}.\n\nAs it was before, it is kept as {}.",
        upgraded.from,
        upgraded.to,
        upgraded.took.as_secs_f64(),
        upgraded.applied.join(", "),
        backup.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// On a server, opening it applies what is missing; the server's own tools make the backup.
async fn upgrade_server(settings: &Settings) -> anyhow::Result<ExitCode> {
    let database = settings.database_to_open()?;
    let schema = Schema::OfExisting;
    let opened = Store::open(&Options { schema, ..Options::new(database.clone()) }).await?;
    opened.store.close().await;
    shown::line(format!("{database} has this program's schema."))?;
    Ok(ExitCode::SUCCESS)
}
