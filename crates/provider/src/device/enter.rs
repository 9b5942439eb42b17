//! A person enters a user code (RFC 8628 section 3.3): it begins an interaction, in which they sign in if need be and decide. Guessing is
//! limited per account (section 5.1), so a code is not looked up before somebody has signed in.

use crate::authentication::accounts::Accounts;
use crate::authentication::session::SignedIn;
use crate::interaction::{Asked, Browser, Named, Page, Todo};
use crate::{Ctx, Ended, Provider, ProviderError};
use protocol::{
    AuditEvent, AuthorizationRequest, ClaimsRequest, Client, ClientAuthentication, ClientId, DeviceRequest,
    GrantType, Prompts, RedirectUri, ResponseMode, ResponseType, Scope, ServicePath, Timestamp, UserCode,
    UserId,
};
use std::sync::Arc;
use std::time::Duration;
use storage::client::RegisteredClient;
use storage::device_code::{DeviceCode, DeviceCodeByUserCode, UserCodeKey};
use storage::interaction::{BeginInteraction, Interaction};

const USER_CODE: &str = "user-code";

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
        let Ok(user_code) = UserCode::parse(typed) else {
            return Ok(EnteredCode::Problem(UserCodeProblem::Malformed));
        };
        let UserCodeKey(user_code_key) = self.user_code_key(user_code);
        let sealed = Some(self.seal_user_code(ctx, user_code));
        let accounts = self.accounts(ctx, browser).await?;
        let asked = match accounts.iter().next() {
            None => AskedByDevice {
                client: own_client(),
                request: self.request_of_page(
                    own_client_id(),
                    DeviceRequest::Entered { user_code_key, user_code: sealed },
                )?,
            },
            Some(signed_in) => match self.ask_about_device(ctx, (user_code_key, sealed), signed_in).await? {
                Ok(asked) => asked,
                Err(problem) => return Ok(EnteredCode::Problem(problem)),
            },
        };
        let (interaction, handle, new_browser_secret) = self.new_interaction(ctx, asked.request, browser)?;
        let begun = (interaction, handle.clone());
        self.begin_device(ctx, &asked.client, begun, &accounts).await?;
        Ok(EnteredCode::Begun { handle, new_browser_secret })
    }

    /// Begins an interaction about a device, and says what it shows.
    pub(crate) async fn begin_device(
        &self,
        ctx: &Ctx,
        client: &RegisteredClient,
        (mut interaction, handle): (Interaction, String),
        accounts: &Accounts,
    ) -> Result<Page, ProviderError> {
        let progress = interaction.progress;
        let signed_in = accounts.at_hand(&interaction.request, &progress);
        let asked = Asked {
            client: &client.client,
            request: &interaction.request,
            progress: &progress,
            signed_in,
            accounts,
        };
        let left = self.left(ctx, asked).await?;
        let page = self.page(ctx.now, asked, left, handle);
        interaction.progress.shown_to = left.shown_to(signed_in);
        if !self.inner.store.write(BeginInteraction(interaction)).await? {
            return Err(ProviderError::Ended(Ended::Interaction));
        }
        Ok(page)
    }

    /// What the device with this user code asks whoever is signed in. Asking is a guess.
    pub(crate) async fn ask_about_device(
        &self,
        ctx: &Ctx,
        (user_code_key, user_code): ([u8; 16], Option<String>),
        signed_in: &SignedIn,
    ) -> Result<Result<AskedByDevice, UserCodeProblem>, ProviderError> {
        let open = self.open_device_code(ctx, UserCodeKey(user_code_key), Some(signed_in.user.id)).await?;
        Ok(match open {
            Ok((code, client)) => Ok(AskedByDevice { client, request: self.as_request(code, user_code)? }),
            Err(problem) => Err(problem),
        })
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
        let Ok(user_code) = UserCode::parse(typed) else { return Ok(Err(UserCodeProblem::Malformed)) };
        let client = match self.open_device_code(ctx, self.user_code_key(user_code), None).await? {
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
        key: UserCodeKey,
        guesser: Option<UserId>,
    ) -> Result<Result<(DeviceCode, Arc<RegisteredClient>), UserCodeProblem>, ProviderError> {
        let attempt = match self.inner.failures.begin_user_code(guesser, ctx.remote, ctx.now) {
            Ok(attempt) => attempt,
            Err(retry_after) => return Ok(Err(UserCodeProblem::TooMany { retry_after })),
        };
        let found = self.inner.store.read(DeviceCodeByUserCode(key)).await?;
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
    fn as_request(
        &self,
        code: DeviceCode,
        user_code: Option<String>,
    ) -> Result<AuthorizationRequest, ProviderError> {
        let issued = code.issued;
        let device = DeviceRequest::Found {
            id: issued.id,
            asked_at: issued.created_at,
            asked_from: issued.asked_from,
            user_code,
        };
        let request = self.request_of_page(issued.client_id, device)?;
        Ok(AuthorizationRequest { scope: issued.scope, resources: issued.resources, ..request })
    }

    /// What was entered, as it is kept until it is shown again: a copy of the database shows nobody a code that still waits.
    fn seal_user_code(&self, ctx: &mut Ctx, code: UserCode) -> String {
        self.inner.master_keys.seal_text(USER_CODE, code.to_string().as_bytes(), ctx.random())
    }

    /// The user code that was entered for this request.
    pub(crate) fn entered_code(&self, request: &AuthorizationRequest) -> Option<UserCode> {
        let sealed = request.device.as_ref().and_then(DeviceRequest::user_code)?;
        let opened = self.inner.master_keys.open_text(USER_CODE, sealed)?;
        UserCode::parse(std::str::from_utf8(&opened).ok()?).ok()
    }

    /// A request that this server's own page makes.
    fn request_of_page(
        &self,
        client_id: ClientId,
        device: DeviceRequest,
    ) -> Result<AuthorizationRequest, ProviderError> {
        let page = RedirectUri::parse(&self.inner.settings.url("/device"));
        Ok(AuthorizationRequest {
            client_id,
            redirect_uri: page.map_err(|error| ProviderError::Defect(error.to_string()))?,
            redirect_uri_given: false,
            response_type: ResponseType::Code,
            response_mode: ResponseMode::Query,
            scope: Scope::default(),
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
            device: Some(device),
        })
    }
}

/// What a device asks, and on behalf of which client.
pub(crate) struct AskedByDevice {
    pub(crate) client: Arc<RegisteredClient>,
    pub(crate) request: AuthorizationRequest,
}

/// Who asks a person to sign in before their user code is looked up: this server's own page. It is registered nowhere and no grant is ever
/// made to it.
pub(crate) fn own_client() -> Arc<RegisteredClient> {
    let mut client = Client::new(own_client_id(), "your device", ClientAuthentication::None);
    client.grant_types = [GrantType::DeviceCode].into();
    Arc::new(RegisteredClient::new(client))
}

fn own_client_id() -> ClientId {
    ClientId::of_this_server("device")
}

/// What there is to do about a device.
pub(crate) fn todo(
    now: Timestamp,
    request: &AuthorizationRequest,
    signed_in: &SignedIn,
    user_code: Option<UserCode>,
) -> Todo {
    let (asked_from, asked_for) = match &request.device {
        Some(DeviceRequest::Found { asked_from, asked_at, .. }) => (asked_from.clone(), now.since(*asked_at)),
        _ => (None, Duration::ZERO),
    };
    Todo::Device {
        person: Named::of(&signed_in.user),
        user_code: user_code.map(|code| code.to_string()),
        scope: request.scope.clone(),
        asked_from,
        asked_for,
    }
}
