//! `doorward service-account`: programs that call APIs in their own name, with API keys.

use super::administer::{Administration, unexpected};
use super::shown;
use crate::cli::Place;
use crate::operator::{MachineOperation, Operation, Outcome};
use clap::{Args, Subcommand};
use protocol::{Client, ClientId, Scope};

pub(crate) const HELP: &str = "\
Examples:
  doorward service-account add nightly-report \\
    --audience https://api.example.org --scope orders:read
  doorward api-key add --service-account nightly-report --expires 90d

A service account is a client without a secret: client show, set, disable, enable and remove work on it, and client secret
lets it get access tokens by client_credentials too.";

#[derive(Subcommand)]
pub(crate) enum ServiceAccountCommand {
    /// Register a service account
    #[command(after_help = "Example: doorward service-account add nightly-report \\
    --audience https://api.example.org --scope orders:read")]
    Add(AddArgs),
    /// List service accounts
    #[command(after_help = "Example: doorward service-account list")]
    List(ListArgs),
}

#[derive(Args)]
pub(crate) struct AddArgs {
    /// Its client_id, and the subject that its keys speak for
    id: ClientId,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// The most its keys may allow, separated by spaces
    #[arg(long)]
    scope: Scope,
    /// The resource server its keys are for; repeatable
    #[arg(long, required = true, value_name = "IDENTIFIER")]
    audience: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
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

pub(crate) fn run(command: ServiceAccountCommand) -> anyhow::Result<()> {
    match command {
        ServiceAccountCommand::Add(args) => add(args),
        ServiceAccountCommand::List(args) => list(&args),
    }
}

fn add(args: AddArgs) -> anyhow::Result<()> {
    let name = args.name.unwrap_or_else(|| args.id.to_string());
    let operation = Operation::Machine(MachineOperation::AddServiceAccount {
        id: args.id,
        name,
        scope: args.scope,
        audience: args.audience,
    });
    let Outcome::Client(account) = Administration::of(&args.place)?.perform(operation)? else {
        return unexpected();
    };
    if args.json {
        return shown::json(&account);
    }
    let next = format!("Next: doorward api-key add --service-account {}", account.id);
    shown::line(format!("{} was added. {next}", account.id))?;
    Ok(())
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let mut accounts = Administration::of(&args.place)?.all(
        |last: Option<&Client>, limit| Operation::ListClients {
            after: last.map(|client| client.id.clone()),
            limit,
        },
        |outcome| if let Outcome::Clients(clients) = outcome { Some(clients) } else { None },
    )?;
    accounts.retain(|client| client.service_account);
    if args.json {
        return shown::json(&accounts);
    }
    let row = |account: &Client| {
        let state = if account.disabled { "disabled" } else { "" };
        [
            account.id.to_string(),
            account.name.clone(),
            state.to_owned(),
            account.scope.to_string(),
            account.audience.join(" "),
        ]
    };
    let rows: Vec<_> = accounts.iter().map(row).collect();
    Ok(shown::table(["SERVICE ACCOUNT", "NAME", "STATE", "SCOPE", "AUDIENCE"], &rows)?)
}
