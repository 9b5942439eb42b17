//! Resource indicators (RFC 8707): tokens that are for one resource and no other.

use crate::house::{Device, House, PASSWORD, RelyingParty, Tokens, claims_of, television};
use protocol::{Client, GrantType, Scope};
use serde_json::{Value, json};

const ORDERS: &str = "https://orders.example/";
const MAIL: &str = "urn:example:mail";
const OTHERS: &str = "https://others.example/";
const MACHINE: (&str, &str) = ("grant_type", "client_credentials");

fn for_both(client: &mut Client) {
    client.audience = vec![ORDERS.into(), MAIL.into()];
}

async fn machine(house: &House) -> RelyingParty {
    let register = |client: &mut Client| {
        client.grant_types = [GrantType::ClientCredentials].into();
        client.scope = Scope::parse("orders:read").unwrap();
        for_both(client);
    };
    house.register("machine", register).await
}

fn audience(tokens: &Tokens) -> Value {
    claims_of(&tokens.access_token)["aud"].clone()
}

#[tokio::test]
async fn rfc8707_2_2_a_token_is_for_the_resources_asked_for_and_no_others() {
    let house = House::open().await;
    let machine = machine(&house).await;
    let resource = |resource| ("resource", resource);
    for (asked, expected) in [
        (vec![], json!([ORDERS, MAIL])),
        (vec![resource(ORDERS)], json!(ORDERS)),
        (vec![resource(MAIL), resource(ORDERS)], json!([MAIL, ORDERS])),
        (vec![resource(MAIL), resource(""), resource(MAIL)], json!(MAIL)),
    ] {
        let form: Vec<_> = [MACHINE].into_iter().chain(asked).collect();
        let tokens = Tokens::of(&machine.token(&house, &form).await);
        assert_eq!(audience(&tokens), expected);
        assert_eq!(machine.introspect(&house, &tokens.access_token).await.json()["aud"], expected);
    }
}

#[tokio::test]
async fn rfc8707_2_a_resource_that_is_malformed_or_not_the_clients_is_an_invalid_target() {
    let house = House::open().await;
    let machine = machine(&house).await;
    for bad in [OTHERS, "https://orders.example", "orders", "https://orders.example/#part", "/orders", "a b"]
    {
        machine.token(&house, &[MACHINE, ("resource", bad)]).await.refused(400, "invalid_target");
        let both = [MACHINE, ("resource", ORDERS), ("resource", bad)];
        machine.token(&house, &both).await.refused(400, "invalid_target");
    }
    // Without registered audiences there is the issuer, and nothing else to ask for.
    let plain = house.notes().await;
    let code = house.browser().code_for(&plain, "alice").await;
    let mut form = plain.redemption(&code);
    form.push(("resource", ORDERS));
    plain.token(&house, &form).await.refused(400, "invalid_target");
    form.pop();
    form.push(("resource", crate::house::ISSUER));
    // The code was not spent by the mistake.
    assert_eq!(audience(&Tokens::of(&plain.token(&house, &form).await)), crate::house::ISSUER);
}

#[tokio::test]
async fn rfc8707_2_1_the_authorization_request_says_what_the_grant_is_for() {
    let house = House::open().await;
    let notes = house.register("notes", for_both).await;
    let tokens = notes.tokens_for(&house, "alice", &[("resource", ORDERS)]).await;
    assert_eq!(audience(&tokens), ORDERS);
    let next = Tokens::of(&notes.refresh(&house, &tokens.refresh_token).await);
    assert_eq!(audience(&next), ORDERS);
    let refresh = |resource| {
        vec![("grant_type", "refresh_token"), ("refresh_token", &next.refresh_token), ("resource", resource)]
    };
    // The client may ask for it, but this grant is not for it.
    notes.token(&house, &refresh(MAIL)).await.refused(400, "invalid_target");
    assert_eq!(audience(&Tokens::of(&notes.token(&house, &refresh(ORDERS)).await)), ORDERS);
}

