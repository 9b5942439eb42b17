//! Several people signed in at one browser, whom a request is about, and how long each of them stays.

use crate::house::{
    Answer, Browser, House, PASSWORD, RelyingParty, SECRET, SESSION, Tokens, attribute, claims_of, encoded,
    pass_seconds,
};
use provider::StaySignedIn;
use std::time::Duration;

async fn whose(house: &House, client: &RelyingParty, answer: &Answer) -> String {
    let code = answer.says("code");
    assert!(!code.is_empty(), "{answer:?}");
    let subject = claims_of(&Tokens::of(&client.redeem(house, &code).await).id_token)["sub"].clone();
    for name in ["alice", "bob"] {
        if subject == house.user(name).await.id.to_string() {
            return name.to_owned();
        }
    }
    panic!("{subject}");
}

/// With alice and then bob signed in.
async fn both<'a>(house: &'a House, client: &RelyingParty) -> Browser<'a> {
    let mut browser = house.signed_in(client, "alice").await;
    let page = browser.authorize(&client.request(&[("login_hint", "bob")])).await.expect(200);
    assert_eq!(page.field("username"), "bob");
    let answer = browser.sign_in(&page, "bob", PASSWORD).await;
    assert_eq!(whose(house, client, &answer).await, "bob");
    browser
}

async fn choose(browser: &mut Browser<'_>, page: &Answer, name: &str) -> Answer {
    assert_eq!(page.heading(), "Choose an account", "{}", page.body);
    let button = page.body.split("<button").find(|button| button.contains(name)).unwrap();
    let session = button.split_once(r#"value=""#).unwrap().1.split('"').next().unwrap().to_owned();
    let form = [("interaction", page.hidden("interaction")), ("session", session)];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = browser.post("/select-account", &form).await;
    browser.followed(answer).await
}

#[tokio::test]
async fn oidc_core_3_1_2_1_a_login_hint_asks_for_the_person_it_names() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    let hint = |hint: &'static str| notes.request(&[("login_hint", hint), ("prompt", "none")]);
    for hinted in ["alice", "ALICE@example.org"] {
        assert_eq!(whose(&house, &notes, &browser.authorize(&hint(hinted)).await).await, "alice");
    }
    for hinted in ["bob", "bob@example.org", "nobody"] {
        assert_eq!(browser.authorize(&hint(hinted)).await.says("error"), "login_required", "{hinted}");
    }
    // A hint is no order: who signs in as somebody else goes on as that.
    let page = browser.authorize(&notes.request(&[("login_hint", "bob")])).await;
    let answer = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!(whose(&house, &notes, &answer).await, "alice");
}

#[tokio::test]
async fn several_people_stay_signed_in_side_by_side_and_are_offered() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = both(&house, &notes).await;
    for (hinted, name) in [("alice", "alice"), ("bob@example.org", "bob"), ("alice", "alice")] {
        let answer = browser.authorize(&notes.request(&[("login_hint", hinted)])).await;
        assert_eq!(whose(&house, &notes, &answer).await, name);
    }
    // Without a hint nobody is guessed.
    let silent = browser.authorize(&notes.request(&[("prompt", "none")])).await;
    assert_eq!(silent.says("error"), "account_selection_required");
    for name in ["alice", "bob", "alice"] {
        let page = browser.authorize(&notes.request(&[])).await.expect(200);
        assert!(page.body.contains("alice@example.org") && page.body.contains("bob@example.org"));
        let answer = choose(&mut browser, &page, name).await;
        assert_eq!(whose(&house, &notes, &answer).await, name);
        // Used last, it is who the browser's own pages greet.
        assert!(browser.get("/").await.body.contains(&format!("signed in as <b>{name} Example")));
    }
    // A session of another browser is no choice.
    let mut thief = house.signed_in(&notes, "bob").await;
    let page = browser.authorize(&notes.request(&[])).await;
    let others = page.body.replace(&page.hidden("interaction"), "");
    let foreign = thief.authorize(&notes.request(&[("prompt", "select_account")])).await;
    let session = foreign.body.split(r#"name="session" value=""#).nth(1).unwrap().split('"').next().unwrap();
    assert!(!others.contains(session));
    let form = [("interaction", page.hidden("interaction")), ("session", session.to_owned())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = browser.post("/select-account", &form).await;
    assert_eq!(browser.followed(answer).await.heading(), "Choose an account");
}

#[tokio::test]
async fn signing_in_again_changes_the_secret_of_ones_own_session_and_nobody_elses() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = both(&house, &notes).await;
    let before = browser.cookies.clone();
    let alices = before.iter().find(|(name, value)| name.starts_with(SESSION) && **value != before[SESSION]);
    let (named, alices) = alices.unwrap();
    let page = browser.authorize(&notes.request(&[("login_hint", "alice"), ("prompt", "login")])).await;
    browser.sign_in(&page, "alice", PASSWORD).await;
    // Alice is in front with a new secret (session fixation), bob as he was behind her.
    assert!(browser.cookies.iter().any(|(name, value)| name != SESSION && *value == before[SESSION]));
    assert_ne!(browser.cookies[SESSION], *alices);
    assert_eq!(browser.cookies[named], browser.cookies[SESSION]);
    let mut thief = browser.copy();
    thief.forget_accounts();
    thief.cookies.insert(SESSION.to_owned(), alices.clone());
    assert!(!thief.get("/").await.body.contains("You are signed in as"));
}

