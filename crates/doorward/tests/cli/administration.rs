//! Users, clients and keys from the command line: the same while a server runs (it is asked over its socket) and while none does.

use crate::process::{Installation, get, get_with, post, text};
use serde_json::Value;

#[test]
fn users_and_clients_are_the_same_with_and_without_a_server() {
    let installation = Installation::new();
    installation.add_user("before", &[]);
    let server = installation.serve(&[]);
    installation.add_user("during", &["--email", "during@example.org", "--claim", "locale=nl"]);
    let added = installation.json(&[
        "client",
        "add",
        "app",
        "--json",
        "--redirect-uri",
        "https://app.example.org/cb",
    ]);
    let secret = added["client_secret"].as_str().expect("a secret").to_owned();
    let seen_during = (installation.run(&["user", "list"]), installation.json(&["client", "list", "--json"]));
    let form = "grant_type=authorization_code&code=x&redirect_uri=https://app.example.org/cb&code_verifier=x";
    let refused_for = |credentials| {
        let (status, body) = post(&server.address, "/oauth2/token", credentials, form);
        let body: Value = serde_json::from_str(&body).expect("JSON");
        (status, body["error"].as_str().unwrap_or_default().to_owned())
    };
    assert_ne!(refused_for(("app", &secret)).1, "invalid_client");
    assert_eq!(refused_for(("app", "guessed")), (401, "invalid_client".to_owned()));

    // What the command line changes, the running server knows at once.
    let second = installation.run(&["client", "secret", "app"]);
    assert_eq!(refused_for(("app", &secret)).1, "invalid_client");
    assert_ne!(refused_for(("app", second.trim())).1, "invalid_client");
    installation.run(&["client", "disable", "app"]);
    assert_eq!(refused_for(("app", second.trim())).1, "invalid_client");
    installation.run(&["client", "enable", "app"]);
    assert_ne!(refused_for(("app", second.trim())).1, "invalid_client");
    server.stop();

    let seen_after = (installation.run(&["user", "list"]), installation.json(&["client", "list", "--json"]));
    assert_eq!(seen_during, seen_after);
    assert!(
        seen_after.0.contains("before") && seen_after.0.contains("during@example.org"),
        "{}",
        seen_after.0
    );
    let during = installation.json(&["user", "show", "during@example.org", "--json"]);
    assert_eq!(during["claims"]["locale"], "nl");
}

#[test]
fn users_live_from_add_to_remove() {
    let installation = Installation::new();
    installation.add_user("alice", &["--email", "alice@example.org", "--name", "Alice"]);
    let taken = installation.given("correct-horse-battery\n", &["user", "add", "Alice", "--password-stdin"]);
    assert!(text(&taken.stderr).contains("taken"), "{}", text(&taken.stderr));
    let short = installation.given("short\n", &["user", "add", "bob", "--password-stdin"]);
    assert!(text(&short.stderr).contains("8 characters at least"), "{}", text(&short.stderr));
    let nobody = installation.fails(1, &["user", "add", "bob"]);
    assert!(nobody.contains("--password-stdin"), "{nobody}");
    let bad_hash = installation.fails(1, &["user", "add", "bob", "--password-hash", "md5"]);
    assert!(bad_hash.contains("password hash"), "{bad_hash}");

    installation.run(&["user", "disable", "alice"]);
    assert!(installation.run(&["user", "list"]).contains("disabled"));
    installation.run(&["user", "enable", "alice@example.org"]);
    assert!(!installation.run(&["user", "show", "alice"]).contains("disabled"));
    let changed =
        installation.given("another-horse-battery\n", &["user", "password", "alice", "--password-stdin"]);
    assert!(changed.status.success());
    let unsure = installation.fails(1, &["user", "remove", "alice"]);
    assert!(unsure.contains("--yes"), "{unsure}");
    installation.run(&["user", "remove", "alice", "--yes"]);
    assert!(installation.fails(1, &["user", "show", "alice"]).contains("there is no user alice"));
}

