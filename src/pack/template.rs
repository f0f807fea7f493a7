//! The one template language: `${root.path}` inside strings, anywhere in a JSON value.
//!
//! A string that is one placeholder and nothing else takes the value's type; elsewhere a placeholder becomes text. Placeholders nest
//! (`${shared.${frame.id}}`). `$${` stands for `${`. What is put in is never read as a template again.

use serde_json::{Map, Value};

/// Where placeholders find their values.
pub trait Scope {
    /// The value of this path, such as `frame.params.id`, or nothing.
    fn lookup(&mut self, path: &str) -> Option<Value>;
}

/// A placeholder that could not be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing has this path.
    #[error("nothing is known as `${{{0}}}`")]
    Unknown(String),
    /// A `${` without its `}`.
    #[error("`{0}` opens a placeholder and does not close it")]
    Open(String),
}

/// Fills every placeholder in the value, keys included.
pub fn render(value: &Value, scope: &mut dyn Scope) -> Result<Value, TemplateError> {
    match value {
        Value::String(text) => render_string(text, scope),
        Value::Array(items) => items.iter().map(|item| render(item, scope)).collect::<Result<_, _>>().map(Value::Array),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| Ok((render_text(key, scope)?, render(value, scope)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

/// Fills every placeholder in the text.
pub fn render_text(text: &str, scope: &mut dyn Scope) -> Result<String, TemplateError> {
    render_string(text, scope).map(|value| as_text(&value))
}

/// The paths of the placeholders in the value, outermost, for `lint`. A nested placeholder stands as `*`.
pub fn paths(value: &Value) -> Result<Vec<String>, TemplateError> {
    struct Paths(Vec<String>);
    impl Scope for Paths {
        fn lookup(&mut self, path: &str) -> Option<Value> {
            self.0.push(path.to_owned());
            Some(Value::from("*"))
        }
    }
    let mut paths = Paths(Vec::new());
    render(value, &mut paths)?;
    Ok(paths.0)
}

/// Finds a dotted path in a value. At each object the whole rest is tried as one key first, so that keys may hold dots.
pub fn descend(value: &Value, path: &str) -> Option<Value> {
    if path.is_empty() {
        return Some(value.clone());
    }
    if let Some(found) = step(value, path) {
        return Some(found.clone());
    }
    path.match_indices('.').find_map(|(dot, _)| descend(step(value, &path[..dot])?, &path[dot + 1..]))
}

fn step<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(entries) => entries.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

/// A value as it stands inside a text: strings bare, anything else as JSON.
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn render_string(text: &str, scope: &mut dyn Scope) -> Result<Value, TemplateError> {
    if !text.contains("${") {
        return Ok(Value::from(text));
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) = next_piece(rest, text, scope)?;
        pieces.push(piece);
        rest = tail;
    }
    if let [Piece::Filled(_)] = pieces.as_slice()
        && let Some(Piece::Filled(value)) = pieces.pop()
    {
        return Ok(value);
    }
    let joined = pieces.iter().map(|piece| match piece {
        Piece::Filled(value) => as_text(value),
        Piece::Bare(text) => (*text).to_owned(),
    });
    Ok(Value::String(joined.collect()))
}

enum Piece<'a> {
    Bare(&'a str),
    Filled(Value),
}

fn next_piece<'a>(rest: &'a str, whole: &str, scope: &mut dyn Scope) -> Result<(Piece<'a>, &'a str), TemplateError> {
    if let Some(tail) = rest.strip_prefix("$${") {
        return Ok((Piece::Bare(&rest[1..3]), tail));
    }
    if let Some(tail) = rest.strip_prefix("${") {
        let (path, tail) = placeholder(tail, whole, scope)?;
        let value = scope.lookup(&path).ok_or(TemplateError::Unknown(path))?;
        return Ok((Piece::Filled(value), tail));
    }
    let end = [
        rest[1..].find("$${").map(|at| at + 1),
        rest.char_indices().skip(1).find(|(at, _)| rest[*at..].starts_with("${")).map(|(at, _)| at),
    ];
    let end = end.into_iter().flatten().min().unwrap_or(rest.len());
    Ok((Piece::Bare(&rest[..end]), &rest[end..]))
}

/// Reads a path up to its `}`, filling placeholders inside it.
fn placeholder<'a>(mut rest: &'a str, whole: &str, scope: &mut dyn Scope) -> Result<(String, &'a str), TemplateError> {
    let mut path = String::new();
    loop {
        if let Some(tail) = rest.strip_prefix('}') {
            return Ok((path, tail));
        }
        if let Some(tail) = rest.strip_prefix("${") {
            let (inner, tail) = placeholder(tail, whole, scope)?;
            let value = scope.lookup(&inner).ok_or(TemplateError::Unknown(inner))?;
            path.push_str(&as_text(&value));
            rest = tail;
        } else {
            let mut characters = rest.chars();
            path.push(characters.next().ok_or_else(|| TemplateError::Open(whole.to_owned()))?);
            rest = characters.as_str();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Fixed(Value);

    impl Scope for Fixed {
        fn lookup(&mut self, path: &str) -> Option<Value> {
            descend(&self.0, path)
        }
    }

    #[track_caller]
    fn check(template: &Value, expected: &Value) {
        let mut scope = Fixed(json!({"var": {"n": 7, "id": "a.b", "evil": "${var.n}"}, "shared": {"s:a.b": [1, {"x": true}]}}));
        assert_eq!(render(template, &mut scope).as_ref(), Ok(expected));
    }

    #[test]
    fn placeholders_keep_their_type_alone_and_become_text_in_company() {
        check(&json!({"a": "${var.n}", "b": ["n=${var.n}!"]}), &json!({"a": 7, "b": ["n=7!"]}));
        check(&json!({"${var.id}": 1}), &json!({"a.b": 1}));
    }

    #[test]
    fn placeholders_nest_and_keys_may_hold_dots() {
        check(&json!("${shared.s:${var.id}}"), &json!([1, {"x": true}]));
        check(&json!("${shared.s:${var.id}.1.x}"), &json!(true));
    }

    #[test]
    fn what_is_put_in_is_not_read_again_and_the_sign_can_be_escaped() {
        check(&json!("<${var.evil}>"), &json!("<${var.n}>"));
        check(&json!("$${var.n} é $ {"), &json!("${var.n} é $ {"));
    }

    #[test]
    fn unknown_and_unclosed_placeholders_are_named() {
        let mut scope = Fixed(json!({}));
        assert_eq!(render(&json!("${no.such}"), &mut scope), Err(TemplateError::Unknown("no.such".to_owned())));
        assert_eq!(render(&json!("x${no"), &mut scope), Err(TemplateError::Open("x${no".to_owned())));
    }
}
