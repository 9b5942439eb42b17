//! `/consent`

use crate::house::{House, PASSWORD, RelyingParty, Tokens, claims_of, pass_seconds};
use protocol::{ConsentPolicy, GrantType};

async fn asking(house: &House) -> RelyingParty {
    house.register("notes", |client| client.consent = ConsentPolicy::Required).await
}

#[tokio::test]
async fn oidc_core_3_1_2_4_what_was_allowed_is_remembered_and_what_is_new_is_asked() {
    let house = House::open().await;
    let notes = asking(&house).await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[("scope", "openid email")])).await;
    let page = browser.sign_in(&page, "alice", PASSWORD).await.expect(200);
    assert_eq!(page.heading(), "The notes app wants to use your account");
    assert!(page.body.contains("notes.example") && page.body.contains("alice"));
    assert!(!browser.decide(&page, "allow").await.says("code").is_empty());
    for (changes, asked) in [
        (&[("scope", "openid email")][..], false),
        (&[("scope", "openid")], false),
        (&[("scope", "openid profile")], true),
        (&[("scope", "openid offline_access")], true),
        (&[("claims", r#"{"userinfo":{"nickname":null}}"#)], true),
    ] {
        let answer = browser.authorize(&notes.request(changes)).await;
        assert_eq!(answer.status == 200, asked, "{changes:?}");
    }
    // What is allowed now adds to what was allowed before.
    let page = browser.authorize(&notes.request(&[("scope", "openid profile")])).await;
    assert!(!browser.decide(&page, "allow").await.says("code").is_empty());
    assert!(
        !browser
            .authorize(&notes.request(&[("scope", "openid email profile")]))
            .await
            .says("code")
            .is_empty()
    );
    // It is alice's, in any browser, and nobody else's.
    assert!(!house.browser().code_for(&notes, "alice").await.is_empty());
    let mut bob = house.browser();
    let page = bob.authorize(&notes.request(&[])).await;
    assert!(
        bob.sign_in(&page, "bob", PASSWORD).await.expect(200).heading().contains("wants to use your account")
    );
}

#[tokio::test]
async fn an_address_that_was_removed_gets_no_code_of_an_interaction_already_begun() {
    let house = House::open().await;
    let notes = asking(&house).await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let code = house.browser().code_for(&notes, "bob").await;
    house
        .change_client(&notes, |client| {
            client.redirect_uris = vec!["https://notes.example/new".parse().unwrap()];
        })
        .await;
    for act in ["sign in", "allow", "deny", "cancel", "look"] {
        let handle = page.hidden("interaction");
        let answer = match act {
            "sign in" => browser.sign_in(&page, "alice", PASSWORD).await,
            "allow" | "deny" => browser.decide(&page, act).await,
            "cancel" => browser.post("/sign-in/cancel", &[("interaction", &handle)]).await,
            _ => browser.get(&format!("/interaction?interaction={handle}")).await,
        };
        let shown = answer.error_page(400);
        assert!(shown.body.contains("not registered for this client any more"), "{act}: {}", shown.body);
    }
    assert!(browser.session().is_empty());
    // Nor is a code redeemed that was on its way there.
    notes.redeem(&house, &code).await.refused(400, "invalid_grant");
    // Registered again, it goes on where it was.
    let old = notes.redirect_uri.parse().unwrap();
    house.change_client(&notes, |client| client.redirect_uris.push(old)).await;
    let page = browser.sign_in(&page, "alice", PASSWORD).await.expect(200);
    assert!(!browser.decide(&page, "allow").await.says("code").is_empty());
    // So it is with the grant type.
    let page = browser.authorize(&notes.request(&[("prompt", "login")])).await;
    house.change_client(&notes, |client| client.grant_types = [GrantType::RefreshToken].into()).await;
    browser.sign_in(&page, "alice", PASSWORD).await.error_page(400);
}

#[tokio::test]
async fn rfc6749_4_1_2_1_what_is_denied_is_told_and_not_remembered() {
    let house = House::open().await;
    let notes = asking(&house).await;
    let mut browser = house.browser();
    for decision in ["deny", "", "Allow", "whatever"] {
        let page = browser.authorize(&notes.request(&[])).await;
        let page =
            if browser.session().is_empty() { browser.sign_in(&page, "alice", PASSWORD).await } else { page };
        let answer = browser.decide(&page, decision).await;
        assert_eq!(
            (answer.says("error"), answer.says("code")),
            ("access_denied".into(), String::new()),
            "{decision}"
        );
        assert_eq!(answer.says("state"), "st-1");
    }
}

#[tokio::test]
async fn nothing_is_allowed_before_it_was_asked() {
    let house = House::open().await;
    let notes = asking(&house).await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    // Not signed in: allowing leads to the sign-in page, and counts for nothing afterwards.
    let page = browser.decide(&page, "allow").await.expect(200);
    assert!(page.heading().contains("Sign in to "));
    let page = browser.sign_in(&page, "alice", PASSWORD).await.expect(200);
    assert!(page.heading().contains("wants to use your account"));
    browser.post("/consent", &[("decision", "allow")]).await.error_page(400);
    browser.post("/consent", &[("decision", "allow"), ("interaction", "nonsense")]).await.error_page(400);
}

#[tokio::test]
async fn rfc9700_4_7_a_form_from_elsewhere_allows_nothing() {
    let house = House::open().await;
    let notes = asking(&house).await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let page = browser.sign_in(&page, "alice", PASSWORD).await;
    let interaction = page.hidden("interaction");
    let form = [("interaction", interaction.as_str()), ("decision", "allow")];
    for from in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")] {
        browser.post_with("/consent", &form, &[from]).await.error_page(403);
    }
    // Another browser of the same person, and one that lost its own secret.
    let mut other = house.signed_in(&notes, "alice").await;
    other.decide(&page, "allow").await.error_page(400);
    let mut bare = browser.copy();
    bare.cookies.remove(crate::house::SECRET);
    bare.decide(&page, "allow").await.error_page(400);
    assert!(!browser.decide(&page, "allow").await.says("code").is_empty());
}

#[tokio::test]
async fn what_one_person_was_shown_is_not_allowed_for_another() {
    let house = House::open().await;
    let notes = asking(&house).await;
    let other = house.register("other", |_| {}).await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let page = browser.sign_in(&page, "alice", PASSWORD).await.expect(200);
    assert!(page.body.contains("<b>alice Example</b>"), "{}", page.body);
    // Meanwhile, in another tab, bob signs in beside her: it is still her question.
    pass_seconds(1);
    let second = browser.authorize(&notes.request(&[])).await.expect(200);
    let tab = browser.authorize(&other.request(&[("prompt", "login")])).await;
    assert!(!browser.sign_in(&tab, "bob", PASSWORD).await.says("code").is_empty());
    let code = browser.decide(&page, "allow").await.says("code");
    let tokens = Tokens::of(&notes.redeem(&house, &code).await);
    assert_eq!(claims_of(&tokens.id_token)["sub"], house.user("alice").await.id.to_string());
    // But when she is signed out, and only then bob signs in, it is not his.
    let sign_out = browser.get("/oauth2/logout").await.hidden("logout");
    browser.post("/sign-out", &[("logout", &sign_out), ("decision", "sign_out")]).await.expect(200);
    let tab = browser.authorize(&other.request(&[])).await;
    browser.sign_in(&tab, "bob", PASSWORD).await;
    let page = second;
    let again = browser.decide(&page, "allow").await.expect(200);
    assert!(again.body.contains("<b>bob Example</b>"), "{}", again.body);
    let answer = browser.decide(&again, "allow").await;
    Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
}

#[tokio::test]
async fn a_client_the_operator_vouches_for_asks_nobody() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[("scope", "openid profile email offline_access")])).await;
    assert!(!browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
}