#[test]
fn weak_passwords_are_refused_on_the_command_line_too() {
    let installation = Installation::new();
    for weak in ["password\n", "password1234\n", "alice2024\n"] {
        let refused = installation.given(weak, &["user", "add", "alice", "--password-stdin"]);
        assert!(text(&refused.stderr).contains("password: it is"), "{}", text(&refused.stderr));
    }
    installation.add_user("alice", &[]);
    let refused = installation.given("password1234\n", &["user", "password", "alice", "--password-stdin"]);
    assert!(text(&refused.stderr).contains("guessed first"), "{}", text(&refused.stderr));
}

#[test]
fn a_user_is_changed_only_where_it_is_said() {
    let installation = Installation::new();
    installation.run(&[
        "user",
        "add",
        "alice",
        "--email",
        "alice@example.org",
        "--name",
        "Alice",
        "--claim",
        "locale=nl",
        "--no-password",
    ]);
    let show = |name: &str| installation.json(&["user", "show", name, "--json"]);
    let mut expected = show("alice");
    let mut change = |arguments: &[&str], name: &str, changes: &dyn Fn(&mut serde_json::Value)| {
        installation.run(&[&["user", "set"], arguments].concat());
        let mut shown = show(name);
        changes(&mut expected);
        // Only when is another.
        shown["updated_at"] = expected["updated_at"].clone();
        assert_eq!(shown, expected, "{arguments:?}");
    };
    change(&["alice", "--name", "Alicia"], "alice", &|user| user["name"] = "Alicia".into());
    change(&["alice", "--email", "a@example.org", "--email-unverified"], "alice", &|user| {
        user["email"] = "a@example.org".into();
        user["email_verified"] = false.into();
    });
    change(&["a@example.org", "--email-verified"], "alice", &|user| user["email_verified"] = true.into());
    change(&["alice", "--username", "alicia"], "alicia", &|user| user["username"] = "alicia".into());
    change(&["alicia", "--claim", "zoneinfo=Europe/Amsterdam", "--no-claim", "locale"], "alicia", &|user| {
        user["claims"] = serde_json::json!({"zoneinfo": "Europe/Amsterdam"});
    });
    change(&["alicia", "--no-name", "--no-email"], "alicia", &|user| {
        (user["name"], user["email"]) = (serde_json::Value::Null, serde_json::Value::Null);
        user["email_verified"] = false.into();
    });
    installation.run(&["user", "add", "bob", "--no-password"]);
    assert!(installation.fails(1, &["user", "set", "bob", "--username", "ALICIA"]).contains("taken"));
    assert!(installation.fails(2, &["user", "set", "bob"]).contains("nothing to change"));
    assert!(installation.fails(1, &["user", "set", "bob", "--name", "B\u{202e}ob"]).contains("U+202E"));
    assert!(installation.fails(1, &["user", "set", "carol", "--no-name"]).contains("there is no user carol"));
    installation.run(&["user", "unlock", "bob"]);
    assert!(installation.fails(1, &["user", "unlock", "carol"]).contains("there is no user carol"));
}

#[test]
fn an_address_is_verified_only_when_nothing_else_is_said_and_reserved_claims_are_no_claims() {
    let installation = Installation::new();
    let said = installation.run(&["user", "add", "alice", "--email", "alice@example.org", "--no-password"]);
    assert!(said.contains("marked as verified"), "{said}");
    let said = installation.run(&[
        "user",
        "add",
        "bob",
        "--email",
        "bob@example.org",
        "--email-unverified",
        "--no-password",
    ]);
    assert!(said.contains("marked as not verified"), "{said}");
    let verified =
        |name: &str| installation.json(&["user", "show", name, "--json"])["email_verified"].clone();
    assert_eq!((verified("alice"), verified("bob")), (true.into(), false.into()));
    for (claim, place) in [
        ("email_verified=false", "--email-unverified"),
        ("email=eve@example.org", "--email"),
        ("name=Eve", "--name"),
        ("sub=1", "the user's id"),
        ("preferred_username=eve", "the username"),
        ("updated_at=1", "last changed"),
    ] {
        let refused = installation.fails(2, &["user", "add", "eve", "--claim", claim, "--no-password"]);
        assert!(refused.contains(place), "{claim}: {refused}");
    }
}

