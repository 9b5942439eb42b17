//! The interaction: what a person does between an authorization request and its answer, stored so that it can be resumed.
//!
//! After every act the same pure question is asked again, `next`: what is left to do? Nothing remembers "where we are" but what was
//! really done. An interaction belongs to one browser (its cookie) and is finished once, by the database.

mod act;
mod grant;
mod named;
mod next;
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

use crate::known_device::KnownDevice;
use crate::session::SignedIn;
use crate::{
    AuthorizationResponse, Authorize, Ctx, Ended, EndedOf, Overloaded, Provider, ProviderError,
    UserCodeProblem, scope,
};
use crypto::{OpaqueToken, generate_secret, secret_hash, secret_matches};
use next::{Next, next};
use protocol::{
    AuthorizationRequest, Client, ClientId, DeviceRequest, ErrorCode, GrantType, InteractionId, Logo,
    OAuthError, Scope, SecretHash, Timestamp,
};
use std::sync::Arc;
use std::time::Duration;
use storage::authorization_code::IssueAuthorizationCode;
use storage::client::RegisteredClient;
use storage::consent::ConsentOf;
use storage::interaction::{BeginInteraction, Interaction, InteractionById, Progress};

/// Who arrives in a flood of sign-ins is asked to come back after so long,
const BACK_AFTER: Duration = Duration::from_secs(3);
/// and within so long from then.
const BACK_WITHIN: Duration = Duration::from_secs(6);

/// What a browser's cookies say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Browser<'a> {
    /// Its session.
    pub session: Option<&'a str>,
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
    /// The session cookie the browser gets, if it signed in.
    pub new_session: Option<String>,
    /// The cookie by which the browser is known from then on, for [`crate::KNOWN_DEVICE_LIFETIME`]: wrong passwords in it are counted apart.
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
    },
    /// Create an account.
    SignUp,
    /// Choose whether to go on with the account signed in.
    SelectAccount(Named),
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

/// What was asked, by whom, and how far the person is: what decides what is left to do.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) client: &'a Client,
    pub(crate) request: &'a AuthorizationRequest,
    pub(crate) progress: &'a Progress,
    pub(crate) signed_in: Option<&'a SignedIn>,
}

impl Resumed {
    /// With this progress, which may be further than what is stored.
    pub(crate) fn asked<'a>(&'a self, progress: &'a Progress) -> Asked<'a> {
        Asked {
            client: &self.client.client,
            request: &self.interaction.request,
            progress,
            signed_in: self.signed_in.as_ref(),
        }
    }
}

