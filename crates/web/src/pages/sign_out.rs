//! The two pages around signing out: the question and the confirmation (RP-Initiated Logout 1.0). They know
//! nothing of which redirect is allowed; `back` is only ever a registered URI.

use askama::Template;

/// Asks whether to sign out: the end-user must be asked when the request proves nothing
/// (OpenID Connect RP-Initiated Logout 1.0 section 2).
#[derive(Clone, Debug, Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage {
    /// The client that asks, when it is known.
    pub client_name: Option<String>,
    /// The signed-in person's name.
    pub user_name: Option<String>,
    /// The opaque handle of the stored logout request; travels in the hidden field `logout`.
    pub logout: String,
    /// Where the form is posted, with `decision` = `sign_out` or `stay`.
    pub action: String,
}

/// Says that nobody is signed in any more.
#[derive(Clone, Debug, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage {
    /// The client that asked, when it is known.
    pub client_name: Option<String>,
    /// A registered post-logout redirect URI of that client. Never anything that a request brought along.
    pub back: Option<String>,
}

impl SignOutPage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let plain =
            Self { client_name: None, user_name: None, logout: "Lq2".into(), action: "/sign-out".into() };
        let asked = Self {
            client_name: Some("Acme Notes".into()),
            user_name: Some("Ada Lovelace".into()),
            ..plain.clone()
        };
        vec![("plain", plain), ("asked", asked)]
    }
}

impl SignedOutPage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let back = Some("https://notes.acme.example/".to_owned());
        vec![
            ("plain", Self { client_name: None, back: None }),
            ("back", Self { client_name: Some("Acme Notes".into()), back: back.clone() }),
            ("back_unnamed", Self { client_name: None, back }),
        ]
    }
}
