//! What stands for somebody, and for whoever asks: on every page the same. Knows no account and no registration.

/// Somebody, as every page names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What they are called; without such a name, their username.
    pub name: String,
    /// What tells two of one name apart: their email address, or else their username.
    pub detail: Option<String>,
}

impl Person {
    /// Somebody with this username, name and email address.
    pub fn of(username: &str, name: Option<&str>, email: Option<&str>) -> Self {
        let name = name.filter(|name| !name.is_empty()).unwrap_or(username);
        let detail = Some(email.unwrap_or(username)).filter(|detail| *detail != name);
        Self { name: name.to_owned(), detail: detail.map(str::to_owned) }
    }

    pub(super) fn ada() -> Self {
        Self::of("ada", Some("Ada Lovelace"), Some("ada@example.org"))
    }

    pub(super) fn of_long_name() -> Self {
        let name = "Wolfeschlegelsteinhausenbergerdorff Maximiliane";
        Self::of("maximiliane", Some(name), Some("maximiliane@a-rather-long-municipality-name.example"))
    }
}

/// What stands first on a page that a client sent somebody to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMark {
    /// The client's logo, at this address of ours, and its name.
    Logo(String),
    /// The first letter of its name, and the name.
    Initial,
    /// No client asks but this server.
    Ours,
}
