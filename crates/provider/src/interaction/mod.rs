//! The interaction: what a person does between an authorization request and its answer, stored so that it can be resumed.
//!
//! After every act the same pure question is asked again, `next`: what is left to do? Nothing remembers "where we are" but what was
//! really done. An interaction belongs to one browser (its cookie) and is finished once, by the database.

mod act;
mod grant;
mod named;
mod next;
mod page;
mod sign_in;
mod sign_up;
mod told;
mod waiting;

pub use act::Decision;
pub use named::Named;
pub use passwords::Guessable;
pub use sign_in::{Credentials, SignInAnswer};
pub use sign_up::MIN_PASSWORD_CHARS;
pub(crate) use sign_up::check_password;
pub use sign_up::{NewAccount, PasswordProblem, SignUpAnswer, SignUpProblem};
pub(crate) use waiting::Waiting;

use crate::authentication::accounts::{AccountCookies, Accounts};
use crate::authentication::known_device::KnownDevice;
use crate::authentication::session::SignedIn;
use crate::authorize::{AuthorizationResponse, Authorize};
use crate::device::UserCodeProblem;
use crate::tokens::scope;
use crate::{Ctx, Ended, Overloaded, Provider, ProviderError};
use crypto::{OpaqueToken, generate_secret, secret_hash, secret_matches};
use grant::Granted;
use next::{Next, next};
use protocol::{
    AuthorizationRequest, Client, ClientId, DeviceRequest, ErrorCode, GrantType, InteractionId, OAuthError,
    ResponseType, Scope, SecretHash, SessionId, UserId,
};
use std::sync::Arc;
use std::time::Duration;
use storage::authorization_code::IssueAuthorizationCode;
use storage::client::RegisteredClient;
use storage::consent::{Consent, ConsentOf};
use storage::interaction::{BeginInteraction, Interaction, InteractionById, Progress};

/// Who arrives in a flood of sign-ins is asked to come back after so long,
const BACK_AFTER: Duration = Duration::from_secs(3);
/// and within so long from then.
const BACK_WITHIN: Duration = Duration::from_secs(6);

/// What a browser's cookies say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Browser<'a> {
    /// The session that was used last.
    pub session: Option<&'a str>,
    /// The sessions of others signed in beside it.
    pub others: &'a [String],
    /// Its own secret, which its interactions are bound to.
    pub secret: Option<&'a str>,
    /// Who signed in with it before, sealed: see [`Step::new_device`].
    pub device: Option<&'a str>,
}

/// What the person is shown, or where the browser goes.
#[derive(Debug)]
pub struct Step {
    /// What.
    pub what: What,
    /// The secret cookie the browser gets, if it had none.
    pub new_browser_secret: Option<String>,
    /// The session cookies the browser has from now on, if that changes.
    pub cookies: Option<AccountCookies>,
    /// The cookie by which the browser is known from then on, for [`crate::authentication::known_device::KNOWN_DEVICE_LIFETIME`]: wrong passwords in it are counted apart.
    pub new_device: Option<String>,
}

/// What the person is shown.
#[derive(Debug)]
pub enum What {
    /// A page with something to do.
    Page(Box<Page>),
    /// The answer for the client.
    Answer(AuthorizationResponse),
    /// What became of a device: its client asks for it itself.
    Device(Decision),
    /// The user code that was entered leads nowhere.
    UserCode(UserCodeProblem),
}

/// A page with something to do.
#[derive(Debug)]
pub struct Page {
    /// The interaction's handle, for the page's form.
    pub handle: String,
    /// What the client is called.
    pub client_name: String,
    /// The client; this server itself, when it asks for its own sake.
    pub client: ClientId,
    /// The version of its logo, if it has one.
    pub logo: Option<String>,
    /// Where the browser returns; empty for a device, which it does not return to.
    pub returns_to: String,
    /// What there is to do.
    pub todo: Todo,
}

