//! How values are written: durations, sizes, switches, numbers, addresses, and what only one setting means. `Err` says what is
//! expected, to follow the word "expected".

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crypto::MasterKey;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;

/// Puts a value where it belongs.
pub(crate) fn put<T>(slot: &mut T, value: Result<T, String>) -> Result<(), String> {
    *slot = value?;
    Ok(())
}

/// `90s`, `10m`, `8h`, `30d`, `250ms`: a whole number and one unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 5] =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let expected = || "a duration: a whole number with one of ms, s, m, h, d, such as 90s or 30d".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let milliseconds =
        UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| factor).ok_or_else(expected)?;
    let number: u64 = number.parse().map_err(|_| expected())?;
    let milliseconds = number.checked_mul(*milliseconds).ok_or_else(expected)?;
    // Times are milliseconds in 63 bits everywhere; a century is more than anybody means.
    if milliseconds > 100 * 366 * 86_400_000 {
        return Err("a duration of at most 100 years".to_owned());
    }
    Ok(Duration::from_millis(milliseconds))
}

/// A duration that is not zero.
pub(crate) fn lifetime(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("a duration longer than 0".to_owned()),
        lifetime => Ok(lifetime),
    }
}

/// Whole seconds, as protocols count them: a duration, or the bare number of seconds.
pub(crate) fn seconds(text: &str) -> Result<u32, String> {
    let expected = || "a duration in whole seconds, such as 10m, 1h or 30d".to_owned();
    if let Ok(seconds) = number(text, 0, u32::MAX) {
        return Ok(seconds);
    }
    let duration = duration(text).map_err(|_| expected())?;
    let whole = duration.subsec_nanos() == 0;
    u32::try_from(duration.as_secs()).ok().filter(|_| whole).ok_or_else(expected)
}

/// `65536`, `64KiB`, `19MiB`, `1GiB`: bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 4] = [("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let expected =
        || "a size: a whole number of bytes, or one with KiB, MiB or GiB, such as 64KiB".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor =
        UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| factor).ok_or_else(expected)?;
    let number: u64 = number.parse().map_err(|_| expected())?;
    number.checked_mul(*factor).filter(|bytes| *bytes <= i64::MAX as u64).ok_or_else(expected)
}

/// A size from `least` to `most` bytes.
pub(crate) fn size_between(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let bytes = size(text)?;
    if (least..=most).contains(&bytes) {
        return Ok(bytes);
    }
    Err(format!("a size from {} to {}", shown_size(least), shown_size(most)))
}

/// A size in whole KiB.
pub(crate) fn kib(text: &str) -> Result<u32, String> {
    let bytes = size(text)?;
    let kib = u32::try_from(bytes / 1024).ok().filter(|_| bytes % 1024 == 0);
    kib.ok_or_else(|| "a size in whole KiB, such as 19MiB".to_owned())
}

/// `on` or `off`; in a TOML file also `true` or `false`.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    one_of(text, &[("on", true), ("off", false), ("true", true), ("false", false)])
        .map_err(|_| "on or off".to_owned())
}

/// One of a few words.
pub(crate) fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(word, _)| *word == text);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        words.join(" or ")
    })
}

/// A whole number from `least` to `most`.
pub(crate) fn number<T>(text: &str, least: T, most: T) -> Result<T, String>
where
    T: FromStr + PartialOrd + std::fmt::Display,
{
    // Not every way Rust reads numbers: `+5` is refused.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("a whole number from {least} to {most}"))
}

/// A part of a whole.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let share = text.parse().ok().filter(|share| plain && (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a number from 0 to 1".to_owned())
}

/// `127.0.0.1:8080` or `[::]:443`.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let expected = "an IP address and a port, such as 127.0.0.1:8080 or [::]:443";
    text.parse().map_err(|_| expected.to_owned())
}

/// Any path but the empty one.
pub(crate) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("a path".to_owned()) } else { Ok(PathBuf::from(text)) }
}

/// A database's URL without its password; of one that is wrong, only the scheme: who knows where the password is in it.
pub(crate) fn masked_database(text: &str) -> String {
    match text.parse::<storage::Database>() {
        Ok(database) if database.file().is_some() => text.to_owned(),
        Ok(database) => database.to_string(),
        Err(_) => match text.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://.."),
            None if text.contains('@') => "..".to_owned(),
            None => text.to_owned(),
        },
    }
}

/// One master key, or several with commas between; as it was written.
pub(crate) fn master_key(text: &str) -> Result<SecretString, String> {
    let keys: Result<Vec<_>, _> = text.split(',').map(MasterKey::from_text).collect();
    keys.map(|_| SecretString::from(text)).map_err(|_| "32 bytes in base64".to_owned())
}

/// Revocations are remembered for as long as an access token can live.
pub(crate) fn access_lifetime(text: &str) -> Result<Duration, String> {
    let most = Duration::from_secs(86_400);
    lifetime(text).and_then(|value| if value <= most { Ok(value) } else { Err("at most 1d".to_owned()) })
}