#[test]
fn hashes_come_from_a_file_or_standard_input_for_a_new_user_and_for_one_there_is() {
    let installation = Installation::new();
    let bcrypt = "$2b$04$/cWzhKJXRpv9xujM02488u9QAOmKnwoRzRaK5EUmbb8UoWxMi/en2";
    let file = installation.path("alice.hash");
    std::fs::write(&file, format!("{bcrypt}\n")).expect("a file");
    let file = file.to_str().expect("a path");
    installation.run(&["user", "add", "alice", "--hash-file", file]);
    let bob = installation.given(&format!("{bcrypt}\n"), &["user", "add", "bob", "--hash-file", "-"]);
    assert!(bob.status.success(), "{}", text(&bob.stderr));
    installation.run(&["user", "password", "bob", "--hash-file", file]);
    let named = installation
        .given("$1$7wBZAERX$lDzzZDh7Q8RoPp9VMihWm/\n", &["user", "password", "bob", "--hash-file", "-"]);
    assert!(
        text(&named.stderr).contains("this is MD5-crypt ($1$), which is not read"),
        "{}",
        text(&named.stderr)
    );
    let unusual = installation.given(
        "argon2$argon2id$v=19$m=7,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA\n",
        &["user", "password", "bob", "--hash-file", "-"],
    );
    assert!(text(&unusual.stderr).contains("damaged argon2id hash"), "{}", text(&unusual.stderr));
}

#[test]
fn many_users_come_from_a_file_a_line_each_and_one_that_is_refused_stops_no_other() {
    let installation = Installation::new();
    let lines = [
        r#"{"username":"alice","email":"alice@example.org","email_verified":true,"name":"Alice","hash":"{SSHA}A2zxGsNi50PT2M/FpE5Kyi3LQbS5G7Fb"}"#,
        r#"{"username":"bob","hash":"$1$7wBZAERX$lDzzZDh7Q8RoPp9VMihWm/"}"#,
        "",
        r#"{"username":"carol","hash":"!unusable","email":"carol@example.org","disabled":true}"#,
        r#"{"username":"ALICE"}"#,
        r#"{"username":"dave","password":"s3cret"#,
        r#"{"username":"erin","claims":{"email_verified":true}}"#,
        r#"{"username":"frank","hash":{"secretData":"{\"value\":\"oNr9//NRjOj4Dch4BVeBPUCWWCk3P1iDzak259EHWEM=\",\"salt\":\"n4bv/lDyQyUXxyf80jVFxQ==\"}","credentialData":"{\"hashIterations\":5,\"algorithm\":\"argon2\",\"additionalParameters\":{\"memory\":[\"7168\"],\"type\":[\"id\"],\"version\":[\"1.3\"],\"parallelism\":[\"1\"]}}"}}"#,
        r#"{"username":"grace","password":"three harmless words"}"#,
    ];
    let input = lines.join("\n");
    let checked = installation.given(&input, &["user", "import", "-", "--check"]);
    assert!(
        text(&checked.stdout).contains("1: alice can be read; the hash is salted-sha1"),
        "{}",
        text(&checked.stdout)
    );
    assert!(installation.json(&["user", "list", "--json"]).as_array().expect("a list").is_empty());

    let file = installation.path("people.jsonl");
    std::fs::write(&file, &input).expect("a file");
    let done =
        installation.command(&["user", "import", file.to_str().expect("a path")]).output().expect("it runs");
    assert_eq!(done.status.code(), Some(1));
    let (told, ended) = (text(&done.stdout), text(&done.stderr));
    let expected = [
        "1: alice was added; the hash is salted-sha1",
        "2: bob was refused: hash: this is MD5-crypt ($1$), which is not read",
        "4: carol was added",
        "5: ALICE was refused: the username or e-mail address is taken",
        "6: nobody was refused: not a user as JSON: column",
        "7: erin was refused: claim email_verified",
        "8: frank was added; the hash is argon2id",
        "9: grace was added",
    ];
    assert_eq!(told.lines().count(), expected.len(), "{told}");
    for (line, beginning) in told.lines().zip(expected) {
        assert!(line.starts_with(beginning), "{line}");
    }
    assert!(ended.contains("4 of 9 lines were refused"), "{ended}");
    assert!(!told.contains("s3cret"));
    let show = |name: &str| installation.json(&["user", "show", name, "--json"]);
    assert_eq!(
        (&show("alice")["email_verified"], &show("carol")["email_verified"]),
        (&true.into(), &false.into())
    );
    assert!(show("carol")["disabled_at"].is_string());
}