/// What there is to do.
#[derive(Debug)]
pub enum Todo {
    /// Sign in.
    SignIn {
        /// What to fill in.
        username: String,
        /// Who is to prove again who they are.
        again: Option<Named>,
        /// Whether accounts can be created here.
        can_sign_up: bool,
        /// Whether they want to stay signed in, as far as it is known; nothing where that is not theirs to choose.
        stay: Option<bool>,
    },
    /// Create an account.
    SignUp,
    /// Choose one of the accounts signed in, or another.
    SelectAccount(Vec<AccountChoice>),
    /// Allow or deny.
    Consent {
        /// As whom.
        person: Named,
        /// What.
        scope: Scope,
        /// Claims asked for by name.
        claims: Vec<String>,
    },
    /// Allow or deny what a device asks for.
    Device {
        /// As whom.
        person: Named,
        /// The code that was entered.
        user_code: Option<String>,
        /// What.
        scope: Scope,
        /// From which address it asked.
        asked_from: Option<String>,
        /// How long ago.
        asked_for: Duration,
    },
}

/// An account to go on with.
#[derive(Debug)]
pub struct AccountChoice {
    /// Its session, which the answer names.
    pub session: SessionId,
    /// Whose it is.
    pub person: Named,
}

/// What was asked, by whom, and how far the person is: what decides what is left to do.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) client: &'a Client,
    pub(crate) request: &'a AuthorizationRequest,
    pub(crate) progress: &'a Progress,
    /// Whom it is about, as far as it is known.
    pub(crate) signed_in: Option<&'a SignedIn>,
    /// Who is signed in at this browser.
    pub(crate) accounts: &'a Accounts,
}

impl Resumed {
    /// With this progress, which may be further than what is stored.
    pub(crate) fn asked<'a>(&'a self, progress: &'a Progress) -> Asked<'a> {
        Asked {
            client: &self.client.client,
            request: &self.interaction.request,
            progress,
            signed_in: self.signed_in.as_ref(),
            accounts: &self.accounts,
        }
    }
}

/// An interaction presented by its browser, with everything that decides how it goes on.
pub(crate) struct Resumed {
    pub(crate) interaction: Interaction,
    pub(crate) client: Arc<RegisteredClient>,
    pub(crate) signed_in: Option<SignedIn>,
    pub(crate) accounts: Accounts,
    pub(crate) handle: String,
    pub(crate) device: Option<KnownDevice>,
    /// Nobody had acted on it before: what is stored still says that it ends soon.
    pub(crate) acted_first: bool,
}

impl Provider {
    /// Answers a checked request at once if nothing is left to do, otherwise begins an interaction.
    pub(crate) async fn begin(
        &self,
        ctx: &mut Ctx,
        client: &Client,
        request: AuthorizationRequest,
        browser: &Browser<'_>,
    ) -> Result<Authorize, ProviderError> {
        let accounts = self.accounts(ctx, browser).await?;
        let progress = Progress::default();
        let signed_in = accounts.at_hand(&request, &progress).cloned();
        let signed_in = signed_in.as_ref();
        let asked = Asked { client, request: &request, progress: &progress, signed_in, accounts: &accounts };
        let left = self.left(ctx, asked).await?;
        if let (Next::Grant, Some(signed_in)) = (left, signed_in) {
            let Granted { grant, code, answer } = self.granted(ctx, client, &request, signed_in).await?;
            let made = told::grant_made(&grant);
            self.inner.store.write(self.audited(ctx, IssueAuthorizationCode { grant, code }, made)).await?;
            return Ok(Authorize::Answer(self.response(&request, Ok(answer))));
        }
        if request.prompts.none {
            return Ok(Authorize::Answer(self.response(&request, Err(left.as_error()))));
        }
        if matches!(left, Next::SignIn | Next::SignUp) {
            self.has_room_for(ctx, client)?;
        }
        let (mut interaction, handle, new_browser_secret) = self.new_interaction(ctx, request, browser)?;
        interaction.progress.shown_to = left.shown_to(signed_in);
        self.inner.store.write(BeginInteraction(interaction.clone())).await?;
        let request = &interaction.request;
        let asked = Asked { client, request, progress: &progress, signed_in, accounts: &accounts };
        let page = self.page(ctx.now, asked, left, handle);
        Ok(Authorize::Interact(Step {
            what: What::Page(Box::new(page)),
            new_browser_secret,
            cookies: None,
            new_device: None,
        }))
    }

