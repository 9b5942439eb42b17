//! One vocabulary of errors: every OAuth and OpenID Connect error code, and the one HTTP status each has.

use std::borrow::Cow;
use std::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal;)+) => {
        /// An error code of the OAuth and OpenID Connect registries.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $variant,)+ }

        impl ErrorCode {
            /// Every error code Doorward answers with.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The `error` value.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The HTTP status where the error is answered directly rather than by redirect.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }
        }
    };
}

error_codes! {
    /// A parameter is missing, repeated or malformed (RFC 6749 sections 4.1.2.1 and 5.2).
    InvalidRequest = "invalid_request", 400;
    /// Client authentication failed (RFC 6749 section 5.2).
    InvalidClient = "invalid_client", 401;
    /// The code or refresh token is wrong, spent, expired, revoked or another client's (RFC 6749 section 5.2).
    InvalidGrant = "invalid_grant", 400;
    /// The client may not use this grant type or response type (RFC 6749 section 5.2).
    UnauthorizedClient = "unauthorized_client", 400;
    /// RFC 6749 section 5.2.
    UnsupportedGrantType = "unsupported_grant_type", 400;
    /// RFC 6749 section 4.1.2.1.
    UnsupportedResponseType = "unsupported_response_type", 400;
    /// RFC 6749 section 5.2.
    InvalidScope = "invalid_scope", 400;
    /// The person or a rule said no (RFC 6749 section 4.1.2.1, RFC 8628 section 3.5).
    AccessDenied = "access_denied", 400;
    /// The person has not decided yet (RFC 8628 section 3.5).
    AuthorizationPending = "authorization_pending", 400;
    /// Asked again too soon (RFC 8628 section 3.5).
    SlowDown = "slow_down", 400;
    /// The device code is too old (RFC 8628 section 3.5).
    ExpiredToken = "expired_token", 400;
    /// A defect of this server (RFC 6749 section 4.1.2.1).
    ServerError = "server_error", 500;
    /// Overloaded; try again (RFC 6749 section 4.1.2.1).
    TemporarilyUnavailable = "temporarily_unavailable", 503;
    /// `prompt=none`, but something must be shown (OpenID Connect Core section 3.1.2.6).
    InteractionRequired = "interaction_required", 400;
    /// `prompt=none`, but nobody is signed in (OpenID Connect Core section 3.1.2.6).
    LoginRequired = "login_required", 400;
    /// `prompt=none`, but an account must be chosen (OpenID Connect Core section 3.1.2.6).
    AccountSelectionRequired = "account_selection_required", 400;
    /// `prompt=none`, but consent is missing (OpenID Connect Core section 3.1.2.6).
    ConsentRequired = "consent_required", 400;
    /// `request` is not offered (OpenID Connect Core section 6.1).
    RequestNotSupported = "request_not_supported", 400;
    /// `request_uri` is not offered (OpenID Connect Core section 6.2).
    RequestUriNotSupported = "request_uri_not_supported", 400;
    /// `registration` is not offered (OpenID Connect Core section 7.2.1).
    RegistrationNotSupported = "registration_not_supported", 400;
    /// An essential `acr` cannot be met (OpenID Connect Core Error Code unmet_authentication_requirements).
    UnmetAuthenticationRequirements = "unmet_authentication_requirements", 400;
    /// A resource that is malformed, unknown, or not this client's to ask for (RFC 8707 section 2).
    InvalidTarget = "invalid_target", 400;
    /// The access token is missing, wrong, expired or revoked (RFC 6750 section 3.1).
    InvalidToken = "invalid_token", 401;
    /// The access token is too weak for this (RFC 6750 section 3.1).
    InsufficientScope = "insufficient_scope", 403;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as a client reads it: a code, and a sentence for the developer who has to mend it.
///
/// The sentence holds no token, code, password or e-mail address, and only the characters RFC 6749 section 5.2 allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {description}")]
pub struct OAuthError {
    /// The `error` value.
    pub code: ErrorCode,
    /// The `error_description` value.
    pub description: Cow<'static, str>,
    /// What the operator is told beside it.
    pub note: OperatorNote,
}

/// What of a refusal is for the operator alone: never sent to anybody. It holds no secret either.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperatorNote {
    /// Why, where the sentence for the client says less.
    pub reason: Option<&'static str>,
    /// The option or setting that would admit the request.
    pub option: Option<&'static str>,
}

impl OAuthError {
    /// An error with its sentence; characters outside `%x20-21 / %x23-5B / %x5D-7E` become `'`.
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        let description = description.into();
        if description.bytes().all(is_description_byte) {
            return Self { code, description, note: OperatorNote::default() };
        }
        let cleaned =
            description.chars().map(|c| if c.is_ascii() && is_description_byte(c as u8) { c } else { '\'' });
        Self { code, description: Cow::Owned(cleaned.collect()), note: OperatorNote::default() }
    }

    /// The same, with the reason for the operator.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.note.reason = Some(reason);
        self
    }

    /// The same, with the option that would admit the request.
    #[must_use]
    pub fn admitted_by(mut self, option: &'static str) -> Self {
        self.note.option = Some(option);
        self
    }
}

// RFC 6749 section 5.2: error_description
fn is_description_byte(byte: u8) -> bool {
    matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_5_2_only_invalid_client_is_401_at_the_token_endpoint() {
        let token_endpoint = [
            ErrorCode::InvalidRequest,
            ErrorCode::InvalidGrant,
            ErrorCode::UnauthorizedClient,
            ErrorCode::UnsupportedGrantType,
            ErrorCode::InvalidScope,
        ];
        assert!(token_endpoint.iter().all(|code| code.status() == 400));
        assert_eq!(ErrorCode::InvalidClient.status(), 401);
    }

    #[test]
    fn rfc6749_5_2_descriptions_hold_only_allowed_characters() {
        let error = OAuthError::new(ErrorCode::InvalidRequest, "a \"quoted\" \\ ümlaut\r\n");
        assert_eq!(error.description, "a 'quoted' ' 'mlaut''");
    }

    #[test]
    fn codes_are_distinct() {
        let mut texts: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
    }
}
