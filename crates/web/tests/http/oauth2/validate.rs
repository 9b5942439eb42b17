//! `/oauth2/validate`: what a gateway asks (RFC 6750).

use crate::house::{Answer, House, RelyingParty, encoded, new_ctx, pass_seconds};
use axum::body::Body;
use http::Request;
use protocol::{GrantType, ResourceIndicator, ResourceServer, Scope, SubscriptionStatus};

pub(crate) const ORDERS: &str = "https://orders.example";
pub(crate) const RULES: [&str; 6] = [
    "GET /orders = orders:read",
    "GET,PUT /orders/{id} = orders:read",
    "POST /orders = orders:write",
    "GET /me = authenticated",
    "/health = public",
    "/admin/** = orders:admin",
];

pub(crate) fn resource_server(identifier: &str, rules: &[&str]) -> ResourceServer {
    let mut server = ResourceServer::new(ResourceIndicator::parse(identifier).unwrap(), "API");
    server.rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    server
}

pub(crate) async fn add_orders(house: &House) {
    house.provider.add_resource_server(&new_ctx(None), resource_server(ORDERS, &RULES)).await.unwrap();
}

pub(crate) async fn machine(house: &House, id: &str, audience: &str) -> RelyingParty {
    house
        .register(id, |client| {
            client.grant_types = [GrantType::ClientCredentials].into();
            client.scope = Scope::parse("orders:read orders:write mail:send").unwrap();
            client.audience = vec![audience.to_owned()];
        })
        .await
}

pub(crate) async fn token(house: &House, machine: &RelyingParty, scope: &str) -> String {
    let form = [("grant_type", "client_credentials"), ("scope", scope)];
    machine.token(house, &form).await.expect(200).json()["access_token"].as_str().unwrap().to_owned()
}

/// Asks as a gateway does whose configuration names the resource server.
pub(crate) async fn ask(house: &House, request: &str, headers: &[(&str, &str)]) -> Answer {
    let (method, uri) = request.split_once(' ').unwrap();
    let told = [("x-original-method", method), ("x-original-uri", uri)];
    let path = format!("/oauth2/validate?{}", encoded(&[("resource", ORDERS)]));
    send(house, Request::get(path), &[&told[..], headers].concat()).await
}

async fn send(house: &House, request: http::request::Builder, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    house.send(request.body(Body::empty()).unwrap()).await
}

pub(crate) fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

async fn with(house: &House, request: &str, token: &str) -> Answer {
    let (name, value) = bearer(token);
    ask(house, request, &[(name, &value)]).await
}

fn identity(answer: &Answer) -> [&str; 4] {
    ["x-auth-subject", "x-auth-client", "x-auth-scope", "x-auth-type"].map(|name| answer.header(name))
}

/// Organization, service, plan and features, as the gateway hands them on.
pub(crate) fn standing(answer: &Answer) -> [&str; 4] {
    ["x-auth-org", "x-auth-service", "x-auth-plan", "x-auth-features"].map(|name| answer.header(name))
}

