//! What an operator changes takes effect at once, whatever was issued before.

use crate::house::{Browser, House, PASSWORD, RelyingParty, Tokens, new_ctx, pass_seconds};
use secrecy::SecretString;

struct Standing<'a> {
    browser: Browser<'a>,
    offline: Tokens,
    code: String,
}

/// Alice, signed in, with offline tokens and a code not yet redeemed.
async fn alice<'a>(house: &'a House, notes: &RelyingParty) -> Standing<'a> {
    let mut browser = house.browser();
    let request = notes.request(&[("scope", "openid offline_access")]);
    let answer = browser.answer_for(&request, "alice").await;
    let offline = Tokens::of(&notes.redeem(house, &answer.says("code")).await);
    let code = browser.code_for(notes, "alice").await;
    // Seen, so that the check below is not answered by a first look.
    house.userinfo(&offline.access_token).await.expect(200);
    pass_seconds(1);
    Standing { browser, offline, code }
}

impl Standing<'_> {
    async fn everything_is_over(&mut self, house: &House, notes: &RelyingParty) {
        let silent = self.browser.authorize(&notes.request(&[("prompt", "none")])).await;
        assert_eq!(silent.says("error"), "login_required");
        house.userinfo(&self.offline.access_token).await.refused(401, "invalid_token");
        notes.refresh(house, &self.offline.refresh_token).await.refused(400, "invalid_grant");
        notes.redeem(house, &self.code).await.refused(400, "invalid_grant");
        for token in [&self.offline.access_token, &self.offline.refresh_token] {
            assert_eq!(notes.introspect(house, token).await.json()["active"], false);
        }
    }
}

#[tokio::test]
async fn disabling_a_user_ends_everything_and_admitting_them_again_revives_nothing() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut before = alice(&house, &notes).await;
    let bobs = notes.tokens(&house, "bob").await;
    house.provider.set_user_disabled(&new_ctx(None), "alice", true).await.unwrap();
    before.everything_is_over(&house, &notes).await;
    house.userinfo(&bobs.access_token).await.expect(200);
    let page = before.browser.authorize(&notes.request(&[])).await;
    before.browser.sign_in(&page, "alice", PASSWORD).await.expect(400);

    pass_seconds(1);
    house.provider.set_user_disabled(&new_ctx(None), "alice", false).await.unwrap();
    before.everything_is_over(&house, &notes).await;
    pass_seconds(1);
    assert!(!before.browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
    house.userinfo(&notes.tokens(&house, "alice").await.access_token).await.expect(200);
}

#[tokio::test]
async fn a_new_password_ends_everything_begun_before() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut before = alice(&house, &notes).await;
    let new = "another horse entirely";
    house.provider.set_user_password(&new_ctx(None), "alice", SecretString::from(new)).await.unwrap();
    before.everything_is_over(&house, &notes).await;
    pass_seconds(1);
    let page = before.browser.authorize(&notes.request(&[])).await.expect(200);
    before.browser.sign_in(&page, "alice", PASSWORD).await.expect(400);
    assert!(!before.browser.sign_in(&page, "alice", new).await.says("code").is_empty());
}

#[tokio::test]
async fn a_removed_user_is_gone_and_whoever_takes_the_name_is_somebody_else() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut before = alice(&house, &notes).await;
    let sub = house.user("alice").await.id;
    house.provider.remove_user(&new_ctx(None), "alice").await.unwrap();
    before.everything_is_over(&house, &notes).await;
    pass_seconds(1);
    house.add_user("alice").await;
    assert_ne!(house.user("alice").await.id, sub);
    before.everything_is_over(&house, &notes).await;
    let silent = before.browser.authorize(&notes.request(&[("prompt", "none")])).await;
    assert_eq!(silent.says("error"), "login_required");
}

