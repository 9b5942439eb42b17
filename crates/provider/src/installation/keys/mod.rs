//! The installation's keys: signing keys (next, current, retired), published long before they sign and long after they stopped, and
//! the secrets sealed beside them.

mod published;
mod retired;
mod view;

pub use view::SigningKeyView;

use crate::settings::JWK_SET_MAX_AGE;
use crate::{Ctx, Provider, ProviderError};
use arc_swap::{ArcSwap, ArcSwapOption};
use crypto::{DerivationKey, KeyState, Keyring, MasterKeys, PrivateKey, Random, SigningKey};
use protocol::{AuditEvent, SigningAlgorithm, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use storage::Store;
use storage::server_secret::{AddServerSecret, ListServerSecrets, Reseal, ServerSecret};
use storage::signing_key::{ListSigningKeys, RotateSigningKey, StoredSigningKey};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// How long a request waits for a key that is being made: the first seconds of a new installation.
const KEY_WAIT: Duration = Duration::from_secs(10);

const REFRESH_DERIVATION: &str = "refresh-derivation";

/// The keyring in use, swapped whole when a key turns.
pub(crate) struct Keys {
    keyring: ArcSwap<Keyring>,
    /// A keyring's JWK Set as it goes over the wire: every client fetches it again and again.
    jwk_set: ArcSwapOption<(Arc<Keyring>, Arc<[u8]>)>,
    changed: watch::Sender<()>,
    /// In milliseconds: when the next retired key is no longer to be published.
    ages_at: AtomicI64,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            keyring: ArcSwap::from_pointee(Keyring::new(Vec::new())),
            jwk_set: ArcSwapOption::empty(),
            changed: watch::channel(()).0,
            ages_at: AtomicI64::new(i64::MAX),
        }
    }
}

impl Keys {
    /// Whether every algorithm has a key that signs.
    pub(crate) fn complete(&self) -> bool {
        SigningAlgorithm::ALL.iter().all(|&algorithm| self.keyring.load().signing_key(algorithm).is_some())
    }

    fn replace(&self, keyring: Keyring) {
        self.keyring.store(Arc::new(keyring));
        self.changed.send_replace(());
    }
}

impl Provider {
    /// The keyring as it is now.
    pub fn keyring(&self) -> Arc<Keyring> {
        self.inner.keys.keyring.load_full()
    }

    /// The keyring once every algorithm has a key; a new installation makes its RSA keys in its first second.
    ///
    /// # Errors
    /// When they take too long.
    pub async fn complete_keyring(&self) -> Result<Arc<Keyring>, ProviderError> {
        let keys = &self.inner.keys;
        if keys.complete() {
            return Ok(self.keyring());
        }
        let mut changed = keys.changed.subscribe();
        while !keys.complete() {
            let waited = tokio::time::timeout(KEY_WAIT, changed.changed()).await;
            if !matches!(waited, Ok(Ok(()))) {
                return Err(ProviderError::Unavailable("signing keys are still being made".to_owned()));
            }
        }
        Ok(self.keyring())
    }

    /// The JWK Set of the complete keyring, as JSON.
    ///
    /// # Errors
    /// When the keys take too long.
    pub async fn jwk_set(&self) -> Result<Arc<[u8]>, ProviderError> {
        let keyring = self.complete_keyring().await?;
        let written = &self.inner.keys.jwk_set;
        if let Some((of, json)) = written.load().as_deref()
            && Arc::ptr_eq(of, &keyring)
        {
            return Ok(Arc::clone(json));
        }
        let json: Arc<[u8]> = serde_json::to_vec(keyring.jwk_set())?.into();
        written.store(Some(Arc::new((keyring, Arc::clone(&json)))));
        Ok(json)
    }

    /// The key that signs with this algorithm.
    pub(crate) async fn signing_key(
        &self,
        algorithm: SigningAlgorithm,
    ) -> Result<Arc<SigningKey>, ProviderError> {
        self.inner.store.current()?;
        if let Some(key) = self.keyring().signing_key(algorithm) {
            return Ok(Arc::clone(key));
        }
        let keyring = self.complete_keyring().await?;
        keyring
            .signing_key(algorithm)
            .map(Arc::clone)
            .ok_or_else(|| ProviderError::Unavailable(format!("no {} key", algorithm.as_str())))
    }

