//! What an operator changes of a user who is there, and what an import says of all its hashes.

use super::{Answer, Outcome, Refusal, Secret};
use passwords::{Envelope, PepperAt};
use provider::admin::{AdminError, UserChange};
use provider::{Ctx, Provider};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing to do to users.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UserOperation {
    Change { login: String, change: UserToChange },
    SetPasswordHash { login: String, hash: Secret },
    AddPasswordEnvelope(EnvelopeToAdd),
    SetDisabled { login: String, disabled: bool },
    Unlock { login: String },
}

/// What of a user is to change: what is there is named, and what is `None` inside is taken away.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct UserToChange {
    pub(crate) username: Option<String>,
    pub(crate) email: Option<NewValue>,
    pub(crate) email_verified: Option<bool>,
    pub(crate) name: Option<NewValue>,
    pub(crate) claims: Vec<(String, Option<Value>)>,
}

/// A value, or that there is none any more.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NewValue {
    Is(String),
    Gone,
}

/// What goes for every hash of an import.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EnvelopeToAdd {
    Pepper { at: String, pepper: Secret },
    Firebase(Secret),
}

impl UserOperation {
    /// What stands in the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Change { .. } => "change_user",
            Self::SetPasswordHash { .. } => "set_user_password_hash",
            Self::AddPasswordEnvelope(_) => "add_password_envelope",
            Self::SetDisabled { .. } => "set_user_disabled",
            Self::Unlock { .. } => "unlock_user",
        }
    }

    /// Whom it is about, by what was typed.
    pub(super) fn login(&self) -> Option<&str> {
        match self {
            Self::Change { login, .. }
            | Self::SetPasswordHash { login, .. }
            | Self::SetDisabled { login, .. }
            | Self::Unlock { login, .. } => Some(login),
            Self::AddPasswordEnvelope(_) => None,
        }
    }

    /// Does it.
    pub(super) async fn perform(self, provider: &Provider, ctx: &mut Ctx) -> Answer {
        let done = |result: Result<(), AdminError>| result.map(|()| Outcome::Done);
        Ok(match self {
            Self::Change { login, change } => {
                Outcome::User(provider.change_user(ctx, &login, user_change(change)).await?.into())
            }
            Self::SetPasswordHash { login, hash } => {
                done(provider.set_user_password_hash(ctx, &login, hash.expose().to_owned()).await)?
            }
            Self::AddPasswordEnvelope(envelope) => {
                let envelope = envelope.read().map_err(Refusal)?;
                Outcome::PasswordEnvelope(provider.add_password_envelope(ctx, &envelope).await?)
            }
            Self::SetDisabled { login, disabled } => {
                done(provider.set_user_disabled(ctx, &login, disabled).await)?
            }
            Self::Unlock { login } => done(provider.lift_lock_out(ctx, &login).await)?,
        })
    }
}

fn user_change(change: UserToChange) -> UserChange {
    let value = |value: NewValue| match value {
        NewValue::Is(value) => Some(value),
        NewValue::Gone => None,
    };
    UserChange {
        username: change.username,
        email: change.email.map(value),
        email_verified: change.email_verified,
        name: change.name.map(value),
        claims: change.claims,
    }
}

impl EnvelopeToAdd {
    /// As `passwords` has it.
    pub(crate) fn read(&self) -> Result<Envelope, String> {
        let read = match self {
            Self::Pepper { at, pepper } => {
                let at = PepperAt::ALL.into_iter().find(|place| place.as_str() == at);
                Envelope::pepper(at.unwrap_or(PepperAt::PasswordEnd), pepper.expose().as_bytes())
            }
            Self::Firebase(json) => Envelope::firebase(json.expose()),
        };
        read.map_err(|error| error.to_string())
    }
}
