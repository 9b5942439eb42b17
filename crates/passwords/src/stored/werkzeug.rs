//! What Werkzeug, and so most Flask applications, store: `scrypt:32768:8:1$salt$digest`, `pbkdf2:sha256:1000000$salt$digest`. The salt is text,
//! the digest hexadecimal.

use super::{HashKind, Sha, Stored, UnsupportedHash, damage, hex, log_of, number, parts, pbkdf2, scrypt};

pub(super) fn read(stored: &str) -> Option<Result<Stored, UnsupportedHash>> {
    let [method, salt, digest] = parts(stored, '$')?;
    let (name, settings) = method.split_once(':')?;
    match name {
        "scrypt" => {
            let damaged = damage(HashKind::Scrypt);
            let numbers = parts(settings, ':')
                .and_then(|[n, r, p]| Some((number(n).and_then(log_of)?, number(r)?, number(p)?)));
            let read = numbers.ok_or_else(|| damaged("its parameters are not N, r and p"));
            let digest = hex(digest).ok_or_else(|| damaged("its digest is not hexadecimal"));
            Some(read.and_then(|numbers| scrypt(numbers, salt.as_bytes().to_vec(), digest?)))
        }
        "pbkdf2" => {
            let (sha, iterations) = settings.split_once(':')?;
            let sha = Sha::named(sha)?;
            let damaged = damage(sha.pbkdf2());
            let iterations = number(iterations).ok_or_else(|| damaged("it has no number of iterations"));
            let digest = hex(digest).ok_or_else(|| damaged("its digest is not hexadecimal"));
            Some(iterations.and_then(|iterations| pbkdf2(sha, iterations, salt.as_bytes().to_vec(), digest?)))
        }
        _ => None,
    }
}
