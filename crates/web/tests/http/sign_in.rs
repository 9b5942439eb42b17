//! `/sign-in` and `/sign-in/cancel`

use crate::house::{Answer, Browser, DEVICE, House, PASSWORD, SECRET, Tokens, now, pass_seconds};
use futures_util::future::{join, join_all};
use passwords::PoolSettings;
use provider::admin::UserPassword;
use std::net::IpAddr;
use std::time::Duration;
use storage::user::UserByUsername;

/// What the browser shows after these credentials; the interaction's handle, the only thing that may differ, taken out.
async fn after(browser: &mut Browser<'_>, page: &Answer, username: &str, password: &str) -> (u16, String) {
    let answer = browser.sign_in(page, username, password).await;
    let handle = page.hidden("interaction");
    assert!(!handle.is_empty());
    (answer.status.as_u16(), answer.body.replace(&handle, "HANDLE").replace(username, "USERNAME"))
}

#[tokio::test]
async fn a_sign_in_waits_for_minutes_and_once_its_person_acted_for_an_hour() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let (left, wrong, done) = (
        browser.authorize(&notes.request(&[])).await,
        browser.authorize(&notes.request(&[])).await,
        browser.authorize(&notes.request(&[])).await,
    );
    pass_seconds(899);
    browser.sign_in(&wrong, "alice", "not the password").await.expect(400);
    assert!(!browser.copy().sign_in(&done, "alice", PASSWORD).await.says("code").is_empty());
    pass_seconds(1);
    browser.sign_in(&left, "alice", PASSWORD).await.error_page(400);
    // Whoever mistyped has the rest of the hour.
    pass_seconds(2_699);
    assert!(!browser.copy().sign_in(&wrong, "alice", PASSWORD).await.says("code").is_empty());
    pass_seconds(1);
    browser.sign_in(&wrong, "alice", PASSWORD).await.error_page(400);
}

#[tokio::test]
async fn one_network_has_so_many_sign_ins_open_that_nobody_acted_on() {
    let house = House::with(|plan| plan.settings.interactions_per_address = Some(5)).await;
    let notes = house.notes().await;
    let request = notes.request(&[]);
    let mut pages = Vec::new();
    for _ in 0..5 {
        pages.push(house.browser().authorize(&request).await.expect(200));
    }
    let refused = house.browser().authorize(&request).await.error_page(429);
    assert!(!refused.header("retry-after").is_empty() && !refused.header("refresh").is_empty());
    // Nor is anything kept for it that came in a form.
    let form: Vec<_> = request.iter().map(|(name, value)| (*name, value.as_str())).collect();
    house.browser().post("/oauth2/authorize", &form).await.error_page(429);
    house.browser().post("/oauth2/logout", &[]).await.error_page(429);
    // Elsewhere people sign in as ever, and who acts makes room.
    let mut elsewhere = house.browser();
    elsewhere.address = [198, 51, 100, 7].into();
    elsewhere.authorize(&request).await.expect(200);
    let mut browser = house.browser();
    let refused = browser.sign_in(&pages[0], "alice", PASSWORD).await;
    refused.error_page(400);
    pass_seconds(180);
    let page = browser.authorize(&request).await.expect(200);
    house.browser().authorize(&request).await.error_page(429);
    browser.sign_in(&page, "alice", PASSWORD).await;
    house.browser().authorize(&request).await.expect(200);
}

#[tokio::test]
async fn by_username_or_email_whatever_their_case() {
    let house = House::open().await;
    let notes = house.notes().await;
    for login in ["alice", "ALICE", " alice ", "alice@example.org", "Alice@Example.ORG"] {
        let mut browser = house.browser();
        let page = browser.authorize(&notes.request(&[])).await;
        assert!(!browser.sign_in(&page, login, PASSWORD).await.says("code").is_empty(), "{login}");
    }
}

