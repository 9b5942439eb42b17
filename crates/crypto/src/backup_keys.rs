//! What backups are sealed with: a MAC under a key derived from the master key, for this purpose alone. Knows nothing of what is sealed.

use std::fmt;

use aws_lc_rs::hmac;

use crate::seal::{MasterKeyId, MasterKeys, SealError};

/// Separates this key from every other use of the master key.
const CONTEXT: &[u8] = b"doorward backup key v1\0";

/// Keys derived from every master key at hand: what was sealed before a rotation stays provable as long as the old master key is kept.
pub struct BackupKeys {
    /// The current master key's first.
    keys: Vec<(MasterKeyId, hmac::Key)>,
}

impl BackupKeys {
    /// From the master keys.
    pub fn of(master_keys: &MasterKeys) -> Self {
        let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let derived = |master: &crate::MasterKey| (master.id(), key(master.derive(CONTEXT).as_slice()));
        Self { keys: master_keys.all().map(derived).collect() }
    }

    /// The current master key's name, and HMAC-SHA-256 (RFC 2104) of the message.
    pub fn seal(&self, message: &[u8]) -> ([u8; 8], [u8; 32]) {
        let mut mac = [0; 32];
        // Of master keys there is at least the current one.
        let Some((id, key)) = self.keys.first() else { return ([0; 8], mac) };
        mac.copy_from_slice(hmac::sign(key, message).as_ref());
        (id.to_bytes(), mac)
    }

    /// Whether [`seal`](Self::seal) made `mac` of this message under the key of that name. In constant time.
    ///
    /// # Errors
    /// When it did not, or that key is not among those at hand.
    pub fn check(&self, message: &[u8], key: [u8; 8], mac: &[u8; 32]) -> Result<(), SealError> {
        let id = MasterKeyId::from_bytes(key);
        let (_, key) = self.keys.iter().find(|(known, _)| *known == id).ok_or(SealError::AnotherKey(id))?;
        hmac::verify(key, message, mac).map_err(|_| SealError::Corrupted)
    }
}

impl fmt::Debug for BackupKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MasterKey;
    use crate::random::SeededRandom;

    fn master(seed: u64) -> MasterKey {
        MasterKey::generate(&mut SeededRandom::new(seed))
    }

    #[test]
    fn what_was_sealed_before_a_rotation_is_proven_as_long_as_the_old_key_is_kept() {
        let before = BackupKeys::of(&MasterKeys::new(master(1), vec![]));
        let (key, mac) = before.seal(b"message");
        assert_eq!(before.check(b"message", key, &mac), Ok(()));
        let both = BackupKeys::of(&MasterKeys::new(master(2), vec![master(1)]));
        assert_eq!(both.check(b"message", key, &mac), Ok(()));
        assert_ne!(both.seal(b"message"), (key, mac), "the current key seals");
        let after = BackupKeys::of(&MasterKeys::new(master(2), vec![]));
        assert_eq!(after.check(b"message", key, &mac), Err(SealError::AnotherKey(master(1).id())));
    }

    #[test]
    fn whatever_differs_is_refused() {
        let keys = BackupKeys::of(&MasterKeys::new(master(1), vec![master(2)]));
        let (key, mac) = keys.seal(b"message");
        assert_eq!(keys.check(b"messagE", key, &mac), Err(SealError::Corrupted));
        // Under the name of the other key.
        assert_eq!(keys.check(b"message", master(2).id().to_bytes(), &mac), Err(SealError::Corrupted));
        for index in 0..mac.len() {
            let mut changed = mac;
            changed[index] ^= 1;
            assert_eq!(keys.check(b"message", key, &changed), Err(SealError::Corrupted));
        }
    }

    /// Changing the derivation would make every backup unprovable.
    #[test]
    fn the_key_is_hmac_sha256_of_its_purpose() {
        let keys = BackupKeys::of(&MasterKeys::new(
            MasterKey::from_text(&"_".repeat(42).chars().chain(['8']).collect::<String>()).unwrap(),
            vec![],
        ));
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[0xff; 32]), CONTEXT);
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()), b"message");
        assert_eq!(keys.seal(b"message").1.as_slice(), mac.as_ref());
        assert_eq!(format!("{keys:?}"), format!("[{:?}]", keys.keys[0].0), "names alone");
    }
}
