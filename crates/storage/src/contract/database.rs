//! Which database: a file or a server, as one URL. Knows how such a URL is written and never shows the password in it; opens nothing.

use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the state is kept. Its `Display` and `Debug` show the URL without its password.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file on a local disk: `sqlite:PATH`.
    Sqlite(PathBuf),
    /// A server that speaks PostgreSQL's protocol: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, or `postgresql://`.
    Postgres(Box<Server>),
    /// A server that speaks MySQL's protocol: `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, or `mariadb://`.
    Mysql(Box<Server>),
}

/// A database on a server.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Who signs in; without it, the user the program runs as.
    pub user: Option<String>,
    /// Shown by nothing.
    pub password: Option<String>,
    /// Host and port, in the order they are tried. A host that begins with `/` is a Unix socket: PostgreSQL's directory, MySQL's file.
    pub hosts: Vec<(String, u16)>,
    /// The database on that server.
    pub name: String,
    /// Whether and how the connection is encrypted.
    pub tls: Tls,
}

/// How a connection is encrypted: `sslmode=MODE&sslrootcert=PATH`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// What is insisted on.
    pub mode: TlsMode,
    /// The certificate authorities that are believed, in PEM form; the system's without it.
    pub roots: Option<PathBuf>,
}

/// What is insisted on; the words of PostgreSQL's own tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// `disable`: never encrypted.
    Disable,
    /// `prefer`: encrypted if the server can; nothing is proved.
    #[default]
    Prefer,
    /// `require`: encrypted; with `sslrootcert` the certificate is checked too, without it, nothing is proved.
    Require,
    /// `verify-ca`: encrypted, and the certificate comes from an authority that is believed.
    VerifyCa,
    /// `verify-full`: and it is the certificate of the host that was asked for.
    VerifyFull,
}

const TLS_MODES: [(&str, TlsMode); 5] = [
    ("disable", TlsMode::Disable),
    ("prefer", TlsMode::Prefer),
    ("require", TlsMode::Require),
    ("verify-ca", TlsMode::VerifyCa),
    ("verify-full", TlsMode::VerifyFull),
];

const EXPECTED: &str = "sqlite: and the path of a file, such as sqlite:/var/lib/doorward/doorward.db, or the URL of a server, such as \
                        postgres://doorward@db.example.org/doorward or mysql://doorward@db.example.org/doorward";

impl Database {
    /// The file, when it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) | Self::Mysql(_) => None,
        }
    }

    /// The server, when it is on one.
    pub fn server(&self) -> Option<&Server> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(server) | Self::Mysql(server) => Some(server),
        }
    }

    /// The same with this password, unless it is a file or has one already.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        if let Self::Postgres(server) | Self::Mysql(server) = &mut self {
            server.password.get_or_insert_with(|| password.to_owned());
        }
        self
    }
}

impl FromStr for Database {
    /// What is expected, to follow the word "expected". It repeats nothing of the URL: there may be a password in it.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", file)) => sqlite_file(file).map(Self::Sqlite),
            Some(("postgres" | "postgresql", rest)) => server(rest, 5432).map(Box::new).map(Self::Postgres),
            Some(("mysql" | "mariadb", rest)) => server(rest, 3306).map(Box::new).map(Self::Mysql),
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(server) => write!(f, "postgres://{server}"),
            Self::Mysql(server) => write!(f, "mysql://{server}"),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        for (index, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match host.contains(':') {
                true => write!(f, "{comma}[{host}]:{port}")?,
                false => write!(f, "{comma}{host}:{port}")?,
            }
        }
        write!(f, "/{}", self.name)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What follows `sqlite:` is a path as it stands: relative, absolute, with spaces.
fn sqlite_file(file: &str) -> Result<PathBuf, String> {
    // `sqlite:///path` is the same file written as a URL with an empty host.
    let file = if file.starts_with("///") { &file[2..] } else { file };
    if file.is_empty() || file == "/" || file.starts_with("//") || file.starts_with(":memory:") {
        return Err("sqlite: and the path of a file, such as sqlite:/var/lib/doorward/doorward.db".to_owned());
    }
    Ok(PathBuf::from(file))
}

/// `//USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?PARAMETER=VALUE`.
fn server(rest: &str, usual_port: u16) -> Result<Server, String> {
    let rest = rest.strip_prefix("//").ok_or_else(|| EXPECTED.to_owned())?;
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, name) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = match credentials.split_once(':') {
        Some((user, password)) => (user, Some(decoded(password)?)),
        None => (credentials, None),
    };
    if name.is_empty() {
        return Err("the name of a database after the server's, such as //db.example.org/doorward".to_owned());
    }
    let mut server = Server {
        user: if user.is_empty() { None } else { Some(decoded(user)?) },
        password,
        hosts: Vec::new(),
        name: decoded(name)?,
        tls: Tls::default(),
    };
    for host in hosts.split(',').filter(|host| !host.is_empty()) {
        server.hosts.push(host_and_port(host, usual_port)?);
    }
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        server.parameter(key, decoded(value)?, usual_port)?;
    }
    if server.hosts.is_empty() {
        server.hosts.push(("localhost".to_owned(), usual_port));
    }
    Ok(server)
}

