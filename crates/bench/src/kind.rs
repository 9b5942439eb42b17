//! Kinds of requests, and the steps of a sign-in among them. It owns names and wording, and measures nothing.

/// A kind of request: its name in reports, and what it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
}

/// The parts of an iteration, the iteration itself, and the requests made beside the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// GET the authorization endpoint until the sign-in page stands there.
    Authorize,
    /// POST the sign-in form until the answer stands there: this one waits for the password hash.
    SignIn,
    /// POST the consent form, where the server asks.
    Consent,
    /// The authorization code for tokens.
    Token,
    /// Introspection of the access token.
    Introspect,
    /// The refresh token for new tokens.
    Refresh,
    /// All of it, from the first byte sent to the last one received.
    Iteration,
    /// An introspection beside the load, timed from when it was due.
    BystanderIntrospect,
    /// A refresh beside the load, timed from when it was due.
    BystanderRefresh,
}

impl Step {
    /// Every step, in the order of a report.
    pub const ALL: [Self; 9] = [
        Self::Authorize,
        Self::SignIn,
        Self::Consent,
        Self::Token,
        Self::Introspect,
        Self::Refresh,
        Self::Iteration,
        Self::BystanderIntrospect,
        Self::BystanderRefresh,
    ];

    /// The same as kinds of requests, each in the place of its step.
    pub(crate) const KINDS: [Kind; 9] = [
        Self::Authorize.kind(),
        Self::SignIn.kind(),
        Self::Consent.kind(),
        Self::Token.kind(),
        Self::Introspect.kind(),
        Self::Refresh.kind(),
        Self::Iteration.kind(),
        Self::BystanderIntrospect.kind(),
        Self::BystanderRefresh.kind(),
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.kind().name
    }

    pub(crate) const fn kind(self) -> Kind {
        let (name, meaning) = match self {
            Self::Authorize => ("authorize", "GET the sign-in page"),
            Self::SignIn => ("sign_in", "POST the sign-in form: waits for a password hash"),
            Self::Consent => ("consent", "POST the consent form"),
            Self::Token => ("token", "authorization code for tokens"),
            Self::Introspect => ("introspect", "introspection of the access token"),
            Self::Refresh => ("refresh", "refresh token for new tokens"),
            Self::Iteration => ("iteration", "all of the above, one after another"),
            Self::BystanderIntrospect => {
                ("bystander_introspect", "introspection beside the load, from when it was due")
            }
            Self::BystanderRefresh => ("bystander_refresh", "refresh beside the load, from when it was due"),
        };
        Kind { name, meaning }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_the_kind_in_its_own_place() {
        for (place, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!((step as usize, Step::KINDS[place].name), (place, step.name()));
        }
    }
}
