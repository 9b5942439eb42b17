//! A backup made while the server runs, put back elsewhere and over what was there.

use crate::process::{Installation, get};

#[test]
fn a_backup_of_a_running_server_is_restored_elsewhere() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    installation.add_user("alice", &[]);
    let (_, jwks) = get(&server.address, "/oauth2/jwks");
    let said = installation.run(&["backup", "copy.db"]);
    assert!(said.contains("verified") && said.contains("The master key is not in it"), "{said}");
    let refusal = installation.fails(1, &["backup", "copy.db"]);
    assert!(refusal.contains("exists already"), "{refusal}");
    installation.add_user("bob", &[]);
    let refusal = installation.fails(1, &["restore", "copy.db", "--force"]);
    assert!(refusal.contains("is in use by another process"), "{refusal}");
    server.stop();

    let said = installation.run(&["restore", "copy.db", "--data", "elsewhere"]);
    assert!(said.contains("will not start without the master key of that time"), "{said}");
    std::fs::copy(installation.path("doorward-data/master.key"), installation.path("elsewhere/master.key"))
        .expect("copied");
    let restored = installation.serve(&["--data", "elsewhere"]);
    assert_eq!(get(&restored.address, "/oauth2/jwks").1, jwks);
    let users = installation.json(&["user", "list", "--json", "--data", "elsewhere"]);
    assert_eq!(users.as_array().expect("a list").len(), 1, "alice, who was there when the backup was made");
    restored.stop();

    let refusal = installation.fails(1, &["restore", "copy.db"]);
    assert!(refusal.contains("exists already"), "{refusal}");
    let said = installation.run(&["restore", "copy.db", "--force"]);
    assert!(said.contains("is kept as"), "{said}");
    assert!(!installation.run(&["user", "list"]).contains("bob"));
    let refusal = installation.fails(1, &["restore", "nothing.db", "--data", "third"]);
    assert!(refusal.contains("does not exist"), "{refusal}");
}
