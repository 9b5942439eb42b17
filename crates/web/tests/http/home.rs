//! `/`

use crate::house::{House, ISSUER};

#[tokio::test]
async fn the_front_door_says_who_is_signed_in() {
    let house = House::open().await;
    let notes = house.notes().await;
    let page = house.get("/").await.expect(200);
    assert!(page.body.contains(ISSUER) && !page.body.contains("You are signed in as"));
    let page = house.signed_in(&notes, "alice").await.get("/").await.expect(200);
    assert!(page.body.contains("You are signed in as <b>alice Example</b>"), "{}", page.body);
}

#[tokio::test]
async fn what_does_not_exist_is_a_page_for_people_and_a_problem_for_programs() {
    let house = House::open().await;
    house.browser().get("/nowhere").await.error_page(404);
    let problem = house.get("/nowhere").await.expect(404);
    assert_eq!(problem.header("content-type"), "application/problem+json");
    let problem = house.post("/health/live", &[]).await.expect(405);
    assert_eq!(problem.header("content-type"), "application/problem+json");
}
