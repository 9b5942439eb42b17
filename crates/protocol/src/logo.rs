//! A client's logo, as its pages show it: a small picture that is kept with the registration, so that no page asks another site for one.
//! Knows what a picture's first bytes look like, and no pixel.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Every page that shows it stays small with it.
pub const LONGEST_LOGO_BYTES: usize = 24 * 1024;

/// A picture: PNG, JPEG or WebP. No SVG, which can hold scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Logo(Vec<u8>);

/// What is no logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLogo {
    /// Another format.
    #[error("a picture is expected: PNG, JPEG or WebP")]
    Format,
    /// Too large.
    #[error("a picture of at most {} KiB is expected", LONGEST_LOGO_BYTES / 1024)]
    Length,
}

impl Logo {
    /// The picture that these bytes are.
    ///
    /// # Errors
    /// When they are none, or too many.
    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidLogo> {
        if bytes.len() > LONGEST_LOGO_BYTES {
            return Err(InvalidLogo::Length);
        }
        media_type(&bytes).ok_or(InvalidLogo::Format)?;
        Ok(Self(bytes))
    }

    /// What it is, for the Content-Type header.
    pub fn media_type(&self) -> &'static str {
        media_type(&self.0).unwrap_or("application/octet-stream")
    }

    /// The picture.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Another picture has another: FNV-1a, which only has to tell a client's own pictures apart.
    pub fn version(&self) -> String {
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        format!("{:016x}", self.0.iter().fold(0xcbf2_9ce4_8422_2325, mix))
    }
}

fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

impl fmt::Display for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} bytes", self.media_type(), self.0.len())
    }
}

impl TryFrom<String> for Logo {
    type Error = InvalidLogo;

    fn try_from(text: String) -> Result<Self, InvalidLogo> {
        Self::new(STANDARD.decode(text).map_err(|_| InvalidLogo::Format)?)
    }
}

impl From<Logo> for String {
    fn from(logo: Logo) -> Self {
        STANDARD.encode(logo.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_is_a_small_picture_that_holds_no_script() {
        let png = b"\x89PNG\r\n\x1a\nrest".to_vec();
        let logo = Logo::new(png.clone()).unwrap();
        assert_eq!((logo.media_type(), logo.bytes()), ("image/png", png.as_slice()));
        let read: Logo = serde_json::from_value(serde_json::to_value(&logo).unwrap()).unwrap();
        assert_eq!(read, logo);
        assert_ne!(Logo::new(b"\x89PNG\r\n\x1a\nother".to_vec()).unwrap().version(), logo.version());
        for (bytes, media_type) in [
            (&b"\xff\xd8\xff\xe0"[..], Ok("image/jpeg")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Ok("image/webp")),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", Err(InvalidLogo::Format)),
            (b"", Err(InvalidLogo::Format)),
        ] {
            assert_eq!(Logo::new(bytes.to_vec()).map(|logo| logo.media_type()), media_type);
        }
        let long = [png, vec![0; LONGEST_LOGO_BYTES]].concat();
        assert_eq!(Logo::new(long), Err(InvalidLogo::Length));
    }
}
