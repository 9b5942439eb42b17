//! What a person does within an interaction besides signing in: look at it again, allow or deny, choose an account, give up.

use super::grant::Granted;
use super::{Asked, Browser, Next, Page, Resumed, Step, What, denied, next, told};
use crate::authentication::session::SignedIn;
use crate::{Ctx, Ended, Provider, ProviderError};
use protocol::{AuditEvent, DeviceCodeId, DeviceRequest, OAuthError};
use storage::consent::Consent;
use storage::interaction::{Advance, AdvanceInteraction, Interaction, Progress};
use storage::session::SessionChange;

/// Allow or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The client gets what it asked for.
    Allow,
    /// It does not.
    Deny,
}

/// What an act changes.
#[derive(Default)]
pub(super) struct Act {
    /// The session, by signing in.
    pub(super) session: Option<SessionChange>,
    /// Whoever was signed in at this browser, and is not any more.
    pub(super) left: Option<SignedIn>,
    /// What was done so far, when the act adds to it.
    pub(super) progress: Progress,
    /// Everything asked for was allowed just now.
    pub(super) allowed: bool,
}

impl Provider {
    /// Shows an interaction as it stands, or answers it when nothing is left to do: its person signed in in another tab, say.
    ///
    /// # Errors
    /// When it has ended, or is not this browser's.
    pub async fn show(
        &self,
        ctx: &mut Ctx,
        handle: &str,
        browser: &Browser<'_>,
    ) -> Result<Step, ProviderError> {
        self.go_on(ctx, handle, browser, |left| left).await
    }

    /// Goes on where the interaction stands, or where its person would rather be.
    async fn go_on(
        &self,
        ctx: &mut Ctx,
        handle: &str,
        browser: &Browser<'_>,
        rather: impl FnOnce(Next) -> Next,
    ) -> Result<Step, ProviderError> {
        let resumed = self.resume(ctx, handle, browser).await?;
        let progress = resumed.interaction.progress;
        let left = rather(self.left(ctx, resumed.asked(&progress)).await?);
        let shown_to = left.shown_to(resumed.signed_in.as_ref());
        if matches!(left, Next::Grant | Next::LookUp) || (shown_to.is_some() && shown_to != progress.shown_to)
        {
            return self.proceed(ctx, resumed, Act { progress, ..Act::default() }).await;
        }
        let page = self.page(ctx.now, resumed.asked(&progress), left, resumed.handle.clone());
        Ok(step(What::Page(Box::new(page))))
    }

    /// Shows the form that creates an account, instead of the one that signs in.
    ///
    /// # Errors
    /// When accounts are not created here; as [`Provider::show`].
    pub async fn show_sign_up(
        &self,
        ctx: &Ctx,
        handle: &str,
        browser: &Browser<'_>,
    ) -> Result<Page, ProviderError> {
        self.require_open_registration()?;
        let resumed = self.resume(ctx, handle, browser).await?;
        let asked = Asked { signed_in: None, ..resumed.asked(&resumed.interaction.progress) };
        Ok(self.page(ctx.now, asked, Next::SignUp, resumed.handle.clone()))
    }

    /// Shows the form that signs in, instead of the one that creates an account; as [`Provider::show`] for whoever is signed in.
    ///
    /// # Errors
    /// As [`Provider::show`].
    pub async fn show_sign_in(
        &self,
        ctx: &mut Ctx,
        handle: &str,
        browser: &Browser<'_>,
    ) -> Result<Step, ProviderError> {
        let rather = |left| if left == Next::SignUp { Next::SignIn } else { left };
        self.go_on(ctx, handle, browser, rather).await
    }

    /// The person allows or denies what the client asks for.
    ///
    /// # Errors
    /// As [`Provider::show`]; when there was nothing to decide yet.
    pub async fn decide(
        &self,
        ctx: &mut Ctx,
        handle: &str,
        browser: &Browser<'_>,
        decision: Decision,
    ) -> Result<Step, ProviderError> {
        let resumed = self.resume_to_act(ctx, handle, browser).await?;
        if decision == Decision::Deny {
            return match &resumed.interaction.request.device {
                Some(device) => self.deny_device(ctx, &resumed, device.id()).await,
                None => self.deny(ctx, resumed).await,
            };
        }
        let progress = resumed.interaction.progress;
        let act = Act { progress, allowed: true, ..Act::default() };
        self.proceed(ctx, resumed, act).await
    }

