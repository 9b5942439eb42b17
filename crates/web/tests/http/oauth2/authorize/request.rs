//! What an authorization request may say, and where a refusal goes.

use crate::house::{CHALLENGE, House, PASSWORD, Tokens, VERIFIER, claims_of, encoded, pass_seconds};
use protocol::{ConsentPolicy, GrantType, PkcePolicy, ResponseType};

#[tokio::test]
async fn rfc6749_4_1_2_1_without_a_known_client_and_address_nothing_is_redirected() {
    let house = House::open().await;
    let notes = house.notes().await;
    let other = house.register("other", |_| {}).await;
    house.register("off", |client| client.disabled = true).await;
    for change in [
        ("client_id", ""),
        ("client_id", "nobody"),
        ("client_id", "off"),
        ("client_id", "ünknown"),
        ("client_id", "notes\r\nX: y"),
        // OpenID Connect Core section 3.1.2.1: required with the openid scope.
        ("redirect_uri", ""),
        ("redirect_uri", other.redirect_uri.as_str()),
        // RFC 9700 section 4.1.3: exact matching.
        ("redirect_uri", "https://notes.example/cb/"),
        ("redirect_uri", "https://notes.example/cb?x=1"),
        ("redirect_uri", "https://notes.example/CB"),
        ("redirect_uri", "https://NOTES.example/cb"),
        ("redirect_uri", "https://notes.example:443/cb"),
        ("redirect_uri", "http://notes.example/cb"),
        ("redirect_uri", "https://notes.example/a/../cb"),
        ("redirect_uri", "https://notes.example/cb/../evil"),
        ("redirect_uri", "https://notes.example/%63b"),
        ("redirect_uri", "https://notes.example/cb#fragment"),
        ("redirect_uri", "https://notes.example.evil.example/cb"),
        ("redirect_uri", "https://notes.example@evil.example/cb"),
        ("redirect_uri", "https://evil.example\\@notes.example/cb"),
        ("redirect_uri", "https://evil.example/https://notes.example/cb"),
        ("redirect_uri", "//notes.example/cb"),
        ("redirect_uri", "/cb"),
        ("redirect_uri", "javascript:alert(1)"),
        ("redirect_uri", "data:text/html,hi"),
        ("redirect_uri", "https://notes.example/cb\r\nLocation: https://evil.example"),
        ("redirect_uri", " https://notes.example/cb"),
    ] {
        let page = house.browser().authorize(&notes.request(&[change])).await.error_page(400);
        // It is said to whoever reads it, and leads nowhere.
        let said = |line: &&str| line.starts_with("<p>") && line.contains("This one came: ");
        assert!(
            page.body.lines().filter(|line| !said(line)).all(|line| !line.contains("evil")),
            "{change:?}"
        );
        // The same by POST.
        let params = notes.request(&[change]);
        let form: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        house.browser().post("/oauth2/authorize", &form).await.error_page(400);
    }
}

