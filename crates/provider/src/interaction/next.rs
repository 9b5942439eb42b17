//! The pure question: given what was asked and what was done, what is left to do? No I/O, so that every case is a line of a table.

use super::Asked;
use crate::session::SignedIn;
use protocol::{AuthorizationRequest, ConsentPolicy, ErrorCode, OAuthError, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;
use storage::consent::Consent;

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Create an account.
    SignUp,
    /// Sign in.
    SignIn,
    /// Prove again who one is.
    SignInAgain,
    /// Choose an account.
    SelectAccount,
    /// Allow or deny what was not allowed before.
    Consent,
    /// Confirm: everything was allowed before, but the client is not proven to be itself.
    Confirm,
    /// The person signed in is not the one the client asked about.
    WrongSubject,
    /// Nothing.
    Grant,
}

impl Next {
    /// What `prompt=none` is answered with (OpenID Connect Core section 3.1.2.6).
    pub(crate) fn as_error(self) -> OAuthError {
        let (code, description) = match self {
            Self::SignUp | Self::SignIn => (ErrorCode::LoginRequired, "nobody is signed in"),
            Self::SignInAgain => (ErrorCode::LoginRequired, "the sign-in is too old"),
            Self::WrongSubject => (ErrorCode::LoginRequired, "somebody else is signed in"),
            Self::SelectAccount => (ErrorCode::AccountSelectionRequired, "an account must be chosen"),
            Self::Consent => (ErrorCode::ConsentRequired, "consent is required"),
            Self::Confirm | Self::Grant => (ErrorCode::InteractionRequired, "the person must confirm"),
        };
        OAuthError::new(code, description)
    }
}

/// What is left to do, given what the person allowed this client before.
pub(crate) fn next(asked: Asked<'_>, consent: Option<&Consent>, now: Timestamp) -> Next {
    let Asked { client, request, progress, .. } = asked;
    let prompts = request.prompts;
    let here = asked.signed_in.is_some_and(|signed_in| progress.signed_in == Some(signed_in.session.id));
    if prompts.create && !here {
        return Next::SignUp;
    }
    let Some(signed_in) = asked.signed_in.filter(|_| !progress.wants_another || here) else {
        return Next::SignIn;
    };
    if request.subject.as_ref().is_some_and(|subject| *subject != signed_in.user.id.to_string()) {
        return if here || prompts.none { Next::WrongSubject } else { Next::SignIn };
    }
    if !here && (prompts.login || is_too_old(request, signed_in, now)) {
        return Next::SignInAgain;
    }
    if prompts.select_account && !here && progress.chose != Some(signed_in.session.id) {
        return Next::SelectAccount;
    }
    if prompts.consent || (client.consent == ConsentPolicy::Required && !covers(consent, request)) {
        return Next::Consent;
    }
    // RFC 8252 section 8.6: any program may pose as a public client whose redirect URI proves nothing; what was allowed before is
    // no consent now, unless the operator vouches for the client or the person just acted.
    let unproven = !client.authentication.is_confidential() && request.redirect_uri.is_unproven();
    if unproven && client.consent == ConsentPolicy::Required && !here {
        return Next::Confirm;
    }
    Next::Grant
}

fn is_too_old(request: &AuthorizationRequest, signed_in: &SignedIn, now: Timestamp) -> bool {
    request
        .max_age
        .is_some_and(|max_age| now.since(signed_in.session.auth_time) >= Duration::from_secs(max_age.into()))
}

fn covers(consent: Option<&Consent>, request: &AuthorizationRequest) -> bool {
    consent.is_some_and(|consent| {
        consent.scope.covers(&request.scope) && named_claims(request).is_subset(&consent.claims)
    })
}

/// The user's claims asked for by name.
pub(crate) fn named_claims(request: &AuthorizationRequest) -> BTreeSet<String> {
    let claims = &request.claims;
    claims
        .id_token
        .keys()
        .chain(claims.userinfo.keys())
        .filter(|name| protocol::claims::is_standard(name))
        .cloned()
        .collect()
}
