//! Computes password hashes: one `Hasher` per thread, which keeps its memory from one hash to the next.
//!
//! Owns the arithmetic of verifying and making hashes. Refuses to know queues, threads and who is signing in.

use allocator_api2::vec::Vec as VecIn;
use argon::{Inputs, Vectors};
use argon2::{Algorithm, Argon2, Block, Version};
use base64::Engine;
use hugealloc::HugeAlloc;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

mod rounds;

use crate::params::{Argon2Params, BadParams};
use crate::stored::{
    BASE64, Cost, DIGEST_BYTES, HashKind, MAX_DIGEST_BYTES, PepperAt, Stored, UnsupportedHash,
};
use crate::text::prepared;

/// Longer passwords are never right, and are refused for new hashes: no one types them, and hashing megabytes is an attack.
pub const MAX_PASSWORD_BYTES: usize = 1024;
/// Bytes of salt in a new hash (RFC 9106 section 3.1 recommends 16).
pub const SALT_BYTES: usize = 16;
/// bcrypt reads no further (its key schedule takes 18 words).
pub(crate) const BCRYPT_BYTES: usize = 72;
/// Room for 33 MiB is reserved at least, of which only what a hash needs is touched. glibc maps anything above 32 MiB
/// by itself and unmaps it when freed; smaller memory it would keep, and so would mimalloc, after the last hash.
const LEAST_RESERVED: usize = 33 * 1024;

/// Hashes on the calling thread: for a command line or a test. A server uses the pool.
pub fn hash_password(
    params: &Argon2Params,
    password: &SecretString,
    salt: [u8; SALT_BYTES],
) -> Result<String, CannotHash> {
    params.validate()?;
    if password.expose_secret().len() > MAX_PASSWORD_BYTES {
        return Err(CannotHash::PasswordTooLong);
    }
    let mut hasher = Hasher::default();
    let prepared = prepared(password.expose_secret());
    hasher.hash(params, prepared.as_bytes(), salt).map_err(|Failed| CannotHash::OutOfMemory)
}

/// Verifies on the calling thread: for a command line or a test. A server uses the pool. Running out of memory
/// counts as a wrong password.
pub fn verify_password(password: &SecretString, stored: &str) -> Result<bool, UnsupportedHash> {
    let stored = Stored::parse(stored)?;
    let password = password.expose_secret();
    if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
        return Ok(false);
    }
    let mut hasher = Hasher::default();
    Ok(stored
        .spellings(password)
        .iter()
        .any(|spelling| hasher.verify(&stored, spelling.text.as_bytes()).unwrap_or(false)))
}

/// Why no hash was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotHash {
    /// The parameters are out of range.
    #[error(transparent)]
    BadParams(#[from] BadParams),
    /// Longer than [`MAX_PASSWORD_BYTES`].
    #[error("a password may have at most {MAX_PASSWORD_BYTES} bytes")]
    PasswordTooLong,
    /// The system gave no memory.
    #[error("not enough memory to hash a password")]
    OutOfMemory,
}

/// The hash could not be computed: in practice, no memory.
#[derive(Debug)]
pub(crate) struct Failed;

/// One thread's hashing memory, in huge pages where the system has them: Argon2 jumps about in it, and with small pages spends its time
/// on finding them. An idle server does not hold it.
pub(crate) struct Hasher {
    blocks: VecIn<Block, HugeAlloc>,
    /// None: the `argon2` crate.
    vectors: Option<Vectors>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { blocks: VecIn::new_in(HugeAlloc), vectors: fastest() }
    }
}

/// Which implementation hashes on this processor, for people.
pub fn argon2_made_by() -> &'static str {
    fastest().map_or("portable code", Vectors::name)
}

/// The fastest vectors of this processor that agree with the `argon2` crate, here and now, on one small hash: a virtual machine may promise
/// instructions that it gets wrong, and a wrong hash locks people out. Takes a tenth of a millisecond.
fn fastest() -> Option<Vectors> {
    let params = argon2::Params::new(64, 2, 1, None).ok()?;
    let mut blocks = vec![Block::new(); params.block_count()];
    let mut expected = [0; DIGEST_BYTES];
    let (algorithm, version, salt) = (Algorithm::Argon2id, Version::V0x13, [0x5a; SALT_BYTES]);
    Argon2::new(algorithm, version, params.clone())
        .hash_password_into_with_memory(b"known", &salt, &mut expected, &mut blocks)
        .ok()?;
    let inputs = Inputs { algorithm, version, params: &params, password: b"known", salt: &salt, secret: b"" };
    Vectors::all().into_iter().find(|vectors| {
        let mut digest = [0; DIGEST_BYTES];
        vectors.hash(&inputs, &mut blocks, &mut digest).is_ok() && digest == expected
    })
}

impl Hasher {
    /// A new Argon2id hash as a PHC string.
    pub(crate) fn hash(
        &mut self,
        params: &Argon2Params,
        password: &[u8],
        salt: [u8; SALT_BYTES],
    ) -> Result<String, Failed> {
        let mut digest = Zeroizing::new([0_u8; DIGEST_BYTES]);
        let cost = (Algorithm::Argon2id, Version::V0x13, params);
        self.argon2(cost, password, &salt, digest.as_mut_slice())?;
        let (salt, digest) = (BASE64.encode(salt), BASE64.encode(digest.as_slice()));
        Ok(format!("${}$v=19${params}${salt}${digest}", HashKind::Argon2id))
    }

