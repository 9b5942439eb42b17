//! The pages of the demo's relying party, "Acme Notes": another party, so it wears other colours. Knows nothing
//! of Doorward beyond what any client sees.

use askama::Template;

/// Where a visitor of the demo begins.
#[derive(Clone, Debug, Template)]
#[template(path = "demo/home.html")]
pub struct DemoHomePage {
    /// The issuer identifier of the OpenID Provider.
    pub issuer: String,
    /// Who signed out just now.
    pub signed_out: Option<String>,
    /// The address of this page, where a phone can reach it.
    pub phone: Option<QrDrawing>,
    /// Where a sign-in starts: `/demo/sign-in`.
    pub sign_in_url: String,
    /// Who can sign in. Their passwords are shown, because this is a demo.
    pub users: Vec<DemoUser>,
    /// The clients that are set up for somebody's own tests.
    pub clients: Vec<DemoClient>,
    /// Names and addresses of the provider's endpoints.
    pub endpoints: Vec<(String, String)>,
}

/// A person of the demo.
#[derive(Clone, Debug)]
pub struct DemoUser {
    /// What to type as username.
    pub username: String,
    /// What to type as password.
    pub password: String,
    /// The person's name.
    pub name: String,
}

/// A client of the demo.
#[derive(Clone, Debug)]
pub struct DemoClient {
    /// The client's display name.
    pub name: String,
    /// Its `client_id`.
    pub client_id: String,
    /// Its secret; a public client has none.
    pub client_secret: Option<String>,
    /// Where the browser may return to.
    pub redirect_uris: Vec<String>,
}

/// What the relying party got: every token, taken apart.
#[derive(Clone, Debug, Template)]
#[template(path = "demo/result.html")]
pub struct DemoResultPage {
    /// Names and values of what the ID Token says about the person.
    pub claims: Vec<(String, String)>,
    /// The ID Token's header, as indented JSON.
    pub id_token_header_json: String,
    /// The ID Token's claims, as indented JSON.
    pub id_token_claims_json: String,
    /// The ID Token's instants, as people read them.
    pub id_token_times: Vec<(String, String)>,
    /// The access token's.
    pub access_token_times: Vec<(String, String)>,
    /// Every token, as it came.
    pub raw_tokens: Vec<DemoToken>,
    /// The access token's claims, as indented JSON.
    pub access_token_claims_json: String,
    /// Whether a refresh token came along.
    pub refresh_token_present: bool,
    /// The answer of the UserInfo endpoint, as indented JSON.
    pub userinfo_json: String,
    /// The answer of the introspection endpoint (RFC 7662), as indented JSON.
    pub introspection_json: String,
    /// A link that signs out at the provider.
    pub sign_out_url: String,
    /// Where a form is posted to spend the refresh token: a link would let a prefetching browser spend it.
    pub refresh_url: String,
}

/// A token as it came.
#[derive(Clone, Debug)]
pub struct DemoToken {
    /// Which.
    pub name: &'static str,
    /// Its place in the page.
    pub id: &'static str,
    /// The token.
    pub raw: String,
}

/// What the demo's television shows (RFC 8628 section 3.2).
#[derive(Clone, Debug, Template)]
#[template(path = "demo/television.html")]
pub struct DemoTelevisionPage {
    /// How far it is.
    pub state: DemoTelevision,
}

/// How far a television is.
#[derive(Clone, Debug)]
pub enum DemoTelevision {
    /// Until somebody decides. The page reloads itself, and that is its poll.
    Waiting {
        /// What to enter.
        user_code: String,
        /// Where.
        verification_uri: String,
        /// The address with the code in it, where a phone can open it.
        qr: Option<QrDrawing>,
    },
    /// Somebody allowed it.
    SignedIn {
        /// Who.
        name: String,
    },
    /// Nobody did.
    Over {
        /// Why, as a sentence.
        why: String,
    },
}

/// A QR code as one path: a unit square for each dark module.
#[derive(Clone, Debug)]
pub struct QrDrawing {
    /// Modules along each side.
    pub width: usize,
    /// The path's data.
    pub path: String,
}

impl QrDrawing {
    fn sample() -> Self {
        Self { width: 5, path: "M0 0h5v1h-5zM0 2h1v1h-1zM2 2h1v1h-1zM0 4h5v1h-5z".into() }
    }

