//! `/oauth2/validate`: what gateways ask before they let a request through (nginx `auth_request`, Traefik `forwardAuth`, Caddy
//! `forward_auth`, Envoy `ext_authz`). Answers 204 (Envoy 200), 401 or 403 (RFC 6750 section 3): a gateway takes anything else for a failure. Anybody may
//! ask: the answer says what a credential allows to whoever holds it, and of other credentials nothing.

use crate::answer::json;
use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{Circumstances, Presents, query};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::request::Parts;
use protocol::{ErrorCode, OAuthError, Scope};
use provider::{Admitted, Caller, Denied, GatewayRequest};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The path that [`below`] strips.
const HERE: &str = "/oauth2/validate";

const SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
const CLIENT: HeaderName = HeaderName::from_static("x-auth-client");
const SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");
const TYPE: HeaderName = HeaderName::from_static("x-auth-type");
const ORG: HeaderName = HeaderName::from_static("x-auth-org");
const SERVICE: HeaderName = HeaderName::from_static("x-auth-service");
const PLAN: HeaderName = HeaderName::from_static("x-auth-plan");
const FEATURES: HeaderName = HeaderName::from_static("x-auth-features");

/// The answer's names, and those that tell the request.
const OURS: [&str; 17] = [
    "x-auth-subject",
    "x-auth-client",
    "x-auth-scope",
    "x-auth-type",
    "x-auth-org",
    "x-auth-service",
    "x-auth-plan",
    "x-auth-features",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-original-host",
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-forwarded-host",
    "x-forwarded-for",
    "x-api-key",
];

/// The request is told in headers: `X-Original-*` or `X-Forwarded-*`.
pub(crate) async fn asked(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    Presents(credential): Presents,
    parts: Parts,
) -> Response {
    let verdict = async {
        nothing_looks_like_ours(&parts.headers)?;
        let params = query(&parts.uri)
            .map_err(|_| Denied::Forbidden("the query of the gateway's question is malformed"))?;
        // A question is about one resource server.
        if params.all("resource").nth(1).is_some() {
            return Err(Denied::Forbidden("the gateway's question names several resource servers"));
        }
        let request = told(&parts.headers, params.get("resource"))?;
        web.provider
            .validate(&ctx, &request, credential.as_ref().map(Option::as_ref).map_err(Clone::clone))
            .await
    };
    answer(StatusCode::NO_CONTENT, verdict.await)
}

/// The request is this one, with the path below ours (Envoy's `path_prefix`): its query is its sender's, and its headers say nothing about it.
pub(crate) async fn below(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    Presents(credential): Presents,
    parts: Parts,
) -> Response {
    let verdict = async {
        nothing_looks_like_ours(&parts.headers)?;
        let host = match parts.uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => one(&parts.headers, "host")?,
        };
        let request = GatewayRequest {
            method: parts.method.as_str(),
            host,
            target: parts.uri.path().strip_prefix(HERE).unwrap_or_default(),
            resource: None,
        };
        let credential = credential.as_ref().map(Option::as_ref).map_err(Clone::clone);
        web.provider.validate(&ctx, &request, credential).await
    };
    // Of all that mean success, Envoy lets pass on this one only.
    answer(StatusCode::OK, verdict.await)
}

