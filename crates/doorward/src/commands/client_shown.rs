//! What `doorward client show` prints of a registration.

use super::administer::Administration;
use super::client::{ShowArgs, find, kind, uris};
use super::client_proof_options;
use super::service;
use super::shown;
use super::token_options;
use crate::operator::ServiceOperation;
use protocol::{Client, ClientId, ExchangePolicy, GrantType, Scope};

pub(super) fn show(args: ShowArgs) -> anyhow::Result<()> {
    let mut administration = Administration::of(&args.place)?;
    let (client, _) = find(&mut administration, args.id)?;
    if args.json {
        return shown::json(&client);
    }
    let service = match client.service {
        Some(id) => service::one(&mut administration, ServiceOperation::FindById { id })?.service.to_string(),
        None => String::new(),
    };
    let word = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let seconds = |lifetime: Option<u32>| lifetime.map(|seconds| format!("{seconds} s")).unwrap_or_default();
    let yes = |holds: bool| if holds { "yes" } else { "no" }.to_owned();
    let response_types: Vec<_> =
        client.response_types.iter().map(|response_type| response_type.as_str()).collect();
    let grant_types: Vec<_> = client.grant_types.iter().map(|grant_type| grant_type.as_str()).collect();
    let app_schemes: Vec<_> = client.app_schemes.iter().map(ToString::to_string).collect();
    let mut fields = vec![
        ("client_id", client.id.to_string()),
        ("name", client.name.clone()),
        ("logo", client.logo.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("home page", client.client_uri.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("kind", kind(&client).to_owned()),
    ];
    fields.extend(client_proof_options::shown(&client));
    fields.extend([
        ("redirect URIs", uris(&client.redirect_uris)),
        ("post-logout redirect URIs", uris(&client.post_logout_redirect_uris)),
        ("app schemes", app_schemes.join(" ")),
        ("response types", response_types.join(" ")),
        ("grant types", grant_types.join(" ")),
        ("scope", Scope::to_string(&client.scope)),
        ("consent", word(serde_json::to_value(client.consent))),
        ("PKCE", pkce(&client).to_owned()),
        ("access tokens", word(serde_json::to_value(client.access_token_format))),
    ]);
    fields.extend(token_options::shown(&client));
    fields.extend([
        ("audience", client.audience.join(" ")),
        ("accepted", if client.one_time_access_tokens { "once".to_owned() } else { String::new() }),
        ("access token lifetime", seconds(client.access_token_lifetime)),
        ("ID Token lifetime", seconds(client.id_token_lifetime)),
        ("refresh token lifetime", seconds(client.refresh_token_lifetime)),
        ("default max_age", seconds(client.default_max_age)),
        ("rate limit", client.rate_limit.map(|limit| limit.to_string()).unwrap_or_default()),
        ("may act", client.may_act.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("introspects all", yes(client.introspects_all)),
        ("service", service),
        ("disabled", yes(client.disabled)),
    ]);
    if client.grant_types.contains(&GrantType::TokenExchange) {
        fields.extend(exchange_fields(&client.token_exchange));
    }
    fields.retain(|(_, value)| !value.is_empty());
    Ok(shown::fields(&fields)?)
}

fn pkce(client: &Client) -> &'static str {
    match (client.authentication.is_confidential(), client.pkce) {
        (false, _) => "required, of a public client",
        (true, Some(policy)) => policy.as_str(),
        (true, None) => "as the setting authorization.pkce says",
    }
}

fn exchange_fields(policy: &ExchangePolicy) -> [(&'static str, String); 5] {
    let clients: Vec<_> = policy.clients.iter().map(ClientId::as_str).collect();
    let told = |holds: bool, what: &str| if holds { what.to_owned() } else { String::new() };
    [
        ("exchanges tokens of", clients.join(" ")),
        ("exchanges for", policy.audience.join(" ")),
        ("exchange scope", policy.scope.as_ref().map(Scope::to_string).unwrap_or_default()),
        ("exchange says", told(policy.impersonation, "not who acts")),
        ("exchanged accepted", told(policy.one_time, "once")),
    ]
}
