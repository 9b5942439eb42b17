//! `/sign-up`

use crate::house::{Answer, Browser, House, PASSWORD, Tokens};

async fn open() -> House {
    House::with(|plan| plan.settings.registration_open = true).await
}

async fn filled_in(browser: &mut Browser<'_>, page: &Answer, changes: &[(&'static str, &str)]) -> Answer {
    let interaction = page.hidden("interaction");
    let mut form = vec![
        ("interaction", interaction.as_str()),
        ("name", "Frank <b>"),
        ("email", "frank@example.org"),
        ("username", "frank"),
        ("password", "frank's own password"),
    ];
    for (name, value) in changes {
        form.retain(|(kept, _)| kept != name);
        form.push((name, value));
    }
    let answer = browser.post("/sign-up", &form).await;
    browser.followed(answer).await
}

#[tokio::test]
async fn a_new_person_is_signed_in_and_goes_on_to_the_client() {
    let house = open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[("scope", "openid profile email")])).await.expect(200);
    let link = crate::house::attribute(&page.body, "/sign-up?", "href").unwrap();
    let page = browser.get(&link).await.expect(200);
    assert_eq!(page.heading(), "Create an account");
    let answer = filled_in(&mut browser, &page, &[]).await;
    let tokens = Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
    let userinfo = house.userinfo(&tokens.access_token).await.json();
    assert_eq!((&userinfo["name"], &userinfo["email_verified"]), (&"Frank <b>".into(), &false.into()));
    assert!(!house.user("frank").await.platform_owner);
    // And back again by password.
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    assert!(!browser.sign_in(&page, "frank", "frank's own password").await.says("code").is_empty());
}

#[tokio::test]
async fn what_is_to_be_mended_is_told_and_what_was_typed_is_kept() {
    let house = open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[("prompt", "create")])).await;
    for (change, problem) in [
        (("password", "short"), "at least 8 characters"),
        (("password", ""), "at least 8 characters"),
        (("email", "no address"), "does not look like an e-mail address"),
        (("email", ""), "does not look like an e-mail address"),
        (("username", ""), "Choose a username"),
        // Nobody signs in by another's address.
        (("username", "alice@example.org"), "Choose a username"),
        (("username", "alice"), "has an account already"),
        (("username", "ALICE"), "has an account already"),
        (("email", "Alice@example.org"), "has an account already"),
        (("name", &"n".repeat(300)), "This name is too long"),
    ] {
        let again = filled_in(&mut browser, &page, &[change]).await.expect(400);
        assert!(again.body.contains(problem), "{change:?}: {}", again.body);
        assert!(!again.body.contains("frank's own password") && !again.body.contains("Frank <b>"));
        assert_eq!(browser.session(), "");
    }
    let long = "x".repeat(passwords::MAX_PASSWORD_BYTES + 1);
    filled_in(&mut browser, &page, &[("password", &long)]).await.expect(400);
    assert!(house.provider.find_user("frank").await.is_err());
    assert!(!filled_in(&mut browser, &page, &[]).await.says("code").is_empty());
}

#[tokio::test]
async fn where_registration_is_closed_nobody_signs_up() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    assert!(!page.body.contains("/sign-up"), "{}", page.body);
    browser.get(&format!("/sign-up?interaction={}", page.hidden("interaction"))).await.error_page(403);
    filled_in(&mut browser, &page, &[]).await.error_page(403);
    assert!(house.provider.find_user("frank").await.is_err());
}

#[tokio::test]
async fn a_form_from_elsewhere_or_another_browser_signs_nobody_up() {
    let house = open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[("prompt", "create")])).await;
    let interaction = page.hidden("interaction");
    let form = [
        ("interaction", interaction.as_str()),
        ("email", "frank@example.org"),
        ("username", "frank"),
        ("password", PASSWORD),
    ];
    for from in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        browser.post_with("/sign-up", &form, &[from]).await.error_page(403);
    }
    house.browser().post("/sign-up", &form).await.error_page(400);
    assert!(house.provider.find_user("frank").await.is_err());
}
