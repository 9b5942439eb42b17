//! As much DER (X.690) as it takes to find a certificate's subject and its alternative names, and to write a public key down. Knows tags and lengths, no meaning.
//! Strict: no indefinite lengths, no length in more bytes than it needs, no tag beyond 30.

/// One value: its tag and its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
}

pub(crate) const OID: u8 = 0x06;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// A constructed, context-specific tag.
pub(crate) const fn explicit(number: u8) -> u8 {
    0xa0 | number
}

/// A primitive, context-specific tag.
pub(crate) const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// A value with this content, of less than 64 KiB.
pub(crate) fn value(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let length: &[u8] = match (high, low) {
        (0, 0..=0x7f) => &[low],
        (0, _) => &[0x81, low],
        _ => &[0x82, high, low],
    };
    [&[tag], length, &content].concat()
}

/// Values one after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// The next value.
    pub(crate) fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = bytes.iter().fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
                let needed = if length < 0x80 {
                    return None;
                } else {
                    (usize::BITS - length.leading_zeros()).div_ceil(8)
                };
                if needed != u32::from(first & 0x7f) {
                    return None;
                }
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Element { tag, content })
    }

    /// The next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<Self> {
        self.next().filter(|element| element.tag == tag).map(|element| Self(element.content))
    }

    /// The next value if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Self> {
        let mut ahead = *self;
        let found = ahead.expect(tag)?;
        *self = ahead;
        Some(found)
    }

    /// What is left, as it is.
    pub(crate) fn content(&self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x690_10_1_lengths_have_one_spelling() {
        let long = [&[0x04, 0x81, 0x80][..], &[7; 0x80]].concat();
        let element = Reader::new(&long).next().unwrap();
        assert_eq!((element.tag, element.content.len()), (OCTET_STRING, 0x80));
        for bad in [
            &[][..],
            &[0x04],
            &[0x04, 2, 1],
            &[0x04, 0x80, 0, 0],
            &[0x04, 0x81, 1, 1],
            &[0x04, 0x82, 0, 1, 1],
            &[0x04, 0x84, 0, 0, 0, 1, 1],
            &[0x1f, 0x81, 1, 1],
        ] {
            assert_eq!(Reader::new(bad).next(), None, "{bad:02x?}");
        }
    }
}
