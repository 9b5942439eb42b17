//! `/device`: a person brings a device in (RFC 8628 section 3.3).

use crate::house::{House, PASSWORD, SECRET, Tokens, pass_seconds};
use http::StatusCode;
use std::net::IpAddr;
use std::time::Duration;

#[tokio::test]
async fn rfc8628_3_3_whoever_enters_the_code_signs_in_sees_who_asks_and_allows() {
    let house = House::open().await;
    let device = house.television().await.device(&house).await;
    let mut browser = house.browser();
    let form = browser.get("/device").await.expect(200);
    assert_eq!((form.heading(), form.field("user_code")), ("Connect a device", String::new()));
    pass_seconds(130);
    let sign_in = browser.enter(&device.user_code).await.expect(200);
    // Nothing was looked up yet: whoever is not signed in guesses nothing.
    assert_eq!(sign_in.heading(), "Sign in to your device");
    // It returns to nowhere.
    assert!(!sign_in.body.contains("You'll return to"), "{}", sign_in.body);
    let wrong = browser.sign_in(&sign_in, "alice", "wrong").await.expect(400);
    let page = browser.sign_in(&wrong, "alice", PASSWORD).await.expect(200);
    assert_eq!(page.heading(), "Sign in on The tv app?");
    for shown in
        ["alice", "3 minutes ago", "See your profile", "films:watch", "Also after you have signed out here"]
    {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    // Section 3.3.1: to be compared with what the device shows, wherever it was entered.
    assert!(page.body.contains(&device.user_code), "{}", page.body);
    let done = browser.decide(&page, "allow").await.expect(200);
    assert_eq!(done.heading(), "Your device is signed in");
    let tokens = Tokens::of(&device.poll(&house).await);
    assert_eq!(house.userinfo(&tokens.access_token).await.json()["name"], "alice Example");
    // Back, and once more: it is over, and says nothing different for a code that never was.
    let over = browser.decide(&page, "allow").await.error_page(400);
    assert!(over.body.contains(r#"href="/device""#), "{}", over.body);
    let again = browser.enter(&device.user_code).await.expect(400);
    assert!(again.body.contains("That code isn't valid"), "{}", again.body);
}

#[tokio::test]
async fn rfc8628_3_3_somebody_signed_in_is_asked_at_once_and_always() {
    let house = House::open().await;
    let tv = house.television().await;
    let mut browser = house.signed_in(&house.notes().await, "alice").await;
    for _ in 0..2 {
        let device = tv.device(&house).await;
        let page = browser.enter(&device.user_code).await.expect(200);
        // RFC 8628 section 5.4: what was allowed to one device is not allowed to the next.
        assert_eq!(page.heading(), "Sign in on The tv app?");
        assert!(page.body.contains(&device.user_code), "{}", page.body);
        assert_eq!(browser.decide(&page, "allow").await.heading(), "Your device is signed in");
        Tokens::of(&device.poll(&house).await);
    }
}

#[tokio::test]
async fn rfc8628_3_3_1_the_complete_uri_fills_the_code_in_and_does_no_more() {
    let house = House::open().await;
    let device = house.television().await.device(&house).await;
    let uri = device.all["verification_uri_complete"].as_str().unwrap();
    let path = uri.strip_prefix(crate::house::ISSUER).unwrap();
    let mut browser = house.signed_in(&house.notes().await, "alice").await;
    let before = house.provider.store().stats().commands;
    let page = browser.get(path).await.expect(200);
    assert_eq!(page.heading(), "Does your device show this code?");
    assert_eq!(page.field("user_code"), device.user_code);
    assert_eq!(house.provider.store().stats().commands, before, "looking changes nothing");
    device.poll(&house).await.refused(400, "authorization_pending");
    // What is no code is not repeated.
    let page = browser.get("/device?user_code=%3Cscript%3E").await.expect(200);
    assert_eq!((page.heading(), page.field("user_code")), ("Connect a device", String::new()));
}

#[tokio::test]
async fn rfc8628_5_4_the_page_says_from_where_it_was_asked_and_warns_of_codes_that_were_sent() {
    let house = House::open().await;
    let tv = house.television().await;
    let far = IpAddr::from([203, 0, 113, 77]);
    let form = [("client_id", tv.id.as_str()), ("scope", "openid")];
    let asked = house.send_from(far, crate::house::post("/oauth2/device_authorization", &form)).await;
    let user_code = asked.expect(200).json()["user_code"].as_str().unwrap().to_owned();
    let mut browser = house.signed_in(&house.notes().await, "alice").await;
    let form = browser.get(&format!("/device?user_code={user_code}")).await;
    assert!(form.body.contains("Did somebody send you this code?"), "{}", form.body);
    let page = browser.enter(&user_code).await;
    assert!(page.body.contains("203.0.113.77"), "{}", page.body);
    assert!(page.body.contains("If somebody sent you its code"), "{}", page.body);
}

#[tokio::test]
async fn rfc8628_6_1_a_code_is_read_however_it_is_typed() {
    let house = House::open().await;
    let tv = house.television().await;
    let mut browser = house.signed_in(&house.notes().await, "alice").await;
    let typed: [fn(&str) -> String; 4] = [
        |code| code.to_lowercase(),
        |code| code.replace('-', ""),
        |code| format!("  {}  ", code.replace('-', " ")),
        |code| code.replace('-', "\u{2013}"),
    ];
    for type_in in typed {
        let device = tv.device(&house).await;
        let page = browser.enter(&type_in(&device.user_code)).await.expect(200);
        assert_eq!(page.heading(), "Sign in on The tv app?");
    }
    // What cannot be one is told, kept, and is no guess.
    for wrong in ["", "AEIO-UAEI", "WDJB-MJH", "<script>"] {
        for _ in 0..4 {
            let page = browser.enter(wrong).await.expect(400);
            assert!(page.body.contains("That cannot be a code"), "{}", page.body);
            assert_eq!(page.field("user_code"), wrong);
        }
    }
    let device = tv.device(&house).await;
    browser.enter(&device.user_code).await.expect(200);
}

#[tokio::test]
async fn rfc8628_5_1_guessing_user_codes_is_limited_per_account() {
    let house = House::open().await;
    let notes = house.notes().await;
    let device = house.television().await.device(&house).await;
    let mut guesser = house.signed_in(&notes, "alice").await;
    for _ in 0..10 {
        let page = guesser.enter("BBBB-BBBB").await.expect(400);
        assert!(page.body.contains("That code isn't valid"), "{}", page.body);
    }
    // Now the right one would not help either.
    let page = guesser.enter(&device.user_code).await.expect(429);
    assert!(page.body.contains("Too many codes were wrong"), "{}", page.body);
    assert_eq!(page.header("retry-after"), "900");
    // Nor from elsewhere, or in another browser.
    let mut elsewhere = house.signed_in(&notes, "alice").await;
    elsewhere.address = IpAddr::from([198, 51, 100, 1]);
    elsewhere.enter(&device.user_code).await.expect(429);
    house.signed_in(&notes, "bob").await.enter(&device.user_code).await.expect(200);
    pass_seconds(900);
    let later = device.client.device(&house).await;
    guesser.enter(&later.user_code).await.expect(200);
}

#[tokio::test]
async fn rfc8628_5_1_whoever_is_not_signed_in_learns_of_no_code_and_a_wrong_one_is_told_afterwards() {
    let house = House::open().await;
    let tv = house.television().await;
    let device = tv.device(&house).await;
    let mut stranger = house.browser();
    let (wrong, right) = (stranger.enter("BBBB-BBBB").await, stranger.enter(&device.user_code).await);
    let bare = |page: &crate::house::Answer| page.body.replace(&page.hidden("interaction"), "HANDLE");
    assert_eq!((wrong.status.as_u16(), bare(&wrong)), (200, bare(&right)));
    let told = stranger.sign_in(&wrong, "alice", PASSWORD).await.expect(400);
    assert!(told.body.contains("That code isn't valid"), "{}", told.body);
    // The person is signed in all the same, and goes on from there.
    let page = stranger.enter(&device.user_code).await.expect(200);
    assert_eq!(page.heading(), "Sign in on The tv app?");
}

#[tokio::test]
async fn a_thousand_wrong_codes_elsewhere_do_not_close_the_page() {
    let house = House::open().await;
    let notes = house.notes().await;
    let device = house.television().await.device(&house).await;
    let mut wrong = 0;
    for number in 0..110 {
        let name = format!("guesser-{number}");
        house.add_user(&name).await;
        let mut guesser = house.signed_in(&notes, &name).await;
        guesser.address = IpAddr::from([198, 18, number, 1]);
        while guesser.enter("BBBB-BBBB").await.status == 400 {
            wrong += 1;
        }
    }
    assert!(wrong >= 1_000, "{wrong}");
    let mut owner = house.signed_in(&notes, "alice").await;
    owner.enter(&device.user_code).await.expect(200);
    let newcomer = house.browser().enter(&device.user_code).await.expect(200);
    assert_eq!(newcomer.heading(), "Sign in to your device");
}

#[tokio::test]
async fn rfc8628_5_2_an_expired_code_leads_nowhere_and_one_that_expires_meanwhile_allows_nothing() {
    let house = House::open().await;
    let tv = house.television().await;
    let mut browser = house.signed_in(&house.notes().await, "alice").await;
    let device = tv.device(&house).await;
    let page = browser.enter(&device.user_code).await.expect(200);
    pass_seconds(600);
    browser.enter(&device.user_code).await.expect(400);
    browser.decide(&page, "allow").await.error_page(400);
    device.poll(&house).await.refused(400, "expired_token");
    // Swept, it is as if it had never been.
    house.provider.sweep(crate::house::now() + Duration::from_secs(3_600)).await.unwrap();
    device.poll(&house).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn whoever_has_not_signed_in_decides_nothing() {
    let house = House::open().await;
    let device = house.television().await.device(&house).await;
    let mut stranger = house.browser();
    for path in ["/consent", "/sign-in/cancel"] {
        let page = stranger.enter(&device.user_code).await.expect(200);
        let interaction = page.hidden("interaction");
        let form = [("interaction", interaction.as_str()), ("decision", "deny")];
        let answer = stranger.post(path, &form).await;
        assert_eq!(stranger.followed(answer).await.heading(), "Your device is not signed in");
        device.poll(&house).await;
    }
    let page = stranger.enter(&device.user_code).await.expect(200);
    let page = stranger.decide(&page, "allow").await.expect(200);
    assert_eq!(page.heading(), "Sign in to your device");
    pass_seconds(60);
    device.poll(&house).await.refused(400, "authorization_pending");
    house.browser().bring_in(&device, "alice", "allow").await.expect(200);
    Tokens::of(&device.poll(&house).await);
}

#[tokio::test]
async fn the_answer_counts_of_whoever_saw_the_question() {
    let house = House::open().await;
    let notes = house.notes().await;
    let device = house.television().await.device(&house).await;
    let mut browser = house.signed_in(&notes, "alice").await;
    let page = browser.enter(&device.user_code).await.expect(200);
    // In another tab bob signs in meanwhile.
    let sign_in = browser.authorize(&notes.request(&[("prompt", "login")])).await;
    let answer = browser.post("/select-account", &[("interaction", &sign_in.hidden("interaction"))]).await;
    let sign_in = browser.followed(answer).await;
    browser.sign_in(&sign_in, "bob", PASSWORD).await;
    let page = browser.decide(&page, "allow").await.expect(200);
    assert!(page.body.contains("bob"), "{}", page.body);
    device.poll(&house).await.refused(400, "authorization_pending");
    // The other account can be chosen here, too.
    let answer = browser.post("/select-account", &[("interaction", &page.hidden("interaction"))]).await;
    let sign_in = browser.followed(answer).await;
    let page = browser.sign_in(&sign_in, "bob", PASSWORD).await.expect(200);
    // And once more, although bob signed in for this very question.
    let answer = browser.post("/select-account", &[("interaction", &page.hidden("interaction"))]).await;
    let sign_in = browser.followed(answer).await;
    let page = browser.sign_in(&sign_in, "alice", PASSWORD).await.expect(200);
    browser.decide(&page, "allow").await.expect(200);
    let tokens = Tokens::of(&device.poll(&house).await);
    assert_eq!(house.userinfo(&tokens.access_token).await.json()["name"], "alice Example");
}

#[tokio::test]
async fn a_question_belongs_to_its_browser_and_to_our_own_pages() {
    let house = House::open().await;
    let notes = house.notes().await;
    let device = house.television().await.device(&house).await;
    let mut alice = house.signed_in(&notes, "alice").await;
    let page = alice.enter(&device.user_code).await.expect(200);
    let mut mallory = house.signed_in(&notes, "bob").await;
    mallory.decide(&page, "allow").await.error_page(400);
    let mut without_secret = alice.copy();
    without_secret.cookies.remove(SECRET);
    without_secret.decide(&page, "allow").await.error_page(400);
    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let interaction = page.hidden("interaction");
    let form = [("interaction", interaction.as_str()), ("decision", "allow")];
    alice.post_with("/consent", &form, &foreign).await.error_page(403);
    alice.post_with("/device", &[("user_code", &device.user_code)], &foreign).await.error_page(403);
    device.poll(&house).await.refused(400, "authorization_pending");
    assert_eq!(alice.decide(&page, "allow").await.heading(), "Your device is signed in");
}

#[tokio::test]
async fn two_people_with_the_same_code_get_one_answer() {
    let house = House::open().await;
    let notes = house.notes().await;
    let tv = house.television().await;
    let (mut alice, mut bob) = (house.signed_in(&notes, "alice").await, house.signed_in(&notes, "bob").await);
    let device = tv.device(&house).await;
    let alices = alice.enter(&device.user_code).await.expect(200);
    let bobs = bob.enter(&device.user_code).await.expect(200);
    assert_eq!(alice.decide(&alices, "deny").await.heading(), "Your device is not signed in");
    assert_eq!(bob.decide(&bobs, "allow").await.status, StatusCode::BAD_REQUEST);
    device.poll(&house).await.refused(400, "access_denied");
}