/// No program behind the gateway may take what its client sent for what we say. CGI and all that took after it (WSGI, PHP, ..) know names in upper
/// case with `_` for `-`, some of them for any other character too (RFC 3875 section 4.1.18): there `X-Auth_Subject` is our `X-Auth-Subject`. A
/// header in our own spelling is the gateway's to overwrite; one that `Connection` names is taken away on the way (RFC 9110 section 7.6.1), be
/// it ours.
fn nothing_looks_like_ours(headers: &HeaderMap) -> Result<(), Denied> {
    let folds = |name: &str, ours: &str| {
        name.len() == ours.len()
            && name.bytes().zip(ours.bytes()).all(|(byte, our)| {
                byte.eq_ignore_ascii_case(&our) || (our == b'-' && !byte.is_ascii_alphanumeric())
            })
    };
    let is_like = |name: &str| OURS.iter().any(|ours| *ours != name && folds(name, ours));
    if headers.keys().any(|name| is_like(name.as_str())) {
        return Err(Denied::Forbidden("a header of the request could be taken for one of the gateway's"));
    }
    let named =
        headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let takes_ours = |name: &[u8]| {
        std::str::from_utf8(name.trim_ascii()).is_ok_and(|name| OURS.iter().any(|ours| folds(name, ours)))
    };
    if named.into_iter().any(takes_ours) {
        return Err(Denied::Forbidden("Connection names one of the gateway's headers"));
    }
    Ok(())
}

/// The request as the gateway tells it. A gateway passes on what its client sent, so of the two families of headers only one may be there:
/// which of two was the gateway's word could not be told.
fn told<'a>(headers: &'a HeaderMap, resource: Option<&'a str>) -> Result<GatewayRequest<'a>, Denied> {
    let original = (one(headers, "x-original-uri")?, one(headers, "x-original-url")?);
    let forwarded = one(headers, "x-forwarded-uri")?;
    let (family, target) = match (original, forwarded) {
        ((Some(uri), None), None) | ((None, Some(uri)), None) => ("original", uri),
        ((None, None), Some(uri)) => ("forwarded", uri),
        ((None, None), None) => {
            tracing::warn!("a gateway did not say which request it asks about");
            return Err(Denied::Forbidden("X-Original-URI or X-Forwarded-Uri is expected"));
        }
        _ => {
            return Err(Denied::Forbidden(
                "X-Original-URI, X-Original-URL and X-Forwarded-Uri: one of them is expected",
            ));
        }
    };
    let (method, host) = match family {
        "original" => (one(headers, "x-original-method")?, one(headers, "x-original-host")?),
        _ => (one(headers, "x-forwarded-method")?, one(headers, "x-forwarded-host")?),
    };
    let method = method.ok_or(Denied::Forbidden(
        "the method is expected beside the URI, in X-Original-Method or X-Forwarded-Method",
    ))?;
    let (host, target) = match target.split_once("://") {
        // As ingress-nginx writes it.
        Some((_, rest)) if !target.starts_with('/') => {
            let slash = rest.find('/').ok_or(Denied::Forbidden("X-Original-URL has no path"))?;
            (Some(&rest[..slash]), &rest[slash..])
        }
        _ => (host, target),
    };
    Ok(GatewayRequest { method, host, target, resource })
}

/// A header's value; two of them are one too many.
fn one<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Denied> {
    let mut values = headers.get_all(name).iter();
    let refused = Denied::Forbidden("a header that tells the request is there twice, or is no text");
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => std::str::from_utf8(value.as_bytes()).map(Some).map_err(|_| refused),
        (Some(_), Some(_)) => Err(refused),
    }
}

fn answer(passes: StatusCode, verdict: Result<Admitted, Denied>) -> Response {
    match verdict {
        Ok(admitted) => (passes, identity(&admitted)).into_response(),
        Err(Denied::Forbidden(why)) => {
            let members = json!({ "error": ErrorCode::AccessDenied.as_str(), "error_description": why });
            json(StatusCode::FORBIDDEN, &members)
        }
        Err(Denied::Challenge { realm, error, scope }) => challenged(&realm, error.as_ref(), &scope),
        Err(Denied::Provider(error)) => ApiError(error).into_response(),
    }
}

