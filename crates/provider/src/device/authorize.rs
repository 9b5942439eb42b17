//! The device authorization request (RFC 8628 section 3.1) and its answer.

use crate::clients::request::ClientRequest;
use crate::tokens::scope;
use crate::{Ctx, Provider, ProviderError};
use crypto::random_bytes;
use protocol::{DeviceCodeId, ErrorCode, GrantType, OAuthError, UserCode};
use serde::Serialize;
use storage::device_code::{IssueDeviceCode, NewDeviceCode, UserCodeKey};

/// How many user codes are drawn until one is free. With a million codes that live, five are taken once in 10^22 requests.
const DRAWS: usize = 5;

/// The answer (RFC 8628 section 3.2).
#[derive(Serialize)]
pub struct DeviceAuthorization {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    /// Seconds.
    expires_in: u64,
    /// Seconds.
    interval: u64,
}

impl Provider {
    /// Answers a device authorization request.
    ///
    /// # Errors
    /// The error codes of RFC 6749 section 5.2; overload and unavailability of what this server stands on.
    pub async fn device_authorization(
        &self,
        ctx: &mut Ctx,
        request: &ClientRequest,
    ) -> Result<DeviceAuthorization, ProviderError> {
        // RFC 8628 section 3.1: "The client authentication requirements of Section 3.2.1 of RFC 6749 apply".
        let client = self.authenticate_client(ctx, request).await?;
        if !client.client.grant_types.contains(&GrantType::DeviceCode) {
            let why = "this client is not registered for the device code grant type";
            let refused = OAuthError::new(ErrorCode::UnauthorizedClient, why);
            return Err(refused.admitted_by("client set --grant-type").into());
        }
        self.check_named_service(&client.client, &request.params).await?;
        let scope = scope::asked_of_a_person(&client.client, &request.params)?;
        let settings = &self.inner.settings;
        let id = DeviceCodeId::new(ctx.now, ctx.id());
        let device_code = ctx.opaque(id.as_bytes());
        let code = NewDeviceCode {
            id,
            secret_hash: device_code.hash(),
            client_id: client.client.id.clone(),
            scope,
            resources: self.requested_resources(&client.client, &request.params)?,
            asked_from: ctx.remote.map(|address| address.to_string()),
            created_at: ctx.now,
            expires_at: ctx.now + settings.device_code_lifetime,
        };
        let user_code = self.issue_with_a_free_user_code(ctx, code).await?;
        let verification_uri = settings.url("/device");
        Ok(DeviceAuthorization {
            device_code: device_code.reveal(),
            verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
            user_code: user_code.to_string(),
            verification_uri,
            expires_in: settings.device_code_lifetime.as_secs(),
            interval: settings.device_interval.as_secs(),
        })
    }

    /// The database refuses a user code that another device has: then another is drawn.
    async fn issue_with_a_free_user_code(
        &self,
        ctx: &mut Ctx,
        code: NewDeviceCode,
    ) -> Result<UserCode, ProviderError> {
        for _ in 0..DRAWS {
            let user_code = UserCode::from_random(u64::from_be_bytes(random_bytes(ctx.random())));
            let issue = IssueDeviceCode { code: code.clone(), user_code: self.user_code_key(user_code) };
            if self.inner.store.write(issue).await? {
                return Ok(user_code);
            }
        }
        Err(ProviderError::Defect("no free user code was found".to_owned()))
    }

    /// What a user code is stored and looked up by.
    pub(super) fn user_code_key(&self, code: UserCode) -> UserCodeKey {
        UserCodeKey(self.inner.refresh_derivation.user_code_key(code.letters()))
    }
}
