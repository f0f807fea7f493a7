//! Steps into HTTP: the upgrade that a client sends, and what a server answers. Not what RFC 6455 says about them: that is [`super::policy`].

use indexmap::IndexMap;
use serde_json::Value;

use super::outgoing::SendError;
use crate::pack::manifest::Endpoint;
use crate::pack::scenario::{Accept, Open};
use crate::pack::template::{Scope, as_text, render, render_text};
use crate::transcript::{Bytes, Request, Response};

/// The request that opens a connection. `Host` stays empty: only the runner knows it.
pub(super) fn request(open: &Open, endpoint: &Endpoint, key: &str, scope: &mut dyn Scope) -> Result<Request, SendError> {
    let path = render_text(open.path.as_ref().unwrap_or(&endpoint.path), scope)?;
    let (query, headers) = open.fields(endpoint);
    let target = target(path, &query, scope)?;
    let mut request = Request::upgrade("", &target, key);
    if !open.upgrade {
        request.headers = vec![("Host".to_owned(), String::new()), ("Connection".to_owned(), "close".to_owned())];
    }
    replace(&mut request.headers, &headers, scope)?;
    leave_out(&mut request.headers, &open.without);
    if let Some(method) = &open.method {
        request.method.clone_from(method);
    }
    Ok(request)
}

/// The 101 that answers the request, with the fields that the step adds, replaces or leaves out.
pub(super) fn switching(accept: &Accept, request: &Request, scope: &mut dyn Scope) -> Result<Response, SendError> {
    let mut response = Response::switching(request);
    if let Some(subprotocol) = accept.subprotocol.as_ref().filter(|subprotocol| offers(request, subprotocol)) {
        put(&mut response.headers, "Sec-WebSocket-Protocol", subprotocol.clone());
    }
    replace(&mut response.headers, &accept.headers, scope)?;
    leave_out(&mut response.headers, &accept.without);
    Ok(response)
}

fn offers(request: &Request, subprotocol: &str) -> bool {
    let fields = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Protocol"));
    fields.flat_map(|(_, offered)| offered.split(',')).any(|offered| offered.trim() == subprotocol)
}

/// Any other answer. A body that is no text goes out as JSON.
pub(super) fn response(
    status: u16,
    headers: &IndexMap<String, String>,
    body: Option<&Value>,
    scope: &mut dyn Scope,
) -> Result<Response, SendError> {
    let mut response = Response::new(status);
    if let Some(body) = body {
        let body = render(body, scope)?;
        let kind = if body.is_string() { "text/plain; charset=utf-8" } else { "application/json" };
        response = response.with("Content-Type", kind);
        response.body = Bytes(as_text(&body).into_bytes());
    }
    replace(&mut response.headers, headers, scope)?;
    Ok(response)
}

fn target(path: String, query: &IndexMap<String, String>, scope: &mut dyn Scope) -> Result<String, SendError> {
    let pairs = query.iter().map(|(name, value)| Ok((render_text(name, scope)?, render_text(value, scope)?)));
    Ok(with_query(path, pairs.collect::<Result<Vec<_>, SendError>>()?))
}

/// A path with these pairs added to its query.
pub(super) fn with_query(path: String, pairs: impl IntoIterator<Item = (String, String)>) -> String {
    pairs.into_iter().fold(path, |target, (name, value)| {
        let mark = if target.contains('?') { '&' } else { '?' };
        format!("{target}{mark}{}={}", percent_encoded(&name), percent_encoded(&value))
    })
}