#[test]
fn many_users_are_listed_to_the_last() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    // More than are asked for at once.
    for number in 0..510 {
        installation.run(&["user", "add", &format!("user{number}"), "--no-password"]);
    }
    let users = installation.json(&["user", "list", "--json"]);
    let names: std::collections::HashSet<_> =
        users.as_array().expect("a list").iter().map(|user| &user["username"]).collect();
    assert_eq!(names.len(), 510);
    server.stop();
}

#[test]
fn a_client_is_changed_only_where_it_is_said() {
    let installation = Installation::new();
    let uri = "https://app.example.org/cb";
    let printed = installation.run(&["client", "add", "app", "--name", "My App", "--redirect-uri", uri]);
    assert!(printed.contains("client_secret"), "{printed}");
    let before = installation.json(&["client", "show", "app", "--json"]);
    installation.run(&[
        "client",
        "set",
        "app",
        "--consent",
        "implicit",
        "--id-token-alg",
        "ES256",
        "--introspects-all",
    ]);
    let mut expected = before.clone();
    expected["consent"] = "implicit".into();
    expected["id_token_signed_response_alg"] = "ES256".into();
    expected["introspects_all"] = true.into();
    assert_eq!(installation.json(&["client", "show", "app", "--json"]), expected);
    installation.run(&[
        "client",
        "set",
        "app",
        "--consent",
        "required",
        "--id-token-alg",
        "RS256",
        "--no-introspects-all",
    ]);
    assert_eq!(installation.json(&["client", "show", "app", "--json"]), before);
}

