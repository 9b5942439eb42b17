//! `doorward plan`: what a service offers at a price, and what each plan opens.

use super::administer::{Administration, unexpected};
use super::shown;
use super::user::confirmed;
use crate::cli::Place;
use crate::operator::{Operation, Outcome, PlanView, ServiceOperation as Op};
use anyhow::bail;
use clap::{Args, Subcommand};
use protocol::{Features, PlanPath, ServicePath};

pub(crate) const HELP: &str = "\
Examples:
  doorward plan add acme/notes/free --feature read
  doorward plan add acme/notes/pro --name Professional --feature read \\
    --feature export
  doorward plan set acme/notes/pro \\
    --features-json '{\"seats\": 5, \"export\": true}'

A plan called free is what users without a subscription have.";

#[derive(Subcommand)]
pub(crate) enum PlanCommand {
    /// Add a plan to a service
    #[command(after_help = "Example: doorward plan add acme/notes/pro --name Professional --feature export")]
    Add(ChangeArgs),
    /// List a service's plans
    #[command(after_help = "Example: doorward plan list acme/notes")]
    List(ListArgs),
    /// Show a plan
    #[command(after_help = "Example: doorward plan show acme/notes/pro --json")]
    Show(ShowArgs),
    /// Change a plan for everybody who has it; what is not named stays
    #[command(after_help = "Example: doorward plan set acme/notes/pro --feature export --feature share")]
    Set(ChangeArgs),
    /// Forget a plan to which nobody has subscribed
    #[command(after_help = "Example: doorward plan remove acme/notes/pro --yes")]
    Remove(RemoveArgs),
}

#[derive(Args)]
pub(crate) struct ChangeArgs {
    /// ORGANIZATION/SERVICE/PLAN
    plan: PlanPath,
    /// What people call it [default: its slug]
    #[arg(long)]
    name: Option<String>,
    /// Something it opens; repeatable, and replaced as a whole
    #[arg(long = "feature", value_name = "NAME", conflicts_with = "features_json")]
    features: Vec<String>,
    /// What it opens, as a JSON list of names or an object
    #[arg(long, value_name = "JSON")]
    features_json: Option<Features>,
    #[command(flatten)]
    place: Place,
}

impl ChangeArgs {
    fn features(&self) -> anyhow::Result<Option<Features>> {
        if self.features.is_empty() {
            return Ok(self.features_json.clone());
        }
        Ok(Some(Features::named(self.features.clone())?))
    }
}

#[derive(Args)]
pub(crate) struct ListArgs {
    /// ORGANIZATION/SERVICE
    service: ServicePath,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct ShowArgs {
    /// ORGANIZATION/SERVICE/PLAN
    plan: PlanPath,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// ORGANIZATION/SERVICE/PLAN
    plan: PlanPath,
    /// Do not ask whether you are sure
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: PlanCommand) -> anyhow::Result<()> {
    match command {
        PlanCommand::Add(args) => {
            let features = args.features()?.unwrap_or_default();
            let name = args.name.unwrap_or_else(|| args.plan.plan.to_string());
            let mut administration = Administration::of(&args.place)?;
            let added = one(&mut administration, Op::AddPlan { path: args.plan, name, features })?;
            Ok(shown::line(format!("{} was added.", added.plan))?)
        }
        PlanCommand::List(args) => list(&args),
        PlanCommand::Show(args) => {
            let found = one(&mut Administration::of(&args.place)?, Op::FindPlan { path: args.plan })?;
            if args.json {
                return shown::json(&found);
            }
            Ok(shown::fields(&[
                ("plan", found.plan.to_string()),
                ("name", found.name),
                ("features", found.features.as_json().to_string()),
                ("created", found.created_at),
                ("updated", found.updated_at),
            ])?)
        }
        PlanCommand::Set(args) => {
            let features = args.features()?;
            let mut administration = Administration::of(&args.place)?;
            let change = Op::ChangePlan { path: args.plan, name: args.name, features };
            let changed = one(&mut administration, change)?;
            Ok(shown::line(format!("{} was changed.", changed.plan))?)
        }
        PlanCommand::Remove(args) => remove(args),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let found = Administration::of(&args.place)?.all(
        |last: Option<&PlanView>, limit| {
            let after = last.map(|last| last.plan.plan.clone());
            Operation::Service(Op::ListPlans { service: args.service.clone(), after, limit })
        },
        |outcome| if let Outcome::Plans(found) = outcome { Some(found) } else { None },
    )?;
    if args.json {
        return shown::json(&found);
    }
    let row =
        |found: &PlanView| [found.plan.to_string(), found.name.clone(), found.features.as_json().to_string()];
    Ok(shown::table(["PLAN", "NAME", "FEATURES"], &found.iter().map(row).collect::<Vec<_>>())?)
}

fn remove(args: RemoveArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let found = one(&mut administration, Op::FindPlan { path: args.plan })?;
    if !args.yes && !confirmed(&format!("Forget plan {} ({})?", found.name, found.plan))? {
        bail!("nothing was removed");
    }
    administration.done(Operation::Service(Op::RemovePlan { path: found.plan.clone() }))?;
    Ok(shown::line(format!("{} was removed.", found.plan))?)
}

fn one(administration: &mut Administration, operation: Op) -> anyhow::Result<PlanView> {
    match administration.perform(Operation::Service(operation))? {
        Outcome::Plan(found) => Ok(found),
        _ => unexpected(),
    }
}
