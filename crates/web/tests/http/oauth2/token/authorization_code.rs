//! `grant_type=authorization_code`

use crate::house::{House, Tokens};

#[tokio::test]
async fn rfc6749_4_1_the_whole_way() {
    let house = House::open().await;
    let notes = house.notes().await;
    let code = house.browser().code_for(&notes, "alice").await;
    let tokens = Tokens::of(&notes.redeem(&house, &code).await);
    let userinfo = house.userinfo(&tokens.access_token).await.expect(200).json();
    assert_eq!(userinfo["sub"], house.user("alice").await.id.to_string());
}
