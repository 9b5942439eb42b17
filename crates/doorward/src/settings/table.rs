//! Every setting, once: from this table come the flags, the environment variables, the keys of the file, the reference page and what
//! `config show` prints. Knows how a value is read, not where it comes from. What bounds, keeps and tells is in `table/running.rs`.

mod running;

use super::Registration;
use super::setting::Preset::{Derived, Unset, Value};
use super::setting::Setting;
use super::value::{
    access_lifetime, address, device_code_lifetime, device_interval, duration, kib, lifetime,
    masked_database, master_key, number, one_of, path, put, rotation, switch,
};
use protocol::{PkcePolicy, SigningAlgorithm};
use provider::StaySignedIn;
use running::RUNNING;

/// All of them, in the order they are shown in.
pub(crate) fn all_settings() -> impl Iterator<Item = &'static Setting> + Clone {
    SERVING.iter().chain(RUNNING)
}

static SIGNING_ALGORITHMS: &[(&str, SigningAlgorithm)] = &[
    ("ES256", SigningAlgorithm::Es256),
    ("RS256", SigningAlgorithm::Rs256),
    ("EdDSA", SigningAlgorithm::EdDsa),
];

/// Who is served, where and how.
static SERVING: &[Setting] = &[
    Setting::new("listen", "ADDRESS", Value("127.0.0.1:8080"), |s, v| put(&mut s.listen, address(v))).help(
        "Where to listen. 127.0.0.1 is reached from this machine only, 0.0.0.0 or [::] from \
             everywhere; port 0 takes a free one.",
        "0.0.0.0:8443",
    ),
    Setting::new("listen_reuse_port", "on|off", Value("off"), |s, v| {
        put(&mut s.listen_reuse_port, switch(v))
    })
    .help(
        "Whether another server of the same system user may listen on the same addresses at the \
             same time (SO_REUSEPORT), so that a new process can take over from the old one. On, a \
             mistaken second server is not noticed.",
        "on",
    ),
    Setting::new(
        "issuer",
        "URL",
        Derived("http://localhost and the port of listen; https with tls.certificate", |s| {
            s.issuer(s.listen).to_string()
        }),
        |s, v| put(&mut s.issuer, v.parse().map(Some)),
    )
    .help(
        "The URL people and clients reach this server by: https and a host, which may have a path. \
             Clients store it, to the letter and without a slash at its end: choose it once, and keep it.",
        "https://id.example.org",
    ),
    Setting::new("data", "DIRECTORY", Value("./doorward-data"), |s, v| put(&mut s.data, path(v))).help(
        "Where the database and the master key are kept, unless those say otherwise. Made at \
             the first start.",
        "/var/lib/doorward",
    ),
    Setting::new("database", "URL", Derived("doorward.db in data", |s| s.database().to_string()), |s, v| {
        put(&mut s.database, v.parse().map(Some))
    })
    .help(
        "The database. sqlite: and the path of a file on a local disk, for one server; or \
             postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE, which several servers can \
             share. Parameters: sslmode=disable, prefer, require, verify-ca or verify-full, and \
             sslrootcert=PATH. Everybody on a machine sees the flags of a process: a password \
             belongs into database_password_file, or into a URL in the environment.",
        "postgres://doorward@db.example.org/doorward?sslmode=verify-full",
    )
    .masked(masked_database),
    Setting::new("database_password_file", "PATH", Unset, |s, v| {
        put(&mut s.database_password_file, path(v).map(Some))
    })
    .help(
        "A file that holds the password for a database on a server, when its URL has none.",
        "/etc/doorward/database.password",
    ),
    Setting::new(
        "master_key_file",
        "PATH",
        Derived("master.key in data", |s| s.master_key_file().display().to_string()),
        |s, v| put(&mut s.master_key_file, path(v).map(Some)),
    )
    .help(
        "The key under which secrets in the database are sealed. Made at the first start, \
             readable by its owner only; back it up apart from the database.",
        "/etc/doorward/master.key",
    ),
    Setting::new("master_key", "KEY", Unset, |s, v| put(&mut s.master_key, master_key(v).map(Some)))
        .help(
            "The master key itself instead of a file: 32 bytes in base64. After a comma, keys \
             before it that old values are still sealed under. The systemd credential \
             doorward-master-key does the same.",
            "(the content of a master key file)",
        )
        .secret(),
    Setting::new("tls.certificate", "PATH", Unset, |s, v| put(&mut s.tls.certificate, path(v).map(Some)))
        .help(
            "The certificate chain in PEM form, our own certificate first. With it the server \
             speaks https itself; a new file is picked up within half a minute, or at once on \
             SIGHUP.",
            "/etc/doorward/tls/fullchain.pem",
        ),
    Setting::new("tls.key", "PATH", Unset, |s, v| put(&mut s.tls.key, path(v).map(Some)))
        .help("The private key of tls.certificate in PEM form.", "/etc/doorward/tls/privkey.pem"),
    Setting::new("tls.client_certificates", "on|off", Value("off"), |s, v| {
        put(&mut s.tls.client_certificates, switch(v))
    })
    .help(
        "Whether clients are asked for a certificate of their own (mutual TLS, RFC 8705). None is \
             ever demanded; but browsers that have one may ask their users which to show.",
        "on",
    ),
    Setting::new("tls.client_ca", "PATH", Unset, |s, v| put(&mut s.tls.client_ca, path(v).map(Some))).help(
        "Certificates of the authorities that vouch for clients, in PEM form: for the method \
             tls_client_auth. Clients' self-signed certificates need none. Read at the start.",
        "/etc/doorward/tls/clients.pem",
    ),
    Setting::new("tls.client_certificate_header", "HEADER", Unset, |s, v| {
        put(&mut s.tls.client_certificate_header, v.parse().map(Some))
    })
    .help(
        "The header in which trusted_proxies pass on the certificates of their clients: \
             Client-Cert (RFC 9440), X-Forwarded-Client-Cert (Envoy), or one that holds PEM (percent-encoded, \
             as nginx's $ssl_client_escaped_cert does) or the base64 of DER (HAProxy, Traefik). From anybody \
             else it is ignored.",
        "Client-Cert",
    ),
    Setting::new("trusted_proxies", "NETWORKS", Value(""), |s, v| put(&mut s.trusted_proxies, v.parse()))
        .help(
            "The proxies whose forwarding_header is believed: addresses and networks. Without them every \
             client behind a proxy counts as one.",
            "127.0.0.1, 10.0.0.0/8",
        ),
    Setting::new("forwarding_header", "HEADER", Value("X-Forwarded-For"), |s, v| {
        put(&mut s.forwarding_header, v.parse())
    })
    .help(
        "The header in which trusted_proxies say whose request they forward: X-Forwarded-For or another \
             list of addresses, or Forwarded (RFC 7239). It must be one that they write or add to \
             themselves: every other one is passed on as a client made it up, and is ignored here.",
        "Forwarded",
    ),
    Setting::new("outgoing.allow", "HOSTS", Value(""), |s, v| put(&mut s.outgoing.allow, v.parse())).help(
        "Where this server may fetch clients' keys from (jwks_uri) beside public addresses: hosts, \
             addresses and networks. Private and special networks are refused otherwise.",
        "keys.internal, 10.1.2.0/24",
    ),
    Setting::new("outgoing.ca_file", "PATH", Unset, |s, v| put(&mut s.outgoing.ca_file, path(v).map(Some)))
        .help(
            "Certificates of authorities to trust when fetching, in PEM form, next to those this \
             machine trusts.",
            "/etc/doorward/internal-ca.pem",
        ),
    Setting::new("metrics_listen", "ADDRESS", Unset, |s, v| put(&mut s.metrics_listen, address(v).map(Some)))
        .help(
            "Where to serve /metrics for Prometheus. Unset, there are none. It has no access \
             control: keep it to a private address.",
            "127.0.0.1:9090",
        ),
    Setting::new("stall_after", "DURATION", Value("100ms"), |s, v| put(&mut s.stall_after, duration(v)))
        .help(
            "A thread that serves connections and does not come back for so long is reported, with what it \
             does. 0s watches none.",
            "500ms",
        ),
    Setting::new("registration", "open|closed", Value("closed"), |s, v| {
        put(&mut s.registration, one_of(v, &[("open", Registration::Open), ("closed", Registration::Closed)]))
    })
    .help("Whether people may make an account themselves.", "open"),
    Setting::new("authorization.pkce", "required|pkce-or-nonce|optional", Value("pkce-or-nonce"), |s, v| {
        put(&mut s.authorization.pkce, one_of(v, &PkcePolicy::ALL.map(|policy| (policy.as_str(), policy))))
    })
    .help(
        "What authorization requests of clients that keep a secret must carry against codes injected by \
             another: PKCE, PKCE or a nonce with openid (RFC 9700 section 2.1.1), or nothing. A client's own \
             registration goes before it; clients without a secret always need PKCE.",
        "required",
    ),
    Setting::new("authorization.unattended", "DURATION", Value("15m"), |s, v| {
        put(&mut s.authorization.unattended, lifetime(v))
    })
    .help(
        "How long a sign-in page waits for its person. From their first act on there is an hour, counted from the beginning.",
        "5m",
    ),
    Setting::new("session.idle", "DURATION", Value("8h"), |s, v| put(&mut s.session.idle, lifetime(v)))
        .help("A browser that was not used for so long signs in again, unless its person chose to stay signed in.", "30m"),
    Setting::new("session.absolute", "DURATION", Value("7d"), |s, v| {
        put(&mut s.session.absolute, lifetime(v))
    })
    .help("A browser signs in again after so long, however much it was used.", "12h"),
    Setting::new("session.stay_signed_in", "off|ask|always", Value("ask"), |s, v| {
        let choices = [("off", StaySignedIn::Off), ("ask", StaySignedIn::Ask), ("always", StaySignedIn::Always)];
        put(&mut s.session.stay_signed_in, one_of(v, &choices))
    })
    .help(
        "Whether people stay signed in when they close the browser, or leave it for longer than session.idle; until \
             session.absolute. With ask they choose on the sign-in page, and who chooses nothing does not: the next \
             person at a computer that others use must not find them signed in. With off the sessions of those who \
             had chosen to are over.",
        "off",
    ),
    Setting::new("tokens.access_token_alg", "ES256|RS256|EdDSA", Value("ES256"), |s, v| {
        put(&mut s.tokens.access_token_alg, one_of(v, SIGNING_ALGORITHMS))
    })
    .help(
        "What signs JWT access tokens, unless their client says otherwise. EdDSA is the fastest, but not \
             everything that checks tokens knows it, and some programs cannot read a JWK Set with such a \
             key in it.",
        "RS256",
    ),
    Setting::new("tokens.access_lifetime", "DURATION", Value("10m"), |s, v| {
        put(&mut s.tokens.access_lifetime, access_lifetime(v))
    })
    .help(
        "How long an access token lives, unless its client has a lifetime of its own. At most a \
             day.",
        "5m",
    ),
    Setting::new("tokens.refresh_lifetime", "DURATION", Value("30d"), |s, v| {
        put(&mut s.tokens.refresh_lifetime, lifetime(v))
    })
    .help("A refresh token that was not used for so long expires.", "14d"),
    Setting::new("tokens.grant_lifetime", "DURATION", Value("180d"), |s, v| {
        put(&mut s.tokens.grant_lifetime, lifetime(v))
    })
    .help("What a user has allowed a client ends after so long, however often it was refreshed.", "365d"),
    Setting::new(
        "tokens.refresh_grace",
        "DURATION",
        Derived("as long as the client's access tokens live", |_| {
            "as long as the client's access tokens live".to_owned()
        }),
        |s, v| put(&mut s.tokens.refresh_grace, duration(v).map(Some)),
    )
    .help(
        "A refresh token that was used gets the same successor again for so long, as long as that was \
             not used: a client that lost the answer, or another tab of it. Longer than an access token \
             lives it never is; 0s is never.",
        "30s",
    ),
    Setting::new("devices.code_lifetime", "DURATION", Value("10m"), |s, v| {
        put(&mut s.devices.code_lifetime, device_code_lifetime(v))
    })
    .help(
        "How long a person has to enter the code that their device shows. Whole seconds, at most \
             1h.",
        "15m",
    ),
    Setting::new("devices.interval", "DURATION", Value("5s"), |s, v| {
        put(&mut s.devices.interval, device_interval(v))
    })
    .help(
        "How long a device waits until it asks again whether its person has decided. Whole \
             seconds, at most 1m; 0s is for measuring.",
        "10s",
    ),
    Setting::new("keys.rotate_every", "DURATION", Value("90d"), |s, v| {
        put(&mut s.keys.rotate_every, rotation(v))
    })
    .help(
        "How long a signing key signs until the next one takes over. Tokens signed before stay \
             valid.",
        "30d",
    ),
    Setting::new("passwords.memory", "SIZE", Value("19MiB"), |s, v| put(&mut s.passwords.memory_kib, kib(v)))
        .help(
            "Argon2id: memory of one hash. More is harder to attack, and slower. Old hashes are \
             replaced at their user's next sign-in.",
            "46MiB",
        ),
    Setting::new("passwords.iterations", "NUMBER", Value("2"), |s, v| {
        put(&mut s.passwords.iterations, number(v, 1, 1_000))
    })
    .help("Argon2id: passes over the memory.", "1"),
    Setting::new("passwords.parallelism", "NUMBER", Value("1"), |s, v| {
        put(&mut s.passwords.parallelism, number(v, 1, 64))
    })
    .help(
        "Argon2id: lanes. They are computed one after the other, so more than 1 gains nothing \
             here; it is for hashes another system must share.",
        "4",
    ),
    Setting::new("passwords.threads", "NUMBER", Value("0"), |s, v| {
        put(&mut s.passwords.threads, number(v, 0, 1_024).map(|n: usize| (n > 0).then_some(n)))
    })
    .help("How many passwords are hashed at once. 0 is one for each core.", "4"),
    Setting::new("passwords.max_wait", "DURATION", Value("3s"), |s, v| {
        put(&mut s.passwords.max_wait, lifetime(v))
    })
    .help(
        "A sign-in that would wait longer than this for its turn is refused at once, with 429 \
             and the time to come back.",
        "5s",
    ),
    Setting::new("passwords.overload_wait", "DURATION", Value("500ms"), |s, v| {
        put(&mut s.passwords.overload_wait, lifetime(v))
    })
    .help(
        "The same once one had to be refused, until the queue is nearly empty: a burst may wait, \
             a flood may not.",
        "1s",
    ),
    Setting::new("passwords.workers", "URLS", Value(""), |s, v| put(&mut s.passwords.workers, v.parse())).help(
        "Other machines that check passwords too, each running `doorward worker`: whoever is done first \
             is asked, and this one when none answers. A worker sees passwords, and what it says of them is \
             believed. http only with worker.allow_plain, and to addresses of a private network.",
        "https://worker-1.internal:8443, https://worker-2.internal:8443",
    ),
    Setting::new("worker.secret_file", "PATH", Unset, |s, v| put(&mut s.worker.secret_file, path(v).map(Some)))
        .help(
            "The file with the secret that a server and its workers share: 32 bytes in base64, as \
             `openssl rand -base64 32` makes them. On a second line, while it is changed, the other one.",
            "/etc/doorward/worker.secret",
        ),
    Setting::new("worker.secret", "SECRET", Unset, |s, v| put(&mut s.worker.secret, master_key(v).map(Some)))
        .help(
            "That secret itself instead of a file; after a comma the other one. The systemd credential \
             doorward-worker-secret does the same.",
            "(the content of a secret file)",
        )
        .secret(),
    Setting::new("worker.ca_file", "PATH", Unset, |s, v| put(&mut s.worker.ca_file, path(v).map(Some))).help(
        "Certificates of the authorities that vouch for workers, in PEM form, instead of those this \
             machine trusts.",
        "/etc/doorward/tls/workers-ca.pem",
    ),
    Setting::new("worker.allow_plain", "on|off", Value("off"), |s, v| {
        put(&mut s.worker.allow_plain, switch(v))
    })
    .help(
        "Whether a server and its workers may speak without TLS on this machine and in private networks. \
             What they say is sealed under the secret either way.",
        "on",
    ),
    Setting::new("worker.timeout", "DURATION", Value("1s"), |s, v| put(&mut s.worker.timeout, lifetime(v))).help(
        "How long a worker may take for a password. After that it is checked elsewhere; after three times \
             in a row the worker is left alone for a while.",
        "2s",
    ),
];
