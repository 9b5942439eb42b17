//! `doorward client`: the applications people sign in to.

use super::administer::{Administration, unexpected};
use super::client_options::{ClientOptions, ServiceChoice};
use super::client_presets;
use super::client_secret::SecretSource;
use super::client_shown;
use super::service;
use super::shown;
use super::user::confirmed;
use crate::cli::Place;
use crate::operator::{Operation, Outcome};
use crate::presets::{self, Preset};
use anyhow::bail;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use protocol::{Client, ClientAuthentication, ClientId, RedirectUri, Version};

pub(crate) const HELP: &str = "\
Examples:
  doorward client add my-app --name 'My App' \\
    --redirect-uri https://app.example.org/callback
  doorward client set my-app --consent implicit
  doorward client secret my-app

Works while the server runs (it is asked over its socket in the data directory) and while it does not.";

#[derive(Subcommand)]
pub(crate) enum ClientCommand {
    /// Register a client; prints its secret, this once
    #[command(after_help = ADD_HELP)]
    Add(Box<AddArgs>),
    /// The applications that `client add --for` knows
    #[command(after_help = PRESETS_HELP)]
    Presets(PresetsArgs),
    /// List clients
    #[command(after_help = "Example: doorward client list --json | jq -r '.[].id'")]
    List(ListArgs),
    /// Show a client
    #[command(after_help = "Example: doorward client show my-app --json")]
    Show(ShowArgs),
    /// Change a client's registration; what is not named stays
    #[command(after_help = SET_HELP)]
    Set(Box<SetArgs>),
    /// Give a client a new secret; the old one is refused from now on
    #[command(after_help = "Example: doorward client secret my-app --json | jq -r .client_secret")]
    Secret(SecretArgs),
    /// Refuse a client everywhere from now on
    #[command(after_help = "Example: doorward client disable my-app")]
    Disable(NamedArgs),
    /// Admit a disabled client again
    #[command(after_help = "Example: doorward client enable my-app")]
    Enable(NamedArgs),
    /// Forget a client; its tokens are refused from now on
    #[command(after_help = "Example: doorward client remove my-app --yes")]
    Remove(RemoveArgs),
}

const ADD_HELP: &str = "\
Examples:
  doorward client add my-app --name 'My App' \\
    --redirect-uri https://app.example.org/callback
  doorward client add pg --for pgadmin --url https://pg.example.org
  doorward client add my-phone-app --name 'My App' --public \\
    --redirect-uri com.example.app:/callback
  doorward client add my-api --redirect-uri https://api.example.org/unused \\
    --introspects-all
  doorward client add my-job --grant-type client_credentials \\
    --authentication private_key_jwt --jwks keys.json
  doorward client add 9b2f3d6e-1d1a-4a52-8a39-5f0e6f2b7c10 \\
    --redirect-uri https://app.example.org/cb --secret-file secret.txt

A new client must use PKCE, or a nonce if it keeps a secret; asks people for consent, gets JWT access tokens (ES256) and RS256 ID \
Tokens that say what the scopes granted open, and may ask for every standard scope, unless you say otherwise.";

const PRESETS_HELP: &str = "\
Examples:
  doorward client presets
  doorward client presets grafana
  doorward client add grafana --for grafana --url https://grafana.example.org";

const SET_HELP: &str = "\
Examples:
  doorward client set my-app --name 'Our App' --consent implicit
  doorward client set my-app --redirect-uri https://app.example.org/a \\
    --redirect-uri https://app.example.org/b
  doorward client set my-app --logo logo.png

Lists (redirect URIs, grant types, audiences) are replaced as a whole.";

#[derive(Args)]
pub(crate) struct AddArgs {
    /// The client_id
    id: ClientId,
    /// A public client: an app on people's own devices, which can keep no secret
    #[arg(long, conflicts_with = "authentication")]
    public: bool,
    /// Register what this application needs, and print what to write into it: see `doorward client presets`
    #[arg(long = "for", value_name = "APPLICATION", value_parser = preset(), hide_possible_values = true, conflicts_with = "public")]
    preset: Option<&'static Preset>,
    /// Where people reach that application
    #[arg(long, requires = "preset", value_parser = presets::url)]
    url: Option<String>,
    #[command(flatten)]
    options: ClientOptions,
    #[command(flatten)]
    secret: SecretSource,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct SetArgs {
    /// The client_id
    id: ClientId,
    #[command(flatten)]
    options: ClientOptions,
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
    /// The client_id
    pub(super) id: ClientId,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Args)]
