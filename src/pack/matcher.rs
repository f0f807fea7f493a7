//! The one matcher: does a JSON value fit a tree?
//!
//! A tree is JSON. An object fits an object that has at least its keys, each fitting; an array fits an array of the same length, item by
//! item; anything else fits what is equal. An object whose keys begin with `$` is a set of operators that must all hold:
//!
//! | operator | fits |
//! |---|---|
//! | `$present: true` / `false` | anything that is there / nothing |
//! | `$type: string` | that type, or one of a list: `object array string integer number boolean null` |
//! | `$in: [a, b]` | one of these values |
//! | `$equals: value` | exactly this value, with no more keys than it has |
//! | `$regex: text` | a string that the regular expression finds itself in |
//! | `$min: n`, `$max: n` | a number in these bounds, ends included |
//! | `$length: tree` | a string, array or object whose length (characters, items, keys) fits |
//! | `$contains: tree` | an array with an item that fits; a string that has this text |
//! | `$each: tree` | an array of which every item fits |
//! | `$json: tree` | a string that holds JSON that fits |
//! | `$not: tree` | what does not fit, missing values too |
//! | `$any: [trees]`, `$all: [trees]` | one of them, all of them |

use std::cell::RefCell;
use std::collections::HashMap;

use regex::Regex;
use serde_json::{Map, Value};

/// The operators, for `lint`.
pub const OPERATORS: [&str; 14] =
    ["$present", "$type", "$in", "$equals", "$regex", "$min", "$max", "$length", "$contains", "$each", "$json", "$not", "$any", "$all"];

/// Where and why a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// JSON Pointer into the value.
    pub at: String,
    /// What the tree asks for there.
    pub expected: String,
    /// What stands there.
    pub actual: String,
}

/// True if the value fits the tree.
pub fn fits(tree: &Value, value: &Value) -> bool {
    check(tree, Some(value), &mut String::new()).is_ok()
}

/// Says where and why the value does not fit the tree.
pub fn explain(tree: &Value, value: &Value) -> Result<(), Mismatch> {
    check(tree, Some(value), &mut String::new())
}

/// A value in at most `limit` characters, for findings.
pub fn brief(value: &Value, limit: usize) -> String {
    let text = value.to_string();
    if text.chars().count() <= limit {
        return text;
    }
    let head: String = text.chars().take(limit).collect();
    format!("{head}… ({} bytes)", text.len())
}

fn check(tree: &Value, value: Option<&Value>, at: &mut String) -> Result<(), Mismatch> {
    match (tree, value) {
        (Value::Object(operators), _) if is_operators(operators) => {
            operators.iter().try_for_each(|(operator, argument)| operate(operator, argument, value, at))
        }
        (Value::Object(keys), Some(Value::Object(found))) => {
            keys.iter().try_for_each(|(key, tree)| below(at, key, |at| check(tree, found.get(key), at)))
        }
        (Value::Array(items), Some(Value::Array(found))) if items.len() == found.len() => items
            .iter()
            .zip(found)
            .enumerate()
            .try_for_each(|(index, (tree, value))| below(at, &index.to_string(), |at| check(tree, Some(value), at))),
        (_, Some(found)) if equal(tree, found) => Ok(()),
        _ => Err(mismatch(at, brief(tree, 120), value)),
    }
}

fn is_operators(map: &Map<String, Value>) -> bool {
    map.keys().next().is_some_and(|key| OPERATORS.contains(&key.as_str()))
}

