//! The pages that bring a device in (RFC 8628 section 3.3): entering its code, allowing it, and the end. They know nothing of which codes
//! there are.

use askama::Template;

use super::{ClientMark, ConsentPage, Permission, Person, Wait};

/// Asks for the code that a device shows.
#[derive(Clone, Debug, Template)]
#[template(path = "device.html")]
pub struct DevicePage {
    /// The code that the address brought along, to be compared with the device's (RFC 8628 section 3.3.1).
    pub user_code: Option<String>,
    /// What was typed before it was refused.
    pub typed: Option<String>,
    /// Why it was.
    pub problem: Option<DeviceProblem>,
}

/// Why a code leads nowhere. The words stand in the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceProblem {
    /// It cannot be a code.
    Malformed,
    /// No device waits with it: nobody's, expired, or answered.
    Unknown,
    /// Too many were wrong.
    TooMany {
        /// When the next one is let through.
        retry_in: Wait,
    },
}

impl DevicePage {
    fn filled_in(&self) -> &str {
        self.typed.as_ref().or(self.user_code.as_ref()).map_or("", String::as_str)
    }

    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let first = Self { user_code: None, typed: None, problem: None };
        let failed =
            |problem| Self { typed: Some("wdjb mjhx".into()), problem: Some(problem), ..first.clone() };
        vec![
            ("first", first.clone()),
            ("filled_in", Self { user_code: Some("WDJB-MJHT".into()), ..first.clone() }),
            ("malformed", failed(DeviceProblem::Malformed)),
            ("unknown", failed(DeviceProblem::Unknown)),
            ("too_many", failed(DeviceProblem::TooMany { retry_in: Wait::seconds(600) })),
        ]
    }
}

/// Asks whether a device may use the account.
#[derive(Clone, Debug, Template)]
#[template(path = "device_consent.html")]
pub struct DeviceConsentPage {
    /// The client's display name.
    pub client_name: String,
    /// What stands first.
    pub client_mark: ClientMark,
    /// The code that was entered, to be compared with the device's (RFC 8628 section 3.3.1).
    pub user_code: Option<String>,
    /// Who is signed in.
    pub person: Person,
    /// The opaque handle of the stored interaction; travels in a hidden field.
    pub interaction: String,
    /// The address the device asked from.
    pub asked_from: Option<String>,
    /// How long ago.
    pub asked_for: Wait,
    /// What is asked for, in plain words; `offline_access` is better said by `offline`.
    pub permissions: Vec<Permission>,
    /// Whether the device keeps its access after the person signs out.
    pub offline: bool,
}

impl DeviceConsentPage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        let brief = Self {
            client_name: "Acme TV".into(),
            client_mark: ClientMark::Initial,
            user_code: Some("WDJB-MJHT".into()),
            person: Person::ada(),
            interaction: "hTr0w2mKq8Yb".into(),
            asked_from: Some("203.0.113.7".into()),
            asked_for: Wait::seconds(40),
            permissions: ["openid", "profile"].map(ConsentPage::permission).into(),
            offline: true,
        };
        let all = ["openid", "profile", "email", "films:watch"];
        vec![
            ("brief", brief.clone()),
            (
                "long",
                Self {
                    client_name: "The Extraordinarily Thorough Municipal Library Reservation System".into(),
                    person: Person::of_long_name(),
                    asked_from: Some("2001:db8:85a3:8d3:1319:8a2e:370:7348".into()),
                    asked_for: Wait::seconds(300),
                    permissions: all.map(ConsentPage::permission).into(),
                    offline: false,
                    ..brief.clone()
                },
            ),
            ("from_nowhere", Self { asked_from: None, ..brief }),
        ]
    }
}

/// Says what was decided.
#[derive(Clone, Debug, Template)]
#[template(path = "device_result.html")]
pub struct DeviceResultPage {
    /// Whether the device may sign in.
    pub allowed: bool,
}

impl DeviceResultPage {
    /// The page in each of its states.
    pub fn samples() -> Vec<(&'static str, Self)> {
        vec![("allowed", Self { allowed: true }), ("denied", Self { allowed: false })]
    }
}