#[tokio::test]
async fn what_an_operator_ended_stays_ended_across_a_restart() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tokens = alice(&house, &notes).await.offline;
    house.provider.set_user_disabled(&new_ctx(None), "alice", true).await.unwrap();
    let house = house.restart().await;
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    notes.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_disabled_or_removed_client_is_refused_everywhere() {
    for removed in [false, true] {
        let house = House::open().await;
        let notes = house.notes().await;
        let gateway = house.register("gateway", |client| client.introspects_all = true).await;
        let mut before = alice(&house, &notes).await;
        if removed {
            house.provider.remove_client(&new_ctx(None), &notes.client_id()).await.unwrap();
        } else {
            house.change_client(&notes, |client| client.disabled = true).await;
        }
        before.browser.authorize(&notes.request(&[])).await.error_page(400);
        notes.redeem(&house, &before.code).await.refused(401, "invalid_client");
        notes.refresh(&house, &before.offline.refresh_token).await.refused(401, "invalid_client");
        notes.introspect(&house, &before.offline.access_token).await.refused(401, "invalid_client");
        house.userinfo(&before.offline.access_token).await.refused(401, "invalid_token");
        for token in [&before.offline.access_token, &before.offline.refresh_token] {
            assert_eq!(gateway.introspect(&house, token).await.json()["active"], false, "removed: {removed}");
        }
        if !removed {
            house.change_client(&notes, |client| client.disabled = false).await;
            Tokens::of(&notes.refresh(&house, &before.offline.refresh_token).await);
        }
    }
}

#[tokio::test]
async fn a_changed_registration_counts_from_the_next_request_on() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    house
        .change_client(&notes, |client| {
            client.redirect_uris = vec!["https://new.example/cb".parse().unwrap()]
        })
        .await;
    browser.authorize(&notes.request(&[])).await.error_page(400);
    let answer = browser.authorize(&notes.request(&[("redirect_uri", "https://new.example/cb")])).await;
    assert!(answer.location().starts_with("https://new.example/cb?code="));
}

#[tokio::test]
async fn what_was_issued_in_the_very_instant_of_the_end_is_over() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let tokens = Tokens::of(&notes.redeem(&house, &browser.code_for(&notes, "alice").await).await);
    house.provider.set_user_disabled(&new_ctx(None), "alice", true).await.unwrap();
    house.provider.set_user_disabled(&new_ctx(None), "alice", false).await.unwrap();
    assert_eq!(notes.introspect(&house, &tokens.access_token).await.json()["active"], false);
    let silent = browser.authorize(&notes.request(&[("prompt", "none")])).await;
    assert_eq!(silent.says("error"), "login_required");
}

/// RFC 6749 section 3.1, RFC 9700 section 4.1.3, RFC 8252 section 7.1.
#[tokio::test]
async fn an_address_that_could_mislead_is_not_registered_and_the_refusal_says_why() {
    let house = House::open().await;
    let id = protocol::ClientId::parse("notes").unwrap();
    let client = |redirect_uri: &str, post_logout: &str| {
        let authentication = protocol::ClientAuthentication::ClientSecret;
        let mut client = protocol::Client::new(id.clone(), "Notes", authentication);
        client.redirect_uris = vec![redirect_uri.parse().unwrap()];
        client.post_logout_redirect_uris = vec![post_logout.parse().unwrap()];
        provider::admin::NewClient { client }
    };
    let (cb, bye) = ("https://notes.example/cb", "https://notes.example/bye");
    for (redirect_uri, post_logout, why) in [
        ("https://notes.example/cb?state=1", bye, "state in its query"),
        ("https://notes.example/cb?a=b&iss=https%3A%2F%2Fevil.example", bye, "iss in its query"),
        ("https://notes.example/*", bye, "* stands for nothing"),
        ("https://*.notes.example/cb", bye, "* stands for nothing"),
        ("cursor://notes/cb", bye, "--app-scheme cursor"),
        (cb, "https://notes.example/bye?state=", "state in its query"),
        (cb, "https://notes.example/*", "* stands for nothing"),
        (cb, "cursor://notes/bye", "--app-scheme cursor"),
    ] {
        let refused = house.provider.add_client(&mut new_ctx(None), client(redirect_uri, post_logout)).await;
        let refused = refused.map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(why), "{redirect_uri} {post_logout}: {refused}");
    }
    house.provider.add_client(&mut new_ctx(None), client(cb, bye)).await.unwrap();
    let widen =
        |client: &mut protocol::Client| client.redirect_uris.push("https://notes.example/*".parse().unwrap());
    assert!(house.provider.change_client(&new_ctx(None), &id, widen).await.is_err());
}