#[tokio::test]
async fn rfc6749_4_1_2_1_what_else_is_wrong_the_client_is_told() {
    let house = House::open().await;
    let notes = house.notes().await;
    let long = "x".repeat(2_049);
    let huge = format!("{{\"userinfo\":{}}}", " ".repeat(9_000));
    for (changes, error) in [
        (&[("response_type", "")][..], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("response_type", "code id_token")], "unsupported_response_type"),
        (&[("response_mode", "web_message")], "invalid_request"),
        (&[("request", "e30.e30.")], "request_not_supported"),
        (&[("request_uri", "https://notes.example/r")], "request_uri_not_supported"),
        (&[("registration", "{}")], "registration_not_supported"),
        (&[("scope", "open\"id")], "invalid_scope"),
        (&[("scope", "unheard-of")], "invalid_scope"),
        // RFC 7636 section 4.4.1, RFC 9700 section 2.1.1.
        (&[("code_challenge", ""), ("code_challenge_method", ""), ("nonce", "")], "invalid_request"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge_method", "s256")], "invalid_request"),
        (&[("code_challenge", "too-short")], "invalid_request"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("prompt", "create")], "invalid_request"),
        (&[("max_age", "-1")], "invalid_request"),
        (&[("max_age", "+1")], "invalid_request"),
        (&[("max_age", "1.5")], "invalid_request"),
        (&[("max_age", "99999999999")], "invalid_request"),
        (&[("claims", "[]")], "invalid_request"),
        (&[("claims", "{")], "invalid_request"),
        (&[("claims", &huge)], "invalid_request"),
        (
            &[("claims", r#"{"id_token":{"acr":{"essential":true,"values":["urn:gold"]}}}"#)],
            "unmet_authentication_requirements",
        ),
        (&[("id_token_hint", "not-a-token")], "invalid_request"),
        (&[("nonce", &long)], "invalid_request"),
        (&[("prompt", "none magic")], "invalid_request"),
        (&[("login_hint", &long)], "invalid_request"),
        (&[("ui_locales", &long)], "invalid_request"),
    ] {
        let answer = house.browser().authorize(&notes.request(changes)).await;
        assert_eq!(answer.says("error"), error, "{changes:?}");
        assert_eq!(answer.says("state"), "st-1", "{changes:?}");
        assert!(!answer.says("error_description").is_empty() && answer.says("code").is_empty());
        assert!(answer.location().starts_with("https://notes.example/cb?error="), "{}", answer.location());
    }
}

#[tokio::test]
async fn a_state_that_is_too_long_is_refused_and_nothing_of_it_is_stored() {
    let house = House::open().await;
    let notes = house.notes().await;
    let fits = "x".repeat(2_048);
    let answer = house.browser().answer_for(&notes.request(&[("state", &fits)]), "alice").await;
    assert_eq!((answer.says("state"), answer.says("code").is_empty()), (fits.clone(), false));
    for more in ["y", &"z".repeat(28_000)] {
        let long = format!("{fits}{more}");
        let answer = house.browser().authorize(&notes.request(&[("state", &long)])).await;
        assert_eq!(answer.says("error"), "invalid_request");
        assert!(answer.says("error_description").starts_with("state is longer than"));
        assert!(answer.cookies().is_empty(), "no interaction was begun");
    }
}

#[tokio::test]
async fn oidc_core_3_1_2_1_a_prompt_that_is_not_understood_is_ignored() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    let answer = browser.authorize(&notes.request(&[("prompt", "Welcome back!")])).await;
    assert!(!answer.says("code").is_empty());
    // Beside one that is understood too.
    let page = browser.authorize(&notes.request(&[("prompt", "please login")])).await.expect(200);
    assert!(page.body.contains(r#"action="/sign-in?"#), "{}", page.body);
}

#[tokio::test]
async fn rfc6749_4_1_2_1_a_client_without_the_grant_type_is_told() {
    let house = House::open().await;
    let cron = house.register("cron", |client| client.grant_types = [GrantType::RefreshToken].into()).await;
    let answer = house.browser().authorize(&cron.request(&[])).await;
    assert_eq!(answer.says("error"), "unauthorized_client");
}

#[tokio::test]
async fn rfc6749_3_1_no_parameter_comes_twice() {
    let house = House::open().await;
    let notes = house.notes().await;
    let params =
        notes.request(&[("prompt", "login"), ("max_age", "5"), ("response_mode", "query"), ("foo", "bar")]);
    for (name, value) in &params {
        let mut twice: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        twice.push((name, value));
        let path = format!("/oauth2/authorize?{}", encoded(&twice));
        for answer in [house.get(&path).await, house.post("/oauth2/authorize", &twice).await] {
            if ["client_id", "redirect_uri"].contains(name) {
                // Nobody is known who could be told.
                let page = answer.error_page(400);
                assert!(page.body.contains("more than once"), "{name}");
                continue;
            }
            assert!(answer.location().starts_with("https://notes.example/cb?error="), "{name}");
            assert_eq!(answer.says("error"), "invalid_request", "{name}");
            let told = answer.says("error_description");
            assert_eq!(told, format!("a parameter is included more than once: {name}"));
            // Of two states neither is the client's.
            assert_eq!(answer.says("state"), if *name == "state" { "" } else { "st-1" }, "{name}");
        }
    }
    // What is repeated is not said where it could not be written (RFC 6749 section 4.1.2.1).
    let strange = [("client_id", "notes"), ("redirect_uri", &notes.redirect_uri), ("ü\"", "1"), ("ü\"", "1")];
    let answer = house.get(&format!("/oauth2/authorize?{}", encoded(&strange))).await;
    assert_eq!(answer.says("error_description"), "a parameter is included more than once");
    // Once each, the unknown one is ignored.
    let page = house.browser().authorize(&params).await.expect(200);
    assert!(page.heading().contains("Sign in to "));
}

#[tokio::test]
async fn rfc6749_3_1_an_empty_parameter_counts_as_omitted() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut params = notes.request(&[("state", "")]);
    params.extend([("prompt", String::new()), ("max_age", String::new()), ("state", String::new())]);
    let answer = house.browser().answer_for(&params, "alice").await;
    assert!(!answer.says("code").is_empty() && !answer.location().contains("state"));
}

#[tokio::test]
async fn oidc_core_3_1_2_1_the_request_may_come_by_post() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    let params = notes.request(&[("state", "a b&c")]);
    let form: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // From another site, which is what a client's page is.
    let sent_on = browser.post_with("/oauth2/authorize", &form, &[("sec-fetch-site", "cross-site")]).await;
    let answer = browser.followed(sent_on).await;
    assert_eq!(answer.says("state"), "a b&c");
    Tokens::of(&notes.redeem(&house, &answer.says("code")).await);

    let form =
        [("client_id", "notes"), ("redirect_uri", notes.redirect_uri.as_str()), ("response_type", "token")];
    let answer = browser.post("/oauth2/authorize", &form).await;
    assert_eq!(answer.says("error"), "unsupported_response_type");
}

