//! `prompt` and `login_hint`: what must be shown.

use crate::house::{House, PASSWORD, RelyingParty, Tokens, attribute, claims_of, pass_seconds};
use protocol::ConsentPolicy;

async fn asking(house: &House) -> RelyingParty {
    house.register("notes", |client| client.consent = ConsentPolicy::Required).await
}

#[tokio::test]
async fn oidc_core_3_1_2_6_none_answers_at_once_or_says_why_not() {
    let house = House::open().await;
    let notes = asking(&house).await;
    let other = house.register("other", |client| client.consent = ConsentPolicy::Required).await;
    let none = notes.request(&[("prompt", "none")]);

    let nobody = house.browser().authorize(&none).await;
    assert_eq!(nobody.says("error"), "login_required");
    assert!(nobody.cookies().is_empty());

    let mut browser = house.signed_in(&notes, "alice").await;
    pass_seconds(1);
    let silent = browser.authorize(&none).await;
    let tokens = Tokens::of(&notes.redeem(&house, &silent.says("code")).await);
    assert_eq!(claims_of(&tokens.id_token)["sub"], house.user("alice").await.id.to_string());

    for (client, change, error) in [
        (&notes, ("max_age", "0"), "login_required"),
        (&notes, ("max_age", "1"), "login_required"),
        (&notes, ("claims", r#"{"id_token":{"sub":{"value":"somebody-else"}}}"#), "login_required"),
        (&notes, ("scope", "openid email"), "consent_required"),
        (&other, ("scope", "openid"), "consent_required"),
    ] {
        let answer = browser.authorize(&client.request(&[("prompt", "none"), change])).await;
        assert_eq!(answer.says("error"), error, "{change:?}");
    }
}

#[tokio::test]
async fn oidc_core_3_1_2_1_login_asks_again_and_keeps_the_session() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let first = Tokens::of(&notes.redeem(&house, &browser.code_for(&notes, "alice").await).await);
    let before = browser.session();
    pass_seconds(60);
    let page = browser.authorize(&notes.request(&[("prompt", "login")])).await.expect(200);
    assert_eq!(page.heading(), "Sign in again as alice Example");
    assert_eq!(page.field("username"), "alice");
    let answer = browser.sign_in(&page, "alice", PASSWORD).await;
    let again = Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
    let (first, again) = (claims_of(&first.id_token), claims_of(&again.id_token));
    assert_eq!(again["auth_time"].as_i64().unwrap() - first["auth_time"].as_i64().unwrap(), 60);
    assert_eq!(again["sid"], first["sid"]);
    assert_ne!(browser.session(), before);
}

#[tokio::test]
async fn oidc_core_3_1_2_1_consent_asks_again() {
    let house = House::open().await;
    let notes = asking(&house).await;
    let mut browser = house.signed_in(&notes, "alice").await;
    assert!(!browser.authorize(&notes.request(&[])).await.says("code").is_empty());
    let page = browser.authorize(&notes.request(&[("prompt", "consent")])).await.expect(200);
    assert!(page.heading().contains("wants to use your account"));
    assert!(!browser.decide(&page, "allow").await.says("code").is_empty());
    // Also where the operator vouches for the client.
    let vouched = house.register("vouched", |_| {}).await;
    let page = browser.authorize(&vouched.request(&[("prompt", "consent")])).await.expect(200);
    assert!(page.heading().contains("wants to use your account"));
}

#[tokio::test]
async fn oidc_core_3_1_2_1_select_account_asks_which() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    let select = notes.request(&[("prompt", "select_account")]);
    let page = browser.authorize(&select).await.expect(200);
    assert_eq!(page.heading(), "Choose an account");
    let interaction = page.hidden("interaction");
    let session = attribute(&page.body, r#"name="session""#, "value").unwrap();
    let go_on = [("interaction", interaction.as_str()), ("session", session.as_str())];
    assert!(!browser.post("/select-account", &go_on).await.says("code").is_empty());

    let page = browser.authorize(&select).await.expect(200);
    let interaction = page.hidden("interaction");
    let another = [("interaction", interaction.as_str()), ("session", "")];
    let answer = browser.post("/select-account", &another).await;
    let page = browser.followed(answer).await.expect(200);
    assert!(page.heading().contains("Sign in to "), "{}", page.heading());
    let answer = browser.sign_in(&page, "bob", PASSWORD).await;
    let tokens = Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
    assert_eq!(claims_of(&tokens.id_token)["sub"], house.user("bob").await.id.to_string());
    // Nobody signed in: nothing to choose from.
    let page = house.browser().authorize(&select).await.expect(200);
    assert!(page.heading().contains("Sign in to "));
}

#[tokio::test]
async fn initiating_user_registration_4_create_shows_the_form_where_accounts_can_be_created() {
    let house = House::with(|plan| plan.settings.registration_open = true).await;
    let notes = house.notes().await;
    let create = notes.request(&[("prompt", "create")]);
    let page = house.browser().authorize(&create).await.expect(200);
    assert_eq!(page.heading(), "Create an account");
    // Somebody signed in wants another account.
    let page = house.signed_in(&notes, "alice").await.authorize(&create).await.expect(200);
    assert_eq!(page.heading(), "Create an account");

    let closed = House::open().await;
    let notes = closed.notes().await;
    let answer = closed.browser().authorize(&notes.request(&[("prompt", "create")])).await;
    assert_eq!(answer.says("error"), "invalid_request");
}

#[tokio::test]
async fn oidc_core_3_1_2_1_login_hint_fills_in_the_username() {
    let house = House::open().await;
    let notes = house.notes().await;
    let page = house.browser().authorize(&notes.request(&[("login_hint", "alice")])).await.expect(200);
    assert_eq!(page.field("username"), "alice");
    assert_eq!(house.browser().authorize(&notes.request(&[])).await.field("username"), "");
}

#[tokio::test]
async fn several_prompts_are_all_honoured() {
    let house = House::open().await;
    let notes = asking(&house).await;
    let mut browser = house.signed_in(&notes, "alice").await;
    let page = browser.authorize(&notes.request(&[("prompt", "login consent")])).await.expect(200);
    assert_eq!(page.heading(), "Sign in again as alice Example");
    let page = browser.sign_in(&page, "alice", PASSWORD).await.expect(200);
    assert!(page.heading().contains("wants to use your account"), "{}", page.heading());
    assert!(!browser.decide(&page, "allow").await.says("code").is_empty());
}
