//! Every text that a page shows is escaped, wherever it comes from.

use super::markup::tags;
use crate::pages::*;
use askama::Template;

/// Hands out texts that would break out of an attribute or an element, and remembers their names.
#[derive(Default)]
struct Hostile(std::cell::RefCell<Vec<String>>);

impl Hostile {
    fn text(&self, field: &str) -> String {
        self.0.borrow_mut().push(field.to_owned());
        format!("{field}\"'><script>alert(1)</script>")
    }

    fn escaped_in(self, page: &impl Template) {
        let html = page.render().expect("renders");
        assert!(!html.contains("<script>"), "{html}");
        for field in self.0.into_inner() {
            let escaped = format!("{field}&#34;&#39;&#62;&#60;script&#62;alert(1)&#60;/script&#62;");
            assert!(html.contains(&escaped), "{field} is not shown, or not escaped:\n{html}");
        }
        tags(&html);
    }
}

fn person(hostile: &Hostile) -> Person {
    Person { name: hostile.text("name_of_person"), detail: Some(hostile.text("detail_of_person")) }
}

#[test]
fn sign_in_and_sign_up_escape_every_text() {
    let hostile = Hostile::default();
    let page = SignInPage {
        client_name: hostile.text("client_name"),
        client_mark: ClientMark::Initial,
        client_host: None,
        interaction: hostile.text("interaction"),
        action: hostile.text("action"),
        username: hostile.text("username"),
        error: Some(SignInProblem::WrongUsernameOrPassword),
        can_sign_up: true,
        again_as: Some(person(&hostile)),
        stay: Some(true),
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let first = SignInPage { client_host: Some(hostile.text("client_host")), again_as: None, ..page };
    hostile.escaped_in(&first);

    let hostile = Hostile::default();
    let (client_name, interaction) = (Some(hostile.text("client_name")), hostile.text("interaction"));
    let page = SignUpPage {
        purpose: SignUpPurpose::Join { client_name, interaction },
        client_mark: ClientMark::Initial,
        action: hostile.text("action"),
        username: hostile.text("username"),
        email: hostile.text("email"),
        name: hostile.text("name"),
        password_min_length: 8,
        errors: vec![
            FieldError { field: Some(SignUpField::Name), message: hostile.text("name_problem") },
            FieldError { field: None, message: hostile.text("problem") },
        ],
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let owner = SignUpPage { purpose: SignUpPurpose::FirstOwner { token: hostile.text("token") }, ..page };
    hostile.escaped_in(&owner);
}

#[test]
fn the_pages_of_devices_escape_every_text() {
    let hostile = Hostile::default();
    let page = DevicePage { user_code: None, typed: Some(hostile.text("typed")), problem: None };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = DeviceConsentPage {
        client_name: hostile.text("client_name"),
        client_mark: ClientMark::Logo(hostile.text("logo")),
        user_code: Some(hostile.text("user_code")),
        person: person(&hostile),
        interaction: hostile.text("interaction"),
        asked_from: Some(hostile.text("asked_from")),
        asked_for: Wait::seconds(1),
        permissions: vec![ConsentPage::permission(&hostile.text("scope"))],
        offline: true,
    };
    hostile.escaped_in(&page);

    for state in [
        |hostile: &Hostile| DemoTelevision::SignedIn { name: hostile.text("name") },
        |hostile: &Hostile| DemoTelevision::Over { why: hostile.text("why") },
    ] {
        let hostile = Hostile::default();
        let page = DemoTelevisionPage { state: state(&hostile) };
        hostile.escaped_in(&page);
    }
}

#[test]
fn the_pages_of_an_interaction_escape_every_text() {
    let hostile = Hostile::default();
    let page = ConsentPage {
        client_name: hostile.text("client_name"),
        client_host: Some(hostile.text("client_host")),
        client_mark: ClientMark::Logo(hostile.text("logo")),
        person: person(&hostile),
        interaction: hostile.text("interaction"),
        permissions: vec![
            ConsentPage::permission(&hostile.text("scope")),
            Permission { title: hostile.text("title"), detail: hostile.text("detail") },
        ],
        offline: true,
        action: hostile.text("action"),
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = SelectAccountPage {
        client_name: hostile.text("client_name"),
        client_mark: ClientMark::Initial,
        interaction: hostile.text("interaction"),
        accounts: vec![Account { person: person(&hostile), session: hostile.text("session") }],
        action: hostile.text("action"),
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = FormPostPage {
        action: hostile.text("action"),
        fields: vec![(hostile.text("name"), hostile.text("value"))],
    };
    hostile.escaped_in(&page);
}

#[test]
fn the_other_pages_escape_every_text() {
    let hostile = Hostile::default();
    let page = SignOutPage {
        client_name: Some(hostile.text("client_name")),
        people: vec![person(&hostile)],
        problem: None,
        logout: hostile.text("logout"),
        request: vec![(hostile.text("name"), hostile.text("value"))],
        action: hostile.text("action"),
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = SignOutPage {
        problem: Some(hostile.text("problem")),
        people: vec![person(&hostile)],
        ..SignOutPage::default()
    };
    hostile.escaped_in(&page);

    for over in [Over::Here, Over::Named] {
        let hostile = Hostile::default();
        let page = SignedOutPage {
            client_name: Some(hostile.text("client_name")),
            over,
            back: Some(hostile.text("back")),
            not_registered: Some(hostile.text("not_registered")),
        };
        hostile.escaped_in(&page);
    }

    let hostile = Hostile::default();
    let page = SignedOutPage {
        client_name: None,
        over: Over::OneOfSeveral { user_name: hostile.text("user_name"), still: vec![hostile.text("still")] },
        back: None,
        not_registered: None,
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = ErrorPage {
        status: 400,
        title: hostile.text("title"),
        what_happened: hostile.text("what_happened"),
        what_to_do: hostile.text("what_to_do"),
        error_code: Some(hostile.text("error_code")),
        lead_on: LeadOn::new(hostile.text("label"), hostile.text("address")),
        request_id: hostile.text("request_id"),
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = HomePage {
        issuer: hostile.text("issuer"),
        discovery_url: hostile.text("discovery_url"),
        signed_in: vec![person(&hostile)],
        runs_installation: true,
        needs_setup: true,
    };
    hostile.escaped_in(&page);
}

#[test]
fn the_demo_escapes_every_text() {
    let hostile = Hostile::default();
    let page = DemoHomePage {
        issuer: hostile.text("issuer"),
        signed_out: Some(hostile.text("signed_out")),
        phone: None,
        sign_in_url: hostile.text("sign_in_url"),
        users: vec![DemoUser {
            username: hostile.text("username"),
            password: hostile.text("password"),
            name: hostile.text("name"),
        }],
        clients: vec![DemoClient {
            name: hostile.text("client_name"),
            client_id: hostile.text("client_id"),
            client_secret: Some(hostile.text("client_secret")),
            redirect_uris: vec![hostile.text("redirect_uri")],
        }],
        endpoints: vec![(hostile.text("endpoint"), hostile.text("url"))],
    };
    hostile.escaped_in(&page);

    let hostile = Hostile::default();
    let page = DemoResultPage {
        claims: vec![(hostile.text("claim"), hostile.text("value"))],
        id_token_header_json: hostile.text("id_token_header_json"),
        id_token_claims_json: hostile.text("id_token_claims_json"),
        id_token_times: vec![(hostile.text("claim_of_time"), hostile.text("time"))],
        access_token_times: Vec::new(),
        raw_tokens: vec![DemoToken { name: "ID Token", id: "id", raw: hostile.text("raw") }],
        access_token_claims_json: hostile.text("access_token_claims_json"),
        refresh_token_present: true,
        userinfo_json: hostile.text("userinfo_json"),
        introspection_json: hostile.text("introspection_json"),
        sign_out_url: hostile.text("sign_out_url"),
        refresh_url: hostile.text("refresh_url"),
    };
    hostile.escaped_in(&page);
}