#[tokio::test]
async fn oidc_core_3_2_an_id_token_alone_is_answered_as_a_form_to_whom_it_is_registered() {
    let house = House::open().await;
    let express = house
        .register("express", |client| {
            client.response_types = [ResponseType::IdToken].into();
            client.consent = ConsentPolicy::Required;
        })
        .await;
    // express-openid-connect's default.
    let asks = |changes: &[(&'static str, &str)]| {
        let mut all = vec![
            ("response_type", "id_token"),
            ("response_mode", "form_post"),
            ("scope", "openid profile email"),
            ("code_challenge", ""),
            ("code_challenge_method", ""),
        ];
        all.extend_from_slice(changes);
        express.request(&all)
    };
    let mut browser = house.browser();
    let answer = browser.answer_for(&asks(&[]), "alice").await.expect(200);
    assert!(answer.body.contains(r#"action="https://express.example/cb""#), "{}", answer.body);
    let claims = claims_of(&answer.says("id_token"));
    assert_eq!((claims["nonce"].as_str(), claims["aud"].as_str()), (Some("n-1"), Some("express")));
    // Section 5.4: nothing else would answer what the scope stands for.
    assert_eq!(
        (&claims["preferred_username"], &claims["email"]),
        (&"alice".into(), &"alice@example.org".into())
    );
    assert_eq!(
        (claims.get("at_hash"), answer.says("code"), answer.says("access_token")),
        (None, "".into(), "".into())
    );
    assert_eq!((answer.says("state"), answer.says("iss")), ("st-1".into(), "https://id.example".into()));
    // Without being asked again, too.
    assert!(!browser.authorize(&asks(&[])).await.says("id_token").is_empty());
    for (changes, error, mode) in [
        (&[("nonce", "")][..], "invalid_request", "form"),
        (&[("scope", "email")], "invalid_scope", "form"),
        (&[("response_mode", "")], "invalid_request", "fragment"),
        (&[("response_mode", "fragment")], "invalid_request", "fragment"),
        // Multiple Response Type Encoding Practices section 5: never in a query.
        (&[("response_mode", "query")], "invalid_request", "fragment"),
        (&[("response_type", "code")], "unauthorized_client", "form"),
        (&[("response_type", "id_token token")], "unsupported_response_type", "form"),
    ] {
        let answer = browser.authorize(&asks(changes)).await;
        assert_eq!(answer.says("error"), error, "{changes:?}");
        let by_fragment = answer.status == 303 && answer.location().contains("/cb#error=");
        assert_eq!(by_fragment, mode == "fragment", "{changes:?}");
    }
    // Off unless registered, and then for interactions under way as well.
    let notes = house.notes().await;
    let answer = house.browser().authorize(&notes.request(&[("response_type", "id_token")])).await;
    assert_eq!(answer.says("error"), "unauthorized_client");
    assert!(answer.says("error_description").contains("not registered for response_type id_token"));
    let page = house.browser().authorize(&asks(&[])).await.expect(200);
    house.change_client(&express, |client| client.response_types = [ResponseType::Code].into()).await;
    browser.sign_in(&page, "alice", PASSWORD).await.error_page(400);
}

#[tokio::test]
async fn what_came_in_a_body_stands_in_no_address() {
    let house = House::open().await;
    let notes = house.notes().await;
    let hint = notes.tokens(&house, "alice").await.id_token;
    let mut browser = house.browser();
    let request =
        notes.request(&[("state", "secret-state"), ("login_hint", "carol"), ("id_token_hint", &hint)]);
    let mut form: Vec<_> = request.iter().map(|(name, value)| (*name, value.as_str())).collect();
    form.push(("unknown", "secret-unknown"));
    let cross = [("sec-fetch-site", "cross-site")];
    let sent_on = browser.post_with("/oauth2/authorize", &form, &cross).await;
    let reference = sent_on.location().to_owned();
    assert!(
        reference.starts_with("/oauth2/authorize/posted?request=") && reference.len() < 120,
        "{reference}"
    );
    let shown_at = browser.get(&reference).await;
    for address in [&reference, shown_at.location()] {
        for said in ["secret", "carol", "notes", hint.as_str()] {
            assert!(!address.contains(said), "{address}");
        }
    }
    // Where it ends can be reloaded; the reference is good once, for a minute, and nowhere else.
    let page = browser.followed(shown_at.clone()).await.expect(200);
    browser.get(shown_at.location()).await.expect(200);
    browser.get(&reference).await.error_page(400);
    assert_eq!(browser.sign_in(&page, "alice", PASSWORD).await.says("state"), "secret-state");
    let late = browser.post_with("/oauth2/authorize", &form, &cross).await.location().to_owned();
    let elsewhere = browser.post_with("/oauth2/authorize", &form, &cross).await.location().to_owned();
    assert_eq!(browser.get(&elsewhere.replace("authorize", "logout")).await.location(), "/oauth2/logout");
    browser.get(&format!("{}x", &elsewhere[..elsewhere.len() - 1])).await.error_page(400);
    assert!(!browser.get(&elsewhere).await.says("code").is_empty());
    pass_seconds(60);
    browser.get(&late).await.error_page(400);
    // It is bounded.
    let huge = format!("{{\"userinfo\":{{}}{}}}", " ".repeat(8_000));
    let long = ["nonce", "login_hint", "ui_locales", "acr_values"].map(|name| (name, "x".repeat(2_040)));
    let mut form = form.clone();
    form.retain(|(name, _)| !["nonce", "login_hint", "id_token_hint"].contains(name));
    form.push(("claims", &huge));
    form.extend(long.iter().map(|(name, value)| (*name, value.as_str())));
    browser.post_with("/oauth2/authorize", &form, &cross).await.error_page(400);
}

#[tokio::test]
async fn rfc6749_3_1_2_3_a_client_with_one_address_may_leave_it_out_without_openid() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let request = notes.request(&[("redirect_uri", ""), ("scope", "email")]);
    let code = browser.answer_for(&request, "alice").await.says("code");
    // RFC 6749 section 4.1.3: then the token request may leave it out too.
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    let tokens = Tokens::of(&notes.token(&house, &form).await);
    assert_eq!(tokens.id_token, "");

    let two = house
        .register("two", |client| client.redirect_uris.push("https://two.example/other".parse().unwrap()))
        .await;
    browser.authorize(&two.request(&[("redirect_uri", ""), ("scope", "email")])).await.error_page(400);
}

#[tokio::test]
async fn rfc8252_7_3_the_port_of_a_loopback_address_is_free() {
    let house = House::open().await;
    let app = house
        .register_public("cli", |client| client.redirect_uris = vec!["http://127.0.0.1/cb".parse().unwrap()])
        .await;
    let request = app.request(&[("redirect_uri", "http://127.0.0.1:49152/cb")]);
    let answer = house.browser().answer_for(&request, "alice").await;
    assert!(answer.location().starts_with("http://127.0.0.1:49152/cb?code="), "{}", answer.location());
    let code = answer.says("code");
    // The token request repeats the address with its port.
    app.redeem(&house, &code).await.refused(400, "invalid_grant");
    let mut form = app.redemption(&code);
    form[2] = ("redirect_uri", "http://127.0.0.1:49152/cb");
    Tokens::of(&app.token(&house, &form).await);
    for foreign in
        ["http://127.0.0.1:49152/other", "http://localhost:49152/cb", "http://127.0.0.1.evil.example/cb"]
    {
        house.browser().authorize(&app.request(&[("redirect_uri", foreign)])).await.error_page(400);
    }
}

/// RFC 8252 section 8.3 would rather not have it; many a command-line program can register nothing else.
#[tokio::test]
async fn rfc8252_7_3_the_port_of_localhost_is_free_for_public_clients_that_registered_it() {
    let house = House::open().await;
    let on_localhost = |client: &mut protocol::Client| {
        client.redirect_uris = vec!["http://localhost/cb".parse().unwrap()];
        client.post_logout_redirect_uris = vec!["http://localhost:1/bye".parse().unwrap()];
    };
    let public = house.register_public("cli", on_localhost).await;
    let confidential = house.register("app", on_localhost).await;
    let request = public.request(&[("redirect_uri", "http://localhost:49152/cb")]);
    let mut browser = house.browser();
    let answer = browser.answer_for(&request, "alice").await;
    assert!(answer.location().starts_with("http://localhost:49152/cb?code="), "{}", answer.location());
    let code = answer.says("code");
    let mut form = public.redemption(&code);
    form[2] = ("redirect_uri", "http://localhost:49152/cb");
    Tokens::of(&public.token(&house, &form).await);
    for foreign in
        ["http://localhost:49152/other", "http://127.0.0.1:49152/cb", "http://localhost.evil.example/cb"]
    {
        house.browser().authorize(&public.request(&[("redirect_uri", foreign)])).await.error_page(400);
    }
    let other_port = confidential.request(&[("redirect_uri", "http://localhost:49152/cb")]);
    house.browser().authorize(&other_port).await.error_page(400);
}

#[tokio::test]
async fn rfc8252_7_1_an_app_scheme_without_a_dot_answers_where_its_operator_allowed_it() {
    let house = House::open().await;
    let app = house
        .register_public("editor", |client| {
            client.redirect_uris = vec!["vscode://publisher.extension/cb".parse().unwrap()];
            client.app_schemes = ["vscode".parse().unwrap()].into();
        })
        .await;
    let answer = house.browser().answer_for(&app.request(&[]), "alice").await;
    assert!(answer.location().starts_with("vscode://publisher.extension/cb?code="), "{}", answer.location());
    for foreign in
        ["vscode://other.extension/cb", "cursor://publisher.extension/cb", "javascript://x/%0aalert(1)"]
    {
        house.browser().authorize(&app.request(&[("redirect_uri", foreign)])).await.error_page(400);
    }
}

#[tokio::test]
async fn rfc8252_8_6_a_client_that_any_program_could_pose_as_is_confirmed_each_time() {
    let house = House::open().await;
    let app = house
        .register_public("cli", |client| {
            client.redirect_uris = vec!["http://127.0.0.1/cb".parse().unwrap()];
            client.consent = ConsentPolicy::Required;
        })
        .await;
    let mut browser = house.signed_in(&app, "alice").await;
    pass_seconds(1);
    // Allowed before, and asked again.
    let page = browser.authorize(&app.request(&[])).await.expect(200);
    assert!(page.heading().contains("wants to use your account"), "{}", page.heading());
    let silent = browser.authorize(&app.request(&[("prompt", "none")])).await;
    assert_eq!(silent.says("error"), "interaction_required");
    assert!(!browser.decide(&page, "allow").await.says("code").is_empty());
}

#[tokio::test]
async fn rfc6749_3_3_scope_is_cut_to_what_the_client_may_have_and_the_answer_says_so() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.scope = "openid email".parse().unwrap()).await;
    let tokens = notes.tokens_for(&house, "alice", &[("scope", "openid profile email offline_access")]).await;
    assert_eq!(tokens.all["scope"], "email openid");
    // OpenID Connect Core section 11: no offline access without a use for it.
    let brief =
        house.register("brief", |client| client.grant_types = [GrantType::AuthorizationCode].into()).await;
    let tokens = brief.tokens_for(&house, "alice", &[("scope", "openid offline_access")]).await;
    assert_eq!((tokens.all["scope"].as_str(), tokens.refresh_token.as_str()), (Some("openid"), ""));
}

