//! Hashes that other systems keep in several columns, as JSON: written as the one text that this crate reads. Reads no password.

use base64::Engine as _;
use serde_json::{Map, Value};

use super::{BASE64, HashKind, UnsupportedHash, damage, firebase, hex, named, number};

/// The text of a hash that an export has as an object: a Keycloak credential (`secretData`, `credentialData`), Gitea's `passwd`, `salt` and
/// `passwd_hash_algo`, Discourse's `password_hash`, `salt` and `password_algorithm`, Firebase's `passwordHash` and `salt`, Auth0's
/// `custom_password_hash` (`algorithm`, `hash`). What it costs and whether it is whole is not looked at here.
///
/// # Errors
/// When it is none of these, or something is missing.
pub fn from_columns(columns: &Map<String, Value>) -> Result<String, UnsupportedHash> {
    if columns.contains_key("credentialData") || columns.contains_key("hashedSaltedValue") {
        return of_keycloak(columns);
    }
    if columns.contains_key("passwd_hash_algo") {
        return of_gitea(columns);
    }
    if columns.contains_key("password_algorithm") {
        return of_discourse(columns);
    }
    if columns.contains_key("passwordHash") {
        return of_firebase(columns);
    }
    if columns.contains_key("algorithm") && columns.contains_key("hash") {
        return of_auth0(columns);
    }
    Err(UnsupportedHash::UnknownFormat)
}

fn text<'a>(columns: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    columns.get(name).and_then(Value::as_str)
}

