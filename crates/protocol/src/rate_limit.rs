//! How often a client may ask for tokens: a count per second or per minute, written `50/s` or `600/min`. Knows no clock; who counts is
//! `provider`'s part.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// So many requests per second or minute; as many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RateLimit {
    requests: NonZeroU32,
    per: Per,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Per {
    Second,
    Minute,
}

/// Text that is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rate such as 50/s or 600/min is expected, of 1 to 1000000 requests")]
pub struct InvalidRateLimit;

impl RateLimit {
    const MOST: u32 = 1_000_000;

    /// How many requests.
    pub fn requests(self) -> u32 {
        self.requests.get()
    }

    /// In how many milliseconds.
    pub fn period_millis(self) -> u32 {
        match self.per {
            Per::Second => 1_000,
            Per::Minute => 60_000,
        }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.per {
            Per::Second => "s",
            Per::Minute => "min",
        };
        write!(f, "{}/{per}", self.requests)
    }
}

impl FromStr for RateLimit {
    type Err = InvalidRateLimit;
    fn from_str(text: &str) -> Result<Self, InvalidRateLimit> {
        let (count, per) = text.split_once('/').ok_or(InvalidRateLimit)?;
        let per = match per {
            "s" => Per::Second,
            "min" => Per::Minute,
            _ => return Err(InvalidRateLimit),
        };
        let digits = count.bytes().all(|byte| byte.is_ascii_digit());
        let requests: NonZeroU32 = count.parse().map_err(|_| InvalidRateLimit)?;
        if digits && requests.get() <= Self::MOST {
            Ok(Self { requests, per })
        } else {
            Err(InvalidRateLimit)
        }
    }
}

impl TryFrom<String> for RateLimit {
    type Error = InvalidRateLimit;
    fn try_from(text: String) -> Result<Self, InvalidRateLimit> {
        text.parse()
    }
}

impl From<RateLimit> for String {
    fn from(limit: RateLimit) -> Self {
        limit.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_written_as_it_is_read() {
        for text in ["50/s", "600/min", "1/min", "1000000/s"] {
            assert_eq!(text.parse::<RateLimit>().unwrap().to_string(), text);
        }
        for bad in ["", "50", "0/s", "50/h", "+5/s", "-1/s", "1.5/s", "1000001/s", "5/s/s", "/s"] {
            assert_eq!(bad.parse::<RateLimit>(), Err(InvalidRateLimit), "{bad}");
        }
    }
}
