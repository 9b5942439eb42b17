//! "Acme TV", the demo's device (RFC 8628): shows a code and a QR code, and polls each time its page reloads itself. A client like any other, which
//! knows nothing of the provider beyond its endpoints.

use super::relying_party::Failed;
use crate::clock::OsRandom;
use crate::outgoing::Outgoing;
use crate::settings::Issuer;
use anyhow::{Context as _, ensure};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use crypto::generate_secret;
use http::StatusCode;
use http::header::HeaderValue;
use qrcode::{Color, QrCode};
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use web::ContentSecurityPolicy;
use web::pages::{DemoTelevision, DemoTelevisionPage, QrDrawing};
use web::server::security_headers::SecurityHeaders;

/// How many televisions are remembered; the oldest is forgotten first.
const MOST: usize = 256;

/// The television's maker.
pub(super) struct Television {
    issuer: String,
    /// A phone can open what it shows: the issuer is not only this machine's.
    scannable: bool,
    client_id: String,
    outgoing: Outgoing,
    switched_on: Mutex<VecDeque<(String, Standing)>>,
}

/// How far a television is.
#[derive(Clone)]
enum Standing {
    Waiting(Waiting),
    /// Who signed it in.
    SignedIn(String),
}

/// RFC 8628 section 3.2.
#[derive(Clone, Deserialize)]
struct Waiting {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
}

/// RFC 6749 sections 5.1 and 5.2.
#[derive(Deserialize)]
#[serde(untagged)]
enum Polled {
    Tokens { access_token: String },
    Refused { error: String },
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    name: Option<String>,
}

type Maker = State<Arc<Television>>;

impl Television {
    pub(super) fn new(issuer: &Issuer, client_id: &str, outgoing: Outgoing) -> Self {
        Self {
            issuer: issuer.to_string(),
            scannable: !issuer.is_loopback(),
            client_id: client_id.to_owned(),
            outgoing,
            switched_on: Mutex::default(),
        }
    }

    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/demo/tv", get(switch_on))
            .route("/demo/tv/{id}", get(look))
            .layer(SecurityHeaders::new(false))
            .with_state(Arc::new(self))
    }

    fn remember(&self, waiting: Waiting) -> String {
        let id = generate_secret(&mut OsRandom);
        let mut all = self.switched_on.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back((id.clone(), Standing::Waiting(waiting)));
        id
    }

    fn standing(&self, id: &str) -> Option<Standing> {
        let all = self.switched_on.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(known, _)| known == id).map(|(_, standing)| standing.clone())
    }

    /// Its code is spent; loaded again, it still says who is there.
    fn signed_in(&self, id: &str, name: &str) {
        let mut all = self.switched_on.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, standing)) = all.iter_mut().find(|(known, _)| known == id) {
            *standing = Standing::SignedIn(name.to_owned());
        }
    }

    async fn poll(&self, device_code: &str) -> anyhow::Result<Polled> {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", &self.client_id),
            ("device_code", device_code),
        ];
        let answer = self.outgoing.post_form(&format!("{}/oauth2/token", self.issuer), None, &form).await?;
        serde_json::from_slice(&answer.body).context("the token endpoint did not answer with JSON")
    }

    async fn name(&self, access_token: &str) -> anyhow::Result<String> {
        let bearer = HeaderValue::from_str(&format!("Bearer {access_token}"))?;
        let answer = self.outgoing.get(&format!("{}/oauth2/userinfo", self.issuer), Some(bearer)).await?;
        let userinfo: UserInfo = serde_json::from_slice(&answer.body)?;
        Ok(userinfo.name.unwrap_or(userinfo.sub))
    }
}

/// Asks for a code (RFC 8628 section 3.1). The page that shows it has an address of its own: reloading it asks for no other.
async fn switch_on(State(maker): Maker) -> Result<Response, Failed> {
    let form = [("client_id", maker.client_id.as_str()), ("scope", "openid profile offline_access")];
    let endpoint = format!("{}/oauth2/device_authorization", maker.issuer);
    let answer = maker.outgoing.post_form(&endpoint, None, &form).await?;
    if answer.status != StatusCode::OK {
        return Err(anyhow::anyhow!("the provider refused the television: status {}", answer.status).into());
    }
    let id = maker.remember(serde_json::from_slice(&answer.body)?);
    Ok(Redirect::to(&format!("/demo/tv/{id}")).into_response())
}

async fn look(State(maker): Maker, Path(id): Path<String>) -> Result<Response, Failed> {
    let waiting = match maker.standing(&id) {
        None => return Ok(Redirect::to("/demo/tv").into_response()),
        Some(Standing::SignedIn(name)) => return Ok(shown(DemoTelevision::SignedIn { name })),
        Some(Standing::Waiting(waiting)) => waiting,
    };
    let state = match maker.poll(&waiting.device_code).await? {
        Polled::Tokens { access_token } => {
            let name = maker.name(&access_token).await?;
            maker.signed_in(&id, &name);
            DemoTelevision::SignedIn { name }
        }
        Polled::Refused { error } => match error.as_str() {
            "authorization_pending" | "slow_down" => DemoTelevision::Waiting {
                qr: maker.scannable.then(|| drawn(&waiting.verification_uri_complete)).transpose()?,
                user_code: waiting.user_code,
                verification_uri: waiting.verification_uri,
            },
            "access_denied" => over("Somebody denied it."),
            "expired_token" => over("Nobody entered the code in time."),
            other => over(&format!("The provider says: {other}.")),
        },
    };
    Ok(shown(state))
}

fn shown(state: DemoTelevision) -> Response {
    web::page(StatusCode::OK, &DemoTelevisionPage { state }, &ContentSecurityPolicy::default())
}

fn over(why: &str) -> DemoTelevision {
    DemoTelevision::Over { why: why.to_owned() }
}

/// A QR code.
pub(super) fn drawn(text: &str) -> anyhow::Result<QrDrawing> {
    let code = QrCode::new(text)?;
    let width = code.width();
    ensure!(width > 0, "an empty QR code");
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, module)| *module == Color::Dark);
    let path = dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width, at / width)).collect();
    Ok(QrDrawing { width, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_television_that_is_signed_in_stays_so_when_its_page_is_loaded_again() {
        let maker = Television::new(&Issuer::on_this_machine(false, 80), "tv", Outgoing::new().unwrap());
        let code = || "code".to_owned();
        let id = maker.remember(Waiting {
            device_code: code(),
            user_code: code(),
            verification_uri: code(),
            verification_uri_complete: code(),
        });
        assert!(matches!(maker.standing(&id), Some(Standing::Waiting(_))));
        maker.signed_in(&id, "Ada");
        for _ in 0..2 {
            assert!(matches!(maker.standing(&id), Some(Standing::SignedIn(name)) if name == "Ada"));
        }
    }

    #[test]
    fn every_dark_module_is_a_square_of_the_path() {
        let text = "http://localhost:8080/device?user_code=WDJB-MJHT";
        let (code, drawing) = (QrCode::new(text).unwrap(), drawn(text).unwrap());
        assert_eq!(drawing.width, code.width());
        for y in 0..code.width() {
            for x in 0..code.width() {
                let drawn = drawing.path.contains(&format!("M{x} {y}h1v1h-1z"));
                assert_eq!(drawn, code[(x, y)] == Color::Dark, "{x} {y}");
            }
        }
    }
}
