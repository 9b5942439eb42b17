//! Which rule decides, held against a matcher that is slow and plain.

use super::*;
use proptest::prelude::*;

fn rules(texts: &[&str]) -> Vec<AccessRule> {
    texts.iter().map(|text| text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))).collect()
}

/// `METHOD [//host]/path` as a gateway would ask.
fn decided(rules: &AccessRules, request: &str) -> String {
    let (method, url) = request.split_once(' ').unwrap();
    let (host, path) = match url.strip_prefix("//") {
        Some(rest) => (Some(&rest[..rest.find('/').unwrap()]), &rest[rest.find('/').unwrap()..]),
        // A rule names a host, so that each request must.
        None => (Some("any.example"), url),
    };
    match rules.find(method, host, &RequestPath::parse(path).unwrap()) {
        Err(NotAdmitted::NoRule) => "refused".to_owned(),
        Err(other) => format!("{other:?}"),
        Ok(Needs::Public) => "public".to_owned(),
        Ok(Needs::Token(scope)) => scope.to_string(),
    }
}

const TEXTS: &[&str] = &[
    "GET /orders = list",
    "POST /orders = create",
    "GET,PUT /orders/{id} = one",
    "GET /orders/latest = latest",
    "/orders/{id}/lines/{rest...} = lines",
    "GET /orders/{id}/lines/{line} = line",
    "* /admin/** = admin",
    "GET /a/{x}/c = axc",
    "GET /a/b/d = abd",
    "GET /files/** = public",
    "GET //internal.example/orders = internal",
    "/ = authenticated",
];

#[test]
fn the_most_specific_template_decides_and_then_the_method() {
    let table = [
        ("GET /orders", "list"),
        ("HEAD /orders", "list"),
        ("GET /orders/", "list"),
        ("GET /orders?x=/admin", "list"),
        ("POST /orders", "create"),
        ("DELETE /orders", "refused"),
        ("GET /orders/5", "one"),
        ("PUT /orders/5", "one"),
        ("GET /orders/latest", "latest"),
        // The more specific template has no such method; the broader one is not asked.
        ("PUT /orders/latest", "refused"),
        ("GET /orders/5/lines", "lines"),
        ("GET /orders/5/lines/1", "line"),
        ("DELETE /orders/5/lines/1", "refused"),
        ("DELETE /orders/5/lines/1/2", "lines"),
        ("GET /orders/5/other", "refused"),
        ("DELETE /admin", "admin"),
        ("GET /admin/a/b/c", "admin"),
        ("GET /%61dmin/a", "admin"),
        ("GET /Admin/a", "refused"),
        ("GET /a/b/c", "axc"),
        ("GET /a/b/d", "abd"),
        ("GET /a/b/e", "refused"),
        ("GET /files/x", "public"),
        ("POST /files/x", "refused"),
        ("GET //internal.example/orders", "internal"),
        ("POST //internal.example/orders", "refused"),
        ("GET //internal.example/orders/5", "one"),
        ("GET //api.example/orders", "list"),
        ("GET /", ""),
        ("GET /unknown", "refused"),
    ];
    let mut rules = rules(TEXTS);
    for _ in 0..2 {
        let made = AccessRules::new(&rules).unwrap();
        for (request, needs) in table {
            assert_eq!(decided(&made, request), needs, "{request}");
        }
        rules.reverse();
    }
}

#[test]
fn a_rule_is_written_as_it_is_read() {
    for text in
        TEXTS.iter().map(|text| if text.starts_with('/') { format!("* {text}") } else { (*text).to_owned() })
    {
        let rule: AccessRule = text.parse().unwrap();
        assert_eq!(rule.to_string(), text);
        assert_eq!(serde_json::from_value::<AccessRule>(serde_json::json!(text)).unwrap(), rule);
    }
}

