//! `doorward store`: moving an installation to another database, comparing two, and looking at one. Knows how that is shown; what is
//! moved and checked is `storage`'s.

use super::shown;
use super::store_doctor::{DoctorArgs, doctor};
use super::store_progress::Shown;
use crate::backups::Sealing;
use crate::clock;
use crate::settings::{Resolved, SettingFlags};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use storage::copy::{Comparison, CopyReport};
use storage::{BackupError, Database, Options, Schema, SealFailure, Store, check_seal};
use tempfile::TempDir;

pub(crate) const HELP: &str = "\
Examples:
  doorward store doctor
  doorward store copy --from sqlite:/var/lib/doorward/doorward.db \\
    --to postgres://doorward@db.example.org/doorward
  doorward store verify --from sqlite:/var/lib/doorward/doorward.db \\
    --to postgres://doorward@db.example.org/doorward";

const COPY_HELP: &str = "\
Examples:
  doorward store copy --from sqlite:/var/lib/doorward/doorward.db \\
    --to postgres://doorward@db.example.org/doorward?sslmode=verify-full \\
    --to-password-file /etc/doorward/database.password
  doorward store copy --from sqlite:old.db --to sqlite:new.db

Stop every server on the source first. Between any two engines; the destination must be an empty database.

It may be interrupted at any moment, also by a crash: run it again, and it goes on where it stopped. Until everything has arrived \
and both sides were compared, no server starts on the destination. --start-over empties an unfinished copy and begins anew.

The master key is not in a database: every server on the new one needs the key file of the old one.";

const VERIFY_HELP: &str = "\
Example:
  doorward store verify --from sqlite:/var/lib/doorward/doorward.db \\
    --to postgres://doorward@db.example.org/doorward

Stop every server on both first. Reads every row of both sides, in order, and names the first key at which a table differs. Exit code \
1 when something does.";

const DOCTOR_HELP: &str = "\
Examples:
  doorward store doctor
  doorward store doctor --data /var/lib/doorward --deep
  doorward store doctor \\
    --database postgres://doorward@db.example.org/doorward --nodes 3

The server may run meanwhile; nothing is changed. Each line is ok, a note (it works, and could be better) or a problem. Exit code 1 when \
there is a problem.";

#[derive(Subcommand)]
pub(crate) enum StoreCommand {
    /// Move the installation to another database; its servers must be stopped
    #[command(after_help = COPY_HELP)]
    Copy(Box<CopyArgs>),
    /// Compare two databases, row by row; their servers must be stopped
    #[command(after_help = VERIFY_HELP)]
    Verify(Box<Ends>),
    /// Look at the settings that matter, and say what to change and why
    #[command(after_help = DOCTOR_HELP)]
    Doctor(DoctorArgs),
}

#[derive(Args)]
pub(crate) struct Ends {
    /// The database that is copied
    #[arg(long, value_name = "URL", value_parser = database)]
    from: Database,
    /// The database it is copied to
    #[arg(long, value_name = "URL", value_parser = database)]
    to: Database,
    /// A file with the password for --from, when its URL has none
    #[arg(long, value_name = "PATH")]
    from_password_file: Option<PathBuf>,
    /// A file with the password for --to, when its URL has none
    #[arg(long, value_name = "PATH")]
    to_password_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    ends: Ends,
    /// Empty what an unfinished copy left in the destination, and begin anew
    #[arg(long)]
    start_over: bool,
    /// Show every table with its checksum, empty ones too
    #[arg(long)]
    verbose: bool,
}

pub(super) fn database(url: &str) -> Result<Database, String> {
    url.parse().map_err(|expected| format!("expected {expected}"))
}

pub(crate) fn run(command: StoreCommand) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match command {
        StoreCommand::Copy(args) => runtime.block_on(copy(&args)),
        StoreCommand::Verify(ends) => runtime.block_on(verify(&ends)),
        StoreCommand::Doctor(args) => doctor(&runtime, &args),
    }
}

