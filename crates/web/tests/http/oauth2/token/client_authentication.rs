//! How clients prove who they are (RFC 6749 section 2.3).

use crate::house::{Answer, House, RelyingParty, Tokens, VERIFIER, encoded, post};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use protocol::ClientAuthentication as Method;

async fn with_header(house: &House, authorization: &str, form: &[(&str, &str)]) -> Answer {
    let mut request = post("/oauth2/token", form);
    request.headers_mut().insert("authorization", authorization.parse().unwrap());
    house.send(request).await
}

fn basic(id: &str, secret: &str) -> String {
    let encode = |text| form_urlencoded::byte_serialize(str::as_bytes(text)).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

#[tokio::test]
async fn rfc6749_2_3_1_a_client_uses_the_method_it_is_registered_for() {
    let house = House::open().await;
    let mut browser = house.browser();
    for (id, method, by_header, by_form) in [
        ("either", Method::ClientSecret, true, true),
        ("header", Method::ClientSecretBasic, true, false),
        ("form", Method::ClientSecretPost, false, true),
    ] {
        let client = house.register(id, |client| client.authentication = method).await;
        let secret = client.secret.clone().unwrap();
        let code = browser.code_for(&client, "alice").await;
        let answer = with_header(&house, &basic(id, &secret), &client.redemption(&code)).await;
        if by_header {
            Tokens::of(&answer);
        } else {
            answer.refused(401, "invalid_client");
        }
        let code = browser.code_for(&client, "alice").await;
        let answer = client.redeem(&house, &code).await;
        if by_form {
            Tokens::of(&answer);
        } else {
            answer.refused(401, "invalid_client");
        }
        // Never without a secret.
        let open = RelyingParty { secret: None, ..client };
        open.redeem(&house, &code).await.refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn rfc6749_2_3_1_both_halves_of_basic_are_form_urlencoded() {
    let house = House::open().await;
    let client = house.register("a client: 100%", |_| {}).await;
    let code = house.browser().code_for(&client, "alice").await;
    let header = basic(&client.id, client.secret.as_ref().unwrap());
    Tokens::of(&with_header(&house, &header, &client.redemption(&code)).await);
}

#[tokio::test]
async fn rfc6749_5_2_an_unknown_client_hears_what_a_wrong_secret_hears() {
    let house = House::open().await;
    let notes = house.notes().await;
    house.register("off", |client| client.disabled = true).await;
    let app = house.register_public("app", |_| {}).await;
    let code = house.browser().code_for(&notes, "alice").await;
    let form = |id, secret| {
        let mut form = notes.redemption(&code);
        form.extend([("client_id", id), ("client_secret", secret)]);
        post("/oauth2/token", &form)
    };
    // But for the name of the request, which each has its own.
    let unnamed = |mut answer: Answer| {
        assert!(answer.headers.remove("x-request-id").is_some());
        answer
    };
    let wrong = unnamed(house.send(form("notes", "wrong")).await.refused(401, "invalid_client"));
    // RFC 6749 section 5.2: a 401 names the scheme.
    assert!(wrong.header("www-authenticate").starts_with("Basic realm="), "{:?}", wrong.headers);
    let off = "x".repeat(43);
    for (id, secret) in [("nobody", "wrong"), ("off", &off), ("nobody\u{e9}", "wrong"), (&app.id, "wrong")] {
        let other = unnamed(house.send(form(id, secret)).await.expect(401));
        assert_eq!((&other.body, &other.headers), (&wrong.body, &wrong.headers), "{id}");
    }
    let other = unnamed(with_header(&house, &basic("nobody", "wrong"), &notes.redemption(&code)).await);
    assert_eq!((&other.body, &other.headers), (&wrong.body, &wrong.headers));
    // A public client's name alone is no proof of a confidential one, nor the other way.
    let mut bare = notes.redemption(&code);
    bare.push(("client_id", "notes"));
    house.post("/oauth2/token", &bare).await.refused(401, "invalid_client");
    Tokens::of(&notes.redeem(&house, &code).await);
}

#[tokio::test]
async fn rfc6749_2_3_not_more_than_one_method() {
    let house = House::open().await;
    let notes = house.notes().await;
    let code = house.browser().code_for(&notes, "alice").await;
    let secret = notes.secret.clone().unwrap();
    let mut both = notes.redemption(&code);
    both.extend([("client_id", "notes"), ("client_secret", secret.as_str())]);
    with_header(&house, &basic("notes", &secret), &both).await.refused(400, "invalid_request");
    let mut another = notes.redemption(&code);
    another.push(("client_id", "other"));
    with_header(&house, &basic("notes", &secret), &another).await.refused(400, "invalid_request");
    // Two headers.
    let request = Request::post("/oauth2/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", basic("notes", &secret))
        .header("authorization", basic("notes", &secret))
        .body(Body::from(encoded(&notes.redemption(&code))))
        .unwrap();
    house.send(request).await.refused(400, "invalid_request");
    // The same client named twice is one method.
    let mut same = notes.redemption(&code);
    same.push(("client_id", "notes"));
    Tokens::of(&with_header(&house, &basic("notes", &secret), &same).await);
}

#[tokio::test]
async fn rfc6749_2_3_what_is_no_client_authentication() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = notes.tokens(&house, "alice").await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh_token.as_str())];
    for header in [
        format!("Bearer {}", tokens.access_token),
        "Basic !!!".to_owned(),
        "Basic".to_owned(),
        format!("Basic {}", STANDARD.encode("no-colon")),
        format!("Basic {}", STANDARD.encode([0xff, b':', 0xfe])),
        format!("Digest {}", STANDARD.encode("notes:x")),
    ] {
        with_header(&house, &header, &form).await.refused(401, "invalid_client");
    }
    house.post("/oauth2/token", &form).await.refused(401, "invalid_client");
    Tokens::of(&notes.token(&house, &form).await);
}

