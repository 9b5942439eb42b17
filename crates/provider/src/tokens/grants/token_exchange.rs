//! The token exchange grant type (RFC 8693): a token for another audience, with less scope, or held by another client, which then says who acts.
//! What it is exchanged for never allows more, lives no longer, and ends with whatever ends the subject token's grant, session or user.

use super::TokenResponse;
use crate::tokens::access_token::VerifiedAccessToken;
use crate::tokens::audience::invalid_target;
use crate::tokens::issue::{Form, Issue, Subject};
use crate::tokens::scope;
use crate::{Ctx, Provider, ProviderError};
use protocol::claims::Actor;
use protocol::{Client, ErrorCode, OAuthError, Params, Scope, TokenTypeUri};
use std::sync::Arc;
use storage::access_token::AddAccessToken;

/// So many may act for each other in a row.
const MAX_ACTORS: usize = 4;

impl Provider {
    pub(super) async fn exchange(
        &self,
        ctx: &mut Ctx,
        client: &Client,
        params: &Params,
    ) -> Result<TokenResponse, ProviderError> {
        let as_what = requested_token_type(params)?;
        let subject = params.require("subject_token")?;
        let subject = self.presented_token(ctx, subject, params.require("subject_token_type")?).await?;
        let actor = self.presented_actor(ctx, params).await?;
        self.may_exchange(client, &subject)?;
        let act = acting(client, &subject, actor.as_deref())?;
        let form = form(client, &subject, as_what)?;
        let audience = self.target(client, params)?;
        let scope = narrowed(client, &subject, params)?;

        // Nothing can be wrong with the request any more: what is accepted once is spent.
        for token in [Some(&subject), actor.as_ref()].into_iter().flatten() {
            if !self.accept_access_token(ctx, token).await? {
                return Err(not_good().into());
            }
        }
        let issue =
            Issue { audience, form, ..Issue::new(client, Subject::Token(&subject, act.as_ref()), scope) };
        let issued = self.issue(ctx, issue).await?;
        if let Some(access_token) = issued.stored.clone() {
            self.inner.store.write(AddAccessToken(access_token)).await?;
        }
        Ok(TokenResponse::exchanged(issued, as_what))
    }

    async fn presented_token(
        &self,
        ctx: &Ctx,
        token: &str,
        token_type: &str,
    ) -> Result<Arc<VerifiedAccessToken>, ProviderError> {
        let is_jwt = token.split('.').count() == 3;
        match TokenTypeUri::parse(token_type) {
            Some(TokenTypeUri::AccessToken) => {}
            Some(TokenTypeUri::Jwt) if is_jwt => {}
            Some(TokenTypeUri::Jwt) => return Err(not_good().into()),
            // An ID Token carries no scope, and nothing that a revoked grant would end.
            None => return Err(refused("token type: access_token or jwt is expected").into()),
        }
        Ok(self.look_at_access_token(ctx, token).await?.ok_or_else(not_good)?)
    }

    async fn presented_actor(
        &self,
        ctx: &Ctx,
        params: &Params,
    ) -> Result<Option<Arc<VerifiedAccessToken>>, ProviderError> {
        match (params.get("actor_token"), params.get("actor_token_type")) {
            (Some(token), Some(token_type)) => self.presented_token(ctx, token, token_type).await.map(Some),
            (None, None) => Ok(None),
            // RFC 8693 section 2.1: required with an actor_token, and "MUST NOT be included" without one.
            (Some(_), None) => Err(refused("actor_token_type is missing").into()),
            (None, Some(_)) => Err(refused("actor_token is missing").into()),
        }
    }

    /// A client may exchange its own tokens, those that are for it, those of the clients it is registered for; and where a token says who may
    /// act, only they, beside whoever holds it.
    fn may_exchange(&self, client: &Client, subject: &VerifiedAccessToken) -> Result<(), OAuthError> {
        let allowed = is_own(client, subject)
            || match &subject.claims.may_act {
                Some(may_act) => may_act.sub == client.id.as_str(),
                None => {
                    self.serves(client, &subject.claims.aud)
                        || client.token_exchange.clients.contains(&subject.client_id)
                }
            };
        let why = "this client may not exchange that subject_token";
        if allowed { Ok(()) } else { Err(refused(why).admitted_by("client set --exchange-client")) }
    }

