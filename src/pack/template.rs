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
    Renderer { scope, keeps_unknown: false }.value(value)
}

/// Fills every placeholder in the text.
pub fn render_text(text: &str, scope: &mut dyn Scope) -> Result<String, TemplateError> {
    Renderer { scope, keeps_unknown: false }.string(text).map(|value| as_text(&value))
}

/// Fills the placeholders that the scope knows and keeps the others, so that the result is a template still.
pub fn render_known(value: &Value, scope: &mut dyn Scope) -> Result<Value, TemplateError> {
    Renderer { scope, keeps_unknown: true }.value(value)
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

struct Renderer<'s> {
    scope: &'s mut dyn Scope,
    keeps_unknown: bool,
}

enum Piece<'a> {
    Bare(&'a str),
    Filled(Value),
}

impl Renderer<'_> {
    fn value(&mut self, value: &Value) -> Result<Value, TemplateError> {
        match value {
            Value::String(text) => self.string(text),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect::<Result<_, _>>().map(Value::Array),
            Value::Object(entries) => entries
                .iter()
                .map(|(key, value)| Ok((as_text(&self.string(key)?), self.value(value)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
            other => Ok(other.clone()),
        }
    }

    fn string(&mut self, text: &str) -> Result<Value, TemplateError> {
        if !text.contains("${") {
            return Ok(Value::from(text));
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, tail) = self.next_piece(rest, text)?;
            pieces.push(piece);
            rest = tail;
        }
        if let [Piece::Filled(value)] = pieces.as_mut_slice() {
            return Ok(value.take());
        }
        let joined = pieces.iter().map(|piece| match piece {
            Piece::Filled(value) => as_text(value),
            Piece::Bare(text) => (*text).to_owned(),
        });
        Ok(Value::String(joined.collect()))
    }

    fn next_piece<'a>(&mut self, rest: &'a str, whole: &str) -> Result<(Piece<'a>, &'a str), TemplateError> {
        if let Some(tail) = rest.strip_prefix("$${") {
            let bare = if self.keeps_unknown { &rest[..3] } else { &rest[1..3] };
            return Ok((Piece::Bare(bare), tail));
        }
        if let Some(tail) = rest.strip_prefix("${") {
            let (path, tail) = self.path(tail, whole)?;
            return Ok((Piece::Filled(self.lookup(path)?), tail));
        }
        let is_start = |at: &usize| rest[*at..].starts_with("${") || rest[*at..].starts_with("$${");
        let end = rest.char_indices().map(|(at, _)| at).skip(1).find(is_start).unwrap_or(rest.len());
        Ok((Piece::Bare(&rest[..end]), &rest[end..]))
    }

    /// Reads a path up to its `}`, filling placeholders inside it.
    fn path<'a>(&mut self, mut rest: &'a str, whole: &str) -> Result<(String, &'a str), TemplateError> {
        let mut path = String::new();
        loop {
            if let Some(tail) = rest.strip_prefix('}') {
                return Ok((path, tail));
            }
            if let Some(tail) = rest.strip_prefix("${") {
                let (inner, tail) = self.path(tail, whole)?;
                path.push_str(&as_text(&self.lookup(inner)?));
                rest = tail;
            } else {
                let mut characters = rest.chars();
                path.push(characters.next().ok_or_else(|| TemplateError::Open(whole.to_owned()))?);
                rest = characters.as_str();
            }
        }
    }

    fn lookup(&mut self, path: String) -> Result<Value, TemplateError> {
        match self.scope.lookup(&path) {
            Some(value) if self.keeps_unknown => Ok(escape(value)),
            Some(value) => Ok(value),
            None if self.keeps_unknown => Ok(Value::from(format!("${{{path}}}"))),
            None => Err(TemplateError::Unknown(path)),
        }
    }
}

/// The template that renders to this value.
fn escape(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("${", "$${")),
        Value::Array(items) => items.into_iter().map(escape).collect(),
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (key.replace("${", "$${"), escape(value))).collect(),
        other => other,
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
    fn what_is_known_can_be_filled_first_and_the_rest_later() {
        let template = json!({"a": "${row.x} ${saved.${row.x}} ${saved.y}", "b": "$${row.x}", "c": "${row.evil}"});
        let mut rows = Fixed(json!({"row": {"x": "k", "evil": "${saved.k}"}}));
        let half = render_known(&template, &mut rows).unwrap();
        assert_eq!(half, json!({"a": "k ${saved.k} ${saved.y}", "b": "$${row.x}", "c": "$${saved.k}"}));
        let mut saved = Fixed(json!({"saved": {"k": 1, "y": 2}}));
        assert_eq!(render(&half, &mut saved), Ok(json!({"a": "k 1 2", "b": "${row.x}", "c": "${saved.k}"})));
    }

    #[test]
    fn unknown_and_unclosed_placeholders_are_named() {
        let mut scope = Fixed(json!({}));
        assert_eq!(render(&json!("${no.such}"), &mut scope), Err(TemplateError::Unknown("no.such".to_owned())));
        assert_eq!(render(&json!("x${no"), &mut scope), Err(TemplateError::Open("x${no".to_owned())));
    }
}
