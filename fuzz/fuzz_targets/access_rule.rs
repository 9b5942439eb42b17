//! Rules and the requests they decide: the first line is a request target, each other line a rule.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::access_rule::host_name;
use protocol::{AccessRule, AccessRules, RequestPath};

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let target = lines.next().unwrap_or_default();
    let rules: Vec<AccessRule> = lines.filter_map(|line| line.parse().ok()).collect();
    for rule in &rules {
        assert_eq!(rule.to_string().parse::<AccessRule>().as_ref(), Ok(rule));
    }
    if let (Ok(rules), Ok(path)) = (AccessRules::new(&rules), RequestPath::parse(target)) {
        let _ = rules.find("GET", host_name(target).as_deref(), &path);
    }
});
