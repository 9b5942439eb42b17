//! `/assets/..`

use crate::house::House;

#[tokio::test]
async fn every_file_is_served_for_ever_under_its_own_name() {
    let house = House::open().await;
    for asset in web::assets::ASSETS {
        let answer = house.get(asset.path).await.expect(200);
        assert_eq!(answer.body.as_bytes(), asset.body);
        assert_eq!(answer.header("content-type"), asset.content_type);
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    }
    for missing in ["/assets/doorward.css", "/assets/..%2fCargo.toml", "/assets/../Cargo.toml", "/assets/"] {
        house.get(missing).await.expect(404);
    }
}

#[tokio::test]
async fn pages_load_nothing_that_is_not_served() {
    let house = House::open().await;
    let notes = house.notes().await;
    let page = house.browser().authorize(&notes.request(&[])).await.expect(200);
    let mut loaded = 0;
    for path in page.body.split('"').filter(|text| text.starts_with("/assets/")) {
        house.get(path).await.expect(200);
        loaded += 1;
    }
    assert!(loaded >= 3, "{}", page.body);
}
