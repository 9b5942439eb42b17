//! `/.well-known/..`

use crate::house::{House, ISSUER};

#[tokio::test]
async fn oidc_discovery_3_the_document() {
    let house = House::open().await;
    let answer = house.get("/.well-known/openid-configuration").await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    insta::assert_json_snapshot!(answer.json());
    // RFC 8414 section 3: the same for plain OAuth clients.
    assert_eq!(house.get("/.well-known/oauth-authorization-server").await.expect(200).json(), answer.json());
}

#[tokio::test]
async fn oidc_discovery_3_what_it_names_is_there() {
    let house = House::open().await;
    house.make_every_key().await;
    let document = house.get("/.well-known/openid-configuration").await.json();
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let path = value.as_str().unwrap().strip_prefix(ISSUER).unwrap();
            assert_ne!(house.get(path).await.status, 404, "{name}");
        }
    }
}

#[tokio::test]
async fn initiating_user_registration_3_create_is_offered_only_where_it_works() {
    let house = House::with(|plan| plan.settings.registration_open = true).await;
    let document = house.get("/.well-known/openid-configuration").await.json();
    assert!(document["prompt_values_supported"].as_array().unwrap().contains(&"create".into()));
}