    /// With four light modules around it: readers look for them (ISO/IEC 18004 section 5.3.8).
    fn view_box(&self) -> String {
        format!("-4 -4 {0} {0}", self.width + 8)
    }

    /// Each module is so many whole pixels wide: its edges are sharp.
    fn pixels(&self) -> usize {
        (self.width + 8) * 6
    }
}

impl DemoTelevisionPage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let waiting = DemoTelevision::Waiting {
            user_code: "WDJB-MJHT".into(),
            verification_uri: "http://127.0.0.1:8080/device".into(),
            qr: None,
        };
        let scannable = DemoTelevision::Waiting {
            user_code: "WDJB-MJHT".into(),
            verification_uri: "https://192.0.2.7:8080/device".into(),
            qr: Some(QrDrawing::sample()),
        };
        let signed_in = DemoTelevision::SignedIn { name: "Ada Lovelace".into() };
        let over = DemoTelevision::Over { why: "Somebody denied it.".into() };
        [("waiting", waiting), ("scannable", scannable), ("signed_in", signed_in), ("over", over)]
            .map(|(name, state)| (name, Self { state }))
            .into()
    }
}

impl DemoHomePage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let user = |username: &str, name: &str| DemoUser {
            username: username.into(),
            password: "correct horse battery".into(),
            name: name.into(),
        };
        let client = |name: &str, client_id: &str, client_secret: Option<&str>| DemoClient {
            name: name.into(),
            client_id: client_id.into(),
            client_secret: client_secret.map(str::to_owned),
            redirect_uris: vec!["http://127.0.0.1:8400/callback".into()],
        };
        let endpoints = [
            ("Discovery", "http://127.0.0.1:8080/.well-known/openid-configuration"),
            ("Authorization", "http://127.0.0.1:8080/oauth2/authorize"),
            ("Token", "http://127.0.0.1:8080/oauth2/token"),
        ];
        let home = Self {
            issuer: "http://127.0.0.1:8080".into(),
            signed_out: None,
            phone: None,
            sign_in_url: "/demo/sign-in".into(),
            users: vec![user("ada", "Ada Lovelace"), user("grace", "Grace Hopper")],
            clients: vec![
                client("Web", "demo-web", Some("k3Wb0fH2tUq7sYp1LxZc9aVd4eRm6nGj8oTi5hSuQw0")),
                client("Phone", "demo-phone", None),
            ],
            endpoints: endpoints.map(|(name, url)| (name.to_owned(), url.to_owned())).into(),
        };
        let signed_out = Self {
            signed_out: Some("Ada Lovelace".into()),
            phone: Some(QrDrawing::sample()),
            ..home.clone()
        };
        vec![("home", home), ("signed_out", signed_out)]
    }
}

impl DemoResultPage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let claims =
            [("sub", "018f3c2a-77aa-7c1e-9d44-5f2f"), ("name", "Ada Lovelace"), ("email", "ada@example.org")];
        let json = "{\n  \"iss\": \"http://127.0.0.1:8080\",\n  \"sub\": \"018f3c2a-77aa-7c1e-9d44-5f2f\",\n  \
                    \"at_hash\": \"77QmUPtjPfzWtF2AnpK9RQ\",\n  \"exp\": 1764000000\n}";
        let times = vec![("exp".to_owned(), "2025-11-24 16:10:00 UTC (in 10 minutes)".to_owned())];
        let granted = Self {
            claims: claims.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            id_token_header_json:
                "{\n  \"alg\": \"EdDSA\",\n  \"kid\": \"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\"\n}"
                    .into(),
            id_token_claims_json: json.into(),
            id_token_times: times.clone(),
            access_token_times: times,
            raw_tokens: vec![DemoToken {
                name: "ID Token",
                id: "id-token-raw",
                raw: "eyJhbGciOiJFZERTQSJ9.".repeat(30),
            }],
            access_token_claims_json: json.into(),
            refresh_token_present: true,
            userinfo_json: "{\n  \"sub\": \"018f3c2a-77aa-7c1e-9d44-5f2f\"\n}".into(),
            introspection_json: "{\n  \"active\": true\n}".into(),
            sign_out_url: "/demo/sign-out".into(),
            refresh_url: "/demo/refresh".into(),
        };
        let online = Self { refresh_token_present: false, ..granted.clone() };
        vec![("granted", granted), ("online", online)]
    }
}
