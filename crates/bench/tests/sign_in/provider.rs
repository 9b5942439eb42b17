//! A small OpenID Provider. It keeps the rules of the RFCs strictly enough that a client which forgets a cookie, a
//! verifier, a hidden field or a rotation is told so, and it can be made to misbehave.

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bench::SignInPlan;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::TcpListener;

const REDIRECT_URI: &str = "http://127.0.0.1:1/callback";
pub(crate) const SECRET: &str = "s3cret:+ %";

/// How the provider behaves; the default is well.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manners {
    /// Every so many sign-in posts, one is refused with this status.
    pub(crate) refuse: Option<(u64, u16)>,
    /// The Retry-After of a refusal, 0 if unset.
    pub(crate) retry_after: Option<&'static str>,
    /// The authorization endpoint redirects to a page of its own.
    pub(crate) page_is_elsewhere: bool,
    /// Sign-in leads to a consent form.
    pub(crate) asks_consent: bool,
    /// From the tenth sign-in on, `state` comes back changed.
    pub(crate) forgets_state: bool,
    /// From the tenth token answer on, the answer is an error that tells a secret.
    pub(crate) breaks_tokens: bool,
    /// From the tenth introspection on, the answer takes longer than any time-out.
    pub(crate) hangs: bool,
    /// Introspection takes this long.
    pub(crate) slow_introspection: Duration,
    /// Each answer closes its connection.
    pub(crate) closes: bool,
}

#[derive(Default)]
pub(crate) struct Provider {
    manners: Manners,
    issuer: String,
    state: Mutex<Known>,
    serial: AtomicU64,
    pub(crate) sign_in_posts: AtomicU64,
    token_posts: AtomicU64,
    pub(crate) introspections: AtomicU64,
}

#[derive(Default)]
pub(crate) struct Known {
    interactions: HashMap<String, HashMap<String, String>>,
    codes: HashMap<String, String>,
    access_tokens: HashSet<String>,
    refresh_tokens: HashSet<String>,
    values_seen: HashSet<String>,
    pub(crate) complaints: Vec<String>,
}

type Answer = Response<Body>;

impl Provider {
    fn unique(&self, what: &str) -> String {
        format!("{what}-{}", self.serial.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap()
    }

    /// A client that breaks a rule is remembered, and answered with 400.
    fn complain(&self, why: impl Into<String>) -> Answer {
        self.known().complaints.push(why.into());
        answer(StatusCode::BAD_REQUEST, "text/plain", "SECRET")
    }

    fn page(&self, interaction: &str) -> Answer {
        let body = format!(
            "<!doctype html><form action='/search'><input name=q></form>\
             <form action=\"/sign-in\" method=\"post\"><input value=\"{interaction}&amp;&quot;&lt;\" type=\"hidden\" name=\"csrf\">\
             <input name=\"username\"><input type=\"password\" name=\"password\"><button>Sign in</button></form>"
        );
        let mut page = answer(StatusCode::OK, "text/html", body);
        // The name of a cookie that plain HTTP would lose in a browser; the tool must not care.
        let cookie = format!("__Host-interaction={interaction}; Path=/; Secure; HttpOnly; SameSite=Lax");
        page.headers_mut().insert(header::SET_COOKIE, HeaderValue::from_str(&cookie).unwrap());
        page
    }

    fn to_client(&self, interaction: &str) -> Answer {
        let request = self.known().interactions.remove(interaction).unwrap();
        let code = self.unique("code");
        self.known().codes.insert(code.clone(), request["code_challenge"].clone());
        let forget = self.manners.forgets_state && self.sign_in_posts.load(Ordering::Relaxed) >= 10;
        let state = if forget { "another" } else { &request["state"] };
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("code", code.as_str()), ("state", state), ("iss", &self.issuer)])
            .finish();
        redirect(&format!("{REDIRECT_URI}?{query}"))
    }
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Answer {
    Response::builder().status(status).header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()
}

fn json(status: StatusCode, value: &serde_json::Value) -> Answer {
    answer(status, "application/json", value.to_string())
}

fn redirect(location: &str) -> Answer {
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(header::LOCATION, location)
        .body(Body::empty())
        .unwrap()
}

fn pairs(text: &str) -> HashMap<String, String> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(header::COOKIE)?.to_str().unwrap().strip_prefix("__Host-interaction=")?.to_owned())
}

type Shared = State<Arc<Provider>>;

async fn discovery(State(idp): Shared) -> Answer {
    let issuer = &idp.issuer;
    json(
        StatusCode::OK,
        &serde_json::json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/oauth2/authorize"),
            "token_endpoint": format!("{issuer}/oauth2/token"),
            "introspection_endpoint": format!("{issuer}/oauth2/introspect"),
        }),
    )
}