    /// Nobody is let type a password that will not be checked. Those who are sent away come back one after another, not all at once.
    fn has_room_for(&self, ctx: &Ctx, client: &Client) -> Result<(), ProviderError> {
        if self.inner.hash_pool.has_room(ctx.on_behalf_of(Some(&client.id))) {
            return Ok(());
        }
        let retry_after = BACK_AFTER + Duration::from_secs(ctx.request_id.one_of(BACK_WITHIN.as_secs()));
        Err(ProviderError::Overloaded { what: Overloaded::Arrivals, retry_after })
    }

    /// An interaction that nobody has acted on.
    pub(crate) fn new_interaction(
        &self,
        ctx: &mut Ctx,
        request: AuthorizationRequest,
        browser: &Browser<'_>,
    ) -> Result<(Interaction, String, Option<String>), ProviderError> {
        self.inner.waiting.begin(ctx.remote, ctx.now)?;
        let new_secret = browser.secret.is_none().then(|| generate_secret(ctx.random()));
        let secret = browser.secret.or(new_secret.as_deref()).unwrap_or_default();
        let (interaction, handle) = self.new_interaction_of(ctx, request, secret_hash(secret));
        Ok((interaction, handle, new_secret))
    }

    /// An interaction of the browser with this secret.
    pub(crate) fn new_interaction_of(
        &self,
        ctx: &mut Ctx,
        request: AuthorizationRequest,
        browser_hash: SecretHash,
    ) -> (Interaction, String) {
        let settings = &self.inner.settings;
        let lifetime = settings.unattended_lifetime.min(settings.interaction_lifetime);
        let id = InteractionId::new(ctx.now, ctx.id());
        let token = ctx.opaque(id.as_bytes());
        let interaction = Interaction {
            id,
            secret_hash: token.hash(),
            browser_hash,
            request,
            progress: Progress::default(),
            created_at: ctx.now,
            expires_at: ctx.now + lifetime,
            finished_at: None,
        };
        (interaction, token.reveal())
    }

    /// As [`Provider::resume`], for somebody who acts: from now on there is as much time as a sign-in may take.
    pub(crate) async fn resume_to_act(
        &self,
        ctx: &Ctx,
        handle: &str,
        browser: &Browser<'_>,
    ) -> Result<Resumed, ProviderError> {
        let mut resumed = self.resume(ctx, handle, browser).await?;
        let interaction = &mut resumed.interaction;
        let until = interaction.created_at + self.inner.settings.interaction_lifetime;
        if interaction.expires_at < until {
            interaction.expires_at = until;
            resumed.acted_first = true;
            self.inner.waiting.acted(ctx.remote);
        }
        Ok(resumed)
    }

