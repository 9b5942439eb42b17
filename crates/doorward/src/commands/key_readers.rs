//! Who cannot read what is published: a part of `store doctor`. Which programs those are was tried (docs/adr/0003-algorithms.md). Asks the
//! running server; knows no database.

use crate::operator::{Operation, Outcome, call};
use crate::settings::Settings;
use protocol::{Client, ClientId, SigningAlgorithm};
use storage::doctor::Finding;

const CHECK: &str = "published keys";
/// Clients asked for at once.
const PAGE: u32 = 500;
/// Clients that are named.
const NAMED: usize = 5;

const READERS: &str = "google-oauth-client for Java and fusionauth-jwt cannot read a JWK Set with such a key at all, whatever signed the token; \
    HAProxy, mod_oauth2, Dovecot, FastMCP, Spring, Kubernetes and auth0's jwks-rsa refuse tokens signed with EdDSA. Where one of them \
    reads them, choose ES256: doorward client set CLIENT_ID --access-token-alg ES256 --id-token-alg RS256, or the setting \
    tokens.access_token_alg. The keys go from the JWK Set when nothing they signed can live any more";

/// Whether an Ed25519 key is published, on whose account, and who fails on it.
pub(super) fn finding(settings: &Settings) -> Option<Finding> {
    let by_setting = settings.tokens.access_token_alg == SigningAlgorithm::EdDsa;
    let published = match call(&settings.data, &Operation::ListSigningKeys) {
        Ok(Ok(Ok(Outcome::SigningKeys(keys)))) => {
            keys.iter().any(|key| key.algorithm == SigningAlgorithm::EdDsa && key.published)
        }
        // No server runs: what is published follows from the setting alone, as far as can be said.
        _ if by_setting => true,
        _ => return None,
    };
    if !published {
        return Some(Finding::ok(CHECK, "no Ed25519 key, on which some readers of a JWK Set fail"));
    }
    let found = if by_setting {
        "an Ed25519 key: tokens.access_token_alg is EdDSA".to_owned()
    } else {
        format!("an Ed25519 key{}", on_account_of(&choosing(settings)))
    };
    Some(Finding::note(CHECK, found, READERS))
}

fn on_account_of(clients: &[ClientId]) -> String {
    let named: Vec<_> = clients.iter().take(NAMED).map(ClientId::as_str).collect();
    match clients.len() {
        0 => ": a client chose EdDSA lately, and tokens of then may live".to_owned(),
        all if all > NAMED => format!(": {} and {} more clients chose EdDSA", named.join(", "), all - NAMED),
        _ => format!(": chosen by {}", named.join(", ")),
    }
}

/// The clients that have tokens signed with EdDSA.
fn choosing(settings: &Settings) -> Vec<ClientId> {
    let mut choosing = Vec::new();
    let mut after = None;
    loop {
        let list = Operation::ListClients { after, limit: PAGE };
        let Ok(Ok(Ok(Outcome::Clients(clients)))) = call(&settings.data, &list) else { return choosing };
        let chose = |client: &&Client| {
            client.access_token_signed_response_alg == Some(SigningAlgorithm::EdDsa)
                || client.id_token_signed_response_alg == SigningAlgorithm::EdDsa
        };
        choosing.extend(clients.iter().filter(chose).map(|client| client.id.clone()));
        match clients.last() {
            Some(last) if clients.len() == PAGE as usize => after = Some(last.id.clone()),
            _ => return choosing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_clients_are_named_and_many_are_counted() {
        let ids: Vec<_> = (1..=7).map(|n| ClientId::parse(&format!("app-{n}")).unwrap()).collect();
        assert_eq!(on_account_of(&ids[..2]), ": chosen by app-1, app-2");
        assert_eq!(on_account_of(&ids), ": app-1, app-2, app-3, app-4, app-5 and 2 more clients chose EdDSA");
        assert!(on_account_of(&[]).contains("lately"));
    }
}