/// RFC 3986 § 2.3: everything but the unreserved characters.
fn percent_encoded(text: &str) -> String {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded = text.bytes().map(|byte| if is_unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    encoded.collect()
}

/// Fields of the same name are replaced where they stand, others follow.
pub(super) fn replace(
    headers: &mut Vec<(String, String)>,
    with: &IndexMap<String, String>,
    scope: &mut dyn Scope,
) -> Result<(), SendError> {
    for (name, value) in with {
        put(headers, name, render_text(value, scope)?);
    }
    Ok(())
}

/// Sets one field.
pub(super) fn put(headers: &mut Vec<(String, String)>, name: &str, value: String) {
    match headers.iter_mut().find(|(field, _)| field.eq_ignore_ascii_case(name)) {
        Some((_, old)) => *old = value,
        None => headers.push((name.to_owned(), value)),
    }
}

fn leave_out(headers: &mut Vec<(String, String)>, names: &[String]) {
    headers.retain(|(field, _)| !names.iter().any(|name| name.eq_ignore_ascii_case(field)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Token;

    impl Scope for Token {
        fn lookup(&mut self, path: &str) -> Option<Value> {
            (path == "credential.token").then(|| json!("a b&c"))
        }
    }

    fn endpoint() -> Endpoint {
        serde_json::from_value(json!({
            "path": "/ws",
            "query": {"token": "${credential.token}", "é": "1"},
            "headers": {"Authorization": "Bearer ${credential.token}"}
        }))
        .unwrap()
    }

    fn open(step: Value) -> Request {
        request(&serde_json::from_value(step).unwrap(), &endpoint(), "key", &mut Token).unwrap()
    }

    #[test]
    fn an_upgrade_is_as_the_endpoint_says() {
        let request = open(json!({}));
        assert_eq!(request.target, "/ws?token=a%20b%26c&%C3%A9=1");
        assert_eq!(request.query()[0], ("token".to_owned(), "a b&c".to_owned()));
        assert_eq!(request.header("authorization"), Some("Bearer a b&c"));
        assert_eq!(request.header("host"), Some(""));
        assert!(request.is_upgrade());
    }

    #[test]
    fn a_step_replaces_and_leaves_out() {
        let request = open(json!({
            "path": "/x?a=1", "query": {"b": "2"}, "method": "POST",
            "headers": {"authorization": "none", "X-New": "1"}, "without": ["sec-websocket-key"]
        }));
        assert_eq!((request.target.as_str(), request.method.as_str()), ("/x?a=1&b=2", "POST"));
        let names: Vec<_> = request.headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            names,
            ["Host=", "Upgrade=websocket", "Connection=Upgrade", "Sec-WebSocket-Version=13", "Authorization=none", "X-New=1"]
        );
    }

    #[test]
    fn a_plain_request_to_another_path_carries_nothing() {
        let request = open(json!({"upgrade": false, "path": "/health"}));
        assert_eq!(request.target, "/health");
        assert_eq!(request.headers, [("Host".to_owned(), String::new()), ("Connection".to_owned(), "close".to_owned())]);
        assert_eq!(open(json!({"upgrade": false})).header("Authorization"), Some("Bearer a b&c"));
    }

    #[test]
    fn a_subprotocol_is_selected_only_if_it_is_offered() {
        let accept = serde_json::from_value(json!({"subprotocol": "Bearer"})).unwrap();
        let selected = |offered: Option<&str>| {
            let mut request = Request::upgrade("h", "/", "k");
            if let Some(offered) = offered {
                put(&mut request.headers, "sec-websocket-protocol", offered.to_owned());
            }
            switching(&accept, &request, &mut Token).unwrap().header("Sec-WebSocket-Protocol").map(str::to_owned)
        };
        assert_eq!(selected(Some("chat,Bearer , secret")), Some("Bearer".to_owned()));
        assert_eq!(selected(Some("bearer, secret")), None);
        assert_eq!(selected(None), None);
    }

    #[test]
    fn answers_have_their_headers_and_bodies() {
        let refused = response(401, &IndexMap::new(), Some(&json!({"token": "${credential.token}"})), &mut Token).unwrap();
        assert_eq!(refused.header("content-type"), Some("application/json"));
        assert_eq!(refused.body, "{\"token\":\"a b&c\"}".into());
        let accept = serde_json::from_value(json!({"headers": {"X-A": "1"}, "without": ["Sec-WebSocket-Accept"]})).unwrap();
        let switched = switching(&accept, &Request::upgrade("h", "/", "k"), &mut Token).unwrap();
        assert_eq!((switched.status, switched.header("Sec-WebSocket-Accept"), switched.header("x-a")), (101, None, Some("1")));
    }
}