#[test]
fn a_clients_limits_and_what_it_may_exchange_are_set_and_taken_back() {
    let installation = Installation::new();
    for id in ["gate", "a", "b", "app"] {
        installation.run(&["client", "add", id, "--redirect-uri", "https://app.example.org/cb"]);
    }
    let limits = "client set app --rate-limit 600/min --one-time-access-tokens --id-token-lifetime 60 --may-act gate --exchange-client a \
                  --exchange-client b --exchange-audience https://x.example/ --exchange-scope read --exchange-impersonation --exchange-one-time \
                  --grant-type authorization_code --grant-type urn:ietf:params:oauth:grant-type:token-exchange";
    installation.run(&limits.split_whitespace().collect::<Vec<_>>());
    let shown = installation.run(&["client", "show", "app"]);
    for said in ["600/min", "once", "60 s", "gate", "a b", "https://x.example/", "not who acts"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let back = "client set app --rate-limit off --no-one-time-access-tokens --no-exchange-impersonation --no-exchange-one-time";
    installation.run(&back.split_whitespace().collect::<Vec<_>>());
    let after = installation.json(&["client", "show", "app", "--json"]);
    assert_eq!((&after["rate_limit"], &after["one_time_access_tokens"]), (&().into(), &false.into()));
    assert_eq!(after["token_exchange"]["impersonation"], false);
    assert_eq!(after["token_exchange"]["clients"], serde_json::json!(["a", "b"]));
}

#[test]
fn a_clients_pkce_policy_is_set_and_shown() {
    let installation = Installation::new();
    installation.run(&["client", "add", "app", "--redirect-uri", "https://app.example.org/cb"]);
    assert!(installation.run(&["client", "show", "app"]).contains("as the setting authorization.pkce says"));
    for (arguments, stored, shown) in [
        (&["--pkce", "required"][..], "required", "required"),
        (&["--pkce", "pkce-or-nonce"], "pkce_or_nonce", "pkce-or-nonce"),
        (&["--no-pkce"], "optional", "optional"),
        (&["--no-pkce", "--pkce", "default"], "default", "as the setting"),
    ] {
        installation.run(&[&["client", "set", "app"], arguments].concat());
        assert_eq!(installation.json(&["client", "show", "app", "--json"])["pkce"], stored);
        let page = installation.run(&["client", "show", "app"]);
        let line = page.lines().find(|line| line.starts_with("PKCE")).expect("a line");
        assert!(line.contains(shown), "{line}");
    }
}

#[test]
fn a_registration_that_makes_no_sense_is_refused_with_the_reason() {
    let installation = Installation::new();
    let uri = "https://app.example.org/cb";
    installation.run(&["client", "add", "app", "--redirect-uri", uri]);
    let public = installation.json(&[
        "client",
        "add",
        "phone",
        "--public",
        "--redirect-uri",
        "com.example.app:/cb",
        "--json",
    ]);
    assert_eq!(public["client_secret"], Value::Null);
    for (arguments, why) in [
        (&["client", "add", "app", "--redirect-uri", uri][..], "taken"),
        (&["client", "add", "none"], "redirect URI: at least one"),
        (&["client", "set", "phone", "--no-pkce"], "cannot do without PKCE"),
        (&["client", "set", "phone", "--pkce", "pkce-or-nonce"], "cannot do without PKCE"),
        (&["client", "secret", "phone"], "has no secret"),
        (&["client", "show", "nobody"], "there is no client nobody"),
    ] {
        let refusal = installation.fails(1, arguments);
        assert!(refusal.contains(why), "{arguments:?}: {refusal}");
    }
    // RFC 9700 section 2.6: codes do not travel in clear text.
    let refusal =
        installation.fails(2, &["client", "add", "bad", "--redirect-uri", "http://app.example.org/cb"]);
    assert!(refusal.contains("use https"), "{refusal}");
    installation.run(&["client", "remove", "phone", "--yes"]);
    assert_eq!(installation.json(&["client", "list", "--json"]).as_array().expect("a list").len(), 1);
}

#[test]
fn signing_keys_turn_and_stay_published() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let kids = || {
        let keys = installation.json(&["keys", "list", "--json"]);
        let of = |state: &str| -> std::collections::BTreeSet<String> {
            let keys = keys.as_array().expect("a list").iter().filter(|key| key["state"] == state);
            keys.map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
        };
        (of("next"), of("current"), of("retired"))
    };
    let (next, current, retired) = kids();
    assert_eq!((next.len(), current.len(), retired.len()), (3, 3, 0));
    let refusal = installation.fails(1, &["keys", "rotate"]);
    assert!(refusal.contains("less than 300 seconds ago"), "{refusal}");
    installation.run(&["keys", "rotate", "--force"]);
    assert_eq!(kids().1, next, "those that were next sign now");
    assert_eq!(kids().2, current);
    let (_, jwks) = get(&server.address, "/oauth2/jwks");
    // Those of algorithms that something uses, whatever their state.
    for key in installation.json(&["keys", "list", "--json"]).as_array().expect("a list") {
        let used = key["algorithm"] != "EdDSA";
        assert_eq!(key["published"], used, "{key}");
        assert_eq!(jwks.contains(key["kid"].as_str().expect("a kid")), used, "{jwks}");
    }
    server.stop();
}