#[tokio::test]
async fn whoever_signs_out_signs_everybody_out_at_this_browser() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = both(&house, &notes).await;
    let mut kept = browser.copy();
    let page = browser.get("/oauth2/logout").await.expect(200);
    assert!(
        page.body.contains("bob Example")
            && page.body.contains("alice Example")
            && page.body.contains("Everybody who is signed in here will be"),
        "{}",
        page.body
    );
    let form = [("logout", page.hidden("logout")), ("decision", "sign_out".to_owned())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    browser.post("/sign-out", &form).await.expect(200);
    assert!(browser.cookies.keys().all(|name| !name.starts_with(SESSION)), "{:?}", browser.cookies);
    for browser in [&mut browser, &mut kept] {
        for hinted in ["alice", "bob"] {
            let request = notes.request(&[("login_hint", hinted), ("prompt", "none")]);
            assert_eq!(browser.authorize(&request).await.says("error"), "login_required");
        }
    }
}

#[tokio::test]
async fn rp_initiated_logout_2_a_hint_for_one_of_several_signs_out_that_one_and_says_who_stays() {
    let house = House::open().await;
    let notes = house.notes().await;
    for (whom, other) in [("alice", "bob"), ("bob", "alice")] {
        let mut browser = both(&house, &notes).await;
        let code = browser.authorize(&notes.request(&[("login_hint", whom)])).await.says("code");
        let hint = Tokens::of(&notes.redeem(&house, &code).await).id_token;
        let mut kept = browser.copy();
        let done = browser.get(&format!("/oauth2/logout?id_token_hint={hint}")).await.expect(200);
        assert_eq!(done.heading(), format!("{whom} is signed out"));
        assert!(done.body.contains(&format!("Others stay signed in here: <b>{other}</b>")), "{}", done.body);
        // Where the client wants the browser back, it goes there; here, for the second time, the other one is asked.
        let back =
            [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "https://notes.example/bye")];
        let mut again = both(&house, &notes).await;
        let page = again.get(&format!("/oauth2/logout?{}", encoded(&back))).await.expect(200);
        assert_eq!(page.heading(), "Do you want to sign out?");
        let code = again.authorize(&notes.request(&[("login_hint", whom)])).await.says("code");
        let hint = Tokens::of(&notes.redeem(&house, &code).await).id_token;
        let back = [("id_token_hint", hint.as_str()), back[1]];
        let answer = again.get(&format!("/oauth2/logout?{}", encoded(&back))).await;
        assert_eq!(answer.location(), "https://notes.example/bye");
        for browser in [&mut browser, &mut kept, &mut again] {
            let silent = async |browser: &mut Browser<'_>, hinted: &str| {
                browser
                    .authorize(&notes.request(&[("login_hint", hinted), ("prompt", "none")]))
                    .await
                    .says("error")
            };
            assert_eq!(silent(browser, whom).await, "login_required");
            assert_eq!(silent(browser, other).await, "");
        }
        // The other one is asked.
        let page = browser.get("/oauth2/logout").await.expect(200);
        assert!(page.body.contains(&format!("You are signed in as <b>{other} Example</b>")), "{}", page.body);
    }
}