async fn authorize(State(idp): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    if headers.contains_key(header::COOKIE) {
        return idp.complain("an iteration began with cookies of the last one");
    }
    let request = pairs(&query.unwrap_or_default());
    let expected = [
        ("response_type", "code"),
        ("client_id", "client 1"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", SignInPlan::SCOPE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in expected {
        if request.get(name).map(String::as_str) != Some(value) {
            return idp.complain(format!("{name} is {:?}", request.get(name)));
        }
    }
    for name in ["state", "nonce", "code_challenge"] {
        // RFC 7636 section 4.2: 43 characters of base64url. And nothing may repeat.
        if request[name].len() != 43 || !idp.known().values_seen.insert(request[name].clone()) {
            return idp.complain(format!("{name} is too short or was used before"));
        }
    }
    let interaction = idp.unique("interaction");
    idp.known().interactions.insert(interaction.clone(), request);
    if idp.manners.page_is_elsewhere {
        return redirect(&format!("../sign-in?interaction={interaction}"));
    }
    idp.page(&interaction)
}

async fn sign_in_page(State(idp): Shared, RawQuery(query): RawQuery) -> Answer {
    idp.page(&pairs(&query.unwrap_or_default())["interaction"])
}

async fn submit(State(idp): Shared, headers: HeaderMap, body: String) -> Answer {
    let number = idp.sign_in_posts.fetch_add(1, Ordering::Relaxed) + 1;
    let Some(interaction) = cookie(&headers) else { return idp.complain("no cookie came with the form") };
    let form = pairs(&body);
    if headers.get(header::ORIGIN).is_none_or(|origin| origin != idp.issuer.as_str()) {
        return idp.complain("the form came without its Origin");
    }
    if form.get("csrf") != Some(&format!("{interaction}&\"<")) || form.contains_key("q") {
        return idp.complain("the hidden fields are not those of the form");
    }
    if let Some((every, status)) = idp.manners.refuse
        && number.is_multiple_of(every)
    {
        let mut refusal = answer(StatusCode::from_u16(status).unwrap(), "text/html", "busy");
        refusal
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static(idp.manners.retry_after.unwrap_or("0")));
        return refusal;
    }
    if form["username"] != "ada@example.org" || form["password"] != "correct horse & battery" {
        return idp.page(&interaction);
    }
    if idp.manners.asks_consent {
        let form = "<form method=post action=/consent><input type=hidden name=csrf value=c>\
            <button name=decision value=deny>No</button><button name=decision value=allow>Yes</button></form>";
        return answer(StatusCode::OK, "text/html", form);
    }
    idp.to_client(&interaction)
}

async fn consent(State(idp): Shared, headers: HeaderMap, body: String) -> Answer {
    match (cookie(&headers), body.as_str()) {
        (Some(interaction), "csrf=c&decision=allow") => idp.to_client(&interaction),
        (_, body) => idp.complain(format!("consent was {body}")),
    }
}

fn is_authenticated(headers: &HeaderMap) -> bool {
    // RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
    let expected = STANDARD.encode("client+1:s3cret%3A%2B+%25");
    headers.get(header::AUTHORIZATION).is_some_and(|value| value == format!("Basic {expected}").as_str())
}

async fn token(State(idp): Shared, headers: HeaderMap, body: String) -> Answer {
    let number = idp.token_posts.fetch_add(1, Ordering::Relaxed);
    if !is_authenticated(&headers) {
        return idp.complain("client authentication");
    }
    if idp.manners.breaks_tokens && number >= 10 {
        let error = serde_json::json!({ "error": "invalid_grant", "error_description": "SECRET" });
        return json(StatusCode::BAD_REQUEST, &error);
    }
    let form = pairs(&body);
    let granted = match form["grant_type"].as_str() {
        "authorization_code" => {
            let challenge = idp.known().codes.remove(&form["code"]);
            let verified = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
            challenge == Some(verified) && form["redirect_uri"] == REDIRECT_URI
        }
        _ => idp.known().refresh_tokens.remove(&form["refresh_token"]),
    };
    if !granted {
        return idp
            .complain(format!("{} with a code, verifier or token that is not good", form["grant_type"]));
    }
    let (access, refresh) = (idp.unique("access"), idp.unique("refresh"));
    idp.known().access_tokens.insert(access.clone());
    idp.known().refresh_tokens.insert(refresh.clone());
    json(
        StatusCode::OK,
        &serde_json::json!({ "access_token": access, "refresh_token": refresh, "id_token": "i", "token_type": "Bearer" }),
    )
}

async fn introspect(State(idp): Shared, headers: HeaderMap, body: String) -> Answer {
    let number = idp.introspections.fetch_add(1, Ordering::Relaxed);
    if idp.manners.hangs && number >= 10 {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(idp.manners.slow_introspection).await;
    let active = is_authenticated(&headers) && idp.known().access_tokens.contains(&pairs(&body)["token"]);
    json(StatusCode::OK, &serde_json::json!({ "active": active }))
}

async fn closing(State(idp): Shared, mut answer: Answer) -> Answer {
    if idp.manners.closes {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

pub(crate) async fn provider(manners: Manners) -> (Arc<Provider>, SignInPlan) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let idp = Arc::new(Provider { manners, issuer: issuer.clone(), ..Provider::default() });
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/oauth2/authorize", get(authorize))
        .route("/sign-in", get(sign_in_page).post(submit))
        .route("/consent", post(consent))
        .route("/oauth2/token", post(token))
        .route("/oauth2/introspect", post(introspect))
        .layer(axum::middleware::map_response_with_state(Arc::clone(&idp), closing))
        .with_state(Arc::clone(&idp));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let plan = SignInPlan {
        issuer: issuer.parse().unwrap(),
        client_id: "client 1".to_owned(),
        client_secret: SECRET.to_owned(),
        username: "ada@example.org".to_owned(),
        password: "correct horse & battery".to_owned(),
        redirect_uri: REDIRECT_URI.to_owned(),
        scope: SignInPlan::SCOPE.to_owned(),
        users: 4,
        warm_up: Duration::from_millis(100),
        duration: Duration::from_millis(500),
        bystander_rate: 0,
        time_out: Duration::from_millis(400),
        seed: 1,
        server: None,
    };
    (idp, plan)
}
