//! The session behind the cookie: fixation, idleness, age, last seen.

use crate::house::{
    Browser, House, PASSWORD, RelyingParty, SESSION, Tokens, claims_of, now, pass, pass_seconds,
};
use protocol::{SessionId, Timestamp};
use std::time::Duration;
use storage::session::SessionById;

async fn answers_silently(browser: &mut Browser<'_>, client: &RelyingParty) -> bool {
    let answer = browser.authorize(&client.request(&[("prompt", "none")])).await;
    assert!(matches!(answer.says("error").as_str(), "" | "login_required"), "{answer:?}");
    !answer.says("code").is_empty()
}

async fn answers_silently_for(browser: &mut Browser<'_>, client: &RelyingParty, username: &str) -> bool {
    let answer = browser.authorize(&client.request(&[("prompt", "none"), ("login_hint", username)])).await;
    assert!(matches!(answer.says("error").as_str(), "" | "login_required"), "{answer:?}");
    !answer.says("code").is_empty()
}

#[tokio::test]
async fn rfc6265bis_the_cookies_are_for_this_host_https_and_no_script() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let answer = browser.sign_in(&page, "alice", PASSWORD).await;
    for (answer, name) in [(&page, crate::house::SECRET), (&answer, SESSION)] {
        let line = answer.header("set-cookie");
        assert!(line.starts_with(&format!("{name}=")), "{line}");
        assert!(line.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{line}");
    }
}

#[tokio::test]
async fn session_fixation_the_cookie_changes_at_every_sign_in_and_the_one_before_is_dead() {
    let house = House::open().await;
    let notes = house.notes().await;
    // An attacker plants a cookie of their own making, or of a session of theirs.
    let attacker = house.signed_in(&notes, "bob").await;
    for planted in [
        "x".to_owned(),
        "AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        attacker.session(),
    ] {
        let mut victim = house.browser();
        victim.cookies.insert(SESSION.to_owned(), planted.clone());
        pass_seconds(1);
        let page = victim.authorize(&notes.request(&[("prompt", "login")])).await.expect(200);
        let answer = victim.sign_in(&page, "alice", PASSWORD).await;
        assert!(!answer.says("code").is_empty());
        assert_ne!(victim.session(), planted);
        // Whoever planted it is at most who they were; the victim's sign-in is not in it.
        let mut thief = attacker.copy();
        thief.cookies.insert(SESSION.to_owned(), planted);
        assert!(!answers_silently_for(&mut thief, &notes, "alice").await);
        // Nor is the attacker in the victim's browser.
        assert!(answers_silently_for(&mut victim, &notes, "alice").await);
        assert!(!answers_silently_for(&mut victim, &notes, "bob").await);
        let silent = victim.authorize(&notes.request(&[("prompt", "none")])).await;
        let tokens = Tokens::of(&notes.redeem(&house, &silent.says("code")).await);
        assert_eq!(claims_of(&tokens.id_token)["sub"], house.user("alice").await.id.to_string());
    }
    // The same person again: same session, new cookie.
    pass_seconds(1);
    let mut browser = house.signed_in(&notes, "alice").await;
    let mut thief = browser.copy();
    let page = browser.authorize(&notes.request(&[("prompt", "login")])).await;
    assert!(!browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
    assert!(answers_silently(&mut browser, &notes).await);
    assert!(!answers_silently(&mut thief, &notes).await);
}

#[tokio::test]
async fn login_csrf_a_session_put_into_another_browser_signs_nobody_in_there() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut attacker = house.signed_in(&notes, "bob").await;
    assert!(answers_silently(&mut attacker, &notes).await);
    // Into a browser where nobody is signed in, that was here before or not.
    let mut fresh = house.browser();
    let mut before = house.browser();
    before.authorize(&notes.request(&[])).await;
    // Beside somebody's own, in front of it or behind.
    let signed_in = house.signed_in(&notes, "alice").await;
    let (mut front, mut behind) = (signed_in.copy(), signed_in);
    for (victim, name) in [
        (&mut fresh, SESSION.to_owned()),
        (&mut before, SESSION.to_owned()),
        (&mut front, SESSION.to_owned()),
        (&mut behind, format!("{SESSION}-0badcafe")),
    ] {
        let is_alices = victim.cookies.contains_key(SESSION);
        victim.cookies.insert(name, attacker.session());
        assert!(!answers_silently_for(victim, &notes, "bob").await);
        assert_eq!(answers_silently(victim, &notes).await, is_alices);
        let home = victim.get("/").await.body;
        assert!(!home.contains("bob Example") && home.contains("alice Example") == is_alices, "{home}");
        let page = victim.authorize(&notes.request(&[("prompt", "select_account")])).await.expect(200);
        assert!(!page.body.contains("bob Example"), "{}", page.body);
    }
    // Nor does it take over when the victim's own session is over.
    let page = behind.get("/oauth2/logout").await;
    behind
        .post("/sign-out", &[("logout", &page.hidden("logout")), ("decision", "sign_out")])
        .await
        .expect(200);
    behind.cookies.insert(SESSION.to_owned(), attacker.session());
    assert!(!answers_silently(&mut behind, &notes).await);
    // What was only planted was not ended either.
    assert!(answers_silently(&mut attacker, &notes).await);
}

