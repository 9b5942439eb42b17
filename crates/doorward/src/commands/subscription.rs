//! `doorward subscription`: which plan of a service a user has.

use super::administer::{Administration, unexpected};
use super::shown;
use super::user::confirmed;
use crate::cli::Place;
use crate::operator::{Operation, Outcome, SubscriptionOperation as Op, SubscriptionView};
use anyhow::bail;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use protocol::{PlanPath, ServicePath, SubscriptionStatus, Timestamp};
use storage::archive::parse_moment;

pub(crate) const HELP: &str = "\
Examples:
  doorward subscription set alice acme/notes/pro \\
    --current-period-end 2027-01-01T00:00:00Z
  doorward subscription show alice acme/notes
  doorward subscription list acme/notes

A user has at most one plan of a service. The next check of their tokens knows of a change, on every node within a second; a JWT itself \
says what was so when it was issued.";

#[derive(Subcommand)]
pub(crate) enum SubscriptionCommand {
    /// Give a user a plan of a service, in the place of the one they had
    #[command(after_help = SET_HELP)]
    Set(SetArgs),
    /// Show a user's subscription to a service
    #[command(after_help = "Example: doorward subscription show alice acme/notes --json")]
    Show(ShowArgs),
    /// List the subscriptions to a service, or of a user
    #[command(after_help = "\
Examples:
  doorward subscription list acme/notes
  doorward subscription list --user alice --json")]
    List(ListArgs),
    /// End a subscription at once
    #[command(after_help = "Example: doorward subscription remove alice acme/notes --yes")]
    Remove(RemoveArgs),
}

const SET_HELP: &str = "\
Examples:
  doorward subscription set alice acme/notes/pro
  doorward subscription set alice acme/notes/pro --status canceled \\
    --current-period-end 2027-01-01T00:00:00Z

A canceled subscription counts until the current period ends; a late payment (past_due) takes nothing away.";

#[derive(Args)]
pub(crate) struct SetArgs {
    /// Username or e-mail address
    user: String,
    /// ORGANIZATION/SERVICE/PLAN
    plan: PlanPath,
    /// How it stands
    #[arg(long, default_value = "active", value_parser = status())]
    status: SubscriptionStatus,
    /// Until when it is paid for, as in RFC 3339
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    current_period_end: Option<Timestamp>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct ShowArgs {
    /// Username or e-mail address
    user: String,
    /// ORGANIZATION/SERVICE
    service: ServicePath,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// ORGANIZATION/SERVICE
    #[arg(required_unless_present = "user", conflicts_with = "user")]
    service: Option<ServicePath>,
    /// Of this user instead: username or e-mail address
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// Username or e-mail address
    user: String,
    /// ORGANIZATION/SERVICE
    service: ServicePath,
    /// Do not ask whether you are sure
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: SubscriptionCommand) -> anyhow::Result<()> {
    match command {
        SubscriptionCommand::Set(args) => {
            let done = format!("{} has {} ({}).", args.user, args.plan, args.status.as_str());
            let (status, current_period_end) = (args.status, args.current_period_end);
            let set = Op::Set { login: args.user, plan: args.plan, status, current_period_end };
            Administration::of(&args.place)?.done(Operation::Subscription(set))?;
            Ok(shown::line(done)?)
        }
        SubscriptionCommand::Show(args) => show(args),
        SubscriptionCommand::List(args) => list(&args),
        SubscriptionCommand::Remove(args) => remove(args),
    }
}

fn show(args: ShowArgs) -> anyhow::Result<()> {
    let found = find(&mut Administration::of(&args.place)?, args.user, args.service)?;
    if args.json {
        return shown::json(&found);
    }
    let mut fields = vec![
        ("user", found.username),
        ("service", found.service.to_string()),
        ("plan", found.plan.to_string()),
        ("status", found.status.as_str().to_owned()),
        ("current period ends", found.current_period_end.unwrap_or_default()),
        ("since", found.created_at),
    ];
    fields.retain(|(_, value)| !value.is_empty());
    Ok(shown::fields(&fields)?)
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let page = |last: Option<&SubscriptionView>, limit| {
        Operation::Subscription(match (&args.service, &args.user) {
            (Some(service), _) => {
                Op::ListTo { service: service.clone(), after: last.map(|last| last.sub), limit }
            }
            (None, user) => Op::ListOf {
                login: user.clone().unwrap_or_default(),
                after: last.map(|last| last.service_id),
                limit,
            },
        })
    };
    let found = Administration::of(&args.place)?
        .all(page, |outcome| if let Outcome::Subscriptions(found) = outcome { Some(found) } else { None })?;
    if args.json {
        return shown::json(&found);
    }
    let row = |found: &SubscriptionView| {
        [
            found.username.clone(),
            found.service.to_string(),
            found.plan.to_string(),
            found.status.as_str().to_owned(),
            found.current_period_end.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    Ok(shown::table(["USER", "SERVICE", "PLAN", "STATUS", "PERIOD ENDS"], &rows)?)
}

fn remove(args: RemoveArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let found = find(&mut administration, args.user, args.service)?;
    let (login, service) = (found.username, found.service);
    if !args.yes && !confirmed(&format!("End {login}'s subscription to {service} ({})?", found.plan))? {
        bail!("nothing was removed");
    }
    let done = format!("{login}'s subscription to {service} is over.");
    administration.done(Operation::Subscription(Op::Remove { login, service }))?;
    Ok(shown::line(done)?)
}

fn find(
    administration: &mut Administration,
    login: String,
    service: ServicePath,
) -> anyhow::Result<SubscriptionView> {
    match administration.perform(Operation::Subscription(Op::Find { login, service }))? {
        Outcome::Subscription(found) => Ok(found),
        _ => unexpected(),
    }
}

fn status() -> impl TypedValueParser<Value = SubscriptionStatus> {
    PossibleValuesParser::new(SubscriptionStatus::ALL.iter().map(|status| status.as_str()))
        .try_map(|text| SubscriptionStatus::parse(&text).ok_or("unknown status"))
}
