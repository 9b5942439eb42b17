//! The page that asks which of the signed-in people goes on (`prompt=select_account`). Knows nothing of sessions
//! beyond an opaque handle for each.

use super::{ClientMark, Person};
use askama::Template;

/// Asks who goes on to the client.
#[derive(Clone, Debug, Template)]
#[template(path = "select_account.html")]
pub struct SelectAccountPage {
    /// The client's display name.
    pub client_name: String,
    /// What stands first.
    pub client_mark: ClientMark,
    /// The opaque handle of the stored interaction; travels in a hidden field.
    pub interaction: String,
    /// Who is signed in in this browser, most recent first.
    pub accounts: Vec<Account>,
    /// Where the form is posted: `/select-account`, with `session` = the handle chosen, or empty for another account.
    pub action: String,
}

/// One person who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub person: Person,
    /// The opaque handle of the session; never the session's own secret.
    pub session: String,
}

impl SelectAccountPage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let ada = Account { person: Person::ada(), session: "s1".into() };
        let grace = Account { person: Person::of("grace", None, None), session: "s2".into() };
        let one = Self {
            client_name: "Acme Notes".into(),
            client_mark: ClientMark::Initial,
            interaction: "hTr0w2mKq8Yb".into(),
            accounts: vec![ada.clone()],
            action: "/select-account".into(),
        };
        vec![("one", one.clone()), ("two", Self { accounts: vec![ada, grace], ..one })]
    }
}
