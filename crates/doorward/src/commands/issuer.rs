//! `doorward issuer`: the URL this installation is known by, and changing it on purpose.

use super::administer::{Administration, unexpected};
use super::shown;
use crate::cli::Place;
use crate::operator::{Operation, Outcome};
use crate::settings::Issuer;
use clap::{Args, Subcommand};

pub(crate) const HELP: &str = "\
Examples:
  doorward issuer show
  doorward issuer change https://login.example.org

The issuer stands in every token and in the settings of every client. A server remembers the one it was first started with, and refuses \
to start with another.";

#[derive(Subcommand)]
pub(crate) enum IssuerCommand {
    /// Show the issuer that is remembered
    #[command(after_help = "Example: doorward issuer show")]
    Show(ShowArgs),
    /// Remember another issuer: servers start with this one only from now on
    #[command(after_help = CHANGE_HELP)]
    Change(ChangeArgs),
}

const CHANGE_HELP: &str = "\
Example: doorward issuer change https://login.example.org

Then set `issuer` to it in the settings of every server, restart them, and tell every client: tokens issued before name the old issuer.";

#[derive(Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct ChangeArgs {
    /// The issuer from now on: its scheme and host
    issuer: Issuer,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: IssuerCommand) -> anyhow::Result<()> {
    match command {
        IssuerCommand::Show(args) => {
            let Outcome::StoredIssuer(stored) =
                Administration::of(&args.place)?.perform(Operation::FindIssuer)?
            else {
                return unexpected();
            };
            Ok(shown::line(stored.as_deref().unwrap_or("none yet: no server was started with `issuer` set"))?)
        }
        IssuerCommand::Change(args) => {
            let issuer = args.issuer.to_string();
            Administration::of(&args.place)?.done(Operation::ChangeIssuer { issuer: issuer.clone() })?;
            Ok(shown::line(format!(
                "Servers start with {issuer} only from now on: set `issuer` to it, restart them, and tell every client."
            ))?)
        }
    }
}
