//! `doorward user import`: many users from a file or standard input, a line each, with the password hashes of the system they come from. Each
//! line is a user of its own: one that is refused stops no other.

use crate::cli::Place;
use crate::commands::administer::{Administration, unexpected};
use crate::commands::shown;
use crate::operator::{EnvelopeToAdd, Operation, Outcome, PasswordToSet, Secret, UserOperation, UserToAdd};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use passwords::UnsupportedHash;
use protocol::UserId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read as _, stdin};
use std::path::{Path, PathBuf};

pub(super) const HELP: &str = "\
Example:
  doorward user import people.jsonl

Each line is a JSON object:
  {\"username\":\"alice\",\"email\":\"alice@example.org\",\"email_verified\":true,\"name\":\"Alice\",\"hash\":\"$2y$10$..\"}
Members: username, sub, email, email_verified (false unless it says true), name, claims, disabled, and hash (a text, or the
columns of Keycloak, Gitea, Discourse, Firebase or Auth0 as an object) or password (in clear). A line of the result for each.";

/// No line is longer.
const LONGEST_LINE: u64 = 64 * 1024;

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The file, or - for standard input
    file: PathBuf,
    /// A secret that the other system added to every password before hashing it: the first line of this file
    #[arg(long, value_name = "FILE")]
    pepper_file: Option<PathBuf>,
    /// Where the pepper goes
    #[arg(long, value_name = "WHERE", default_value = "password-end", requires = "pepper_file")]
    pepper_at: Where,
    /// The hash_config of a Firebase project, as JSON
    #[arg(long, value_name = "FILE", conflicts_with = "pepper_file")]
    firebase: Option<PathBuf>,
    /// Read everything, say what would be refused for its form, and add nobody
    #[arg(long)]
    check: bool,
    /// Print a JSON object for each line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
enum Where {
    /// After the password
    PasswordEnd,
    /// Before the password
    PasswordStart,
    /// After the salt, as Spring Security has it
    SaltEnd,
}

/// A user of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    username: String,
    sub: Option<UserId>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    name: Option<String>,
    #[serde(default)]
    claims: Map<String, Value>,
    hash: Option<Value>,
    password: Option<Secret>,
    #[serde(default)]
    disabled: bool,
}

/// What became of a line.
#[derive(Serialize)]
struct Told {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// In which form the hash is.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What goes for all of them.
struct Import {
    administration: Administration,
    /// Before a hash, to look at it here.
    envelope: Option<Secret>,
    /// Before a hash, where it is stored.
    mark: String,
    check: bool,
}

pub(super) fn run(args: &ImportArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let envelope = args.envelope()?;
    let text = envelope.as_ref().map(|envelope| envelope.read().map_err(anyhow::Error::msg)).transpose()?;
    let text = text.map(|envelope| Secret::from(envelope.to_text().to_string()));
    let mark = match envelope {
        Some(envelope) if !args.check => {
            match administration.perform(Operation::User(UserOperation::AddPasswordEnvelope(envelope)))? {
                Outcome::PasswordEnvelope(mark) => mark,
                _ => return unexpected(),
            }
        }
        _ => String::new(),
    };
    let mut import = Import { administration, envelope: text, mark, check: args.check };
    let mut input = opened(&args.file)?;
    let (mut number, mut refused) = (0, 0);
    while let Some(line) = next_line(&mut input)? {
        number += 1;
        if line.expose().trim().is_empty() {
            continue;
        }
        let told = import.line(number, line.expose());
        refused += u64::from(told.error.is_some());
        tell(&told, args)?;
    }
    if refused > 0 {
        bail!("{refused} of {number} lines were refused; the others were taken");
    }
    Ok(())
}

impl ImportArgs {
    fn envelope(&self) -> anyhow::Result<Option<EnvelopeToAdd>> {
        if let Some(file) = &self.firebase {
            let json =
                fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
            return Ok(Some(EnvelopeToAdd::Firebase(json.into())));
        }
        let Some(file) = &self.pepper_file else { return Ok(None) };
        let at = match self.pepper_at {
            Where::PasswordEnd => "password-end",
            Where::PasswordStart => "password-start",
            Where::SaltEnd => "salt-end",
        };
        Ok(Some(EnvelopeToAdd::Pepper { at: at.to_owned(), pepper: super::first_line(file)? }))
    }
}

fn opened(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(stdin().lock()));
    }
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Box::new(BufReader::new(opened)))
}