#[tokio::test]
async fn nobody_learns_who_has_an_account_neither_by_the_answer_nor_by_the_work() {
    let house = House::open().await;
    let notes = house.notes().await;
    house.add_user("carol").await;
    house.add_user_with("dave", UserPassword::None).await;
    house.provider.set_user_disabled(&crate::house::new_ctx(None), "carol", true).await.unwrap();
    let mut seen = Vec::new();
    for (username, password) in [
        ("alice", "wrong"),
        ("nobody", "wrong"),
        ("nobody", PASSWORD),
        ("nobody@example.org", "wrong"),
        ("carol", "wrong"),
        ("carol", PASSWORD),
        ("dave", PASSWORD),
        ("alice", &"long".repeat(300)),
    ] {
        let mut browser = house.browser();
        let page = browser.authorize(&notes.request(&[])).await;
        let before = house.provider.hash_pool().stats().hashes;
        seen.push((after(&mut browser, &page, username, password).await, username));
        assert_eq!(house.provider.hash_pool().stats().hashes - before, 1, "{username}");
        assert_eq!(browser.session(), "");
    }
    let ((status, page), _) = &seen[0];
    assert_eq!(*status, 400);
    assert!(page.contains("The username or the password is not right."));
    for (answer, username) in &seen {
        assert_eq!(answer, &seen[0].0, "{username}");
    }
}

#[tokio::test]
async fn an_empty_password_is_refused_before_any_hash_and_is_no_try() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let before = house.provider.hash_pool().stats().hashes;
    for username in ["alice", "nobody"] {
        for _ in 0..12 {
            let (status, page) = after(&mut browser, &page, username, "").await;
            assert_eq!(status, 400);
            assert!(page.contains("The username or the password is not right."), "{page}");
        }
    }
    assert_eq!(house.provider.hash_pool().stats().hashes, before);
    assert!(!browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
}

#[tokio::test]
async fn username_and_email_are_one_account_with_one_budget() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    for login in ["alice", "alice@example.org", "ALICE", "Alice@Example.org", "alice"] {
        for _ in 0..2 {
            browser.sign_in(&page, login, "wrong").await.expect(400);
        }
    }
    for login in ["alice", "alice@example.org"] {
        browser.sign_in(&page, login, PASSWORD).await.expect(429);
    }
}

/// Ten wrong passwords from each of as many networks as lock an account for everybody who never signed in to it.
async fn lock_out(house: &House, page: &Answer, browser: &Browser<'_>) {
    let mut stranger = browser.copy();
    stranger.cookies.remove(DEVICE);
    for network in 0..10 {
        stranger.address = IpAddr::from([198, 18, network, 1]);
        for _ in 0..10 {
            stranger.sign_in(page, "alice", "wrong").await.expect(400);
        }
    }
    stranger.address = IpAddr::from([203, 0, 113, 1]);
    stranger.sign_in(page, "alice", PASSWORD).await.expect(429);
    assert!(house.provider.hash_pool().stats().hashes > 100);
}

#[tokio::test]
async fn strangers_lock_nobody_out_of_a_browser_they_signed_in_with_before() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut owner = house.signed_in(&notes, "alice").await;
    let cookie = owner.cookies[DEVICE].clone();
    assert!(!cookie.is_empty());
    let page = owner.authorize(&notes.request(&[("prompt", "login")])).await;
    lock_out(&house, &page, &owner).await;
    // From the attacker's own network, and after the session has ended.
    owner.address = IpAddr::from([198, 18, 1, 1]);
    owner.forget_accounts();
    let page = owner.authorize(&notes.request(&[])).await;
    assert!(!owner.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
    assert_ne!(owner.cookies[DEVICE], cookie, "renewed");
    // It is alice's alone, it is a budget and no leave, and a forged one is none.
    let mut forger = house.browser();
    forger
        .cookies
        .insert(DEVICE.to_owned(), crate::house::tampered(&format!("{cookie}.x"), 0).replace(".x", ""));
    let page = forger.authorize(&notes.request(&[])).await;
    forger.sign_in(&page, "alice", PASSWORD).await.expect(429);
    let page = owner.authorize(&notes.request(&[("prompt", "login")])).await;
    for _ in 0..10 {
        owner.sign_in(&page, "alice", "wrong").await.expect(400);
    }
    owner.sign_in(&page, "alice", PASSWORD).await.expect(429);
}