#[tokio::test]
async fn rfc9700_2_1_1_pkce_may_be_left_out_only_where_the_operator_said_so() {
    let house = House::open().await;
    let without = &[("code_challenge", ""), ("code_challenge_method", "")];
    let old = house.register("old", |client| client.pkce = Some(PkcePolicy::Optional)).await;
    let code = house.browser().answer_for(&old.request(without), "alice").await.says("code");
    // A verifier for a code without a challenge is a downgrade in progress (RFC 9700 section 4.8.2).
    old.redeem(&house, &code).await.refused(400, "invalid_grant");
    let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &old.redirect_uri)];
    Tokens::of(&old.token(&house, &form).await);

    let public = house.register_public("public", |_| {}).await;
    let answer = house.browser().authorize(&public.request(without)).await;
    assert_eq!(answer.says("error"), "invalid_request");
    // Even a client that may go without is held to a challenge it made.
    let code = house
        .browser()
        .answer_for(&old.request(&[("code_challenge", CHALLENGE)]), "alice")
        .await
        .says("code");
    let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &old.redirect_uri)];
    old.token(&house, &form).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn rfc9700_2_1_1_what_a_client_must_send_against_injected_codes_is_a_policy() {
    let house = House::open().await;
    let by_default = house.register("by-default", |_| {}).await;
    let strict = house.register("strict", |client| client.pkce = Some(PkcePolicy::Required)).await;
    let lax = house.register("lax", |client| client.pkce = Some(PkcePolicy::Optional)).await;
    let public = house.register_public("public", |_| {}).await;
    let bare: &[(&str, &str)] = &[("code_challenge", ""), ("code_challenge_method", "")];
    let without_nonce = [bare, &[("nonce", "")]].concat();
    let without_openid = [bare, &[("scope", "email")]].concat();
    for (client, changes, hint) in [
        (&by_default, bare, None),
        (&by_default, &without_nonce, Some("registered with --pkce optional")),
        // A nonce that comes back in no ID Token protects nothing.
        (&by_default, &without_openid, Some("registered with --pkce optional")),
        (&strict, bare, Some("registered with --pkce pkce-or-nonce")),
        (&strict, &without_nonce, Some("registered with --pkce optional")),
        (&lax, &without_nonce, None),
        (&public, bare, Some("a public client must use PKCE")),
    ] {
        let answer = house.browser().answer_for(&client.request(changes), "alice").await;
        let told = answer.says("error_description");
        match hint {
            None => assert_eq!((answer.says("code").is_empty(), told.as_str()), (false, ""), "{}", client.id),
            Some(hint) => assert!(told.contains(hint), "{} {changes:?}: {told}", client.id),
        }
    }
    // What such a client gets is good: the nonce is in its ID Token.
    let code = house.browser().answer_for(&by_default.request(bare), "alice").await.says("code");
    let form =
        [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &by_default.redirect_uri)];
    let tokens = Tokens::of(&by_default.token(&house, &form).await);
    assert_eq!(claims_of(&tokens.id_token)["nonce"], "n-1");
    // The installation decides for those who say nothing themselves.
    let strict_house = House::with(|plan| plan.settings.pkce = PkcePolicy::Required).await;
    let notes = strict_house.notes().await;
    let answer = strict_house.browser().authorize(&notes.request(bare)).await;
    assert_eq!(answer.says("error"), "invalid_request");
}