impl Server {
    fn parameter(&mut self, key: &str, value: String, usual_port: u16) -> Result<(), String> {
        match key {
            "sslmode" | "ssl-mode" => {
                let asked = value.to_lowercase();
                let known = TLS_MODES.iter().find(|(word, _)| *word == asked);
                let words = || format!("sslmode to be one of {}", TLS_MODES.map(|(word, _)| word).join(", "));
                self.tls.mode = known.ok_or_else(words)?.1;
            }
            "sslrootcert" | "ssl-ca" => self.tls.roots = Some(PathBuf::from(value)),
            "host" | "socket" if value.starts_with('/') => self.hosts.push((value, usual_port)),
            _ => {
                return Err(
                    "no other parameters in the URL than sslmode, sslrootcert, and host or socket for a Unix socket"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }
}

fn host_and_port(text: &str, usual_port: u16) -> Result<(String, u16), String> {
    let expected = || "a host and perhaps a port, such as db.example.org:5432 or [::1]:5432".to_owned();
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(expected)?;
            (host, port.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(usual_port), str::parse).map_err(|_| expected())?;
    if host.is_empty() { Err(expected()) } else { Ok((decoded(host)?, port)) }
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| "text in UTF-8, percent-encoded".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_mean_what_they_say_and_hide_their_password() {
        let cases = [
            ("sqlite:a b.db", "sqlite:a b.db"),
            ("sqlite:///a.db", "sqlite:/a.db"),
            ("postgres://u:s3cret@h/d", "postgres://u@h:5432/d"),
            ("postgresql://u:s3cret@h:1,[::1]:2/d?sslmode=verify-full", "postgres://u@h:1,[::1]:2/d"),
            ("mysql://h/d", "mysql://h:3306/d"),
            ("mariadb://u%40x:p%2Fs3cret@h/d", "mysql://u@x@h:3306/d"),
            ("postgres://u@/d?host=%2Frun%2Fpg", "postgres://u@/run/pg:5432/d"),
        ];
        for (text, shown) in cases {
            let database: Database = text.parse().unwrap();
            assert_eq!(database.to_string(), shown);
            assert_eq!(format!("{database:?}"), shown);
            assert!(!format!("{:?}", database.server()).contains("s3cret"));
        }
        let Database::Mysql(server) = "mysql://u:p%2Fw@h/d?ssl-mode=REQUIRE&sslrootcert=/ca".parse().unwrap()
        else {
            panic!("not MySQL")
        };
        assert_eq!((server.user.as_deref(), server.password.as_deref()), (Some("u"), Some("p/w")));
        assert_eq!(server.tls, Tls { mode: TlsMode::Require, roots: Some("/ca".into()) });
    }

    #[test]
    fn what_is_no_database_is_refused_without_being_shown() {
        for text in [
            "s3cret",
            "oracle://u:s3cret@h/d",
            "postgres:s3cret",
            "postgres://u:s3cret@h",
            "postgres://u:s3cret@h:port/d",
            "postgres://u:s3cret@h/d?sslmode=s3cret",
            "postgres://u:%ff@h/d",
            "mysql://h/d?password=s3cret",
            "sqlite:",
            "sqlite::memory:",
        ] {
            let error = text.parse::<Database>().unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_password_is_added_where_there_is_none() {
        let shown = |text: &str| {
            let with: Database = text.parse::<Database>().unwrap().with_password("from a file");
            with.server().and_then(|server| server.password.clone())
        };
        assert_eq!(shown("postgres://u@h/d").as_deref(), Some("from a file"));
        assert_eq!(shown("postgres://u:own@h/d").as_deref(), Some("own"));
        assert_eq!(shown("sqlite:a.db"), None);
    }
}
