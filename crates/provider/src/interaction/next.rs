//! The pure question: given what was asked and what was done, what is left to do? No I/O, so that every case is a line of a table.

use super::Asked;
use crate::authentication::accounts::is_hinted;
use crate::authentication::session::SignedIn;
use protocol::{
    AuthorizationRequest, ConsentPolicy, DeviceRequest, ErrorCode, OAuthError, SessionId, Timestamp,
};
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
    /// Allow or deny a device: always asked, whatever was allowed before (RFC 8628 section 5.4).
    Device,
    /// Look the user code up that was entered: nothing for the person to do.
    LookUp,
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
            Self::Confirm | Self::Device | Self::LookUp | Self::Grant => {
                (ErrorCode::InteractionRequired, "the person must confirm")
            }
        };
        OAuthError::new(code, description)
    }

    /// Whose answer counts. In another tab somebody else may sign in meanwhile: they did not see the question.
    pub(crate) fn shown_to(self, signed_in: Option<&SignedIn>) -> Option<SessionId> {
        match self {
            Self::SelectAccount | Self::Consent | Self::Confirm | Self::Device => {
                signed_in.map(|signed_in| signed_in.session.id)
            }
            _ => None,
        }
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
    let chosen = here || progress.chose == Some(signed_in.session.id);
    if request.subject.is_none() && !chosen && !prompts.select_account {
        match &request.login_hint {
            // The client asks about somebody else than is signed in.
            Some(hint) if !is_hinted(hint, &signed_in.user) => return Next::SignIn,
            // An answer about whoever was used last could be about the wrong one.
            None if asked.accounts.are_several() => return Next::SelectAccount,
            _ => {}
        }
    }
    if !here && (prompts.login || is_too_old(request, signed_in, now)) {
        return Next::SignInAgain;
    }
    if prompts.select_account && !here && progress.chose != Some(signed_in.session.id) {
        return Next::SelectAccount;
    }
    match request.device {
        Some(DeviceRequest::Found { .. }) => return Next::Device,
        Some(DeviceRequest::Entered { .. }) => return Next::LookUp,
        None => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authentication::accounts::{Account, Accounts};
    use crate::authentication::session::SignedIn;
    use protocol::{
        ClaimsRequest, Client, ClientAuthentication, ClientId, Prompts, RedirectUri, ResponseMode,
        ResponseType, Scope, SecretHash, SessionId, UserId,
    };
    use storage::interaction::Progress;
    use storage::session::Session;
    use storage::user::User;

    const SIGNED_IN_AT: Timestamp = Timestamp::from_seconds(1_000);
    const NOW: Timestamp = Timestamp::from_seconds(1_100);

    fn client() -> Client {
        Client::new(ClientId::parse("app").unwrap(), "App", ClientAuthentication::ClientSecret)
    }

    fn request() -> AuthorizationRequest {
        AuthorizationRequest {
            client_id: ClientId::parse("app").unwrap(),
            redirect_uri: RedirectUri::parse("https://app.example/cb").unwrap(),
            redirect_uri_given: true,
            response_type: ResponseType::Code,
            response_mode: ResponseMode::Query,
            scope: Scope::parse("openid email").unwrap(),
            state: None,
            nonce: None,
            code_challenge: None,
            prompts: Prompts::default(),
            max_age: None,
            login_hint: None,
            ui_locales: Vec::new(),
            acr_values: Vec::new(),
            subject: None,
            claims: ClaimsRequest::default(),
            resources: Vec::new(),
            device: None,
        }
    }

    fn signed_in() -> SignedIn {
        let user_id = UserId::from_bytes([7; 16]);
        let session = Session {
            id: SessionId::from_bytes([1; 16]),
            secret_hash: SecretHash::from_bytes([0; 32]),
            user_id,
            auth_time: SIGNED_IN_AT,
            amr: "pwd".into(),
            acr: "acr".into(),
            created_at: SIGNED_IN_AT,
            last_seen_at: SIGNED_IN_AT,
            expires_at: NOW,
            ended_at: None,
            persistent: false,
        };
        let user = User {
            id: user_id,
            username: "alice".into(),
            email: None,
            email_verified: false,
            name: None,
            claims: serde_json::Map::new(),
            platform_owner: false,
            created_at: SIGNED_IN_AT,
            updated_at: SIGNED_IN_AT,
            disabled_at: None,
            signed_out_at: None,
        };
        SignedIn { session, user }
    }

    fn consent(scope: &str) -> Consent {
        Consent {
            user_id: UserId::from_bytes([7; 16]),
            client_id: ClientId::parse("app").unwrap(),
            scope: Scope::parse(scope).unwrap(),
            claims: BTreeSet::new(),
            updated_at: SIGNED_IN_AT,
        }
    }

    fn two_accounts() -> Accounts {
        let mut bob = signed_in();
        bob.user.id = UserId::from_bytes([8; 16]);
        bob.session.id = SessionId::from_bytes([2; 16]);
        let account = |signed_in| Account { signed_in, cookie: String::new() };
        Accounts::default().with(account(bob)).with(account(signed_in()))
    }

    #[test]
    fn a_hint_and_several_accounts_ask_whom_it_is_about_until_somebody_acted() {
        let hinted = |hint: &str| Case::settled().with(|c| c.request.login_hint = Some(hint.to_owned()));
        let several = || Case::settled().with(|c| c.accounts = two_accounts());
        let id = signed_in().session.id;
        for (case, expected) in [
            (hinted("Alice"), Next::Grant),
            (hinted(&UserId::from_bytes([7; 16]).to_string()), Next::Grant),
            (hinted("bob"), Next::SignIn),
            (hinted("bob").with(|c| c.progress.signed_in = Some(id)), Next::Grant),
            (hinted("bob").with(|c| c.progress.chose = Some(id)), Next::Grant),
            (
                hinted("bob").with(|c| c.request.subject = Some(UserId::from_bytes([7; 16]).to_string())),
                Next::Grant,
            ),
            (several(), Next::SelectAccount),
            (several().with(|c| c.request.login_hint = Some("alice".to_owned())), Next::Grant),
            (several().with(|c| c.progress.chose = Some(id)), Next::Grant),
        ] {
            assert_eq!(case.next(), expected);
        }
    }

    /// One case: what was asked, what was done, who is signed in, what was allowed before.
    struct Case {
        client: Client,
        request: AuthorizationRequest,
        progress: Progress,
        signed_in: Option<SignedIn>,
        accounts: Accounts,
        consent: Option<Consent>,
    }

    impl Case {
        /// Alice is signed in and allowed it before.
        fn settled() -> Self {
            Self {
                client: client(),
                request: request(),
                progress: Progress::default(),
                signed_in: Some(signed_in()),
                accounts: Accounts::default(),
                consent: Some(consent("openid email profile")),
            }
        }

        fn prompt(text: &str) -> Self {
            let mut case = Self::settled();
            case.request.prompts = Prompts::parse(text).unwrap();
            case
        }

        /// As after a sign-in within this interaction.
        fn here(mut self) -> Self {
            self.progress.signed_in = Some(SessionId::from_bytes([1; 16]));
            self
        }

        fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
            change(&mut self);
            self
        }

        fn next(&self) -> Next {
            let asked = Asked {
                client: &self.client,
                request: &self.request,
                progress: &self.progress,
                signed_in: self.signed_in.as_ref(),
                accounts: &self.accounts,
            };
            next(asked, self.consent.as_ref(), NOW)
        }
    }

    #[test]
    fn who_has_to_sign_in() {
        let alice = UserId::from_bytes([7; 16]).to_string();
        for (name, case, expected) in [
            ("nothing", Case::settled(), Next::Grant),
            ("nobody is signed in", Case::settled().with(|c| c.signed_in = None), Next::SignIn),
            ("prompt=login", Case::prompt("login"), Next::SignInAgain),
            ("prompt=login, done here", Case::prompt("login").here(), Next::Grant),
            ("prompt=select_account", Case::prompt("select_account"), Next::SelectAccount),
            (
                "prompt=select_account, chosen",
                Case::prompt("select_account")
                    .with(|c| c.progress.chose = Some(SessionId::from_bytes([1; 16]))),
                Next::Grant,
            ),
            (
                "wants another account",
                Case::settled().with(|c| c.progress.wants_another = true),
                Next::SignIn,
            ),
            (
                "another account, done",
                Case::settled().with(|c| c.progress.wants_another = true).here(),
                Next::Grant,
            ),
            ("prompt=create", Case::prompt("create"), Next::SignUp),
            ("prompt=create, created", Case::prompt("create").here(), Next::Grant),
            ("prompt=consent asks again", Case::prompt("consent").here(), Next::Consent),
            ("max_age passed", Case::settled().with(|c| c.request.max_age = Some(100)), Next::SignInAgain),
            ("max_age not passed", Case::settled().with(|c| c.request.max_age = Some(101)), Next::Grant),
            (
                "max_age=0, signed in here",
                Case::settled().with(|c| c.request.max_age = Some(0)).here(),
                Next::Grant,
            ),
            (
                "the subject asked about",
                Case::settled().with(|c| c.request.subject = Some(alice)),
                Next::Grant,
            ),
            ("another subject", Case::settled().with(|c| c.request.subject = Some("x".into())), Next::SignIn),
            (
                "another subject, although asked to sign in",
                Case::settled().with(|c| c.request.subject = Some("x".into())).here(),
                Next::WrongSubject,
            ),
        ] {
            assert_eq!(case.next(), expected, "{name}");
        }
    }

    #[test]
    fn what_has_to_be_allowed() {
        let native = |case: &mut Case| {
            case.client.authentication = ClientAuthentication::None;
            case.request.redirect_uri = RedirectUri::parse("http://127.0.0.1:5000/cb").unwrap();
        };
        for (name, case, expected) in [
            ("never allowed", Case::settled().with(|c| c.consent = None), Next::Consent),
            (
                "more than allowed",
                Case::settled().with(|c| c.consent = Some(consent("openid"))),
                Next::Consent,
            ),
            (
                "a claim that was not allowed",
                Case::settled().with(|c| drop(c.request.claims.userinfo.insert("birthdate".into(), None))),
                Next::Consent,
            ),
            (
                "the operator vouches",
                Case::settled().with(|c| {
                    c.consent = None;
                    c.client.consent = ConsentPolicy::Implicit;
                }),
                Next::Grant,
            ),
            ("RFC 8252 section 8.6: a native client", Case::settled().with(native), Next::Confirm),
            ("RFC 8252 section 8.6: the person just acted", Case::settled().with(native).here(), Next::Grant),
        ] {
            assert_eq!(case.next(), expected, "{name}");
        }
    }

    #[test]
    fn oidc_core_3_1_2_6_prompt_none_is_answered_with_the_error_that_fits() {
        let code = |next: Next| next.as_error().code;
        assert_eq!(code(Next::SignIn), ErrorCode::LoginRequired);
        assert_eq!(code(Next::SignInAgain), ErrorCode::LoginRequired);
        assert_eq!(code(Next::WrongSubject), ErrorCode::LoginRequired);
        assert_eq!(code(Next::SelectAccount), ErrorCode::AccountSelectionRequired);
        assert_eq!(code(Next::Consent), ErrorCode::ConsentRequired);
        assert_eq!(code(Next::Confirm), ErrorCode::InteractionRequired);
    }
}
