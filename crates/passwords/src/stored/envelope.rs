//! What an import says of all its hashes at once and no hash says itself: a pepper, or a Firebase project's parameters. It is a secret of the
//! other system, kept sealed apart from the hashes, and stands before a hash only on its way to a hashing thread.

use base64::Engine as _;
use serde::Deserialize;
use std::fmt;
use zeroize::Zeroizing;

use super::firebase::Parameters;
use super::{BASE64, MAX_DIGEST_BYTES, MIN_DIGEST_BYTES, UnsupportedHash, number, parts};

/// The longest pepper.
const MAX_PEPPER_BYTES: usize = 256;

/// Where a pepper goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PepperAt {
    /// After the password.
    PasswordEnd,
    /// Before it.
    PasswordStart,
    /// After the salt, as Spring Security has it.
    SaltEnd,
}

impl PepperAt {
    /// Every place.
    pub const ALL: [Self; 3] = [Self::PasswordEnd, Self::PasswordStart, Self::SaltEnd];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordEnd => "password-end",
            Self::PasswordStart => "password-start",
            Self::SaltEnd => "salt-end",
        }
    }
}

/// What goes for every hash of an import.
#[derive(Clone, PartialEq, Eq)]
pub enum Envelope {
    /// A secret that every password, or every salt, has beside it.
    Pepper {
        /// Where.
        at: PepperAt,
        /// The secret.
        pepper: Zeroizing<Vec<u8>>,
    },
    /// A Firebase project's.
    Firebase(Parameters),
}

/// Why something is no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadEnvelope(&'static str);

/// Firebase's `hash_config`, as its console shows it.
#[derive(Deserialize)]
struct HashConfig {
    base64_signer_key: String,
    base64_salt_separator: String,
    rounds: u32,
    mem_cost: u32,
}

impl Envelope {
    /// Of a pepper.
    pub fn pepper(at: PepperAt, pepper: &[u8]) -> Result<Self, BadEnvelope> {
        if pepper.is_empty() || pepper.len() > MAX_PEPPER_BYTES {
            return Err(BadEnvelope("a pepper has 1 to 256 bytes"));
        }
        Ok(Self::Pepper { at, pepper: Zeroizing::new(pepper.to_vec()) })
    }

    /// Of a Firebase project's `hash_config` as JSON: `base64_signer_key`, `base64_salt_separator`, `rounds` and `mem_cost`.
    pub fn firebase(json: &str) -> Result<Self, BadEnvelope> {
        let config: HashConfig = serde_json::from_str(json).map_err(|_| {
            BadEnvelope("JSON with base64_signer_key, base64_salt_separator, rounds and mem_cost is expected")
        })?;
        let signer_key = BASE64.decode(config.base64_signer_key.trim()).map(Zeroizing::new);
        let separator = BASE64.decode(config.base64_salt_separator.trim());
        let (Ok(signer_key), Ok(salt_separator)) = (signer_key, separator) else {
            return Err(BadEnvelope("base64_signer_key and base64_salt_separator must be base64"));
        };
        if !(MIN_DIGEST_BYTES..=MAX_DIGEST_BYTES).contains(&signer_key.len()) || salt_separator.len() > 32 {
            return Err(BadEnvelope("the signer key has 12 to 64 bytes, the salt separator at most 32"));
        }
        let (rounds, mem_cost) = (config.rounds, config.mem_cost);
        Ok(Self::Firebase(Parameters { signer_key, salt_separator, rounds, mem_cost }))
    }

    /// As text, to be put before a hash.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Pepper { at, pepper } => {
                format!("{{pepper={},{}}}", at.as_str(), BASE64.encode(pepper.as_slice()))
            }
            Self::Firebase(Parameters { signer_key, salt_separator, rounds, mem_cost }) => format!(
                "{{firebase={},{},{rounds},{mem_cost}}}",
                BASE64.encode(signer_key.as_slice()),
                BASE64.encode(salt_separator)
            ),
        })
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pepper { .. } => "Pepper(..)",
            Self::Firebase(_) => "Firebase(..)",
        })
    }
}

/// The envelope before a hash, and the hash.
pub(super) fn split(stored: &str) -> Result<(Option<Envelope>, &str), UnsupportedHash> {
    let inner = stored.strip_prefix("{pepper=").map(|rest| (true, rest));
    let inner = inner.or_else(|| stored.strip_prefix("{firebase=").map(|rest| (false, rest)));
    let Some((is_pepper, rest)) = inner else { return Ok((None, stored)) };
    let read = rest.split_once('}').and_then(|(settings, hash)| {
        let envelope = if is_pepper { pepper(settings) } else { firebase(settings) };
        Some((Some(envelope?), hash))
    });
    read.ok_or(UnsupportedHash::UnknownFormat)
}

fn pepper(settings: &str) -> Option<Envelope> {
    let (place, pepper) = settings.split_once(',')?;
    let at = PepperAt::ALL.into_iter().find(|at| at.as_str() == place)?;
    Envelope::pepper(at, &BASE64.decode(pepper).ok()?).ok()
}

fn firebase(settings: &str) -> Option<Envelope> {
    let [signer_key, salt_separator, rounds, mem_cost] = parts(settings, ',')?;
    Some(Envelope::Firebase(Parameters {
        signer_key: Zeroizing::new(BASE64.decode(signer_key).ok()?),
        salt_separator: BASE64.decode(salt_separator).ok()?,
        rounds: number(rounds)?,
        mem_cost: number(mem_cost)?,
    }))
}
