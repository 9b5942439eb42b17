//! `doorward service`: the products of an organization, to which clients belong.

use super::administer::{Administration, unexpected};
use super::shown;
use super::user::confirmed;
use crate::cli::Place;
use crate::operator::{Operation, Outcome, ServiceOperation as Op, ServiceView};
use anyhow::bail;
use clap::{Args, Subcommand};
use protocol::{ServicePath, Slug};

pub(crate) const HELP: &str = "\
Examples:
  doorward service add acme/notes --name 'Acme Notes'
  doorward client set my-app --service acme/notes
  doorward service list acme

The access tokens of a service's clients say the organization, the service, and the plan of their user.";

#[derive(Subcommand)]
pub(crate) enum ServiceCommand {
    /// Add a service to an organization
    #[command(after_help = "Example: doorward service add acme/notes --name 'Acme Notes'")]
    Add(NameArgs),
    /// List an organization's services
    #[command(after_help = "Example: doorward service list acme --json")]
    List(ListArgs),
    /// Show a service
    #[command(after_help = "Example: doorward service show acme/notes")]
    Show(ShowArgs),
    /// Give a service another name; its slug stays, because tokens carry it
    #[command(after_help = "Example: doorward service set acme/notes --name 'Acme Notebooks'")]
    Set(SetArgs),
    /// Forget a service that has no clients and no subscriptions, and its plans
    #[command(after_help = "Example: doorward service remove acme/notes --yes")]
    Remove(RemoveArgs),
}

#[derive(Args)]
pub(crate) struct NameArgs {
    /// ORGANIZATION/SERVICE
    service: ServicePath,
    /// What people call it [default: its slug]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct SetArgs {
    /// ORGANIZATION/SERVICE
    service: ServicePath,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// The organization
    organization: Slug,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct ShowArgs {
    /// ORGANIZATION/SERVICE
    service: ServicePath,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// ORGANIZATION/SERVICE
    service: ServicePath,
    /// Do not ask whether you are sure
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: ServiceCommand) -> anyhow::Result<()> {
    match command {
        ServiceCommand::Add(args) => {
            let name = args.name.unwrap_or_else(|| args.service.service.to_string());
            let mut administration = Administration::of(&args.place)?;
            let added = one(&mut administration, Op::Add { path: args.service, name })?;
            Ok(shown::line(format!("{} was added.", added.service))?)
        }
        ServiceCommand::List(args) => list(&args),
        ServiceCommand::Show(args) => {
            let found = one(&mut Administration::of(&args.place)?, Op::Find { path: args.service })?;
            if args.json {
                return shown::json(&found);
            }
            Ok(shown::fields(&[
                ("service", found.service.to_string()),
                ("name", found.name),
                ("id", found.id.to_string()),
                ("created", found.created_at),
                ("updated", found.updated_at),
            ])?)
        }
        ServiceCommand::Set(args) => {
            let mut administration = Administration::of(&args.place)?;
            let changed = match args.name {
                Some(name) => one(&mut administration, Op::Rename { path: args.service, name })?,
                None => find(&mut administration, args.service)?,
            };
            Ok(shown::line(format!("{} was changed.", changed.service))?)
        }
        ServiceCommand::Remove(args) => remove(args),
    }
}

/// The service of this path.
pub(super) fn find(administration: &mut Administration, path: ServicePath) -> anyhow::Result<ServiceView> {
    one(administration, Op::Find { path })
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let found = Administration::of(&args.place)?.all(
        |last: Option<&ServiceView>, limit| {
            let after = last.map(|last| last.service.service.clone());
            Operation::Service(Op::List { organization: args.organization.clone(), after, limit })
        },
        |outcome| if let Outcome::Services(found) = outcome { Some(found) } else { None },
    )?;
    if args.json {
        return shown::json(&found);
    }
    let row = |found: &ServiceView| [found.service.to_string(), found.name.clone(), found.created_at.clone()];
    Ok(shown::table(["SERVICE", "NAME", "CREATED"], &found.iter().map(row).collect::<Vec<_>>())?)
}

fn remove(args: RemoveArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let found = find(&mut administration, args.service)?;
    if !args.yes && !confirmed(&format!("Forget service {} ({}) and its plans?", found.name, found.service))?
    {
        bail!("nothing was removed");
    }
    administration.done(Operation::Service(Op::Remove { path: found.service.clone() }))?;
    Ok(shown::line(format!("{} was removed.", found.service))?)
}

/// Does what answers with a service.
pub(super) fn one(administration: &mut Administration, operation: Op) -> anyhow::Result<ServiceView> {
    match administration.perform(Operation::Service(operation))? {
        Outcome::Service(found) => Ok(found),
        _ => unexpected(),
    }
}
