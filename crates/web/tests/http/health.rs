//! `/health/..`

use crate::house::House;

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
