//! The two pages around signing out: the question and the confirmation (RP-Initiated Logout 1.0). They know
//! nothing of which redirect is allowed; `back` is only ever a registered URI.

use super::Person;
use askama::Template;

/// Asks whether to sign out: the end-user must be asked when the request proves nothing
/// (OpenID Connect RP-Initiated Logout 1.0 section 2).
#[derive(Clone, Debug, Default, Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage {
    /// The client that asks, when it is known.
    pub client_name: Option<String>,
    /// Who is signed in: each of them is signed out.
    pub people: Vec<Person>,
    /// Why the request is not believed, as a sentence; the person can sign out all the same.
    pub problem: Option<String>,
    /// Proves that the question was asked here; travels in the hidden field `logout`.
    pub logout: String,
    /// The request itself, which comes back with the answer.
    pub request: Vec<(String, String)>,
    /// Where the form is posted, with `decision` = `sign_out` or `stay`.
    pub action: String,
}

/// What is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// Whoever was signed in at the browser that is shown the page.
    Here,
    /// One of several who are signed in there.
    OneOfSeveral {
        /// Whose sign-in.
        user_name: String,
        /// Who is signed in still.
        still: Vec<String>,
    },
    /// The sign-in that the client named.
    Named,
    /// None: nobody was signed in.
    Nothing,
}

/// Says what is over, and no more than that.
#[derive(Clone, Debug, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage {
    /// The client that asked, when it is known.
    pub client_name: Option<String>,
    /// What is over.
    pub over: Over,
    /// A registered post-logout redirect URI of that client. Never anything that a request brought along.
    pub back: Option<String>,
    /// Where the client wanted to have the browser sent, which is not registered: to be read, never to be followed.
    pub not_registered: Option<String>,
}

impl SignOutPage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let plain = Self { logout: "Lq2".into(), action: "/sign-out".into(), ..Self::default() };
        let asked = Self {
            client_name: Some("Acme Notes".into()),
            people: vec![Person::ada()],
            request: vec![("client_id".into(), "acme-notes".into()), ("state".into(), "st-1".into())],
            ..plain.clone()
        };
        let doubtful = Self {
            people: vec![Person::ada()],
            problem: Some("id_token_hint is not an ID Token issued here.".into()),
            ..plain.clone()
        };
        let several = Self {
            people: vec![Person::ada(), Person::of("grace", Some("Grace Hopper"), None)],
            ..asked.clone()
        };
        vec![("plain", plain), ("asked", asked), ("several", several), ("doubtful", doubtful)]
    }
}

impl SignedOutPage {
    fn is_nothing(&self) -> bool {
        self.over == Over::Nothing
    }

    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let client_name = Some("Acme Notes".to_owned());
        let back = Some("https://notes.acme.example/".to_owned());
        let plain = Self { client_name: None, over: Over::Here, back: None, not_registered: None };
        let not_registered = Some("https://notes.acme.example/?logout=1".to_owned());
        vec![
            ("plain", plain.clone()),
            ("back", Self { client_name: client_name.clone(), back: back.clone(), ..plain.clone() }),
            ("back_unnamed", Self { back, ..plain.clone() }),
            (
                "one_of_several",
                Self {
                    client_name: client_name.clone(),
                    over: Over::OneOfSeveral {
                        user_name: "ada".into(),
                        still: vec!["grace".into(), "mary".into()],
                    },
                    ..plain.clone()
                },
            ),
            ("named", Self { client_name: client_name.clone(), over: Over::Named, ..plain.clone() }),
            ("nobody", Self { over: Over::Nothing, ..plain.clone() }),
            ("not_registered", Self { client_name, not_registered: not_registered.clone(), ..plain.clone() }),
            ("not_registered_unnamed", Self { not_registered, ..plain }),
        ]
    }
}
