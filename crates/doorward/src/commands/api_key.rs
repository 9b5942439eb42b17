//! `doorward api-key`: the keys with which service accounts call APIs.

use super::administer::{Administration, unexpected};
use super::shown;
use crate::cli::Place;
use crate::operator::{ApiKeyView, MachineOperation, Operation, Outcome};
use crate::settings;
use clap::{Args, Subcommand};
use protocol::{ApiKeyId, ClientId, Scope};
use std::time::Duration;

pub(crate) const HELP: &str = "\
Examples:
  doorward api-key add --service-account nightly-report --name 'cron on db1' \\
    --expires 90d
  doorward api-key list --service-account nightly-report
  doorward api-key revoke dwk_003hXvYKbHLgpGCJWuDTQs

A key is sent in X-Api-Key, or as a Bearer token. It is written so that secret scanners find it: dwk_..., with a checksum.";

#[derive(Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// Make an API key; prints it, this once
    #[command(after_help = "Example: doorward api-key add --service-account nightly-report --expires 90d")]
    Add(AddArgs),
    /// List API keys: how they begin, when they end, when they were used
    #[command(after_help = "Example: doorward api-key list --json | jq -r '.[].prefix'")]
    List(ListArgs),
    /// Revoke an API key; it is refused from now on
    #[command(after_help = "Example: doorward api-key revoke dwk_003hXvYKbHLgpGCJWuDTQs")]
    Revoke(RevokeArgs),
}

#[derive(Args)]
pub(crate) struct AddArgs {
    /// Whose key it is
    #[arg(long, value_name = "NAME")]
    service_account: ClientId,
    /// What it is for
    #[arg(long, default_value = "")]
    name: String,
    /// What it allows, separated by spaces [default: all that its account may do]
    #[arg(long)]
    scope: Option<Scope>,
    /// How long it lives: 12h, 90d, .. [default: until it is revoked]
    #[arg(long, value_name = "DURATION", value_parser = settings::lifetime)]
    expires: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// Only this one's
    #[arg(long, value_name = "NAME")]
    service_account: Option<ClientId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct RevokeArgs {
    /// How the key begins, as the list shows it; a whole key will do
    #[arg(value_name = "PREFIX", value_parser = named)]
    id: ApiKeyId,
    #[command(flatten)]
    place: Place,
}

fn named(text: &str) -> Result<ApiKeyId, &'static str> {
    let selector = crypto::api_key::named_selector(text);
    selector
        .map(ApiKeyId::from_bytes)
        .ok_or("the beginning of an API key is expected: dwk_ and 22 characters")
}

pub(crate) fn run(command: ApiKeyCommand) -> anyhow::Result<()> {
    match command {
        ApiKeyCommand::Add(args) => add(args),
        ApiKeyCommand::List(args) => list(&args),
        ApiKeyCommand::Revoke(args) => {
            Administration::of(&args.place)?
                .done(Operation::Machine(MachineOperation::RevokeApiKey { id: args.id }))?;
            let prefix = crypto::api_key::shown_selector(args.id.as_bytes());
            Ok(shown::line(format!("{prefix} was revoked."))?)
        }
    }
}

fn add(args: AddArgs) -> anyhow::Result<()> {
    let operation = Operation::Machine(MachineOperation::AddApiKey {
        service_account: args.service_account,
        name: args.name,
        scope: args.scope,
        expires_in: args.expires,
    });
    let Outcome::ApiKeyAdded { view, key } = Administration::of(&args.place)?.perform(operation)? else {
        return unexpected();
    };
    if args.json {
        return shown::json(&serde_json::json!({ "api_key": key.expose(), "key": view }));
    }
    let expires = view.expires_at.unwrap_or_else(|| "never".to_owned());
    Ok(shown::fields(&[
        ("api_key", format!("{}   (shown this once: only its hash is stored)", key.expose())),
        ("service account", view.service_account),
        ("scope", view.scope.to_string()),
        ("expires", expires),
    ])?)
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let mut keys = Administration::of(&args.place)?.all(
        |last: Option<&ApiKeyView>, limit| {
            Operation::Machine(MachineOperation::ListApiKeys { after: last.map(|key| key.id), limit })
        },
        |outcome| if let Outcome::ApiKeys(keys) = outcome { Some(keys) } else { None },
    )?;
    keys.retain(|key| {
        args.service_account.as_ref().is_none_or(|account| account.as_str() == key.service_account)
    });
    if args.json {
        return shown::json(&keys);
    }
    let row = |key: &ApiKeyView| {
        let end = match (&key.revoked_at, &key.expires_at) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(at)) => at.clone(),
            (None, None) => "never".to_owned(),
        };
        let used = key.last_used_at.clone().unwrap_or_else(|| "never".to_owned());
        [
            key.prefix.clone(),
            key.service_account.clone(),
            key.name.clone(),
            key.scope.to_string(),
            key.created_at.clone(),
            end,
            used,
        ]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    Ok(shown::table(
        ["PREFIX", "SERVICE ACCOUNT", "NAME", "SCOPE", "CREATED", "EXPIRES", "LAST USED"],
        &rows,
    )?)
}
