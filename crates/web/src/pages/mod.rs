//! What a person sees: one view per page, each a plain struct with a compiled template (`render()`). Views hold
//! words and handles only; they know no request, no database and no decision. Every text is escaped by its
//! template, and no template carries an inline style, script or handler, so the strictest content security
//! policy fits.

mod consent;
mod demo;
mod device;
mod error;
mod form_post;
mod home;
mod person;
mod select_account;
mod sign_in;
mod sign_out;
mod sign_up;

use std::fmt;

use askama::Template;

pub use self::consent::{ConsentPage, Permission};
pub use self::demo::{
    DemoClient, DemoHomePage, DemoResultPage, DemoTelevision, DemoTelevisionPage, DemoToken, DemoUser,
    QrDrawing,
};
pub use self::device::{DeviceConsentPage, DevicePage, DeviceProblem, DeviceResultPage};
pub use self::error::{ErrorPage, LeadOn};
pub use self::form_post::FormPostPage;
pub use self::home::HomePage;
pub use self::person::{ClientMark, Person};
pub use self::select_account::{Account, SelectAccountPage};
pub use self::sign_in::{SignInPage, SignInProblem};
pub use self::sign_out::{Over, SignOutPage, SignedOutPage};
pub use self::sign_up::{FieldError, SignUpField, SignUpPage, SignUpPurpose};

/// A time to wait, which reads as "3 seconds" or "2 minutes"; rounded up, so that nobody comes too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    seconds: u64,
}

impl Wait {
    /// A wait of so many seconds; none at all reads as one second.
    pub fn seconds(seconds: u64) -> Self {
        Self { seconds: seconds.max(1) }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self.seconds {
            0..=90 => (self.seconds, "second"),
            91..=5400 => (self.seconds.div_ceil(60), "minute"),
            _ => (self.seconds.div_ceil(3600), "hour"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

/// The letter that stands for a person where there is no picture.
pub(crate) fn initial(name: &str) -> String {
    name.chars()
        .find(|letter| letter.is_alphanumeric())
        .map_or_else(String::new, |it| it.to_uppercase().collect())
}

/// Every page in each of its states, rendered, under a name such as `sign_in.wrong`: what the tests look at, and
/// what `examples/pages.rs` writes out for human eyes.
///
/// # Errors
///
/// A template's error, which writing to memory does not give.
pub fn samples() -> askama::Result<Vec<(String, String)>> {
    let pages = [
        rendered("sign_in", SignInPage::samples())?,
        rendered("sign_up", SignUpPage::samples())?,
        rendered("consent", ConsentPage::samples())?,
        rendered("device", DevicePage::samples())?,
        rendered("device_consent", DeviceConsentPage::samples())?,
        rendered("device_result", DeviceResultPage::samples())?,
        rendered("select_account", SelectAccountPage::samples())?,
        rendered("sign_out", SignOutPage::samples())?,
        rendered("signed_out", SignedOutPage::samples())?,
        rendered("error", ErrorPage::samples())?,
        rendered("form_post", FormPostPage::samples())?,
        rendered("home", HomePage::samples())?,
        rendered("demo_home", DemoHomePage::samples())?,
        rendered("demo_television", DemoTelevisionPage::samples())?,
        rendered("demo_result", DemoResultPage::samples())?,
    ];
    Ok(pages.into_iter().flatten().collect())
}

fn rendered(page: &str, samples: Vec<(&str, impl Template)>) -> askama::Result<Vec<(String, String)>> {
    samples.into_iter().map(|(state, sample)| Ok((format!("{page}.{state}"), sample.render()?))).collect()
}

#[cfg(test)]
mod tests;