/// Devices are told it in seconds (RFC 8628 section 3.2).
pub(crate) fn device_code_lifetime(text: &str) -> Result<Duration, String> {
    lifetime(text).and_then(|value| whole_seconds(value, 3_600, "at most 1h, in whole seconds"))
}

/// The same.
pub(crate) fn device_interval(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|value| whole_seconds(value, 60, "at most 1m, in whole seconds"))
}

fn whole_seconds(value: Duration, most: u64, expected: &str) -> Result<Duration, String> {
    let fits = value.subsec_nanos() == 0 && value <= Duration::from_secs(most);
    if fits { Ok(value) } else { Err(expected.to_owned()) }
}

/// Clients keep the JWK Set for a while; a key that comes and goes faster than that is never known to them.
pub(crate) fn rotation(text: &str) -> Result<Duration, String> {
    let least = Duration::from_secs(3_600);
    lifetime(text).and_then(|value| if value >= least { Ok(value) } else { Err("at least 1h".to_owned()) })
}

/// A copy of everything, or a restoring of it, is not made every few seconds.
pub(crate) fn base_interval(text: &str) -> Result<Duration, String> {
    let least = Duration::from_secs(60);
    lifetime(text).and_then(|value| if value >= least { Ok(value) } else { Err("at least 1m".to_owned()) })
}

/// A filter in the syntax of `tracing_subscriber::EnvFilter`, as it was written. A word that is no level would be taken as the name of a part, and
/// everything else would be silent: such a part is written with its level.
pub(crate) fn log_filter(text: &str) -> Result<String, String> {
    let directives = || text.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    let is_plain = |directive: &str| !directive.contains(['=', '[', ']', '{', '}', '"']);
    let are_levels = directives().filter(|directive| is_plain(directive)).all(is_level);
    match EnvFilter::builder().parse(text) {
        Ok(_) if directives().next().is_some() && are_levels => Ok(text.to_owned()),
        _ => Err("a level, or parts and their levels, such as info,provider=debug".to_owned()),
    }
}

fn is_level(word: &str) -> bool {
    ["off", "error", "warn", "info", "debug", "trace"].iter().any(|level| word.eq_ignore_ascii_case(level))
}

fn shown_size(bytes: u64) -> String {
    match bytes {
        0 => "0".to_owned(),
        bytes if bytes % (1 << 30) == 0 => format!("{}GiB", bytes >> 30),
        bytes if bytes % (1 << 20) == 0 => format!("{}MiB", bytes >> 20),
        bytes if bytes % (1 << 10) == 0 => format!("{}KiB", bytes >> 10),
        bytes => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_strict() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("8h", 28_800), ("30d", 2_592_000), ("0s", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in [
            "",
            "5",
            "s",
            "1.5h",
            "-1s",
            "+1s",
            " 1s",
            "1 s",
            "1S",
            "1h30m",
            "1w",
            "99999999999999999999s",
            "18446744073709551615d",
            "36601d",
            "１s",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert!(lifetime("0s").is_err());
        for (text, whole) in [("10m", 600), ("1h", 3_600), ("600", 600), ("0", 0)] {
            assert_eq!(seconds(text), Ok(whole), "{text}");
        }
        for bad in ["250ms", "1.5h", "99999999999", "", "-1", "100000d"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_strict() {
        for (text, bytes) in [("0", 0), ("64KiB", 65_536), ("19MiB", 19 << 20), ("1GiB", 1 << 30), ("7", 7)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for bad in [
            "",
            "KiB",
            "64KB",
            "64kib",
            "1.5MiB",
            "-1",
            "64 KiB",
            "18446744073709551615GiB",
            "9223372036854775808",
        ] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert_eq!(kib("19MiB"), Ok(19_456));
        assert!(kib("1025").is_err() && kib("4096GiB").is_err());
        assert_eq!(size_between("1", 1024, 1 << 20), Err("a size from 1KiB to 1MiB".to_owned()));
    }

    #[test]
    fn numbers_and_words_say_what_they_may_be() {
        assert_eq!(number("7", 1_u32, 9), Ok(7));
        for bad in ["0", "10", "", "+7", "7.0", "99999999999"] {
            assert_eq!(number(bad, 1_u32, 9), Err("a whole number from 1 to 9".to_owned()), "{bad}");
        }
        assert_eq!((share("0.25"), share("0"), share("1")), (Ok(0.25), Ok(0.0), Ok(1.0)));
        for bad in ["1.1", "-0", "1e-3", "NaN", ""] {
            assert_eq!(share(bad), Err("a number from 0 to 1".to_owned()), "{bad}");
        }
        assert_eq!(switch("true"), Ok(true));
        assert_eq!(switch("yes"), Err("on or off".to_owned()));
        assert_eq!(one_of("x", &[("open", 1), ("closed", 2)]), Err("open or closed".to_owned()));
    }
}
