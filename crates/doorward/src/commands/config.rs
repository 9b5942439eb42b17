//! `doorward config`: what is configured, and where it was set.

use super::shown;
use crate::app::mutual_tls;
use crate::backups::Place;
use crate::serve;
use crate::settings::{Resolved, SettingFlags, Settings, SettingsError};
use clap::{Args, Subcommand};
use rustix::fs::{Access, access};
use std::path::Path;
use storage::owner::nearest;

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the settings; exit code 2 when something is wrong
    #[command(after_help = "Example: doorward config check --config /etc/doorward/doorward.toml")]
    Check(Box<ConfigArgs>),
    /// Print every setting in force, and where it was set
    #[command(after_help = "Example: DOORWARD_SESSION_IDLE=30m doorward config show")]
    Show(Box<ConfigArgs>),
}

#[derive(Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    flags: SettingFlags,
}

pub(crate) fn run(command: &ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check(args) => {
            let resolved = Resolved::from_system(&args.flags)?;
            let unusable = unusable(&resolved.settings);
            if !unusable.is_empty() {
                return Err(SettingsError(unusable).into());
            }
            for warning in resolved.settings.warnings() {
                shown::line(format!("warning: {warning}"))?;
            }
            let file = resolved.file.map_or_else(
                || "no settings file was found: flags, environment and defaults".to_owned(),
                |file| file.display().to_string(),
            );
            Ok(shown::line(format!("The settings are good ({file})."))?)
        }
        ConfigCommand::Show(args) => {
            Ok(shown::line(Resolved::from_system(&args.flags)?.report().trim_end())?)
        }
    }
}

/// What the settings name that a server could not use: files that are not there or hold something else, a place where no backup can go.
fn unusable(settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    problems.extend(serve::tls(settings).err().map(|error| format!("tls: {error:#}")));
    // Where clients are asked for certificates, that has read the authorities too.
    if settings.tls.files().is_none() || !settings.tls.client_certificates {
        problems.extend(mutual_tls(settings).err().map(|error| format!("{error:#}")));
    }
    for (key, file) in [
        ("database_password_file", &settings.database_password_file),
        (
            "master_key_file",
            &settings
                .master_key_file
                .clone()
                .filter(|_| settings.database().file().is_some_and(Path::exists)),
        ),
        ("outgoing.ca_file", &settings.outgoing.ca_file),
        ("worker.ca_file", &settings.worker.ca_file),
        ("worker.secret_file", &settings.worker.secret_file),
    ] {
        let Some(file) = file else { continue };
        let read = std::fs::File::open(file);
        problems.extend(read.err().map(|error| format!("{key} {} cannot be read: {error}", file.display())));
    }
    let to = settings.backup.to.as_ref();
    problems.extend(to.and_then(|place| impossible(place).map(|why| format!("backup.to: {why}"))));
    problems
}

/// Why nothing can be kept there, as far as can be seen without writing.
fn impossible(place: &Place) -> Option<String> {
    let Place::Folder(folder) = place else {
        return place.open().err().map(|error| format!("{error:#}"));
    };
    let above = nearest(folder);
    let shown = above.display();
    if !above.is_dir() {
        return Some(format!("{shown} is no folder"));
    }
    let denied = access(&above, Access::WRITE_OK | Access::EXEC_OK).err();
    denied.map(|error| format!("{shown} cannot be written: {error}"))
}
