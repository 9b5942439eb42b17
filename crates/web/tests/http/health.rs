//! `/health/..`

use crate::house::House;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn alive_at_once_ready_when_every_key_is_made_and_not_when_storage_is_closed() {
    let house = House::open().await;
    assert_eq!(house.get("/health/live").await.expect(200).body, "ok\n");
    let waiting = house.get("/health/ready").await.expect(503);
    assert_eq!(waiting.json()["detail"], "signing keys are still being made");
    house.make_every_key().await;
    assert_eq!(house.get("/health/ready").await.expect(200).body, "ok\n");
    house.provider.store().close().await;
    house.get("/health/ready").await.expect(503);
    house.get("/health/live").await.expect(200);
}

#[tokio::test]
async fn a_server_that_stops_is_not_ready_and_still_answers() {
    let leaving = CancellationToken::new();
    let house = House::with(|plan| plan.leaving = leaving.clone()).await;
    house.make_every_key().await;
    house.get("/health/ready").await.expect(200);
    leaving.cancel();
    let refused = house.get("/health/ready").await.expect(503);
    assert_eq!(refused.json()["detail"], "this server is stopping");
    house.get("/health/live").await.expect(200);
    house.get("/.well-known/openid-configuration").await.expect(200);
}
