//! The page on which a person makes an account: before going on to a client, or as the first platform owner.
//! Knows nothing of what makes a password or a username acceptable; it shows what it is told.

use super::ClientMark;
use askama::Template;

/// Asks for what a new account needs.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_up.html")]
pub struct SignUpPage {
    /// Whose account it will be, with the hidden field that belongs to it.
    pub purpose: SignUpPurpose,
    /// What stands first, on the way to a client.
    pub client_mark: ClientMark,
    /// Where the form is posted: `/sign-up` or `/setup`.
    pub action: String,
    /// What was typed as username.
    pub username: String,
    /// What was typed as e-mail address.
    pub email: String,
    /// What was typed as name.
    pub name: String,
    /// The shortest password that is accepted, in characters.
    pub password_min_length: usize,
    /// What has to change, in the order of the fields.
    pub errors: Vec<FieldError>,
}

/// Why the account is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignUpPurpose {
    /// Somebody on their way to a client.
    Join {
        /// The client's display name.
        client_name: Option<String>,
        /// The opaque handle of the stored interaction, sent as `interaction`.
        interaction: String,
    },
    /// The person who will run this installation.
    FirstOwner {
        /// The one-time token of the link that was printed at start-up, sent as `token`.
        token: String,
    },
}

/// One thing that has to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field it belongs to; none when it concerns the whole form.
    pub field: Option<SignUpField>,
    /// One short sentence, in plain words.
    pub message: String,
}

/// A field a person fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUpField {
    /// `name`
    Name,
    /// `email`
    Email,
    /// `username`
    Username,
    /// `password`
    Password,
}

impl SignUpField {
    /// The field's name in the form, which is its id in the page too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Username => "username",
            Self::Password => "password",
        }
    }

    /// What stands above it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Email => "Email",
            Self::Username => "Username",
            Self::Password => "Password",
        }
    }
}

impl SignUpPage {
    fn problem_with(&self, field: SignUpField) -> Option<&str> {
        self.errors.iter().find(|error| error.field == Some(field)).map(|error| error.message.as_str())
    }

    /// The summary of the errors takes the focus if there is one, otherwise the first empty field.
    fn takes_focus(&self, field: SignUpField) -> bool {
        let first_empty = if self.name.is_empty() {
            SignUpField::Name
        } else if self.email.is_empty() {
            SignUpField::Email
        } else if self.username.is_empty() {
            SignUpField::Username
        } else {
            SignUpField::Password
        };
        self.errors.is_empty() && field == first_empty
    }

    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let join = Self {
            purpose: SignUpPurpose::Join {
                client_name: Some("Acme Notes".into()),
                interaction: "hTr0w2mKq8Yb".into(),
            },
            client_mark: ClientMark::Initial,
            action: "/sign-up".into(),
            username: String::new(),
            email: String::new(),
            name: String::new(),
            password_min_length: 8,
            errors: Vec::new(),
        };
        let error = |field, message: &str| FieldError { field, message: message.into() };
        let refused = Self {
            username: "ada".into(),
            email: "ada@".into(),
            name: "Ada Lovelace".into(),
            errors: vec![
                error(Some(SignUpField::Email), "This does not look like an email address"),
                error(Some(SignUpField::Password), "The password is too short"),
            ],
            ..join.clone()
        };
        let owner = Self {
            purpose: SignUpPurpose::FirstOwner { token: "q7Zt0nPc".into() },
            action: "/setup".into(),
            ..join.clone()
        };
        let busy = error(None, "Many people are signing up right now. Try again in a moment");
        vec![
            ("join", join.clone()),
            ("refused", refused.clone()),
            ("busy", Self { errors: vec![busy], ..refused }),
            ("first_owner", owner),
        ]
    }
}