#[test]
fn a_public_key_is_shown_as_pem_and_who_cannot_read_an_ed25519_key_is_told() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let pem = installation.run(&["keys", "show", "--alg", "ES256", "--pem"]);
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"), "{pem}");
    let jwk: Value =
        serde_json::from_str(&installation.run(&["keys", "show", "--alg", "RS256"])).expect("JSON");
    let kid = jwk["kid"].as_str().expect("a kid");
    assert!(installation.run(&["keys", "show", kid, "--pem"]).contains("MIIBIjANBgkqhkiG9w0BAQEF"));
    assert!(installation.fails(1, &["keys", "show", "nobody"]).contains("keys list"));

    let told = || {
        let findings = installation.json(&["store", "doctor", "--json"]);
        let findings = findings.as_array().expect("a list");
        findings.iter().find(|finding| finding["check"] == "published keys").expect("a finding").clone()
    };
    assert_eq!(told()["verdict"], "ok");
    let add = [
        "client",
        "add",
        "app",
        "--redirect-uri",
        "https://app.example.org/cb",
        "--access-token-alg",
        "EdDSA",
    ];
    installation.run(&add);
    assert!(get(&server.address, "/oauth2/jwks").1.contains("Ed25519"));
    let told = told();
    assert!(told["found"].as_str().expect("text").contains("chosen by app"), "{told}");
    assert!(told["remedy"].as_str().expect("text").contains("fusionauth-jwt"), "{told}");
    server.stop();
}

#[test]
fn grants_are_listed_and_ended_from_the_command_line() {
    let installation = Installation::new();
    installation.add_user("alice", &[]);
    installation.run(&["client", "add", "app", "--redirect-uri", "https://app.example.org/cb"]);
    for server in [None, Some(installation.serve(&[]))] {
        assert_eq!(installation.json(&["grant", "list", "--user", "alice", "--json"]), serde_json::json!([]));
        assert!(installation.run(&["grant", "list", "--client", "app"]).starts_with("GRANT"));
        assert!(installation.run(&["grant", "end", "--client", "app", "--yes"]).contains("is over"));
        assert!(installation.run(&["grant", "end", "--user", "alice", "--yes"]).contains("is over"));
        for (unknown, said) in [
            (&["grant", "list", "--user", "nobody"][..], "there is no user nobody"),
            (&["grant", "end", "--client", "nobody", "--yes"], "there is no client nobody"),
            (&["grant", "end", "0199f2f4-7c3a-7000-8000-5d8f1c2b3a49"], "there is no grant"),
        ] {
            let refusal = installation.fails(1, unknown);
            assert!(refusal.contains(said), "{refusal}");
        }
        // Nothing of many at once is ended unasked.
        assert!(installation.fails(1, &["grant", "end", "--client", "app"]).contains("--yes"));
        installation.fails(2, &["grant", "end"]);
        if let Some(server) = server {
            server.stop();
        }
    }
}

#[test]
fn the_master_key_turns_while_the_server_is_stopped() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let (_, jwks) = get(&server.address, "/oauth2/jwks");
    let key = || std::fs::read_to_string(installation.path("doorward-data/master.key")).expect("a key");
    let first = key();
    let refusal = installation.fails(1, &["keys", "rotate-master"]);
    assert!(refusal.contains("is in use by another process"), "{refusal}");
    assert_eq!(key(), first, "a refused rotation leaves the key as it is");
    server.stop();

    let said = installation.run(&["keys", "rotate-master"]);
    // Three algorithms, the next and the current key of each, the secret that refresh tokens are derived from, and the audit log's key.
    assert!(said.contains("8 secrets are sealed under the new master key"), "{said}");
    assert_ne!(key(), first);
    assert!(!installation.path("doorward-data/master.key.previous").exists());
    let again = installation.serve(&[]);
    assert_eq!(get(&again.address, "/oauth2/jwks").1, jwks, "the same signing keys");
    again.stop();

    // The old key opens nothing any more, and no key at all is never taken for a new installation.
    std::fs::write(installation.path("doorward-data/master.key"), first).expect("written");
    let refusal = installation.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(refusal.contains("name the file that belongs to this data"), "{refusal}");
    std::fs::remove_file(installation.path("doorward-data/master.key")).expect("removed");
    let refusal = installation.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(refusal.contains("is missing"), "{refusal}");
}

