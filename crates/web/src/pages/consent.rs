//! The consent page: what a client will be able to do, as whom, for how long, and where the browser returns.
//! Knows nothing of which scopes a client may ask for.

use super::{ClientMark, Person};
use askama::Template;

/// Asks whether a client may use the account.
#[derive(Clone, Debug, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    /// The client's display name.
    pub client_name: String,
    /// The host of the redirect URI; always shown where there is one, because a name can be borrowed.
    pub client_host: Option<String>,
    /// What stands first.
    pub client_mark: ClientMark,
    /// Who is signed in.
    pub person: Person,
    /// The opaque handle of the stored interaction; travels in a hidden field.
    pub interaction: String,
    /// What is asked for, in plain words; `offline_access` is better said by `offline`.
    pub permissions: Vec<Permission>,
    /// Whether the client keeps its access while the person is away (OpenID Connect Core section 11).
    pub offline: bool,
    /// Where the form is posted: `/consent`, with `decision` = `allow` or `deny`.
    pub action: String,
}

/// One thing a client will be able to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Continues "It will be able to ..".
    pub title: String,
    /// What exactly that covers; may be empty.
    pub detail: String,
}

impl ConsentPage {
    /// A scope token in plain words; one that is not known is shown by its name.
    pub fn permission(scope_token: &str) -> Permission {
        // OpenID Connect Core sections 3.1.2.1, 5.4 and 11.
        let (title, detail) = match scope_token {
            "openid" => ("Know who you are", "An identifier that stays the same each time you sign in"),
            "profile" => ("See your profile", "Your name, username, picture, language and the like"),
            "email" => ("See your email address", "And whether it is confirmed"),
            "address" => ("See your postal address", "As it is stored in your account"),
            "phone" => ("See your phone number", "And whether it is confirmed"),
            "offline_access" => ("Keep this access while you are away", "Also after you sign out"),
            unknown => {
                return Permission {
                    title: unknown.to_owned(),
                    detail: "A permission that this client's service defines".to_owned(),
                };
            }
        };
        Permission { title: title.to_owned(), detail: detail.to_owned() }
    }

    /// A claim asked for by name (OpenID Connect Core section 5.5), in plain words.
    pub fn claim(name: &str) -> Permission {
        Permission {
            title: format!("See your {}", name.replace('_', " ")),
            detail: "As it is stored in your account".into(),
        }
    }

    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let brief = Self {
            client_name: "Acme Notes".into(),
            client_host: Some("notes.acme.example".into()),
            client_mark: ClientMark::Logo("/client-logo?client_id=acme-notes&v=1".into()),
            person: Person::ada(),
            interaction: "hTr0w2mKq8Yb".into(),
            permissions: ["openid", "profile", "email"].map(Self::permission).into(),
            offline: false,
            action: "/consent".into(),
        };
        let all = ["openid", "profile", "email", "address", "phone", "notes:write"];
        vec![
            ("brief", brief.clone()),
            (
                "offline",
                Self { permissions: all.map(Self::permission).into(), offline: true, ..brief.clone() },
            ),
            (
                "long_names",
                Self {
                    client_name: "The Extraordinarily Thorough Municipal Library Reservation System".into(),
                    client_host: Some("reservations.library.a-rather-long-municipality-name.example".into()),
                    client_mark: ClientMark::Initial,
                    person: Person::of_long_name(),
                    ..brief
                },
            ),
        ]
    }
}
