//! `doorward user set`: what of a user an operator changes, named piece by piece.

use super::claim;
use crate::cli::Place;
use crate::commands::administer::{Administration, unexpected};
use crate::commands::shown;
use crate::operator::{NewValue, Operation, Outcome, UserOperation, UserToChange};
use clap::Args;
use serde_json::Value;

pub(super) const HELP: &str = "\
Examples:
  doorward user set alice --email alice@new.example.org --email-unverified
  doorward user set alice --username alicia --name 'Alicia Example'
  doorward user set alice --claim family_name=Example --no-claim nickname

What is not named stays as it is. A new address is taken to be shown to be the user's unless --email-unverified says otherwise.";

#[derive(Args)]
pub(crate) struct SetArgs {
    /// Username or e-mail address
    user: String,
    /// How the user signs in from now on
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Where mail reaches the user
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// No mail reaches the user any more
    #[arg(long, conflicts_with = "email")]
    no_email: bool,
    /// The address was shown to be the user's
    #[arg(long, conflicts_with = "no_email")]
    email_verified: bool,
    /// Nobody has shown that the address is the user's
    #[arg(long, conflicts_with_all = ["email_verified", "no_email"])]
    email_unverified: bool,
    /// What people call the user
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Nobody knows what the user is called
    #[arg(long, conflicts_with = "name")]
    no_name: bool,
    /// A further standard claim (OpenID Connect Core section 5.1); repeatable
    #[arg(long = "claim", value_name = "CLAIM=VALUE", value_parser = claim)]
    claims: Vec<(String, Value)>,
    /// A claim to take away; repeatable
    #[arg(long = "no-claim", value_name = "CLAIM")]
    no_claims: Vec<String>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: SetArgs) -> anyhow::Result<()> {
    let value = |is: Option<String>, gone: bool| match (is, gone) {
        (Some(value), _) => Some(NewValue::Is(value)),
        (None, true) => Some(NewValue::Gone),
        (None, false) => None,
    };
    let verified = (args.email_verified || args.email_unverified).then_some(args.email_verified);
    let set = args.claims.into_iter().map(|(claim, value)| (claim, Some(value)));
    let change = UserToChange {
        username: args.username,
        email: value(args.email, args.no_email),
        email_verified: verified,
        name: value(args.name, args.no_name),
        claims: set.chain(args.no_claims.into_iter().map(|claim| (claim, None))).collect(),
    };
    match Administration::of(&args.place)?
        .perform(Operation::User(UserOperation::Change { login: args.user, change }))?
    {
        Outcome::User(user) => Ok(shown::line(format!("{} was changed.", user.username))?),
        _ => unexpected(),
    }
}
