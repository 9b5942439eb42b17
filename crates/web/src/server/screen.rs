//! The bytes of HTTP/1 requests on their way to hyper, which forgives two things that RFC 9112 does not: a fragment in a request's target
//! (section 3.2), which it drops, and white space behind a chunk's size (section 7.1). Such a byte is made one that hyper refuses. Where a
//! request ends is hyper's to say: this follows it, changes nothing else, and where a request is malformed in another way, changes nothing
//! any more, because hyper ends such a connection.

/// No method, target or chunk's size has such a byte.
const REFUSED: u8 = 0;
const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";

/// Where the requests of one connection have come to.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    at: At,
    head: Head,
}

/// What is known of a head so far.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    length: u64,
    /// Nobody can say where its body ends.
    bad_length: bool,
    chunked: bool,
}

#[derive(Debug, Clone, Copy)]
enum At {
    Method {
        empty: bool,
    },
    Target,
    /// So many bytes into the name; whether it can be one of the two that say where a body ends.
    Name {
        read: usize,
        length: bool,
        encoding: bool,
    },
    Length {
        digits: bool,
        ended: bool,
    },
    Value,
    Body(u64),
    SizeStart,
    Size(u64),
    SizeBlank(u64),
    Extension(u64),
    SizeLf(u64),
    Chunk(u64),
    ChunkCr,
    ChunkLf,
    Trailer {
        empty: bool,
    },
    TrailerLf {
        empty: bool,
    },
    Lost,
}

impl At {
    const REQUEST: Self = Self::Method { empty: true };
    const LINE: Self = Self::Name { read: 0, length: true, encoding: true };
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self { at: At::REQUEST, head: Head::default() }
    }

    /// Looks at what was just received, in the order it was.
    pub(crate) fn pass(&mut self, mut bytes: &mut [u8]) {
        while let Some((first, rest)) = bytes.split_first_mut() {
            match self.at {
                At::Lost => return,
                At::Body(left) | At::Chunk(left) => {
                    let some = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len() + 1);
                    let left = left - some as u64;
                    self.at = match self.at {
                        At::Chunk(_) if left > 0 => At::Chunk(left),
                        At::Chunk(_) => At::ChunkCr,
                        _ if left > 0 => At::Body(left),
                        _ => At::REQUEST,
                    };
                    bytes = rest.get_mut(some - 1..).unwrap_or_default();
                }
                at => {
                    self.at = self.after(at, first);
                    bytes = rest;
                }
            }
        }
    }

    fn after(&mut self, at: At, byte: &mut u8) -> At {
        match (at, *byte) {
            (At::Method { empty: true }, b'\r' | b'\n') => at,
            (At::Method { .. }, b' ') => At::Target,
            (At::Method { .. }, b'\n') => At::LINE,
            (At::Method { .. }, _) => At::Method { empty: false },
            (At::Target, b'\n') => {
                self.head = Head::default();
                At::LINE
            }
            (At::Target, b'#') => {
                *byte = REFUSED;
                At::Lost
            }
            (At::Target, _) => at,
            (At::Name { .. } | At::Length { .. } | At::Value, _) => self.in_a_line(at, *byte),
            (At::SizeBlank(_), b'\r') => {
                *byte = REFUSED;
                At::Lost
            }
            _ => after_in_chunks(at, *byte),
        }
    }

    fn in_a_line(&mut self, at: At, byte: u8) -> At {
        match (at, byte) {
            // An empty line ends the head.
            (At::Name { read: 0, .. }, b'\r') => at,
            (At::Name { read: 0, .. }, b'\n') => self.head.body(),
            (At::Name { .. }, b'\n') => At::LINE,
            (At::Name { read, length, .. }, b':') if length && read == CONTENT_LENGTH.len() => {
                self.head.length = 0;
                At::Length { digits: false, ended: false }
            }
            (At::Name { read, encoding, .. }, b':') => {
                self.head.chunked |= encoding && read == TRANSFER_ENCODING.len();
                At::Value
            }
            (At::Name { read, length, encoding }, _) => {
                let is = |name: &[u8]| name.get(read).is_some_and(|known| known.eq_ignore_ascii_case(&byte));
                At::Name {
                    read: read + 1,
                    length: length && is(CONTENT_LENGTH),
                    encoding: encoding && is(TRANSFER_ENCODING),
                }
            }
            (At::Length { digits, .. }, b'\n') => {
                self.head.bad_length |= !digits;
                At::LINE
            }
            (At::Length { digits, .. }, b' ' | b'\t' | b'\r') => At::Length { digits, ended: digits },
            (At::Length { ended: false, .. }, b'0'..=b'9') => {
                let longer = self.head.length.checked_mul(10);
                let longer = longer.and_then(|length| length.checked_add(u64::from(byte - b'0')));
                self.head.bad_length |= longer.is_none();
                self.head.length = longer.unwrap_or_default();
                At::Length { digits: true, ended: false }
            }
            (At::Length { .. }, _) => {
                self.head.bad_length = true;
                At::Value
            }
            (_, b'\n') => At::LINE,
            _ => at,
        }
    }
}