    pub(crate) async fn load_keys(&self, now: Timestamp) -> Result<(), ProviderError> {
        let mut keys = Vec::new();
        let all = self.inner.store.read(ListSigningKeys).await?;
        let published = self.published(&all, now);
        // Time alone takes back what is published, and what is believed.
        let ends = all.iter().filter_map(|key| key.published_until).filter(|until| *until > now);
        let mut ages_at = ends.map(|until| until.millis() - 1).min().unwrap_or(i64::MAX);
        for stored in all {
            let pkcs8 =
                self.inner.master_keys.open(&purpose(&stored.kid), &stored.sealed_private_key).map_err(
                    |error| ProviderError::Unavailable(format!("signing key {}: {error}", stored.kid)),
                )?;
            let private = PrivateKey::from_pkcs8(stored.algorithm, &pkcs8)
                .map_err(|error| ProviderError::Defect(format!("signing key {}: {error}", stored.kid)))?;
            let state = match (stored.current_at, stored.retired_at) {
                (_, Some(retired_at)) if now.since(retired_at) > self.published_for() => KeyState::Outlived,
                (_, Some(retired_at)) if retired_at <= now => {
                    ages_at = ages_at.min((retired_at + self.published_for()).millis());
                    KeyState::Retired
                }
                (Some(_), _) => KeyState::Current,
                _ => KeyState::Next,
            };
            keys.push((Arc::new(SigningKey::new(private)), state));
        }
        self.inner.keys.ages_at.store(ages_at, Ordering::Relaxed);
        self.inner.keys.replace(Keyring::publishing(keys, published));
        Ok(())
    }

    /// Makes the keys a new installation lacks, but for RSA: those take a while.
    pub(crate) async fn make_quick_keys(&self, ctx: &mut Ctx) -> Result<(), ProviderError> {
        for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256] {
            self.turn(ctx, algorithm, Turn::IfMissing).await?;
        }
        Ok(())
    }

    /// Makes missing keys, turns those that are due, forgets retired ones that nothing can need. Called at start and from time to
    /// time; calling it twice at once turns nothing twice.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn maintain_keys(&self, ctx: &mut Ctx) -> Result<(), ProviderError> {
        for algorithm in SigningAlgorithm::ALL {
            self.turn(ctx, algorithm, Turn::IfDue).await?;
        }
        self.maintain_published(ctx).await?;
        self.age_keys(ctx.now).await
    }

    /// Turns every algorithm's keys now: the next one signs, the current one retires.
    ///
    /// # Errors
    /// When a next key was published too recently for every client to know it, unless `force` is given; when storage fails.
    pub async fn rotate_keys(&self, ctx: &mut Ctx, force: bool) -> Result<(), ProviderError> {
        let keys = self.inner.store.read(ListSigningKeys).await?;
        let too_new = keys
            .iter()
            .any(|key| key.current_at.is_none() && ctx.now.since(key.created_at) < JWK_SET_MAX_AGE);
        if too_new && !force {
            return Err(ProviderError::Unavailable(format!(
                "the next key was published less than {} seconds ago, and clients that keep the JWK Set that long do not know it yet: wait, or use --force",
                JWK_SET_MAX_AGE.as_secs()
            )));
        }
        for algorithm in SigningAlgorithm::ALL {
            self.turn(ctx, algorithm, Turn::Now).await?;
        }
        Ok(())
    }

    async fn turn(
        &self,
        ctx: &mut Ctx,
        algorithm: SigningAlgorithm,
        turn: Turn,
    ) -> Result<(), ProviderError> {
        let keys = self.inner.store.read(ListSigningKeys).await?;
        let keys: Vec<_> = keys.into_iter().filter(|key| key.algorithm == algorithm).collect();
        let current = keys.iter().find(|key| key.current_at.is_some() && key.retired_at.is_none());
        let next = keys.iter().find(|key| key.current_at.is_none());
        let due = match (turn, current) {
            (_, None) | (Turn::Now, _) => true,
            (Turn::IfMissing, Some(_)) => false,
            (Turn::IfDue, Some(key)) => {
                let since = key.current_at.unwrap_or(key.created_at);
                ctx.now.since(since) >= self.inner.settings.rotate_keys_every
                    && next.is_none_or(|next| ctx.now.since(next.created_at) >= JWK_SET_MAX_AGE)
            }
        };
        let forget = self.outlived(&keys, ctx.now);
        if !due && next.is_some() && forget.is_empty() {
            return Ok(());
        }
        let mut add = Vec::new();
        let mut generation = keys.iter().map(|key| key.generation).max().unwrap_or_default();
        if due && next.is_none() {
            generation += 1;
            add.push(self.make_key(ctx, algorithm, generation, Some(ctx.now)).await?);
        }
        if due || next.is_none() {
            generation += 1;
            add.push(self.make_key(ctx, algorithm, generation, None).await?);
        }
        let signs = next.map(|key| &key.kid).or_else(|| add.first().map(|key| &key.kid));
        let turned =
            signs.filter(|_| due).map(|kid| AuditEvent::SigningKeyTurned { algorithm, kid: kid.clone() });
        let is_first = current.is_none();
        let rotation = RotateSigningKey {
            retire: current.filter(|_| due).map(|key| key.kid.clone()),
            promote: next.filter(|_| due).map(|key| key.kid.clone()),
            add,
            forget,
            at: ctx.now,
        };
        if self.commit(ctx, self.audited_all(ctx, rotation, turned)).await? && due {
            tracing::info!(
                algorithm = algorithm.as_str(),
                "{}",
                if is_first { "signing key made" } else { "signing key turned" }
            );
        }
        // Whoever won, the keyring is now what storage says.
        self.load_keys(ctx.now).await
    }

    async fn make_key(
        &self,
        ctx: &mut Ctx,
        algorithm: SigningAlgorithm,
        generation: i64,
        current_at: Option<Timestamp>,
    ) -> Result<StoredSigningKey, ProviderError> {
        let private = match algorithm {
            SigningAlgorithm::Rs256 => off_the_runtime(PrivateKey::generate_rsa).await?,
            _ => PrivateKey::generate(algorithm, ctx.random()),
        };
        let private = private.map_err(|error| ProviderError::Defect(error.to_string()))?;
        let pkcs8 = private.to_pkcs8().map_err(|error| ProviderError::Defect(error.to_string()))?;
        let kid = SigningKey::new(private).kid().to_owned();
        let sealed_private_key = self.inner.master_keys.seal(&purpose(&kid), &pkcs8, ctx.random());
        Ok(StoredSigningKey {
            kid,
            algorithm,
            generation,
            sealed_private_key,
            created_at: ctx.now,
            current_at,
            retired_at: None,
            published_until: None,
        })
    }

    /// Seals every secret under the current master key; afterwards the previous one is no longer needed. Returns how many were
    /// resealed.
    ///
    /// # Errors
    /// When a value does not open, or storage fails.
    pub async fn reseal(&self, ctx: &mut Ctx) -> Result<usize, ProviderError> {
        let master = &self.inner.master_keys;
        let failed =
            |what: &str, error: crypto::SealError| ProviderError::Unavailable(format!("{what}: {error}"));
        let mut reseal = Reseal { secrets: Vec::new(), signing_keys: Vec::new() };
        for secret in self.inner.store.read(ListServerSecrets).await? {
            let resealed = master.reseal(&secret.name, &secret.sealed, ctx.random());
            if let Some(now) = resealed.map_err(|error| failed(&secret.name, error))? {
                reseal.secrets.push((secret.name, secret.sealed, now));
            }
        }
        for key in self.inner.store.read(ListSigningKeys).await? {
            let resealed = master.reseal(&purpose(&key.kid), &key.sealed_private_key, ctx.random());
            if let Some(now) = resealed.map_err(|error| failed(&key.kid, error))? {
                reseal.signing_keys.push((key.kid, key.sealed_private_key, now));
            }
        }
        let count = reseal.secrets.len() + reseal.signing_keys.len();
        let reseal = self.audited(ctx, reseal, AuditEvent::SecretsResealed { count });
        if count > 0 && !self.inner.store.write(reseal).await? {
            return Err(ProviderError::Unavailable("a key turned meanwhile: run it again".to_owned()));
        }
        Ok(count)
    }
}