/// Every one of them is always there, be it empty: so that a gateway that copies them overwrites what its client sent under their names.
fn identity(admitted: &Admitted) -> [(HeaderName, HeaderValue); 8] {
    let (caller, service) = (admitted.caller.as_ref(), admitted.service.as_ref());
    let kind = caller.map(|caller| match caller {
        Caller::ApiKey(_) => "api_key",
        Caller::AccessToken(_) if caller.user_id().is_some() => "user",
        Caller::AccessToken(_) => "client",
    });
    let scope = caller.map(|_| admitted.scope.to_string());
    let features = service.and_then(|service| service.features.as_ref());
    [
        (SUBJECT, caller.map(|caller| value(caller.subject()))),
        (CLIENT, caller.map(|caller| value(caller.client_id().as_str()))),
        (SCOPE, scope.and_then(|scope| HeaderValue::from_str(&scope).ok())),
        (TYPE, kind.map(HeaderValue::from_static)),
        (ORG, service.map(|service| value(service.org.as_str()))),
        (SERVICE, service.map(|service| value(service.service.as_str()))),
        (PLAN, service.and_then(|service| service.plan.as_ref()).map(|plan| value(plan.as_str()))),
        (FEATURES, features.map(|features| ascii_json(features.as_json()))),
    ]
    .map(|(name, value)| (name, value.unwrap_or(HeaderValue::from_static(""))))
}

/// JSON as it stands in the token, all of it in ASCII (RFC 8259 section 7).
fn ascii_json(json: &Value) -> HeaderValue {
    let mut text = String::new();
    for char in json.to_string().chars() {
        if char.is_ascii() && !char.is_ascii_control() {
            text.push(char);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// An identifier that nothing on its way can read as another one: what is not printable, spaces, commas, quotes and `%` are percent-encoded.
fn value(identifier: &str) -> HeaderValue {
    let mut text = String::with_capacity(identifier.len());
    for byte in identifier.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'%' | b',' | b'"') {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// RFC 6750 section 3. Section 3.1 would have 400 for a malformed request, which gateways take for a failure of ours.
fn challenged(realm: &str, error: Option<&OAuthError>, scope: &Scope) -> Response {
    let mut challenge = format!(r#"Bearer realm="{realm}""#);
    if !scope.is_empty() {
        let _ = write!(challenge, r#", scope="{scope}""#);
    }
    let Some(OAuthError { code, description, .. }) = error else {
        return (StatusCode::UNAUTHORIZED, with(&challenge)).into_response();
    };
    let _ = write!(challenge, r#", error="{code}", error_description="{description}""#);
    let status =
        if *code == ErrorCode::InsufficientScope { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
    let members = json!({ "error": code.as_str(), "error_description": description });
    (with(&challenge), json(status, &members)).into_response()
}

fn with(challenge: &str) -> [(HeaderName, HeaderValue); 1] {
    let bare = HeaderValue::from_static("Bearer");
    [(WWW_AUTHENTICATE, HeaderValue::from_str(challenge).unwrap_or(bare))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_the_json_of_the_token_in_ascii() {
        for (features, written) in [
            (json!(["read", "a, b"]), r#"["read","a, b"]"#),
            (json!({"seats": 5}), r#"{"seats":5}"#),
            (json!(["é😀\u{7f}\r\n\"\\"]), r#"["\u00e9\ud83d\ude00\u007f\r\n\"\\"]"#),
        ] {
            let header = ascii_json(&features);
            assert_eq!(header, written);
            assert_eq!(serde_json::from_slice::<Value>(header.as_bytes()).unwrap(), features);
        }
    }

    #[test]
    fn identifiers_cannot_be_taken_for_others() {
        for (identifier, written) in [
            ("0191b2c3-a1b2-7c3d-8e4f-a1b2c3d4e5f6", "0191b2c3-a1b2-7c3d-8e4f-a1b2c3d4e5f6"),
            ("my-app", "my-app"),
            (" admin", "%20admin"),
            ("a,b", "a%2Cb"),
            ("a%20b", "a%2520b"),
            ("a\r\nX-Auth-Subject: root", "a%0D%0AX-Auth-Subject:%20root"),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(value(identifier), written);
        }
    }
}
