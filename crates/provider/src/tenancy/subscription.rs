//! What the holder of a token may ask about its service: what the user has subscribed to there, and who they are to its organization.

use crate::tokens::access_token::VerifiedAccessToken;
use crate::{Ctx, Provider, ProviderError};
use protocol::{ErrorCode, Features, ServicePath, Slug, SubscriptionStatus, Timestamp, UserId};
use std::sync::Arc;
use storage::membership::RoleOf;
use storage::service::Service;
use storage::user::UserById;

/// How a token's user stands with its service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentSubscription {
    /// The service.
    pub service: ServicePath,
    /// The plan in force.
    pub plan: Slug,
    /// What it opens.
    pub features: Features,
    /// How the subscription stands; active when there is none.
    pub status: SubscriptionStatus,
    /// Until when it is paid for; none when that is not known, or there is no subscription.
    pub current_period_end: Option<Timestamp>,
}

/// A token's user, a member of the organization whose service it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationUser {
    /// Who.
    pub id: UserId,
    /// Their e-mail address, if the token opens it.
    pub email: Option<String>,
    /// The organization and its service, if the token names one.
    pub service: Option<ServicePath>,
}

impl Provider {
    /// How this token's user stands with its service now. Of a token that was seen before nothing is verified again and no row is read.
    ///
    /// # Errors
    /// `invalid_token`; `invalid_request` when the token names no service or speaks for no user.
    pub async fn subscription(
        &self,
        ctx: &Ctx,
        access_token: &str,
    ) -> Result<CurrentSubscription, ProviderError> {
        let (_, user, service) = self.service_token(ctx, access_token).await?;
        let standing = self.standing(user, service.id).await?;
        let (plan, features) = standing.plan(ctx.now);
        let subscription = standing.subscription.as_ref();
        Ok(CurrentSubscription {
            service: service.path.clone(),
            plan,
            features,
            status: subscription.map_or(SubscriptionStatus::Active, |subscription| subscription.status),
            current_period_end: subscription.and_then(|subscription| subscription.current_period_end),
        })
    }

    /// Who this token's user is: to the organization whose service it is for, if it is for one.
    ///
    /// # Errors
    /// `invalid_token`; `invalid_request` when it speaks for no user; `access_denied` when they are no member.
    pub async fn organization_user(
        &self,
        ctx: &Ctx,
        access_token: &str,
    ) -> Result<OrganizationUser, ProviderError> {
        let token = self.verify_own_access_token(ctx, access_token).await?.ok_or_else(invalid_token)?;
        let user = token.user_id.ok_or_else(|| bad("the access token speaks for no user"))?;
        let service = self.service_of(&token).await?;
        let (user, member) = match &service {
            Some(service) => {
                let queries = (UserById(user), RoleOf(user, service.organization_id));
                let (user, role) = self.inner.store.read_together(queries).await?;
                (user, role.is_some())
            }
            None => (self.inner.store.read(UserById(user)).await?, true),
        };
        let user = user.filter(|user| user.disabled_at.is_none()).ok_or_else(invalid_token)?;
        if !member {
            return Err(ProviderError::oauth(
                ErrorCode::AccessDenied,
                "the user is not a member of the token's organization",
            ));
        }
        // OpenID Connect Core section 5.4: the scope opens it here as at the UserInfo endpoint.
        let email = user.email.filter(|_| token.claims.scope.contains("email"));
        let service = service.map(|service| service.path.clone());
        Ok(OrganizationUser { id: user.id, email, service })
    }

    async fn service_token(
        &self,
        ctx: &Ctx,
        access_token: &str,
    ) -> Result<(Arc<VerifiedAccessToken>, UserId, Arc<Service>), ProviderError> {
        let token = self.verify_own_access_token(ctx, access_token).await?.ok_or_else(invalid_token)?;
        let service =
            self.service_of(&token).await?.ok_or_else(|| bad("the access token names no service"))?;
        let user = token.user_id.ok_or_else(|| bad("the access token speaks for no user"))?;
        Ok((token, user, service))
    }
}

fn bad(description: &'static str) -> ProviderError {
    ProviderError::oauth(ErrorCode::InvalidRequest, description)
}

fn invalid_token() -> ProviderError {
    ProviderError::oauth(ErrorCode::InvalidToken, "the access token is not valid")
}
