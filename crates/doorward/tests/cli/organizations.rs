//! Organizations from the command line: the same while a server runs and while none does, and what is used is not removed.

use crate::process::{Installation, get};
use serde_json::{Value, json};

fn run(installation: &Installation, line: &str) -> String {
    installation.run(&line.split(' ').collect::<Vec<_>>())
}

fn json_of(installation: &Installation, line: &str) -> Value {
    installation.json(&line.split(' ').chain(["--json"]).collect::<Vec<_>>())
}

fn fails(installation: &Installation, line: &str) -> String {
    installation.fails(1, &line.split(' ').collect::<Vec<_>>())
}

#[test]
fn from_an_organization_to_a_subscription_and_back_with_and_without_a_server() {
    for with_server in [false, true] {
        let installation = Installation::new();
        installation.add_user("alice", &[]);
        let server = with_server.then(|| installation.serve(&[]));
        let run = |line| run(&installation, line);
        let fails = |line| fails(&installation, line);
        run("organization add acme --name Acme");
        assert!(fails("organization add acme").contains("organization acme is taken"));
        run("service add acme/notes");
        assert!(fails("service add nobody/notes").contains("there is no organization nobody"));
        run("plan add acme/notes/free --feature read");
        run("plan add acme/notes/pro --name Professional --feature read --feature export");
        run("client add app --redirect-uri https://app.example.org/cb --service acme/notes");
        assert!(run("client show app").contains("acme/notes"));

        run("subscription set alice acme/notes/pro --current-period-end 2027-01-01T00:00:00Z");
        run(
            "subscription set alice acme/notes/pro --status canceled --current-period-end 2027-02-01T00:00:00Z",
        );
        let shown = json_of(&installation, "subscription show alice acme/notes");
        let told = |name: &str| shown[name].clone();
        assert_eq!(
            ["username", "service", "plan", "status", "current_period_end"].map(told),
            [
                json!("alice"),
                json!("acme/notes"),
                json!("pro"),
                json!("canceled"),
                json!("2027-02-01T00:00:00Z"),
            ]
        );
        assert_eq!(json_of(&installation, "subscription list acme/notes"), json!([shown]));
        assert_eq!(json_of(&installation, "subscription list --user alice"), json!([shown]));
        run("member add acme alice");
        run("member add acme alice --role owner");
        assert_eq!(json_of(&installation, "member list acme")[0]["role"], "owner");
        run("plan set acme/notes/pro --features-json {\"seats\":5}");
        assert_eq!(json_of(&installation, "plan list acme/notes")[1]["features"], json!({"seats": 5}));
        run("organization set acme --disable");
        assert!(run("organization list").contains("disabled"));
        run("organization set acme --enable");

        assert!(fails("organization remove acme --yes").contains("has services"));
        assert!(fails("service remove acme/notes --yes").contains("has clients or subscriptions"));
        assert!(fails("plan remove acme/notes/pro --yes").contains("has subscriptions"));
        run("subscription remove alice acme/notes --yes");
        assert!(fails("subscription show alice acme/notes").contains("there is no subscription"));
        run("client set app --no-service");
        run("plan remove acme/notes/pro --yes");
        run("service remove acme/notes --yes");
        run("member remove acme alice --yes");
        run("organization remove acme --yes");
        assert_eq!(json_of(&installation, "organization list"), json!([]));
        if let Some(server) = server {
            assert_eq!(get(&server.address, "/api/subscription").0, 401);
            server.stop();
        }
    }
}

#[test]
fn what_cannot_be_a_name_is_refused_before_anything_is_asked() {
    let installation = Installation::new();
    for line in [
        "organization add Acme",
        "service add acme",
        "plan add acme/notes",
        "subscription set alice acme/notes",
        "subscription set alice acme/notes/pro --status king",
        "subscription list",
        "member add acme alice --role king",
        "plan add acme/notes/pro --features-json 5",
    ] {
        installation.fails(2, &line.split(' ').collect::<Vec<_>>());
    }
}