impl Ends {
    /// Both, with their passwords.
    fn databases(&self) -> anyhow::Result<(Database, Database)> {
        let with = |database: &Database, file: &Option<PathBuf>| match file {
            None => Ok(database.clone()),
            Some(file) => {
                let password = std::fs::read_to_string(file)
                    .with_context(|| format!("the password file {} cannot be read", file.display()))?;
                anyhow::Ok(database.clone().with_password(password.trim_end_matches(['\r', '\n'])))
            }
        };
        let both = (with(&self.from, &self.from_password_file)?, with(&self.to, &self.to_password_file)?);
        if both.0 == both.1 {
            bail!("--from and --to are the same database");
        }
        Ok(both)
    }
}

/// For reading all of it: nobody waits for an answer meanwhile, so a slice may take long.
async fn open(database: Database, schema: Schema) -> anyhow::Result<Store> {
    let scan_deadline = Duration::from_secs(600);
    let opened = Store::open(&Options { schema, scan_deadline, ..Options::new(database) }).await?;
    Ok(opened.store)
}

/// One side that is read, and the folder that it lies in meanwhile.
struct Side {
    database: Database,
    _folder: Option<TempDir>,
}

impl Side {
    /// A backup made by `doorward backup FILE` is one only as long as nobody opens it to write, which a store does: it is checked, and a copy of it is
    /// opened. Anything else is opened where it is.
    fn of(database: Database) -> anyhow::Result<Self> {
        let Some(file) = database.file().filter(|file| file.exists()) else {
            return Ok(Self { database, _folder: None });
        };
        if !is_whole(file)? {
            return Ok(Self { database, _folder: None });
        }
        let folder = tempfile::Builder::new().prefix("doorward-backup-").tempdir()?;
        let copy = folder.path().join("backup.db");
        std::fs::copy(file, &copy)
            .with_context(|| format!("{} cannot be copied to {}", file.display(), copy.display()))?;
        Ok(Self { database: Database::Sqlite(copy), _folder: Some(folder) })
    }
}

/// Whether a file is a backup with a seal, which is then as it was sealed: by us, when the master key is at hand; else that is said.
fn is_whole(file: &Path) -> anyhow::Result<bool> {
    let settings = Resolved::from_system(&SettingFlags::default())?.settings;
    let checked = Sealing::at_hand(&settings).map(|sealer| check_seal(file, Some(&*sealer)));
    match checked {
        // Nothing is put in anybody's place here: what was sealed elsewhere may be looked at and carried over.
        Err(_) | Ok(Err(BackupError::Unproven { why: SealFailure::AnotherKey(_), .. })) => {
            let is_sealed = check_seal(file, None)?;
            if is_sealed {
                shown::line(format!(
                    "{} is a backup, as it was sealed; the master key that would prove by whom is not at hand.",
                    file.display()
                ))?;
            }
            Ok(is_sealed)
        }
        Ok(checked) => Ok(checked?),
    }
}

async fn copy(args: &CopyArgs) -> anyhow::Result<ExitCode> {
    let (from, to) = args.ends.databases()?;
    let side = Side::of(from.clone()).context("the source")?;
    let source = open(side.database.clone(), Schema::AsItIs).await.context("the source")?;
    let destination = open(to.clone(), Schema::Newest).await.context("the destination")?;
    let began = clock::monotonic();
    let mut progress = Shown::new();
    let report =
        storage::copy::copy(&source, &destination, args.start_over, |standing| progress.show(standing)).await;
    let took = began.elapsed();
    progress.finish();
    // Whatever came of it, what has arrived is on the disk.
    destination.close().await;
    source.close().await;
    if let Err(error) = &report
        && let storage::copy::CopyError::Differs(tables) = error
    {
        differences(tables)?;
    }
    let report = report?;
    tables(&report, args.verbose)?;
    told(&report, took, &from, &to)?;
    Ok(ExitCode::SUCCESS)
}

