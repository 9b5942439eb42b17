//! Interactions: a sign-in under way, stored so that it can be resumed, and finished once.

use crate::contract::row::Rows;
use crate::contract::value::Json;
use crate::contract::{Announcing, AnnouncingSteps, Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use crate::records::oauth::authorization_code::NewAuthorizationCode;
use crate::records::oauth::consent::Consent;
use crate::records::oauth::grant::NewGrant;
use crate::records::people::session::SessionChange;
use protocol::{AuthorizationRequest, DeviceCodeId, InteractionId, SecretHash, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// What the person has done so far within an interaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The session they signed in to, or confirmed, within this interaction.
    pub signed_in: Option<SessionId>,
    /// The session whose account they chose to go on with.
    pub chose: Option<SessionId>,
    /// They asked for another account than the one signed in.
    pub wants_another: bool,
    /// The session whose owner was shown the question that is open.
    pub shown_to: Option<SessionId>,
}

/// An interaction as stored.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// Its id.
    pub id: InteractionId,
    /// Of the secret in the page's form.
    pub secret_hash: SecretHash,
    /// Of the browser's cookie: nobody else may resume it.
    pub browser_hash: SecretHash,
    /// What was asked.
    pub request: AuthorizationRequest,
    /// What was done.
    pub progress: Progress,
    /// When it began.
    pub created_at: Timestamp,
    /// When it can no longer be resumed.
    pub expires_at: Timestamp,
    /// When it was answered.
    pub finished_at: Option<Timestamp>,
}

/// The interaction with this id.
pub struct InteractionById(pub InteractionId);

impl Query for InteractionById {
    type Output = Option<Interaction>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, secret_hash, browser_hash, request, progress, created_at, expires_at, finished_at FROM interactions \
             WHERE id = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| {
            Ok(Interaction {
                id: row.get(0)?,
                secret_hash: row.get(1)?,
                browser_hash: row.get(2)?,
                request: row.get::<Json<_>>(3)?.0,
                progress: row.get::<Json<_>>(4)?.0,
                created_at: row.get(5)?,
                expires_at: row.get(6)?,
                finished_at: row.get(7)?,
            })
        })
    }
}

/// Begins an interaction.
pub struct BeginInteraction(pub Interaction);

impl Command for BeginInteraction {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        let interaction = &self.0;
        // Nothing has been done in it yet: lost with the power, it is begun again.
        steps.relax();
        steps.newcomers();
        steps.one(
            "INSERT INTO interactions (id, secret_hash, browser_hash, request, progress, created_at, expires_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                interaction.id,
                interaction.secret_hash,
                interaction.browser_hash,
                Json(&interaction.request),
                Json(&interaction.progress),
                interaction.created_at,
                interaction.expires_at,
            ],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Lets an interaction be resumed for longer; one that is finished or over stays so.
pub struct KeepInteraction {
    /// Which.
    pub id: InteractionId,
    /// When.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Command for KeepInteraction {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        // Lost with the power, it is only over sooner.
        steps.relax();
        steps.any(
            "UPDATE interactions SET expires_at = ? WHERE id = ? AND finished_at IS NULL AND expires_at > ?",
            params![self.until, self.id, self.at],
        );
    }

    fn outcome(&self, _applied: Applied) {}
}

/// One step of an interaction with everything it changes, applied together; refused when the interaction is finished, has
/// expired, or the session changed meanwhile.
pub struct AdvanceInteraction {
    /// Which.
    pub id: InteractionId,
    /// When.
    pub at: Timestamp,
    /// When it can no longer be resumed, from now on.
    pub until: Timestamp,
    /// What a sign-in does to the session.
    pub session: Option<SessionChange>,
    /// What was allowed.
    pub consent: Option<Consent>,
    /// How it goes on.
    pub next: Advance,
}

/// How an interaction goes on.
pub enum Advance {
    /// Something is left to do.
    Continue(Progress),
    /// It is answered with an authorization code, or by what needs none.
    Grant(Box<(NewGrant, Option<NewAuthorizationCode>)>),
    /// It is answered with an error.
    Fail,
    /// The device that asks is allowed what it asks for; refused when that was decided meanwhile, or has expired.
    AllowDevice(DeviceCodeId, Box<NewGrant>),
    /// It is denied.
    DenyDevice(DeviceCodeId),
}

impl Announcing for AdvanceInteraction {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        match &self.next {
            Advance::Continue(progress) => steps.one(
                "UPDATE interactions SET progress = ?, expires_at = ? WHERE id = ? AND finished_at IS NULL AND expires_at > ?",
                params![Json(progress), self.until, self.id, self.at],
            ),
            Advance::Grant(_) | Advance::Fail | Advance::AllowDevice(..) | Advance::DenyDevice(_) => steps.one(
                "UPDATE interactions SET finished_at = ? WHERE id = ? AND finished_at IS NULL AND expires_at > ?",
                params![self.at, self.id, self.at],
            ),
        }
        if let Some(change) = &self.session {
            crate::records::people::session::change(steps, change);
        }
        if let Some(consent) = &self.consent {
            crate::records::oauth::consent::remember(steps, consent);
        }
        match &self.next {
            Advance::Continue(_) | Advance::Fail => {}
            Advance::Grant(granted) => {
                crate::records::oauth::grant::insert(steps, &granted.0);
                if let Some(code) = &granted.1 {
                    crate::records::oauth::authorization_code::insert(steps, code);
                }
            }
            Advance::AllowDevice(id, grant) => {
                crate::records::oauth::device_code::allow(steps, *id, grant, self.at)
            }
            Advance::DenyDevice(id) => crate::records::oauth::device_code::deny(steps, *id, self.at),
        }
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
