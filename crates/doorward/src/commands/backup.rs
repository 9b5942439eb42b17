//! `doorward backup` and `doorward restore`: copies of the database, and what a server has shipped. Knows nothing of what is in it.

use super::shown;
use crate::backups::{self, Place as BackupPlace, Sealing};
use crate::cli::Place;
use crate::settings::{Resolved, Settings};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::archive::{Restored, Restoring, Sealed, Statements, Target, generations, moment, parse_moment};
use storage::recovery::restore_unverified;
use storage::{BackupReport, Sealer};

pub(crate) const BACKUP_HELP: &str = "\
Examples:
  doorward backup /backup/doorward-$(date +%F).db
  doorward backup /backup/doorward.db --data /var/lib/doorward
  doorward backup list --from /mnt/backup/doorward
  doorward backup drill --from 's3://backups/doorward?region=eu-central-1'

The server may run meanwhile. The copy is one file that every SQLite tool opens; it is verified and sealed before this ends: `restore` \
notices every byte that is changed later. `list` and `drill` are about what a server ships by itself with \
the setting backup.to.

The master key is NOT in it: secrets in the database are sealed under that key. Back up the key file (master.key in the data \
directory) once, and somewhere else, so that whoever finds one has not got both.";

const LIST_HELP: &str = "\
Example:
  doorward backup list --from /mnt/backup/doorward

A generation is one log of changes without a gap; each start of the server begins one. Any moment from FROM to UNTIL can be \
restored with `doorward restore --from TARGET --at TIME`.";

const DRILL_HELP: &str = "\
Example:
  doorward backup drill --from /mnt/backup/doorward

The scratch file lies beside the database, or in the temporary directory where there is none. The master key must be at hand: what it did \
not seal is not looked at. Neither the database nor the backups are touched, and the server may run meanwhile; it \
drills by itself every backup.drill_every.";

pub(crate) const RESTORE_HELP: &str = "\
Examples:
  doorward restore /backup/doorward.db
  doorward restore /backup/doorward.db --data /var/lib/doorward --force
  doorward restore --from /mnt/backup/doorward --force
  doorward restore --from 's3://backups/doorward?region=eu-central-1' \\
    --at 2026-11-22T14:30:00Z --data ./looked-at

The server must be stopped. With --force a database that is there already is replaced, and kept aside.

The master key is not in a backup: the key file of that time must be in its place (master.key in the data directory) or be named \
with --master-key-file. Backups are sealed under it, and what it did not seal is refused. When the key is lost, and you trust whoever could \
write to the backup, --unverified restores it all the same; what is sealed inside (signing keys, secrets) stays closed.";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BackupArgs {
    /// Where to write the copy; must not exist
    #[arg(required = true)]
    file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    shipped: Option<Shipped>,
}

/// What a server ships by itself, with the setting backup.to.
#[derive(Subcommand)]
pub(crate) enum Shipped {
    /// Show which moments can be restored
    #[command(after_help = LIST_HELP)]
    List(FromArgs),
    /// Restore the newest moment into a scratch file, check it, and remove it again
    #[command(after_help = DRILL_HELP)]
    Drill(DrillArgs),
}