    /// The person gives up.
    ///
    /// # Errors
    /// As [`Provider::show`].
    pub async fn cancel(
        &self,
        ctx: &mut Ctx,
        handle: &str,
        browser: &Browser<'_>,
    ) -> Result<Step, ProviderError> {
        let resumed = self.resume_to_act(ctx, handle, browser).await?;
        if resumed.interaction.request.device.is_some() {
            // Whoever has not signed in decides nothing: the device goes on waiting.
            self.advance(ctx, &resumed, None, advance(&resumed, None, Advance::Fail)).await?;
            return Ok(step(What::Device(Decision::Deny)));
        }
        self.advance(ctx, &resumed, None, advance(&resumed, None, Advance::Fail)).await?;
        Ok(self.answer(&resumed, Err(denied())))
    }

    /// The person goes on with one of the accounts signed in, named by its session, or wants another.
    ///
    /// # Errors
    /// As [`Provider::show`].
    pub async fn select_account(
        &self,
        ctx: &mut Ctx,
        handle: &str,
        browser: &Browser<'_>,
        choice: Option<&str>,
    ) -> Result<Step, ProviderError> {
        let mut resumed = self.resume_to_act(ctx, handle, browser).await?;
        let progress = resumed.interaction.progress;
        let Some(choice) = choice else {
            // Whoever signed in within this interaction is left, too.
            let progress = Progress { wants_another: true, chose: None, signed_in: None, ..progress };
            return self.proceed(ctx, resumed, Act { progress, ..Act::default() }).await;
        };
        let chosen = choice.parse().ok().and_then(|id| resumed.accounts.of_session(id)).cloned();
        let chose = chosen.as_ref().map(|account| account.signed_in.session.id);
        let signed_in = progress.signed_in.filter(|id| Some(*id) == chose);
        let progress = Progress { wants_another: false, chose, signed_in, ..progress };
        let mut cookies = None;
        if let Some(account) = chosen {
            // Used last from now on.
            resumed.signed_in = Some(account.signed_in.clone());
            resumed.accounts = resumed.accounts.with(account);
            cookies = resumed.accounts.are_several().then(|| resumed.accounts.cookies(ctx.now));
        }
        let mut step = self.proceed(ctx, resumed, Act { progress, ..Act::default() }).await?;
        step.cookies = cookies;
        Ok(step)
    }

    /// Applies an act and answers, or shows what is left. `resumed.signed_in` is who is signed in after it.
    pub(super) async fn proceed(
        &self,
        ctx: &mut Ctx,
        resumed: Resumed,
        act: Act,
    ) -> Result<Step, ProviderError> {
        let left = self.left(ctx, resumed.asked(&act.progress)).await?;
        let shown_to = left.shown_to(resumed.signed_in.as_ref());
        let granted = match (left, &resumed.signed_in) {
            (Next::Grant, Some(signed_in)) => Some(signed_in),
            (Next::Consent | Next::Confirm | Next::Device, Some(signed_in))
                if act.allowed && act.progress.shown_to == shown_to =>
            {
                Some(signed_in)
            }
            _ => None,
        };
        if let Some(signed_in) = granted {
            return self.grant(ctx, &resumed, signed_in, act).await;
        }
        if left == Next::LookUp {
            return self.look_up(ctx, resumed, act).await;
        }
        if left == Next::WrongSubject {
            let step = advance(&resumed, act.session, Advance::Fail);
            self.advance(ctx, &resumed, act.left.as_ref(), step).await?;
            return Ok(self.answer(&resumed, Err(left.as_error())));
        }
        let progress = Progress { shown_to, ..act.progress };
        let onwards = advance(&resumed, act.session, Advance::Continue(progress));
        self.advance(ctx, &resumed, act.left.as_ref(), onwards).await?;
        let page = self.page(ctx.now, resumed.asked(&progress), left, resumed.handle.clone());
        Ok(step(What::Page(Box::new(page))))
    }

    async fn grant(
        &self,
        ctx: &mut Ctx,
        resumed: &Resumed,
        signed_in: &SignedIn,
        act: Act,
    ) -> Result<Step, ProviderError> {
        let request = &resumed.interaction.request;
        if let Some(device) = request.device.as_ref().and_then(DeviceRequest::id) {
            let allow = Advance::AllowDevice(device, Box::new(self.grant_for(ctx, request, signed_in)));
            let allow = advance(resumed, act.session, allow);
            self.advance(ctx, resumed, act.left.as_ref(), allow).await?;
            return Ok(step(What::Device(Decision::Allow)));
        }
        let consent =
            if act.allowed { Some(self.widened_consent(ctx, resumed, signed_in).await?) } else { None };
        let Granted { grant, code, answer } =
            self.granted(ctx, &resumed.client.client, request, signed_in).await?;
        let granted = Advance::Grant(Box::new((grant, code)));
        let granted = AdvanceInteraction { consent, ..advance(resumed, act.session, granted) };
        self.advance(ctx, resumed, act.left.as_ref(), granted).await?;
        Ok(self.answer(resumed, Ok(answer)))
    }