#[tokio::test]
async fn an_address_that_is_not_registered_is_shown_to_whoever_set_it_up() {
    let house = House::open().await;
    let notes = house.notes().await;
    let ask = |uri: &str| notes.request(&[("redirect_uri", uri)]);
    let page = house
        .browser()
        .authorize(&ask("https://notes.example/callback?<b>\n\u{202e}x"))
        .await
        .error_page(400);
    assert!(
        page.body.contains("https://notes.example/callback?&#60;b&#62;&#39;n&#39;u{202e}x"),
        "{}",
        page.body
    );
    assert!(
        page.body.contains("doorward client set notes takes --redirect-uri once for each"),
        "{}",
        page.body
    );
    let page = house.browser().authorize(&ask(&format!("https://x.example/{}", "y".repeat(1_000)))).await;
    assert!(page.error_page(400).body.contains("yyy.."));
}

#[tokio::test]
async fn what_a_request_says_is_shown_escaped() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.name = "<b>Notes</b> & \"co\"".into()).await;
    let probe = "\"'><script>alert(1)</script>";
    let page =
        house.browser().authorize(&notes.request(&[("login_hint", probe), ("ui_locales", probe)])).await;
    assert_eq!(page.field("username"), probe);
    assert!(!page.body.contains("<script>alert") && !page.body.contains("<b>Notes"), "{}", page.body);
    let twice = format!("/oauth2/token?{0}&{0}", encoded(&[(probe, "1")])).replace("token", "logout");
    for path in [twice.as_str(), &format!("/oauth2/authorize?{}", encoded(&[("client_id", probe)]))] {
        let page = house.get(path).await.error_page(400);
        assert!(!page.body.contains("<script>alert"), "{}", page.body);
    }
}
