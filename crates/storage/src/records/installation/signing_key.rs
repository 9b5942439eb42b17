//! Signing keys, sealed. Which of them is next, current or retired is written here; opening them is `crypto`'s part.

use crate::contract::row::Rows;
use crate::contract::{
    Access, Announcing, AnnouncingSteps, Applied, Change, Command, Query, Statement, StorageError,
};
use crate::params;
use crate::records::oauth::client::AddClient;
use protocol::{SigningAlgorithm, Timestamp};

/// A signing key as stored.
#[derive(Debug, Clone)]
pub struct StoredSigningKey {
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
    /// Counts its algorithm's keys, from one.
    pub generation: i64,
    /// PKCS#8, sealed under the master key.
    pub sealed_private_key: Vec<u8>,
    /// When it was made; from then on it is published.
    pub created_at: Timestamp,
    /// When it began to sign; none while it is next.
    pub current_at: Option<Timestamp>,
    /// When it stopped signing; it still verifies.
    pub retired_at: Option<Timestamp>,
    /// Until when its algorithm's keys are published because something is registered for it, or was.
    pub published_until: Option<Timestamp>,
}

/// A command, and what must be published with it: applied together or not at all.
pub struct Publishing<C> {
    /// What changes something.
    pub command: C,
    /// What is published from then on.
    pub publish: Option<PublishSigningKeys>,
}

impl<C> Publishing<C> {
    // Last: which step refused is for the command to know.
    fn publish(&self, steps: &mut AnnouncingSteps) {
        if let Some(publish) = &self.publish {
            publish.steps(steps);
        }
    }
}

impl<C: Announcing> Announcing for Publishing<C> {
    type Outcome = C::Outcome;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        self.command.steps(steps);
        self.publish(steps);
    }

    fn outcome(&self, applied: Applied) -> C::Outcome {
        self.command.outcome(applied)
    }
}

/// Nobody remembers a client that there was not; only the keys published with it are news.
impl Announcing for Publishing<AddClient> {
    type Outcome = <AddClient as Command>::Outcome;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        self.command.steps(steps);
        self.publish(steps);
    }

    fn outcome(&self, applied: Applied) -> Self::Outcome {
        self.command.outcome(applied)
    }
}

/// Every signing key, oldest first.
pub struct ListSigningKeys;

impl Query for ListSigningKeys {
    type Output = Vec<StoredSigningKey>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT kid, algorithm, generation, sealed_private_key, created_at, current_at, retired_at, \
             published_until FROM signing_keys \
             ORDER BY created_at, kid",
            params![],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| {
            let algorithm: String = row.get(1)?;
            Ok(StoredSigningKey {
                kid: row.get(0)?,
                algorithm: algorithm
                    .parse()
                    .map_err(|_| StorageError::Corrupt(format!("signing algorithm {algorithm}")))?,
                generation: row.get(2)?,
                sealed_private_key: row.get(3)?,
                created_at: row.get(4)?,
                current_at: row.get(5)?,
                retired_at: row.get(6)?,
                published_until: row.get(7)?,
            })
        })
    }
}

/// One turn of an algorithm's keys: the current one retires, the next one becomes current, a new next one is published. All or
/// nothing, and a new key's generation is taken once, so that of two turns at once one is refused.
pub struct RotateSigningKey {
    /// The key that stops signing, if one signs.
    pub retire: Option<String>,
    /// The key that begins to sign, if it exists already.
    pub promote: Option<String>,
    /// Keys that did not exist before.
    pub add: Vec<StoredSigningKey>,
    /// Retired keys that nothing they signed can outlive.
    pub forget: Vec<String>,
    /// When.
    pub at: Timestamp,
}

impl Announcing for RotateSigningKey {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        if let Some(kid) = &self.retire {
            steps.one(
                "UPDATE signing_keys SET retired_at = ? WHERE kid = ? AND current_at IS NOT NULL AND retired_at IS NULL",
                params![self.at, kid],
            );
        }
        if let Some(kid) = &self.promote {
            steps.one(
                "UPDATE signing_keys SET current_at = ? WHERE kid = ? AND current_at IS NULL",
                params![self.at, kid],
            );
        }
        for key in &self.add {
            steps.one(
                "INSERT INTO signing_keys (kid, algorithm, generation, sealed_private_key, created_at, current_at, retired_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
                params![
                    &key.kid,
                    key.algorithm.as_str(),
                    key.generation,
                    key.sealed_private_key.clone(),
                    key.created_at,
                    key.current_at,
                    key.retired_at
                ],
            );
        }
        for kid in &self.forget {
            steps.one("DELETE FROM signing_keys WHERE kid = ? AND retired_at IS NOT NULL", params![kid]);
        }
        steps.announces(Change::SigningKeys);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Publishes keys until then at least.
pub struct PublishSigningKeys {
    /// Which.
    pub kids: Vec<String>,
    /// Until when.
    pub until: Timestamp,
}

impl Announcing for PublishSigningKeys {
    type Outcome = ();

    fn steps(&self, steps: &mut AnnouncingSteps) {
        for kid in &self.kids {
            // It may have been forgotten meanwhile.
            steps.any("UPDATE signing_keys SET published_until = ? WHERE kid = ?", params![self.until, kid]);
        }
        steps.announces(Change::SigningKeys);
    }

    fn outcome(&self, _applied: Applied) {}
}