#[tokio::test]
async fn oidc_core_3_1_2_1_an_id_token_hint_of_one_of_several_is_answered_silently_for_that_one() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = both(&house, &notes).await;
    for name in ["alice", "bob"] {
        let code = browser.authorize(&notes.request(&[("login_hint", name)])).await.says("code");
        let token = Tokens::of(&notes.redeem(&house, &code).await).id_token;
        for hint in [("id_token_hint", token.as_str()), ("login_hint", name)] {
            let answer = browser.authorize(&notes.request(&[hint, ("prompt", "none")])).await;
            assert_eq!(whose(&house, &notes, &answer).await, name);
        }
        // The hint of somebody who is not signed in here is answered for nobody.
        let mut stranger = house.signed_in(&notes, if name == "alice" { "bob" } else { "alice" }).await;
        let silent =
            stranger.authorize(&notes.request(&[("id_token_hint", &token), ("prompt", "none")])).await;
        assert_eq!(silent.says("error"), "login_required");
    }
}

#[tokio::test]
async fn two_tabs_that_sign_in_as_different_people_at_once_both_end_well() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.consent = protocol::ConsentPolicy::Required).await;
    let mut browser = house.browser();
    let mut tabs = Vec::new();
    for _ in 0..2 {
        tabs.push(browser.authorize(&notes.request(&[])).await.expect(200));
    }
    // Both forms leave before either answer is there.
    let mut answers = Vec::new();
    for (tab, name) in tabs.iter().zip(["alice", "bob"]) {
        let interaction = tab.hidden("interaction");
        let form = [("interaction", interaction.as_str()), ("username", name), ("password", PASSWORD)];
        let mut alone = browser.copy();
        answers.push((name, alone.post("/sign-in", &form).await, alone.cookies));
    }
    for (_, _, cookies) in &answers {
        browser.cookies.extend(cookies.clone());
    }
    for (name, answer, _) in answers {
        let consent = browser.followed(answer).await.expect(200);
        assert!(consent.body.contains(&format!("<b>{name} Example</b>")), "{}", consent.body);
        let answer = browser.decide(&consent, "allow").await;
        assert_eq!(whose(&house, &notes, &answer).await, name);
    }
    for name in ["alice", "bob"] {
        let answer = browser.authorize(&notes.request(&[("login_hint", name), ("prompt", "none")])).await;
        assert_eq!(whose(&house, &notes, &answer).await, name);
    }
}

#[tokio::test]
async fn two_tabs_that_sign_the_same_person_in_at_once_make_one_account_and_signing_out_ends_both() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let tabs = [browser.authorize(&notes.request(&[])).await, browser.authorize(&notes.request(&[])).await];
    let before = browser.copy();
    let mut copies = Vec::new();
    for tab in &tabs {
        let mut alone = before.copy();
        assert!(!alone.sign_in(tab, "alice", PASSWORD).await.says("code").is_empty());
        browser.cookies.extend(alone.cookies.clone());
        copies.push(alone);
    }
    let silent = [("prompt", "none")];
    assert_eq!(whose(&house, &notes, &browser.authorize(&notes.request(&silent)).await).await, "alice");
    let page = browser.get("/oauth2/logout").await.expect(200);
    let form = [("logout", page.hidden("logout")), ("decision", "sign_out".to_owned())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    browser.post("/sign-out", &form).await.expect(200);
    assert!(browser.cookies.keys().all(|name| !name.starts_with(SESSION)), "{:?}", browser.cookies);
    for mut copy in copies {
        assert_eq!(copy.authorize(&notes.request(&silent)).await.says("error"), "login_required");
    }
}

#[tokio::test]
async fn rfc8628_3_3_of_several_people_the_one_chosen_is_asked_about_the_device() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = both(&house, &notes).await;
    let tv = house.television().await;
    for name in ["alice", "bob"] {
        let device = tv.device(&house).await;
        let page = browser.enter(&device.user_code).await.expect(200);
        let asked = choose(&mut browser, &page, name).await.expect(200);
        assert!(
            asked.body.contains(&format!("You are signed in as <b>{name} Example</b>")),
            "{}",
            asked.body
        );
        browser.decide(&asked, "allow").await.expect(200);
        let token = Tokens::of(&device.poll(&house).await.expect(200)).id_token;
        assert_eq!(claims_of(&token)["sub"], house.user(name).await.id.to_string());
    }
}