impl Head {
    /// What follows it (RFC 9112 section 6.3).
    fn body(self) -> At {
        match self {
            Self { chunked: true, .. } => At::SizeStart,
            Self { bad_length: true, .. } => At::Lost,
            Self { length: 0, .. } => At::REQUEST,
            Self { length, .. } => At::Body(length),
        }
    }
}

/// RFC 9112 section 7.1, as hyper reads it.
fn after_in_chunks(at: At, byte: u8) -> At {
    match (at, byte) {
        (At::SizeStart, _) => sized(0, byte),
        (At::Size(size) | At::SizeBlank(size), b';') => At::Extension(size),
        (At::Size(size) | At::SizeBlank(size), b' ' | b'\t') => At::SizeBlank(size),
        (At::Size(size) | At::Extension(size), b'\r') => At::SizeLf(size),
        (At::Size(size), _) => sized(size, byte),
        (At::Extension(_), b'\n') => At::Lost,
        (At::Extension(_), _) => at,
        (At::SizeLf(0), b'\n') => At::Trailer { empty: true },
        (At::SizeLf(size), b'\n') => At::Chunk(size),
        (At::ChunkCr, b'\r') => At::ChunkLf,
        (At::ChunkLf, b'\n') => At::SizeStart,
        (At::Trailer { empty }, b'\r') => At::TrailerLf { empty },
        (At::Trailer { .. }, _) => At::Trailer { empty: false },
        (At::TrailerLf { empty: true }, b'\n') => At::REQUEST,
        (At::TrailerLf { empty: false }, b'\n') => At::Trailer { empty: true },
        _ => At::Lost,
    }
}

fn sized(size: u64, digit: u8) -> At {
    let digit = char::from(digit).to_digit(16);
    let more = digit.and_then(|digit| size.checked_mul(16)?.checked_add(u64::from(digit)));
    more.map_or(At::Lost, At::Size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What comes out, received in parts of this size.
    fn passed(text: &str, part: usize) -> String {
        let mut screen = Screen::new();
        let mut bytes = text.as_bytes().to_vec();
        bytes.chunks_mut(part).for_each(|part| screen.pass(part));
        String::from_utf8(bytes).expect("text")
    }

    #[track_caller]
    fn changed(text: &str, into: &str) {
        for part in 1..=text.len() {
            assert_eq!(passed(text, part), into, "in parts of {part}");
        }
    }

    const GET: &str = "GET /a HTTP/1.1\r\nHost: a#b\r\n\r\n";
    const POST: &str = "POST /a HTTP/1.1\r\nContent-Length:  9 \r\nHost: a\r\n\r\nA #b=c# 1";
    const CHUNKED: &str = "POST /a HTTP/1.1\r\nTRANSFER-encoding: Chunked\r\nContent-Length: x\r\n\r\n3\r\n#\r\n\r\n5 ; a=b #\r\n1 \r\n2\r\n0\r\nX: #\r\n\r\n";
    const BARE: &str = "\r\n\nGET / HTTP/1.1\nHost: a\n\n";

    #[test]
    fn rfc9112_3_2_a_fragment_is_refused_in_any_request_of_a_connection() {
        for before in ["", GET, POST, CHUNKED, BARE] {
            let good = format!("{before}{GET}");
            changed(&good, &good);
            changed(
                &format!("{before}GET /a#b HTTP/1.1\r\n\r\n"),
                &format!("{before}GET /a\0b HTTP/1.1\r\n\r\n"),
            );
        }
    }

    #[test]
    fn rfc9112_7_1_white_space_behind_a_chunks_size_is_refused() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (chunks, into) in [
            ("5 \r\nhello\r\n0\r\n\r\n", "5 \0\nhello\r\n0\r\n\r\n"),
            ("5\t \r\nhello\r\n0\r\n\r\n", "5\t \0\nhello\r\n0\r\n\r\n"),
            ("5\r\nhello\r\n0 \r\n\r\n", "5\r\nhello\r\n0 \0\n\r\n"),
        ] {
            changed(&format!("{POST}{head}{chunks}"), &format!("{POST}{head}{into}"));
        }
    }

    #[test]
    fn what_is_malformed_is_left_to_hyper() {
        for text in [
            "POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\nGET /#",
            "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nGET /#",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nGET /#",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;\n \r\nGET /#",
        ] {
            changed(text, text);
        }
    }

    proptest! {
        #[test]
        fn well_formed_requests_pass_untouched_however_they_arrive(
            which in prop::collection::vec(0..4_usize, 1..6), part in 1..64_usize,
        ) {
            let text: String = which.iter().map(|at| [GET, POST, CHUNKED, BARE][*at]).collect();
            prop_assert_eq!(passed(&text, part), text);
        }

        #[test]
        fn any_bytes_pass_without_a_panic(text in "(GET |/|#|\r\n|\n|Content-Length: [0-9]{1,3}|Transfer-Encoding: chunked|[0-9a-f] ?|;|:|x){0,24}", part in 1..16_usize) {
            let out = passed(&text, part);
            prop_assert_eq!(out.len(), text.len());
        }
    }
}
