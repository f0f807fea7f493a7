//! HTTP bodies: by length, in chunks, or until the stream ends.
//!
//! Reads no heads, and keeps only the beginning of a body; the rest is dropped.

use super::http::Head;

/// At most this much of a body is kept. It is given out as soon as that much has come.
pub(super) const LARGEST_BODY: usize = 256 * 1024;

/// The longest line of a chunked body: a size with its extensions, or a trailer.
const LONGEST_LINE: usize = 4096;

/// A body that is arriving.
#[derive(Clone, Debug)]
pub(super) struct Body {
    kept: Vec<u8>,
    framing: Framing,
}

#[derive(Clone, Debug)]
enum Framing {
    /// This many bytes are still to come.
    Length(u64),
    /// Until the stream ends.
    End,
    Chunked(Chunked),
}

/// Where a chunked body stands (RFC 9112 § 7.1).
#[derive(Clone, Debug)]
enum Chunked {
    /// In the line with the size of the next chunk.
    Size(Vec<u8>),
    /// This many bytes of the chunk are still to come.
    Data(u64),
    /// In the line end behind a chunk.
    Gap(Vec<u8>),
    /// In a line of the trailers.
    Trailer(Vec<u8>),
}

/// What a body is after more bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More is to come.
    Partial,
    /// All there.
    Whole,
    /// As much as is kept; the rest of the stream is not worth reading.
    Full,
    /// The chunks are broken, and how.
    Broken(&'static str),
}

impl Body {
    /// The body that follows this head; `None` if none does.
    pub(super) fn after(head: &Head) -> Option<Self> {
        let framing = match head {
            Head::Response(response) if matches!(response.status, 100..=199 | 204 | 304) => None,
            Head::Response(_) => Some(declared(head).unwrap_or(Framing::End)),
            Head::Request(_) => declared(head),
        };
        let framing = framing.filter(|framing| !matches!(framing, Framing::Length(0)));
        framing.map(|framing| Self { kept: Vec::new(), framing })
    }

    /// Consumes bytes until the body is complete, or to their end if it is not.
    pub(super) fn push(&mut self, input: &mut &[u8]) -> Progress {
        loop {
            let progress = self.step(input);
            match progress {
                Some(progress) => return progress,
                None if self.kept.len() >= LARGEST_BODY => return Progress::Full,
                None if input.is_empty() => return Progress::Partial,
                None => {}
            }
        }
    }

    /// Bytes of it that are kept.
    pub(super) fn held(&self) -> usize {
        self.kept.len()
    }

    /// What has come of it.
    pub(super) fn into_kept(self) -> Vec<u8> {
        self.kept
    }

    fn step(&mut self, input: &mut &[u8]) -> Option<Progress> {
        match &mut self.framing {
            Framing::End => {
                take(&mut self.kept, input, u64::MAX);
                None
            }
            Framing::Length(missing) => {
                *missing -= take(&mut self.kept, input, *missing);
                (*missing == 0).then_some(Progress::Whole)
            }
            Framing::Chunked(chunked) => chunked.step(&mut self.kept, input),
        }
    }
}

impl Chunked {
    fn step(&mut self, kept: &mut Vec<u8>, input: &mut &[u8]) -> Option<Progress> {
        if let Self::Data(missing) = self {
            *missing -= take(kept, input, *missing);
            if *missing == 0 {
                *self = Self::Gap(Vec::new());
            }
            return None;
        }
        let (Self::Size(line) | Self::Gap(line) | Self::Trailer(line)) = self else { return None };
        if !take_line(line, input) {
            return (line.len() > LONGEST_LINE).then_some(Progress::Broken("a line of the chunked body is too long"));
        }
        let line = std::mem::take(line);
        self.end_line(line.trim_ascii())
    }

