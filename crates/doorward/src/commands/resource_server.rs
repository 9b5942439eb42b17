//! `doorward resource-server`: the APIs behind gateways, and which of their requests need which scopes.

use super::administer::{Administration, unexpected};
use super::client_options::{given, switch};
use super::shown;
use super::token_options::access_token_type;
use super::user::confirmed;
use crate::cli::Place;
use crate::operator::{MachineOperation, Operation, Outcome};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use protocol::access_rule::host_name;
use protocol::{
    AccessRule, AccessTokenType, ClientId, Needs, NotAdmitted, RequestPath, ResourceIndicator,
    ResourceServer, Scope, Version,
};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) const HELP: &str = "\
Examples:
  doorward resource-server add https://api.example.org \\
    --rule 'GET /orders/{id} = orders:read' --rule '/health = public'
  doorward resource-server set https://api.example.org --rules api-rules.toml
  doorward resource-server check GET https://api.example.org/orders/5

A gateway asks /oauth2/validate before it lets a request through: docs/guide/gateways.md.";

const RULES_HELP: &str = "\
A rule says what a request needs:  [METHOD,..] /template = scopes

  GET,PUT /orders/{id} = orders:read      {id} stands for one segment
  * /admin/** = orders:admin              any method; ** stands for the rest, be it nothing
  /me = authenticated                     any good token for this resource server
  /health = public                        anybody, without a token
  //internal.example.org/metrics = ops    requests to this host only

The most specific template decides, whatever the rules' order; what no rule lets through is refused. HEAD is decided as GET.
In a file (--rules): TOML or JSON with a list of such lines named rules.";

#[derive(Subcommand)]
pub(crate) enum ResourceServerCommand {
    /// Register a resource server
    #[command(after_help = format!("Example: doorward resource-server add https://api.example.org \\\n    --rule 'GET /orders = orders:read'\n\n{RULES_HELP}"))]
    Add(Box<AddArgs>),
    /// List resource servers
    #[command(after_help = "Example: doorward resource-server list")]
    List(ListArgs),
    /// Show a resource server with its rules
    #[command(after_help = "Example: doorward resource-server show https://api.example.org --json")]
    Show(ShowArgs),
    /// Change a resource server; what is not named stays, lists are replaced as a whole
    #[command(after_help = format!("Example: doorward resource-server set https://api.example.org \\\n    --rules api-rules.toml\n\n{RULES_HELP}"))]
    Set(Box<SetArgs>),
    /// Forget a resource server: every request to it is refused from now on
    #[command(after_help = "Example: doorward resource-server remove https://api.example.org --yes")]
    Remove(RemoveArgs),
    /// Say what a request would need; fails when no rule lets it through
    #[command(after_help = "Examples:
  doorward resource-server check GET https://api.example.org/orders/5
  doorward resource-server check DELETE /orders/5 \\
    --resource https://api.example.org")]
    Check(CheckArgs),
}

#[derive(Args)]
pub(crate) struct Options {
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// A rule; repeatable
    #[arg(long = "rule", value_name = "RULE")]
    rule: Vec<AccessRule>,
    /// A file with rules, TOML or JSON
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Scopes it defines besides those its rules name, separated by spaces
    #[arg(long)]
    scope: Option<Scope>,
    /// A host it answers under besides the identifier's; repeatable
    #[arg(long = "host")]
    hosts: Vec<String>,
    /// A client that introspects for it; repeatable
    #[arg(long = "introspected-by", value_name = "CLIENT_ID")]
    introspected_by: Vec<ClientId>,
    /// Nobody introspects for it
    #[arg(long, conflicts_with = "introspected_by")]
    no_introspected_by: bool,
    /// The typ of JWT access tokens that are for it; JWT is for software older than RFC 9068
    #[arg(long, value_name = "TYPE", value_parser = access_token_type())]
    access_token_type: Option<AccessTokenType>,
    /// JWT access tokens that are for it carry the claims of their scopes
    #[arg(long, overrides_with = "no_access_token_claims")]
    access_token_claims: bool,
    /// JWT access tokens that are for it say of their user who it is, and no more
    #[arg(long, overrides_with = "access_token_claims")]
    no_access_token_claims: bool,
}

#[derive(Args)]
pub(crate) struct AddArgs {
    /// Its identifier, an absolute URI: the aud of its tokens
    #[arg(value_parser = ResourceIndicator::parse)]
    identifier: ResourceIndicator,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct SetArgs {
    /// Its identifier
    #[arg(value_parser = ResourceIndicator::parse)]
    identifier: ResourceIndicator,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    place: Place,
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
    /// Its identifier
    #[arg(value_parser = ResourceIndicator::parse)]
    identifier: ResourceIndicator,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// Its identifier
    #[arg(value_parser = ResourceIndicator::parse)]
    identifier: ResourceIndicator,
    /// Do not ask whether you are sure
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// The request's method
    method: String,
    /// Its URL, or its path with --resource
    url: String,
    /// The resource server, where the URL's host does not say it
    #[arg(long, value_name = "IDENTIFIER", value_parser = ResourceIndicator::parse)]
    resource: Option<ResourceIndicator>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: ResourceServerCommand) -> anyhow::Result<ExitCode> {
    match command {
        ResourceServerCommand::Add(args) => {
            let name = args.identifier.as_str().to_owned();
            let server = args.options.apply(ResourceServer::new(args.identifier, name))?;
            let added =
                format!("{} was added, with {} rules.", server.identifier.as_str(), server.rules.len());
            Administration::of(&args.place)?
                .done(Operation::Machine(MachineOperation::AddResourceServer(server)))?;
            shown::line(added)?;
        }
        ResourceServerCommand::List(args) => list(&args)?,
        ResourceServerCommand::Show(args) => show(&args)?,
        ResourceServerCommand::Set(args) => {
            let mut administration = Administration::of(&args.place)?;
            let (server, version) = find(&mut administration, &args.identifier)?;
            let server = args.options.apply(server)?;
            administration
                .done(Operation::Machine(MachineOperation::ReplaceResourceServer { server, version }))?;
            shown::line(format!("{} was changed.", args.identifier.as_str()))?;
        }
        ResourceServerCommand::Remove(args) => remove(args)?,
        ResourceServerCommand::Check(args) => return check(&args),
    }
    Ok(ExitCode::SUCCESS)
}

/// A file of rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    rules: Vec<AccessRule>,
}

impl Options {
    /// The resource server with what was given changed.
    fn apply(self, mut server: ResourceServer) -> anyhow::Result<ResourceServer> {
        let from_file = self.rules.as_deref().map(rules_in).transpose()?;
        if from_file.is_some() || !self.rule.is_empty() {
            server.rules = from_file.unwrap_or_default();
            server.rules.extend(self.rule);
        }
        if let Some(name) = self.name {
            server.name = name;
        }
        if let Some(scope) = self.scope {
            server.scope = scope;
        }
        if !self.hosts.is_empty() {
            server.hosts = self.hosts;
        }
        if self.no_introspected_by || !self.introspected_by.is_empty() {
            server.introspected_by = self.introspected_by;
        }
        given(&mut server.access_token_type, self.access_token_type);
        let claims = switch(self.access_token_claims, self.no_access_token_claims);
        given(&mut server.access_token_claims, claims);
        Ok(server)
    }
}

fn rules_in(file: &Path) -> anyhow::Result<Vec<AccessRule>> {
    let name = || file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(name)?;
    let is_json = file.extension().is_some_and(|extension| extension == "json");
    let read: RulesFile = if is_json {
        serde_json::from_str(&text).with_context(name)?
    } else {
        toml::from_str(&text).with_context(name)?
    };
    Ok(read.rules)
}

fn all(administration: &mut Administration) -> anyhow::Result<Vec<ResourceServer>> {
    match administration.perform(Operation::Machine(MachineOperation::ListResourceServers))? {
        Outcome::ResourceServers(servers) => Ok(servers),
        _ => unexpected(),
    }
}

/// The resource server, and the version of its registration.
fn find(
    administration: &mut Administration,
    identifier: &ResourceIndicator,
) -> anyhow::Result<(ResourceServer, Version)> {
    match administration.perform(Operation::Machine(MachineOperation::FindResourceServer {
        identifier: identifier.clone(),
    }))? {
        Outcome::FoundResourceServer { server, version } => Ok((server, version)),
        _ => unexpected(),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let servers = all(&mut Administration::of(&args.place)?)?;
    if args.json {
        return shown::json(&servers);
    }
    let row = |server: &ResourceServer| {
        let hosts: Vec<_> = server.all_hosts().collect();
        [
            server.identifier.as_str().to_owned(),
            server.name.clone(),
            hosts.join(" "),
            server.rules.len().to_string(),
            server.scopes().to_string(),
        ]
    };
    let rows: Vec<_> = servers.iter().map(row).collect();
    Ok(shown::table(["IDENTIFIER", "NAME", "HOSTS", "RULES", "SCOPE"], &rows)?)
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let (server, _) = find(&mut Administration::of(&args.place)?, &args.identifier)?;
    if args.json {
        return shown::json(&server);
    }
    let hosts: Vec<_> = server.all_hosts().collect();
    let introspected_by: Vec<_> = server.introspected_by.iter().map(ClientId::as_str).collect();
    let mut fields = vec![
        ("identifier", server.identifier.as_str().to_owned()),
        ("name", server.name.clone()),
        ("hosts", hosts.join(" ")),
        ("scope", server.scopes().to_string()),
        ("introspected by", introspected_by.join(" ")),
        ("access token type", server.access_token_type.as_str().to_owned()),
        (
            "access tokens say",
            if server.access_token_claims { "the claims of their scopes" } else { "" }.to_owned(),
        ),
    ];
    fields.extend(server.rules.iter().map(|rule| ("rule", rule.to_string())));
    fields.retain(|(_, value)| !value.is_empty());
    Ok(shown::fields(&fields)?)
}

fn remove(args: RemoveArgs) -> anyhow::Result<()> {
    let name = args.identifier.as_str().to_owned();
    if !args.yes && !confirmed(&format!("Forget resource server {name}?"))? {
        bail!("nothing was removed");
    }
    let operation =
        Operation::Machine(MachineOperation::RemoveResourceServer { identifier: args.identifier });
    Administration::of(&args.place)?.done(operation)?;
    Ok(shown::line(format!("{name} was removed."))?)
}

fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    // Not parsed as a URL: that would resolve what a gateway refuses.
    let (host, target) = match args.url.split_once("://") {
        None => (None, args.url.as_str()),
        Some((_, rest)) => {
            let slash = rest.find('/').unwrap_or(rest.len());
            (Some(&rest[..slash]), if slash < rest.len() { &rest[slash..] } else { "/" })
        }
    };
    let name = host.map(|host| host_name(host).with_context(|| format!("{} names no host", args.url)));
    let name = name.transpose()?;
    let mut servers = all(&mut Administration::of(&args.place)?)?;
    match &args.resource {
        Some(identifier) => servers.retain(|server| server.identifier == *identifier),
        None => servers
            .retain(|server| name.as_ref().is_none_or(|name| server.all_hosts().any(|own| own == *name))),
    }
    let [server] = servers.as_slice() else {
        bail!("{} resource servers are meant: say which with --resource", servers.len());
    };
    let path = RequestPath::parse(target)?;
    let rules = server.access_rules()?;
    let (says, code) = match rules.find(&args.method, host, &path) {
        Err(NotAdmitted::NoRule) => {
            ("no rule lets this through: it is refused".to_owned(), ExitCode::FAILURE)
        }
        Err(why) => (format!("this is refused: {why}"), ExitCode::FAILURE),
        Ok(Needs::Public) => ("public: nobody is asked".to_owned(), ExitCode::SUCCESS),
        Ok(Needs::Token(scope)) if scope.is_empty() => {
            ("authenticated: any good token for this resource server".to_owned(), ExitCode::SUCCESS)
        }
        Ok(Needs::Token(scope)) => (format!("scope {scope}"), ExitCode::SUCCESS),
    };
    shown::fields(&[("resource server", server.identifier.as_str().to_owned()), ("needs", says)])?;
    Ok(code)
}