    /// Loads the interaction that this handle names, for the browser it belongs to.
    pub(crate) async fn resume(
        &self,
        ctx: &Ctx,
        handle: &str,
        browser: &Browser<'_>,
    ) -> Result<Resumed, ProviderError> {
        // One answer for unknown, foreign, expired and finished: it tells a stranger nothing.
        let gone = || ProviderError::Ended(Ended::Interaction);
        let token = OpaqueToken::parse(handle).ok_or_else(gone)?;
        let id = InteractionId::from_bytes(token.selector());
        let interaction = self.inner.store.read(InteractionById(id)).await?.ok_or_else(gone)?;
        let ours = token.matches(&interaction.secret_hash)
            && browser.secret.is_some_and(|secret| secret_matches(secret, &interaction.browser_hash));
        if !ours || (interaction.finished_at.is_none() && ctx.now >= interaction.expires_at) {
            return Err(gone());
        }
        let client = match &interaction.request.device {
            Some(DeviceRequest::Entered { .. }) => crate::device::own_client(),
            _ => self.client(&interaction.request.client_id).await?.ok_or_else(gone)?,
        };
        if interaction.finished_at.is_some() {
            return Err(ProviderError::Ended(answered(&client.client, &interaction.request)));
        }
        still_registered(&client.client, &interaction.request)?;
        // What was taken from the client since it asked is not asked for any more. Our own page asks for nothing.
        let mut interaction = interaction;
        let asked = &interaction.request.scope;
        let left = asked.intersection(&scope::grantable(&client.client));
        if left.is_empty() && !asked.is_empty() {
            return Err(gone());
        }
        interaction.request.scope = left;
        let accounts = self.accounts(ctx, browser).await?;
        let signed_in = accounts.at_hand(&interaction.request, &interaction.progress).cloned();
        let device = self.known_device(ctx, browser.device);
        let handle = handle.to_owned();
        Ok(Resumed { interaction, client, signed_in, accounts, handle, device, acted_first: false })
    }

    pub(crate) async fn left(&self, ctx: &Ctx, asked: Asked<'_>) -> Result<Next, ProviderError> {
        let consent = match asked.signed_in {
            Some(signed_in) => self.remembered_consent(signed_in.user.id, &asked.client.id).await?,
            None => None,
        };
        Ok(next(asked, consent.as_ref(), ctx.now))
    }

    /// What this person allowed this client before. Where an operator ended everything that was granted to the client since, the person is asked
    /// again: what is remembered would make the grant anew, unasked.
    pub(crate) async fn remembered_consent(
        &self,
        user: UserId,
        client: &ClientId,
    ) -> Result<Option<Consent>, ProviderError> {
        let Some(consent) = self.inner.store.read(ConsentOf(user, client)).await? else { return Ok(None) };
        let client = self.client(client).await?;
        Ok(Some(consent)
            .filter(|consent| client.is_none_or(|client| client.stands_since(consent.updated_at))))
    }
}

/// What the request needs of its client may have been taken from it since. An address that is not registered any more is sent nothing.
fn still_registered(client: &Client, request: &AuthorizationRequest) -> Result<(), ProviderError> {
    let refused = |code, description| Err(ProviderError::oauth(code, description));
    let (asks_for_code, is_browser) = (request.response_type == ResponseType::Code, request.device.is_none());
    let grant_type = if is_browser { GrantType::AuthorizationCode } else { GrantType::DeviceCode };
    if is_browser && client.redirect_uri(request.redirect_uri.as_str()).is_none() {
        return refused(ErrorCode::InvalidRequest, "redirect_uri is not registered for this client any more");
    }
    let may_ask = !is_browser || client.response_types.contains(&request.response_type);
    if !may_ask || (asks_for_code && !client.grant_types.contains(&grant_type)) {
        return refused(ErrorCode::UnauthorizedClient, "the client is not registered for this any more");
    }
    Ok(())
}

/// What is told of it to the browser it belonged to. Where an app on a device, or on the person's own, is, no link can say.
fn answered(client: &Client, request: &AuthorizationRequest) -> Ended {
    let is_there = request.device.is_none() && client.redirect_uri(request.redirect_uri.as_str()).is_some();
    if request.device.is_some() {
        return Ended::Device;
    }
    let client_origin = client.home(&request.redirect_uri).filter(|_| is_there);
    Ended::Answered { client_name: client.name.clone(), client_origin }
}

fn denied() -> OAuthError {
    OAuthError::new(ErrorCode::AccessDenied, "the person did not allow it")
}
