//! What an import says of all its hashes at once (a pepper, a Firebase project's parameters): sealed apart from the hashes, each of which names
//! it. A copy of the database alone does not tell it.

use crate::error::AdminError;
use crate::{Ctx, Provider, ProviderError};
use crypto::random_bytes;
use passwords::{Envelope, UnsupportedHash};
use quick_cache::sync::Cache;
use std::sync::Arc;
use storage::server_secret::{AddServerSecret, ListServerSecrets, ServerSecret};
use zeroize::Zeroizing;

/// What they are called among the server secrets.
const PREFIX: &str = "password-import/";
/// How a stored hash names one.
const MARK: &str = "{import=";

/// Opened ones, by their names.
pub(crate) struct Envelopes(Cache<String, Arc<Zeroizing<String>>>);

impl Default for Envelopes {
    fn default() -> Self {
        Self(Cache::new(100))
    }
}

impl Provider {
    /// Keeps what goes for every hash of an import, and says how each of them names it: the text to put before it.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn add_password_envelope(
        &self,
        ctx: &mut Ctx,
        envelope: &Envelope,
    ) -> Result<String, AdminError> {
        let text = envelope.to_text();
        for secret in self.inner.store.read(ListServerSecrets).await? {
            let is_it = secret.name.starts_with(PREFIX)
                && self.opened_envelope(&secret).is_ok_and(|opened| **opened == **text);
            if is_it {
                return Ok(marked(&secret.name));
            }
        }
        let id: [u8; 8] = random_bytes(ctx.random());
        let name = format!("{PREFIX}{}", id.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let sealed = self.inner.master_keys.seal(&name, text.as_bytes(), ctx.random());
        let mark = marked(&name);
        self.inner
            .store
            .write(AddServerSecret { secret: ServerSecret { name, sealed }, at: ctx.now })
            .await?;
        Ok(mark)
    }

    /// The hash to store, none where the other system had marked the user as one without a password.
    pub(crate) async fn imported_hash(&self, hash: String) -> Result<Option<String>, AdminError> {
        let whole = self.with_envelope(hash.clone()).await?;
        match passwords::inspect(&whole) {
            Ok(_) => Ok(Some(hash)),
            Err(UnsupportedHash::NoPassword) => Ok(None),
            Err(error) => Err(AdminError::Invalid(format!("password hash: {error}"))),
        }
    }

    /// A stored hash as `passwords` reads it: with what it names in place of the name.
    pub(crate) async fn with_envelope(&self, stored: String) -> Result<String, ProviderError> {
        let Some((id, hash)) = stored.strip_prefix(MARK).and_then(|rest| rest.split_once('}')) else {
            return Ok(stored);
        };
        let name = format!("{PREFIX}{id}");
        let envelopes = &self.inner.envelopes.0;
        let envelope = match envelopes.get(&name) {
            Some(known) => known,
            None => {
                let secrets = self.inner.store.read(ListServerSecrets).await?;
                // Gone, the hash is one that nobody can read.
                let Some(secret) = secrets.iter().find(|secret| secret.name == name) else {
                    return Ok(stored);
                };
                let opened = Arc::new(self.opened_envelope(secret)?);
                envelopes.insert(name, Arc::clone(&opened));
                opened
            }
        };
        Ok(format!("{}{hash}", envelope.as_str()))
    }

    fn opened_envelope(&self, secret: &ServerSecret) -> Result<Zeroizing<String>, ProviderError> {
        let unavailable = |why: String| ProviderError::Unavailable(format!("{}: {why}", secret.name));
        let opened = self.inner.master_keys.open(&secret.name, &secret.sealed);
        let opened = opened.map_err(|error| unavailable(error.to_string()))?;
        let text = std::str::from_utf8(&opened).map_err(|_| unavailable("it is no text".to_owned()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

fn marked(name: &str) -> String {
    format!("{MARK}{}}}", name.trim_start_matches(PREFIX))
}
