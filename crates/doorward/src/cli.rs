//! The command line: which commands there are and what their `--help` teaches. What a command does stands in the file of its name.

use crate::commands::{
    api_key, assertion_issuer, audit, backup, bench, client, completions, config, grant, healthcheck, init,
    issuer, keys, login, member, organization, passwords, plan, resource_server, service, service_account,
    store, subscription, upgrade, user, worker,
};
use crate::settings::SettingFlags;
use crate::{demo, serve};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::path::PathBuf;

/// Doorward: OAuth 2.0 and OpenID Connect sign-in for your applications, in one program with its database inside.
#[derive(Parser)]
#[command(name = "doorward", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Try it:
  doorward demo

Run it, and in another shell add a client and a user:
  doorward serve
  doorward client add my-app --redirect-uri https://app.example.org/callback
  doorward user add alice --email alice@example.org

Every command has examples: doorward COMMAND --help

Exit codes: 0 done; 1 failed, and standard error says why; 2 the command line or the configuration is wrong.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the server
    #[command(after_help = serve::HELP)]
    Serve(Box<Serve>),
    /// Try everything out: a server with a fresh database, demo users, and an app that signs in
    #[command(after_help = demo::HELP)]
    Demo(Box<demo::DemoArgs>),
    /// Make an installation, without running it
    #[command(after_help = init::HELP)]
    Init(init::InitArgs),
    /// The people who sign in
    #[command(subcommand, after_help = user::HELP)]
    User(user::UserCommand),
    /// The applications they sign in to
    #[command(subcommand, after_help = client::HELP)]
    Client(client::ClientCommand),
    /// What people allowed them
    #[command(subcommand, after_help = grant::HELP)]
    Grant(grant::GrantCommand),
    /// Whose word is taken for a user: issuers of assertions (RFC 7523)
    #[command(subcommand, after_help = assertion_issuer::HELP)]
    AssertionIssuer(assertion_issuer::AssertionIssuerCommand),
    /// Who offers services
    #[command(subcommand, after_help = organization::HELP)]
    Organization(organization::OrganizationCommand),
    /// Who belongs to an organization
    #[command(subcommand, after_help = member::HELP)]
    Member(member::MemberCommand),
    /// The products of an organization
    #[command(subcommand, after_help = service::HELP)]
    Service(service::ServiceCommand),
    /// What a service offers at a price
    #[command(subcommand, after_help = plan::HELP)]
    Plan(plan::PlanCommand),
    /// Which plan of a service a user has
    #[command(subcommand, after_help = subscription::HELP)]
    Subscription(subscription::SubscriptionCommand),
    /// The APIs behind gateways, and what their requests need
    #[command(subcommand, after_help = resource_server::HELP)]
    ResourceServer(resource_server::ResourceServerCommand),
    /// Programs that call APIs in their own name
    #[command(subcommand, after_help = service_account::HELP)]
    ServiceAccount(service_account::ServiceAccountCommand),
    /// The keys with which service accounts call APIs
    #[command(subcommand, after_help = api_key::HELP)]
    ApiKey(api_key::ApiKeyCommand),
    /// The keys that sign tokens, and the master key that seals them
    #[command(subcommand, after_help = keys::HELP)]
    Keys(keys::KeysCommand),
    /// The URL this installation is known by, and changing it on purpose
    #[command(subcommand, after_help = issuer::HELP)]
    Issuer(issuer::IssuerCommand),
    /// What happened, and whether any of it was changed since
    #[command(subcommand, after_help = audit::HELP)]
    Audit(audit::AuditCommand),
    /// Copy the database, also while the server runs
    #[command(after_help = backup::BACKUP_HELP)]
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the database
    #[command(after_help = backup::RESTORE_HELP)]
    Restore(backup::RestoreArgs),
    /// Move the installation to another database, compare two, look at one
    #[command(subcommand, after_help = store::HELP)]
    Store(store::StoreCommand),
    /// Bring the database to this version's schema, or rehearse that on a clone
    #[command(after_help = upgrade::HELP)]
    Upgrade(upgrade::UpgradeArgs),
    /// What is configured, and where it was set
    #[command(
        subcommand,
        after_help = "Examples:\n  doorward config show\n  doorward config check --config /etc/doorward/doorward.toml"
    )]
    Config(config::ConfigCommand),
    /// Ask a running server whether it is ready: for containers and load balancers
    #[command(after_help = healthcheck::HELP)]
    Healthcheck(Box<healthcheck::HealthcheckArgs>),
    /// What hashing a password costs
    #[command(subcommand, after_help = "Example: doorward passwords calibrate --target 150ms")]
    Passwords(passwords::PasswordsCommand),
    /// Check passwords for servers on other machines
    #[command(after_help = worker::HELP)]
    Worker(Box<worker::WorkerArgs>),
    /// Measure what this machine carries: people, devices, machines, a database
    #[command(
        subcommand,
        after_help = "Examples:\n  doorward bench sign-in --users 100 --duration 20\n  doorward bench store"
    )]
    Bench(bench::BenchCommand),
    /// Sign in as a device does, with a code that you enter in a browser anywhere
    #[command(after_help = login::HELP)]
    Login(login::LoginArgs),
    /// Print completions for your shell
    #[command(after_help = completions::HELP)]
    Completions(completions::CompletionsArgs),
}

