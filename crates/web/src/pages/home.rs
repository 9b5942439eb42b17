//! The page at `/`: a quiet sign by the door. Knows nothing of clients or accounts.

use super::Person;
use askama::Template;

/// Says what this address is.
#[derive(Clone, Debug, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// The issuer identifier.
    pub issuer: String,
    /// Where the discovery document is.
    pub discovery_url: String,
    /// Who is signed in, whoever was used last first.
    pub signed_in: Vec<Person>,
    /// Whether the person runs this installation: they are told what comes next.
    pub runs_installation: bool,
    /// Whether the first platform owner is still to be created.
    pub needs_setup: bool,
}

impl HomePage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let quiet = Self {
            issuer: "https://id.example".into(),
            discovery_url: "https://id.example/.well-known/openid-configuration".into(),
            signed_in: Vec::new(),
            runs_installation: false,
            needs_setup: false,
        };
        let signed_in = Self { signed_in: vec![Person::ada()], ..quiet.clone() };
        let grace = Person::of("grace", Some("Grace Hopper"), None);
        let several = Self { signed_in: vec![Person::ada(), grace], ..quiet.clone() };
        let owner = Self { runs_installation: true, ..signed_in.clone() };
        let fresh = Self { needs_setup: true, ..quiet.clone() };
        vec![
            ("quiet", quiet),
            ("signed_in", signed_in),
            ("several", several),
            ("owner", owner),
            ("needs_setup", fresh),
        ]
    }
}
