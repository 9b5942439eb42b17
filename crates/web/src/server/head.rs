//! What the head of a request must be like before anybody reads it (RFC 9110, RFC 9112), where hyper lets more through. Knows no route.

use super::problem::Problem;
use http::header::{EXPECT, HOST, HeaderName, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, Version};
use std::net::{IpAddr, Ipv6Addr};

/// Checks a head, and leaves the host that the request is for in `Host`, where it is looked for from here on: a target in absolute form
/// overrides that header (RFC 9112 section 3.2.2), and HTTP/2 has `:authority` (RFC 9113 section 8.3.1).
pub(crate) fn checked<B>(request: &mut Request<B>) -> Result<(), Problem> {
    transfer_coding(request.headers())?;
    expectation(request.headers())?;
    let host = host(request.version(), request.uri(), request.headers())?;
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
    Ok(())
}

/// `chunked` once, and nothing else (RFC 9112 section 6.1): that another coding is undone before or after us is not ours to hope.
fn transfer_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let codings = items(headers, TRANSFER_ENCODING);
    if codings.iter().any(|coding| !coding.eq_ignore_ascii_case(b"chunked")) {
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED)
            .detail("Of the transfer codings, only chunked is understood here."));
    }
    match (headers.contains_key(TRANSFER_ENCODING), codings.len()) {
        (false, _) | (true, 1) => Ok(()),
        _ => Err(bad("Transfer-Encoding: chunked is expected once.")),
    }
}

/// RFC 9110 section 10.1.1.
fn expectation(headers: &HeaderMap) -> Result<(), Problem> {
    let unknown = |expected: &&[u8]| !expected.eq_ignore_ascii_case(b"100-continue");
    match items(headers, EXPECT).iter().any(unknown) {
        true => Err(Problem::new(StatusCode::EXPECTATION_FAILED)
            .detail("Of all that may be expected, only 100-continue is met here.")),
        false => Ok(()),
    }
}

/// RFC 9112 section 3.2, RFC 9113 section 8.3.1. What `Host` must be made, where it is not that already.
fn host(version: Version, uri: &Uri, headers: &HeaderMap) -> Result<Option<HeaderValue>, Problem> {
    let mut lines = headers.get_all(HOST).iter();
    let told = match (lines.next(), lines.next()) {
        (told, None) => told,
        (_, Some(_)) => return Err(bad("Host is there twice.")),
    };
    if told.is_some_and(|host| !is_authority(host.as_bytes())) {
        return Err(bad("Host: a host and perhaps a port are expected."));
    }
    let Some(authority) = uri.authority() else {
        // HTTP/1.0 has no such header.
        let may_be_missing = version < Version::HTTP_11;
        return if told.is_some() || may_be_missing { Ok(None) } else { Err(bad("Host is missing.")) };
    };
    if !is_authority(authority.as_str().as_bytes()) {
        return Err(bad("The target's authority is not a host and perhaps a port."));
    }
    let same = told.is_some_and(|host| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()));
    if version >= Version::HTTP_2 && told.is_some() && !same {
        return Err(bad("Host and :authority differ."));
    }
    Ok(HeaderValue::from_str(authority.as_str()).ok().filter(|_| !same))
}

/// `uri-host [ ":" port ]` (RFC 9110 section 7.2), where the host is there: of an `http` URI it must be (section 4.2.1).
fn is_authority(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let (host, rest) = match text.strip_prefix('[') {
        Some(literal) => {
            let Some((address, rest)) = literal.split_once(']') else { return false };
            (address.parse::<Ipv6Addr>().is_ok(), rest)
        }
        None => {
            let end = text.find(':').unwrap_or(text.len());
            (is_reg_name(&text[..end]), &text[end..])
        }
    };
    let port = match rest.strip_prefix(':') {
        None => rest.is_empty(),
        Some("") => true,
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
    };
    host && port
}

/// RFC 3986 section 3.2.2.
fn is_reg_name(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte);
    let encoded = |rest: &str| {
        rest.get(..2).is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    !host.is_empty() && host.bytes().all(allowed) && host.split('%').skip(1).all(encoded)
}

/// The name in a `Host`, without its port.
pub(crate) fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|literal| literal.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Whether a name is one that this machine calls itself by (RFC 6761 section 6.3).
pub(crate) fn is_loopback(name: &str) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    let below = name.len().checked_sub(".localhost".len()).and_then(|at| name.get(at..));
    is("localhost")
        || below.is_some_and(|end| end.eq_ignore_ascii_case(".localhost"))
        || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The items of a list, over all its lines (RFC 9110 section 5.6.1); empty ones count for nothing.
fn items(headers: &HeaderMap, name: HeaderName) -> Vec<&[u8]> {
    let lines = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    lines.map(<[u8]>::trim_ascii).filter(|item| !item.is_empty()).collect()
}

fn bad(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST).detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_7_2_a_host_and_perhaps_a_port() {
        for good in
            ["a", "a.example:80", "A_b-c.example.", "127.0.0.1:8080", "[::1]", "[::1]:443", "a:", "a%20b"]
        {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in [
            "", ":80", "a b", "a:b", "a:80:80", "a:99999", "u@a", "a/b", "a#b", "[::1", "[a]", "[::1]80",
            "a%2", "ä",
        ] {
            assert!(!is_authority(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn rfc6761_6_3_names_of_this_machine() {
        for name in
            ["localhost", "LOCALHOST", "id.localhost", "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"]
        {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["localhost.example", "xlocalhost", "0.0.0.0", "10.0.0.1", "::2", ""] {
            assert!(!is_loopback(name), "{name}");
        }
        assert_eq!((name_of("a.example:80"), name_of("[::1]:80"), name_of("a")), ("a.example", "::1", "a"));
    }
}