#[tokio::test]
async fn another_person_signing_in_has_a_session_of_their_own_and_each_ends_with_their_tokens() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let alices = Tokens::of(&notes.redeem(&house, &browser.code_for(&notes, "alice").await).await);
    house.userinfo(&alices.access_token).await.expect(200);
    let mut kept = browser.copy();
    pass_seconds(1);
    let page = browser.authorize(&notes.request(&[("prompt", "login")])).await;
    let answer = browser.sign_in(&page, "bob", PASSWORD).await;
    let bobs = Tokens::of(&notes.redeem(&house, &answer.says("code")).await);
    assert_ne!(claims_of(&bobs.id_token)["sid"], claims_of(&alices.id_token)["sid"]);
    assert!(answers_silently(&mut kept, &notes).await);
    house.userinfo(&alices.access_token).await.expect(200);
    house.userinfo(&bobs.access_token).await.expect(200);
    browser.get(&format!("/oauth2/logout?id_token_hint={}", bobs.id_token)).await.expect(200);
    assert!(answers_silently(&mut kept, &notes).await);
    house.userinfo(&alices.access_token).await.expect(200);
    house.userinfo(&bobs.access_token).await.refused(401, "invalid_token");
    notes.refresh(&house, &bobs.refresh_token).await.refused(400, "invalid_grant");
    browser.get(&format!("/oauth2/logout?id_token_hint={}", alices.id_token)).await.expect(200);
    assert!(!answers_silently(&mut kept, &notes).await);
    house.userinfo(&alices.access_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn a_session_nobody_uses_for_eight_hours_is_over() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    for _ in 0..5 {
        pass_seconds(8 * 3_600 - 1);
        assert!(answers_silently(&mut browser, &notes).await);
    }
    pass_seconds(8 * 3_600);
    assert!(!answers_silently(&mut browser, &notes).await);
}

#[tokio::test]
async fn a_session_is_over_after_a_week_however_much_it_is_used() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    for _ in 0..7 * 24 - 1 {
        pass_seconds(3_600);
        assert!(answers_silently(&mut browser, &notes).await);
    }
    pass(Duration::from_millis(3_599_999));
    assert!(answers_silently(&mut browser, &notes).await);
    pass(Duration::from_millis(1));
    assert!(!answers_silently(&mut browser, &notes).await);
}

#[tokio::test]
async fn last_seen_is_written_every_five_minutes_at_most() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let tokens = Tokens::of(&notes.redeem(&house, &browser.code_for(&notes, "alice").await).await);
    let sid: SessionId = claims_of(&tokens.id_token)["sid"].as_str().unwrap().parse().unwrap();
    let last_seen = async || -> Timestamp {
        house.provider.store().read(SessionById(sid)).await.unwrap().unwrap().0.last_seen_at
    };
    let began = now();
    for _ in 0..4 {
        pass_seconds(74);
        browser.get("/").await.expect(200);
        assert_eq!(last_seen().await, began);
    }
    pass_seconds(4);
    browser.get("/").await.expect(200);
    assert_eq!(last_seen().await, began + Duration::from_secs(300));
}

#[tokio::test]
async fn a_session_survives_a_restart() {
    let house = House::open().await;
    let notes = house.notes().await;
    let cookies = house.signed_in(&notes, "alice").await.cookies;
    let house = house.restart().await;
    let mut browser = house.browser();
    browser.cookies = cookies;
    assert!(answers_silently(&mut browser, &notes).await);
}

#[tokio::test]
async fn over_http_on_loopback_cookies_do_without_their_prefix() {
    let house = House::with(|plan| plan.settings.issuer = "http://127.0.0.1:8080".to_owned()).await;
    let notes = house.notes().await;
    let page = house.browser().authorize(&notes.request(&[])).await.expect(200);
    let line = page.header("set-cookie");
    assert!(line.starts_with("doorward-browser=") && !line.contains("Secure"), "{line}");
    assert_eq!(page.header("strict-transport-security"), "");
}
