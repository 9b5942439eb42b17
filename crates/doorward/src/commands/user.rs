//! `doorward user`: the people who sign in. Asks for passwords on a terminal or takes them from standard input, never as an argument:
//! everybody on a machine sees the arguments of a process.

mod import;
mod set;
mod show;

use super::administer::{Administration, unexpected};
use super::shown;
use crate::cli::Place;
use crate::operator::{Operation, Outcome, PasswordToSet, Secret, UserOperation, UserToAdd, UserView};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use protocol::UserId;
use serde_json::{Map, Value};
use std::fs;
use std::io::{BufRead as _, IsTerminal as _, Write as _, stderr, stdin};
use std::path::{Path, PathBuf};

pub(crate) const HELP: &str = "\
Examples:
  doorward user add alice --email alice@example.org --name 'Alice Example'
  doorward user list --json
  doorward user disable alice

Works while the server runs (it is asked over its socket in the data directory) and while it does not.";

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user; asks for a password
    #[command(after_help = ADD_HELP)]
    Add(Box<AddArgs>),
    /// List users, oldest first
    #[command(after_help = "Example: doorward user list --json | jq -r '.[].email'")]
    List(ListArgs),
    /// Show a user
    #[command(after_help = "Example: doorward user show alice@example.org")]
    Show(ShowArgs),
    /// Change a user's names, address or claims
    #[command(after_help = set::HELP)]
    Set(Box<set::SetArgs>),
    /// Add many users from a file, with their password hashes
    #[command(after_help = import::HELP)]
    Import(import::ImportArgs),
    /// Set a user's password; ends their sessions and tokens
    #[command(
        after_help = "Examples:\n  doorward user password alice\n  doorward user password alice --hash-file alice.hash"
    )]
    Password(PasswordArgs),
    /// Refuse a user everywhere from now on; ends their sessions and tokens
    #[command(after_help = "Example: doorward user disable alice")]
    Disable(NamedArgs),
    /// Admit a disabled user again
    #[command(after_help = "Example: doorward user enable alice")]
    Enable(NamedArgs),
    /// Lift a lock-out: wrong passwords so far are forgotten, on every node
    #[command(after_help = "Example: doorward user unlock alice")]
    Unlock(NamedArgs),
    /// Forget a user
    #[command(after_help = "Example: doorward user remove alice --yes")]
    Remove(RemoveArgs),
}

const ADD_HELP: &str = "\
Examples:
  doorward user add alice --email alice@example.org --name 'Alice Example'
  doorward user add root --platform-owner
  pass show bob | doorward user add bob --password-stdin
  doorward user add erin --sub 7f1f8f0e-6f0c-4b5e-9d3c-2f2a7d5f4b11 \\
    --no-password
  doorward user add carol --hash-file carol.hash \\
    --claim 'address={\"country\":\"NL\"}'
  doorward user add dave --email dave@example.org --email-unverified \\
    --no-password

The address is taken to be shown to be the user's unless --email-unverified says otherwise: clients read email_verified.";

