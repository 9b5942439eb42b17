//! An issuer below a path (RFC 8414 section 3.1): whatever leads to another address of ours leads below the path.

use crate::house::{House, PASSWORD, encoded};
use axum::body::Body;
use http::Request;

const BELOW: &str = "https://id.example/auth";

async fn house() -> House {
    let house = House::with(|plan| plan.settings.issuer = BELOW.to_owned()).await;
    house.make_every_key().await;
    house
}

#[tokio::test]
async fn rfc8414_3_1_the_metadata_is_wherever_clients_look_for_it() {
    let house = house().await;
    let document = house.get("/auth/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(document["issuer"], BELOW);
    for path in [
        "/.well-known/oauth-authorization-server/auth",
        "/.well-known/openid-configuration/auth",
        "/auth/.well-known/oauth-authorization-server",
    ] {
        let answer = house
            .send(Request::get(path).header("origin", "https://spa.example").body(Body::empty()).unwrap())
            .await
            .expect(200);
        assert_eq!(answer.json(), document, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "https://spa.example", "{path}");
    }
    house.get("/.well-known/openid-configuration/other").await.expect(404);
    house.get("/authx/.well-known/openid-configuration").await.expect(404);
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let url = value.as_str().unwrap();
            assert!(url.starts_with("https://id.example/auth/"), "{name}: {url}");
            let path = url.strip_prefix("https://id.example").unwrap();
            assert_ne!(house.get(path).await.status, 404, "{name}");
        }
    }
    // Programs may call by an inner name, without the path.
    house.get("/oauth2/jwks").await.expect(200);
}

#[tokio::test]
async fn a_person_signs_in_below_a_path_and_every_link_form_and_cookie_stays_there() {
    let house = house().await;
    let notes = house.notes().await;
    let mut browser = house.browser();
    let request = notes.request(&[]);
    let pairs: Vec<_> = request.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut answer = browser.get(&format!("/auth/oauth2/authorize?{}", encoded(&pairs))).await;
    let mut cookies = Vec::new();
    for _ in 0..4 {
        cookies.extend(answer.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap().to_owned()));
        if answer.status != 303 {
            break;
        }
        assert!(answer.location().starts_with("/auth/"), "{}", answer.location());
        let next = answer.location().to_owned();
        answer = browser.get(&next).await;
    }
    let page = answer.expect(200);
    for attribute in ["href=\"", "action=\"", "src=\""] {
        for link in page.body.split(attribute).skip(1).filter(|link| link.starts_with('/')) {
            let link = link.split('"').next().unwrap();
            assert!(link.starts_with("/auth/"), "{link}");
            if !attribute.starts_with("action") {
                assert_ne!(browser.get(link).await.status, 404, "{link}");
            }
        }
    }
    assert!(page.body.contains(r#"action="/auth/sign-in?interaction="#), "{}", page.body);

    let interaction = page.hidden("interaction");
    let form = [("interaction", interaction.as_str()), ("username", "alice"), ("password", PASSWORD)];
    let signed_in = browser.post("/auth/sign-in", &form).await;
    cookies.extend(signed_in.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap().to_owned()));
    assert!(signed_in.location().starts_with("https://notes.example/cb?"), "{}", signed_in.location());
    assert!(!signed_in.says("code").is_empty());
    assert_eq!(signed_in.says("iss"), BELOW);
    assert!(cookies.iter().any(|cookie| cookie.starts_with("__Secure-doorward-session=")), "{cookies:?}");
    for cookie in &cookies {
        assert!(cookie.starts_with("__Secure-") && cookie.contains("; Path=/auth; "), "{cookie}");
        assert!(cookie.split("; ").any(|attribute| attribute == "Secure"), "{cookie}");
    }
    // A form from our own origin, as a browser without Fetch Metadata sends it, and one from another.
    let form = [("interaction", "x")];
    for (origin, status) in [("https://id.example", 400), ("https://evil.example", 403)] {
        let answer = browser.post_with("/auth/sign-in/cancel", &form, &[("origin", origin)]).await;
        assert_eq!(answer.status, status, "{origin}");
    }
    let home = browser.get("/auth").await.expect(200);
    assert!(home.body.contains(r#"href="/auth/oauth2/logout""#), "{}", home.body);
}