    /// Whether the password is the stored hash's. Compares in constant time.
    pub(crate) fn verify(&mut self, stored: &Stored, password: &[u8]) -> Result<bool, Failed> {
        if !stored.takes(password.len()) {
            return Ok(false);
        }
        let password = peppered(stored, password);
        let password = rounds::first(&stored.first, &password);
        let mut buffer = Zeroizing::new([0_u8; MAX_DIGEST_BYTES]);
        let digest = buffer.get_mut(..stored.digest.len()).ok_or(Failed)?;
        // Set to false where the algorithm itself would take another password for this one.
        let mut faithful = true;
        match &stored.cost {
            Cost::Argon2 { algorithm, version, params } => {
                self.argon2((*algorithm, *version, params), &password, &stored.salt, digest)?;
            }
            Cost::Bcrypt { cost, salt } => faithful = bcrypt(*cost, *salt, &password, digest),
            Cost::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(*log_n, *r, *p).map_err(|_| Failed)?;
                scrypt::scrypt(&password, &stored.salt, &params, digest).map_err(|_| Failed)?;
            }
            Cost::Pbkdf2 { sha, iterations } => {
                rounds::pbkdf2(*sha, &password, &stored.salt, *iterations, digest);
            }
            Cost::Scram { sha, iterations } => {
                rounds::scram_stored_key(*sha, &password, &stored.salt, *iterations, digest);
            }
            Cost::ShaCrypt { sha, rounds } => {
                rounds::sha_crypt(*sha, &password, &stored.salt, *rounds, digest)?;
            }
            Cost::Rounds { md5, rounds } => {
                rounds::phpass(*md5, &password, &stored.salt, *rounds, digest);
            }
            Cost::Salted(sha) => rounds::salted(*sha, &password, &stored.salt, digest),
            Cost::AsItIs => rounds::unhexed(&password, digest)?,
            Cost::Firebase { log_n, r, signer_key } => {
                rounds::firebase(&password, &stored.salt, (*log_n, *r), signer_key, digest)?;
            }
        }
        Ok(bool::from(digest.ct_eq(&stored.digest)) & faithful)
    }

    /// The work of verifying against a hash of these parameters, for an answer that is already known to be no.
    pub(crate) fn spend(&mut self, params: &Argon2Params, password: &[u8]) -> Result<(), Failed> {
        let mut digest = Zeroizing::new([0_u8; DIGEST_BYTES]);
        let cost = (Algorithm::Argon2id, Version::V0x13, params);
        self.argon2(cost, password, &[0; SALT_BYTES], digest.as_mut_slice())?;
        std::hint::black_box(bool::from(digest.ct_eq(&[0; DIGEST_BYTES])));
        Ok(())
    }

    /// Whether memory is kept.
    pub(crate) fn holds_memory(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// Gives all memory back if it is more than hashes of `params` need: a stored hash may have asked for more.
    pub(crate) fn keep_only(&mut self, params: &Argon2Params) {
        let enough = usize::try_from(params.memory_kib).unwrap_or(usize::MAX);
        if self.blocks.len() > enough {
            self.release();
        }
    }

    /// Gives all memory back, wiped: its first blocks would let a guess be checked without the hash's cost.
    pub(crate) fn release(&mut self) {
        self.blocks.iter_mut().for_each(Zeroize::zeroize);
        self.blocks = VecIn::new_in(HugeAlloc);
    }

    fn argon2(
        &mut self,
        (algorithm, version, params): (Algorithm, Version, &Argon2Params),
        password: &[u8],
        salt: &[u8],
        digest: &mut [u8],
    ) -> Result<(), Failed> {
        let params = argon2::Params::new(params.memory_kib, params.iterations, params.parallelism, None)
            .map_err(|_| Failed)?;
        let needed = params.block_count();
        if self.blocks.len() < needed {
            // Old blocks would be copied for nothing when the vector grows.
            self.release();
            self.blocks.try_reserve_exact(needed.max(LEAST_RESERVED)).map_err(|_| Failed)?;
            self.blocks.resize(needed, Block::new());
        }
        if let Some(vectors) = self.vectors {
            let inputs = Inputs { algorithm, version, params: &params, password, salt, secret: b"" };
            return vectors.hash(&inputs, &mut self.blocks, digest).map_err(|_| Failed);
        }
        Argon2::new(algorithm, version, params)
            .hash_password_into_with_memory(password, salt, digest, self.blocks.as_mut_slice())
            .map_err(|_| Failed)
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.release();
    }
}

/// With what its import said stands beside every password.
fn peppered(stored: &Stored, password: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(match &stored.pepper {
        Some((PepperAt::PasswordEnd, pepper)) => [password, pepper].concat(),
        Some((PepperAt::PasswordStart, pepper)) => [pepper, password].concat(),
        Some((PepperAt::SaltEnd, _)) | None => password.to_vec(),
    })
}

/// bcrypt as OpenBSD defines it: the password's bytes and a NUL, cut at 72 bytes, so longer passwords verify by their
/// first 72. Answers false for a password that contains NUL: bcrypt repeats its key, which makes `abc` and
/// `abc\0abc` one password, and the C implementations stop at the NUL. The work is done all the same.
fn bcrypt(cost: u32, salt: [u8; 16], password: &[u8], digest: &mut [u8]) -> bool {
    let mut key = Zeroizing::new([0_u8; BCRYPT_BYTES]);
    let length = password.len().min(BCRYPT_BYTES);
    key[..length].copy_from_slice(&password[..length]);
    let used = (length + 1).min(BCRYPT_BYTES);
    let mut output = bcrypt::bcrypt(cost, salt, &key[..used]);
    // 23 of the 24 bytes are stored, by an accident of the first implementation.
    for (place, byte) in digest.iter_mut().zip(output) {
        *place = byte;
    }
    output.zeroize();
    !password.contains(&0)
}

#[cfg(test)]
mod tests;
