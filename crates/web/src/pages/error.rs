//! The error page: what happened, whose turn it is, what to do next, and an id an operator can look up. Knows no
//! stack, no source and no redirect.

use askama::Template;

/// Says what went wrong to a person who did nothing wrong.
#[derive(Clone, Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The HTTP status the page is sent with.
    pub status: u16,
    /// What happened, in a few words.
    pub title: String,
    /// What happened, in a sentence or two.
    pub what_happened: String,
    /// Whose turn it is, and what they do next.
    pub what_to_do: String,
    /// What a link leads to, and its address.
    pub way_on: Option<(String, String)>,
    /// The RFC's error code, for the client's developer.
    pub error_code: Option<String>,
    /// The id under which the log has this request.
    pub request_id: String,
}

impl ErrorPage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let client = Self {
            status: 400,
            title: "This link does not work".into(),
            what_happened: "The address that Acme Notes wants to send you back to is not registered for it. \
                            To keep you safe, you stay here."
                .into(),
            what_to_do:
                "Go back to Acme Notes and try again. If this page comes up again, tell its operator \
                         what stands below."
                    .into(),
            way_on: None,
            error_code: Some("invalid_request".into()),
            request_id: "0199f3c2-7d1e".into(),
        };
        let missing = Self {
            status: 404,
            title: "There is no such page".into(),
            what_happened: "Nothing is found at this address.".into(),
            what_to_do: "Check the address, or go back to where you came from.".into(),
            error_code: None,
            ..client.clone()
        };
        let answered = Self {
            title: "You have answered this already".into(),
            what_happened: "This page belonged to a sign-in that is finished.".into(),
            what_to_do: "Go on in Acme Notes.".into(),
            way_on: Some(("Acme Notes".into(), "https://notes.acme.example".into())),
            ..client.clone()
        };
        vec![("client", client), ("missing", missing), ("answered", answered)]
    }
}