fn next_line(input: &mut dyn BufRead) -> anyhow::Result<Option<Secret>> {
    let mut line = String::new();
    let read = input.take(LONGEST_LINE).read_line(&mut line).context("a line could not be read")?;
    if u64::try_from(read) == Ok(LONGEST_LINE) {
        bail!("a line is longer than {LONGEST_LINE} bytes; those before it were taken");
    }
    Ok((read > 0).then(|| line.into()))
}

fn tell(told: &Told, args: &ImportArgs) -> anyhow::Result<()> {
    if args.json {
        return Ok(shown::line(serde_json::to_string(told)?)?);
    }
    let who = told.username.as_deref().unwrap_or("nobody");
    let hash = told.hash.as_ref().map(|hash| format!("; the hash is {hash}")).unwrap_or_default();
    let text = match (&told.error, args.check) {
        (Some(error), _) => format!("{}: {who} was refused: {error}", told.line),
        (None, true) => format!("{}: {who} can be read{hash}", told.line),
        (None, false) => format!("{}: {who} was added{hash}", told.line),
    };
    Ok(shown::line(text)?)
}

impl Import {
    fn line(&mut self, number: u64, text: &str) -> Told {
        let mut told = Told { line: number, username: None, sub: None, hash: None, error: None };
        match serde_json::from_str::<Line>(text) {
            Ok(line) => {
                told.username = Some(line.username.clone());
                match self.add(line, &mut told) {
                    Ok(()) => {}
                    Err(error) => told.error = Some(format!("{error:#}")),
                }
            }
            // Not the text, in which there may be a password.
            Err(error) => told.error = Some(format!("not a user as JSON: column {}", error.column())),
        }
        told
    }

    fn add(&mut self, line: Line, told: &mut Told) -> anyhow::Result<()> {
        let password = match (line.hash, line.password) {
            (Some(_), Some(_)) => bail!("it has both a hash and a password"),
            (Some(hash), None) => self.hash(&hash, told)?,
            (None, Some(password)) => PasswordToSet::Clear(password),
            (None, None) => PasswordToSet::None,
        };
        if self.check {
            return Ok(());
        }
        let user = UserToAdd {
            username: line.username.clone(),
            email: line.email,
            email_verified: line.email_verified,
            name: line.name,
            claims: line.claims,
            password,
            platform_owner: false,
            subject: line.sub,
        };
        let Outcome::User(user) = self.administration.perform(Operation::AddUser(user))? else {
            return unexpected();
        };
        told.sub = Some(user.sub);
        if line.disabled {
            let login = line.username;
            let disable = UserOperation::SetDisabled { login, disabled: true };
            self.administration.done(Operation::User(disable))?;
        }
        Ok(())
    }

    /// The hash as it is stored, once it is known to be read.
    fn hash(&self, hash: &Value, told: &mut Told) -> anyhow::Result<PasswordToSet> {
        let text = match hash {
            Value::String(text) => Ok(text.clone()),
            Value::Object(columns) => passwords::from_columns(columns),
            _ => Err(UnsupportedHash::UnknownFormat),
        };
        let text = Secret::from(text.context("hash")?);
        let before = self.envelope.as_ref().map_or("", Secret::expose);
        let whole = Secret::from(format!("{before}{}", text.expose()));
        match passwords::inspect(whole.expose()) {
            Ok(kind) => {
                told.hash = Some(kind.to_string());
                Ok(PasswordToSet::Hash(format!("{}{}", self.mark, text.expose()).into()))
            }
            Err(UnsupportedHash::NoPassword) => Ok(PasswordToSet::None),
            Err(error) => Err(error).context("hash"),
        }
    }
}
