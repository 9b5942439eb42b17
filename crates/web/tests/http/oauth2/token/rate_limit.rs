//! How often one client may ask for tokens.

use crate::house::{House, RelyingParty, pass};
use protocol::{Client, GrantType};
use std::time::Duration;

const GRANT: [(&str, &str); 1] = [("grant_type", "client_credentials")];

async fn machine(house: &House, id: &str, limit: Option<&str>) -> RelyingParty {
    let register = |client: &mut Client| {
        client.grant_types = [GrantType::ClientCredentials].into();
        client.rate_limit = limit.map(|limit| limit.parse().unwrap());
    };
    house.register(id, register).await
}

#[tokio::test]
async fn rfc6585_4_a_client_that_asks_too_often_is_told_when_to_come_again() {
    let house = House::open().await;
    let slow = machine(&house, "slow", Some("2/min")).await;
    let free = machine(&house, "free", None).await;
    for _ in 0..2 {
        slow.token(&house, &GRANT).await.expect(200);
    }
    let answer = slow.token(&house, &GRANT).await.refused(429, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "30");
    // Only at the token endpoint, and nobody else.
    slow.introspect(&house, "anything").await.expect(200);
    for _ in 0..20 {
        free.token(&house, &GRANT).await.expect(200);
    }
    pass(Duration::from_millis(29_999));
    assert_eq!(
        slow.token(&house, &GRANT).await.refused(429, "temporarily_unavailable").header("retry-after"),
        "1"
    );
    pass(Duration::from_millis(1));
    slow.token(&house, &GRANT).await.expect(200);
}

#[tokio::test]
async fn whoever_cannot_prove_to_be_the_client_does_not_use_up_its_budget() {
    let house = House::open().await;
    let slow = machine(&house, "slow", Some("1/min")).await;
    let thief = RelyingParty { secret: Some("wrong".to_owned()), ..slow.clone() };
    for _ in 0..5 {
        thief.token(&house, &GRANT).await.refused(401, "invalid_client");
    }
    slow.token(&house, &GRANT).await.expect(200);
    // A request that fails counts as well.
    house.change_client(&slow, |client| client.rate_limit = Some("2/s".parse().unwrap())).await;
    slow.token(&house, &[("grant_type", "nonsense")]).await.refused(400, "unsupported_grant_type");
    slow.token(&house, &GRANT).await.expect(200);
    slow.token(&house, &GRANT).await.refused(429, "temporarily_unavailable");
}
