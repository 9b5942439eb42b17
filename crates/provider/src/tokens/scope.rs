//! Which scope an answer carries: one rule at every door (RFC 6749 section 3.3). What may not be had is left out, and the answer says what is
//! had; where nothing is left, the request is refused. Knows no endpoint, no token and no person.

use crate::ProviderError;
use protocol::{Client, ErrorCode, GrantType, OAuthError, Params, Scope};
use std::borrow::Cow;
use storage::grant::Grant;

/// What this request gets of the `most` that it may have. One that names no scope asks for `unnamed`.
///
/// # Errors
/// `invalid_scope` when it is no scope, or nothing of it may be had.
pub(crate) fn answered(params: &Params, most: &Scope, unnamed: &Scope) -> Result<Scope, OAuthError> {
    let refused = |why: Cow<'static, str>| OAuthError::new(ErrorCode::InvalidScope, why);
    let asked = match params.get("scope") {
        // Nothing is asked for, and there is nothing: a token that opens no scope may be all a machine needs.
        None if most.is_empty() => return Ok(Scope::default()),
        None => Cow::Borrowed(unnamed),
        Some(text) => Cow::Owned(Scope::parse(text).map_err(|error| refused(error.to_string().into()))?),
    };
    let left = most.intersection(&asked);
    if left.is_empty() {
        let none = refused("this client may have none of the scope it asks for".into());
        return Err(none.admitted_by("client set --scope"));
    }
    Ok(left)
}

/// What a request of this client asks for when it names no scope, and was granted none before.
pub(crate) fn unnamed<'a>(client: &'a Client, most: &'a Scope) -> &'a Scope {
    client.default_scope.as_ref().unwrap_or(most)
}

/// What a person may grant a client: what it is registered for. `offline_access` is ignored where no refresh token could be used (OpenID
/// Connect Core section 11).
pub(crate) fn grantable(client: &Client) -> Cow<'_, Scope> {
    if client.grant_types.contains(&GrantType::RefreshToken) {
        return Cow::Borrowed(&client.scope);
    }
    Cow::Owned(client.scope.without(Scope::OFFLINE_ACCESS))
}

/// What this request of a client asks a person to grant.
///
/// # Errors
/// As [`answered`], and where there is nothing that could be granted.
pub(crate) fn asked_of_a_person(client: &Client, params: &Params) -> Result<Scope, OAuthError> {
    let most = grantable(client);
    let asked = answered(params, &most, unnamed(client, &most))?;
    if asked.is_empty() {
        let none = OAuthError::new(ErrorCode::InvalidScope, "this client is registered for no scope");
        return Err(none.admitted_by("client set --scope"));
    }
    Ok(asked)
}

/// What is left of a grant: nothing that was taken from its client since.
///
/// # Errors
/// `invalid_grant` when that is nothing.
pub(crate) fn left_of(grant: &Grant, client: &Client) -> Result<Scope, ProviderError> {
    let granted = &grant.granted.scope;
    let left = granted.intersection(&client.scope);
    if left.is_empty() && !granted.is_empty() {
        let why = "everything that was granted was taken from this client since";
        return Err(ProviderError::oauth(ErrorCode::InvalidGrant, why));
    }
    Ok(left)
}

/// Whether a grant may still be refreshed. One that was to outlive its session ends when its client may not have that any more.
pub(crate) fn is_refreshable(grant: &Grant, client: &Client) -> bool {
    !grant.granted.offline || client.scope.contains(Scope::OFFLINE_ACCESS)
}

/// Whether the grant outlives its session is no matter of one access token: a narrower one keeps that.
pub(crate) fn keeping_offline(of: &Scope, narrower: &Scope) -> Scope {
    if of.contains(Scope::OFFLINE_ACCESS) {
        return narrower.union(&Scope::parse(Scope::OFFLINE_ACCESS).unwrap_or_default());
    }
    narrower.clone()
}

/// What is left of an access token's scope, as the client is registered now; nothing when all of it is. Beside what it is registered for, a
/// client may have what it gets by exchange. Whether a grant outlives its session is for the client to which it was made: of a token that was
/// `exchanged`, its holder keeps that.
pub(crate) fn left_to(client: &Client, said: &Scope, exchanged: bool) -> Option<Scope> {
    if client.scope.covers(said) {
        return None;
    }
    let more = client.token_exchange.scope.as_ref();
    let more = more.filter(|_| client.grant_types.contains(&GrantType::TokenExchange));
    let most = more.map_or_else(|| client.scope.clone(), |more| client.scope.union(more));
    let left = said.intersection(&most);
    let left = if exchanged { keeping_offline(said, &left) } else { left };
    (left != *said).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    fn answer(asked: Option<&str>, most: &str, unnamed: &str) -> Option<String> {
        let query = asked.map(|asked| format!("scope={}", asked.replace(' ', "+"))).unwrap_or_default();
        let params = Params::parse(query.as_bytes()).unwrap();
        match answered(&params, &scope(most), &scope(unnamed)) {
            Ok(scope) => Some(scope.to_string()),
            Err(error) => {
                assert_eq!(error.code, ErrorCode::InvalidScope);
                None
            }
        }
    }

    #[test]
    fn rfc6749_3_3_too_much_is_narrowed_and_nothing_left_is_refused() {
        for (asked, most, unnamed, expected) in [
            (Some("a b"), "a b c", "a b c", Some("a b")),
            (Some("a x"), "a b", "a b", Some("a")),
            (Some("x"), "a b", "a b", None),
            (Some("a\""), "a b", "a b", None),
            (Some("x"), "", "", None),
            (None, "a b", "a b", Some("a b")),
            (None, "a b", "b x", Some("b")),
            (None, "a b", "x", None),
            (None, "", "", Some("")),
            // An empty parameter is as good as none (RFC 6749 section 3.1).
            (Some(""), "a b", "a", Some("a")),
        ] {
            let case = format!("{asked:?} of {most:?}, else {unnamed:?}");
            assert_eq!(answer(asked, most, unnamed).as_deref(), expected, "{case}");
        }
    }
}