#[test]
fn what_is_not_meant_so_is_refused() {
    for text in [
        "",
        "/orders",
        "/orders=read",
        "/orders = ",
        "GET orders = read",
        "get /orders = read",
        "HEAD /orders = read",
        "GET,,POST /orders = read",
        "GET, POST /orders = read",
        "/orders/{id = read",
        "/orders/{} = read",
        "/orders/{id}.json = read",
        "/orders/:id = read",
        "/orders/* = read",
        "/a*b = read",
        "/**/x = read",
        "/{rest...}/x = read",
        "//api.example = read",
        "//api example/x = read",
        "///x = read",
        "/a//b = read",
        "/a/../b = read",
        "/a%2fb = read",
        "/a?b = read",
        "/a = re\"ad",
    ] {
        assert!(text.parse::<AccessRule>().is_err(), "{text}");
    }
}

#[test]
fn two_rules_for_the_same_requests_are_refused() {
    for pair in [
        ["GET /a/{x} = a", "GET,PUT /a/{y} = b"],
        ["/a = a", "* /a/ = a"],
        ["/a/** = a", "/a/{rest...} = b"],
        ["//A.example/a = a", "//a.example:443/a = b"],
    ] {
        assert!(matches!(AccessRules::new(&rules(&pair)), Err(InvalidRule::Twice(_))), "{pair:?}");
    }
    AccessRules::new(&rules(&["/a = a", "GET /a = b", "GET //h/a = c", "/a/** = d"])).unwrap();
}

#[test]
fn hosts_are_compared_without_case_port_and_root() {
    for (text, host) in [
        ("API.example", Some("api.example")),
        ("api.example.", Some("api.example")),
        ("api.example:8443", Some("api.example")),
        ("[::1]:80", Some("::1")),
        ("[0:0::0:1]", Some("::1")),
        ("[::1]x", None),
        ("[a]", None),
        ("a..example", None),
        ("api.example..", None),
        (".", None),
        ("user@api.example", None),
        ("a.example, b.example", None),
        ("", None),
        ("a b", None),
        ("a/b", None),
        ("api.example:x", None),
        ("a:b:c", None),
        ("[::1", None),
    ] {
        assert_eq!(host_name(text).as_deref(), host, "{text}");
    }
}

#[test]
fn a_request_whose_host_or_method_cannot_be_read_is_admitted_by_no_broader_rule() {
    let of_host = rules(&["//admin.example/** = admin", "/** = public", "* /open = public"]);
    let any_host = rules(&["DELETE /orders = admin", "/orders = public"]);
    let (of_host, any_host) = (AccessRules::new(&of_host).unwrap(), AccessRules::new(&any_host).unwrap());
    let root = RequestPath::parse("/orders").unwrap();
    for (host, found) in [
        (Some("admin.example"), Ok(&Needs::Token(Scope::parse("admin").unwrap()))),
        (Some("ADMIN.example.:8443"), Ok(&Needs::Token(Scope::parse("admin").unwrap()))),
        (Some("other.example"), Ok(&Needs::Public)),
        (Some("admin.example:80x"), Err(NotAdmitted::Host)),
        (Some("admin.example:80:80"), Err(NotAdmitted::Host)),
        (Some("x@admin.example"), Err(NotAdmitted::Host)),
        (Some("admin.example, other.example"), Err(NotAdmitted::Host)),
        (Some(" admin.example"), Err(NotAdmitted::Host)),
        (Some(""), Err(NotAdmitted::Host)),
        (None, Err(NotAdmitted::NoHost)),
    ] {
        assert_eq!(of_host.find("GET", host, &root), found, "{host:?}");
    }
    // Where no rule names a host, none is needed; one that is there must be one all the same.
    assert_eq!(any_host.find("GET", None, &root), Ok(&Needs::Public));
    assert_eq!(any_host.find("GET", Some("a b"), &root), Err(NotAdmitted::Host));
    for method in ["delete", "Delete", "DELETe", "get", "", "DELETE ", "DEL\u{c9}TE"] {
        assert_eq!(any_host.find(method, None, &root), Err(NotAdmitted::Method), "{method}");
    }
    assert_eq!(any_host.find("M-SEARCH", None, &root), Ok(&Needs::Public));
}

