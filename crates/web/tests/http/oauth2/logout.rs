//! `/oauth2/logout` (OpenID Connect RP-Initiated Logout 1.0) and `/sign-out`.

use crate::house::{
    Answer, Browser, House, Log, RelyingParty, Tokens, attribute, encoded, header_of, new_ctx, pass_seconds,
};
use std::time::Duration;

async fn signed_in<'a>(house: &'a House, client: &RelyingParty) -> (Browser<'a>, Tokens) {
    let mut browser = house.browser();
    let tokens = Tokens::of(&client.redeem(house, &browser.code_for(client, "alice").await).await);
    pass_seconds(1);
    (browser, tokens)
}

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    browser.get("/").await.expect(200).body.contains("You are signed in as")
}

fn logout(params: &[(&str, &str)]) -> String {
    format!("/oauth2/logout?{}", encoded(params))
}

async fn confirm(browser: &mut Browser<'_>, page: &Answer, decision: &str) -> Answer {
    // The request comes along in the form: it stands in no address.
    let action = attribute(&page.body, r#"form class="choice""#, "action").unwrap();
    assert_eq!(action, "/sign-out");
    let names = ["logout", "client_id", "id_token_hint", "post_logout_redirect_uri", "state"];
    let mut form: Vec<_> = names.map(|name| (name, page.hidden(name))).into();
    form.retain(|(_, value)| !value.is_empty());
    form.push(("decision", decision.to_owned()));
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post(&action, &form).await
}

#[tokio::test]
async fn rp_initiated_logout_2_what_came_in_a_body_stands_in_no_address() {
    let house = House::open().await;
    let notes = house.notes().await;
    let (mut browser, _) = signed_in(&house, &notes).await;
    let form = [
        ("client_id", "notes"),
        ("post_logout_redirect_uri", "https://notes.example/bye"),
        ("state", "secret-state"),
        ("unknown", "x"),
    ];
    let cross = [("sec-fetch-site", "cross-site")];
    let reference = browser.post_with("/oauth2/logout", &form, &cross).await.location().to_owned();
    assert!(reference.starts_with("/oauth2/logout/posted?request=") && reference.len() < 120, "{reference}");
    let page = browser.get(&reference).await.expect(200);
    assert_eq!((page.heading(), page.hidden("unknown").as_str()), ("Do you want to sign out?", ""));
    // For the second time, or restored in a tab, it leads on to the bare question.
    for path in [reference.as_str(), "/sign-out", "/oauth2/logout/posted"] {
        let again = browser.get(path).await;
        assert_eq!(again.location(), "/oauth2/logout", "{path}");
    }
    let answer = confirm(&mut browser, &page, "sign_out").await;
    assert_eq!(answer.location(), "https://notes.example/bye?state=secret-state");
}

#[tokio::test]
async fn rp_initiated_logout_2_with_a_hint_for_this_session_it_happens_at_once() {
    let house = House::open().await;
    let notes = house.notes().await;
    let (mut browser, tokens) = signed_in(&house, &notes).await;
    let mut thief = browser.copy();
    // An ID Token that has expired is still a good hint.
    pass_seconds(3_600);
    let path = logout(&[
        ("id_token_hint", &tokens.id_token),
        ("post_logout_redirect_uri", "https://notes.example/bye"),
        ("state", "a b&c"),
    ]);
    let answer = browser.get(&path).await;
    assert_eq!(answer.location(), "https://notes.example/bye?state=a+b%26c");
    assert_eq!(browser.session(), "");
    // Over for whoever kept the cookie too.
    assert!(!is_signed_in(&mut thief).await);
    notes.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn rp_initiated_logout_2_access_tokens_of_the_session_are_over_at_once() {
    let house = House::open().await;
    let notes = house.notes().await;
    let (mut browser, tokens) = signed_in(&house, &notes).await;
    house.userinfo(&tokens.access_token).await.expect(200);
    browser.get(&logout(&[("id_token_hint", &tokens.id_token)])).await.expect(200);
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    let house = house.restart().await;
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn rp_initiated_logout_2_without_a_hint_the_person_is_asked() {
    let house = House::open().await;
    let notes = house.notes().await;
    let (mut browser, _) = signed_in(&house, &notes).await;
    let path = logout(&[
        ("client_id", "notes"),
        ("post_logout_redirect_uri", "https://notes.example/bye"),
        ("state", "s"),
    ]);
    let page = browser.get(&path).await.expect(200);
    assert_eq!(page.heading(), "Do you want to sign out?");
    assert_eq!(confirm(&mut browser, &page, "stay").await.location(), "/");
    assert!(is_signed_in(&mut browser).await);
    let answer = confirm(&mut browser, &page, "sign_out").await;
    assert_eq!(answer.location(), "https://notes.example/bye?state=s");
    assert!(!is_signed_in(&mut browser).await);

    let (mut browser, _) = signed_in(&house, &notes).await;
    let page = browser.get("/oauth2/logout").await.expect(200);
    let done = confirm(&mut browser, &page, "sign_out").await.expect(200);
    assert_eq!(done.heading(), "You are signed out");
}

#[tokio::test]
async fn rp_initiated_logout_2_a_hint_for_another_session_asks() {
    let house = House::open().await;
    let notes = house.notes().await;
    let (_, elsewhere) = signed_in(&house, &notes).await;
    let (mut browser, _) = signed_in(&house, &notes).await;
    let page = browser.get(&logout(&[("id_token_hint", &elsewhere.id_token)])).await.expect(200);
    assert_eq!(page.heading(), "Do you want to sign out?");
    assert!(is_signed_in(&mut browser).await);
    // The one it names is over: whoever has the hint may end that.
    notes.refresh(&house, &elsewhere.refresh_token).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn the_answer_counts_only_with_the_proof_that_the_question_was_asked_here() {
    let house = House::open().await;
    let notes = house.notes().await;
    let (mut browser, _) = signed_in(&house, &notes).await;
    let page = browser.get("/oauth2/logout").await.expect(200);
    let proof = page.hidden("logout");
    let (mut other, _) = signed_in(&house, &notes).await;
    let foreign = other.get("/oauth2/logout").await.hidden("logout");
    for wrong in ["", "wrong", foreign.as_str()] {
        let asked =
            browser.post("/sign-out", &[("logout", wrong), ("decision", "sign_out")]).await.expect(200);
        assert_eq!(asked.heading(), "Do you want to sign out?");
    }
    let form = [("logout", proof.as_str()), ("decision", "sign_out")];
    for from in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        browser.post_with("/sign-out", &form, &[from]).await.error_page(403);
    }
    assert!(is_signed_in(&mut browser).await);
    browser.post("/sign-out", &form).await.expect(200);
    assert!(!is_signed_in(&mut browser).await);
}

const NOT_REGISTERED: &str = "register it as a post-logout redirect URI";

#[tokio::test]
async fn rp_initiated_logout_3_to_an_address_that_is_not_registered_nobody_is_sent_but_everybody_is_signed_out()
 {
    let house = House::open().await;
    let notes = house.notes().await;
    for address in [
        "https://evil.example/",
        "https://notes.example/bye/",
        "https://notes.example/bye?x=1",
        "https://notes.example/cb",
        "https://notes.example@evil.example/bye",
        "//evil.example",
        "javascript:alert(1)",
        "https://notes.example/bye\r\nLocation: https://evil.example",
    ] {
        let (mut browser, tokens) = signed_in(&house, &notes).await;
        let hint = ("id_token_hint", tokens.id_token.as_str());
        let back = ("post_logout_redirect_uri", address);
        let done = browser.get(&logout(&[hint, back])).await.expect(200);
        assert_eq!(done.heading(), "You are signed out");
        assert!(done.body.contains(NOT_REGISTERED) && done.body.contains("The notes app"), "{}", done.body);
        assert!(!done.headers.contains_key("location") && attribute(&done.body, "<a ", "href").is_none());
        assert!(!is_signed_in(&mut browser).await);
        // The same with nobody signed in; the page does not say that somebody was.
        let done = house.browser().get(&logout(&[hint, back])).await.expect(200);
        assert_eq!(done.heading(), "You are not signed in");
        assert!(done.body.contains(NOT_REGISTERED), "{}", done.body);
    }
    // However long it is, no more of it is told than a person reads.
    let long = format!("https://evil.example/{}", "x".repeat(5_000));
    let done = house.browser().get(&logout(&[("post_logout_redirect_uri", &long)])).await.expect(200);
    assert!(done.body.len() < 4_000 && done.body.contains("x\u{2026}"), "{}", done.body);
    let (mut browser, tokens) = signed_in(&house, &notes).await;
    let bye = ("post_logout_redirect_uri", "https://notes.example/bye");
    let hint = ("id_token_hint", tokens.id_token.as_str());
    let twice = format!("{}&post_logout_redirect_uri=https://evil.example", logout(&[hint, bye]));
    browser.get(&twice).await.error_page(400);
}

#[tokio::test]
async fn rp_initiated_logout_3_an_address_that_is_not_registered_is_told_to_the_operator_with_its_client() {
    let house = House::open().await;
    house.notes().await;
    let log = Log::look();
    let address = "https://notes.example/?logout=1\n<b>";
    let path = logout(&[("client_id", "notes"), ("post_logout_redirect_uri", address)]);
    house.browser().get(&path).await.expect(200);
    let lines = log.lines("INFO");
    let told = lines.iter().find(|line| line.contains("post_logout_redirect_uri")).unwrap();
    // As one line, whatever is in it.
    assert!(told.contains(r#"client="notes""#) && told.contains(r"?logout=1\n<b>"), "{told}");
    assert!(told.contains("request_id="), "{told}");
}

#[tokio::test]
async fn rp_initiated_logout_2_an_address_without_a_hint_asks_signs_out_and_stays() {
    let house = House::open().await;
    let notes = house.notes().await;
    house.register("other", |_| {}).await;
    let bye = ("post_logout_redirect_uri", "https://notes.example/bye");
    for params in [vec![bye], vec![("client_id", "nobody"), bye], vec![("client_id", "other"), bye]] {
        let (mut browser, _) = signed_in(&house, &notes).await;
        let page = browser.get(&logout(&params)).await.expect(200);
        assert_eq!(page.heading(), "Do you want to sign out?");
        assert!(is_signed_in(&mut browser).await);
        let done = confirm(&mut browser, &page, "sign_out").await.expect(200);
        assert_eq!(done.heading(), "You are signed out");
        assert!(done.body.contains(NOT_REGISTERED) && done.body.contains("https://notes.example/bye"));
        assert!(!is_signed_in(&mut browser).await);
    }
}

#[tokio::test]
async fn rp_initiated_logout_2_a_hint_that_is_altered_or_foreign_is_told_and_the_person_can_sign_out_all_the_same()
 {
    let house = House::open().await;
    let notes = house.notes().await;
    house.register("other", |_| {}).await;
    let tokens = notes.tokens(&house, "alice").await;
    let bye = ("post_logout_redirect_uri", "https://notes.example/bye");
    let tampered = crate::house::tampered(&tokens.id_token, 1);
    for params in [
        vec![("id_token_hint", "nonsense"), bye],
        vec![("id_token_hint", tokens.access_token.as_str())],
        vec![("id_token_hint", tampered.as_str()), ("client_id", "notes"), bye],
        // Section 2: the client and the hint's audience must be one.
        vec![("id_token_hint", tokens.id_token.as_str()), ("client_id", "other"), bye],
    ] {
        let (mut browser, _) = signed_in(&house, &notes).await;
        let page = browser.get(&logout(&params)).await.error_page(400);
        assert!(page.body.contains("id_token_hint"), "{}", page.body);
        assert!(is_signed_in(&mut browser).await);
        let done = confirm(&mut browser, &page, "sign_out").await.expect(200);
        assert_eq!(done.heading(), "You are signed out");
        assert!(!is_signed_in(&mut browser).await);
        // With nobody signed in there is nothing to offer.
        let page = house.browser().get(&logout(&params)).await.error_page(400);
        assert!(page.body.contains("id_token_hint") && !page.body.contains("<form"), "{}", page.body);
    }
}

#[tokio::test]
async fn rp_initiated_logout_2_a_hint_of_a_key_that_retired_long_ago_is_good_while_its_session_lives() {
    let house = House::with(|plan| plan.settings.session_idle = Duration::from_secs(7 * 86_400)).await;
    let notes = house.notes().await;
    let (browser, tokens) = signed_in(&house, &notes).await;
    let cookies = browser.cookies;
    pass_seconds(300);
    house.provider.rotate_keys(&mut new_ctx(None), false).await.unwrap();
    pass_seconds(6 * 86_400);
    house.make_every_key().await;
    // It is published no more, also after a restart.
    let house = house.restart().await;
    let published = house.get("/oauth2/jwks").await.expect(200).body;
    let kid = header_of(&tokens.id_token)["kid"].as_str().unwrap().to_owned();
    assert!(!published.contains(&kid));
    let mut browser = house.browser();
    browser.cookies = cookies;
    assert!(is_signed_in(&mut browser).await);
    let tampered = crate::house::tampered(&tokens.id_token, 1);
    browser.get(&logout(&[("id_token_hint", &tampered)])).await.error_page(400);
    let done = browser.get(&logout(&[("id_token_hint", &tokens.id_token)])).await.expect(200);
    assert_eq!(done.heading(), "You are signed out");
    assert!(!is_signed_in(&mut browser).await);
    // Once no session of its time can live, it is forgotten.
    pass_seconds(3 * 86_400);
    house.make_every_key().await;
    let keys = house.provider.list_signing_keys().await.unwrap();
    assert!(!keys.is_empty() && keys.iter().all(|key| key.kid != kid), "{keys:?}");
}

#[tokio::test]
async fn rp_initiated_logout_2_asked_by_a_back_end_without_a_cookie_the_session_that_the_hint_names_is_over()
{
    let house = House::open().await;
    let notes = house.notes().await;
    let (mut browser, tokens) = signed_in(&house, &notes).await;
    let (mut elsewhere, others) = signed_in(&house, &notes).await;
    let path = logout(&[("id_token_hint", &tokens.id_token)]);
    let done = house.get(&path).await.expect(200);
    assert_eq!(done.heading(), "You are signed out");
    assert!(done.body.contains("asked to end a sign-in here"), "{}", done.body);
    assert!(!is_signed_in(&mut browser).await);
    house.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    notes.refresh(&house, &tokens.refresh_token).await.refused(400, "invalid_grant");
    // Nothing else is, and a second time it says that nothing was ended.
    assert!(is_signed_in(&mut elsewhere).await);
    notes.refresh(&house, &others.refresh_token).await.expect(200);
    assert_eq!(house.get(&path).await.expect(200).heading(), "You are not signed in");
}

#[tokio::test]
async fn rp_initiated_logout_2_by_post_and_by_nobody() {
    let house = House::open().await;
    let notes = house.notes().await;
    let (mut browser, tokens) = signed_in(&house, &notes).await;
    let form = [
        ("id_token_hint", tokens.id_token.as_str()),
        ("post_logout_redirect_uri", "https://notes.example/bye"),
    ];
    let sent_on = browser.post_with("/oauth2/logout", &form, &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(browser.followed(sent_on).await.location(), "https://notes.example/bye");
    // A second time nobody is signed in, and the browser goes back all the same.
    assert_eq!(browser.get(&logout(&form)).await.location(), "https://notes.example/bye");
    assert_eq!(browser.get("/oauth2/logout").await.expect(200).heading(), "You are not signed in");
}

#[tokio::test]
async fn state_cannot_break_out_of_the_address() {
    let house = House::open().await;
    let notes = house.notes().await;
    let (mut browser, tokens) = signed_in(&house, &notes).await;
    let path = logout(&[
        ("id_token_hint", &tokens.id_token),
        ("post_logout_redirect_uri", "https://notes.example/bye"),
        ("state", "x\r\nSet-Cookie: a=b"),
    ]);
    let answer = browser.get(&path).await;
    assert_eq!(answer.location(), "https://notes.example/bye?state=x%0D%0ASet-Cookie%3A+a%3Db");
    let taken_away = answer.cookies();
    assert_eq!(taken_away.len(), 2, "{taken_away:?}");
    assert!(
        taken_away.iter().all(|(name, value)| name.starts_with(crate::house::SESSION) && value.is_empty())
    );
}
