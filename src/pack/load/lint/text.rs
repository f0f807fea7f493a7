//! Texts with a form of their own: JSON Pointers, ids, hex, regular expressions, and the operators of trees.

use regex::Regex;
use serde_json::Value;

use super::Lint;
use super::place::Place;
use crate::pack::load::nearest::nearest;
use crate::pack::matcher::OPERATORS;

/// True for a text that is only known when its placeholders are filled.
pub(super) fn is_dynamic(text: &str) -> bool {
    text.contains("${")
}

/// Why this is no JSON Pointer (RFC 6901), if it is none.
pub(super) fn pointer_mistake(pointer: &str) -> Option<&'static str> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Some("a pointer begins with `/`, or is empty");
    }
    let escapes = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    (!escapes).then_some("`~` is written `~0`, and `/` in a key `~1`")
}

/// True for a name of lower-case letters, digits and these signs.
pub(super) fn is_plain(name: &str, signs: &[char]) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || signs.contains(&c))
}

/// True for bytes in hex, blanks allowed.
pub(super) fn is_hex(text: &str) -> bool {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits.len().is_multiple_of(2) && digits.iter().all(char::is_ascii_hexdigit)
}

/// Operators that nobody knows, operators beside keys, and arguments that no operator can use.
pub(super) fn check_tree(lint: &mut Lint<'_>, place: &Place<'_>, tree: &Value) {
    match tree {
        Value::Array(items) => {
            for (place, item) in place.items(items) {
                check_tree(lint, &place, item);
            }
        }
        Value::Object(entries) => {
            let operators = entries.keys().filter(|key| key.starts_with('$') && !is_dynamic(key)).count();
            if operators > 0 && operators < entries.len() {
                lint.wrong(place, "a tree has operators or keys, not both", "some of these keys begin with `$`");
            }
            for (key, argument) in entries {
                let place = place.key(key);
                if key.starts_with('$') && !is_dynamic(key) {
                    check_operator(lint, &place, key, argument);
                } else {
                    check_tree(lint, &place, argument);
                }
            }
        }
        _ => {}
    }
}

fn check_operator(lint: &mut Lint<'_>, place: &Place<'_>, operator: &str, argument: &Value) {
    let dynamic = argument.as_str().is_some_and(is_dynamic);
    match operator {
        _ if !OPERATORS.contains(&operator) => {
            let mistake = place.name().mistake(format!("unknown operator `{operator}`"), "no such operator");
            let guess = nearest(operator, OPERATORS).map(|guess| format!("did you mean `{guess}`?"));
            lint.mistakes.push(mistake.help(guess.unwrap_or_else(|| format!("the operators: {}", OPERATORS.join(", ")))));
        }
        _ if dynamic => {}
        "$regex" => match argument.as_str().map(Regex::new) {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                lint.wrong(place, "this regular expression does not compile", error.to_string().lines().last().unwrap_or_default());
            }
            None => lint.wrong(place, "`$regex` takes a text", "no text"),
        },
        "$present" if !argument.is_boolean() => lint.wrong(place, "`$present` takes true or false", "neither"),
        "$min" | "$max" if !argument.is_number() => lint.wrong(place, format!("`{operator}` takes a number"), "no number"),
        "$in" | "$any" | "$all" if !argument.is_array() => lint.wrong(place, format!("`{operator}` takes a list"), "no list"),
        "$type" => {
            let types = argument.as_array().map_or(std::slice::from_ref(argument), Vec::as_slice);
            for name in types {
                let names = ["object", "array", "string", "integer", "number", "boolean", "null"];
                lint.known(place, "type", name.as_str().unwrap_or("null without quotes"), names);
            }
        }
        "$length" | "$contains" | "$each" | "$json" | "$not" | "$any" | "$all" => check_tree(lint, place, argument),
        _ => {}
    }
}
