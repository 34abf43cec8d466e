//! Shapes of JSON: what a script may rely on, in a notation of our own.
//!
//! A shape is JSON itself. A text names a type: `string`, `integer`, `number`, `bool`, `hex`, `time` (RFC 3339, UTC),
//! `=a|b` (one of these texts); with `?` at its end the value may be null. `[shape]` is a list of such values, and
//! `[null, shape]` one such value or null. An object has exactly the keys that its shape has; a key that ends in `?` may
//! be missing.

use serde_json::{Map, Value};

/// Every way in which a value differs from a shape; nothing, if it fits.
pub fn shape_faults(shape: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    compare("", shape, value, &mut faults);
    faults
}

/// Fails the test unless the value has the shape.
#[track_caller]
pub fn assert_shape(shape: &Value, value: &Value) {
    let faults = shape_faults(shape, value);
    assert!(faults.is_empty(), "{}\nin {value}", faults.join("\n"));
}

fn compare(at: &str, shape: &Value, value: &Value, faults: &mut Vec<String>) {
    match (shape, value) {
        (Value::Object(shape), Value::Object(value)) => compare_keys(at, shape, value, faults),
        (Value::Array(shape), value) if shape.len() == 2 => {
            if !value.is_null() {
                compare(at, &shape[1], value, faults);
            }
        }
        (Value::Array(shape), Value::Array(values)) => {
            let [shape] = shape.as_slice() else { panic!("{at}: a list has one shape") };
            for (index, value) in values.iter().enumerate() {
                compare(&format!("{at}[{index}]"), shape, value, faults);
            }
        }
        (Value::String(kind), value) => {
            if !is(kind, value) {
                faults.push(format!("{at}: {value} is no `{kind}`"));
            }
        }
        (shape, value) => faults.push(format!("{at}: {value} has not the shape {shape}")),
    }
}

fn compare_keys(at: &str, shape: &Map<String, Value>, value: &Map<String, Value>, faults: &mut Vec<String>) {
    for (key, shape) in shape {
        let name = key.trim_end_matches('?');
        match value.get(name) {
            Some(value) => compare(&format!("{at}.{name}"), shape, value, faults),
            None if name != key => {}
            None => faults.push(format!("{at}.{name}: missing")),
        }
    }
    for key in value.keys() {
        if !shape.contains_key(key) && !shape.contains_key(&format!("{key}?")) {
            faults.push(format!("{at}.{key}: unknown"));
        }
    }
}

fn is(kind: &str, value: &Value) -> bool {
    if let Some(kind) = kind.strip_suffix('?') {
        return value.is_null() || is(kind, value);
    }
    let text = value.as_str();
    match kind {
        "string" => text.is_some(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "bool" => value.is_boolean(),
        "hex" => text.is_some_and(|text| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
        }),
        "time" => text.is_some_and(is_time),
        _ => {
            let choices = kind.strip_prefix('=').unwrap_or_else(|| panic!("no such type: `{kind}`"));
            text.is_some_and(|text| choices.split('|').any(|choice| choice == text))
        }
    }
}

/// `2026-11-24T21:14:59Z`, with or without parts of a second.
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else { return false };
    let fraction = rest.strip_suffix('Z');
    fraction.is_some_and(|part| {
        part.is_empty() || part.strip_prefix('.').is_some_and(|digits| !digits.is_empty())
    })
}