#[tokio::test]
async fn the_cookie_that_a_browser_is_known_by_stays_long_tells_nothing_and_signs_nobody_in() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let form = [
        ("interaction", page.hidden("interaction")),
        ("username", "alice".into()),
        ("password", PASSWORD.into()),
    ];
    let form = form.each_ref().map(|(name, value): &(&str, String)| (*name, value.as_str()));
    let answer = browser.post("/sign-in", &form).await;
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let set = set.filter(|value| value.starts_with(DEVICE)).collect::<Vec<_>>();
    assert_eq!(set.len(), 1);
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=34560000"] {
        assert!(set[0].contains(attribute), "{}", set[0]);
    }
    browser.forget_accounts();
    let page = browser.authorize(&notes.request(&[])).await;
    assert!(page.body.contains(r#"action="/sign-in?interaction="#), "{}", page.body);
    // Whoever else signs in with it is known too, and it stays one cookie.
    browser.sign_in(&page, "bob", PASSWORD).await;
    browser.forget_accounts();
    let page = browser.authorize(&notes.request(&[])).await;
    lock_out(&house, &page, &browser).await;
    assert!(!browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
}

#[tokio::test]
async fn an_operator_lifts_a_lock_out() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    lock_out(&house, &page, &browser).await;
    let ctx = crate::house::new_ctx(None);
    house.provider.lift_lock_out(&ctx, "alice@example.org").await.unwrap();
    assert!(!browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
    assert!(house.provider.lift_lock_out(&ctx, "nobody").await.is_err());
}

#[tokio::test]
async fn what_was_typed_is_kept_but_never_the_password() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let probe = "\"><script>alert(1)</script>";
    let again = browser.sign_in(&page, probe, "s3cret-guess").await.expect(400);
    assert_eq!(again.field("username"), probe);
    assert!(!again.body.contains("<script>alert") && !again.body.contains("s3cret-guess"));
    // And the same interaction goes on.
    assert!(!browser.sign_in(&again, "alice", PASSWORD).await.says("code").is_empty());
}

#[tokio::test]
async fn ten_wrong_passwords_lock_the_account_for_that_neighbourhood_until_time_opens_it() {
    let house = House::open().await;
    let notes = house.notes().await;
    for (username, real) in [("alice", true), ("nobody", false)] {
        let mut browser = house.browser();
        let page = browser.authorize(&notes.request(&[])).await;
        for _ in 0..10 {
            browser.sign_in(&page, username, "wrong").await.expect(400);
        }
        let before = house.provider.hash_pool().stats().hashes;
        let locked = browser.sign_in(&page, username, PASSWORD).await.expect(429);
        assert!(locked.body.contains("There were too many attempts."), "{}", locked.body);
        assert_eq!(locked.header("retry-after"), "900");
        assert_eq!(locked.field("username"), username);
        // Nothing is hashed for it, in whatever case it is written.
        browser.sign_in(&page, &username.to_uppercase(), PASSWORD).await.expect(429);
        assert_eq!(house.provider.hash_pool().stats().hashes, before);
        // From elsewhere it can be tried.
        let mut elsewhere = house.browser();
        elsewhere.address = IpAddr::from([198, 51, 100, 7]);
        let page_elsewhere = elsewhere.authorize(&notes.request(&[])).await;
        let answer = elsewhere.sign_in(&page_elsewhere, username, PASSWORD).await;
        assert_eq!(answer.status == 303, real);
        // Another account from here is not concerned.
        let mut other = house.browser();
        let page_other = other.authorize(&notes.request(&[])).await;
        assert!(!other.sign_in(&page_other, "bob", PASSWORD).await.says("code").is_empty());

        pass_seconds(900);
        let answer = browser.sign_in(&page, username, PASSWORD).await;
        assert_eq!(answer.status == 303, real, "{}", answer.body);
    }
}

#[tokio::test]
async fn an_ipv6_network_is_one_neighbourhood() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    for host in 0..10 {
        browser.address = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]);
        browser.sign_in(&page, "alice", "wrong").await.expect(400);
    }
    browser.address = IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]);
    browser.sign_in(&page, "alice", PASSWORD).await.expect(429);
    browser.address = IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1]);
    assert!(!browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
}

