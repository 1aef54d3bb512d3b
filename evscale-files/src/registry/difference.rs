//! What differs between two JSON objects, entry by entry.

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// An entry that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The keys on the way to the entry, joined by dots.
    pub entry: String,
    /// In the first; null if it has none.
    pub before: Value,
    /// In the second; null if it has none.
    pub after: Value,
}

/// What differs between two versions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Of their cards.
    pub card: Vec<Change>,
    /// Of their manifests.
    pub manifest: Vec<Change>,
}

/// Returns the entries that differ, in the order of their names. Lists are compared as a whole.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    collect("", before, after, &mut found);
    found
}

fn collect(entry: &str, before: &Value, after: &Value, found: &mut Vec<Change>) {
    let none = Map::new();
    let (old, new) = match (before, after) {
        (Value::Object(old), Value::Object(new)) => (old, new),
        (Value::Object(old), Value::Null) => (old, &none),
        (Value::Null, Value::Object(new)) => (&none, new),
        (old, new) if old == new => return,
        (old, new) => {
            found.push(Change { entry: entry.to_owned(), before: old.clone(), after: new.clone() });
            return;
        }
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let inner = if entry.is_empty() { key.clone() } else { format!("{entry}.{key}") };
        let absent = Value::Null;
        collect(&inner, old.get(key).unwrap_or(&absent), new.get(key).unwrap_or(&absent), found);
    }
}
