//! `doorward member`: who belongs to an organization.

use super::administer::Administration;
use super::shown;
use super::user::confirmed;
use crate::cli::Place;
use crate::operator::{MemberView, Operation, OrganizationOperation as Op, Outcome};
use anyhow::bail;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use protocol::{Role, Slug};

pub(crate) const HELP: &str = "\
Examples:
  doorward member add acme alice --role owner
  doorward member list acme
  doorward member remove acme alice

Members belong to the organization itself; its customers only subscribe to its services.";

#[derive(Subcommand)]
pub(crate) enum MemberCommand {
    /// Make a user a member, or give a member another role
    #[command(after_help = "Example: doorward member add acme alice --role admin")]
    Add(AddArgs),
    /// List an organization's members
    #[command(after_help = "Example: doorward member list acme --json")]
    List(ListArgs),
    /// End a membership
    #[command(after_help = "Example: doorward member remove acme alice --yes")]
    Remove(RemoveArgs),
}

#[derive(Args)]
pub(crate) struct AddArgs {
    /// The organization
    organization: Slug,
    /// Username or e-mail address
    user: String,
    /// What the user is in it
    #[arg(long, default_value = "member", value_parser = role())]
    role: Role,
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
pub(crate) struct RemoveArgs {
    /// The organization
    organization: Slug,
    /// Username or e-mail address
    user: String,
    /// Do not ask whether you are sure
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: MemberCommand) -> anyhow::Result<()> {
    match command {
        MemberCommand::Add(args) => {
            let done = format!("{} is {} of {}.", args.user, article(args.role), args.organization);
            let set = Op::SetMember { organization: args.organization, login: args.user, role: args.role };
            Administration::of(&args.place)?.done(Operation::Organization(set))?;
            Ok(shown::line(done)?)
        }
        MemberCommand::List(args) => list(&args),
        MemberCommand::Remove(args) => remove(args),
    }
}

fn article(role: Role) -> &'static str {
    match role {
        Role::Owner => "an owner",
        Role::Admin => "an admin",
        Role::Member => "a member",
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let found = Administration::of(&args.place)?.all(
        |last: Option<&MemberView>, limit| {
            let organization = args.organization.clone();
            Operation::Organization(Op::ListMembers { organization, after: last.map(|last| last.sub), limit })
        },
        |outcome| if let Outcome::Members(found) = outcome { Some(found) } else { None },
    )?;
    if args.json {
        return shown::json(&found);
    }
    let row = |found: &MemberView| {
        [found.username.clone(), found.role.as_str().to_owned(), found.created_at.clone()]
    };
    Ok(shown::table(["USER", "ROLE", "SINCE"], &found.iter().map(row).collect::<Vec<_>>())?)
}

fn remove(args: RemoveArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let (organization, login) = (args.organization, args.user);
    if !args.yes && !confirmed(&format!("End {login}'s membership of {organization}?"))? {
        bail!("nothing was removed");
    }
    let done = format!("{login} is no member of {organization} any more.");
    administration.done(Operation::Organization(Op::RemoveMember { organization, login }))?;
    Ok(shown::line(done)?)
}

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|role| role.as_str()))
        .try_map(|text| Role::parse(&text).ok_or("unknown role"))
}
