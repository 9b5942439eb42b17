//! What one node changes and others keep in memory, as a row of `changes`. Knows how it is written down, not who listens.

use protocol::{ApiKeyId, ClientId, OrganizationId, ServiceId, Timestamp, UserId};

/// What was issued from a user, session or grant until an instant, or one access token, is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Of the user, session, grant or access token.
    pub id: [u8; 16],
    /// What was issued until then is over.
    pub revoked_at: Timestamp,
    /// From then on no such access token could verify anyway.
    pub expires_at: Timestamp,
}

/// Something that nodes keep in memory has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A client's registration was replaced, or is gone.
    Client(ClientId),
    /// Signing keys turned, came or went.
    SigningKeys,
    /// Something was revoked.
    Revoked(Revocation),
    /// An API key was revoked.
    ApiKey(ApiKeyId),
    /// Resource servers came, changed or went.
    ResourceServers,
    /// A user's subscription to a service changed, or is gone.
    Subscription(UserId, ServiceId),
    /// An operator lifted this user's lock-out: what every node counted of their wrong passwords is forgotten.
    LockOutLifted(UserId),
    /// An organization, one of its services or a plan changed, or is gone.
    Organization(OrganizationId),
}

const CLIENT: i64 = 1;
const SIGNING_KEYS: i64 = 2;
const REVOKED: i64 = 3;
const API_KEY: i64 = 801;
const RESOURCE_SERVERS: i64 = 802;
const SUBSCRIPTION: i64 = 901;
const ORGANIZATION: i64 = 902;
const LOCK_OUT_LIFTED: i64 = 1201;

impl Change {
    /// Topic and subject.
    pub(crate) fn encode(&self) -> (i64, Vec<u8>) {
        match self {
            Self::Client(id) => (CLIENT, id.as_str().as_bytes().to_vec()),
            Self::SigningKeys => (SIGNING_KEYS, Vec::new()),
            Self::Revoked(revocation) => {
                let (at, until) = (revocation.revoked_at.millis(), revocation.expires_at.millis());
                let subject = [&revocation.id[..], &at.to_be_bytes(), &until.to_be_bytes()].concat();
                (REVOKED, subject)
            }
            Self::ApiKey(id) => (API_KEY, id.as_bytes().to_vec()),
            Self::ResourceServers => (RESOURCE_SERVERS, Vec::new()),
            Self::Subscription(user, service) => {
                (SUBSCRIPTION, [*user.as_bytes(), *service.as_bytes()].concat())
            }
            Self::Organization(id) => (ORGANIZATION, id.as_bytes().to_vec()),
            Self::LockOutLifted(user) => (LOCK_OUT_LIFTED, user.as_bytes().to_vec()),
        }
    }

    /// Nothing when it was written by a version that knows more than this one.
    pub(crate) fn decode(topic: i64, subject: &[u8]) -> Option<Self> {
        match topic {
            CLIENT => {
                let id = std::str::from_utf8(subject).ok()?;
                Some(Self::Client(ClientId::parse(id).ok()?))
            }
            SIGNING_KEYS => Some(Self::SigningKeys),
            REVOKED => {
                let (id, times) = subject.split_first_chunk::<16>()?;
                let (at, until) = times.split_first_chunk::<8>()?;
                let until: [u8; 8] = until.try_into().ok()?;
                Some(Self::Revoked(Revocation {
                    id: *id,
                    revoked_at: Timestamp::from_millis(i64::from_be_bytes(*at)),
                    expires_at: Timestamp::from_millis(i64::from_be_bytes(until)),
                }))
            }
            API_KEY => Some(Self::ApiKey(ApiKeyId::from_bytes(subject.try_into().ok()?))),
            RESOURCE_SERVERS => Some(Self::ResourceServers),
            SUBSCRIPTION => {
                let (user, service) = subject.split_first_chunk::<16>()?;
                let service = service.try_into().ok()?;
                Some(Self::Subscription(UserId::from_bytes(*user), ServiceId::from_bytes(service)))
            }
            ORGANIZATION => Some(Self::Organization(OrganizationId::from_bytes(subject.try_into().ok()?))),
            LOCK_OUT_LIFTED => Some(Self::LockOutLifted(UserId::from_bytes(subject.try_into().ok()?))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_not_known_is_not_guessed() {
        let at = Timestamp::from_millis;
        let revocation = Revocation { id: [7; 16], revoked_at: at(5), expires_at: at(i64::MAX) };
        let client = ClientId::parse("my-app").unwrap();
        let subscription = Change::Subscription(UserId::from_bytes([1; 16]), ServiceId::from_bytes([2; 16]));
        let organization = Change::Organization(OrganizationId::from_bytes([3; 16]));
        let key = ApiKeyId::from_bytes([4; 16]);
        for change in [
            Change::Client(client),
            Change::SigningKeys,
            Change::Revoked(revocation),
            Change::ApiKey(key),
            Change::LockOutLifted(UserId::from_bytes([5; 16])),
            Change::ResourceServers,
            subscription,
            organization,
        ] {
            let (topic, subject) = change.encode();
            assert_eq!(Change::decode(topic, &subject), Some(change));
        }
        for (topic, subject) in [
            (9, &b""[..]),
            (REVOKED, &[0; 31][..]),
            (REVOKED, &[0; 33][..]),
            (CLIENT, b"\xFF"),
            (API_KEY, &[0; 15][..]),
            (SUBSCRIPTION, &[0; 31][..]),
            (ORGANIZATION, &[0; 17][..]),
            (LOCK_OUT_LIFTED, &[0; 15][..]),
        ] {
            assert_eq!(Change::decode(topic, subject), None);
        }
    }
}
