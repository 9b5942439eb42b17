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
    /// The RFC's error code, for the client's developer.
    pub error_code: Option<String>,
    /// The way on: nobody is left with the Back button alone.
    pub lead_on: LeadOn,
    /// The id under which the log has this request.
    pub request_id: String,
}

/// A link that looks like a button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadOn {
    /// What it says.
    pub label: String,
    /// Where it leads. Never anything that a request brought along.
    pub address: String,
}

impl LeadOn {
    /// To this server's own first page.
    pub fn start_page() -> Self {
        Self::new("Go to the start page", "/")
    }

    /// To this address.
    pub fn new(label: impl Into<String>, address: impl Into<String>) -> Self {
        Self { label: label.into(), address: address.into() }
    }
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
                "Go back to Acme Notes and try again. If this page comes up again, share these details with \
                         its operator."
                    .into(),
            error_code: Some("invalid_request".into()),
            lead_on: LeadOn::new("Back to Acme Notes", "https://notes.acme.example/"),
            request_id: "0199f3c2-7d1e".into(),
        };
        let missing = Self {
            status: 404,
            title: "There is no such page".into(),
            what_happened: "Nothing is found at this address.".into(),
            what_to_do: "Check the address, or go back to where you came from.".into(),
            error_code: None,
            lead_on: LeadOn::start_page(),
            ..client.clone()
        };
        let answered = Self {
            title: "You have answered this already".into(),
            what_happened: "This page belonged to a sign-in that is finished.".into(),
            what_to_do: "Go on in Acme Notes.".into(),
            ..client.clone()
        };
        vec![("client", client), ("missing", missing), ("answered", answered)]
    }
}
