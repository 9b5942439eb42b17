//! A person enters a user code (RFC 8628 section 3.3): it begins an interaction, in which they sign in if need be and decide. Guessing is
//! limited (section 5.1).

use crate::interaction::{Asked, Browser};
use crate::{Ctx, Ended, Provider, ProviderError};
use protocol::{
    AuditEvent, AuthorizationRequest, ClaimsRequest, DeviceRequest, Prompts, RedirectUri, ResponseMode,
    ServicePath, UserCode,
};
use std::sync::Arc;
use std::time::Duration;
use storage::client::RegisteredClient;
use storage::device_code::{DeviceCode, DeviceCodeByUserCode};
use storage::interaction::BeginInteraction;

/// How it goes on.
#[derive(Debug)]
pub enum EnteredCode {
    /// With an interaction.
    Begun {
        /// The interaction's handle.
        handle: String,
        /// The secret cookie the browser gets, if it had none.
        new_browser_secret: Option<String>,
    },
    /// With the form again.
    Problem(UserCodeProblem),
}

/// Why a user code leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserCodeProblem {
    /// It is not eight of its letters: mistyped. No guess.
    Malformed,
    /// It is nobody's, or no longer: expired, or decided already; which of them is not told.
    Unknown,
    /// Too many were wrong.
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
}

impl Provider {
    /// Looks a user code up and begins an interaction.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn enter_user_code(
        &self,
        ctx: &mut Ctx,
        typed: &str,
        browser: &Browser<'_>,
    ) -> Result<EnteredCode, ProviderError> {
        let (code, client) = match self.open_device_code(ctx, typed).await? {
            Ok(open) => open,
            Err(problem) => return Ok(EnteredCode::Problem(problem)),
        };
        let signed_in = self.signed_in(ctx, browser.session).await?;
        let request = self.as_request(code)?;
        let (mut interaction, handle, new_browser_secret) = self.new_interaction(ctx, request, browser);
        let asked = Asked {
            client: &client.client,
            request: &interaction.request,
            progress: &interaction.progress,
            signed_in: signed_in.as_ref(),
        };
        interaction.progress.shown_to = self.left(ctx, asked).await?.shown_to(signed_in.as_ref());
        if !self.inner.store.write(BeginInteraction(interaction)).await? {
            return Err(ProviderError::Ended(Ended::Interaction));
        }
        Ok(EnteredCode::Begun { handle, new_browser_secret })
    }

    /// Which service the device with this user code asks for, if its client belongs to one. Asking is a guess like any other.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn service_of_user_code(
        &self,
        ctx: &Ctx,
        typed: &str,
    ) -> Result<Result<Option<ServicePath>, UserCodeProblem>, ProviderError> {
        let client = match self.open_device_code(ctx, typed).await? {
            Ok((_, client)) => client,
            Err(problem) => return Ok(Err(problem)),
        };
        let service = match client.client.service {
            Some(id) => self.service(id).await?,
            None => None,
        };
        Ok(Ok(service.map(|service| service.path.clone())))
    }

    /// The code that waits for a decision, and who asks for it. Every unknown one counts as a guess.
    async fn open_device_code(
        &self,
        ctx: &Ctx,
        typed: &str,
    ) -> Result<Result<(DeviceCode, Arc<RegisteredClient>), UserCodeProblem>, ProviderError> {
        let Ok(user_code) = UserCode::parse(typed) else { return Ok(Err(UserCodeProblem::Malformed)) };
        let attempt = match self.inner.failures.begin_user_code(ctx.remote, ctx.now) {
            Ok(attempt) => attempt,
            Err(retry_after) => return Ok(Err(UserCodeProblem::TooMany { retry_after })),
        };
        let found = self.inner.store.read(DeviceCodeByUserCode(self.user_code_key(user_code))).await?;
        let open = found.filter(|code| code.decision.is_none() && ctx.now < code.issued.expires_at);
        let Some(code) = open else {
            tracing::info!(request_id = %ctx.request_id, "UserCodeUnknown");
            self.tell_failure(ctx, || AuditEvent::UserCodeUnknown {});
            attempt.failed(ctx.now);
            return Ok(Err(UserCodeProblem::Unknown));
        };
        drop(attempt);
        let client = self.client(&code.issued.client_id).await?;
        Ok(client.map(|client| (code, client)).ok_or(UserCodeProblem::Unknown))
    }

    /// What the device asks for, as a request that the interaction's pages understand. Nothing is ever sent to its redirect URI.
    fn as_request(&self, code: DeviceCode) -> Result<AuthorizationRequest, ProviderError> {
        let issued = code.issued;
        let page = RedirectUri::parse(&self.inner.settings.url("/device"));
        Ok(AuthorizationRequest {
            client_id: issued.client_id,
            redirect_uri: page.map_err(|error| ProviderError::Defect(error.to_string()))?,
            redirect_uri_given: false,
            response_mode: ResponseMode::Query,
            scope: issued.scope,
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
            resources: issued.resources,
            device: Some(DeviceRequest {
                id: issued.id,
                asked_at: issued.created_at,
                asked_from: issued.asked_from,
            }),
        })
    }
}
