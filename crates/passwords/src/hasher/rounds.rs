//! The constructions of hash functions that other systems store: many rounds of one, or one over another. Knows no format.

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::Failed;
use crate::stored::{First, Sha};

/// Of `wp_hash_password`.
const WORDPRESS_KEY: &[u8] = b"wp-sha384";

/// What becomes of the password before its algorithm sees it.
pub(super) fn first(first: &First, password: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = match first {
        First::Nothing => return Zeroizing::new(password.to_vec()),
        First::Sha256Hex => hex(&Sha256::digest(password)),
        First::Sha256Base64 => STANDARD.encode(Sha256::digest(password)),
        First::HmacSha256Base64(key) => STANDARD.encode(hmac_sha256(key, password)),
        First::WordPress => STANDARD.encode(hmac_sha384(WORDPRESS_KEY, password)),
        First::Md5Hex => hex(&Md5::digest(password)),
        First::MediaWikiB(salt) => {
            let inner = hex(&Md5::digest(password));
            hex(&Md5::digest([salt.as_slice(), b"-", inner.as_bytes()].concat()))
        }
    };
    Zeroizing::new(text.into_bytes())
}

/// RFC 8018 section 5.2.
pub(super) fn pbkdf2(sha: Sha, password: &[u8], salt: &[u8], iterations: u32, digest: &mut [u8]) {
    let compute = match sha {
        Sha::One => pbkdf2_hmac::<Sha1>,
        Sha::Two256 => pbkdf2_hmac::<Sha256>,
        Sha::Two384 => pbkdf2_hmac::<Sha384>,
        Sha::Two512 => pbkdf2_hmac::<Sha512>,
    };
    compute(password, salt, iterations, digest);
}

/// RFC 5802 section 3: StoredKey.
pub(super) fn scram_stored_key(sha: Sha, password: &[u8], salt: &[u8], iterations: u32, digest: &mut [u8]) {
    let mut salted = Zeroizing::new([0; 64]);
    let salted = &mut salted[..digest.len()];
    pbkdf2(sha, password, salt, iterations, salted);
    let key = b"Client Key";
    match sha {
        Sha::One => copy(&Sha1::digest(hmac_sha1(salted, key)), digest),
        _ => copy(&Sha256::digest(hmac_sha256(salted, key)), digest),
    }
}

/// The password and the salt, once.
pub(super) fn salted(sha: Sha, password: &[u8], salt: &[u8], digest: &mut [u8]) {
    let all = Zeroizing::new([password, salt].concat());
    match sha {
        Sha::One => copy(&Sha1::digest(all.as_slice()), digest),
        Sha::Two256 => copy(&Sha256::digest(all.as_slice()), digest),
        Sha::Two384 => copy(&Sha384::digest(all.as_slice()), digest),
        Sha::Two512 => copy(&Sha512::digest(all.as_slice()), digest),
    }
}

/// What came before and the password, over and over; the salt and the password at first.
pub(super) fn phpass(md5: bool, password: &[u8], salt: &[u8], rounds: u32, digest: &mut [u8]) {
    let (mut state, length) = if md5 { (vec![0; 16], 16) } else { (vec![0; 64], 64) };
    let hash = |before: &[u8], state: &mut [u8]| match md5 {
        true => copy(&Md5::new().chain_update(before).chain_update(password).finalize(), state),
        false => copy(&Sha512::new().chain_update(before).chain_update(password).finalize(), state),
    };
    hash(salt, &mut state);
    for _ in 0..rounds {
        let before = state.clone();
        hash(&before[..length], &mut state);
    }
    copy(&state, digest);
}

/// `$5$` and `$6$`, in the order in which they are written down (Drepper, "Unix crypt using SHA-256 and SHA-512", step 22).
pub(super) fn sha_crypt(
    sha: Sha,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    digest: &mut [u8],
) -> Result<(), Failed> {
    let params = sha_crypt::Params::new(rounds).map_err(|_| Failed)?;
    let (computed, groups, step) = match sha {
        Sha::Two512 => (sha_crypt::sha512_crypt(password, salt, params).to_vec(), 21, 22),
        _ => (sha_crypt::sha256_crypt(password, salt, params).to_vec(), 10, 11),
    };
    let mut written = Vec::with_capacity(computed.len());
    let wide = step == 22;
    // Three thirds of the digest, a byte of each, in an order that turns with every group; each group is written backwards.
    let (mut a, mut b, mut c) = (0, groups, 2 * groups);
    for _ in 0..groups {
        written.extend([c, b, a]);
        let turned = if wide { (b + 1, c + 1, a + 1) } else { (c + 1, a + 1, b + 1) };
        (a, b, c) = turned;
    }
    if wide {
        written.push(63);
    } else {
        written.extend([30, 31]);
    }
    for (place, index) in digest.iter_mut().zip(written) {
        *place = *computed.get(index).ok_or(Failed)?;
    }
    Ok(())
}

/// The project's key under AES-256 in counter mode, with the first 32 bytes of scrypt as the key and zero as the first counter.
pub(super) fn firebase(
    password: &[u8],
    salt: &[u8],
    (log_n, r): (u8, u32),
    signer_key: &[u8],
    digest: &mut [u8],
) -> Result<(), Failed> {
    let params = scrypt::Params::new(log_n, r, 1).map_err(|_| Failed)?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password, salt, &params, key.as_mut_slice()).map_err(|_| Failed)?;
    let key = UnboundCipherKey::new(&AES_256, key.as_slice()).map_err(|_| Failed)?;
    copy(signer_key, digest);
    let counter = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    let cipher = EncryptingKey::ctr(key).map_err(|_| Failed)?;
    cipher.less_safe_encrypt(digest, counter).map(drop).map_err(|_| Failed)
}

/// The bytes that these hexadecimal digits say.
pub(super) fn unhexed(text: &[u8], digest: &mut [u8]) -> Result<(), Failed> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (place, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
        *place = digit(pair[0]).zip(digit(pair[1])).map(|(high, low)| high * 16 + low).ok_or(Failed)?;
    }
    Ok(())
}

fn hmac_sha1(key: &[u8], text: &[u8]) -> Vec<u8> {
    Hmac::<Sha1>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

fn hmac_sha384(key: &[u8], text: &[u8]) -> Vec<u8> {
    Hmac::<Sha384>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn copy(from: &[u8], to: &mut [u8]) {
    for (place, byte) in to.iter_mut().zip(from) {
        *place = *byte;
    }
}
