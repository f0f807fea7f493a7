//! JSON Pointers that write: setting and removing what one names. Reading is `serde_json`'s own.

use serde_json::Value;

/// The pointer to this member of what another one names.
pub(super) fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Puts a value there; where an object lacks the last key, the key is added. False if nothing can stand there.
pub(super) fn set(value: &mut Value, at: &str, new: Value) -> bool {
    if let Some(place) = value.pointer_mut(at) {
        *place = new;
        return true;
    }
    let Some((parent, key)) = at.rsplit_once('/') else { return false };
    match value.pointer_mut(parent) {
        Some(Value::Object(entries)) => entries.insert(unescaped(key), new).is_none(),
        _ => false,
    }
}

/// Takes a member away. False if there is none.
pub(super) fn unset(value: &mut Value, at: &str) -> bool {
    let Some((parent, key)) = at.rsplit_once('/') else { return false };
    match value.pointer_mut(parent) {
        Some(Value::Object(entries)) => entries.shift_remove(&unescaped(key)).is_some(),
        Some(Value::Array(items)) => {
            let index = key.parse().ok().filter(|index: &usize| *index < items.len());
            index.map(|index| items.remove(index)).is_some()
        }
        _ => false,
    }
}

/// Every leaf with its pointer, in order.
pub(super) fn leaves(value: &Value) -> Vec<(String, &Value)> {
    fn visit<'v>(value: &'v Value, at: &str, found: &mut Vec<(String, &'v Value)>) {
        match value {
            Value::Object(entries) => entries.iter().for_each(|(name, value)| visit(value, &below(at, name), found)),
            Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| visit(value, &format!("{at}/{index}"), found)),
            leaf => found.push((at.to_owned(), leaf)),
        }
    }
    let mut found = Vec::new();
    visit(value, "", &mut found);
    found
}

fn unescaped(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_set_added_and_removed_where_the_pointer_leads() {
        let mut value = json!({"a": {"b/c": 1}, "d": [1, 2]});
        assert!(set(&mut value, "/a/b~1c", json!(2)) && set(&mut value, "/a/e", json!(3)) && unset(&mut value, "/d/0"));
        assert_eq!(value, json!({"a": {"b/c": 2, "e": 3}, "d": [2]}));
        assert!(!set(&mut value, "/no/where", json!(0)) && !unset(&mut value, "/d/9") && !unset(&mut value, ""));
        assert_eq!(leaves(&value).into_iter().map(|(at, _)| at).collect::<Vec<_>>(), ["/a/b~1c", "/a/e", "/d/0"]);
    }
}