#[test]
fn a_gateway_is_set_up_and_its_keys_are_made_and_revoked_from_the_command_line() {
    let installation = Installation::new();
    let api = "https://api.example.org";
    let rules = "rules = [\n  'GET /orders/{id} = orders:read',\n  '/health = public',\n]\n";
    std::fs::write(installation.path("rules.toml"), rules).expect("a file");
    std::fs::write(installation.path("rules.json"), r#"{"rules": ["/orders = authenticated"]}"#)
        .expect("a file");
    installation.run(&[
        "resource-server",
        "add",
        api,
        "--rules",
        "rules.toml",
        "--rule",
        "* /admin/** = orders:admin",
    ]);
    let taken = installation.fails(1, &["resource-server", "add", api]);
    assert!(taken.contains("taken"), "{taken}");
    for (url, says) in [
        ("https://api.example.org/orders/5?x", "scope orders:read"),
        ("/admin", "scope orders:admin"),
        ("https://API.example.org:443/health", "public"),
    ] {
        let said = installation.run(&["resource-server", "check", "GET", url]);
        assert!(said.contains(says) && said.contains(api), "{said}");
    }
    installation.fails(1, &["resource-server", "check", "POST", "https://api.example.org/orders/5"]);
    installation.fails(1, &["resource-server", "check", "GET", "https://api.example.org/health/../admin"]);
    installation.fails(1, &["resource-server", "check", "GET", "https://other.example.org/health"]);
    let contradictory = ["resource-server", "set", api, "--rule", "/a = x", "--rule", "/a/ = public"];
    assert!(installation.fails(1, &contradictory).contains("two of them"));

    let server = installation.serve(&[]);
    let nobody =
        ["service-account", "add", "robot", "--scope", "orders:read", "--audience", "https://other.example"];
    assert!(installation.fails(1, &nobody).contains("there is no resource server https://other.example"));
    installation.run(&["service-account", "add", "robot", "--scope", "orders:read", "--audience", api]);
    let made = installation.json(&[
        "api-key",
        "add",
        "--service-account",
        "robot",
        "--name",
        "cron",
        "--expires",
        "90d",
        "--json",
    ]);
    let (key, prefix) =
        (made["api_key"].as_str().expect("a key"), made["key"]["prefix"].as_str().expect("a prefix"));
    assert!(key.starts_with(prefix) && key.len() > prefix.len());
    let asked = || {
        let told = [("X-Original-Method", "GET"), ("X-Original-URI", "/orders/5"), ("X-Api-Key", key)];
        get_with(&server.address, "/oauth2/validate?resource=https://api.example.org", &told).0
    };
    assert_eq!(asked(), 204);
    let listed = installation.run(&["api-key", "list"]);
    assert!(listed.contains(prefix) && listed.contains("cron") && !listed.contains(key), "{listed}");
    installation.run(&["client", "disable", "robot"]);
    assert_eq!(asked(), 401);
    assert!(installation.run(&["service-account", "list"]).contains("disabled"));
    installation.run(&["client", "enable", "robot"]);
    assert_eq!(asked(), 204);
    installation.run(&["api-key", "revoke", prefix]);
    assert_eq!(asked(), 401);
    assert!(installation.run(&["api-key", "list", "--service-account", "robot"]).contains("revoked"));
    assert!(installation.fails(1, &["api-key", "revoke", key]).contains("no such API key"));

    installation.run(&["resource-server", "set", api, "--rules", "rules.json", "--introspected-by", "robot"]);
    let shown = installation.json(&["resource-server", "show", api, "--json"]);
    assert_eq!(shown["rules"], serde_json::json!(["* /orders = authenticated"]));
    installation.run(&["resource-server", "set", api, "--no-introspected-by", "--name", "Orders"]);
    let shown = installation.run(&["resource-server", "show", api]);
    assert!(shown.contains("Orders") && !shown.contains("introspected"), "{shown}");
    server.stop();
    assert!(installation.run(&["resource-server", "list"]).contains(api));
    installation.run(&["resource-server", "remove", api, "--yes"]);
    installation.fails(1, &["resource-server", "show", api]);
}

#[test]
fn registrations_from_elsewhere_keep_their_names() {
    let installation = Installation::new();
    let (client, sub) = ("9b2f3d6e-1d1a-4a52-8a39-5f0e6f2b7c10", "0f0e6f2b-1d1a-4a52-8a39-9b2f3d6e7c10");
    let secret = "the-secret-it-has-had-for-years";
    std::fs::write(installation.path("secret"), format!("{secret}\n")).expect("a file");
    fn add<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["client", "add"], more, &["--grant-type", "client_credentials"]].concat()
    }
    let printed = installation.run(&add(&[client, "--secret-file", "secret"]));
    assert!(printed.contains("the one it has") && !printed.contains(secret), "{printed}");
    let hash = "$pbkdf2-sha256$1000$0ZrTes8ZY4wxpjQGAEAo5Q$";
    let refused = installation.given(hash, &add(&["other", "--secret-hash", "-"]));
    assert!(text(&refused.stderr).contains("secret hash: "), "{}", text(&refused.stderr));
    let shown_to_all = installation.fails(1, &add(&["other", "--secret-hash", hash]));
    assert!(shown_to_all.contains("take a file") && !shown_to_all.contains("pbkdf2"), "{shown_to_all}");

    installation.run(&["user", "add", "dave", "--no-password", "--sub", sub]);
    assert_eq!(installation.json(&["user", "show", "dave", "--json"])["sub"], sub);
    let refused = installation.fails(1, &["user", "add", "erin", "--no-password", "--sub", client]);
    assert!(refused.contains("a client_id"), "{refused}");
    let refused = installation.fails(1, &add(&[sub]));
    assert!(refused.contains("a user's subject"), "{refused}");

    let server = installation.serve(&[]);
    let form = "grant_type=client_credentials";
    assert_eq!(post(&server.address, "/oauth2/token", (client, secret), form).0, 200);
    let new = installation.json(&["client", "secret", client, "--json"]);
    assert_eq!(new["client_id"], client);
    let new = new["client_secret"].as_str().expect("a secret");
    assert_eq!(post(&server.address, "/oauth2/token", (client, secret), form).0, 401);
    assert_eq!(post(&server.address, "/oauth2/token", (client, new), form).0, 200);
}

