//! `doorward organization`: who offers services.

use super::administer::{Administration, unexpected};
use super::shown;
use super::user::confirmed;
use crate::cli::Place;
use crate::operator::{Operation, OrganizationOperation as Op, OrganizationView, Outcome};
use anyhow::bail;
use clap::{Args, Subcommand};
use protocol::Slug;

pub(crate) const HELP: &str = "\
Examples:
  doorward organization add acme --name 'Acme Inc.'
  doorward service add acme/notes --name 'Acme Notes'
  doorward client set my-app --service acme/notes
  doorward plan add acme/notes/pro --feature export --feature share
  doorward subscription set alice acme/notes/pro

Works while the server runs (it is asked over its socket in the data directory) and while it does not.";

#[derive(Subcommand)]
pub(crate) enum OrganizationCommand {
    /// Add an organization
    #[command(after_help = "Example: doorward organization add acme --name 'Acme Inc.'")]
    Add(AddArgs),
    /// List organizations
    #[command(after_help = "Example: doorward organization list --json | jq -r '.[].slug'")]
    List(ListArgs),
    /// Show an organization
    #[command(after_help = "Example: doorward organization show acme")]
    Show(ShowArgs),
    /// Change an organization; what is not named stays
    #[command(after_help = SET_HELP)]
    Set(SetArgs),
    /// Forget an organization that has no services, and its members
    #[command(after_help = "Example: doorward organization remove acme --yes")]
    Remove(RemoveArgs),
}

const SET_HELP: &str = "\
Examples:
  doorward organization set acme --name 'Acme and Daughters'
  doorward organization set acme --disable

While an organization is disabled, the clients of its services and their tokens are refused. Its slug never changes: tokens carry it.";

#[derive(Args)]
pub(crate) struct AddArgs {
    /// What tokens and addresses call it: lower-case letters, digits and hyphens
    slug: Slug,
    /// What people call it [default: the slug]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct ShowArgs {
    /// The organization
    slug: Slug,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct SetArgs {
    /// The organization
    slug: Slug,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Refuse the clients of its services from now on
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Admit them again
    #[arg(long)]
    enable: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// The organization
    slug: Slug,
    /// Do not ask whether you are sure
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: OrganizationCommand) -> anyhow::Result<()> {
    match command {
        OrganizationCommand::Add(args) => {
            let name = args.name.unwrap_or_else(|| args.slug.to_string());
            let added = one(&mut Administration::of(&args.place)?, Op::Add { slug: args.slug, name })?;
            Ok(shown::line(format!("{} was added.", added.slug))?)
        }
        OrganizationCommand::List(args) => list(&args),
        OrganizationCommand::Show(args) => {
            let found = one(&mut Administration::of(&args.place)?, Op::Find { slug: args.slug })?;
            if args.json {
                return shown::json(&found);
            }
            show(found)
        }
        OrganizationCommand::Set(args) => {
            let disabled = if args.disable || args.enable { Some(args.disable) } else { None };
            let change = Op::Change { slug: args.slug, name: args.name, disabled };
            let changed = one(&mut Administration::of(&args.place)?, change)?;
            Ok(shown::line(format!("{} was changed.", changed.slug))?)
        }
        OrganizationCommand::Remove(args) => remove(args),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let found = Administration::of(&args.place)?.all(
        |last: Option<&OrganizationView>, limit| {
            Operation::Organization(Op::List { after: last.map(|last| last.slug.clone()), limit })
        },
        |outcome| if let Outcome::Organizations(found) = outcome { Some(found) } else { None },
    )?;
    if args.json {
        return shown::json(&found);
    }
    let row = |found: &OrganizationView| {
        let state = if found.disabled_at.is_some() { "disabled" } else { "" };
        [found.slug.to_string(), found.name.clone(), state.to_owned(), found.created_at.clone()]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    Ok(shown::table(["ORGANIZATION", "NAME", "STATE", "CREATED"], &rows)?)
}

fn show(found: OrganizationView) -> anyhow::Result<()> {
    let mut fields = vec![
        ("organization", found.slug.to_string()),
        ("name", found.name),
        ("created", found.created_at),
        ("updated", found.updated_at),
        ("disabled", found.disabled_at.unwrap_or_default()),
    ];
    fields.retain(|(_, value)| !value.is_empty());
    Ok(shown::fields(&fields)?)
}

fn remove(args: RemoveArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let found = one(&mut administration, Op::Find { slug: args.slug })?;
    if !args.yes && !confirmed(&format!("Forget organization {} ({})?", found.name, found.slug))? {
        bail!("nothing was removed");
    }
    administration.done(Operation::Organization(Op::Remove { slug: found.slug.clone() }))?;
    Ok(shown::line(format!("{} was removed.", found.slug))?)
}

fn one(administration: &mut Administration, operation: Op) -> anyhow::Result<OrganizationView> {
    match administration.perform(Operation::Organization(operation))? {
        Outcome::Organization(found) => Ok(found),
        _ => unexpected(),
    }
}
