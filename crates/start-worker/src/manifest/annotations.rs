//! What a job's annotations ask for.
//!
//! The rules are those of the predecessor's parser, odd ones included, since jobs are written for it.

use serde_json::{Map, Value};

/// The annotations that executors understand, by their short names.
#[derive(Debug, Clone, Copy)]
pub struct Annotations<'a>(&'a Map<String, Value>);

const NAMES: &[&str] = &[
    "cpu",
    "ram",
    "disk",
    "diskSpeed",
    "timeout",
    "executor",
    "buildPeriodically",
    "repoManifest",
    "dockerEnabled",
    "dockerCpu",
    "dockerRam",
    "rootlessBuildkitEnabled",
    "buildkitCpu",
    "buildkitRam",
    "nodeLabel",
    "terminationGracePeriodSeconds",
];

// === impl Annotations ===

impl<'a> Annotations<'a> {
    /// All annotations of a job; others than ours are passed over.
    pub const fn new(annotations: &'a Map<String, Value>) -> Self {
        Self(annotations)
    }

    /// The value of `screwdriver.cd/<name>` or `beta.screwdriver.cd/<name>`, whichever stands later.
    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        let mut given = self.0.iter().filter(|(key, _)| short_name(key) == Some(name));
        given.next_back().map(|(_, value)| value)
    }

    /// A text that is not empty.
    pub(crate) fn text(self, name: &str) -> Option<&'a str> {
        self.get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// A number, or a text that is one; 0 and anything else counts as not given.
    pub(super) fn number(self, name: &str) -> Option<f64> {
        let value = self.get(name)?;
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
        Some(number).filter(|number| number.is_finite() && *number != 0.0)
    }

    /// Whether the value is the boolean `true`; the text `"true"` is not.
    pub(super) fn is_true(self, name: &str) -> bool {
        self.get(name) == Some(&Value::Bool(true))
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
    NAMES.contains(&name).then_some(name)
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
            (json!({ "betascrewdriver.cd/cpu": 1 }), None),
            (json!({ "alpha.screwdriver.cd/cpu": 1 }), None),
            (json!({ "cpu": 1 }), None),
            (json!({ "screwdriver.cd/cpu/": 1 }), None),
            (
                json!({ "screwdriver.cd/cpu": 1, "beta.screwdriver.cd/cpu": 2 }),
                Some(json!(2)),
            ),
            (
                json!({ "beta.screwdriver.cd/cpu": 2, "screwdriver.cd/cpu": 1 }),
                Some(json!(1)),
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
    fn numbers_may_be_text_and_zero_is_not_given() {
        let cases = [
            (json!(30), Some(30.0)),
            (json!("30"), Some(30.0)),
            (json!(1.5), Some(1.5)),
            (json!(-1), Some(-1.0)),
            (json!(0), None),
            (json!("soon"), None),
            (json!("NaN"), None),
            (json!(null), None),
            (json!([30]), None),
        ];
        for (value, expected) in cases {
            let annotations = json!({ "screwdriver.cd/timeout": value });
            assert_eq!(
                Annotations::new(annotations.as_object().unwrap()).number("timeout"),
                expected,
                "{value}"
            );
        }
    }
}
