//! `/setup`: the first platform owner.

use crate::house::{DEVICE, House, ISSUER, new_ctx, pass_seconds};

async fn link(house: &House) -> String {
    let url = house.provider.setup_link(&mut new_ctx(None)).await.unwrap().unwrap();
    url.strip_prefix(ISSUER).unwrap().to_owned()
}

fn form<'a>(token: &'a str, username: &'a str) -> [(&'a str, &'a str); 4] {
    let email = if username == "grace" { "grace@example.org" } else { "heidi@example.org" };
    [("token", token), ("username", username), ("email", email), ("password", "a platform owner's")]
}

fn token_of(path: &str) -> &str {
    path.split_once("token=").unwrap().1
}

#[tokio::test]
async fn the_link_creates_one_platform_owner_and_works_once() {
    let house = House::open().await;
    let (older, first) = (link(&house).await, link(&house).await);
    // Only the newest is good: an older one may stand in somebody's log.
    house.get(&older).await.error_page(400);
    house.browser().post("/setup", &form(token_of(&older), "heidi")).await.error_page(400);
    assert!(house.get("/").await.body.contains("Nobody runs this installation yet"));
    let page = house.get(&first).await.expect(200);
    assert_eq!(page.heading(), "Create the first platform owner");
    let token = page.hidden("token");
    assert_eq!(token, token_of(&first));
    // What is to be mended spends nothing.
    let mut bad = form(&token, "grace");
    for weak in ["short", "password1234", "grace2024"] {
        bad[3].1 = weak;
        house.browser().post("/setup", &bad).await.expect(400);
    }
    let mut browser = house.browser();
    assert_eq!(browser.post("/setup", &form(&token, "grace")).await.location(), "/");
    assert!(house.user("grace").await.platform_owner);
    // The owner is signed in, and told what comes next.
    assert!(!browser.session().is_empty() && browser.cookies.contains_key(DEVICE));
    let home = browser.get("/").await.expect(200);
    for told in ["You run this installation", "doorward client add", "doorward user add", "grace"] {
        assert!(home.body.contains(told), "{told}: {}", home.body);
    }
    assert!(!house.get("/").await.body.contains("You run this installation"));
    assert!(!house.get("/").await.body.contains("Nobody runs this installation yet"));
    // Neither again nor by another link.
    for path in [&first, &older] {
        house.get(path).await.error_page(400);
        house.browser().post("/setup", &form(token_of(path), "heidi")).await.error_page(400);
    }
    assert!(house.provider.find_user("heidi").await.is_err());
    assert!(house.provider.setup_link(&mut new_ctx(None)).await.unwrap().is_none());
}

#[tokio::test]
async fn two_at_once_create_one_owner() {
    let house = House::open().await;
    for links in [1, 2] {
        let house = if links == 1 { &house } else { &House::open().await };
        let mut tokens = vec![link(house).await];
        if links == 2 {
            tokens.push(link(house).await);
        } else {
            tokens.push(tokens[0].clone());
        }
        let attempts = tokens.iter().zip(["grace", "heidi"]).map(|(path, username)| async move {
            house.browser().post("/setup", &form(token_of(path), username)).await.status.as_u16()
        });
        let mut statuses = house.at_once(attempts).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 400], "{links} links");
    }
}

#[tokio::test]
async fn the_link_ends_after_a_day_and_is_good_to_the_letter() {
    let house = House::open().await;
    let path = link(&house).await;
    for bad in [
        "/setup",
        "/setup?token=",
        "/setup?token=nonsense",
        &path.to_uppercase().replace("/SETUP?TOKEN", "/setup?token"),
    ] {
        house.get(bad).await.error_page(400);
    }
    let tampered = crate::house::tampered(token_of(&path), 1);
    house.browser().post("/setup", &form(&tampered, "grace")).await.error_page(400);
    pass_seconds(86_399);
    house.get(&path).await.expect(200);
    pass_seconds(1);
    house.get(&path).await.error_page(400);
    house.browser().post("/setup", &form(token_of(&path), "grace")).await.error_page(400);
}

#[tokio::test]
async fn a_form_from_elsewhere_creates_no_owner() {
    let house = House::open().await;
    let path = link(&house).await;
    for from in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        house.browser().post_with("/setup", &form(token_of(&path), "grace"), &[from]).await.error_page(403);
    }
    house.get(&path).await.expect(200);
}