pub(crate) struct NamedArgs {
    /// The client_id
    id: ClientId,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct PresetsArgs {
    /// Show what is registered for this one, and what is written into it
    #[arg(value_parser = preset(), hide_possible_values = true)]
    application: Option<&'static Preset>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct SecretArgs {
    /// The client_id
    id: ClientId,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// The client_id
    id: ClientId,
    /// Do not ask whether you are sure
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: ClientCommand) -> anyhow::Result<()> {
    match command {
        ClientCommand::Add(args) => add(*args),
        ClientCommand::Presets(args) => client_presets::show(args.application, args.json),
        ClientCommand::List(args) => list(&args),
        ClientCommand::Show(args) => client_shown::show(args),
        ClientCommand::Set(args) => {
            let mut administration = Administration::of(&args.place)?;
            let (before, version) = find(&mut administration, args.id)?;
            let client = with_options(&mut administration, args.options, before)?;
            let id = client.id.clone();
            administration.done(Operation::ReplaceClient { client, version })?;
            Ok(shown::line(format!("{id} was changed."))?)
        }
        ClientCommand::Secret(args) => new_secret(args),
        ClientCommand::Disable(args) => set_disabled(args, true),
        ClientCommand::Enable(args) => set_disabled(args, false),
        ClientCommand::Remove(args) => remove(args),
    }
}

fn new_secret(args: SecretArgs) -> anyhow::Result<()> {
    let rotate = Operation::RotateClientSecret { id: args.id.clone() };
    let Outcome::ClientSecret(secret) = Administration::of(&args.place)?.perform(rotate)? else {
        return unexpected();
    };
    if args.json {
        let new = serde_json::json!({ "client_id": args.id, "client_secret": secret.expose() });
        return shown::json(&new);
    }
    Ok(shown::line(secret.expose())?)
}

fn add(args: AddArgs) -> anyhow::Result<()> {
    let authentication =
        if args.public { ClientAuthentication::None } else { ClientAuthentication::ClientSecret };
    let url = args.url.unwrap_or_default();
    if let Some(preset) = args.preset.filter(|preset| preset.needs_url() && url.is_empty()) {
        bail!("where do people reach {}? Say it with --url", preset.title);
    }
    let name = args.options.name.clone();
    let name = name.unwrap_or_else(|| args.preset.map_or(args.id.as_str(), |preset| preset.title).to_owned());
    let kept_secret = args.secret.read()?;
    let keeps_secret = kept_secret.is_some();
    let mut administration = Administration::of(&args.place)?;
    let client = match args.preset {
        Some(preset) => preset.client(args.id, name, &url)?,
        None => Client::new(args.id, name, authentication),
    };
    let client = with_options(&mut administration, args.options, client)?;
    let outcome = administration.perform(match kept_secret {
        Some(secret) => Operation::AddClientWithSecret { client, secret },
        None => Operation::AddClient(client),
    })?;
    let Outcome::ClientAdded { client, secret } = outcome else { return unexpected() };
    let settings = args
        .preset
        .map(|preset| client_presets::settings(&mut administration, preset, &client, secret.as_ref(), &url));
    let settings = settings.transpose()?;
    if args.json {
        return shown::json(&serde_json::json!({
            "client_id": client.id,
            "client_secret": secret.as_ref().map(|secret| secret.expose()),
            "client": client,
            "settings": settings.map(|settings| settings.text),
        }));
    }
    shown::line(format!("{} was added.", client.name))?;
    let mut fields = vec![("client_id", client.id.to_string())];
    // Once: where it is pasted from.
    let is_below = settings.as_ref().is_some_and(|settings| settings.holds_secret);
    if let Some(secret) = secret.as_ref().filter(|_| !is_below) {
        fields.push(("client_secret", format!("{}   (shown this once: {})", secret.expose(), kept(&client))));
    }
    if keeps_secret {
        fields.push(("client_secret", "the one it has".to_owned()));
    }
    shown::fields(&fields)?;
    settings.map_or(Ok(()), |settings| settings.print(kept(&client)))
}

fn preset() -> impl clap::builder::TypedValueParser<Value = &'static Preset> {
    let names = presets::all().into_iter().map(|preset| preset.name);
    PossibleValuesParser::new(names).try_map(|name| presets::named(&name).ok_or("unknown application"))
}

/// What is left of a secret.
fn kept(client: &Client) -> &'static str {
    if client.authentication.presents_secret() {
        "only its hash is stored"
    } else {
        "it is stored sealed under the master key"
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let clients = Administration::of(&args.place)?.all(
        |last: Option<&Client>, limit| Operation::ListClients {
            after: last.map(|client| client.id.clone()),
            limit,
        },
        |outcome| if let Outcome::Clients(clients) = outcome { Some(clients) } else { None },
    )?;
    if args.json {
        return shown::json(&clients);
    }
    let rows: Vec<_> = clients.iter().map(row).collect();
    Ok(shown::table(["CLIENT ID", "NAME", "KIND", "STATE", "REDIRECT URIS"], &rows)?)
}

fn row(client: &Client) -> [String; 5] {
    let state = if client.disabled { "disabled" } else { "" };
    [
        client.id.to_string(),
        client.name.clone(),
        kind(client).to_owned(),
        state.to_owned(),
        uris(&client.redirect_uris),
    ]
}

pub(super) fn kind(client: &Client) -> &'static str {
    if client.authentication.is_confidential() { "confidential" } else { "public" }
}

pub(super) fn uris(uris: &[RedirectUri]) -> String {
    uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>().join(" ")
}

/// The client with what the command line says about it changed.
fn with_options(
    administration: &mut Administration,
    options: ClientOptions,
    client: Client,
) -> anyhow::Result<Client> {
    let service = match options.service() {
        ServiceChoice::AsItIs => client.service,
        ServiceChoice::None => None,
        ServiceChoice::Of(path) => Some(service::find(administration, path)?.id),
    };
    Ok(Client { service, ..options.apply(client) })
}

fn set_disabled(args: NamedArgs, disabled: bool) -> anyhow::Result<()> {
    let operation = Operation::SetClientDisabled { id: args.id.clone(), disabled };
    Administration::of(&args.place)?.done(operation)?;
    let what = if disabled { "is refused from now on" } else { "is admitted again" };
    Ok(shown::line(format!("{} {what}.", args.id))?)
}

fn remove(args: RemoveArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let (client, _) = find(&mut administration, args.id)?;
    if !args.yes && !confirmed(&format!("Forget client {} ({})?", client.name, client.id))? {
        bail!("nothing was removed");
    }
    administration.done(Operation::RemoveClient { id: client.id.clone() })?;
    Ok(shown::line(format!("{} was removed.", client.id))?)
}

/// The client, and the version of its registration.
pub(super) fn find(administration: &mut Administration, id: ClientId) -> anyhow::Result<(Client, Version)> {
    match administration.perform(Operation::FindClient { id })? {
        Outcome::FoundClient { client, version } => Ok((client, version)),
        _ => unexpected(),
    }
}
