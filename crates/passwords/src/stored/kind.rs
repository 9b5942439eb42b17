//! Which forms there are, and why one is refused.

use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident => $text:literal,)+) => {
        /// Which algorithm made a stored hash.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum HashKind {
            $($(#[$doc])+ $name,)+
        }

        impl fmt::Display for HashKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text),+ })
            }
        }
    };
}

kinds! {
    /// RFC 9106; what this crate makes.
    Argon2id => "argon2id",
    /// RFC 9106.
    Argon2i => "argon2i",
    /// RFC 9106.
    Argon2d => "argon2d",
    /// `$2a$`, `$2b$`, `$2y$`. Only the first 72 bytes of a password count.
    Bcrypt => "bcrypt",
    /// bcrypt over a SHA-256, as Django and passlib make it.
    BcryptSha256 => "bcrypt-sha256",
    /// bcrypt over an HMAC-SHA-384, as WordPress makes it since 6.8.
    WordPress => "wordpress",
    /// RFC 7914.
    Scrypt => "scrypt",
    /// Firebase's: a project's key encrypted under scrypt.
    FirebaseScrypt => "firebase-scrypt",
    /// RFC 8018 with HMAC-SHA-1.
    Pbkdf2Sha1 => "pbkdf2-sha1",
    /// RFC 8018 with HMAC-SHA-256.
    Pbkdf2Sha256 => "pbkdf2-sha256",
    /// RFC 8018 with HMAC-SHA-384.
    Pbkdf2Sha384 => "pbkdf2-sha384",
    /// RFC 8018 with HMAC-SHA-512.
    Pbkdf2Sha512 => "pbkdf2-sha512",
    /// `$5$` of Unix crypt.
    Sha256Crypt => "sha256-crypt",
    /// `$6$` of Unix crypt.
    Sha512Crypt => "sha512-crypt",
    /// `$P$` and `$H$`: many rounds of MD5.
    Phpass => "phpass",
    /// `$S$`: many rounds of SHA-512.
    Drupal => "drupal-sha512",
    /// RFC 2307's `{SSHA}`: one SHA-1.
    SaltedSha1 => "salted-sha1",
    /// One SHA-256.
    SaltedSha256 => "salted-sha256",
    /// One SHA-512.
    SaltedSha512 => "salted-sha512",
    /// `:B:` of MediaWiki: two MD5.
    MediaWikiB => "mediawiki-b",
    /// RFC 5803: what a SCRAM-SHA-1 server keeps.
    ScramSha1 => "scram-sha-1",
    /// RFC 7677: what a SCRAM-SHA-256 server keeps.
    ScramSha256 => "scram-sha-256",
}

/// Why a stored hash cannot be verified. Never contains any part of the hash but the number that is too large.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedHash {
    /// Not one of the formats.
    #[error(
        "this is of no known form of password hash: \"Moving users from another system\" in the guide lists what is read"
    )]
    UnknownFormat,
    /// It stands for a user who cannot sign in with a password, as other systems write it.
    #[error("this marks a user without a password, as Django and Unix write it")]
    NoPassword,
    /// The form is known, and not read.
    #[error("this is {form}, which is not read, because {why}: these users need a new password")]
    NotRead {
        /// What it is called.
        form: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// The form is read, and needs what only an import can be told.
    #[error("this is {form}, which is read by `doorward user import` when it is given {needs}")]
    Incomplete {
        /// What it is called.
        form: &'static str,
        /// What is missing.
        needs: &'static str,
    },
    /// The format is known, and this is not a whole hash of it.
    #[error("damaged {kind} hash: {what}")]
    Damaged {
        /// The algorithm its beginning names.
        kind: HashKind,
        /// What is wrong.
        what: &'static str,
    },
    /// Verifying it would take more time or memory than a sign-in may.
    #[error("{kind} hash is too expensive: {what} is {given}, at most {most} is accepted")]
    TooExpensive {
        /// The algorithm.
        kind: HashKind,
        /// Which quantity.
        what: &'static str,
        /// What the hash asks for.
        given: u64,
        /// What is accepted.
        most: u64,
    },
}
