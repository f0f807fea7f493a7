//! The smallest change to an example that makes it fit a tree.

use serde_json::{Value, json};

use super::constraint::remove;
use crate::pack::fault::{Change, Put, Select, Set, Unset};
use crate::pack::matcher::fits;
use crate::pack::pattern::Names;

/// One change to a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    /// Remove what stands here.
    Unset(String),
    /// Put this where something stands.
    Put(String, Value),
    /// Merge this in.
    Merge(Value),
}

impl Edit {
    /// The example with this change.
    pub(super) fn apply(&self, example: &Value) -> Value {
        let mut value = example.clone();
        match self {
            Self::Unset(at) => remove(&mut value, at),
            Self::Put(at, new) => {
                if let Some(place) = value.pointer_mut(at) {
                    place.clone_from(new);
                }
            }
            Self::Merge(tree) => merge(&mut value, tree),
        }
        value
    }

    /// The fault that makes it in every frame of this name.
    pub(super) fn change(self, frame: &str) -> Change {
        let of = Select { is: Names(vec![frame.to_owned()]), tree: None, nth: None, connection: None };
        match self {
            Self::Unset(at) => Change::Unset(Unset { of, at }),
            Self::Put(at, value) => Change::Put(Put { of, at, value }),
            Self::Merge(tree) => Change::Set(Set { of, tree }),
        }
    }
}

/// A change that makes the example fit the tree, if a single one does.
pub(super) fn edit(tree: &Value, example: &Value) -> Option<Edit> {
    let mut candidates = Vec::new();
    collect(tree, "", &mut candidates);
    candidates.into_iter().find(|edit| fits(tree, &edit.apply(example)))
}

/// For each operator of the tree, what would make a value fit it.
fn collect(tree: &Value, at: &str, candidates: &mut Vec<Edit>) {
    let Value::Object(keys) = tree else {
        return candidates.push(Edit::Merge(nested(at, tree.clone())));
    };
    for (key, argument) in keys {
        let put = |value: Value| [Edit::Put(at.to_owned(), value.clone()), Edit::Merge(nested(at, value))];
        match key.as_str() {
            "$present" if argument == &json!(false) => candidates.push(Edit::Unset(at.to_owned())),
            "$present" => candidates.extend(put(json!("framegate"))),
            "$in" => candidates.extend(argument.get(0).cloned().into_iter().flat_map(put)),
            "$equals" => candidates.extend(put(argument.clone())),
            "$type" => candidates.extend(
                [json!({"framegate": 1}), json!(["framegate"]), json!("framegate"), json!(7), json!(true), Value::Null]
                    .into_iter()
                    .flat_map(put),
            ),
            "$length" | "$regex" | "$contains" => candidates.extend(["", "framegate"].into_iter().map(|text| json!(text)).flat_map(put)),
            "$min" | "$max" => candidates.extend([argument.clone()].into_iter().flat_map(put)),
            "$not" => {
                candidates.extend([json!("framegate-other"), json!(987_654), json!("")].into_iter().flat_map(put));
                candidates.push(Edit::Unset(at.to_owned()));
            }
            "$any" | "$all" => argument.as_array().into_iter().flatten().for_each(|tree| collect(tree, at, candidates)),
            _ => collect(argument, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), candidates),
        }
    }
}

/// The value inside as many objects as the pointer has steps.
fn nested(at: &str, value: Value) -> Value {
    let steps = at.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    steps.collect::<Vec<_>>().into_iter().rev().fold(value, |inner, step| json!({ step: inner }))
}

fn merge(into: &mut Value, tree: &Value) {
    match (into, tree) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, tree) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), tree);
            }
        }
        (into, tree) => into.clone_from(tree),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tree: &Value, expected: &Value) {
        let example = json!({"ok": true, "error": {"code": "A"}, "list": []});
        let bent = edit(tree, &example).map(|edit| edit.apply(&example));
        assert_eq!(bent.as_ref(), Some(expected));
    }

    #[test]
    fn one_change_makes_an_example_fit() {
        check(&json!({"error": {"code": {"$present": false}}}), &json!({"ok": true, "error": {}, "list": []}));
        check(&json!({"ok": false}), &json!({"ok": false, "error": {"code": "A"}, "list": []}));
        check(
            &json!({"error": {"code": {"$not": {"$in": ["A", "B"]}}}}),
            &json!({"ok": true, "error": {"code": "framegate-other"}, "list": []}),
        );
        check(&json!({"payload": {"$present": true}}), &json!({"ok": true, "error": {"code": "A"}, "list": [], "payload": "framegate"}));
    }
}