    /// What the token is to be for: every `audience` and `resource` named.
    fn target(&self, client: &Client, params: &Params) -> Result<Vec<String>, OAuthError> {
        let resources = params.all("resource").map(|text| match protocol::ResourceIndicator::parse(text) {
            Ok(_) => Ok(text),
            Err(error) => Err(invalid_target(error.to_string())),
        });
        let mut target: Vec<String> = Vec::new();
        for named in params.all("audience").map(Ok).chain(resources) {
            let named = named?;
            let by_policy = client.token_exchange.audience.iter().any(|allowed| allowed == named);
            if !by_policy && !self.allows_audience(client, named) {
                let refused = invalid_target("this client may not ask for that audience or resource");
                return Err(refused.admitted_by("client set --exchange-audience"));
            }
            if !target.iter().any(|known| known == named) {
                target.push(named.to_owned());
            }
        }
        Ok(target)
    }
}

/// RFC 8693 section 2.2.2: whatever is wrong with a subject or actor token, or not acceptable about it, is an `invalid_request`.
fn refused(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, description)
}

fn not_good() -> OAuthError {
    refused("the token is not a good one of that type")
}

fn requested_token_type(params: &Params) -> Result<TokenTypeUri, OAuthError> {
    match params.get("requested_token_type") {
        None => Ok(TokenTypeUri::AccessToken),
        Some(asked) => TokenTypeUri::parse(asked)
            .ok_or_else(|| refused("requested_token_type: access_token or jwt is expected")),
    }
}

fn is_own(client: &Client, token: &VerifiedAccessToken) -> bool {
    token.client_id == client.id
}

/// Who acts for the subject (RFC 8693 section 4.1): whoever the actor token speaks for, or else the client. Nobody new does where a client
/// narrows its own token, or is registered for impersonation.
fn acting(
    client: &Client,
    subject: &VerifiedAccessToken,
    actor: Option<&VerifiedAccessToken>,
) -> Result<Option<Actor>, OAuthError> {
    let before = subject.claims.act.clone();
    let sub = match actor {
        Some(actor) => {
            check_actor(client, subject, actor)?;
            &actor.claims.sub
        }
        None if is_own(client, subject) || client.token_exchange.impersonation => return Ok(before),
        None => client.id.as_str(),
    };
    let act = Actor { sub: sub.to_owned(), act: before.map(Box::new) };
    if act.depth() > MAX_ACTORS {
        return Err(refused("too many act for each other already"));
    }
    Ok(Some(act))
}

fn check_actor(
    client: &Client,
    subject: &VerifiedAccessToken,
    actor: &VerifiedAccessToken,
) -> Result<(), OAuthError> {
    if !is_own(client, actor) {
        return Err(refused("the actor_token was issued to another client"));
    }
    if actor.claims.act.is_some() {
        return Err(refused("the actor_token is one that somebody acts with"));
    }
    match &subject.claims.may_act {
        Some(may_act) if may_act.sub != actor.claims.sub => {
            Err(refused("the actor_token is not of whom the subject_token says that they may act"))
        }
        _ => Ok(()),
    }
}

/// What is accepted once does not become what is accepted again.
fn form(client: &Client, subject: &VerifiedAccessToken, as_what: TokenTypeUri) -> Result<Form, OAuthError> {
    let one_time = client.token_exchange.one_time || subject.one_time;
    let form = if one_time { Form::OneTime } else { Form::of(client) };
    match (as_what, form) {
        (TokenTypeUri::AccessToken, form) => Ok(form),
        (TokenTypeUri::Jwt, Form::OneTime) => {
            Err(refused("requested_token_type: a token that is accepted once is no jwt"))
        }
        (TokenTypeUri::Jwt, Form::Jwt | Form::Opaque) => Ok(Form::Jwt),
    }
}

/// Never more than the subject token allows, and never more than the client may get by exchange. That token says what is meant where no scope
/// is named.
fn narrowed(client: &Client, subject: &VerifiedAccessToken, params: &Params) -> Result<Scope, OAuthError> {
    let most = client.token_exchange.scope.as_ref().unwrap_or(&client.scope);
    let possible = subject.claims.scope.intersection(most);
    let scope = scope::answered(params, &possible, &possible)?;
    Ok(scope::keeping_offline(&subject.claims.scope, &scope))
}
