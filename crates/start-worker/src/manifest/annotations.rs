//! What a job's annotations say, value by value.
//!
//! The rules are those of the predecessor's parser, odd ones included, since jobs are written for it.
//! Whether a value can be followed is judged in [`super::wishes`].

use common::job::{ANNOTATIONS, text_of};
use serde_json::{Map, Value};

/// The annotations of a job, by the short names of [`ANNOTATIONS`].
#[derive(Debug, Clone, Copy)]
pub struct Annotations<'a>(&'a Map<String, Value>);

// === impl Annotations ===

impl<'a> Annotations<'a> {
    /// All annotations of a job; others than ours are passed over.
    pub const fn new(annotations: &'a Map<String, Value>) -> Self {
        Self(annotations)
    }

    /// The value of `screwdriver.cd/<name>` or `beta.screwdriver.cd/<name>`, whichever stands later; null
    /// is none.
    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        let mut given = self.0.iter().filter(|(key, _)| short_name(key) == Some(name));
        let (_, value) = given.next_back()?;
        Some(value).filter(|value| !value.is_null())
    }
}

fn short_name(key: &str) -> Option<&str> {
    // The dot of the predecessor's `^beta.` stands for any character.
    let without_beta = key.strip_prefix("beta").map(|rest| {
        let mut characters = rest.chars();
        characters.next();
        characters.as_str()
    });
    let name = without_beta.unwrap_or(key).strip_prefix("screwdriver.cd/")?;
    ANNOTATIONS.contains(&name).then_some(name)
}

/// A value as the number that the predecessor's language makes of it: texts count, in decimal, hexadecimal,
/// octal and binary, and lists of one; not a number is `NaN`. `None` for what counts as not given: 0, false, an empty text.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => None,
        Value::Bool(given) => given.then_some(1.0),
        Value::Number(number) => number.as_f64().filter(|number| *number != 0.0),
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(number_in(text.trim()).unwrap_or(f64::NAN)),
        Value::Array(_) | Value::Object(_) => Some(number_in(text_of(value).trim()).unwrap_or(f64::NAN)),
    }
}

fn number_in(text: &str) -> Option<f64> {
    if let Some((radix, digits)) = [(16, ["0x", "0X"]), (8, ["0o", "0O"]), (2, ["0b", "0B"])]
        .iter()
        .find_map(|(radix, marks)| Some((*radix, marks.iter().find_map(|mark| text.strip_prefix(mark))?)))
    {
        let signed = digits.starts_with(['+', '-']);
        let number = u32::from_str_radix(digits, radix).ok().filter(|_| !signed);
        return number.map(f64::from);
    }
    match text {
        "" => Some(0.0),
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // The words that Rust reads as numbers are none there.
        _ if text.contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E')) => None,
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_prefixes_count_and_the_later_one_wins() {
        let cases = [
            (json!({ "screwdriver.cd/cpu": 1 }), Some(json!(1))),
            (json!({ "beta.screwdriver.cd/cpu": 1 }), Some(json!(1))),
            (json!({ "beta-screwdriver.cd/cpu": 1 }), Some(json!(1))),
            (json!({ "betaéscrewdriver.cd/cpu": 1 }), Some(json!(1))),
            (json!({ "betascrewdriver.cd/cpu": 1 }), None),
            (json!({ "beta..screwdriver.cd/cpu": 1 }), None),
            (json!({ "beta.beta.screwdriver.cd/cpu": 1 }), None),
            (json!({ "alpha.screwdriver.cd/cpu": 1 }), None),
            (json!({ "cpu": 1 }), None),
            (json!({ "beta": 1 }), None),
            (json!({ "screwdriver.cd/cpu/": 1 }), None),
            (json!({ "screwdriver.cd/CPU": 1 }), None),
            (json!({ "screwdriver.cd/cpu": null }), None),
            (
                json!({ "screwdriver.cd/cpu": 1, "beta.screwdriver.cd/cpu": 2 }),
                Some(json!(2)),
            ),
            (
                json!({ "beta.screwdriver.cd/cpu": 2, "screwdriver.cd/cpu": 1 }),
                Some(json!(1)),
            ),
            (
                json!({ "screwdriver.cd/cpu": 1, "beta.screwdriver.cd/cpu": null }),
                None,
            ),
        ];
        for (annotations, expected) in cases {
            let found = Annotations::new(annotations.as_object().unwrap())
                .get("cpu")
                .cloned();
            assert_eq!(found, expected, "{annotations}");
        }
    }

    #[test]
    fn numbers_are_read_as_the_predecessor_reads_them() {
        let cases = [
            (json!(30), Some(30.0)),
            (json!(1.5), Some(1.5)),
            (json!(-1), Some(-1.0)),
            (json!(0), None),
            (json!(0.0), None),
            (json!("30"), Some(30.0)),
            (json!(" 30\n"), Some(30.0)),
            (json!("+30"), Some(30.0)),
            (json!(".5"), Some(0.5)),
            (json!("3."), Some(3.0)),
            (json!("3e1"), Some(30.0)),
            (json!("0x1e"), Some(30.0)),
            (json!("0b11"), Some(3.0)),
            (json!("0O17"), Some(15.0)),
            (json!("0"), Some(0.0)),
            (json!("  "), Some(0.0)),
            (json!("Infinity"), Some(f64::INFINITY)),
            (json!("-Infinity"), Some(f64::NEG_INFINITY)),
            (json!(true), Some(1.0)),
            (json!([]), Some(0.0)),
            (json!([30]), Some(30.0)),
            (json!([["30"]]), Some(30.0)),
            (json!([null]), Some(0.0)),
            (json!(false), None),
            (json!(""), None),
            (json!(null), None),
        ];
        for (value, expected) in cases {
            assert_eq!(number(&value), expected, "{value}");
        }
        for value in [
            json!("soon"),
            json!("30m"),
            json!("NaN"),
            json!("inf"),
            json!("infinity"),
            json!("0x"),
            json!("0x+1"),
            json!("-0x1"),
            json!("1 2"),
            json!([1, 2]),
            json!([true]),
            json!([{}]),
            json!({}),
        ] {
            assert!(number(&value).is_some_and(f64::is_nan), "{value}");
        }
    }
}
