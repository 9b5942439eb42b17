//! `doorward backup` and `doorward restore`: copies of the database, verified. Knows nothing of what is in it.

use super::shown;
use crate::cli::Place;
use crate::settings::{Resolved, Settings};
use anyhow::bail;
use clap::Args;
use std::path::PathBuf;
use storage::BackupReport;

pub(crate) const BACKUP_HELP: &str = "\
Examples:
  doorward backup /backup/doorward-$(date +%F).db
  doorward backup /backup/doorward.db --data /var/lib/doorward

The server may run meanwhile. The copy is verified before this ends.

The master key is NOT in it: secrets in the database are sealed under that key. Back up the key file (master.key in the data \
directory) once, and somewhere else, so that whoever finds one has not got both.";

pub(crate) const RESTORE_HELP: &str = "\
Examples:
  doorward restore /backup/doorward.db
  doorward restore /backup/doorward.db --data /var/lib/doorward --force

The server must be stopped. With --force a database that is there already is replaced, and kept aside.

The master key is not in a backup: the key file of that time must be in its place (master.key in the data directory).";

#[derive(Args)]
pub(crate) struct BackupArgs {
    /// Where to write the copy; must not exist
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// Replace the database that is there, and keep it aside
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn backup(args: &BackupArgs) -> anyhow::Result<()> {
    let settings = Resolved::from_system(&args.place.flags())?.settings;
    let database = file(&settings)?;
    let report = storage::backup(&database, &args.file)?;
    shown::line(format!("{} was copied to {} and verified.\n", database.display(), args.file.display()))?;
    print(&report)?;
    Ok(shown::line(format!(
        "\nThe master key is not in it. Keep a copy of {} somewhere else.",
        settings.master_key_file().display()
    ))?)
}

pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let settings = Resolved::from_system(&args.place.flags())?.settings;
    let database = file(&settings)?;
    if database == args.file {
        bail!("the backup and the database are the same file");
    }
    let report = storage::restore(&args.file, &database, args.force)?;
    shown::line(format!("{} was restored from {}.\n", database.display(), args.file.display()))?;
    print(&report)?;
    if let Some(aside) = &report.kept_aside {
        shown::line(format!("\nThe database that was there is kept as {}.", aside.display()))?;
    }
    let key = settings.master_key_file();
    if settings.master_key.is_none() && !key.exists() {
        shown::line(format!(
            "\nThe server will not start without the master key of that time: put it at {}.",
            key.display()
        ))?;
    }
    Ok(())
}

/// The database, which must be a file.
fn file(settings: &Settings) -> anyhow::Result<PathBuf> {
    let database = settings.database();
    let Some(file) = database.file() else {
        bail!(
            "{database} is on a server: back it up and restore it with the server's own tools (pg_dump, mariadb-dump, snapshots)"
        )
    };
    Ok(file.to_owned())
}

fn print(report: &BackupReport) -> anyhow::Result<()> {
    let rows: Vec<_> = report.tables.iter().map(|(table, rows)| [table.clone(), rows.to_string()]).collect();
    shown::table(["TABLE", "ROWS"], &rows)?;
    let (bytes, took) = (report.bytes, report.took.as_secs_f64());
    Ok(shown::line(format!("\n{bytes} bytes, schema version {}, {took:.2} s", report.schema_version))?)
}