    fn end_line(&mut self, line: &[u8]) -> Option<Progress> {
        *self = match self {
            Self::Size(_) => match chunk_size(line) {
                None => return Some(Progress::Broken("a chunk of the body has no size")),
                Some(0) => Self::Trailer(Vec::new()),
                Some(size) => Self::Data(size),
            },
            Self::Gap(_) if !line.is_empty() => return Some(Progress::Broken("a chunk of the body is longer than its size")),
            Self::Trailer(_) if line.is_empty() => return Some(Progress::Whole),
            Self::Trailer(_) => Self::Trailer(Vec::new()),
            Self::Gap(_) | Self::Data(_) => Self::Size(Vec::new()),
        };
        None
    }
}

fn declared(head: &Head) -> Option<Framing> {
    let field = |name: &str| head.headers().iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    if field("Transfer-Encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked")) {
        return Some(Framing::Chunked(Chunked::Size(Vec::new())));
    }
    field("Content-Length").and_then(|value| value.trim().parse().ok()).map(Framing::Length)
}

fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Moves up to `most` bytes and says how many.
fn take(kept: &mut Vec<u8>, input: &mut &[u8], most: u64) -> u64 {
    let room = LARGEST_BODY.saturating_sub(kept.len());
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(room);
    let (taken, rest) = input.split_at(most.min(input.len()));
    kept.extend_from_slice(taken);
    *input = rest;
    taken.len() as u64
}

/// Moves bytes up to a line end; true if it came.
fn take_line(line: &mut Vec<u8>, input: &mut &[u8]) -> bool {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (taken, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
    line.extend_from_slice(taken);
    *input = rest;
    end.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Response;

    fn check(name: &str, value: &str, sent: &str, expected: &(&str, Progress, &str)) {
        let head = Head::Response(Response::new(404).with(name, value));
        for size in [1, 2, 3, 1000] {
            let mut body = Body::after(&head).unwrap();
            let mut progress = Progress::Partial;
            let mut left = Vec::new();
            for mut piece in sent.as_bytes().chunks(size) {
                if progress == Progress::Partial {
                    progress = body.push(&mut piece);
                }
                left.extend_from_slice(piece);
            }
            let seen = (std::str::from_utf8(&body.kept).unwrap(), progress, std::str::from_utf8(&left).unwrap());
            assert_eq!(&seen, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn a_body_ends_where_its_head_says() {
        check("Content-Length", "5", "helloREST", &("hello", Progress::Whole, "REST"));
        check("Content-Length", "9", "hello", &("hello", Progress::Partial, ""));
        check("Transfer-Encoding", "chunked", "3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\nREST", &("hello", Progress::Whole, "REST"));
        check("Server", "x", "hello", &("hello", Progress::Partial, ""));
    }

    #[test]
    fn broken_chunks_are_named() {
        let broken = |sent: &str| {
            let head = Head::Response(Response::new(200).with("Transfer-Encoding", "chunked"));
            Body::after(&head).unwrap().push(&mut sent.as_bytes())
        };
        assert!(matches!(broken("xyz\r\n"), Progress::Broken(_)));
        assert!(matches!(broken("1\r\nab\r\n"), Progress::Broken(_)));
        assert!(matches!(broken(&"1".repeat(9000)), Progress::Broken(_)));
    }

    #[test]
    fn a_huge_body_is_given_when_the_kept_part_is_full() {
        let mut body = Body::after(&Head::Response(Response::new(200))).unwrap();
        let flood = vec![b'x'; LARGEST_BODY + 10];
        assert_eq!(body.push(&mut &flood[..]), Progress::Full);
        assert_eq!(body.into_kept().len(), LARGEST_BODY);
    }

    #[test]
    fn a_101_and_a_request_without_length_have_no_body() {
        assert!(Body::after(&Head::Response(Response::new(101).with("Content-Length", "5"))).is_none());
        assert!(Body::after(&Head::Request(crate::transcript::Request::upgrade("h", "/", "k"))).is_none());
    }
}