/// What was compared: the tables that hold something, or all of them with their checksums.
fn tables(report: &CopyReport, verbose: bool) -> anyhow::Result<()> {
    let of = |table: &Comparison| (table.table.to_owned(), table.source.rows.to_string());
    if verbose {
        let row = |table: &Comparison| {
            let (name, rows) = of(table);
            [name, rows, table.source.checksum.clone()]
        };
        let rows: Vec<_> = report.tables.iter().map(row).collect();
        return Ok(shown::table(["TABLE", "ROWS", "SHA-256 OF ALL ROWS"], &rows)?);
    }
    let filled: Vec<_> = report
        .tables
        .iter()
        .filter(|table| table.source.rows > 0)
        .map(|table| <[String; 2]>::from(of(table)))
        .collect();
    shown::table(["TABLE", "ROWS"], &filled)?;
    Ok(shown::line(format!("{} more tables are empty.", report.tables.len() - filled.len()))?)
}

fn told(report: &CopyReport, took: Duration, from: &Database, to: &Database) -> anyhow::Result<()> {
    if let Some(before) = report.resumed_after {
        shown::line(format!("\n{before} rows had arrived before."))?;
    }
    let copied = report.copied;
    let rate = u128::from(copied) * 1_000 / took.as_millis().max(1);
    shown::line(format!(
        "\n{copied} rows were copied in {:.1} s ({rate} rows/s, comparing included). Both sides hold the same.\n\n\
         Now start the servers with --database {to}. What is secret in it stays sealed under the same master key: every server \
         needs the key file (or setting) of the one that used {from}. Keep {from} until you trust the copy; it is as it was.",
        took.as_secs_f64()
    ))?;
    Ok(())
}

async fn verify(ends: &Ends) -> anyhow::Result<ExitCode> {
    let (from, to) = ends.databases()?;
    let from = Side::of(from).context("the source")?;
    let to = Side::of(to).context("the destination")?;
    let source = open(from.database.clone(), Schema::AsItIs).await.context("the source")?;
    let destination = open(to.database.clone(), Schema::AsItIs).await.context("the destination")?;
    let mut progress = Shown::new();
    let tables = storage::copy::verify(&source, &destination, |standing| progress.show(standing)).await;
    progress.finish();
    let mut unfinished = Vec::new();
    for (side, store) in [("source", &source), ("destination", &destination)] {
        let found = storage::copy::unfinished(store).await?;
        unfinished.extend(found.map(|found| (side, found)));
    }
    destination.close().await;
    source.close().await;
    let tables = tables?;
    differences(&tables)?;
    if let Some((side, found)) = unfinished.first() {
        // Two that are equal so far are no copies of each other.
        shown::line(format!(
            "\nThe {side} is an unfinished copy: {} of {} tables have arrived. Finish it with `doorward store copy` first.",
            found.tables, found.of
        ))?;
        return Ok(ExitCode::FAILURE);
    }
    if tables.iter().all(Comparison::is_equal) {
        shown::line("\nBoth sides hold the same.")?;
        return Ok(ExitCode::SUCCESS);
    }
    shown::line("\nThe two differ.")?;
    Ok(ExitCode::FAILURE)
}

fn differences(tables: &[Comparison]) -> anyhow::Result<()> {
    let rows: Vec<_> = tables
        .iter()
        .map(|table| {
            let checksum = |checksum: &str| checksum.get(..16).unwrap_or(checksum).to_owned();
            let (left, right) = (&table.source, &table.destination);
            [
                table.table.to_owned(),
                left.rows.to_string(),
                right.rows.to_string(),
                checksum(&left.checksum),
                checksum(&right.checksum),
                match &table.difference {
                    None => "equal".to_owned(),
                    Some(difference) => format!("from here on: {difference}"),
                },
            ]
        })
        .collect();
    Ok(shown::table(["TABLE", "ROWS", "ROWS THERE", "SHA-256", "SHA-256 THERE", ""], &rows)?)
}