/// A member that is an object, or the text of one.
fn object(columns: &Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    match columns.get(name)? {
        Value::Object(object) => Some(object.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// A number, or the text of one, or a list of one of these.
fn whole_number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Value::String(text) => number(text),
        Value::Array(all) => all.first().and_then(whole_number),
        _ => None,
    }
}

/// base64 as other systems write it, as PHC strings have it.
fn phc_base64(text: &str) -> Option<String> {
    BASE64.decode(text).ok().map(|bytes| BASE64.encode(bytes))
}

fn of_keycloak(columns: &Map<String, Value>) -> Result<String, UnsupportedHash> {
    let unknown = UnsupportedHash::UnknownFormat;
    let is_old = columns.contains_key("hashedSaltedValue");
    let (secret, data) = if is_old {
        (columns.clone(), columns.clone())
    } else {
        let secret = object(columns, "secretData").ok_or_else(|| unknown.clone())?;
        (secret, object(columns, "credentialData").ok_or_else(|| unknown.clone())?)
    };
    let value = text(&secret, if is_old { "hashedSaltedValue" } else { "value" }).and_then(phc_base64);
    let salt = text(&secret, "salt").and_then(phc_base64);
    let iterations = data.get("hashIterations").and_then(whole_number);
    let (Some(value), Some(salt), Some(iterations)) = (value, salt, iterations) else { return Err(unknown) };
    match text(&data, "algorithm").unwrap_or("pbkdf2-sha256") {
        "argon2" => {
            let more = object(&data, "additionalParameters").unwrap_or_default();
            let of = |name: &str| more.get(name).and_then(whole_number);
            let first = |name: &str| match more.get(name) {
                Some(Value::Array(all)) => all.first().and_then(Value::as_str).map(str::to_owned),
                Some(Value::String(text)) => Some(text.clone()),
                _ => None,
            };
            let damaged = damage(HashKind::Argon2id);
            let (Some(memory), Some(lanes)) = (of("memory"), of("parallelism")) else {
                return Err(damaged("its credentialData does not say memory and parallelism"));
            };
            let variant = first("type").unwrap_or_else(|| "id".to_owned());
            let version = if first("version").as_deref() == Some("1.0") { 16 } else { 19 };
            Ok(format!("$argon2{variant}$v={version}$m={memory},t={iterations},p={lanes}${salt}${value}"))
        }
        algorithm @ ("pbkdf2" | "pbkdf2-sha256" | "pbkdf2-sha512") => {
            Ok(format!("${algorithm}$i={iterations}${salt}${value}"))
        }
        _ => Err(named::columns("a Keycloak hash by an extension's algorithm")),
    }
}

/// The digest and the salt hexadecimal; older salts are text.
fn of_gitea(columns: &Map<String, Value>) -> Result<String, UnsupportedHash> {
    let unknown = UnsupportedHash::UnknownFormat;
    let digest = text(columns, "passwd").and_then(hex).map(|digest| BASE64.encode(digest));
    let salt = text(columns, "salt").map(|salt| {
        BASE64.encode(hex(salt).filter(|salt| !salt.is_empty()).unwrap_or_else(|| salt.as_bytes().to_vec()))
    });
    let (Some(digest), Some(salt)) = (digest, salt) else { return Err(unknown) };
    let algorithm = text(columns, "passwd_hash_algo").unwrap_or_default();
    let mut settings = algorithm.split('$');
    let name = settings.next().unwrap_or_default();
    let numbers: Vec<_> = settings.map(|one| number(one).unwrap_or_default()).collect();
    match (name, numbers.as_slice()) {
        ("pbkdf2" | "pbkdf2_v2" | "pbkdf2_hi", [iterations, length]) => {
            Ok(format!("$pbkdf2-sha256$i={iterations},l={length}${salt}${digest}"))
        }
        ("pbkdf2_v1" | "pbkdf2", []) => Ok(format!("$pbkdf2-sha256$i=10000,l=50${salt}${digest}")),
        ("argon2", [time, memory, lanes, _]) => {
            Ok(format!("$argon2id$v=19$m={memory},t={time},p={lanes}${salt}${digest}"))
        }
        ("scrypt", [n, r, p, _]) if n.is_power_of_two() => {
            Ok(format!("$scrypt$ln={},r={r},p={p}${salt}${digest}", n.ilog2()))
        }
        _ => Err(named::columns("a Gitea hash whose algorithm does not say its parameters")),
    }
}

/// The digest hexadecimal; the salt's hexadecimal digits are the salt.
fn of_discourse(columns: &Map<String, Value>) -> Result<String, UnsupportedHash> {
    let unknown = || UnsupportedHash::UnknownFormat;
    let digest = text(columns, "password_hash").and_then(hex).map(|digest| BASE64.encode(digest));
    let salt = text(columns, "salt").map(|salt| BASE64.encode(salt));
    let algorithm = text(columns, "password_algorithm").unwrap_or_default().trim_end_matches('$');
    match (digest, salt, algorithm.starts_with("$pbkdf2-sha")) {
        (Some(digest), Some(salt), true) => Ok(format!("{algorithm}${salt}${digest}")),
        _ => Err(unknown()),
    }
}

fn of_firebase(columns: &Map<String, Value>) -> Result<String, UnsupportedHash> {
    // Exports are in ordinary base64, the REST API's answers in base64url.
    let plain = |text: &str| phc_base64(&text.replace('-', "+").replace('_', "/"));
    let digest = text(columns, "passwordHash").and_then(plain);
    let salt = text(columns, "salt").and_then(plain);
    match (salt, digest) {
        (Some(salt), Some(digest)) => Ok(format!("{}{salt}${digest}", firebase::NAME)),
        _ => Err(named::damaged(HashKind::FirebaseScrypt, "its passwordHash and salt are not base64")),
    }
}

/// Where the value is a whole text itself; other encodings are columns of their own making.
fn of_auth0(columns: &Map<String, Value>) -> Result<String, UnsupportedHash> {
    let hash = object(columns, "hash").unwrap_or_default();
    let encoding = text(&hash, "encoding").unwrap_or("utf8");
    match (text(columns, "algorithm").unwrap_or_default(), text(&hash, "value"), encoding) {
        ("argon2" | "bcrypt" | "pbkdf2", Some(value), "utf8") => Ok(value.to_owned()),
        _ => {
            Err(named::columns("an Auth0 custom_password_hash other than argon2, bcrypt and pbkdf2 in utf8"))
        }
    }
}
