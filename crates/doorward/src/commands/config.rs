//! `doorward config`: what is configured, and where it was set.

use super::shown;
use crate::settings::{Resolved, SettingFlags};
use clap::{Args, Subcommand};

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
