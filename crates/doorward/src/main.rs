//! THE BINARY: command line, configuration, wiring, telemetry, shutdown. Decides nothing: what a server decides is `provider`'s, what it
//! says `web`'s.

mod app;
mod backups;
mod cli;
mod clock;
mod commands;
mod debug;
mod demo;
mod dumps;
mod environment;
mod fetch;
mod https;
mod master_key;
mod observed;
mod operator;
mod outgoing;
mod presets;
mod process;
mod protobuf;
mod serve;
mod settings;
mod setup_link;
mod telemetry;
mod verifiers;

use cli::Command;
use settings::SettingsError;
use std::io::Write as _;
use std::process::ExitCode;

// Measured against the system's: fewer page faults under many small allocations on many threads.
#[cfg(not(feature = "profiling"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// The one that keeps a profile of what it gave to whom. How it is set: .cargo/config.toml.
#[cfg(feature = "profiling")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The command line or the configuration is wrong; trying again changes nothing. A service manager need not restart after it.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    // On Tab the shell runs this program to be told what could stand there.
    commands::completions::answer_shell();
    let cli = cli::parse();
    if let Err(error) = dumps::prevent() {
        // Standard error may be closed; then nobody reads it.
        let _ = writeln!(std::io::stderr(), "warning: core dumps cannot be prevented here: {error}");
    }
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            let wrong_settings = error.downcast_ref::<SettingsError>().is_some();
            // Standard error may be closed; then nobody reads it.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            if wrong_settings { ExitCode::from(EXIT_USAGE) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(serve) => serve::run(&serve.flags)?,
        Command::Demo(args) => demo::run(*args)?,
        Command::Init(args) => commands::init::run(&args)?,
        Command::User(command) => commands::user::run(command)?,
        Command::Client(command) => commands::client::run(command)?,
        Command::AssertionIssuer(command) => commands::assertion_issuer::run(command)?,
        Command::Organization(command) => commands::organization::run(command)?,
        Command::Member(command) => commands::member::run(command)?,
        Command::Service(command) => commands::service::run(command)?,
        Command::Plan(command) => commands::plan::run(command)?,
        Command::Grant(command) => commands::grant::run(command)?,
        Command::Subscription(command) => commands::subscription::run(command)?,
        Command::ResourceServer(command) => return commands::resource_server::run(command),
        Command::ServiceAccount(command) => commands::service_account::run(command)?,
        Command::ApiKey(command) => commands::api_key::run(command)?,
        Command::Keys(command) => commands::keys::run(command)?,
        Command::Issuer(command) => commands::issuer::run(command)?,
        Command::Audit(command) => commands::audit::run(command)?,
        Command::Backup(args) => commands::backup::backup(&args)?,
        Command::Restore(args) => commands::backup::restore(&args)?,
        Command::Store(command) => return commands::store::run(command),
        Command::Upgrade(args) => return commands::upgrade::run(&args),
        Command::Config(command) => commands::config::run(&command)?,
        Command::Healthcheck(args) => return commands::healthcheck::run(&args),
        Command::Passwords(command) => commands::passwords::run(command)?,
        Command::Worker(args) => return commands::worker::run(*args),
        Command::Bench(command) => commands::bench::run(command)?,
        Command::Login(args) => commands::login::run(&args)?,
        Command::Completions(args) => commands::completions::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
