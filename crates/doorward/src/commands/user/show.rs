//! What `doorward user show` prints of a user.

use super::ShowArgs;
use crate::commands::administer::{Administration, unexpected};
use crate::commands::shown;
use crate::operator::{Operation, Outcome};

pub(super) fn show(args: ShowArgs) -> anyhow::Result<()> {
    let Outcome::User(user) =
        Administration::of(&args.place)?.perform(Operation::FindUser { login: args.name })?
    else {
        return unexpected();
    };
    if args.json {
        return shown::json(&user);
    }
    let email_note = if user.email_verified { " (verified)" } else { " (not verified)" };
    let yes = |holds: bool| if holds { "yes" } else { "no" }.to_owned();
    let (password, last_sign_in, memberships, subscriptions) = match user.details {
        Some(about) => (
            if about.has_password { "set" } else { "none: they cannot sign in with one" }.to_owned(),
            about.last_sign_in.unwrap_or_else(|| "none that is remembered".to_owned()),
            about.memberships.join(", "),
            about.subscriptions.join(", "),
        ),
        None => Default::default(),
    };
    let mut fields = vec![
        ("sub", user.sub),
        ("username", user.username),
        ("name", user.name.unwrap_or_default()),
        ("email", user.email.map(|email| email + email_note).unwrap_or_default()),
        ("password", password),
        ("last sign-in", last_sign_in),
        ("memberships", memberships),
        ("subscriptions", subscriptions),
        ("platform owner", yes(user.platform_owner)),
        ("created", user.created_at),
        ("updated", user.updated_at),
        ("disabled", user.disabled_at.unwrap_or_default()),
    ];
    fields.extend(user.claims.iter().map(|(claim, value)| (claim.as_str(), value.to_string())));
    fields.retain(|(_, value)| !value.is_empty());
    Ok(shown::fields(&fields)?)
}
