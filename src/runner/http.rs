//! HTTP/1.1 heads as bytes, written as they are told and read with httparse.
//!
//! No client and no server: redirects, keep-alive and caching are nobody's business here. Bodies are read in `body`.

use std::fmt::Write as _;

use crate::transcript::{Bytes, Request, Response, Role};

/// A head is at most this long; what is longer is garbage.
pub(super) const LONGEST_HEAD: usize = 64 * 1024;

/// A head has at most this many header fields.
const MOST_FIELDS: usize = 256;

/// A request as bytes, as it is.
pub fn encode_request(request: &Request) -> Vec<u8> {
    let start = format!("{} {} {}", request.method, request.target, request.version);
    encode(start, &request.headers, &request.body)
}

/// A response as bytes, as it is. The version is HTTP/1.1.
pub fn encode_response(response: &Response) -> Vec<u8> {
    let start = format!("HTTP/1.1 {:03} {}", response.status, response.reason);
    encode(start, &response.headers, &response.body)
}

fn encode(start: String, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut head = start + "\r\n";
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Head {
    Request(Request),
    Response(Response),
}

impl Head {
    pub(super) fn headers(&self) -> &[(String, String)] {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    pub(super) fn body_mut(&mut self) -> &mut Bytes {
        match self {
            Self::Request(request) => &mut request.body,
            Self::Response(response) => &mut response.body,
        }
    }
}

/// What bytes are, seen as the beginning of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// More bytes are wanted.
    Partial,
    /// A head of this many bytes.
    Whole(Head, usize),
    /// No head, and why.
    Broken(String),
}

/// Reads the head that this side sends.
pub(super) fn parse(from: Role, bytes: &[u8]) -> Parsed {
    let parsed = match from {
        Role::Client => parse_request(bytes),
        Role::Server => parse_response(bytes),
    };
    match parsed {
        Ok(Some((_, length))) if length > LONGEST_HEAD => too_long(),
        Ok(Some((head, length))) => Parsed::Whole(head, length),
        Ok(None) if bytes.len() > LONGEST_HEAD => too_long(),
        Ok(None) => Parsed::Partial,
        Err(error) => Parsed::Broken(format!("not HTTP: {error}")),
    }
}

fn too_long() -> Parsed {
    Parsed::Broken(format!("an HTTP head of more than {LONGEST_HEAD} bytes"))
}

fn parse_request(bytes: &[u8]) -> Result<Option<(Head, usize)>, httparse::Error> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = parsed.parse(bytes)? else { return Ok(None) };
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        version: format!("HTTP/1.{}", parsed.version.unwrap_or_default()),
        headers: owned(parsed.headers),
        body: Bytes::default(),
    };
    Ok(Some((Head::Request(request), length)))
}

fn parse_response(bytes: &[u8]) -> Result<Option<(Head, usize)>, httparse::Error> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = parsed.parse(bytes)? else { return Ok(None) };
    let response = Response {
        status: parsed.code.unwrap_or_default(),
        reason: parsed.reason.unwrap_or_default().to_owned(),
        headers: owned(parsed.headers),
        body: Bytes::default(),
    };
    Ok(Some((Head::Response(response), length)))
}

fn owned(fields: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    fields.iter().map(|field| (field.name.to_owned(), String::from_utf8_lossy(field.value).into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_were_written() {
        let request = Request::upgrade("h:1", "/ws?a=b", "key");
        let bytes = encode_request(&request);
        assert_eq!(parse(Role::Client, &bytes), Parsed::Whole(Head::Request(request), bytes.len()));
        let response = Response::new(404).with("Content-Length", "0");
        let bytes = encode_response(&response);
        assert_eq!(parse(Role::Server, &bytes), Parsed::Whole(Head::Response(response), bytes.len()));
    }

    #[test]
    fn a_head_that_is_no_http_or_too_long_is_broken() {
        assert!(matches!(parse(Role::Server, b"SSH-2.0-x\r\n"), Parsed::Broken(_)));
        assert!(matches!(parse(Role::Client, b"\x81\x85abc"), Parsed::Broken(_)));
        let endless = format!("GET /{} ", "x".repeat(LONGEST_HEAD));
        assert!(matches!(parse(Role::Client, endless.as_bytes()), Parsed::Broken(_)));
        assert_eq!(parse(Role::Client, b"GET / HT"), Parsed::Partial);
    }
}