/// Equality in which `1` is `1.0`.
fn equal(a: &Value, b: &Value) -> bool {
    a == b || matches!((a, b), (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64())
}

fn below(at: &mut String, key: &str, then: impl FnOnce(&mut String) -> Result<(), Mismatch>) -> Result<(), Mismatch> {
    let length = at.len();
    at.push('/');
    at.push_str(&key.replace('~', "~0").replace('/', "~1"));
    let result = then(at);
    at.truncate(length);
    result
}

fn mismatch(at: &str, expected: String, value: Option<&Value>) -> Mismatch {
    Mismatch { at: at.to_owned(), expected, actual: value.map_or("nothing".to_owned(), |value| brief(value, 120)) }
}

fn operate(operator: &str, argument: &Value, value: Option<&Value>, at: &mut String) -> Result<(), Mismatch> {
    let holds = match (operator, value) {
        ("$present", _) => value.is_some() == argument.as_bool().unwrap_or(true),
        ("$not", None) => true,
        ("$not", Some(_)) => check(argument, value, &mut at.clone()).is_err(),
        ("$any", _) => items(argument).iter().any(|tree| check(tree, value, &mut at.clone()).is_ok()),
        ("$all", _) => return items(argument).iter().try_for_each(|tree| check(tree, value, at)),
        ("$type", Some(value)) => match argument {
            Value::Array(types) => types.iter().any(|name| is_type(name, value)),
            name => is_type(name, value),
        },
        ("$in", Some(value)) => items(argument).iter().any(|item| equal(item, value)),
        ("$equals", Some(value)) => argument == value,
        ("$regex", Some(Value::String(text))) => argument.as_str().is_some_and(|pattern| finds(pattern, text)),
        ("$min", Some(Value::Number(number))) => number.as_f64() >= argument.as_f64(),
        ("$max", Some(Value::Number(number))) => number.as_f64() <= argument.as_f64(),
        ("$length", Some(value)) => length(value).is_some_and(|length| fits(argument, &Value::from(length))),
        ("$contains", Some(Value::Array(found))) => found.iter().any(|item| fits(argument, item)),
        ("$contains", Some(Value::String(text))) => argument.as_str().is_some_and(|part| text.contains(part)),
        ("$each", Some(Value::Array(found))) => found.iter().all(|item| fits(argument, item)),
        ("$json", Some(Value::String(text))) => serde_json::from_str(text).is_ok_and(|value| fits(argument, &value)),
        _ => false,
    };
    if holds { Ok(()) } else { Err(mismatch(at, format!("{operator} {}", brief(argument, 120)), value)) }
}

fn items(argument: &Value) -> &[Value] {
    argument.as_array().map_or(std::slice::from_ref(argument), Vec::as_slice)
}

fn is_type(name: &Value, value: &Value) -> bool {
    match (name.as_str().unwrap_or_default(), value) {
        ("object", Value::Object(_))
        | ("array", Value::Array(_))
        | ("string", Value::String(_))
        | ("number", Value::Number(_))
        | ("boolean", Value::Bool(_))
        | ("null", Value::Null) => true,
        ("integer", Value::Number(number)) => number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|n| n.fract() == 0.0),
        _ => false,
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(keys) => Some(keys.len()),
        _ => None,
    }
}

/// Compiled once a thread: patterns come from packs, which are few.
fn finds(pattern: &str, text: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        let regex = compiled.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok());
        regex.as_ref().is_some_and(|regex| regex.is_match(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check_tree(tree: &Value, fitting: &[Value], unfitting: &[Value]) {
        for value in fitting {
            assert_eq!(explain(tree, value), Ok(()), "{tree} should fit {value}");
        }
        for value in unfitting {
            assert!(!fits(tree, value), "{tree} should not fit {value}");
        }
    }

    #[test]
    fn trees_match_in_part_and_say_where_they_do_not() {
        check_tree(
            &json!({"a": {"b": 1}}),
            &[json!({"a": {"b": 1, "c": 2}, "d": 0}), json!({"a": {"b": 1.0}})],
            &[json!({"a": {}}), json!([])],
        );
        check_tree(&json!(["x", {"$type": "integer"}]), &[json!(["x", 2])], &[json!(["x"]), json!(["x", "y"])]);
        let mismatch = explain(&json!({"a": {"b/c": 1}}), &json!({"a": {"b/c": 2}})).unwrap_err();
        assert_eq!(mismatch, Mismatch { at: "/a/b~1c".to_owned(), expected: "1".to_owned(), actual: "2".to_owned() });
    }

    #[test]
    fn every_operator_fits_some_values_and_not_others() {
        check_tree(&json!({"a": {"$present": false}}), &[json!({})], &[json!({"a": null})]);
        check_tree(&json!({"a": {"$present": true}}), &[json!({"a": null})], &[json!({})]);
        check_tree(&json!({"$type": ["string", "null"]}), &[json!("x"), json!(null)], &[json!(1)]);
        check_tree(&json!({"$in": [1, "a"]}), &[json!(1), json!("a")], &[json!(2)]);
        check_tree(&json!({"$equals": {"a": 1}}), &[json!({"a": 1})], &[json!({"a": 1, "b": 2})]);
        check_tree(&json!({"$regex": "^a+$"}), &[json!("aa")], &[json!("ab"), json!(1)]);
        check_tree(&json!({"$min": 1, "$max": 3}), &[json!(1), json!(3)], &[json!(0), json!(4), json!("2")]);
        check_tree(&json!({"$length": {"$min": 1}}), &[json!("a"), json!([0])], &[json!(""), json!({}), json!(5)]);
        check_tree(&json!({"$contains": "b"}), &[json!("abc"), json!(["b"])], &[json!("ac"), json!(["a"])]);
        check_tree(&json!({"$each": {"$type": "string"}}), &[json!([]), json!(["a"])], &[json!([1])]);
        check_tree(&json!({"$json": {"a": 1}}), &[json!("{\"a\":1}")], &[json!("{"), json!({"a": 1})]);
        check_tree(&json!({"a": {"$not": 1}}), &[json!({"a": 2}), json!({})], &[json!({"a": 1})]);
        check_tree(&json!({"$any": [1, 2]}), &[json!(2)], &[json!(3)]);
        check_tree(&json!({"$all": [{"$min": 1}, {"$max": 2}]}), &[json!(2)], &[json!(3)]);
    }
}