/// When an algorithm's keys turn.
#[derive(Clone, Copy)]
enum Turn {
    IfMissing,
    IfDue,
    Now,
}

fn purpose(kid: &str) -> String {
    format!("signing-key/{kid}")
}

/// Runs something slow on a thread of its own: it happens a few times in an installation's life.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ProviderError> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let failed = |why: String| ProviderError::Unavailable(format!("making a key: {why}"));
    std::thread::Builder::new()
        .name("make-key".to_owned())
        .spawn(move || {
            // Whoever asked may be gone; then nobody misses the answer.
            let _ = answer.send(work());
        })
        .map_err(|error| failed(error.to_string()))?;
    answered.await.map_err(|_| failed("its thread ended".to_owned()))
}

/// The secret from which refresh tokens' successors are derived; made once.
pub(crate) async fn refresh_derivation(
    store: &Store,
    master_keys: &MasterKeys,
    ctx: &mut Ctx,
) -> Result<DerivationKey, ProviderError> {
    let made =
        |random: &mut dyn Random| Ok(Zeroizing::new(DerivationKey::generate(random).as_bytes().to_vec()));
    let opened = server_secret(store, master_keys, ctx, REFRESH_DERIVATION, made).await?;
    let bytes = opened.as_slice().try_into();
    bytes.map(DerivationKey::from_bytes).map_err(|_| ProviderError::Defect(REFRESH_DERIVATION.into()))
}

/// A secret of the installation, sealed; made once.
pub(crate) async fn server_secret(
    store: &Store,
    master_keys: &MasterKeys,
    ctx: &mut Ctx,
    name: &'static str,
    make: impl Fn(&mut dyn Random) -> Result<Zeroizing<Vec<u8>>, ProviderError>,
) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
    for attempt in 0..2 {
        let secrets = store.read(ListServerSecrets).await?;
        if let Some(secret) = secrets.iter().find(|secret| secret.name == name) {
            let opened = master_keys.open(name, &secret.sealed);
            return opened
                .map_err(|error| ProviderError::Unavailable(format!("the secrets of this data: {error}")));
        }
        if attempt == 0 {
            let made = make(ctx.random())?;
            let sealed = master_keys.seal(name, &made, ctx.random());
            let secret = ServerSecret { name: name.to_owned(), sealed };
            // Refused when another node was faster; then its secret is read.
            store.write(AddServerSecret { secret, at: ctx.now }).await?;
        }
    }
    Err(ProviderError::Defect(format!("{name} was not stored")))
}
