//! The master key's hand in backups: how `storage` has them sealed by `crypto`, which neither knows.

use crate::app::master_key_source;
use crate::clock::OsRandom;
use crate::master_key::IfMissing;
use crate::settings::Settings;
use anyhow::Context as _;
use crypto::{BackupKeys, MasterKeys, SealError};
use std::sync::Arc;
use storage::{Seal, SealFailure, Sealer};

/// Seals under a key derived from the master key.
#[derive(Debug)]
pub(crate) struct Sealing(BackupKeys);

impl Sealing {
    /// With these master keys.
    pub(crate) fn of(master_keys: &MasterKeys) -> Arc<dyn Sealer> {
        Arc::new(Self(BackupKeys::of(master_keys)))
    }

    /// With those the settings name.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn at_hand(settings: &Settings) -> anyhow::Result<Arc<dyn Sealer>> {
        let master_keys = master_key_source(settings).load(IfMissing::Refuse, &mut OsRandom);
        let master_keys =
            master_keys.context("backups are sealed under the master key, which must be at hand")?;
        Ok(Self::of(&master_keys))
    }
}

impl Sealer for Sealing {
    fn seal(&self, message: &[u8]) -> Seal {
        let (key, mac) = self.0.seal(message);
        Seal { key, mac }
    }

    fn check(&self, message: &[u8], seal: &Seal) -> Result<(), SealFailure> {
        self.0.check(message, seal.key, &seal.mac).map_err(|error| match error {
            SealError::AnotherKey(_) => SealFailure::AnotherKey(seal.key),
            SealError::Corrupted | SealError::UnknownVersion(_) => SealFailure::Wrong,
        })
    }
}
