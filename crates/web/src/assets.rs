//! The files pages load: one stylesheet, the icon, and scripts that only add comfort. Each is served under a
//! name that carries a hash of its content, so it can be cached for ever. Knows no HTTP and no page.

/// A file that is compiled into the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Where it is served, hash included: `/assets/doorward-0123456789abcdef.css`. A change of the content is a
    /// change of the path, so the answer may be `immutable`.
    pub path: &'static str,
    /// The value of the Content-Type header.
    pub content_type: &'static str,
    /// The bytes to send.
    pub body: &'static [u8],
}

/// Declares an asset from the file `assets/STEM.EXTENSION`. The path is computed while compiling.
macro_rules! asset {
    ($stem:literal, $extension:literal, $content_type:literal) => {{
        const BODY: &[u8] = include_bytes!(concat!("../assets/", $stem, ".", $extension));
        const LENGTH: usize = concat!("/assets/", $stem, "-", ".", $extension).len() + HASH_DIGITS;
        const PATH: [u8; LENGTH] =
            hashed_path(concat!("/assets/", $stem, "-"), fnv1a(BODY), concat!(".", $extension));
        Asset {
            path: match std::str::from_utf8(&PATH) {
                Ok(path) => path,
                Err(_) => "",
            },
            content_type: $content_type,
            body: BODY,
        }
    }};
}

/// The stylesheet of every page.
pub static STYLESHEET: Asset = asset!("doorward", "css", "text/css; charset=utf-8");
/// What the demo's relying party lays over [`STYLESHEET`].
pub static DEMO_STYLESHEET: Asset = asset!("demo", "css", "text/css; charset=utf-8");
/// Adds "Show" to password fields.
pub static SHOW_PASSWORD: Asset = asset!("show-password", "js", "text/javascript; charset=utf-8");
/// Shows that a form is on its way.
pub static BUSY: Asset = asset!("busy", "js", "text/javascript; charset=utf-8");
/// Adds "Copy" to the tokens that the demo shows.
pub static DEMO_COPY: Asset = asset!("demo-copy", "js", "text/javascript; charset=utf-8");
/// Submits the form of a `response_mode=form_post` answer.
pub static FORM_POST: Asset = asset!("form-post", "js", "text/javascript; charset=utf-8");
/// Tells an application's page whether its person is still signed in.
pub static LOGIN_STATUS: Asset = asset!("login-status", "js", "text/javascript; charset=utf-8");
/// Tells an application's page whether cookies come along.
pub static THIRD_PARTY_COOKIES: Asset = asset!("third-party-cookies", "js", "text/javascript; charset=utf-8");
/// The mark on a tile, for the browser's tab.
pub static ICON: Asset = asset!("icon", "svg", "image/svg+xml");
/// The icon of the demo's relying party.
pub static DEMO_ICON: Asset = asset!("demo-icon", "svg", "image/svg+xml");

/// Everything there is to serve below `/assets/`.
pub static ASSETS: [&Asset; 10] = [
    &STYLESHEET,
    &DEMO_STYLESHEET,
    &SHOW_PASSWORD,
    &BUSY,
    &DEMO_COPY,
    &FORM_POST,
    &LOGIN_STATUS,
    &THIRD_PARTY_COOKIES,
    &ICON,
    &DEMO_ICON,
];

/// The asset served at exactly this path, if there is one.
pub fn asset_at(path: &str) -> Option<&'static Asset> {
    ASSETS.into_iter().find(|asset| asset.path == path)
}

const HASH_DIGITS: usize = 16;

/// FNV-1a, 64 bits: it only has to tell two releases of our own files apart, and it runs while compiling.
const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

const fn hashed_path<const LENGTH: usize>(before: &str, hash: u64, after: &str) -> [u8; LENGTH] {
    let mut path = [0; LENGTH];
    let mut at = 0;
    while at < LENGTH {
        path[at] = if at < before.len() {
            before.as_bytes()[at]
        } else if at < before.len() + HASH_DIGITS {
            let digit = at - before.len();
            b"0123456789abcdef"[(hash >> (60 - 4 * digit)) as usize & 0xf]
        } else {
            after.as_bytes()[at - before.len() - HASH_DIGITS]
        };
        at += 1;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_carries_the_hash_of_the_content() {
        // FNV-1a test vectors of its authors.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
        for asset in ASSETS {
            assert!(asset.path.contains(&format!("-{:016x}.", fnv1a(asset.body))), "{}", asset.path);
            assert_eq!(asset_at(asset.path), Some(asset));
        }
        assert_eq!(asset_at("/assets/doorward.css"), None);
    }
}