#[tokio::test]
async fn the_front_page_names_everybody_who_is_signed_in() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = both(&house, &notes).await;
    let home = browser.get("/").await.expect(200).body;
    assert!(home.contains("You are signed in as <b>bob Example</b>"), "{home}");
    assert!(home.contains("<b>alice Example</b>"), "{home}");
}

#[tokio::test]
async fn a_page_of_a_client_is_told_that_its_session_goes_on_whoever_else_was_used_last() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = both(&house, &notes).await;
    let code = browser.authorize(&notes.request(&[("login_hint", "alice")])).await.says("code");
    let token = Tokens::of(&notes.redeem(&house, &code).await).id_token;
    let alice = claims_of(&token)["sid"].as_str().unwrap().to_owned();
    let state = async |browser: &mut Browser<'_>, known: &str| {
        let query = [("client_id", "notes"), ("origin", "https://notes.example"), ("session_state", known)];
        let path = "/realms/main/protocol/openid-connect/login-status-iframe.html/init";
        let answer = browser.get(&format!("{path}?{}", encoded(&query))).await.expect(200);
        answer.json()["state"].as_str().unwrap().to_owned()
    };
    // Bob signed in last: his cookie is in front.
    assert!(browser.get("/").await.body.contains("signed in as <b>bob Example"));
    assert_eq!(state(&mut browser, &alice).await, "unchanged");
    assert_eq!(state(&mut browser, "").await, "changed");
    assert_eq!(state(&mut browser, "019b0000-0000-7000-8000-000000000000").await, "changed");
    browser.get(&format!("/oauth2/logout?id_token_hint={token}")).await.expect(200);
    // Bob stays signed in.
    assert_eq!(state(&mut browser, &alice).await, "changed");
    assert_eq!(state(&mut browser, "").await, "changed");
    let page = browser.get("/oauth2/logout").await;
    browser
        .post("/sign-out", &[("logout", &page.hidden("logout")), ("decision", "sign_out")])
        .await
        .expect(200);
    assert_eq!(state(&mut browser, "").await, "unchanged");
}

#[tokio::test]
async fn whoever_stays_is_greeted_when_the_session_in_front_of_theirs_is_over() {
    let house = House::with(|plan| plan.settings.stay_signed_in = StaySignedIn::Ask).await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let interaction = page.hidden("interaction");
    let form = [
        ("interaction", interaction.as_str()),
        ("username", "alice"),
        ("password", PASSWORD),
        ("stay", "on"),
    ];
    browser.post("/sign-in", &form).await;
    let page = browser.authorize(&notes.request(&[("login_hint", "bob")])).await.expect(200);
    browser.sign_in(&page, "bob", PASSWORD).await;
    assert!(browser.get("/").await.body.contains("bob Example"));
    pass_seconds(house.provider.settings().session_idle.as_secs() + 1);
    assert!(browser.get("/").await.body.contains("alice Example"));
}

#[tokio::test]
async fn there_is_room_for_five_and_who_signed_in_longest_ago_leaves() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.signed_in(&notes, "alice").await;
    for name in ["u1", "u2", "u3", "u4", "u5"] {
        house.add_user(name).await;
        pass_seconds(1);
        let page = browser.authorize(&notes.request(&[("login_hint", name)])).await.expect(200);
        browser.sign_in(&page, name, PASSWORD).await;
    }
    let named = format!("{SESSION}-");
    assert_eq!(browser.cookies.keys().filter(|name| name.starts_with(&named)).count(), 5);
    let silent = async |browser: &mut Browser<'_>, name: &'static str| {
        browser.authorize(&notes.request(&[("login_hint", name), ("prompt", "none")])).await.says("error")
    };
    assert_eq!(silent(&mut browser, "alice").await, "login_required");
    assert_eq!(silent(&mut browser, "u1").await, "");
}