#[tokio::test]
async fn rfc8707_2_2_a_refresh_narrows_one_token_and_not_the_grant() {
    let house = House::open().await;
    let notes = house.register("notes", for_both).await;
    let mut request = notes.request(&[("resource", ORDERS)]);
    request.push(("resource", MAIL.to_owned()));
    let code = house.browser().answer_for(&request, "alice").await.says("code");
    let mut form = notes.redemption(&code);
    form.push(("resource", MAIL));
    let first = Tokens::of(&notes.token(&house, &form).await);
    assert_eq!(audience(&first), MAIL);
    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", &first.refresh_token), ("resource", ORDERS)];
    let second = Tokens::of(&notes.token(&house, &refresh).await);
    assert_eq!(audience(&second), ORDERS);
    let third = Tokens::of(&notes.refresh(&house, &second.refresh_token).await);
    assert_eq!(audience(&third), json!([ORDERS, MAIL]));
    // What is taken from the client is taken from its grants.
    house.change_client(&notes, |client| client.audience = vec![ORDERS.into()]).await;
    notes.refresh(&house, &third.refresh_token).await.refused(400, "invalid_target");
    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", &third.refresh_token), ("resource", ORDERS)];
    assert_eq!(audience(&Tokens::of(&notes.token(&house, &refresh).await)), ORDERS);
}

#[tokio::test]
async fn rfc8707_2_1_a_bad_resource_is_told_to_the_client_by_redirect() {
    let house = House::open().await;
    let notes = house.register("notes", for_both).await;
    for bad in [OTHERS, "orders", "https://orders.example/#part"] {
        let answer = house.browser().authorize(&notes.request(&[("resource", bad)])).await;
        assert_eq!(answer.says("error"), "invalid_target", "{bad}");
        assert_eq!(answer.says("state"), "st-1");
    }
    // In a form, and sent on by GET, both arrive.
    let mut request = notes.request(&[("resource", ORDERS)]);
    request.push(("resource", MAIL.to_owned()));
    let pairs: Vec<_> = request.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut browser = house.browser();
    let sent_on = browser.post("/oauth2/authorize", &pairs).await;
    let page = browser.followed(sent_on).await.expect(200);
    let code = browser.sign_in(&page, "alice", PASSWORD).await.says("code");
    let tokens = Tokens::of(&notes.redeem(&house, &code).await);
    assert_eq!(claims_of(&tokens.access_token)["aud"], json!([ORDERS, MAIL]));
}

#[tokio::test]
async fn rfc8707_2_a_device_says_what_its_grant_is_for() {
    let house = House::open().await;
    let register = |client: &mut Client| {
        television(client);
        for_both(client);
    };
    let tv = house.register_public("tv", register).await;
    let asked = [("scope", "films:watch"), ("resource", ORDERS), ("resource", MAIL)];
    let device = Device::of(&tv, tv.device_authorization(&house, &asked).await);
    house.browser().bring_in(&device, "alice", "allow").await.expect(200);
    let tokens = Tokens::of(&device.poll(&house).await);
    assert_eq!(audience(&tokens), json!([ORDERS, MAIL]));
    for bad in [OTHERS, "films"] {
        let answer = tv.device_authorization(&house, &[("scope", "films:watch"), ("resource", bad)]).await;
        answer.refused(400, "invalid_target");
    }
}

#[tokio::test]
async fn a_scope_of_the_same_name_opens_no_resource_server_that_the_client_is_not_registered_for() {
    use crate::oauth2::validate::{ORDERS, add_orders};
    let house = House::open().await;
    add_orders(&house).await;
    let (machine, form) = (machine(&house).await, [MACHINE, ("resource", ORDERS)]);
    machine.token(&house, &form).await.refused(400, "invalid_target");
    house.change_client(&machine, |client| client.audience.push(ORDERS.to_owned())).await;
    assert_eq!(audience(&Tokens::of(&machine.token(&house, &form).await)), ORDERS);
}
