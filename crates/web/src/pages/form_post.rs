//! The page that carries an authorization response in a form (OAuth 2.0 Form Post Response Mode). Knows nothing
//! of what the fields mean.

use askama::Template;

/// Posts itself; without JavaScript a person presses Continue.
#[derive(Clone, Debug, Template)]
#[template(path = "form_post.html")]
pub struct FormPostPage {
    /// The registered redirect URI.
    pub action: String,
    /// The response's parameters, names and values.
    pub fields: Vec<(String, String)>,
}

impl FormPostPage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let answer = |fields: [(&str, &str); 3]| Self {
            action: "https://notes.acme.example/callback".into(),
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        };
        let (state, iss) = (("state", "af0ifjsldkj"), ("iss", "https://id.example"));
        vec![
            ("code", answer([("code", "SplxlOBeZQQYbYS6WxSbIA"), state, iss])),
            ("denied", answer([("error", "access_denied"), state, iss])),
        ]
    }
}