/// Reads the command line; ends the process when it is wrong.
pub(crate) fn parse() -> Cli {
    let mut command = Cli::command().term_width(width());
    let matches = command.get_matches_mut();
    if let Some(why) = sets_nothing(&command, &matches) {
        clap::Error::raw(ErrorKind::MissingRequiredArgument, why).with_cmd(&command).exit()
    }
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
}

/// How wide help is: as the terminal, but examples are never broken, so that they can be pasted from any.
fn width() -> usize {
    let columns = crate::environment::variable("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok());
    let of_terminal =
        || rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok().map(|size| size.ws_col.into());
    let width = of_terminal().filter(|width| *width > 0).or(columns).unwrap_or(100);
    width.clamp(NARROWEST, WIDEST)
}

/// No line of an example is longer.
const NARROWEST: usize = 80;
const WIDEST: usize = 120;

/// Why a command that changes something changes nothing: what is not named stays, and nothing was named.
fn sets_nothing(command: &clap::Command, matches: &ArgMatches) -> Option<String> {
    let (mut command, mut matches) = (command, matches);
    let mut name = command.get_name().to_owned();
    while let Some((next, below)) = matches.subcommand() {
        (command, matches) = (command.find_subcommand(next)?, below);
        name = format!("{name} {next}");
    }
    // Beyond the first, what stands without a flag says what is set.
    if command.get_name() != "set" || command.get_positionals().count() > 1 {
        return None;
    }
    let place = Place::augment_args(clap::Command::new("place"));
    let says = |arg: &clap::Arg| place.get_arguments().all(|other| other.get_id() != arg.get_id());
    // In the order of their definition; switches are no "opts" to clap.
    let changes: Vec<_> = command.get_arguments().filter(|arg| !arg.is_positional() && says(arg)).collect();
    let given =
        |arg: &&clap::Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    if changes.iter().any(given) {
        return None;
    }
    let named: Vec<_> =
        changes.iter().filter_map(|arg| arg.get_long().filter(|long| *long != "help")).collect();
    let more = if named.len() > 3 { ", .." } else { "" };
    let flags = named.iter().take(3).map(|flag| format!("--{flag}")).collect::<Vec<_>>().join(", ");
    Some(format!("nothing to change: give {flags}{more} (`{name} --help` says what there is)\n"))
}

/// Run the server.
#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) flags: SettingFlags,
}

/// Which installation a command is about.
#[derive(Args, Clone)]
pub(crate) struct Place {
    /// The settings file [else DOORWARD_CONFIG, ./doorward.toml or /etc/doorward/doorward.toml]
    #[arg(long, value_name = "PATH", help_heading = "Which installation")]
    config: Option<PathBuf>,
    /// The data directory [default: what the settings say, else ./doorward-data]
    #[arg(long, value_name = "DIRECTORY", help_heading = "Which installation")]
    data: Option<String>,
    /// The database, if it is elsewhere: sqlite:PATH, postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE
    #[arg(long, value_name = "URL", help_heading = "Which installation")]
    database: Option<String>,
}

impl Place {
    /// As settings flags, so that it is read as everything else is.
    pub(crate) fn flags(&self) -> SettingFlags {
        let given = [("data", &self.data), ("database", &self.database)];
        SettingFlags {
            config: self.config.clone(),
            given: given.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
