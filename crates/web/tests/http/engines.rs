//! The whole way of a sign-in on every engine: what a browser and a client see does not depend on where state is kept.

use crate::house::{House, PASSWORD, Tokens, claims_of, encoded, pass_seconds};
use crate::nodes::databases;

#[tokio::test]
async fn from_the_first_page_to_the_logout_on_every_engine() {
    for (engine, shared) in databases().await {
        println!("{engine}");
        let [one, other] = shared.stores.clone();
        // Each request may meet another node.
        let (one, other) = (&House::node(one, 1).await, &House::node(other, 2).await);
        let alice = one.add_user("alice").await;
        let notes = &one.register("notes", |client| client.consent = protocol::ConsentPolicy::Required).await;

        let mut browser = one.browser();
        let page = browser.authorize(&notes.request(&[("scope", "openid offline_access")])).await.expect(200);
        let page = browser.sign_in(&page, "alice", "wrong").await;
        assert!(page.body.contains("/sign-in"), "{engine}: a wrong password");
        let page = browser.sign_in(&page, "alice", PASSWORD).await;
        assert!(page.body.contains("/consent"), "{engine}: {}", page.body);
        let answer = browser.decide(&page, "allow").await;
        assert_eq!(answer.says("state"), "st-1");

        let code = answer.says("code");
        let tokens = notes.redeem(other, &code).await;
        let tokens = Tokens::of(&tokens);
        assert_eq!(claims_of(&tokens.id_token)["sub"], alice.id.to_string());
        assert_eq!(claims_of(&tokens.id_token)["nonce"], "n-1");
        assert_eq!(one.userinfo(&tokens.access_token).await.expect(200).json()["sub"], alice.id.to_string());

        pass_seconds(60);
        let refreshed = Tokens::of(&notes.refresh(one, &tokens.refresh_token).await);
        for house in [one, other] {
            let said = notes.introspect(house, &refreshed.access_token).await.expect(200).json();
            assert_eq!(
                (said["active"].as_bool(), &said["sub"]),
                (Some(true), &alice.id.to_string().into()),
                "{engine}"
            );
        }

        // The second time, nothing is asked; the code's tokens are revoked, and nobody else's.
        let again = browser.authorize(&notes.request(&[])).await;
        let again = Tokens::of(&notes.redeem(one, &again.says("code")).await);
        notes.revoke(one, &refreshed.refresh_token).await.expect(200);
        notes.refresh(other, &refreshed.refresh_token).await.refused(400, "invalid_grant");
        assert_eq!(notes.introspect(one, &refreshed.access_token).await.json()["active"], false);
        one.userinfo(&again.access_token).await.expect(200);

        let bye = [
            ("id_token_hint", again.id_token.as_str()),
            ("post_logout_redirect_uri", "https://notes.example/bye"),
        ];
        let answer = browser.get(&format!("/oauth2/logout?{}", encoded(&bye))).await;
        assert_eq!(answer.location(), "https://notes.example/bye");
        one.userinfo(&again.access_token).await.refused(401, "invalid_token");
        let page = browser.authorize(&notes.request(&[])).await.expect(200);
        assert!(page.body.contains("/sign-in"), "{engine}: signed out");
    }
}