#[tokio::test]
async fn a_right_password_forgets_the_failures() {
    let house = House::open().await;
    let notes = house.notes().await;
    for _ in 0..3 {
        let mut browser = house.browser();
        let page = browser.authorize(&notes.request(&[])).await;
        for _ in 0..9 {
            browser.sign_in(&page, "alice", "wrong").await.expect(400);
        }
        assert!(!browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
    }
}

#[tokio::test]
async fn many_guesses_at_once_get_no_more_tries_than_one_after_the_other() {
    // Hashes slow enough that all guesses are there before the first one is answered.
    let house = House::with(|plan| plan.hashes.params.memory_kib = 4_096).await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let before = house.provider.hash_pool().stats().hashes;
    let guesses = (0..40).map(|guess| {
        let (mut browser, page) = (browser.copy(), page.clone());
        async move { browser.sign_in(&page, "alice", &format!("guess {guess}")).await.status.as_u16() }
    });
    let statuses = join_all(guesses).await;
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 10, "{statuses:?}");
    assert_eq!(house.provider.hash_pool().stats().hashes - before, 10);
}

#[tokio::test]
async fn a_locked_account_does_not_end_the_sessions_it_has() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut owner = house.signed_in(&notes, "alice").await;
    let mut stranger = house.browser();
    let page = stranger.authorize(&notes.request(&[])).await;
    for _ in 0..11 {
        stranger.sign_in(&page, "alice", "wrong").await;
    }
    assert!(!owner.authorize(&notes.request(&[])).await.says("code").is_empty());
}