/// The `Max-Age` of the cookies that a sign-in sets: the session's, and the secret's that it counts beside.
async fn kept_for(house: &House, stay: bool) -> Option<u64> {
    let notes = house.provider.find_client(&"notes".parse().unwrap()).await.unwrap();
    let client =
        RelyingParty { id: "notes".into(), secret: None, redirect_uri: notes.redirect_uris[0].to_string() };
    let mut browser = house.browser();
    let page = browser.authorize(&client.request(&[])).await;
    let mut form = vec![("username", "alice"), ("password", PASSWORD)];
    let interaction = page.hidden("interaction");
    form.push(("interaction", &interaction));
    if stay {
        form.push(("stay", "on"));
    }
    let answer = browser.post("/sign-in", &form).await;
    let lines = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned());
    let lines: Vec<_> = lines.collect();
    let age = |line: &String| line.split_once("Max-Age=").map(|(_, seconds)| seconds.parse().unwrap());
    let sessions: Vec<_> = lines.iter().filter(|line| line.starts_with(SESSION)).map(age).collect();
    assert_eq!(sessions, [sessions[0]; 2]);
    let secret = lines.iter().find(|line| line.starts_with(&format!("{SECRET}="))).and_then(age);
    assert_eq!(secret, sessions[0]);
    sessions[0]
}

