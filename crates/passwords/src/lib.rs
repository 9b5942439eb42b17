//! The slow part: password hashing and the bounded pool of threads that runs it.
//!
//! Owns the algorithms (which stored hashes are read, how new ones are made), the cost of a hash, and the
//! queue in front of the hashing threads, and which machine does what when there are several. Refuses to know users, sessions, storage, HTTP, and where random
//! bytes come from: salts are handed in, or drawn from a function given when the pool starts.

mod balance;
mod calibrate;
mod capacity;
mod guessable;
mod hasher;
mod params;
mod pool;
mod remote;
mod stored;
mod text;

pub use calibrate::{Calibration, Measured, calibrate};
pub use capacity::{Capacity, capacity};
pub use guessable::{Guessable, guessable};
pub use hasher::{
    CannotHash, MAX_PASSWORD_BYTES, SALT_BYTES, argon2_made_by, hash_password, verify_password,
};
pub use params::{Argon2Params, BadParams};
pub use pool::{HashPool, OnBehalfOf, PoolSettings, PoolStats, Reason, Refused, StartError, Terms, Verdict};
pub use remote::{Asking, Done, Remote, RemoteStats, Unanswered, Work};
pub use stored::{BadEnvelope, Envelope, HashKind, PepperAt, UnsupportedHash, from_columns, inspect};

use std::time::Instant;

/// The one place where this crate reads a clock.
#[expect(
    clippy::disallowed_methods,
    reason = "waiting times and hash durations are measured, not decided by; no caller has a monotonic clock to hand in"
)]
fn monotonic() -> Instant {
    Instant::now()
}
