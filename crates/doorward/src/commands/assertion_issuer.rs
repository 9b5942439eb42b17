//! `doorward assertion-issuer`: whose word is taken for a user (RFC 7523 section 2.1).

use super::administer::{Administration, unexpected};
use super::client_proof_options::jwk_set;
use super::shown;
use crate::cli::Place;
use crate::operator::{MachineOperation, Operation, Outcome};
use clap::{Args, Subcommand, ValueEnum};
use protocol::{AssertionIssuer, ClientId, JwksUri, Scope, SubjectMapping};
use serde_json::Value;

pub(crate) const HELP: &str = "\
An issuer that is trusted here vouches for users: a client presents its signed assertion at the token endpoint \
(urn:ietf:params:oauth:grant-type:jwt-bearer) and gets an access token for that user, without a browser.

Examples:
  doorward assertion-issuer add https://ci.example.org \\
    --jwks-uri https://ci.example.org/jwks --client deployer \\
    --subject username --scope 'deploy:read deploy:write'
  doorward assertion-issuer list
  doorward assertion-issuer remove https://ci.example.org";

#[derive(Subcommand)]
pub(crate) enum AssertionIssuerCommand {
    /// Trust an issuer
    #[command(after_help = ADD_HELP)]
    Add(Box<AddArgs>),
    /// List the trusted issuers
    #[command(after_help = "Example: doorward assertion-issuer list --json")]
    List(ListArgs),
    /// Trust an issuer no more
    #[command(after_help = "Example: doorward assertion-issuer remove https://ci.example.org")]
    Remove(RemoveArgs),
}

const ADD_HELP: &str = "\
Example: doorward assertion-issuer add https://ci.example.org --jwks keys.json \\
    --client deployer --subject email --scope deploy

The issuer can speak for every user its sub can name: for the scope given here and no more, and to the clients named here. \
Nobody is asked for consent.";

#[derive(Args)]
pub(crate) struct AddArgs {
    /// The iss of its assertions
    issuer: String,
    /// Its public keys: a file with a JWK Set
    #[arg(long, value_name = "FILE", value_parser = jwk_set, required_unless_present = "jwks_uri")]
    jwks: Option<Value>,
    /// Where it publishes them
    #[arg(long, value_name = "URL", conflicts_with = "jwks")]
    jwks_uri: Option<JwksUri>,
    /// Which clients may present its assertions; repeatable
    #[arg(long = "client", value_name = "CLIENT_ID", required = true)]
    clients: Vec<ClientId>,
    /// Whom its sub names
    #[arg(long, value_enum)]
    subject: Subject,
    /// The most a token issued on its word may allow, separated by spaces
    #[arg(long)]
    scope: Scope,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
enum Subject {
    /// A username
    Username,
    /// An e-mail address that was verified
    Email,
    /// The sub of our own tokens
    Id,
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
pub(crate) struct RemoveArgs {
    /// The iss of its assertions
    issuer: String,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: AssertionIssuerCommand) -> anyhow::Result<()> {
    match command {
        AssertionIssuerCommand::Add(args) => add(*args),
        AssertionIssuerCommand::List(args) => list(&args),
        AssertionIssuerCommand::Remove(args) => {
            let RemoveArgs { issuer, place } = args;
            Administration::of(&place)?.done(Operation::Machine(
                MachineOperation::RemoveAssertionIssuer { issuer: issuer.clone() },
            ))?;
            Ok(shown::line(format!("{issuer} is trusted no more."))?)
        }
    }
}

fn add(args: AddArgs) -> anyhow::Result<()> {
    let issuer = AssertionIssuer {
        issuer: args.issuer.clone(),
        jwks: args.jwks,
        jwks_uri: args.jwks_uri,
        clients: args.clients.into_iter().collect(),
        subject: match args.subject {
            Subject::Username => SubjectMapping::Username,
            Subject::Email => SubjectMapping::Email,
            Subject::Id => SubjectMapping::Id,
        },
        scope: args.scope,
    };
    Administration::of(&args.place)?
        .done(Operation::Machine(MachineOperation::AddAssertionIssuer(issuer)))?;
    Ok(shown::line(format!("{} is trusted.", args.issuer))?)
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let outcome = Administration::of(&args.place)?
        .perform(Operation::Machine(MachineOperation::ListAssertionIssuers))?;
    let Outcome::AssertionIssuers(issuers) = outcome else { return unexpected() };
    if args.json {
        return shown::json(&issuers);
    }
    let rows: Vec<_> = issuers.iter().map(row).collect();
    Ok(shown::table(["ISSUER", "KEYS", "SUB", "SCOPE", "CLIENTS"], &rows)?)
}

fn row(issuer: &AssertionIssuer) -> [String; 5] {
    let keys = issuer.jwks_uri.as_ref().map_or_else(|| "by value".to_owned(), ToString::to_string);
    let clients: Vec<_> = issuer.clients.iter().map(ClientId::as_str).collect();
    [
        issuer.issuer.clone(),
        keys,
        issuer.subject.as_str().to_owned(),
        issuer.scope.to_string(),
        clients.join(" "),
    ]
}
