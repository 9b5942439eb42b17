//! `doorward grant`: what people allowed clients, and its end.

use super::administer::{Administration, unexpected};
use super::shown;
use super::user::confirmed;
use crate::cli::Place;
use crate::operator::{GrantOperation, GrantView, Operation, Outcome};
use anyhow::bail;
use clap::{Args, Subcommand};
use protocol::{ClientId, GrantId};

/// How many are looked at at once.
const PAGE: u32 = 500;

pub(crate) const HELP: &str = "\
Examples:
  doorward grant list --user alice
  doorward grant end 0199f2f4-7c3a-7000-8000-5d8f1c2b3a49
  doorward grant end --client my-app --yes

A grant is what a person allowed a client once; refresh tokens and access tokens stand on it. When it ends they are refused, on every \
node within a second. What checks JWT access tokens by itself goes on taking them until they expire.";

#[derive(Subcommand)]
pub(crate) enum GrantCommand {
    /// List grants that stand, oldest first
    #[command(after_help = "\
Examples:
  doorward grant list --user alice
  doorward grant list --client my-app --json")]
    List(ListArgs),
    /// End a grant, or all of a user or of a client
    #[command(after_help = "\
Examples:
  doorward grant end 0199f2f4-7c3a-7000-8000-5d8f1c2b3a49
  doorward grant end --user alice
  doorward grant end --client my-app --yes

Of a user, sessions end too: they would make grants anew. Of a client, every token issued to it ends, also one that speaks for itself.")]
    End(EndArgs),
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// Of this user: username or e-mail address
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// To this client
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<ClientId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct EndArgs {
    #[command(flatten)]
    which: Which,
    /// Do not ask whether you are sure
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// This grant
    grant: Option<GrantId>,
    /// All of this user: username or e-mail address
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// All to this client
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<ClientId>,
}

pub(crate) fn run(command: GrantCommand) -> anyhow::Result<()> {
    match command {
        GrantCommand::List(args) => list(args),
        GrantCommand::End(args) => end(args),
    }
}

fn list(args: ListArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let mut grants: Vec<GrantView> = Vec::new();
    let mut after = None;
    loop {
        let (user, client) = (args.user.clone(), args.client.clone());
        let page = GrantOperation::List { user, client, after, limit: PAGE };
        let Outcome::Grants { grants: found, next } = administration.perform(Operation::Grant(page))? else {
            return unexpected();
        };
        grants.extend(found);
        match next {
            Some(_) => after = next,
            None => break,
        }
    }
    if args.json {
        return shown::json(&grants);
    }
    let rows: Vec<_> = grants.into_iter().map(row).collect();
    Ok(shown::table(["GRANT", "USER", "CLIENT ID", "SCOPE", "MADE", "ENDS"], &rows)?)
}

fn row(grant: GrantView) -> [String; 6] {
    let ends = if grant.offline { grant.expires_at } else { "with its session".to_owned() };
    let client = grant.client_id.to_string();
    [grant.id.to_string(), grant.username, client, grant.scope.to_string(), grant.created_at, ends]
}

fn end(args: EndArgs) -> anyhow::Result<()> {
    let (end, question, done) = match (args.which.grant, args.which.user, args.which.client) {
        (Some(id), ..) => (GrantOperation::End { id }, None, format!("Grant {id} is over.")),
        (_, Some(login), _) => {
            let question = format!("End every session and grant of user {login}?");
            let done = format!("Every session and grant of {login} is over.");
            (GrantOperation::EndOfUser { login }, Some(question), done)
        }
        (_, _, Some(client)) => {
            let question = format!("End every grant made for client {client}, and every token issued to it?");
            let done = format!("Every grant made for {client} and every token issued to it is over.");
            (GrantOperation::EndOfClient { client }, Some(question), done)
        }
        // clap has refused it.
        (None, None, None) => bail!("say which grant"),
    };
    if let Some(question) = question.filter(|_| !args.yes)
        && !confirmed(&question)?
    {
        bail!("nothing was ended");
    }
    Administration::of(&args.place)?.done(Operation::Grant(end))?;
    Ok(shown::line(done)?)
}