#[tokio::test]
async fn when_too_many_wait_the_page_says_when_and_keeps_what_was_typed() {
    // One thread, one waiting, and hashes slow enough that the others come while it works.
    let house = House::with(|plan| {
        let params = passwords::Argon2Params { memory_kib: 19_456, iterations: 10, parallelism: 1 };
        plan.hashes = PoolSettings { max_queued: 1, params, ..plan.hashes.clone() };
    })
    .await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let attempts = (0..6).map(|_| {
        let (mut browser, page) = (browser.copy(), page.clone());
        async move { browser.sign_in(&page, "alice", "wrong").await }
    });
    let answers = join_all(attempts).await;
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(busy.len() >= 3, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for answer in busy {
        assert!(answer.body.contains("Many people are signing in right now."), "{}", answer.body);
        assert_eq!(answer.field("username"), "alice");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    // Being refused is no failure of the person's: the right password is let in.
    assert!(!browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
}

#[tokio::test]
async fn in_a_flood_nobody_more_is_asked_for_a_password_and_the_page_asks_again_by_itself() {
    let house = House::with(|plan| {
        let params = passwords::Argon2Params { memory_kib: 19_456, iterations: 20, parallelism: 1 };
        let (max_wait, overload_wait) = (Duration::from_secs(1), Duration::from_millis(40));
        plan.hashes = PoolSettings { threads: 1, max_wait, overload_wait, params, ..plan.hashes.clone() };
    })
    .await;
    let notes = house.notes().await;
    let mut inside = house.signed_in(&notes, "alice").await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let flood = (0..100).map(|number| {
        let (mut browser, page) = (browser.copy(), page.clone());
        async move { browser.sign_in(&page, &format!("nobody-{number}"), "wrong").await.status.as_u16() }
    });
    let newcomers = async {
        let pages = join_all((0..20).map(|_| {
            let mut browser = house.browser();
            let request = notes.request(&[]);
            async move { browser.authorize(&request).await }
        }));
        // While it lasts: who is inside gets a code, and who must not be asked anything an answer.
        let silent = notes.request(&[("prompt", "none")]);
        let (mut nobody, pages) = (house.browser(), pages.await);
        (pages, inside.authorize(&notes.request(&[])).await, nobody.authorize(&silent).await)
    };
    let (_, (pages, code, silent)) = join(join_all(flood), newcomers).await;
    let (away, asked): (Vec<_>, Vec<_>) = pages.iter().partition(|page| page.status == 429);
    assert!(away.len() >= 10 && !asked.is_empty(), "{} sent away, {} asked", away.len(), asked.len());
    for page in away {
        let seconds = page.header("retry-after").parse::<u64>().unwrap();
        assert!((3..9).contains(&seconds), "{seconds}");
        assert_eq!(page.header("refresh"), seconds.to_string());
        assert!(page.body.contains("You can sign in in a moment"), "{}", page.body);
        assert!(!page.body.contains("password"));
    }
    assert!(!code.says("code").is_empty());
    assert_eq!(silent.says("error"), "login_required");
    let again = house.browser().authorize(&notes.request(&[])).await;
    assert_eq!(again.status, 200, "the flood has passed");
}

#[tokio::test]
async fn an_imported_hash_is_good_and_replaced_at_the_first_sign_in() {
    let house = House::open().await;
    let notes = house.notes().await;
    // bcrypt of "correct horse battery", cost 4.
    let salt = b"0123456789abcdef";
    let imported = bcrypt_of(PASSWORD, *salt);
    house.add_user_with("erin", UserPassword::Hash(imported.clone())).await;
    let stored = async || {
        house.provider.store().read(UserByUsername("erin")).await.unwrap().unwrap().password_hash.unwrap()
    };
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    browser.sign_in(&page, "erin", "wrong").await.expect(400);
    assert_eq!(stored().await, imported);
    assert!(!browser.sign_in(&page, "erin", PASSWORD).await.says("code").is_empty());
    let upgraded = stored().await;
    assert!(upgraded.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{upgraded}");
    assert!(!house.browser().code_for(&notes, "erin").await.is_empty());
    assert_eq!(stored().await, upgraded);
}

fn bcrypt_of(password: &str, salt: [u8; 16]) -> String {
    bcrypt::hash_with_salt(password, 4, salt).unwrap().to_string()
}

#[tokio::test]
async fn rfc9700_4_7_a_form_from_elsewhere_signs_nobody_in() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let interaction = page.hidden("interaction");
    let form = [("interaction", interaction.as_str()), ("username", "alice"), ("password", PASSWORD)];
    for from in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", crate::house::ISSUER)],
        &[("origin", "https://evil.example")],
        &[("origin", "https://id.example.evil.example")],
        &[("origin", "null")],
    ] {
        browser.post_with("/sign-in", &form, from).await.error_page(403);
        browser.post_with("/sign-in/cancel", &form, from).await.error_page(403);
        assert_eq!(browser.session(), "");
    }
    // With neither header, as of old.
    assert!(!browser.post_with("/sign-in", &form, &[]).await.says("code").is_empty());
}

#[tokio::test]
async fn an_interaction_belongs_to_the_browser_it_began_in() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let mut other = house.browser();
    other.authorize(&notes.request(&[])).await.expect(200);
    assert_ne!(browser.secret(), other.secret());
    let mut bare = house.browser();
    for thief in [&mut other, &mut bare] {
        let kept = thief.secret();
        thief.sign_in(&page, "alice", PASSWORD).await.error_page(400);
        thief.get(&format!("/interaction?interaction={}", page.hidden("interaction"))).await.error_page(400);
        thief.get(&format!("/sign-in?interaction={}", page.hidden("interaction"))).await.error_page(400);
        assert_eq!((thief.session(), thief.secret()), (String::new(), kept));
    }
    // Its own browser keeps one secret, for every tab.
    let second_tab = browser.authorize(&notes.request(&[])).await;
    assert!(second_tab.cookies().is_empty());
    assert!(!browser.sign_in(&second_tab, "alice", PASSWORD).await.says("code").is_empty());
    assert!(browser.cookies.contains_key(SECRET));
}

#[tokio::test]
async fn an_interaction_is_answered_once() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    assert!(!browser.sign_in(&page, "alice", PASSWORD).await.says("code").is_empty());
    let session = browser.session();
    browser.sign_in(&page, "alice", PASSWORD).await.error_page(400);
    browser.decide(&page, "allow").await.error_page(400);
    let interaction = page.hidden("interaction");
    browser.post("/sign-in/cancel", &[("interaction", &interaction)]).await.error_page(400);
    assert_eq!(browser.session(), session);

    // Two tabs at the same moment: one of them is answered.
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let tabs = (0..4).map(|_| {
        let (mut tab, page) = (browser.copy(), page.clone());
        async move { tab.sign_in(&page, "alice", PASSWORD).await.status.as_u16() }
    });
    let mut statuses = house.at_once(tabs).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400, 400, 400]);
}