#[tokio::test]
async fn whoever_is_asked_for_another_s_account_takes_their_own() {
    let house = House::open().await;
    let notes = asking(&house).await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[("login_hint", "alice")])).await;
    let page = browser.sign_in(&page, "alice", PASSWORD).await.expect(200);
    // One way to name a person: what they are called, and what tells two of that name apart.
    assert!(page.body.contains("alice Example") && page.body.contains("alice@example.org"), "{}", page.body);
    assert!(page.body.contains("Not you? Use another account"), "{}", page.body);
    let form = [("interaction", page.hidden("interaction"))];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = browser.post("/select-account", &form).await;
    let page = browser.followed(answer).await.expect(200);
    assert_eq!((page.heading(), page.field("username")), ("Sign in to The notes app", String::new()));
    let page = browser.sign_in(&page, "bob", PASSWORD).await.expect(200);
    assert!(page.body.contains("bob@example.org") && !page.body.contains("alice@"), "{}", page.body);
}

#[tokio::test]
async fn whoever_goes_back_to_what_is_over_is_led_back_to_the_client() {
    let house = House::open().await;
    let notes = asking(&house).await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let page = browser.sign_in(&page, "alice", PASSWORD).await.expect(200);
    browser.decide(&page, "allow").await.says("code");
    let path = format!("/interaction?interaction={}", page.hidden("interaction"));
    let over = browser.get(&path).await.error_page(400);
    let back = r#"<a class="secondary" href="https://notes.example">Go to The notes app</a>"#;
    assert!(over.body.contains(back), "{}", over.body);
    // RFC 7591 section 2: where it says that its home page is elsewhere.
    house.change_client(&notes, |client| client.client_uri = "https://example.org/notes".parse().ok()).await;
    let over = browser.get(&path).await.error_page(400);
    assert!(over.body.contains(r#"href="https://example.org/notes""#), "{}", over.body);
    // A stranger is told nothing about it.
    let stranger = house.browser().get(&path).await.error_page(400);
    assert!(stranger.body.contains(r#"href="/">Go to the start page"#), "{}", stranger.body);
}

#[tokio::test]
async fn a_client_s_logo_stands_first_and_comes_from_here() {
    let house = House::open().await;
    let png = b"\x89PNG\r\n\x1a\n a picture".to_vec();
    let notes = house
        .register("notes", |client| {
            client.consent = ConsentPolicy::Required;
            client.logo = protocol::Logo::new(png.clone()).ok();
        })
        .await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await.expect(200);
    let first = page.body.split_once("<main").unwrap().1.split_once("<h1").unwrap().0;
    assert!(first.contains("The notes app") && !first.contains("class=\"mark\""), "{first}");
    let address = first.split_once("<img src=\"").unwrap().1.split('"').next().unwrap().replace("&#38;", "&");
    let logo = browser.get(&address).await.expect(200);
    assert_eq!((logo.header("content-type"), logo.body.contains("a picture")), ("image/png", true));
    assert!(logo.header("content-security-policy").contains("sandbox"));
    assert!(logo.header("cache-control").contains("immutable"));
    let consent = browser.sign_in(&page, "alice", PASSWORD).await.expect(200);
    assert!(consent.body.contains("<img src=\"/client-logo?"), "{}", consent.body);
    browser.get("/client-logo?client_id=nobody").await.expect(404);
    // Without one, the first letter of its name.
    house.change_client(&notes, |client| client.logo = None).await;
    let page = house.browser().authorize(&notes.request(&[])).await.expect(200);
    assert!(page.body.contains("<p class=\"client\"><span class=\"initial\"") && !page.body.contains("<img"));
}