#[derive(Args)]
pub(crate) struct FromArgs {
    /// Where the backups are: a folder or s3://BUCKET/PREFIX [default: the setting backup.to]
    #[arg(long, value_name = "TARGET")]
    from: Option<BackupPlace>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct DrillArgs {
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    key: KeyArgs,
}

#[derive(Args)]
pub(crate) struct KeyArgs {
    /// The master key that the backup was sealed under [default: what the settings say]
    #[arg(long, value_name = "PATH")]
    master_key_file: Option<PathBuf>,
}

impl KeyArgs {
    /// The settings of a place, with this key.
    fn resolve(&self, place: &Place) -> anyhow::Result<Settings> {
        let mut settings = Resolved::from_system(&place.flags())?.settings;
        if let Some(path) = &self.master_key_file {
            settings.master_key = None;
            settings.master_key_file = Some(path.clone());
        }
        Ok(settings)
    }
}

#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// The backup, made by `doorward backup FILE`
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    file: Option<PathBuf>,
    /// What a server has shipped instead: a folder or s3://BUCKET/PREFIX
    #[arg(long, value_name = "TARGET")]
    from: Option<BackupPlace>,
    /// The moment to go back to, as in RFC 3339; a time without a fraction is all of its second [default: the newest]
    #[arg(long, value_name = "TIME", conflicts_with = "file", value_parser = parse_moment)]
    at: Option<protocol::Timestamp>,
    /// Replace the database that is there, and keep it aside
    #[arg(long)]
    force: bool,
    /// Restore what is not sealed under the master key at hand: only when that key is lost
    #[arg(long, conflicts_with = "master_key_file")]
    unverified: bool,
    /// Show every table, empty ones too
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn backup(args: &BackupArgs) -> anyhow::Result<()> {
    match (&args.shipped, &args.file) {
        (Some(Shipped::List(from)), _) => list(from),
        (Some(Shipped::Drill(from)), _) => drill(from),
        (None, Some(file)) => copy(file, &args.place),
        (None, None) => bail!("a file to write the copy to is missing"),
    }
}

fn copy(file: &Path, place: &Place) -> anyhow::Result<()> {
    let settings = Resolved::from_system(&place.flags())?.at_its_place();
    let database = file_of(&settings)?;
    if !database.exists() {
        bail!(
            "{} does not exist: name the right place with --data, --database or --config",
            database.display()
        );
    }
    let report = storage::backup(&database, file, &*Sealing::at_hand(&settings)?)?;
    shown::line(format!("{} was copied to {}, verified and sealed.\n", database.display(), file.display()))?;
    print(&report, false)?;
    Ok(shown::line(format!(
        "\nThe master key is not in it. Keep a copy of {} somewhere else.",
        settings.master_key_file().display()
    ))?)
}

impl FromArgs {
    fn open(&self) -> anyhow::Result<(Arc<dyn Target>, Settings)> {
        let settings = Resolved::from_system(&self.place.flags())?.settings;
        let place = self.from.as_ref().or(settings.backup.to.as_ref());
        let target = place.context("where are the backups? Say --from TARGET, or set backup.to")?.open()?;
        Ok((target, settings))
    }
}

fn list(args: &FromArgs) -> anyhow::Result<()> {
    let (target, _) = args.open()?;
    let found = generations(&*target)?;
    if found.is_empty() {
        return Ok(shown::line(format!("{target} holds no backup."))?);
    }
    let rows: Vec<_> = found
        .iter()
        .map(|generation| {
            let first = generation.bases.first().copied().unwrap_or(generation.until);
            let gap = if generation.gap { "a segment is missing" } else { "" };
            [
                generation.name.clone(),
                moment(first),
                moment(generation.until),
                generation.bases.len().to_string(),
                generation.segments.to_string(),
                gap.to_owned(),
            ]
        })
        .collect();
    shown::table(["GENERATION", "FROM", "UNTIL", "BASES", "SEGMENTS", ""], &rows)?;
    Ok(shown::line("\nAny moment between can be restored: doorward restore --from TARGET --at TIME")?)
}

fn drill(args: &DrillArgs) -> anyhow::Result<()> {
    let (target, settings) = args.from.open()?;
    // Not the name that a running server uses for its own.
    let beside = backups::scratch(&settings, &format!(".drill-{}", std::process::id()));
    // No data directory is made for it.
    let scratch = match (beside.parent(), beside.file_name()) {
        (Some(folder), Some(name)) if !folder.is_dir() => std::env::temp_dir().join(name),
        _ => beside,
    };
    let sealer = Sealing::at_hand(&args.key.resolve(&args.from.place)?)?;
    let sealed = Sealed { target: &*target, sealer: &*sealer, statements: &Statements::ours() };
    let restored = storage::recovery::drill(sealed, &scratch)?;
    shown::line(format!("The newest backup in {target} was restored and is sound.\n"))?;
    print_origin(&restored)?;
    print(&restored.report, false)
}

pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let settings = args.key.resolve(&args.place)?;
    let database = file_of(&settings)?;
    // Nothing is believed that it did not seal.
    let sealer = if args.unverified { None } else { Some(Sealing::at_hand(&settings)?) };
    let report = match (&args.file, &args.from) {
        (Some(file), _) => {
            if database == *file {
                bail!("the backup and the database are the same file");
            }
            let report = storage::restore(file, &database, args.force, sealer.as_deref())?;
            shown::line(format!("{} was restored from {}.\n", database.display(), file.display()))?;
            report
        }
        (None, Some(from)) => {
            let target = from.open()?;
            let restoring = Restoring { at: args.at, database: &database, force: args.force };
            let restored = from_archive(&*target, sealer.as_deref(), restoring)?;
            shown::line(format!("{} was restored from {target}.\n", database.display()))?;
            print_origin(&restored)?;
            restored.report
        }
        (None, None) => bail!("a backup to restore is missing"),
    };
    print(&report, args.verbose)?;
    if let Some(aside) = &report.kept_aside {
        shown::line(format!("\nThe database that was there is kept as {}.", aside.display()))?;
    }
    let settings = Resolved::from_system(&args.place.flags())?.settings;
    let key = settings.master_key_file();
    if settings.master_key.is_none() && !key.exists() {
        shown::line(format!(
            "\nThe server will not start without the master key of that time: put it at {}.",
            key.display()
        ))?;
    }
    Ok(())
}

fn from_archive(
    target: &dyn Target,
    sealer: Option<&dyn Sealer>,
    restoring: Restoring<'_>,
) -> anyhow::Result<Restored> {
    Ok(match sealer {
        None => restore_unverified(target, restoring)?,
        Some(sealer) => {
            let sealed = Sealed { target, sealer, statements: &Statements::ours() };
            storage::recovery::restore(sealed, restoring)?
        }
    })
}

fn print_origin(restored: &Restored) -> anyhow::Result<()> {
    shown::fields(&[
        ("Generation", restored.generation.clone()),
        ("Base of", moment(restored.base_at)),
        ("Commands replayed", restored.commands.to_string()),
        ("Newest change", moment(restored.until)),
    ])?;
    Ok(shown::line("")?)
}

/// The database, which must be a file.
fn file_of(settings: &Settings) -> anyhow::Result<PathBuf> {
    let database = settings.database();
    let Some(file) = database.file() else {
        bail!(
            "{database} is on a server: back it up and restore it with the server's own tools (pg_dump, mariadb-dump, snapshots)"
        )
    };
    Ok(file.to_owned())
}

/// The tables that hold something, or all of them.
fn print(report: &BackupReport, verbose: bool) -> anyhow::Result<()> {
    let told = report.tables.iter().filter(|(_, rows)| verbose || *rows > 0);
    let rows: Vec<_> = told.map(|(table, rows)| [table.clone(), rows.to_string()]).collect();
    shown::table(["TABLE", "ROWS"], &rows)?;
    let empty = report.tables.len() - rows.len();
    if empty > 0 {
        shown::line(format!("{empty} more tables are empty."))?;
    }
    let (bytes, took) = (report.bytes, report.took.as_secs_f64());
    Ok(shown::line(format!("\n{bytes} bytes, schema version {}, {took:.2} s", report.schema_version))?)
}