#[tokio::test]
async fn who_stays_signed_in_is_theirs_to_choose_unless_the_installation_decides() {
    const WEEK: Option<u64> = Some(7 * 86_400);
    for (policy, offered, left_alone, ticked) in [
        (StaySignedIn::Off, false, None, None),
        (StaySignedIn::Ask, true, None, WEEK),
        (StaySignedIn::Always, false, WEEK, WEEK),
    ] {
        let house = House::with(|plan| plan.settings.stay_signed_in = policy).await;
        let notes = house.notes().await;
        let page = house.browser().authorize(&notes.request(&[])).await;
        assert_eq!(page.body.contains(r#"name="stay""#), offered, "{policy:?}");
        assert!(!page.body.contains(" checked"), "nobody stays by mistake");
        assert_eq!(
            (kept_for(&house, false).await, kept_for(&house, true).await),
            (left_alone, ticked),
            "{policy:?}"
        );
    }
}

#[tokio::test]
async fn who_chose_to_stay_is_kept_through_idleness_and_until_the_sessions_end() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let interaction = page.hidden("interaction");
    let typed = |password: &'static str| {
        [
            ("interaction", interaction.clone()),
            ("username", "alice".into()),
            ("password", password.into()),
            ("stay", "on".into()),
        ]
    };
    let form = typed("wrong");
    let wrong = browser.post("/sign-in", &form.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    assert!(wrong.expect(400).body.contains(" checked"), "what was chosen is kept");
    let form = typed(PASSWORD);
    browser.post("/sign-in", &form.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    let mut other = house.signed_in(&notes, "bob").await;
    let idle = house.provider.settings().session_idle + Duration::from_secs(1);
    pass_seconds(idle.as_secs());
    assert!(browser.get("/").await.body.contains("You are signed in as"));
    assert!(!other.get("/").await.body.contains("You are signed in as"));
    pass_seconds(7 * 86_400 - idle.as_secs());
    assert!(!browser.get("/").await.body.contains("You are signed in as"));
}

#[tokio::test]
async fn where_nobody_may_stay_any_more_what_was_chosen_before_does_not_count() {
    for (before, after, counts) in [
        (StaySignedIn::Ask, StaySignedIn::Off, false),
        (StaySignedIn::Always, StaySignedIn::Off, false),
        (StaySignedIn::Always, StaySignedIn::Ask, true),
    ] {
        let house = House::with(|plan| plan.settings.stay_signed_in = before).await;
        let notes = house.notes().await;
        let mut browser = house.browser();
        let interaction = browser.authorize(&notes.request(&[])).await.hidden("interaction");
        let form = [
            ("interaction", interaction.as_str()),
            ("username", "alice"),
            ("password", PASSWORD),
            ("stay", "on"),
        ];
        browser.post("/sign-in", &form).await;
        let cookies = browser.cookies;
        let house = house.restart_with(|plan| plan.settings.stay_signed_in = after).await;
        let mut browser = house.browser();
        browser.cookies = cookies;
        let home = browser.get("/").await.body;
        assert_eq!(home.contains("You are signed in as"), counts, "{before:?} {after:?}");
        // Signed in again, it is for as long as the browser is open.
        let page = browser.authorize(&notes.request(&[("prompt", "login")])).await.expect(200);
        let answer = browser.sign_in(&page, "alice", PASSWORD).await;
        assert!(!answer.says("code").is_empty());
        assert!(browser.get("/").await.body.contains("You are signed in as"));
    }
}

#[tokio::test]
async fn a_page_that_was_answered_leads_back_to_the_client_it_was_for() {
    let house = House::open().await;
    let notes = house.notes().await;
    let app = house
        .register("app", |client| client.redirect_uris = vec!["com.example.app:/cb".parse().unwrap()])
        .await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    assert!(!browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
    let interaction = page.hidden("interaction");
    // Back, and loaded again; and what is sent a second time from there.
    for path in ["/sign-in", "/interaction", "/consent"] {
        let over = browser.get(&format!("{path}?interaction={interaction}")).await.error_page(400);
        assert_eq!(over.heading(), "You have answered this already", "{path}");
        assert!(over.body.contains(r#"href="https://notes.example""#), "{}", over.body);
        assert!(over.body.contains("Go to The notes app"), "{}", over.body);
    }
    let again = browser.sign_in(&page, "alice", PASSWORD).await.error_page(400);
    assert!(again.body.contains(r#"href="https://notes.example""#), "{}", again.body);
    // Another browser learns nothing, and to an app no link leads.
    let elsewhere =
        house.browser().get(&format!("/interaction?interaction={interaction}")).await.error_page(400);
    assert_eq!(elsewhere.heading(), "This sign-in is over");
    assert!(!elsewhere.body.contains("notes"), "{}", elsewhere.body);
    let mut browser = house.browser();
    let page = browser.authorize(&app.request(&[])).await.expect(200);
    browser.sign_in(&page, "alice", PASSWORD).await;
    let path = format!("/interaction?interaction={}", page.hidden("interaction"));
    let over = browser.get(&path).await.error_page(400).body;
    assert!(over.contains("answered this already") && !over.contains("com.example.app"), "{over}");
}

#[tokio::test]
async fn a_restored_tab_leads_on_wherever_its_form_was_answered() {
    let house = House::with(|plan| plan.settings.registration_open = true).await;
    let notes = house.register("notes", |client| client.consent = protocol::ConsentPolicy::Required).await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let wrong = browser.sign_in(&page, "alice", "wrong").await;
    // Each form's address is one that can be asked for by itself.
    let action = |page: &Answer| attribute(&page.body, r#"form method="post""#, "action").unwrap();
    assert_eq!(browser.get(&action(&wrong)).await.expect(200).heading(), page.heading());
    let consent = browser.sign_in(&page, "alice", PASSWORD).await;
    for path in ["/consent", "/select-account", "/sign-in/cancel", "/sign-in", "/interaction"] {
        let shown =
            browser.get(&format!("{path}?interaction={}", page.hidden("interaction"))).await.expect(200);
        assert_eq!(shown.heading(), consent.heading(), "{path}");
        // Nothing is known of any sign-in there; it is no dead end either.
        assert_eq!(browser.get(path).await.location(), "/", "{path}");
    }
    assert!(!browser.decide(&consent, "allow").await.says("code").is_empty());
    // What only programs do is explained to a browser, too.
    let shown = browser.get("/oauth2/token").await.error_page(405);
    assert!(shown.body.contains("answer to a form"), "{}", shown.body);
    assert!(!house.get("/oauth2/token").await.expect(405).header("content-type").contains("html"));
}

#[tokio::test]
async fn a_second_tab_goes_on_after_the_first_signed_in() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let first = browser.authorize(&notes.request(&[("state", "first")])).await;
    let second = browser.authorize(&notes.request(&[("state", "second")])).await;
    let again = browser.authorize(&notes.request(&[("state", "third"), ("prompt", "login")])).await;
    assert_eq!(browser.sign_in(&first, "alice", PASSWORD).await.says("state"), "first");
    for path in ["/sign-in", "/interaction"] {
        let answer = browser.get(&format!("{path}?interaction={}", second.hidden("interaction"))).await;
        if path == "/sign-in" {
            assert_eq!((answer.says("state"), answer.says("code").is_empty()), ("second".to_owned(), false));
        } else {
            answer.error_page(400);
        }
    }
    // Who has to prove it again still has to.
    let page =
        browser.get(&format!("/interaction?interaction={}", again.hidden("interaction"))).await.expect(200);
    assert!(page.body.contains(r#"action="/sign-in?"#), "{}", page.body);
}
