//! `doorward client add --for`: every application of the list is registered, and what is to be pasted names this installation.

use crate::process::Installation;

#[test]
fn every_application_of_the_list_is_registered_with_what_is_pasted_into_it() {
    let installation = Installation::new();
    let server =
        installation.serve(&["--issuer", "https://id.example.org", "--trusted-proxies", "127.0.0.1"]);
    let presets = installation.json(&["client", "presets", "--json"]);
    let presets = presets.as_array().expect("a list");
    assert!(presets.len() >= 40, "{}", presets.len());
    for preset in presets {
        let name = preset["application"].as_str().expect("a name");
        let url = format!("https://{name}.example.org/");
        let added = installation.json(&["client", "add", name, "--for", name, "--url", &url, "--json"]);
        let settings = added["settings"].as_str().expect("settings");
        // The running server's, whatever this command would have read for itself.
        assert!(settings.contains("https://id.example.org"), "{name}: {settings}");
        match added["client_secret"].as_str() {
            Some(secret) => assert_eq!(settings.matches(secret).count(), 1, "{name}: {settings}"),
            None => assert_eq!(added["client"]["authentication"], "none", "{name}"),
        }
        for uri in added["client"]["redirect_uris"].as_array().expect("a list") {
            let uri = uri.as_str().expect("a URI");
            assert!(!uri.contains("org//") && !uri.contains(".org.org"), "{uri}");
        }
    }
    server.stop();
}

#[test]
fn a_preset_is_a_beginning_and_its_secret_is_shown_once() {
    let installation = Installation::new();
    let add = ["client", "add", "pg", "--for", "pgadmin"];
    let refusal = installation.fails(1, &add);
    assert!(refusal.contains("Say it with --url"), "{refusal}");
    let refusal = installation.fails(2, &["client", "add", "x", "--for", "pgadmim"]);
    assert!(refusal.contains("pgadmin"), "{refusal}");
    installation.fails(2, &[&add[..], &["--url", "pg.example.org"]].concat());
    let own = ["--url", "https://pg.example.org", "--id-token-alg", "ES256", "--scope", "openid"];
    let printed = installation.run(&[&add[..], &own].concat());
    let (_, rest) = printed.split_once("'OAUTH2_CLIENT_SECRET': '").expect("a secret");
    let secret = rest.split('\'').next().expect("a secret");
    assert_eq!(printed.matches(secret).count(), 1, "{printed}");
    assert!(printed.contains("config_local.py"), "{printed}");
    let client = installation.json(&["client", "show", "pg", "--json"]);
    assert_eq!(client["redirect_uris"][0], "https://pg.example.org/oauth2/authorize");
    assert_eq!(client["name"], "pgAdmin 4");
    assert_eq!(
        (&client["id_token_signed_response_alg"], &client["scope"]),
        (&"ES256".into(), &"openid".into())
    );
    let shown = installation.run(&["client", "presets", "pgadmin"]);
    assert!(shown.contains("<client_secret>") && shown.contains("9.18"), "{shown}");
    assert!(installation.run(&["client", "presets"]).contains("not tried ("));
}
