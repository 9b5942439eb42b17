//! Applications that people connect, one list: what each is registered with, and what is then written into it. The guide "Connect an
//! application" is made from it. Knows no storage; what a registration may be is `provider`'s to judge.

#[cfg(test)]
mod guide;
mod libraries;
mod programs;
mod services;
mod tools;

use anyhow::Context as _;
use protocol::{
    Client, ClientAuthentication, ClientId, GrantType, PkcePolicy, RedirectUri, Scope, SigningAlgorithm,
};

/// How an application is registered and set up.
#[derive(Debug)]
pub(crate) struct Preset {
    /// What `--for` takes.
    pub(crate) name: &'static str,
    /// What people call it.
    pub(crate) title: &'static str,
    /// Where its answers go: paths below its URL, or whole URIs.
    redirect: &'static [&'static str],
    /// Where a browser goes after sign-out, likewise.
    post_logout: &'static [&'static str],
    authentication: ClientAuthentication,
    /// None: as the installation says.
    pkce: Option<PkcePolicy>,
    grant_types: &'static [GrantType],
    scope: &'static str,
    /// None: as any new client.
    id_token_alg: Option<SigningAlgorithm>,
    /// None: as any new client.
    access_token_alg: Option<SigningAlgorithm>,
    /// Whether each of its refresh tokens is good once.
    rotate_refresh_tokens: bool,
    /// Paths below its URL that are the audience of its access tokens; none: the issuer.
    audience: &'static [&'static str],
    /// Where its settings stand.
    pub(crate) into: &'static str,
    /// What is written there, with `<issuer>`, `<client_id>`, `<client_secret>`, `<url>` and `<host>` to be filled in.
    settings: &'static str,
    /// What people stumble over.
    notes: &'static [&'static str],
    pub(crate) seen: Seen,
}

/// How it is known that this works.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seen {
    /// This version was connected to Doorward.
    Tried(&'static str),
    /// Read, not tried: the version, and where it is written.
    Read(&'static str, &'static str),
}

const PEOPLE: &[GrantType] = &[GrantType::AuthorizationCode, GrantType::RefreshToken];
const PEOPLE_AND_DEVICES: &[GrantType] =
    &[GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::DeviceCode];
const ITSELF: &[GrantType] = &[GrantType::ClientCredentials];

/// What an application that keeps a secret and signs people in begins with.
const WEB: Preset = Preset {
    name: "",
    title: "",
    redirect: &[],
    post_logout: &[],
    authentication: ClientAuthentication::ClientSecret,
    pkce: None,
    grant_types: PEOPLE,
    scope: "openid profile email",
    id_token_alg: None,
    access_token_alg: None,
    rotate_refresh_tokens: true,
    audience: &[],
    into: "",
    settings: "",
    notes: &[],
    seen: Seen::Tried(""),
};

/// What a program on people's own devices begins with.
const DEVICE: Preset = Preset { authentication: ClientAuthentication::None, ..WEB };

/// What is filled into an application's settings.
pub(crate) struct Values<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: &'a str,
    pub(crate) url: &'a str,
}

/// Every preset, by name.
pub(crate) fn all() -> Vec<&'static Preset> {
    let mut all: Vec<_> =
        [programs::LIST, services::LIST, libraries::LIST, tools::LIST].into_iter().flatten().collect();
    all.sort_by_key(|preset| preset.name);
    all
}

/// The preset of this name.
pub(crate) fn named(name: &str) -> Option<&'static Preset> {
    all().into_iter().find(|preset| preset.name == name)
}

impl Preset {
    /// Whether it must be said where the application is.
    pub(crate) fn needs_url(&self) -> bool {
        self.redirect.iter().chain(self.post_logout).chain(self.audience).any(|text| is_below(text))
            || self.settings.contains("<url>")
            || self.settings.contains("<host>")
    }

    /// The registration of the application at `url`.
    ///
    /// # Errors
    /// When the URL is none that a redirect URI can lie below.
    pub(crate) fn client(&self, id: ClientId, name: String, url: &str) -> anyhow::Result<Client> {
        let uris = |paths: &[&str]| -> anyhow::Result<Vec<RedirectUri>> {
            let parsed = paths.iter().map(|path| below(url, path).parse());
            parsed.collect::<Result<_, _>>().with_context(|| format!("--url {url}"))
        };
        let mut client = Client::new(id, name, self.authentication);
        client.redirect_uris = uris(self.redirect)?;
        client.post_logout_redirect_uris = uris(self.post_logout)?;
        client.grant_types = self.grant_types.iter().copied().collect();
        client.scope = Scope::parse(self.scope)?;
        client.pkce = self.pkce;
        client.rotate_refresh_tokens = self.rotate_refresh_tokens;
        client.audience = self.audience.iter().map(|path| below(url, path)).collect();
        if let Some(algorithm) = self.id_token_alg {
            client.id_token_signed_response_alg = algorithm;
        }
        if let Some(algorithm) = self.access_token_alg {
            client.access_token_signed_response_alg = Some(algorithm);
        }
        Ok(client)
    }

    /// What is written into the application.
    pub(crate) fn settings(&self, values: &Values<'_>) -> String {
        values.filled_into(self.settings.trim())
    }

    /// What people stumble over.
    pub(crate) fn notes(&self, values: &Values<'_>) -> Vec<String> {
        self.notes.iter().map(|note| values.filled_into(note)).collect()
    }

    /// Whether its settings hold the secret.
    pub(crate) fn holds_secret(&self) -> bool {
        self.settings.contains("<client_secret>")
    }
}

impl Values<'_> {
    fn filled_into(&self, text: &str) -> String {
        let values = self;
        let host = values.url.split_once("://").map_or(values.url, |(_, host)| host);
        let filled = [
            ("<issuer>", values.issuer),
            ("<client_id>", values.client_id),
            ("<client_secret>", values.client_secret),
            ("<url>", values.url),
            ("<host>", host.split('/').next().unwrap_or_default()),
        ];
        filled.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

impl Seen {
    /// As the list shows it.
    pub(crate) fn shown(self) -> String {
        match self {
            Self::Tried(version) => version.to_owned(),
            Self::Read(version, _) => format!("not tried ({version})"),
        }
    }
}

/// Whether it is a path, and not a whole URI.
fn is_below(text: &str) -> bool {
    text.is_empty() || text.starts_with('/')
}

fn below(url: &str, path: &str) -> String {
    if is_below(path) { format!("{url}{path}") } else { path.to_owned() }
}

/// The URL of an application, without the slash at its end.
///
/// # Errors
/// When it is no URL.
pub(crate) fn url(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    match url.split_once("://") {
        Some(("http" | "https", rest)) if !rest.is_empty() && !rest.contains(['?', '#', ' ']) => {
            Ok(url.to_owned())
        }
        _ => {
            Err("the URL people reach the application by is expected, such as https://pg.example.org"
                .to_owned())
        }
    }
}
