//! What `doorward client add --for` and `doorward client presets` print of the list of applications.

use super::administer::{Administration, unexpected};
use super::shown;
use crate::operator::{Operation, Outcome, Secret};
use crate::presets::{self, Preset, Seen, Values};
use protocol::Client;
use serde_json::json;

/// What is written into an application that was just registered.
pub(super) struct Settings {
    pub(super) text: String,
    /// Whether the secret is in it.
    pub(super) holds_secret: bool,
    into: &'static str,
    notes: Vec<String>,
}

/// What is written into this application.
///
/// # Errors
/// When the installation cannot be asked for its issuer.
pub(super) fn settings(
    administration: &mut Administration,
    preset: &Preset,
    client: &Client,
    secret: Option<&Secret>,
    url: &str,
) -> anyhow::Result<Settings> {
    let Outcome::Issuer(issuer) = administration.perform(Operation::Issuer)? else { return unexpected() };
    let client_secret = secret.map_or("CLIENT_SECRET", Secret::expose);
    let values = Values { issuer: &issuer, client_id: client.id.as_str(), client_secret, url };
    Ok(Settings {
        text: preset.settings(&values),
        holds_secret: preset.holds_secret() && secret.is_some(),
        into: preset.into,
        notes: preset.notes(&values),
    })
}

impl Settings {
    /// Prints it below what was registered.
    pub(super) fn print(&self, kept: &str) -> anyhow::Result<()> {
        let once = if self.holds_secret {
            format!(" (the secret is shown this once: {kept})")
        } else {
            String::new()
        };
        shown::line(format!("\nInto {}{once}:\n\n{}\n", self.into, self.text))?;
        self.notes.iter().try_for_each(|note| shown::line(format!("Note: {note}")))?;
        Ok(())
    }
}

/// The list, or an entry of it.
pub(super) fn show(one: Option<&Preset>, as_json: bool) -> anyhow::Result<()> {
    match (one, as_json) {
        (Some(preset), true) => shown::json(&entry(preset)?),
        (None, true) => shown::json(&presets::all().into_iter().map(entry).collect::<Result<Vec<_>, _>>()?),
        (Some(preset), false) => show_one(preset),
        (None, false) => {
            let row =
                |preset: &&Preset| [preset.name.to_owned(), preset.title.to_owned(), preset.seen.shown()];
            let rows: Vec<_> = presets::all().iter().map(row).collect();
            Ok(shown::table(["APPLICATION", "NAME", "CONNECTED"], &rows)?)
        }
    }
}

const PLACEHOLDERS: Values<'_> =
    Values { issuer: "<issuer>", client_id: "<client_id>", client_secret: "<client_secret>", url: "<url>" };

fn registration(preset: &Preset) -> anyhow::Result<Client> {
    preset.client(preset.name.parse()?, preset.title.to_owned(), "https://app.example.org")
}

fn entry(preset: &Preset) -> anyhow::Result<serde_json::Value> {
    let (version, source) = match preset.seen {
        Seen::Tried(version) => (version, None),
        Seen::Read(version, source) => (version, Some(source)),
    };
    Ok(json!({
        "application": preset.name,
        "name": preset.title,
        "tried": source.is_none(),
        "version": version,
        "source": source,
        "client": registration(preset)?,
        "settings": preset.settings(&PLACEHOLDERS),
        "notes": preset.notes(&PLACEHOLDERS),
    }))
}

fn show_one(preset: &Preset) -> anyhow::Result<()> {
    let client = registration(preset)?;
    let uris = |uris: &[protocol::RedirectUri]| {
        uris.iter().map(|uri| uri.as_str().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let source = match preset.seen {
        Seen::Tried(_) => String::new(),
        Seen::Read(_, source) => source.to_owned(),
    };
    let mut fields = vec![
        ("application", preset.title.to_owned()),
        ("redirect URIs", uris(&client.redirect_uris)),
        ("post-logout redirect URIs", uris(&client.post_logout_redirect_uris)),
        ("scope", client.scope.to_string()),
        ("connected", preset.seen.shown()),
        ("source", source),
    ];
    fields.retain(|(_, value)| !value.is_empty());
    shown::fields(&fields)?;
    shown::line(format!("\nInto {}:\n\n{}\n", preset.into, preset.settings(&PLACEHOLDERS)))?;
    preset.notes(&PLACEHOLDERS).iter().try_for_each(|note| shown::line(format!("Note: {note}")))?;
    Ok(())
}
