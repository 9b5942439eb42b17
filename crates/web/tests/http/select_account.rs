//! `/select-account`; choosing itself is tested with `prompt`.

use crate::house::{House, attribute, pass_seconds};

#[tokio::test]
async fn a_form_from_elsewhere_chooses_nothing() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    let page = browser.authorize(&notes.request(&[("prompt", "select_account")])).await;
    let interaction = page.hidden("interaction");
    let session = attribute(&page.body, r#"name="session""#, "value").unwrap();
    let form = [("interaction", interaction.as_str()), ("session", session.as_str())];
    for from in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        browser.post_with("/select-account", &form, &[from]).await.error_page(403);
    }
    let mut other = house.signed_in(&notes, "alice").await;
    other.post("/select-account", &form).await.error_page(400);
}

#[tokio::test]
async fn choosing_an_account_whose_session_ended_meanwhile_asks_to_sign_in() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    pass_seconds(8 * 3_600 - 10);
    let page = browser.authorize(&notes.request(&[("prompt", "select_account")])).await;
    assert_eq!(page.heading(), "Choose an account");
    house.provider.set_user_disabled(&crate::house::new_ctx(None), "alice", true).await.unwrap();
    let interaction = page.hidden("interaction");
    let session = attribute(&page.body, r#"name="session""#, "value").unwrap();
    let answer =
        browser.post("/select-account", &[("interaction", &interaction), ("session", &session)]).await;
    let page = browser.followed(answer).await.expect(200);
    assert!(page.heading().contains("Sign in to "), "{}", page.heading());
}