/// Every rule whose template matches, looked at one after another; the most specific by comparing segment by segment.
fn plainly<'a>(rules: &'a [AccessRule], method: &str, path: &[&str]) -> Option<&'a Needs> {
    let rank = |segment: Option<&Segment>| match segment {
        // An end is more specific than a rest of nothing.
        None | Some(Segment::Literal(_)) => 0,
        Some(Segment::One) => 1,
        Some(Segment::Rest) => 2,
    };
    let fits = |template: &[Segment]| {
        let rest = template.last() == Some(&Segment::Rest);
        let fixed = if rest { &template[..template.len() - 1] } else { template };
        (if rest { path.len() >= fixed.len() } else { path.len() == fixed.len() })
            && fixed.iter().zip(path).all(|(segment, part)| match segment {
                Segment::Literal(text) => text == part,
                _ => true,
            })
    };
    let key = |rule: &AccessRule| {
        (0..=path.len()).map(|at| rank(rule.template.segments.get(at))).collect::<Vec<_>>()
    };
    let best = rules.iter().filter(|rule| fits(&rule.template.segments)).map(key).min()?;
    let deciding: Vec<_> =
        rules.iter().filter(|rule| fits(&rule.template.segments) && key(rule) == best).collect();
    let named = deciding.iter().find(|rule| rule.methods.contains(method));
    named.or_else(|| deciding.iter().find(|rule| rule.methods.is_empty())).map(|rule| &rule.needs)
}

fn rule() -> impl Strategy<Value = String> {
    let part = prop_oneof![3 => Just("a"), 3 => Just("b"), 2 => Just("{x}")];
    let methods = prop_oneof![Just("*"), Just("GET"), Just("PUT,POST")];
    (methods, prop::collection::vec(part, 0..4), any::<bool>(), 0..9_u8).prop_map(
        |(methods, parts, rest, scope)| {
            let rest = if rest { "/**" } else { "" };
            let path = format!("/{}", parts.join("/"));
            format!(
                "{methods} {}{rest} = s{scope}",
                if rest.is_empty() { path.as_str() } else { path.trim_end_matches('/') }
            )
        },
    )
}

proptest! {
    #[test]
    fn the_matcher_says_what_a_plain_search_says(
        texts in prop::collection::vec(rule(), 0..12),
        paths in prop::collection::vec(prop::collection::vec("[abc]", 0..5), 1..20),
    ) {
        let mut rules: Vec<AccessRule> = Vec::new();
        for text in texts {
            let mut more = rules.clone();
            more.push(text.parse().unwrap());
            if AccessRules::new(&more).is_ok() {
                rules = more;
            }
        }
        let made = AccessRules::new(&rules).unwrap();
        rules.reverse();
        let reversed = AccessRules::new(&rules).unwrap();
        for path in &paths {
            let text = format!("/{}", path.join("/"));
            let parts: Vec<&str> = path.iter().map(String::as_str).collect();
            let request = RequestPath::parse(&text).unwrap();
            for method in ["GET", "HEAD", "PUT", "DELETE"] {
                let found = made.find(method, None, &request);
                prop_assert_eq!(found, reversed.find(method, None, &request));
                prop_assert_eq!(found.ok(), plainly(&rules, if method == "HEAD" { "GET" } else { method }, &parts), "{} {}", method, text);
            }
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "(GET |\\* )?/?([a-c/{}.*:%]|//h){0,10}( = [a-c ]{0,5})?|.*") {
        if let Ok(rule) = text.parse::<AccessRule>() {
            prop_assert_eq!(rule.to_string().parse::<AccessRule>().unwrap(), rule);
        }
        let _ = host_name(&text);
    }
}
