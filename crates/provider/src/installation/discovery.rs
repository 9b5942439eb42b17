//! What this installation offers (OpenID Connect Discovery section 3, RFC 8414): derived from the same lists the endpoints use.

use crate::settings::ACR_PASSWORD;
use crate::{Provider, ProviderError};
use protocol::claims::SCOPE_CLAIMS;
use protocol::discovery::ProviderMetadata;
use protocol::{
    AssertionAlgorithm, ClientAuthentication, CodeChallenge, GrantType, Prompt, ResponseMode, ResponseType,
    Scope, SigningAlgorithm,
};
use std::sync::Arc;

impl Provider {
    /// The metadata document, as JSON: written once, since nothing in it changes while a server runs.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn metadata(&self) -> Result<Arc<[u8]>, ProviderError> {
        let written = &self.inner.metadata;
        if let Some(json) = written.get() {
            return Ok(Arc::clone(json));
        }
        let json: Arc<[u8]> = serde_json::to_vec(&self.provider_metadata())?.into();
        Ok(Arc::clone(written.get_or_init(|| json)))
    }

    fn provider_metadata(&self) -> ProviderMetadata {
        let settings = &self.inner.settings;
        let url = |path| settings.url(path);
        let methods = self.client_authentication_methods();
        let with_none: Vec<_> = methods.iter().copied().chain(["none"]).collect();
        let algorithms = AssertionAlgorithm::NAMES.to_vec();
        ProviderMetadata {
            issuer: settings.issuer.clone(),
            authorization_endpoint: url("/oauth2/authorize"),
            token_endpoint: url("/oauth2/token"),
            userinfo_endpoint: url("/oauth2/userinfo"),
            jwks_uri: url("/oauth2/jwks"),
            introspection_endpoint: url("/oauth2/introspect"),
            revocation_endpoint: url("/oauth2/revoke"),
            end_session_endpoint: url("/oauth2/logout"),
            device_authorization_endpoint: url("/oauth2/device_authorization"),
            scopes_supported: Scope::STANDARD.to_vec(),
            claims_supported: claims_supported(),
            response_types_supported: ResponseType::ALL.map(ResponseType::as_str).to_vec(),
            response_modes_supported: ResponseMode::ALL.iter().map(|mode| mode.as_str()).collect(),
            grant_types_supported: GrantType::ALL.iter().map(|grant_type| grant_type.as_str()).collect(),
            acr_values_supported: vec![ACR_PASSWORD],
            prompt_values_supported: self.prompts().map(Prompt::as_str).collect(),
            subject_types_supported: vec!["public"],
            id_token_signing_alg_values_supported: SigningAlgorithm::ALL
                .iter()
                .map(|alg| alg.as_str())
                .collect(),
            token_endpoint_auth_methods_supported: with_none.clone(),
            token_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
            introspection_endpoint_auth_methods_supported: methods,
            introspection_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
            revocation_endpoint_auth_methods_supported: with_none,
            revocation_endpoint_auth_signing_alg_values_supported: algorithms,
            code_challenge_methods_supported: vec![CodeChallenge::METHOD],
            ui_locales_supported: vec!["en"],
            claim_types_supported: vec!["normal"],
            claims_parameter_supported: true,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            authorization_response_iss_parameter_supported: true,
            tls_client_certificate_bound_access_tokens: settings.mutual_tls.offered,
        }
    }

    /// How a confidential client may prove who it is.
    fn client_authentication_methods(&self) -> Vec<&'static str> {
        use ClientAuthentication as Method;
        let mutual_tls = &self.inner.settings.mutual_tls;
        let offered = |method: &Method| match method {
            // Stands for two others; `none` is not for everywhere.
            Method::ClientSecret | Method::None => false,
            Method::TlsClientAuth => mutual_tls.offered && !mutual_tls.authorities.is_empty(),
            Method::SelfSignedTlsClientAuth => mutual_tls.offered,
            _ => true,
        };
        Method::ALL.into_iter().filter(offered).map(Method::as_str).collect()
    }

    fn prompts(&self) -> impl Iterator<Item = Prompt> {
        let open = self.inner.settings.registration_open;
        Prompt::ALL.into_iter().filter(move |prompt| open || *prompt != Prompt::Create)
    }
}

fn claims_supported() -> Vec<&'static str> {
    let protocol = ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];
    protocol.into_iter().chain(SCOPE_CLAIMS.iter().flat_map(|(_, claims)| claims.iter().copied())).collect()
}
