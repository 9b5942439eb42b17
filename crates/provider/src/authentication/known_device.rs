//! A browser that somebody signed in with before, known by a long-lived sealed cookie (OWASP calls it a device cookie): wrong passwords in it
//! are counted apart, so that strangers cannot lock its owner out there. It proves nothing else: it signs nobody in, and it counts only for
//! the accounts that signed in with it.

use crate::{Ctx, Provider};
use crypto::random_bytes;
use protocol::{Timestamp, UserId};
use std::time::Duration;

const PURPOSE: &str = "known-device";
const VERSION: u8 = 1;
/// Browsers keep no cookie longer (RFC 6265bis section 5.5).
pub const KNOWN_DEVICE_LIFETIME: Duration = Duration::from_secs(400 * 86_400);
/// So many accounts of one browser are remembered; the one that signed in longest ago is forgotten first.
const MOST_USERS: usize = 8;
const ID_BYTES: usize = 16;
const ENTRY_BYTES: usize = ID_BYTES + 8;

/// What the cookie says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownDevice {
    id: [u8; ID_BYTES],
    /// Who signed in, and when last; newest first.
    users: Vec<(UserId, Timestamp)>,
}

impl KnownDevice {
    /// The browser's own id, if this user signed in with it.
    pub(crate) fn known_to(&self, user: UserId) -> Option<[u8; ID_BYTES]> {
        self.users.iter().any(|(known, _)| *known == user).then_some(self.id)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.id);
        for (user, at) in &self.users {
            bytes.extend(user.as_bytes());
            bytes.extend(at.millis().to_be_bytes());
        }
        bytes
    }

    /// Entries that are too old are left out.
    fn decode(bytes: &[u8], now: Timestamp) -> Option<Self> {
        let (version, bytes) = bytes.split_first()?;
        let (id, entries) = bytes.split_first_chunk::<ID_BYTES>()?;
        if *version != VERSION || entries.len() % ENTRY_BYTES != 0 {
            return None;
        }
        let users = entries.chunks_exact(ENTRY_BYTES).filter_map(|entry| {
            let (user, at) = entry.split_first_chunk::<ID_BYTES>()?;
            let at = Timestamp::from_millis(i64::from_be_bytes(at.try_into().ok()?));
            (now.since(at) < KNOWN_DEVICE_LIFETIME).then_some((UserId::from_bytes(*user), at))
        });
        Some(Self { id: *id, users: users.take(MOST_USERS).collect() })
    }
}

impl Provider {
    /// What this cookie says; nothing when it is not ours, or of a master key that is gone.
    pub(crate) fn known_device(&self, ctx: &Ctx, cookie: Option<&str>) -> Option<KnownDevice> {
        let opened = self.inner.master_keys.open_text(PURPOSE, cookie?)?;
        KnownDevice::decode(&opened, ctx.now)
    }

    /// The cookie of a browser that `user` just signed in with.
    pub(crate) fn remember_device(
        &self,
        ctx: &mut Ctx,
        before: Option<&KnownDevice>,
        user: UserId,
    ) -> String {
        let id = before.map_or_else(|| random_bytes(ctx.random()), |before| before.id);
        let others = before.into_iter().flat_map(|before| &before.users).filter(|(known, _)| *known != user);
        let users = std::iter::once((user, ctx.now)).chain(others.copied()).take(MOST_USERS).collect();
        self.inner.master_keys.seal_text(PURPOSE, &KnownDevice { id, users }.encode(), ctx.random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_old_entries_and_other_versions_are_not() {
        let user = |byte| UserId::from_bytes([byte; 16]);
        let at = Timestamp::from_seconds;
        let device = KnownDevice { id: [9; 16], users: vec![(user(1), at(1_000)), (user(2), at(0))] };
        let bytes = device.encode();
        assert_eq!(KnownDevice::decode(&bytes, at(1_000)), Some(device));
        let later = KnownDevice::decode(&bytes, at(400 * 86_400)).unwrap();
        assert_eq!((later.known_to(user(1)), later.known_to(user(2))), (Some([9; 16]), None));
        for bad in [&[][..], &[2; 17], &[1; 16], &bytes[..bytes.len() - 1]] {
            assert_eq!(KnownDevice::decode(bad, at(0)), None);
        }
    }
}
