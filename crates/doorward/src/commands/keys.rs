//! `doorward keys`: the keys that sign tokens, and the master key that seals them.

use super::administer::{Administration, unexpected};
use super::shown;
use super::token_options::algorithm;
use crate::app::{App, master_key_source, open_store};
use crate::cli::Place;
use crate::clock::{self, OsRandom};
use crate::master_key::{IfMissing, MasterKeySource};
use crate::operator::{KeyView, Operation, Outcome};
use crate::settings::{Resolved, Settings};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use protocol::SigningAlgorithm;

pub(crate) const HELP: &str = "\
Signing keys turn by themselves (keys.rotate_every); the next one is published long before it signs, and the one before stays \
published until the last token it signed has expired, so no client notices. The keys of an algorithm that neither the installation \
nor any client uses are in no JWK Set.

Examples:
  doorward keys list
  doorward keys show --alg ES256 --pem
  doorward keys rotate
  doorward keys rotate-master --data /var/lib/doorward";

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// List the signing keys
    #[command(after_help = "Example: doorward keys list --json")]
    List(ListArgs),
    /// Show a public key that verifies tokens
    #[command(after_help = SHOW_HELP)]
    Show(ShowArgs),
    /// Turn the signing keys now: the next ones sign, the current ones retire
    #[command(after_help = ROTATE_HELP)]
    Rotate(RotateArgs),
    /// Make a new master key and seal every secret under it; the server must be stopped
    #[command(after_help = MASTER_HELP)]
    RotateMaster(RotateMasterArgs),
}

const SHOW_HELP: &str = "\
Examples:
  doorward keys show --alg ES256 --pem > doorward.pem
  doorward keys show --alg RS256

For software that is handed a key instead of the JWK Set at /oauth2/jwks. It must be handed the next one too, before keys turn \
(keys.rotate_every): doorward keys list shows its KID.";

const ROTATE_HELP: &str = "\
Example: doorward keys rotate

Without --force it is refused while clients may not know the next key yet, because they keep the JWK Set for some minutes. \
With --force, after a key has leaked, such clients refuse new tokens until they fetch the JWK Set again.";

const MASTER_HELP: &str = "\
Example: doorward keys rotate-master --data /var/lib/doorward

The server must be stopped: it holds the old key in memory. The old key stays beside the new one (master.key.previous) until \
everything is sealed under the new one, so it can be interrupted and run again at any point. Backups made before still need \
the old key: keep it as long as them, and restore with a key file that holds both, the current one on the first line.

When the key is handed in as the setting master_key or as a systemd credential, put the new key before the old one, separated \
by a comma, run this, and then take the old one away.";

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
    /// Which key; without it, the one that signs
    kid: Option<String>,
    /// What it signs with
    #[arg(long, value_parser = algorithm(), required_unless_present = "kid", conflicts_with = "kid")]
    alg: Option<SigningAlgorithm>,
    /// As PEM (SubjectPublicKeyInfo) rather than as a JWK
    #[arg(long)]
    pem: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct RotateArgs {
    /// Even if clients do not know the next key yet
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct RotateMasterArgs {
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(command: KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::List(args) => list(&args),
        KeysCommand::Show(args) => show(&args),
        KeysCommand::Rotate(args) => {
            Administration::of(&args.place)?.done(Operation::RotateSigningKeys { force: args.force })?;
            Ok(shown::line("The signing keys have turned.")?)
        }
        KeysCommand::RotateMaster(args) => {
            rotate_master(&Resolved::from_system(&args.place.flags())?.at_its_place())
        }
    }
}

fn all(place: &Place) -> anyhow::Result<Vec<KeyView>> {
    match Administration::of(place)?.perform(Operation::ListSigningKeys)? {
        Outcome::SigningKeys(keys) => Ok(keys),
        _ => unexpected(),
    }
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let meant = |key: &KeyView| match (&args.kid, args.alg) {
        (Some(kid), _) => key.kid == *kid,
        (None, alg) => key.state == "current" && Some(key.algorithm) == alg,
    };
    let key = all(&args.place)?.into_iter().find(meant).and_then(|key| key.public_key);
    let key = key.context("there is no such key: doorward keys list shows them")?;
    if args.pem {
        return Ok(shown::line(key.to_pem().trim_end())?);
    }
    shown::json(&key)
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let keys = all(&args.place)?;
    if args.json {
        return shown::json(&keys);
    }
    let rows: Vec<_> = keys.into_iter().map(row).collect();
    Ok(shown::table(["KID", "ALGORITHM", "STATE", "CREATED", "SIGNS SINCE", "RETIRED", "PUBLISHED"], &rows)?)
}

fn row(key: KeyView) -> [String; 7] {
    let text = Option::unwrap_or_default;
    let algorithm = key.algorithm.as_str().to_owned();
    let published = if key.published { "yes" } else { "no" }.to_owned();
    [key.kid, algorithm, key.state, key.created_at, text(key.current_at), text(key.retired_at), published]
}

fn rotate_master(settings: &Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let source = master_key_source(settings);
    // The database first: while a server has it open, no key is touched.
    let store = runtime.block_on(open_store(settings, IfMissing::Refuse, None))?;
    let is_file = matches!(source, MasterKeySource::File(_));
    let keys = if is_file {
        source.rotate(&mut OsRandom)?
    } else {
        source.load(IfMissing::Refuse, &mut OsRandom)?
    };
    let current = keys.current().id();
    let resealed = runtime.block_on(async {
        let app = App::assemble(settings, &settings.issuer(settings.listen), store, keys).await?;
        let resealed = app.provider.reseal(&mut clock::own_ctx()).await;
        app.provider.store().close().await;
        anyhow::Ok(resealed?)
    })?;
    if resealed == 0 && !is_file {
        // Says what to do first.
        source.rotate(&mut OsRandom)?;
    }
    source.forget_previous()?;
    shown::line(format!("{resealed} secrets are sealed under the new master key {current}."))?;
    Ok(shown::line(
        "Back the new key up, apart from the database; keep the old one as long as backups made before.",
    )?)
}
