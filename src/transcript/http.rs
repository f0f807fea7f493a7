//! HTTP heads and bodies as they stood on the wire: the upgrade (RFC 6455 § 4) and plain requests beside it.

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use super::Bytes;

/// A request head with its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method, as sent.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// The version, `HTTP/1.1` as a rule.
    pub version: String,
    /// Header fields in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The body, usually empty.
    #[serde(default)]
    pub body: Bytes,
}

/// A response head with its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// Header fields in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The body; empty for a 101.
    #[serde(default)]
    pub body: Bytes,
}

impl Request {
    /// Fills in the `Host` header where it was left empty.
    pub fn name_host(&mut self, host: &str) {
        for (name, value) in &mut self.headers {
            if name.eq_ignore_ascii_case("Host") && value.is_empty() {
                host.clone_into(value);
            }
        }
    }

    /// The upgrade request of RFC 6455 § 4.1 for this path and query, with this key.
    pub fn upgrade(host: &str, target: &str, key: &str) -> Self {
        let headers = [
            ("Host", host),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", "13"),
        ];
        Self {
            method: "GET".to_owned(),
            target: target.to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Bytes::default(),
        }
    }

    /// The first header field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query's pairs, percent-decoded.
    pub fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (percent_decode(name), percent_decode(value)))
            .collect()
    }

    /// True if it asks for the WebSocket protocol.
    pub fn is_upgrade(&self) -> bool {
        self.header("Upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }
}

impl Response {
    /// A response with this status, its usual reason phrase and no fields.
    pub fn new(status: u16) -> Self {
        Self { status, reason: reason(status).to_owned(), headers: Vec::new(), body: Bytes::default() }
    }

    /// The 101 that answers this upgrade (RFC 6455 § 4.2.2).
    pub fn switching(request: &Request) -> Self {
        let key = request.header("Sec-WebSocket-Key").unwrap_or_default();
        Self::new(101).with("Upgrade", "websocket").with("Connection", "Upgrade").with("Sec-WebSocket-Accept", &accept_key(key))
    }

    /// The same response with one more header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first header field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// The value of `Sec-WebSocket-Accept` for this key (RFC 6455 § 4.2.2).
pub fn accept_key(key: &str) -> String {
    let digest = Sha1::new().chain_update(key.trim()).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    data_encoding::BASE64.encode(&digest)
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn percent_decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let [first, rest @ ..] = bytes {
        let escape = match (first, rest) {
            (b'%', [high, low, ..]) => data_encoding::HEXUPPER_PERMISSIVE.decode(&[*high, *low]).ok(),
            _ => None,
        };
        decoded.push(escape.as_ref().map_or(if *first == b'+' { b' ' } else { *first }, |byte| byte[0]));
        bytes = if escape.is_some() { &rest[2..] } else { rest };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Unnamed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_that_of_the_rfc_example() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_query_is_percent_decoded_and_broken_escapes_stay() {
        let request = Request::upgrade("h", "/p?token=a%2Bb+c&x=%zz&flag", "k");
        let pairs: Vec<_> = request.query();
        assert_eq!(pairs, [("token", "a+b c"), ("x", "%zz"), ("flag", "")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!(request.path(), "/p");
    }
}
