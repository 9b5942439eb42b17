//! `/sign-up`

use crate::house::{Answer, Browser, House, PASSWORD, Tokens};
use storage::name_skeleton::{NamesFilled, RekeyUsername};

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
        (("email", "no address"), "does not look like an email address"),
        (("email", ""), "does not look like an email address"),
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

#[tokio::test]
async fn weak_passwords_and_the_account_s_own_words_are_refused() {
    let house = open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[("prompt", "create")])).await;
    for (password, problem) in [
        ("password", "guessed first"),
        ("password1234", "guessed first"),
        ("P@ssw0rd!", "guessed first"),
        ("aaaaaaaaaa", "guessed first"),
        ("frank2024", "your own name or address"),
        ("frank@example.org", "your own name or address"),
    ] {
        let again = filled_in(&mut browser, &page, &[("password", password)]).await.expect(400);
        assert!(again.body.contains(problem), "{password}: {}", again.body);
    }
    assert!(house.provider.find_user("frank").await.is_err());
}

#[tokio::test]
async fn names_that_nobody_sees_or_could_take_for_others_are_refused() {
    let house = open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[("prompt", "create")])).await;
    for (change, problem) in [
        // A zero-width space, a mark that turns the direction, a tag.
        (("username", "fra\u{200b}nk"), "cannot be seen"),
        (("username", "fra\u{202e}nk"), "cannot be seen"),
        (("email", "frank\u{200d}@example.org"), "cannot be seen"),
        (("name", "Frank\u{e0041}"), "cannot be seen"),
        (("name", "\u{202e}knarF"), "cannot be seen"),
        // Cyrillic letters among Latin ones, and alone where alice is somebody's name.
        (("username", "\u{430}lice"), "different alphabets"),
        (("email", "fr\u{430}nk@example.org"), "different alphabets"),
        (("username", "\u{430}\u{217c}\u{456}\u{441}\u{435}"), "Choose a username"),
        // The same in full width.
        (("username", "\u{ff41}\u{ff4c}\u{ff49}\u{ff43}\u{ff45}"), "has an account already"),
    ] {
        let again = filled_in(&mut browser, &page, &[change]).await.expect(400);
        assert!(again.body.contains(problem), "{change:?}: {}", again.body);
    }
    // All of one script, and yet to be taken for bob of the house.
    house.add_user("cox").await;
    for (look_alike, email) in [("\u{441}\u{43e}\u{445}", "one@example.org")] {
        let changes = [("username", look_alike), ("email", email)];
        let again = filled_in(&mut browser, &page, &changes).await.expect(400);
        assert!(again.body.contains("looks like somebody else"), "{look_alike}: {}", again.body);
    }
}

#[tokio::test]
async fn jurgen_is_one_however_his_name_is_composed() {
    let house = open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[("prompt", "create")])).await;
    let apart = [("username", "Ju\u{308}rgen"), ("email", "ju\u{308}rgen@example.org")];
    assert!(!filled_in(&mut browser, &page, &apart).await.says("code").is_empty());
    assert_eq!(house.user("J\u{fc}rgen").await.username, "J\u{fc}rgen");
    let mut second = house.browser();
    let page = second.authorize(&notes.request(&[("prompt", "create")])).await;
    for changes in [
        [("username", "j\u{fc}rgen"), ("email", "j@example.org")],
        [("username", "j"), ("email", "J\u{fc}rgen@example.org")],
    ] {
        let again = filled_in(&mut second, &page, &changes).await.expect(400);
        assert!(again.body.contains("has an account already"), "{}", again.body);
    }
    for login in ["ju\u{308}rgen", "J\u{dc}RGEN", "j\u{fc}rgen@example.org"] {
        let mut browser = house.browser();
        let page = browser.authorize(&notes.request(&[])).await;
        assert!(
            !browser.sign_in(&page, login, "frank's own password").await.says("code").is_empty(),
            "{login}"
        );
    }
}

#[tokio::test]
async fn names_from_before_go_on_working_and_are_filled_in_once() {
    let house = open().await;
    let notes = house.notes().await;
    let old = house.add_user("Ju\u{308}rgen").await;
    // As an older version stored it.
    let store = house.provider.store();
    let (key, before) = ("ju\u{308}rgen".to_owned(), "j\u{fc}rgen".to_owned());
    assert!(store.write(RekeyUsername { user: old.id, before, key }).await.unwrap());
    assert!(!house.browser().code_for(&notes, "ju\u{308}rgen").await.is_empty());
    house.provider.fill_names().await.unwrap();
    for login in ["ju\u{308}rgen", "j\u{fc}rgen"] {
        assert!(!house.browser().code_for(&notes, login).await.is_empty());
    }
    assert!(store.read(NamesFilled).await.unwrap());
    house.provider.fill_names().await.unwrap();
}

#[tokio::test]
async fn each_problem_is_told_once_in_the_order_of_the_fields() {
    let house = open().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let page = browser.authorize(&notes.request(&[("prompt", "create")])).await;
    let wrong = [("name", "n\u{200b}"), ("email", "no address"), ("username", ""), ("password", "short")];
    let again = filled_in(&mut browser, &page, &wrong).await.expect(400);
    let (summary, form) = again.body.split_once("<form").unwrap();
    let at = |text: &str, word: &str| text.find(word).unwrap_or_else(|| panic!("{word}: {text}"));
    let links = ["#name", "#email", "#username", "#password"].map(|link| at(summary, link));
    assert!(links.is_sorted(), "{summary}");
    let told = ["cannot be seen", "does not look like", "Choose a username", "at least 8 characters"];
    assert!(told.map(|words| at(form, words)).is_sorted(), "{form}");
    for words in told {
        assert_eq!(again.body.matches(words).count(), 1, "{words}: {}", again.body);
    }
    assert_eq!(again.field("email"), "no address");
    // What concerns no field alone stands in the summary.
    let taken = filled_in(&mut browser, &page, &[("username", "alice")]).await.expect(400);
    assert_eq!(taken.body.matches("has an account already").count(), 1, "{}", taken.body);
}

#[tokio::test]
async fn who_signs_up_when_too_many_do_keeps_what_was_typed_and_is_told_how_long_to_wait() {
    let house = House::empty(|plan| {
        plan.settings.registration_open = true;
        plan.hashes.max_queued = 1;
        plan.hashes.params.memory_kib = 64 * 1_024;
    })
    .await;
    let notes = house.notes().await;
    let signs_up = async || {
        let mut browser = house.browser();
        let page = browser.authorize(&notes.request(&[("prompt", "create")])).await;
        filled_in(&mut browser, &page, &[]).await
    };
    // One is hashed for, one waits, the others are too many.
    let answers: [Answer; 4] = tokio::join!(signs_up(), signs_up(), signs_up(), signs_up()).into();
    let busy = answers.into_iter().find(|answer| answer.status == 429).expect("too many");
    assert!(busy.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(busy.body.contains("try again in "), "{}", busy.body);
    assert_eq!((busy.field("username"), busy.field("email")), ("frank".into(), "frank@example.org".into()));
    assert!(!busy.body.contains("frank's own password"));
}