    /// The user code that was entered is looked up, now that somebody is signed in whose guess it is; what they are asked is an interaction
    /// with the client that the code leads to.
    async fn look_up(&self, ctx: &mut Ctx, resumed: Resumed, act: Act) -> Result<Step, ProviderError> {
        let ended = advance(&resumed, act.session, Advance::Fail);
        self.advance(ctx, &resumed, act.left.as_ref(), ended).await?;
        let (Some(DeviceRequest::Entered { user_code_key, user_code }), Some(signed_in)) =
            (&resumed.interaction.request.device, &resumed.signed_in)
        else {
            return Err(ProviderError::Ended(Ended::Interaction));
        };
        let asked = self.ask_about_device(ctx, (*user_code_key, user_code.clone()), signed_in).await?;
        let asked = match asked {
            Ok(asked) => asked,
            Err(problem) => return Ok(step(What::UserCode(problem))),
        };
        let (mut interaction, handle) =
            self.new_interaction_of(ctx, asked.request, resumed.interaction.browser_hash);
        // Whoever just acted is whom it is about, whoever else is signed in.
        interaction.progress.chose = Some(signed_in.session.id);
        let begun = (interaction, handle);
        let page = self.begin_device(ctx, &asked.client, begun, &resumed.accounts).await?;
        Ok(step(What::Page(Box::new(page))))
    }

    /// Whoever was shown the question denies it; anybody else only ends the interaction.
    async fn deny_device(
        &self,
        ctx: &Ctx,
        resumed: &Resumed,
        device: Option<DeviceCodeId>,
    ) -> Result<Step, ProviderError> {
        let here = resumed.signed_in.as_ref().map(|signed_in| signed_in.session.id);
        let was_shown = here.is_some() && resumed.interaction.progress.shown_to == here;
        let next = match device {
            Some(device) if was_shown => Advance::DenyDevice(device),
            _ => Advance::Fail,
        };
        self.advance(ctx, resumed, None, advance(resumed, None, next)).await?;
        Ok(step(What::Device(Decision::Deny)))
    }

    /// What was allowed before, and what was allowed now.
    async fn widened_consent(
        &self,
        ctx: &Ctx,
        resumed: &Resumed,
        signed_in: &SignedIn,
    ) -> Result<Consent, ProviderError> {
        let request = &resumed.interaction.request;
        let before = self.remembered_consent(signed_in.user.id, &request.client_id).await?;
        let mut claims = next::named_claims(request);
        let mut scope = request.scope.clone();
        if let Some(before) = before {
            // What was taken from the client is forgotten: given back, it is asked for again.
            scope = scope.union(&before.scope.intersection(&resumed.client.client.scope));
            claims.extend(before.claims);
        }
        let client_id = request.client_id.clone();
        Ok(Consent { user_id: signed_in.user.id, client_id, scope, claims, updated_at: ctx.now })
    }

    async fn deny(&self, ctx: &Ctx, resumed: Resumed) -> Result<Step, ProviderError> {
        let user = resumed.signed_in.as_ref().map(|signed_in| signed_in.user.id);
        let event = AuditEvent::ConsentDenied { user, client: resumed.client.client.id.clone() };
        self.apply(ctx, advance(&resumed, None, Advance::Fail), vec![event]).await?;
        Ok(self.answer(&resumed, Err(denied())))
    }

    async fn advance(
        &self,
        ctx: &Ctx,
        resumed: &Resumed,
        left: Option<&SignedIn>,
        step: AdvanceInteraction,
    ) -> Result<(), ProviderError> {
        let events = told::of(resumed, left, &step);
        self.apply(ctx, step, events).await
    }

    async fn apply(
        &self,
        ctx: &Ctx,
        mut step: AdvanceInteraction,
        events: Vec<AuditEvent>,
    ) -> Result<(), ProviderError> {
        step.at = ctx.now;
        let advanced = self.commit(ctx, self.audited_all(ctx, step, events)).await?;
        if advanced { Ok(()) } else { Err(ProviderError::Ended(Ended::Interaction)) }
    }

    fn answer(&self, resumed: &Resumed, answer: Result<String, OAuthError>) -> Step {
        step(What::Answer(self.response(&resumed.interaction.request, answer)))
    }
}

/// A step of this interaction; when it happens is filled in as it is written.
fn advance(resumed: &Resumed, session: Option<SessionChange>, next: Advance) -> AdvanceInteraction {
    let Interaction { id, created_at, expires_at, .. } = resumed.interaction;
    AdvanceInteraction { id, at: created_at, until: expires_at, session, consent: None, next }
}

fn step(what: What) -> Step {
    Step { what, new_browser_secret: None, cookies: None, new_device: None }
}
