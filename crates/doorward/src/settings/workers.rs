//! The settings between a server and its workers: rows of `table` that stand together.

use super::setting::Preset::{Unset, Value};
use super::setting::Setting;
use super::value::{lifetime, master_key, path, put, switch};

pub(super) const WORKERS: Setting =
    Setting::new("passwords.workers", "URLS", Value(""), |s, v| put(&mut s.passwords.workers, v.parse()))
        .help(
            "Other machines that check passwords too, each running `doorward worker`: whoever is done first \
             is asked, and this one when none answers. A worker sees passwords, and what it says of them is \
             believed. http only with worker.allow_plain, and to addresses of a private network.",
            "https://worker-1.internal:8443, https://worker-2.internal:8443",
        );

pub(super) const SECRET_FILE: Setting = Setting::new("worker.secret_file", "PATH", Unset, |s, v| {
    put(&mut s.worker.secret_file, path(v).map(Some))
})
.help(
    "The file with the secret that a server and its workers share: 32 bytes in base64, as \
             `openssl rand -base64 32` makes them. On a second line, while it is changed, the other one.",
    "/etc/doorward/worker.secret",
);

pub(super) const SECRET: Setting =
    Setting::new("worker.secret", "SECRET", Unset, |s, v| put(&mut s.worker.secret, master_key(v).map(Some)))
        .help(
            "That secret itself instead of a file; after a comma the other one. The systemd credential \
             doorward-worker-secret does the same.",
            "(the content of a secret file)",
        )
        .secret();

pub(super) const CA_FILE: Setting =
    Setting::new("worker.ca_file", "PATH", Unset, |s, v| put(&mut s.worker.ca_file, path(v).map(Some))).help(
        "Certificates of the authorities that vouch for workers, in PEM form, instead of those this \
             machine trusts.",
        "/etc/doorward/tls/workers-ca.pem",
    );

pub(super) const ALLOW_PLAIN: Setting = Setting::new("worker.allow_plain", "on|off", Value("off"), |s, v| {
    put(&mut s.worker.allow_plain, switch(v))
})
.help(
    "Whether a server and its workers may speak without TLS on this machine and in private networks. \
             What they say is sealed under the secret either way.",
    "on",
);

pub(super) const TIMEOUT: Setting = Setting::new("worker.timeout", "DURATION", Value("1s"), |s, v| {
    put(&mut s.worker.timeout, lifetime(v))
})
.help(
    "How long a worker may take for a password. After that it is checked elsewhere; after three times \
             in a row the worker is left alone for a while.",
    "2s",
);
