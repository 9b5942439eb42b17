//! Where a server is reached and how it shows who it is: a free port, a certificate. Knows no engine.

use crate::programs::Account;
#[cfg(feature = "tls")]
use crate::programs::give;
use anyhow::{Result, bail};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Below the ports that the system hands out: a client that tries to reach a server which is down must not meet itself there.
pub(crate) fn free_port() -> Result<u16> {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(37);
    for _ in 0..1_000 {
        let port = 15_000 + (begin.wrapping_add(TRIED.fetch_add(1, Relaxed)) % 15_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port")
}

#[cfg(feature = "tls")]
pub(crate) fn certificate(folder: &Path, account: Option<Account>) -> Result<Option<(PathBuf, PathBuf)>> {
    use std::os::unix::fs::PermissionsExt as _;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    // PostgreSQL refuses a key that others can read.
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    give(&certificate, account)?;
    give(&key, account)?;
    Ok(Some((certificate, key)))
}

#[cfg(not(feature = "tls"))]
pub(crate) fn certificate(_: &Path, _: Option<Account>) -> Result<Option<(PathBuf, PathBuf)>> {
    Ok(None)
}