#[test]
fn a_clients_logo_and_home_page_are_kept_with_its_registration() {
    let installation = Installation::new();
    std::fs::write(installation.path("logo.png"), b"\x89PNG\r\n\x1a\nrest").expect("written");
    std::fs::write(installation.path("logo.svg"), "<svg/>").expect("written");
    let add = ["client", "add", "app", "--redirect-uri", "https://app.example.org/cb"];
    let more = ["--logo", "logo.png", "--client-uri", "https://app.example.org/notes"];
    installation.run(&[&add[..], &more].concat());
    let shown = installation.run(&["client", "show", "app"]);
    assert!(
        shown.contains("image/png, 12 bytes") && shown.contains("https://app.example.org/notes"),
        "{shown}"
    );
    let said = installation.fails(2, &["client", "set", "app", "--logo", "logo.svg"]);
    assert!(said.contains("a picture is expected: PNG, JPEG or WebP"), "{said}");
    for (file, why) in [("/dev/zero", "not a file"), (".", "not a file"), ("none.png", "cannot be read")] {
        let said = installation.fails(2, &["client", "set", "app", "--logo", file]);
        assert!(said.contains(why), "{said}");
    }
    installation.run(&["client", "set", "app", "--no-logo"]);
    assert!(!installation.run(&["client", "show", "app"]).contains("image/png"));
}