/// An interaction presented by its browser, with everything that decides how it goes on.
pub(crate) struct Resumed {
    pub(crate) interaction: Interaction,
    pub(crate) client: Arc<RegisteredClient>,
    pub(crate) signed_in: Option<SignedIn>,
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
        let signed_in = self.signed_in(ctx, browser.session).await?;
        let progress = Progress::default();
        let asked = Asked { client, request: &request, progress: &progress, signed_in: signed_in.as_ref() };
        let left = self.left(ctx, asked).await?;
        if let (Next::Grant, Some(signed_in)) = (left, &signed_in) {
            let (grant, code, revealed) = self.grant_and_code(ctx, &request, signed_in);
            let made = told::grant_made(&grant);
            self.inner.store.write(self.audited(ctx, IssueAuthorizationCode { grant, code }, made)).await?;
            return Ok(Authorize::Answer(self.response(&request, Ok(revealed))));
        }
        if request.prompts.none {
            return Ok(Authorize::Answer(self.response(&request, Err(left.as_error()))));
        }
        if matches!(left, Next::SignIn | Next::SignUp) {
            self.has_room_for(ctx, client)?;
        }
        let (mut interaction, handle, new_browser_secret) = self.new_interaction(ctx, request, browser)?;
        interaction.progress.shown_to = left.shown_to(signed_in.as_ref());
        self.inner.store.write(BeginInteraction(interaction.clone())).await?;
        let asked = Asked {
            client,
            request: &interaction.request,
            progress: &progress,
            signed_in: signed_in.as_ref(),
        };
        let page = self.page(ctx.now, asked, left, handle);
        Ok(Authorize::Interact(Step {
            what: What::Page(Box::new(page)),
            new_browser_secret,
            new_session: None,
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
        if !ours {
            return Err(gone());
        }
        let client = match &interaction.request.device {
            Some(DeviceRequest::Entered { .. }) => crate::device::own_client(),
            _ => self.client(&interaction.request.client_id).await?.ok_or_else(gone)?,
        };
        if interaction.finished_at.is_some() || ctx.now >= interaction.expires_at {
            // Its own browser is led on to where it came from.
            let home = client.client.home(&interaction.request.redirect_uri);
            let of = EndedOf { client_name: client.client.name.clone(), home };
            let of = interaction.request.device.is_none().then_some(of);
            return Err(ProviderError::Ended(
                of.map_or(Ended::Device, |of| Ended::InteractionOf(Box::new(of))),
            ));
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
        let signed_in = self.signed_in(ctx, browser.session).await?;
        let device = self.known_device(ctx, browser.device);
        let handle = handle.to_owned();
        Ok(Resumed { interaction, client, signed_in, handle, device, acted_first: false })
    }

    pub(crate) async fn left(&self, ctx: &Ctx, asked: Asked<'_>) -> Result<Next, ProviderError> {
        let consent = match asked.signed_in {
            Some(signed_in) => self.inner.store.read(ConsentOf(signed_in.user.id, &asked.client.id)).await?,
            None => None,
        };
        Ok(next(asked, consent.as_ref(), ctx.now))
    }

    pub(crate) fn page(&self, now: Timestamp, asked: Asked<'_>, left: Next, handle: String) -> Page {
        let request = asked.request;
        let todo = match (left, asked.signed_in) {
            (Next::Device, Some(signed_in)) => {
                crate::device::todo(now, request, signed_in, self.entered_code(request))
            }
            (Next::SignUp, _) => Todo::SignUp,
            (Next::SelectAccount, Some(signed_in)) => Todo::SelectAccount(Named::of(&signed_in.user)),
            (Next::Consent | Next::Confirm, Some(signed_in)) => Todo::Consent {
                person: Named::of(&signed_in.user),
                scope: request.scope.clone(),
                claims: next::named_claims(request).into_iter().collect(),
            },
            (left, _) => self.sign_in_todo(asked, left),
        };
        Page {
            handle,
            client_name: asked.client.name.clone(),
            client: asked.client.id.clone(),
            logo: asked.client.logo.as_ref().map(Logo::version),
            returns_to: if request.device.is_none() { request.redirect_uri.shown() } else { String::new() },
            todo,
        }
    }

    fn sign_in_todo(&self, asked: Asked<'_>, left: Next) -> Todo {
        let again = asked
            .signed_in
            .filter(|_| left == Next::SignInAgain && !asked.progress.wants_another)
            .map(|signed_in| Named::of(&signed_in.user));
        let username = again.as_ref().map(|again| again.username.clone());
        let username = username.or_else(|| asked.request.login_hint.clone()).unwrap_or_default();
        Todo::SignIn { username, again, can_sign_up: self.inner.settings.registration_open }
    }
}

/// What the request needs of its client may have been taken from it since. An address that is not registered any more is sent nothing.
fn still_registered(client: &Client, request: &AuthorizationRequest) -> Result<(), ProviderError> {
    let refused = |code, description| Err(ProviderError::oauth(code, description));
    let grant_type = match request.device {
        Some(_) => GrantType::DeviceCode,
        None => GrantType::AuthorizationCode,
    };
    if request.device.is_none() && client.redirect_uri(request.redirect_uri.as_str()).is_none() {
        return refused(ErrorCode::InvalidRequest, "redirect_uri is not registered for this client any more");
    }
    if !client.grant_types.contains(&grant_type) {
        return refused(ErrorCode::UnauthorizedClient, "the client is not registered for this any more");
    }
    Ok(())
}

fn denied() -> OAuthError {
    OAuthError::new(ErrorCode::AccessDenied, "the person did not allow it")
}
