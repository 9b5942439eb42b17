//! `doorward audit`: what happened, as lines of JSON, and whether any of it was changed since.

use super::administer::{Administration, unexpected};
use super::shown;
use crate::cli::Place;
use crate::operator::{AuditOperation, Operation, Outcome};
use anyhow::{Context as _, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use protocol::{AUDIT_EVENTS, ClientId, Timestamp, UserId};
use provider::{AuditChain, AuditVerdict};
use serde::Deserialize;
use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;
use storage::archive::{moment, parse_moment};
use storage::audit::AuditBlock;

pub(crate) const HELP: &str = "\
Examples:
  doorward audit export --from 2026-11-01T00:00:00Z | jq .
  doorward audit export --event SignInFailed --user alice
  doorward audit head >> /mnt/elsewhere/doorward-heads
  doorward audit verify --head /mnt/elsewhere/doorward-heads

Events go into a chain of signed blocks a second or two after they happened. What is changed there afterwards is found; that the newest \
blocks were cut off is found with a head that was kept elsewhere. Every event: docs/reference/audit-events.md";

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Print events as lines of JSON, oldest first
    #[command(after_help = EXPORT_HELP)]
    Export(ExportArgs),
    /// Check that no event was altered, added, removed or moved; exits with 1 and names the first that was
    #[command(after_help = "\
Examples:
  doorward audit verify
  doorward audit verify --head /mnt/elsewhere/doorward-heads")]
    Verify(VerifyArgs),
    /// Print the newest signed head, to be kept elsewhere
    #[command(after_help = "\
Examples:
  doorward audit head >> /mnt/elsewhere/doorward-heads
  doorward audit head --key > audit-key.jwk")]
    Head(HeadArgs),
}

const EXPORT_HELP: &str = "\
Examples:
  doorward audit export > events.jsonl
  doorward audit export --from 2026-11-01T00:00:00Z --to 2026-11-30T23:59:59Z \\
    --client notes
  doorward audit export --event RefreshTokenReused --event SignInFailed \\
    | jq -r .time";

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// Only what happened then or later, as in RFC 3339
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    from: Option<Timestamp>,
    /// Only what happened until then
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    to: Option<Timestamp>,
    /// Only events of this name; may be given several times
    #[arg(long, value_name = "NAME", value_parser = event_names(), hide_possible_values = true)]
    event: Vec<String>,
    /// Only what concerns this user: an id, a username or an e-mail address
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only what concerns this client
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    place: Place,
}

fn event_names() -> impl clap::builder::TypedValueParser<Value = String> {
    PossibleValuesParser::new(AUDIT_EVENTS.iter().map(|kind| kind.name)).map(|name| name)
}

#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// A file with heads that were kept elsewhere, one a line: each must be in the chain
    #[arg(long, value_name = "PATH")]
    head: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct HeadArgs {
    /// Print the public key that heads are signed with instead, as a JWK
    #[arg(long)]
    key: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: AuditCommand) -> anyhow::Result<()> {
    match command {
        AuditCommand::Export(args) => export(&args),
        AuditCommand::Verify(args) => verify(&args),
        AuditCommand::Head(args) => head(&args),
    }
}

/// What an event is chosen by.
struct Wanted {
    from: Option<String>,
    to: Option<String>,
    events: Vec<String>,
    user: Option<String>,
    client: Option<String>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    user: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client: Option<Cow<'a, str>>,
}

impl Wanted {
    fn holds(&self, line: &str) -> bool {
        // What cannot be read was tampered with: whoever exports shall see it.
        let Ok(event) = serde_json::from_str::<Event<'_>>(line) else { return true };
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| found == Some(wanted))
        };
        // Times are written in one way, in which their order is that of letters.
        self.from.as_ref().is_none_or(|from| from.as_str() <= event.time.as_ref())
            && self.to.as_ref().is_none_or(|to| event.time.as_ref() <= to.as_str())
            && (self.events.is_empty() || self.events.iter().any(|name| name.as_str() == event.event))
            && is(&self.user, event.user.as_deref())
            && is(&self.client, event.client.as_deref())
    }
}

fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let wanted = Wanted {
        // Given to the second, the beginning of it is meant.
        from: args.from.map(|from| moment(Timestamp::from_millis(from.millis() / 1_000 * 1_000))),
        to: args.to.map(moment),
        events: args.event.clone(),
        user: args.user.as_deref().map(|user| user_id(&mut administration, user)).transpose()?,
        client: args.client.as_ref().map(ToString::to_string),
    };
    each_block(&mut administration, |block| {
        let lines: Vec<&str> = block.events.lines().filter(|line| wanted.holds(line)).collect();
        if !lines.is_empty() {
            shown::line(lines.join("\n"))?;
        }
        Ok(())
    })
}

/// Of somebody who may be gone: an id is taken as it is.
fn user_id(administration: &mut Administration, user: &str) -> anyhow::Result<String> {
    if user.parse::<UserId>().is_ok() {
        return Ok(user.to_owned());
    }
    match administration.perform(Operation::FindUser { login: user.to_owned() })? {
        Outcome::User(view) => Ok(view.sub),
        _ => unexpected(),
    }
}

/// Every block, page by page, after what was written until now has gone into one.
fn each_block(
    administration: &mut Administration,
    mut each: impl FnMut(&AuditBlock) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    administration.done(Operation::Audit(AuditOperation::Seal))?;
    let mut after = 0;
    loop {
        let page = administration.perform(Operation::Audit(AuditOperation::Blocks { after }))?;
        let Outcome::AuditBlocks(blocks) = page else { return unexpected() };
        if blocks.is_empty() {
            return Ok(());
        }
        for block in blocks {
            let block = AuditBlock::from(block);
            each(&block)?;
            after = block.number;
        }
    }
}

fn verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let key = key(&mut administration)?;
    let mut chain = AuditChain::of(serde_json::from_value(key)?);
    if let Some(path) = &args.head {
        let told = || path.display().to_string();
        let kept = fs::read_to_string(path).with_context(told)?;
        let heads: Vec<&str> = kept.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if heads.is_empty() {
            bail!("{} holds no head", path.display());
        }
        heads.into_iter().try_for_each(|head| chain.must_hold(head)).with_context(told)?;
    }
    each_block(&mut administration, |block| Ok(chain.next(block)?))?;
    tell(&chain.end()?, args.head.is_some())
}

fn tell(verdict: &AuditVerdict, kept: bool) -> anyhow::Result<()> {
    let Some(sealed_at) = verdict.sealed_at else { return Ok(shown::line("There is no event yet.")?) };
    shown::line(format!(
        "Blocks {} to {} are as they were sealed, {} events in all. The newest was sealed at {}.",
        verdict.first,
        verdict.last,
        verdict.events,
        moment(sealed_at)
    ))?;
    if verdict.first > 1 {
        shown::line("The blocks before were forgotten by audit.keep, as a signed record says.")?;
    }
    if !kept {
        return Ok(shown::line(
            "Whether newer ones were cut off, only a head kept elsewhere can show: doorward audit head, and verify --head",
        )?);
    }
    let (found, forgotten) = (verdict.kept_found, verdict.kept_forgotten);
    Ok(shown::line(format!("Heads that were kept: {found} in the chain, {forgotten} forgotten since."))?)
}

fn head(args: &HeadArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    if args.key {
        return shown::json(&key(&mut administration)?);
    }
    administration.done(Operation::Audit(AuditOperation::Seal))?;
    match administration.perform(Operation::Audit(AuditOperation::Head))? {
        Outcome::AuditHead(Some(head)) => Ok(shown::line(head)?),
        Outcome::AuditHead(None) => bail!("there is no event yet, and so no head"),
        _ => unexpected(),
    }
}

fn key(administration: &mut Administration) -> anyhow::Result<serde_json::Value> {
    match administration.perform(Operation::Audit(AuditOperation::Key))? {
        Outcome::AuditKey(key) => Ok(key),
        _ => unexpected(),
    }
}