#[derive(Args)]
pub(crate) struct AddArgs {
    /// How the user signs in; with an @ it must be their e-mail address
    name: String,
    /// Where mail reaches the user
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Nobody has shown that the address is the user's
    #[arg(long, requires = "email")]
    email_unverified: bool,
    /// What people call the user
    #[arg(long = "name", value_name = "NAME")]
    display_name: Option<String>,
    /// A further standard claim (OpenID Connect Core section 5.1); repeatable
    #[arg(long = "claim", value_name = "CLAIM=VALUE", value_parser = claim)]
    claims: Vec<(String, Value)>,
    /// The user runs this installation
    #[arg(long)]
    platform_owner: bool,
    /// Who they are to clients already, where they come from elsewhere: a UUID; without it, one is made
    #[arg(long, value_name = "UUID")]
    sub: Option<UserId>,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
#[group(multiple = false)]
struct PasswordSource {
    /// Read the password from the first line of standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
    /// Take over a hash from another system, the first line of this file or, for -, of standard input
    #[arg(long, value_name = "FILE")]
    hash_file: Option<PathBuf>,
    /// As --hash-file, but everybody on this machine sees it while the command runs
    #[arg(long, value_name = "HASH", hide = true)]
    password_hash: Option<String>,
    /// No password: the user cannot sign in until one is set
    #[arg(long)]
    no_password: bool,
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
    /// Username or e-mail address
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct PasswordArgs {
    /// Username or e-mail address
    name: String,
    /// Read the password from the first line of standard input instead of asking for it
    #[arg(long, conflicts_with = "hash_file")]
    password_stdin: bool,
    /// Take over a hash from another system, the first line of this file or, for -, of standard input
    #[arg(long, value_name = "FILE")]
    hash_file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct NamedArgs {
    /// Username or e-mail address
    name: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// Username or e-mail address
    name: String,
    /// Do not ask whether you are sure
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::Add(args) => add(*args),
        UserCommand::List(args) => list(&args),
        UserCommand::Show(args) => show::show(args),
        UserCommand::Set(args) => set::run(*args),
        UserCommand::Import(args) => import::run(&args),
        UserCommand::Password(args) => {
            let mut administration = Administration::of(&args.place)?;
            let login = args.name.clone();
            administration.done(match &args.hash_file {
                Some(file) => {
                    Operation::User(UserOperation::SetPasswordHash { login, hash: first_line(file)? })
                }
                None if args.password_stdin => Operation::SetUserPassword { login, password: from_stdin()? },
                None => Operation::SetUserPassword { login, password: asked_twice()? },
            })?;
            Ok(shown::line(format!(
                "{} has a new password; sessions and tokens begun before are over.",
                args.name
            ))?)
        }
        UserCommand::Disable(args) => set_disabled(args, true),
        UserCommand::Enable(args) => set_disabled(args, false),
        UserCommand::Unlock(args) => {
            let login = args.name.clone();
            Administration::of(&args.place)?.done(Operation::User(UserOperation::Unlock { login }))?;
            Ok(shown::line(format!("{} can be tried again, from anywhere.", args.name))?)
        }
        UserCommand::Remove(args) => remove(args),
    }
}

fn add(args: AddArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let source = args.password;
    let password = match (source.hash_file, source.password_hash) {
        (Some(file), _) => PasswordToSet::Hash(first_line(&file)?),
        (None, Some(hash)) => {
            writeln!(stderr(), "Everybody on this machine could see this hash: use --hash-file.")?;
            PasswordToSet::Hash(hash.into())
        }
        (None, None) if source.no_password => PasswordToSet::None,
        (None, None) if source.password_stdin => PasswordToSet::Clear(from_stdin()?),
        (None, None) => PasswordToSet::Clear(asked_twice()?),
    };
    let user = UserToAdd {
        username: args.name,
        email: args.email,
        email_verified: !args.email_unverified,
        name: args.display_name,
        claims: args.claims.into_iter().collect::<Map<_, _>>(),
        password,
        platform_owner: args.platform_owner,
        subject: args.sub,
    };
    match administration.perform(Operation::AddUser(user))? {
        Outcome::User(user) => {
            let address = match (&user.email, user.email_verified) {
                (Some(_), true) => " Their e-mail address is marked as verified.",
                (Some(_), false) => " Their e-mail address is marked as not verified.",
                (None, _) => "",
            };
            Ok(shown::line(format!("{} was added; sub {}.{address}", user.username, user.sub))?)
        }
        _ => unexpected(),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let users = Administration::of(&args.place)?.all(
        |last: Option<&UserView>, limit| Operation::ListUsers {
            after: last.map(|user| user.sub.clone()),
            limit,
        },
        |outcome| if let Outcome::Users(users) = outcome { Some(users) } else { None },
    )?;
    if args.json {
        return shown::json(&users);
    }
    let rows: Vec<_> = users.into_iter().map(row).collect();
    Ok(shown::table(["USERNAME", "NAME", "EMAIL", "STATE", "CREATED"], &rows)?)
}

fn row(user: UserView) -> [String; 5] {
    let state = match (&user.disabled_at, user.platform_owner) {
        (Some(_), _) => "disabled",
        (None, true) => "platform owner",
        (None, false) => "",
    };
    let text = Option::unwrap_or_default;
    [user.username, text(user.name), text(user.email), state.to_owned(), user.created_at]
}

fn set_disabled(args: NamedArgs, disabled: bool) -> anyhow::Result<()> {
    let login = args.name.clone();
    Administration::of(&args.place)?.done(Operation::User(UserOperation::SetDisabled { login, disabled }))?;
    let what = if disabled { "is refused everywhere from now on" } else { "is admitted again" };
    Ok(shown::line(format!("{} {what}.", args.name))?)
}

fn remove(args: RemoveArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let Outcome::User(user) = administration.perform(Operation::FindUser { login: args.name })? else {
        return unexpected();
    };
    if !args.yes && !confirmed(&format!("Forget user {} ({})?", user.username, user.sub))? {
        bail!("nothing was removed");
    }
    administration.done(Operation::RemoveUser { login: user.username.clone() })?;
    Ok(shown::line(format!("{} was removed.", user.username))?)
}

/// Asks on the terminal.
pub(super) fn confirmed(question: &str) -> anyhow::Result<bool> {
    if !stdin().is_terminal() {
        bail!("{question} Say so with --yes: there is no terminal to ask on");
    }
    write!(stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn asked_twice() -> anyhow::Result<Secret> {
    if !stdin().is_terminal() {
        bail!("there is no terminal to ask for a password on: use --password-stdin");
    }
    let first = rpassword::prompt_password("Password: ").context("the password could not be read")?;
    let second =
        Secret::from(rpassword::prompt_password("Again: ").context("the password could not be read")?);
    let first = Secret::from(first);
    if first.expose() != second.expose() {
        bail!("the two are not the same; nothing was changed");
    }
    Ok(first)
}

/// The first line of a file, or of standard input.
fn first_line(file: &Path) -> anyhow::Result<Secret> {
    if file == Path::new("-") {
        return from_stdin();
    }
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    match text.lines().next().map(str::trim_end).filter(|line| !line.is_empty()) {
        Some(line) => Ok(line.to_owned().into()),
        None => bail!("{} has nothing in its first line", file.display()),
    }
}

fn from_stdin() -> anyhow::Result<Secret> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line).context("no password could be read from standard input")?;
    // Only the line's end: a password may begin or end with a space.
    line.truncate(line.trim_end_matches(['\n', '\r']).len());
    if line.is_empty() {
        bail!("there is no password on standard input");
    }
    Ok(line.into())
}

/// `claim=value`: a text, unless OpenID Connect Core section 5.1 says that the claim is a boolean, a number or an object.
fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("CLAIM=VALUE is expected, such as family_name=Example")?;
    if let Some(place) = protocol::claims::kept_elsewhere(name) {
        return Err(format!("{name} is not kept as a claim: {place}"));
    }
    let value = match name {
        "address" => {
            let object = serde_json::from_str::<Map<String, Value>>(value);
            object
                .map(Value::Object)
                .map_err(|_| "address: a JSON object is expected, such as {\"country\":\"NL\"}")?
        }
        "phone_number_verified" => {
            Value::Bool(value.parse().map_err(|_| format!("{name}: true or false is expected"))?)
        }
        _ => Value::from(value),
    };
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn oidc_core_5_1_claims_have_their_types() {
        for (text, value) in [
            ("family_name=Example", json!("Example")),
            ("nickname=a=b", json!("a=b")),
            ("birthdate=1990", json!("1990")),
            ("phone_number_verified=true", json!(true)),
            ("address={\"country\":\"NL\"}", json!({"country": "NL"})),
        ] {
            assert_eq!(claim(text).unwrap().1, value, "{text}");
        }
        for bad in ["family_name", "address=NL", "phone_number_verified=yes", "updated_at=1"] {
            assert!(claim(bad).is_err(), "{bad}");
        }
        for (reserved, place) in [
            ("email_verified=false", "--email-unverified"),
            ("email=a@b", "--email"),
            ("name=Alice", "--name"),
            ("sub=1", "stays as it is"),
            ("preferred_username=a", "the username"),
            ("iss=https://a", "of each token"),
        ] {
            assert!(claim(reserved).unwrap_err().contains(place), "{reserved}");
        }
    }
}