#[tokio::test]
async fn rfc6750_3_1_without_a_credential_there_is_a_challenge_and_no_error_code() {
    let house = House::open().await;
    add_orders(&house).await;
    let answer = ask(&house, "GET /orders/5?x=1", &[]).await.expect(401);
    assert_eq!(
        answer.header("www-authenticate"),
        r#"Bearer realm="https://orders.example", scope="orders:read""#
    );
    assert_eq!(answer.body, "");
    // Another scheme's credentials are none.
    let basic = ask(&house, "GET /me", &[("authorization", "Basic YTpi")]).await.expect(401);
    assert_eq!(basic.header("www-authenticate"), r#"Bearer realm="https://orders.example""#);
}

#[tokio::test]
async fn a_good_token_passes_with_identity_headers_and_nothing_is_read_or_written_again() {
    let house = House::open().await;
    add_orders(&house).await;
    let robot = machine(&house, "robot", ORDERS).await;
    let good = token(&house, &robot, "orders:read mail:send").await;
    let answer = with(&house, "GET /orders/5", &good).await.expect(204);
    // The scope of another resource server is not told.
    assert_eq!(identity(&answer), ["robot", "robot", "orders:read", "client"]);
    assert_eq!(answer.header("cache-control"), "no-store");

    let notes = house.register("notes", |client| {
        client.audience = vec![ORDERS.to_owned()];
        client.scope = client.scope.union(&Scope::parse("orders:read").unwrap());
    });
    let tokens = notes.await.tokens_for(&house, "alice", &[("scope", "openid orders:read")]).await;
    let alice = house.user("alice").await.id.to_string();
    let answer = with(&house, "HEAD /orders", &tokens.access_token).await.expect(204);
    assert_eq!(identity(&answer), [alice.as_str(), "notes", "orders:read", "user"]);

    let (_, verified) = house.provider.token_cache_counts();
    let commands = house.provider.store().stats().commands;
    // With its storage closed, a known token passes still.
    house.provider.store().close().await;
    with(&house, "PUT /orders/7", &good).await.expect(204);
    assert_eq!(house.provider.token_cache_counts().1, verified);
    assert_eq!(house.provider.store().stats().commands, commands);
}

#[tokio::test]
async fn a_service_and_how_its_user_stands_with_it_now_are_handed_on() {
    let house = House::open().await;
    add_orders(&house).await;
    let notes = house.notes_of_acme().await;
    let for_orders = async |client: &RelyingParty| {
        house
            .change_client(client, |client| {
                client.audience = vec![ORDERS.to_owned()];
                client.scope = client.scope.union(&Scope::parse("orders:read").unwrap());
                client.grant_types.insert(GrantType::ClientCredentials);
            })
            .await;
    };
    for_orders(&notes).await;
    let tokens = notes.tokens_for(&house, "alice", &[("scope", "openid orders:read")]).await;
    let asked = async || with(&house, "GET /orders", &tokens.access_token).await.expect(204);
    assert_eq!(standing(&asked().await), ["acme", "notes", "free", r#"["read"]"#]);
    house.subscribe("alice", "acme/notes/pro", SubscriptionStatus::Active, None).await;
    assert_eq!(standing(&asked().await), ["acme", "notes", "pro", r#"["read","export"]"#]);
    // Of what was told before, no row is read.
    house.provider.store().close().await;
    assert_eq!(standing(&asked().await), ["acme", "notes", "pro", r#"["read","export"]"#]);
    let house = house.restart().await;

    // A client that speaks for itself has no plan, and one of no service nothing to tell.
    let itself = token(&house, &notes, "orders:read").await;
    assert_eq!(standing(&with(&house, "GET /orders", &itself).await.expect(204)), ["acme", "notes", "", ""]);
    let robot = machine(&house, "robot", ORDERS).await;
    let robots = token(&house, &robot, "orders:read").await;
    assert_eq!(standing(&with(&house, "GET /orders", &robots).await.expect(204)), [""; 4]);

    // Who left the service takes it along, older tokens included.
    house.change_client(&notes, |client| client.service = None).await;
    let answer = with(&house, "GET /orders", &tokens.access_token).await.expect(204);
    assert_eq!((identity(&answer)[3], standing(&answer)), ("user", [""; 4]));
}

#[tokio::test]
async fn rfc6750_3_1_a_weak_token_is_told_which_scope_is_missing() {
    let house = House::open().await;
    add_orders(&house).await;
    let robot = machine(&house, "robot", ORDERS).await;
    let weak = token(&house, &robot, "orders:read").await;
    for (request, scope) in [("POST /orders", "orders:write"), ("DELETE /admin/x/y", "orders:admin")] {
        let answer = with(&house, request, &weak).await.refused(403, "insufficient_scope");
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.starts_with(&format!(
                r#"Bearer realm="{ORDERS}", scope="{scope}", error="insufficient_scope", error_description=""#
            )),
            "{challenge}"
        );
    }
    with(&house, "GET /me", &token(&house, &robot, "mail:send").await).await.expect(204);
}

#[tokio::test]
async fn rfc6750_3_1_a_wrong_expired_or_revoked_token_and_rfc9068_4_one_for_somebody_else_are_invalid() {
    let house = House::open().await;
    add_orders(&house).await;
    let robot = machine(&house, "robot", ORDERS).await;
    let other = machine(&house, "other", "https://mail.example").await;
    let revoked = token(&house, &robot, "orders:read").await;
    with(&house, "GET /orders", &revoked).await.expect(204);
    robot.revoke(&house, &revoked).await.expect(200);
    let (good, foreign) =
        (token(&house, &robot, "orders:read").await, token(&house, &other, "orders:read").await);
    for bad in ["nonsense", &revoked, &foreign, &crate::house::tampered(&good, 2)] {
        let answer = with(&house, "GET /orders", bad).await.refused(401, "invalid_token");
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.contains(r#"error="invalid_token""#) && challenge.contains("orders:read"),
            "{challenge}"
        );
    }
    let malformed = ask(&house, "GET /orders", &[("authorization", "Bearer a b")]).await;
    malformed.refused(401, "invalid_token");
    pass_seconds(600);
    with(&house, "GET /orders", &good).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn rfc6750_2_a_credential_comes_once() {
    let house = House::open().await;
    add_orders(&house).await;
    let robot = machine(&house, "robot", ORDERS).await;
    let (name, good) = bearer(&token(&house, &robot, "orders:read").await);
    for headers in [
        vec![(name, good.as_str()), (name, &good)],
        vec![(name, &good), ("x-api-key", "x")],
        vec![("x-api-key", "x"); 2],
    ] {
        ask(&house, "GET /orders", &headers).await.refused(401, "invalid_request");
        // Where nobody is asked, nothing is wrong with it.
        ask(&house, "GET /health", &headers).await.expect(204);
    }
    ask(&house, "GET /orders", &[(name, &good), ("authorization", "Basic YTpi")])
        .await
        .refused(401, "invalid_request");
}

#[tokio::test]
async fn a_public_request_passes_and_its_identity_headers_are_there_and_empty() {
    let house = House::open().await;
    add_orders(&house).await;
    for headers in [&[][..], &[("authorization", "Bearer nonsense")]] {
        let answer = ask(&house, "DELETE /health/", headers).await.expect(204);
        assert_eq!((identity(&answer), standing(&answer)), ([""; 4], [""; 4]));
        let there = answer.headers.keys().filter(|name| name.as_str().starts_with("x-auth-")).count();
        assert_eq!(there, 8);
    }
}

#[tokio::test]
async fn what_no_rule_admits_is_refused_whoever_asks() {
    let house = House::open().await;
    add_orders(&house).await;
    let robot = machine(&house, "robot", ORDERS).await;
    let good = token(&house, &robot, "orders:read orders:write").await;
    for request in [
        "GET /unknown",
        "DELETE /orders",
        "get /orders",
        "GET /orders/5/lines",
        "GET /health/../admin",
        "GET /health/%2e%2e/admin",
        "GET //health",
        "GET /health;x",
        "GET /orders%2f5",
        "GET /%6fr%64ers/..",
        "GET orders",
        "GET ",
    ] {
        let answer = with(&house, request, &good).await.refused(403, "access_denied");
        assert!(!answer.headers.contains_key("www-authenticate"), "{request}");
        ask(&house, request, &[]).await.refused(403, "access_denied");
    }
    with(&house, "GET /%6frders/%35", &good).await.expect(204);
}

#[tokio::test]
async fn the_resource_server_is_named_by_the_gateway_or_found_by_the_host() {
    let house = House::open().await;
    add_orders(&house).await;
    let mut mail = resource_server("urn:example:mail", &["/** = public"]);
    mail.hosts = vec!["mail.example".to_owned()];
    house.provider.add_resource_server(&new_ctx(None), mail.clone()).await.unwrap();
    let forwarded = |host: &'static str| {
        [("x-forwarded-method", "GET"), ("x-forwarded-uri", "/health?a=b"), ("x-forwarded-host", host)]
    };
    let asked = |path: &'static str, host| {
        let house = &house;
        async move { send(house, Request::get(path), &forwarded(host)).await.status.as_u16() }
    };
    for (path, host, status) in [
        ("/oauth2/validate", "mail.example", 204),
        ("/oauth2/validate", "MAIL.example:8443", 204),
        ("/oauth2/validate", "orders.example", 204),
        ("/oauth2/validate", "unknown.example", 403),
        ("/oauth2/validate", "", 403),
        ("/oauth2/validate?resource=urn:example:mail", "unknown.example", 204),
        ("/oauth2/validate?resource=urn:example:unknown", "mail.example", 403),
        ("/oauth2/validate?resource=urn:example:mail&resource=urn:example:mail", "mail.example", 403),
    ] {
        assert_eq!(asked(path, host).await, status, "{path} {host}");
    }
    // A second one under the same host: who is meant cannot be told.
    let mut second = resource_server("urn:example:letters", &["/** = public"]);
    second.hosts = mail.hosts.clone();
    house.provider.add_resource_server(&new_ctx(None), second).await.unwrap();
    assert_eq!(asked("/oauth2/validate", "mail.example").await, 403);
    house.provider.remove_resource_server(&new_ctx(None), mail.identifier).await.unwrap();
    assert_eq!(asked("/oauth2/validate", "mail.example").await, 204);
}

#[tokio::test]
async fn a_request_told_twice_or_by_halves_is_refused() {
    let house = House::open().await;
    add_orders(&house).await;
    let path = "/oauth2/validate?resource=https://orders.example";
    let original = [("x-original-method", "GET"), ("x-original-uri", "/health")];
    let forwarded = [("x-forwarded-method", "GET"), ("x-forwarded-uri", "/health")];
    let url = [("x-original-method", "GET"), ("x-original-url", "https://any.example/health?x")];
    for (told, status) in [
        (original.to_vec(), 204),
        (forwarded.to_vec(), 204),
        (url.to_vec(), 204),
        // A client that adds the other family, its own word beside the gateway's.
        ([original, forwarded].concat(), 403),
        ([original, url].concat(), 403),
        ([original, original].concat(), 403),
        // The other family's method does not count.
        (vec![original[1], forwarded[0]], 403),
        (vec![original[0], forwarded[1]], 403),
        (vec![original[1]], 403),
        (vec![original[0]], 403),
        (vec![original[0], ("x-original-url", "https://any.example")], 403),
        (Vec::new(), 403),
    ] {
        let answer = send(&house, Request::post(path), &told).await;
        assert_eq!(answer.status.as_u16(), status, "{told:?}");
    }
}

#[tokio::test]
async fn envoys_way_of_asking_takes_the_request_for_what_it_is() {
    let house = House::open().await;
    add_orders(&house).await;
    let robot = machine(&house, "robot", ORDERS).await;
    let (name, good) = bearer(&token(&house, &robot, "orders:read").await);
    let (host, word) = (("host", "orders.example"), (name, good.as_str()));
    // What a client says in headers or in the query does not count here.
    let forged =
        [("x-original-method", "GET"), ("x-original-uri", "/health"), ("x-forwarded-host", "any.example")];
    for (method, path, status) in [
        ("GET", "/oauth2/validate/orders/5?resource=urn:other", 200),
        ("POST", "/oauth2/validate/orders", 403),
        ("GET", "/oauth2/validate/health", 200),
        ("PURGE", "/oauth2/validate/orders", 403),
        ("GET", "/oauth2/validate/", 403),
        ("GET", "/oauth2/validate//health", 403),
        ("GET", "/oauth2/validate/health/../admin", 403),
    ] {
        let request = Request::builder().method(method).uri(path);
        let answer = send(&house, request, &[&forged[..], &[host, word]].concat()).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
    }
    let request = Request::get("/oauth2/validate/orders/5");
    send(&house, request, &[&forged[..], &[host]].concat()).await.expect(401);
    let request = Request::get("/oauth2/validate/orders/5");
    let answer = send(&house, request, &[host, word]).await.expect(200);
    assert_eq!((identity(&answer), answer.body.as_str()), (["robot", "robot", "orders:read", "client"], ""));
    send(&house, Request::get("/oauth2/validate/health"), &[("host", "other.example")]).await.expect(403);
}

/// What is told of a host or a method, and cannot be read, is never judged by broader rules.
#[tokio::test]
async fn a_rule_for_a_host_or_a_method_cannot_be_skipped_by_what_cannot_be_read() {
    let house = House::open().await;
    let rules = ["//admin.example/** = orders:admin", "DELETE /orders = orders:admin", "/orders = public"];
    house.provider.add_resource_server(&new_ctx(None), resource_server(ORDERS, &rules)).await.unwrap();
    let told = |host| [("x-original-host", host)];
    ask(&house, "GET /orders", &told("other.example")).await.expect(204);
    for host in ["admin.example", "ADMIN.EXAMPLE", "admin.example.", "admin.example:443"] {
        ask(&house, "GET /orders", &told(host)).await.expect(401);
    }
    for host in ["admin.example:80x", "admin.example..", "x@admin.example", "admin.example,other.example", ""]
    {
        ask(&house, "GET /orders", &told(host)).await.refused(403, "access_denied");
    }
    ask(&house, "GET /orders", &[]).await.refused(403, "access_denied");
    ask(&house, "DELETE /orders", &told("other.example")).await.expect(401);
    for method in ["delete", "Delete", "dELETE"] {
        ask(&house, &format!("{method} /orders"), &told("other.example")).await.refused(403, "access_denied");
    }
    // As Envoy asks: the request is the question.
    let envoy = async |method: &str, host: &[u8]| {
        let request = Request::builder().method(method).uri("/oauth2/validate/orders").header("host", host);
        house.send(request.body(Body::empty()).unwrap()).await.status.as_u16()
    };
    for (method, host, status) in [
        ("GET", &b"orders.example"[..], 200),
        ("delete", b"orders.example", 403),
        ("GET", b"orders.example:80x", 403),
        ("GET", b"\xffadmin.example", 403),
    ] {
        assert_eq!(envoy(method, host).await, status, "{method} {host:?}");
    }
}

/// Names that CGI, PHP or WSGI fold onto ours (RFC 3875 section 4.1.18).
#[tokio::test]
async fn a_request_with_a_look_alike_of_our_headers_is_refused() {
    let house = House::open().await;
    add_orders(&house).await;
    for (name, value) in [
        ("x_auth_subject", "root"),
        ("x-auth_subject", "root"),
        ("X_Auth-Subject", "root"),
        ("x.auth.subject", "root"),
        ("x_auth_scope", "orders:admin"),
        ("x-auth_features", "[]"),
        ("x_forwarded_uri", "/health"),
        ("x-original_host", "any.example"),
        ("x_api_key", "k"),
        ("connection", "X-Auth-Subject"),
        ("connection", "close, x-auth_subject ,keep-alive"),
        ("connection", "X-Forwarded-Uri"),
    ] {
        let answer = ask(&house, "GET /health", &[(name, value)]).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
        let envoy = Request::get("/oauth2/validate/health");
        let answer = send(&house, envoy, &[("host", "orders.example"), (name, value)]).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
    }
    // In our spelling it is the gateway's to overwrite, and nginx sends it along.
    for (name, value) in [("X-Auth-Subject", "root"), ("x_author", "me"), ("connection", "upgrade, x-auth")] {
        ask(&house, "GET /health", &[(name, value)]).await.expect(204);
    }
}

#[tokio::test]
async fn changed_rules_are_in_force_at_once_and_survive_a_restart() {
    let house = House::open().await;
    add_orders(&house).await;
    ask(&house, "GET /health", &[]).await.expect(204);
    let changed = resource_server(ORDERS, &["/health = authenticated", "/new = public"]);
    house.replace_resource_server(changed).await.unwrap();
    ask(&house, "GET /health", &[]).await.expect(401);
    ask(&house, "GET /new", &[]).await.expect(204);
    let house = house.restart().await;
    ask(&house, "GET /health", &[]).await.expect(401);
    ask(&house, "GET /new", &[]).await.expect(204);
    house
        .provider
        .remove_resource_server(&new_ctx(None), ResourceIndicator::parse(ORDERS).unwrap())
        .await
        .unwrap();
    ask(&house, "GET /new", &[]).await.expect(403);
}

#[tokio::test]
async fn an_identity_cannot_be_taken_for_another() {
    let house = House::open().await;
    add_orders(&house).await;
    let robot = machine(&house, " robot, \"admin\"", ORDERS).await;
    let good = token(&house, &robot, "orders:read").await;
    let answer = with(&house, "GET /orders", &good).await.expect(204);
    assert_eq!(answer.header("x-auth-subject"), "%20robot%2C%20%22admin%22");
    // Nor is a client let through that was disabled meanwhile.
    house.provider.set_client_disabled(&new_ctx(None), &robot.client_id(), true).await.unwrap();
    with(&house, "GET /orders", &good).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn a_token_that_is_accepted_once_is_spent_by_the_request_that_passes_and_by_no_other() {
    let house = House::open().await;
    add_orders(&house).await;
    let robot = machine(&house, "robot", ORDERS).await;
    house.change_client(&robot, |client| client.one_time_access_tokens = true).await;
    let once = token(&house, &robot, "orders:read").await;
    with(&house, "POST /orders", &once).await.refused(403, "insufficient_scope");
    with(&house, "GET /unknown", &once).await.expect(403);
    with(&house, "GET /health", &once).await.expect(204);
    with(&house, "GET /orders/5", &once).await.expect(204);
    with(&house, "GET /orders/5", &once).await.refused(401, "invalid_token");
}