#[tokio::test]
async fn what_is_no_interaction() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let good = page.hidden("interaction");
    for bad in [
        "",
        "nonsense",
        "<script>",
        &crate::house::tampered(&good, 0),
        &crate::house::tampered(&good, 1),
        &good.to_uppercase(),
    ] {
        let form = [("interaction", bad), ("username", "alice"), ("password", PASSWORD)];
        browser.post("/sign-in", &form).await.error_page(400);
        let path = format!("/sign-in?{}", crate::house::encoded(&form[..1]));
        let answer = browser.get(&path).await;
        if bad.is_empty() {
            // The bare address of the form: a tab that was restored there is led on.
            assert_eq!(answer.location(), "/");
        } else {
            answer.error_page(400);
        }
    }
    browser.post("/sign-in", &[]).await.error_page(400);
}

#[tokio::test]
async fn going_back_to_the_client_is_always_possible() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let interaction = page.hidden("interaction");
    let answer = browser.post("/sign-in/cancel", &[("interaction", &interaction)]).await;
    assert_eq!((answer.says("error"), answer.says("state")), ("access_denied".into(), "st-1".into()));
    assert_eq!(browser.session(), "");
}

#[tokio::test]
async fn a_client_that_is_disabled_meanwhile_gets_nothing() {
    let house = House::open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    house.change_client(&notes, |client| client.disabled = true).await;
    browser.sign_in(&page, "alice", PASSWORD).await.error_page(400);
}

#[tokio::test]
async fn after_signing_in_with_something_left_to_do_reloading_posts_no_password() {
    let house = House::open().await;
    let notes = house.register("notes", |client| client.consent = protocol::ConsentPolicy::Required).await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[])).await;
    let interaction = page.hidden("interaction");
    let form = [("interaction", interaction.as_str()), ("username", "alice"), ("password", PASSWORD)];
    let answer = browser.post("/sign-in", &form).await;
    assert_eq!(answer.location(), format!("/interaction?interaction={interaction}"));
    for _ in 0..2 {
        let page = browser.get(answer.location()).await.expect(200);
        assert!(page.heading().contains("wants to use your account"), "{}", page.heading());
    }
    let page = browser.get(answer.location()).await;
    let tokens = Tokens::of(&notes.redeem(&house, &browser.decide(&page, "allow").await.says("code")).await);
    assert_eq!(crate::house::claims_of(&tokens.id_token)["auth_time"], now().seconds());
}
