//! The sign-in page: who asks, one form, the ways out. Knows nothing of how a password is verified, and says
//! the same thing whether the username or the password was wrong.

use askama::Template;

use super::{ClientMark, Person, Wait};

/// Asks for a username and a password.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// The client's display name.
    pub client_name: String,
    /// What stands first.
    pub client_mark: ClientMark,
    /// The host of the redirect URI, so that a borrowed name is noticed.
    pub client_host: Option<String>,
    /// The opaque handle of the stored interaction; travels in hidden fields.
    pub interaction: String,
    /// Whether the person wants to stay signed in; nothing where that is not theirs to choose.
    pub stay: Option<bool>,
    /// Where the form is posted: `/sign-in`.
    pub action: String,
    /// What is already in the username field: typed before a failed attempt, or the request's `login_hint`.
    pub username: String,
    /// Why the last attempt did not sign in.
    pub error: Option<SignInProblem>,
    /// Whether to offer `/sign-up?interaction=..`.
    pub can_sign_up: bool,
    /// The person to confirm when somebody is signed in already (`prompt=login`, `max_age`).
    pub again_as: Option<Person>,
}

/// Why an attempt did not sign in. The words stand in the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInProblem {
    /// One text for both, and for a user who does not exist: the page must not tell who has an account.
    WrongUsernameOrPassword,
    /// The rate limit of this address or account is used up.
    TooManyAttempts {
        /// When the next attempt is let through.
        retry_in: Wait,
    },
    /// The password queue is full; nothing was checked.
    Busy {
        /// When it is worth trying again.
        retry_in: Wait,
    },
    /// The interaction was too old; the page carries a new one.
    Expired,
}

impl SignInPage {
    fn wrong(&self) -> bool {
        self.error == Some(SignInProblem::WrongUsernameOrPassword)
    }

    /// After a wrong password the summary does not take the focus: the field to type in again does, and the
    /// summary describes it, so it is read out just the same.
    fn summary_takes_focus(&self) -> bool {
        self.error.is_some() && !self.wrong()
    }

    fn username_takes_focus(&self) -> bool {
        self.username.is_empty() && !self.summary_takes_focus()
    }

    fn password_takes_focus(&self) -> bool {
        !self.username.is_empty() && !self.summary_takes_focus()
    }

    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let first = Self {
            client_name: "Acme Notes".into(),
            client_mark: ClientMark::Initial,
            client_host: Some("notes.acme.example".into()),
            interaction: "hTr0w2mKq8Yb".into(),
            stay: Some(false),
            action: "/sign-in".into(),
            username: String::new(),
            error: None,
            can_sign_up: true,
            again_as: None,
        };
        let failed = |error| Self { username: "ada".into(), error: Some(error), ..first.clone() };
        vec![
            ("first", first.clone()),
            ("hinted", Self { username: "ada".into(), can_sign_up: false, ..first.clone() }),
            ("again", Self { username: "ada".into(), again_as: Some(Person::ada()), ..first.clone() }),
            ("wrong", failed(SignInProblem::WrongUsernameOrPassword)),
            ("too_many", failed(SignInProblem::TooManyAttempts { retry_in: Wait::seconds(90) })),
            ("busy", failed(SignInProblem::Busy { retry_in: Wait::seconds(3) })),
            ("expired", failed(SignInProblem::Expired)),
        ]
    }
}