#[tokio::test]
async fn a_new_secret_replaces_the_old_one_at_once() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = notes.tokens(&house, "alice").await;
    let rotated = house
        .provider
        .rotate_client_secret(&mut crate::house::new_ctx(None), &notes.client_id())
        .await
        .unwrap();
    notes.refresh(&house, &tokens.refresh_token).await.refused(401, "invalid_client");
    let notes = RelyingParty { secret: Some(rotated), ..notes };
    Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
}

#[tokio::test]
async fn rfc6749_10_1_a_public_client_has_no_secret_to_offer() {
    let house = House::open().await;
    let app = house.register_public("app", |_| {}).await;
    let code = house.browser().code_for(&app, "alice").await;
    with_header(&house, &basic("app", "x"), &app.redemption(&code)).await.refused(401, "invalid_client");
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    app.token(&house, &form).await.refused(400, "invalid_grant");
    Tokens::of(&app.redeem(&house, &code).await);
}

#[tokio::test]
async fn rfc6749_2_3_1_basic_with_an_empty_secret_is_the_client_id_alone() {
    let house = House::open().await;
    let app = house.register_public("app", |_| {}).await;
    let code = house.browser().code_for(&app, "alice").await;
    let mut form = app.redemption(&code);
    // As oidc-agent does, and every program on Go's x/oauth2 at its first try.
    let tokens = Tokens::of(&with_header(&house, &basic("app", ""), &form).await);
    house.userinfo(&tokens.access_token).await.expect(200);
    // The name may stand in the form as well.
    form.push(("client_id", "app"));
    let code = house.browser().code_for(&app, "alice").await;
    form[1].1 = &code;
    Tokens::of(&with_header(&house, &basic("app", ""), &form).await);
    form.last_mut().unwrap().1 = "other";
    with_header(&house, &basic("app", ""), &form).await.refused(400, "invalid_request");
    // A secret that there is, is needed; a secret that there is not, is wrong.
    let notes = house.notes().await;
    let code = house.browser().code_for(&notes, "alice").await;
    with_header(&house, &basic("notes", ""), &notes.redemption(&code)).await.refused(401, "invalid_client");
    with_header(&house, &basic("app", "x"), &app.redemption(&code)).await.refused(401, "invalid_client");
    with_header(&house, &basic("nobody", ""), &app.redemption(&code)).await.refused(401, "invalid_client");
    // Only the two that were refused by name are told, and not the public client's good tries.
    let told = crate::audit::names(&house).await;
    let failed = told.iter().filter(|name| *name == "ClientAuthenticationFailed").count();
    assert_eq!(failed, 2, "{told:?}");
}
